//! [`Hdf5File`] by the HDF Group's C library, through `hdf5-metno`: a path in, datasets and their bytes out.
//!
//! The library knows every filter that is installed beside it, and runs one call at a time.

#![allow(
    unsafe_code,
    reason = "the bindings have no safe calls for types that are known only when a file is read"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::Display;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ::hdf5::types::{FixedAscii, FixedUnicode, FloatSize, TypeDescriptor};
use ::hdf5::{Dataspace, Datatype, H5Type, Hyperslab, LocationType, SliceOrIndex};
use hdf5_sys::h5a::H5Aread;
use hdf5_sys::h5d::{H5Dread, H5Dvlen_reclaim};
use hdf5_sys::h5p::H5P_DEFAULT;
use hdf5_sys::h5r::{H5R_OBJECT, H5Rget_name};
use hdf5_sys::h5t::hvl_t;

use super::{
    Attribute, Element, Hdf5Dataset, Hdf5File, Member, Members, Number, NumberClass, NumberType, Reason,
    Scalar, StoredBytes, scale_names, selected_within,
};
use crate::text_encoding::decoded;

/// Longest fixed string of an attribute that is read.
const ATTRIBUTE_TEXT: usize = 4096;

/// A file read by the C library.
pub struct LibFile(::hdf5::File);

impl LibFile {
    /// Opens a file for reading.
    pub fn open(path: &Path) -> Result<Self, Reason> {
        ::hdf5::File::open(path).map(Self).map_err(reason)
    }
}

/// The library's message as one line.
fn reason(error: impl Display) -> Reason {
    error.to_string().replace('\n', "; ")
}

impl Hdf5File for LibFile {
    fn dataset(&self, path: &str) -> Result<Option<Arc<dyn Hdf5Dataset>>, Reason> {
        let path = path.trim_matches('/');
        // The library's own answer to a missing group on the way is an error.
        let mut prefix = String::new();
        for part in path.split('/') {
            if !prefix.is_empty() {
                prefix.push('/');
            }
            prefix.push_str(part);
            if !self.0.link_exists(&prefix) {
                return Ok(None);
            }
        }
        if self.0.loc_type_by_name(path).map_err(reason)? != LocationType::Dataset {
            return Ok(None);
        }
        let dataset = self.0.dataset(path).map_err(reason)?;
        let datatype = dataset.dtype().map_err(reason)?;
        let (element, memory) = match datatype.to_descriptor() {
            Ok(descriptor) => {
                let element = element(&descriptor)?;
                let memory = Datatype::from_descriptor(&descriptor).map_err(reason)?;
                (element, memory)
            }
            Err(error) => (Element::Scalar(Scalar::Other(reason(error))), datatype),
        };
        Ok(Some(Arc::new(LibDataset {
            shape: dataset.shape().into_iter().map(|length| length as u64).collect(),
            chunk: dataset
                .chunk()
                .map(|chunk| chunk.into_iter().map(|length| (length as u64).max(1)).collect()),
            dataset,
            element,
            memory,
        })))
    }

    fn members(&self, group: &str) -> Result<Members, Reason> {
        let group = self.0.group(group).map_err(reason)?;
        let mut members = Members::default();
        for name in group.member_names().map_err(reason)? {
            match group.loc_type_by_name(&name) {
                Ok(LocationType::Group) => members.groups.push(name),
                Ok(LocationType::Dataset) => members.datasets.push(name),
                _ => {}
            }
        }
        members.groups.sort();
        members.datasets.sort();
        Ok(members)
    }

    fn attribute(&self, group: &str, name: &str) -> Result<Option<Attribute>, Reason> {
        let group = self.0.group(group).map_err(reason)?;
        attribute_of(&group, name)
    }
}

struct LibDataset {
    dataset: ::hdf5::Dataset,
    element: Element,
    /// The element's type in this machine's byte order, members where the file has them.
    memory: Datatype,
    shape: Vec<u64>,
    chunk: Option<Vec<u64>>,
}

