//! The HDF Group's C library (through `hdf5-metno`) behind [`Hdf5File`].
//!
//! It knows every filter that is installed beside it, and runs one call at a time.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use ::hdf5::types::{FixedAscii, FixedUnicode, FloatSize, TypeDescriptor};
use ::hdf5::{Dataspace, Datatype, H5Type, LocationType};
use hdf5_sys::h5a::H5Aread;
use hdf5_sys::h5d::{H5Dread, H5Dvlen_reclaim};
use hdf5_sys::h5p::H5P_DEFAULT;

use super::file::{
    Attribute, Bytes, Element, Hdf5Dataset, Hdf5File, Member, Members, NumberClass, NumberType, Reason,
    Scalar,
};
use crate::cf::Number;

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
            chunk_rows: dataset.chunk().and_then(|chunk| chunk.first().map(|&rows| (rows as u64).max(1))),
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
        Ok(members)
    }
}

struct LibDataset {
    dataset: ::hdf5::Dataset,
    element: Element,
    /// The element's type in this machine's byte order, members where the file has them.
    memory: Datatype,
    shape: Vec<u64>,
    chunk_rows: Option<u64>,
}

impl Hdf5Dataset for LibDataset {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn element(&self) -> &Element {
        &self.element
    }

    fn chunk_rows(&self) -> Option<u64> {
        self.chunk_rows
    }

    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason> {
        if !self.dataset.attr_names().map_err(reason)?.iter().any(|known| known == name) {
            return Ok(None);
        }
        let attribute = self.dataset.attr(name).map_err(reason)?;
        let descriptor = attribute.dtype().and_then(|datatype| datatype.to_descriptor());
        let Ok(descriptor) = descriptor else { return Ok(Some(Attribute::Other)) };
        if attribute.size() == 0 {
            return Ok(Some(Attribute::Other));
        }
        read_attribute(&attribute, &descriptor).map(Some).map_err(reason)
    }

    fn read(&self, start: u64, rows: usize) -> Result<Bytes, Reason> {
        let size = self.element.size();
        if size == 0 || size != self.memory.size() {
            return Err("its type cannot be read as bytes".into());
        }
        let from = usize::try_from(start).map_err(reason)?;
        let to = from.checked_add(rows).ok_or("rows beyond the dataset")?;
        let file_space = self.dataset.space().and_then(|space| space.select(from..to)).map_err(reason)?;
        let memory_space = Dataspace::try_new(rows).map_err(reason)?;
        if file_space.selection_size() != rows {
            return Err(format!("rows {from} to {to} lie beyond the dataset"));
        }
        let mut bytes = vec![0_u8; rows.checked_mul(size).ok_or("too many rows at once")?];
        let buffer = bytes.as_mut_ptr();
        // The bindings read only types known when they are compiled.
        #[allow(unsafe_code)]
        let status = ::hdf5::sync::sync(|| {
            // SAFETY: the buffer holds `rows` elements of the memory type's size, which was compared
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
        Ok(Bytes::Owned(bytes))
    }

    fn read_strings(&self, start: u64, rows: usize) -> Result<Vec<String>, Reason> {
        let from = usize::try_from(start).map_err(reason)?;
        let to = from.checked_add(rows).ok_or("rows beyond the dataset")?;
        let file_space = self.dataset.space().and_then(|space| space.select(from..to)).map_err(reason)?;
        let memory_space = Dataspace::try_new(rows).map_err(reason)?;
        if self.element != Element::Scalar(Scalar::VariableText) || file_space.selection_size() != rows {
            return Err(format!("rows {from} to {to} are no strings of the dataset"));
        }
        let datatype = self.dataset.dtype().map_err(reason)?;
        #[allow(unsafe_code)]
        variable_texts(&datatype, &memory_space, rows, |buffer| {
            // SAFETY: the buffer holds one pointer for each selected row; the ids live as long as
            // this call.
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
                #[allow(unsafe_code)]
                let text = unsafe { CStr::from_ptr(pointer) };
                text.to_str().map(str::to_owned).map_err(|_| Reason::from("a string is not UTF-8"))
            })
            .collect();
        // SAFETY: type, space and buffer are those that the strings were read with.
        #[allow(unsafe_code)]
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
        #[allow(unsafe_code)]
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
        other => Scalar::Other(other.to_string()),
    }
}
