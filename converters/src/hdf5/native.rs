//! The pure-Rust reader `hdf5-reader` behind [`Hdf5File`].
//!
//! It is given limits, and every call runs behind a boundary that turns a panic over a damaged
//! file into an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::{
    ByteOrder, Datatype, H5Type, OpenOptions, SliceInfo, SliceInfoElem, StringSize, VarLenKind,
};

use super::file::{
    Attribute, Bytes, Element, Hdf5Dataset, Hdf5File, Member, Members, NumberClass, NumberType, Reason,
    Scalar,
};
use super::stored;

/// Largest chunk that is decoded: one per thread is in memory.
const MAX_CHUNK_BYTES: usize = 256 << 20;
/// Largest range of rows that one call reads.
const MAX_READ_BYTES: usize = 512 << 20;
/// Largest object header; real ones have a few KiB.
const MAX_HEADER_BYTES: usize = 16 << 20;
/// Slots of the chunk cache, which holds the few chunks that several batches share.
const CACHE_SLOTS: usize = 521;

/// A file read by `hdf5-reader`.
pub struct NativeFile(hdf5_reader::Hdf5File);

impl NativeFile {
    /// Opens a file, keeping up to `cache_bytes` of decoded chunks (0 keeps none).
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, Reason> {
        let options = OpenOptions::default()
            .with_chunk_cache_bytes(cache_bytes)
            .with_chunk_cache_slots(CACHE_SLOTS)
            .with_max_chunk_bytes(MAX_CHUNK_BYTES)
            .with_max_read_bytes(MAX_READ_BYTES)
            .with_max_object_header_bytes(MAX_HEADER_BYTES);
        guarded(|| Ok(Self(hdf5_reader::Hdf5File::open_with_options(path, options)?)))
    }
}

/// Runs a call of the reader; an error or a panic becomes a reason.
fn guarded<T>(call: impl FnOnce() -> Result<T, hdf5_reader::error::Error>) -> Result<T, Reason> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the reader gave up on a damaged structure".into()),
    }
}

fn is_not_found(error: &hdf5_reader::error::Error) -> bool {
    use hdf5_reader::error::Error;
    match error {
        Error::DatasetNotFound(_) | Error::GroupNotFound(_) => true,
        Error::Context { source, .. } => is_not_found(source),
        _ => false,
    }
}

impl Hdf5File for NativeFile {
    fn dataset(&self, path: &str) -> Result<Option<Arc<dyn Hdf5Dataset>>, Reason> {
        let opened = guarded(|| match self.0.dataset(path) {
            Err(error) if is_not_found(&error) => Ok(None),
            opened => {
                let dataset = opened?;
                let contiguous = contiguous_address(&self.0, &dataset)?;
                let chunk_rows = match dataset.chunks() {
                    Some(chunks) => chunks.first().map(|&rows| u64::from(rows).max(1)),
                    None => None,
                };
                Ok(Some((dataset, contiguous, chunk_rows)))
            }
        })?;
        let Some((dataset, contiguous, chunk_rows)) = opened else { return Ok(None) };
        let element = element(dataset.dtype(), dataset.vlen_reference_size())?;
        let foreign_fill = dataset
            .fill_value()
            .and_then(|fill| fill.value.clone())
            .filter(|fill| !fill.is_empty() && fill.len() != element.size());
        let file = self.0.clone();
        Ok(Some(Arc::new(NativeDataset { file, dataset, element, contiguous, chunk_rows, foreign_fill })))
    }

    fn members(&self, group: &str) -> Result<Members, Reason> {
        let (groups, datasets) = guarded(|| self.0.group(group)?.member_names())?;
        Ok(Members { groups, datasets })
    }
}

struct NativeDataset {
    file: hdf5_reader::Hdf5File,
    dataset: hdf5_reader::Dataset,
    element: Element,
    /// Where the rows lie side by side in this file.
    contiguous: Option<u64>,
    chunk_rows: Option<u64>,
    /// A fill value that is not of the elements' size.
    foreign_fill: Option<Vec<u8>>,
}