impl Hdf5Dataset for LibDataset {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn element(&self) -> &Element {
        &self.element
    }

    fn chunk(&self) -> Option<&[u64]> {
        self.chunk.as_deref()
    }

    fn obstacle(&self) -> Option<(Reason, String)> {
        None
    }

    fn dimensions(&self) -> Vec<Option<String>> {
        scale_names(self, &self.dataset.name(), self.listed_dimensions())
    }

    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason> {
        attribute_of(&self.dataset, name)
    }

    fn read(&self, ranges: &[Range<u64>]) -> Result<StoredBytes, Reason> {
        let size = self.element.size();
        if size == 0 || size != self.memory.size() {
            return Err("its type cannot be read as bytes".into());
        }
        let (file_space, memory_space, elements) = self.select(ranges)?;
        let mut bytes = vec![0_u8; elements.checked_mul(size).ok_or("too many rows at once")?];
        let buffer = bytes.as_mut_ptr();
        let status = ::hdf5::sync::sync(|| {
            // SAFETY: the buffer holds `elements` elements of the memory type's size, which was compared
            // with `size` above; that type has no pointers in it, since variable-length types have
            // no size here; all ids live as long as this call.
            unsafe {
                H5Dread(
                    self.dataset.id(),
                    self.memory.id(),
                    memory_space.id(),
                    file_space.id(),
                    H5P_DEFAULT,
                    buffer.cast(),
                )
            }
        });
        if status < 0 {
            return Err("the HDF5 library cannot read it (damaged, or a filter that is not installed)".into());
        }
        Ok(StoredBytes::Owned(bytes))
    }

    fn read_strings(&self, ranges: &[Range<u64>]) -> Result<Vec<String>, Reason> {
        if self.element != Element::Scalar(Scalar::VariableText) {
            return Err("it holds no strings of variable length".into());
        }
        let (file_space, memory_space, elements) = self.select(ranges)?;
        let datatype = self.dataset.dtype().map_err(reason)?;
        variable_texts(&datatype, &memory_space, elements, |buffer| {
            // SAFETY: the buffer holds one pointer for each selected element; the ids live as long as this call.
            unsafe {
                H5Dread(
                    self.dataset.id(),
                    datatype.id(),
                    memory_space.id(),
                    file_space.id(),
                    H5P_DEFAULT,
                    buffer,
                )
            }
        })
    }
}

impl LibDataset {
    /// The ranges in the file, as many elements in memory, and their number.
    fn select(&self, ranges: &[Range<u64>]) -> Result<(Dataspace, Dataspace, usize), Reason> {
        let elements = selected_within(&self.shape, ranges)?;
        let space = self.dataset.space().map_err(reason)?;
        if ranges.is_empty() {
            return Ok((space.copy(), space, elements));
        }
        let slices = ranges.iter().map(|range| SliceOrIndex::from(range.start as usize..range.end as usize));
        let file_space = space.select(Hyperslab::from(slices.collect::<Vec<_>>())).map_err(reason)?;
        if file_space.selection_size() != elements {
            return Err(format!("elements {ranges:?} lie beyond the dataset"));
        }
        Ok((file_space, Dataspace::try_new(elements).map_err(reason)?, elements))
    }

    /// Names of the dimension scales that `DIMENSION_LIST` refers to, the first of each dimension.
    fn listed_dimensions(&self) -> Vec<Option<String>> {
        let listed = self.dataset.attr("DIMENSION_LIST");
        let opened = listed.and_then(|list| Ok((list.dtype()?, list.space()?, list)));
        let Ok((datatype, space, list)) = opened else { return Vec::new() };
        let count = list.size();
        if count != self.shape.len() || datatype.size() != size_of::<hvl_t>() {
            return Vec::new();
        }
        let mut lists: Vec<hvl_t> = (0..count).map(|_| hvl_t { len: 0, p: std::ptr::null_mut() }).collect();
        let buffer: *mut c_void = lists.as_mut_ptr().cast();
        ::hdf5::sync::sync(|| {
            // SAFETY: the buffer holds one list of references for each element of the attribute, and
            // is given back to the library with the type and space that it was read with.
            unsafe {
                if H5Aread(list.id(), datatype.id(), buffer) < 0 {
                    return Vec::new();
                }
                let names =
                    lists.iter().map(|list| if list.len == 0 { None } else { self.object_name(list.p) });
                let names = names.collect();
                H5Dvlen_reclaim(datatype.id(), space.id(), H5P_DEFAULT, buffer);
                names
            }
        })
    }

    /// Last part of the path of the object that a reference points to.
    fn object_name(&self, reference: *const c_void) -> Option<String> {
        let mut name = [0_u8; 1024];
        // SAFETY: the reference lies in a list that the library has filled, and the buffer is as
        // long as it says; a longer name is cut short.
        let length = unsafe {
            H5Rget_name(self.dataset.id(), H5R_OBJECT, reference, name.as_mut_ptr().cast(), name.len())
        };
        let length = usize::try_from(length).ok().filter(|length| (1..name.len()).contains(length))?;
        let path = std::str::from_utf8(name.get(..length)?).ok()?;
        path.rsplit('/').next().map(Into::into)
    }
}

/// The attribute of a dataset or group.
fn attribute_of(location: &::hdf5::Location, name: &str) -> Result<Option<Attribute>, Reason> {
    if !location.attr_names().map_err(reason)?.iter().any(|known| known == name) {
        return Ok(None);
    }
    let attribute = location.attr(name).map_err(reason)?;
    let descriptor = attribute.dtype().and_then(|datatype| datatype.to_descriptor());
    let Ok(descriptor) = descriptor else { return Ok(Some(Attribute::Other)) };
    if attribute.size() == 0 {
        return Ok(Some(Attribute::Other));
    }
    read_attribute(&attribute, &descriptor).map(Some).map_err(reason)
}

/// Strings that the library allocates, through a buffer of `count` pointers that `read` fills.
///
/// The file's own type is the memory type: writers differ in the base type of such strings, and
/// the library has no conversion between those.
fn variable_texts(
    datatype: &Datatype,
    space: &Dataspace,
    count: usize,
    read: impl FnOnce(*mut c_void) -> c_int,
) -> Result<Vec<String>, Reason> {
    if datatype.size() != size_of::<*mut c_char>() {
        return Err("its strings are not pointers in memory".into());
    }
    let mut pointers: Vec<*mut c_char> = vec![std::ptr::null_mut(); count];
    let buffer: *mut c_void = pointers.as_mut_ptr().cast();
    ::hdf5::sync::sync(|| {
        if read(buffer) < 0 {
            return Err("the HDF5 library cannot read its strings".into());
        }
        let texts = pointers
            .iter()
            .map(|&pointer| {
                if pointer.is_null() {
                    return Ok(String::new());
                }
                // SAFETY: a pointer that is not null is a string that the library ended with a zero.
                let text = unsafe { CStr::from_ptr(pointer) };
                Ok(decoded(text.to_bytes()).into_owned())
            })
            .collect();
        // SAFETY: type, space and buffer are those that the strings were read with.
        let freed = unsafe { H5Dvlen_reclaim(datatype.id(), space.id(), H5P_DEFAULT, buffer) };
        if freed < 0 { Err("the HDF5 library cannot free its strings".into()) } else { texts }
    })
}

fn numbers<T: H5Type + Copy>(
    attribute: &::hdf5::Attribute,
    number: impl Fn(T) -> Number,
) -> Result<Attribute, ::hdf5::Error> {
    Ok(Attribute::Numbers(attribute.read_raw::<T>()?.into_iter().map(number).collect()))
}