/// Address of a dataset whose rows lie side by side in the file itself, all of them.
fn contiguous_address(
    file: &hdf5_reader::Hdf5File,
    dataset: &hdf5_reader::Dataset,
) -> Result<Option<u64>, hdf5_reader::error::Error> {
    if dataset.chunks().is_some() {
        return Ok(None);
    }
    let header = file.get_or_parse_header(dataset.address())?;
    if header.messages.iter().any(|message| matches!(message, HdfMessage::ExternalFiles(_))) {
        return Ok(None);
    }
    let bytes = dataset.raw_byte_len()? as u64;
    let length = file.storage().len();
    Ok(header.messages.iter().find_map(|message| match message {
        HdfMessage::DataLayout(layout) => match layout.layout {
            // An address beyond the file is either undefined (nothing written: fill values) or
            // damage; the reader itself tells the two apart.
            DataLayout::Contiguous { address, size }
                if size == bytes && address.checked_add(size).is_some_and(|end| end <= length) =>
            {
                Some(address)
            }
            _ => None,
        },
        _ => None,
    }))
}

impl Hdf5Dataset for NativeDataset {
    fn shape(&self) -> &[u64] {
        self.dataset.shape()
    }

    fn element(&self) -> &Element {
        &self.element
    }

    fn chunk_rows(&self) -> Option<u64> {
        self.chunk_rows
    }

    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason> {
        guarded(|| {
            let attribute = match self.dataset.attribute(name) {
                Err(hdf5_reader::error::Error::AttributeNotFound(_)) => return Ok(None),
                found => found?,
            };
            let text = match scalar(&attribute.datatype) {
                Scalar::Number(number) => {
                    let numbers = stored::numbers(number, &attribute.raw_data);
                    return Ok(Some(if numbers.is_empty() {
                        Attribute::Other
                    } else {
                        Attribute::Numbers(numbers)
                    }));
                }
                Scalar::FixedText(size) => {
                    attribute.raw_data.get(..size).map(|text| String::from_utf8_lossy(text).into_owned())
                }
                Scalar::VariableText => Some(attribute.read_string()?),
                Scalar::Other(_) => None,
            };
            Ok(Some(text.map_or(Attribute::Other, Attribute::Text)))
        })
    }

    fn read(&self, start: u64, rows: usize) -> Result<Bytes, Reason> {
        let size = self.element.size();
        let beyond =
            || format!("rows {start} to {} lie beyond the dataset", start.saturating_add(rows as u64));
        let end = start.checked_add(rows as u64).ok_or_else(beyond)?;
        if self.dataset.shape().first().is_none_or(|&length| end > length) {
            return Err(beyond());
        }
        let bytes = if let Some(address) = self.contiguous {
            let from = start.checked_mul(size as u64).and_then(|skip| address.checked_add(skip));
            let length = rows.checked_mul(size).ok_or_else(beyond)?;
            guarded(|| Ok(Bytes::Storage(self.file.storage().read_range(from.unwrap_or(u64::MAX), length)?)))?
        } else {
            Bytes::Shared(self.read_selection(start, end)?)
        };
        if bytes.len() != rows * size {
            return Err(format!("{} bytes were read, expected {rows} rows of {size}", bytes.len()));
        }
        self.check_fill(start, &bytes)?;
        Ok(bytes)
    }

    fn read_strings(&self, start: u64, rows: usize) -> Result<Vec<String>, Reason> {
        let size = self.dataset.vlen_reference_size();
        let references = self.read_selection(start, start.saturating_add(rows as u64))?;
        references
            .chunks_exact(size)
            .map(|reference| {
                let text = guarded(|| self.dataset.resolve_vlen_reference_bytes(reference, 1))?;
                String::from_utf8(text).map_err(|_| "a string is not UTF-8".into())
            })
            .collect()
    }
}

impl NativeDataset {
    /// Refuses rows that were never written where the reader has filled them with nonsense.
    ///
    /// Without a fill value of the dataset's own it takes the attribute `_FillValue`, whatever its
    /// type: h5py makes a plain -9999 an int64, whose bytes are -9999, -1, -1, -1 in a dataset of
    /// int16. Such a chunk is that pattern from end to end, which no written one is.
    fn check_fill(&self, start: u64, bytes: &[u8]) -> Result<(), Reason> {
        let (Some(fill), size) = (&self.foreign_fill, self.element.size()) else { return Ok(()) };
        let chunk = self.chunk_rows.unwrap_or(u64::MAX);
        let rows = (bytes.len() / size.max(1)) as u64;
        let mut from = 0;
        while from < rows {
            let to = rows.min(from + (chunk - (start + from) % chunk));
            let part = bytes.get(from as usize * size..to as usize * size).unwrap_or_default();
            let pattern = fill.iter().cycle().skip(from as usize * size % fill.len());
            if part.iter().zip(pattern).all(|(byte, filled)| byte == filled) {
                return Err(format!(
                    "rows {} to {} were never written, and _FillValue is not of the dataset's type",
                    start + from,
                    start + to - 1
                ));
            }
            from = to;
        }
        Ok(())
    }