fn text<T: H5Type + AsRef<str>>(attribute: &::hdf5::Attribute) -> Result<Attribute, ::hdf5::Error> {
    let texts = attribute.read_raw::<T>()?;
    Ok(texts.first().map_or(Attribute::Other, |text| Attribute::Text(text.as_ref().to_owned())))
}

fn read_attribute(
    attribute: &::hdf5::Attribute,
    descriptor: &TypeDescriptor,
) -> Result<Attribute, ::hdf5::Error> {
    let variable = || -> Result<Attribute, ::hdf5::Error> {
        let (datatype, space) = (attribute.dtype()?, attribute.space()?);
        let texts = variable_texts(&datatype, &space, attribute.size(), |buffer| {
            // SAFETY: the buffer holds one pointer for each element of the attribute.
            unsafe { H5Aread(attribute.id(), datatype.id(), buffer) }
        })?;
        Ok(texts.into_iter().next().map_or(Attribute::Other, Attribute::Text))
    };
    match descriptor {
        TypeDescriptor::Integer(_) => numbers(attribute, |v: i64| Number::Int(v.into())),
        TypeDescriptor::Unsigned(_) => numbers(attribute, |v: u64| Number::Int(v.into())),
        TypeDescriptor::Float(FloatSize::U4) => numbers(attribute, Number::F32),
        TypeDescriptor::Float(_) => numbers(attribute, Number::F64),
        TypeDescriptor::VarLenUnicode | TypeDescriptor::VarLenAscii => variable(),
        TypeDescriptor::FixedAscii(..=ATTRIBUTE_TEXT) => text::<FixedAscii<ATTRIBUTE_TEXT>>(attribute),
        TypeDescriptor::FixedUnicode(..=ATTRIBUTE_TEXT) => text::<FixedUnicode<ATTRIBUTE_TEXT>>(attribute),
        _ => Ok(Attribute::Other),
    }
}

fn element(descriptor: &TypeDescriptor) -> Result<Element, Reason> {
    let TypeDescriptor::Compound(compound) = descriptor else {
        return Ok(Element::Scalar(scalar(descriptor)));
    };
    let members = compound
        .fields
        .iter()
        .map(|field| {
            let (base, count) = match &field.ty {
                TypeDescriptor::FixedArray(base, count) => (&**base, *count),
                scalar => (scalar, 1),
            };
            if field.ty.size().checked_add(field.offset).is_none_or(|end| end > compound.size) {
                return Err(format!("member '{}' lies beyond its record", field.name));
            }
            let scalar = scalar(base);
            if scalar == Scalar::VariableText {
                // Reading such a record would leave pointers in its bytes.
                return Err(format!("member '{}' is a variable-length string", field.name));
            }
            Ok(Member { name: field.name.clone(), offset: field.offset, scalar, count })
        })
        .collect::<Result<Vec<_>, Reason>>()?;
    Ok(Element::Record { size: compound.size, members })
}

fn scalar(descriptor: &TypeDescriptor) -> Scalar {
    let number = |class, size: usize| {
        NumberType::supported(class, size, cfg!(target_endian = "big"))
            .map_or_else(|| Scalar::Other(format!("{class:?} number of {size} bytes")), Scalar::Number)
    };
    match descriptor {
        TypeDescriptor::Integer(size) => number(NumberClass::Signed, *size as usize),
        TypeDescriptor::Unsigned(size) => number(NumberClass::Unsigned, *size as usize),
        TypeDescriptor::Float(size) => number(NumberClass::Float, *size as usize),
        TypeDescriptor::FixedAscii(size) | TypeDescriptor::FixedUnicode(size) => Scalar::FixedText(*size),
        TypeDescriptor::VarLenAscii | TypeDescriptor::VarLenUnicode => Scalar::VariableText,
        TypeDescriptor::Boolean => number(NumberClass::Unsigned, 1),
        TypeDescriptor::Enum(flags) => {
            let class = if flags.signed { NumberClass::Signed } else { NumberClass::Unsigned };
            number(class, flags.size as usize)
        }
        other => Scalar::Other(other.to_string()),
    }
}