    fn read_selection(&self, start: u64, end: u64) -> Result<Arc<[u8]>, Reason> {
        let selection = SliceInfo { selections: vec![SliceInfoElem::Slice { start, end, step: 1 }] };
        guarded(|| {
            let rows = self.dataset.read_slice::<RawRow>(&selection)?;
            Ok(rows.into_iter().next().and_then(|first| first.0).unwrap_or_default())
        })
    }
}

/// Rows of any type as stored: the first one carries the bytes of all.
///
/// The reader decodes into one value a row and offers nothing else for a range of rows of a
/// compound; this way the bytes are copied once, whatever the type.
#[derive(Clone)]
struct RawRow(Option<Arc<[u8]>>);

impl H5Type for RawRow {
    fn hdf5_type() -> Datatype {
        Datatype::Opaque { size: 1, tag: String::new() }
    }

    fn from_bytes(bytes: &[u8], _: &Datatype) -> Result<Self, hdf5_reader::error::Error> {
        Ok(Self(Some(bytes.into())))
    }

    fn element_size(_: &Datatype) -> usize {
        0
    }

    fn decode_vec(
        raw: &[u8],
        _: &Datatype,
        count: usize,
    ) -> Option<Result<Vec<Self>, hdf5_reader::error::Error>> {
        let mut rows = vec![Self(None); count];
        if let Some(first) = rows.first_mut() {
            first.0 = Some(raw.into());
        }
        Some(Ok(rows))
    }
}

/// The type of an element; compounds are checked against their own size.
fn element(datatype: &Datatype, reference_size: usize) -> Result<Element, Reason> {
    let Datatype::Compound { size, fields } = datatype else { return Ok(Element::Scalar(scalar(datatype))) };
    let size = *size as usize;
    let members = fields
        .iter()
        .map(|field| {
            let (base, count) = match &field.datatype {
                Datatype::Array { base, dims } => {
                    (&**base, dims.iter().try_fold(1_u64, |n, &d| n.checked_mul(d)))
                }
                scalar => (scalar, Some(1)),
            };
            let count = count.and_then(|count| usize::try_from(count).ok());
            let scalar = scalar(base);
            let bytes = match &scalar {
                Scalar::VariableText => reference_size,
                other => other.size(),
            };
            let offset = field.byte_offset as usize;
            let end =
                count.and_then(|count| count.checked_mul(bytes)).and_then(|bytes| bytes.checked_add(offset));
            match (count, end) {
                (Some(count), Some(end)) if end <= size => {
                    Ok(Member { name: field.name.clone(), offset, scalar, count })
                }
                _ => Err(format!("member '{}' lies beyond its record of {size} bytes", field.name)),
            }
        })
        .collect::<Result<Vec<_>, Reason>>()?;
    Ok(Element::Record { size, members })
}

fn scalar(datatype: &Datatype) -> Scalar {
    let number = |class, size: u8, order: ByteOrder| {
        NumberType::supported(class, usize::from(size), order == ByteOrder::BigEndian)
            .map_or_else(|| Scalar::Other(format!("{class:?} number of {size} bytes")), Scalar::Number)
    };
    match datatype {
        Datatype::FixedPoint { size, signed: true, byte_order } => {
            number(NumberClass::Signed, *size, *byte_order)
        }
        Datatype::FixedPoint { size, byte_order, .. } => number(NumberClass::Unsigned, *size, *byte_order),
        Datatype::FloatingPoint { size, byte_order } => number(NumberClass::Float, *size, *byte_order),
        Datatype::String { size: StringSize::Fixed(size), .. } => Scalar::FixedText(*size as usize),
        Datatype::String { .. } | Datatype::VarLen { kind: VarLenKind::String, .. } => Scalar::VariableText,
        Datatype::Compound { .. } => Scalar::Other("compound".into()),
        Datatype::Array { .. } => Scalar::Other("array".into()),
        Datatype::Enum { .. } => Scalar::Other("enumeration".into()),
        Datatype::VarLen { .. } => Scalar::Other("variable-length sequence".into()),
        Datatype::Opaque { .. } => Scalar::Other("opaque bytes".into()),
        Datatype::Reference { .. } => Scalar::Other("reference".into()),
        Datatype::Bitfield { .. } => Scalar::Other("bit field".into()),
    }
}
