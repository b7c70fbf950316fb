//! The HDF5 libraries: a file's path in; out come its datasets by path, their element types and attributes, and the
//! stored bytes of a range of rows, whichever library reads them.

mod filters;
#[cfg(feature = "libhdf5")]
pub mod libhdf5;
pub mod native;
mod native_precision;
mod native_types;
pub mod number;
pub mod padded;
mod shuffle;
pub mod superblock;
mod written;

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

pub use number::{FieldBytes, Number, NumberClass, NumberType, StoredNumbers};

/// Why a library could not do something; the caller adds file, dataset and row.
pub type Reason = String;

/// The reason of a dataset that only refers to others, as HDF5's virtual ones do.
pub const VIRTUAL: &str = "it is a virtual dataset, whose elements lie in other datasets or files";

/// An open HDF5 file.
pub trait Hdf5File: Send + Sync {
    /// The dataset at a path, or `None` where there is none.
    fn dataset(&self, path: &str) -> Result<Option<Arc<dyn Hdf5Dataset>>, Reason>;

    /// Names of the groups and of the datasets right below a group (`/` is the root).
    fn members(&self, group: &str) -> Result<Members, Reason>;

    /// A group's attribute of that name, or `None` where there is none.
    fn attribute(&self, group: &str, name: &str) -> Result<Option<Attribute>, Reason>;
}

/// Names of what a group holds.
#[derive(Debug, Default, Clone)]
pub struct Members {
    /// Groups.
    pub groups: Vec<String>,
    /// Datasets.
    pub datasets: Vec<String>,
}

/// An open HDF5 dataset.
pub trait Hdf5Dataset: Send + Sync {
    /// Number of elements along each dimension.
    fn shape(&self) -> &[u64];

    /// Type of an element.
    fn element(&self) -> &Element;

    /// Elements of a chunk along each dimension; `None` where there are no chunks.
    fn chunk(&self) -> Option<&[u64]>;

    /// Why this library cannot read the elements and what to do about it; `None` where nothing is known to keep it from that.
    fn obstacle(&self) -> Option<(Reason, String)>;

    /// Name of the dimension scale of each dimension, where it has one (HDF5 Dimension Scale Specification:
    /// `DIMENSION_LIST`). A dataset that is a scale itself names itself.
    fn dimensions(&self) -> Vec<Option<String>>;

    /// The attribute of that name, or `None` where there is none.
    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason>;

    /// The ranges of the first dimension for which the file has storage, ascending and apart; all others were never
    /// written and read as the fill value. `None` where everything may have been written.
    fn written(&self) -> Option<&[Range<u64>]> {
        None
    }

    /// The bytes of an element that was never written; zeros where the file does not say.
    fn fill(&self) -> Vec<u8> {
        vec![0; self.element().size()]
    }

    /// The elements within a range of each dimension, the last varying fastest, as the bytes that
    /// [`Element`] describes, [`Element::size`] bytes each.
    fn read(&self, ranges: &[Range<u64>]) -> Result<StoredBytes, Reason>;

    /// The strings within a range of each dimension of a dataset of variable-length strings, in the order of
    /// [`read`](Self::read).
    fn read_strings(&self, ranges: &[Range<u64>]) -> Result<Vec<String>, Reason>;

    /// The variable-length strings that begin at a byte of each record within a range of each dimension of a dataset of
    /// compounds.
    fn read_member_strings(&self, _ranges: &[Range<u64>], _offset: usize) -> Result<Vec<String>, Reason> {
        Err("variable-length strings in a compound cannot be read by this library".into())
    }
}

/// Whether any element of a range of the first dimension has storage, of those that [`Hdf5Dataset::written`] gives.
pub fn is_written(written: Option<&[Range<u64>]>, range: &Range<u64>) -> bool {
    let Some(written) = written else { return true };
    let after = written.partition_point(|stored| stored.end <= range.start);
    written.get(after).is_some_and(|stored| stored.start < range.end)
}

/// Number of elements in a range of each dimension; `None` beyond what can be counted.
pub fn selected(ranges: &[Range<u64>]) -> Option<usize> {
    let count =
        ranges.iter().try_fold(1_u64, |n, range| n.checked_mul(range.end.checked_sub(range.start)?))?;
    usize::try_from(count).ok()
}

/// Number of elements in a range of each dimension of a dataset of that shape.
fn selected_within(shape: &[u64], ranges: &[Range<u64>]) -> Result<usize, Reason> {
    let within =
        ranges.len() == shape.len() && ranges.iter().zip(shape).all(|(range, &length)| range.end <= length);
    let elements = selected(ranges).filter(|_| within);
    elements.ok_or_else(|| format!("elements {ranges:?} lie beyond the dataset"))
}

/// The names of a dataset's dimension scales, one a dimension: those `listed` by its attribute, and its own name where
/// it is the scale of its first dimension.
fn scale_names(
    dataset: &dyn Hdf5Dataset,
    path: &str,
    mut listed: Vec<Option<String>>,
) -> Vec<Option<String>> {
    listed.resize(dataset.shape().len(), None);
    let is_scale =
        matches!(dataset.attribute("CLASS"), Ok(Some(class)) if class.text() == Some("DIMENSION_SCALE"));
    if let Some(first @ None) = listed.first_mut()
        && is_scale
    {
        *first = path.rsplit('/').next().map(Into::into);
    }
    listed
}

/// Type of an element.
#[derive(Debug, Clone, PartialEq)]
pub enum Element {
    /// One value.
    Scalar(Scalar),
    /// A compound of `size` bytes.
    Record {
        /// Bytes of one record.
        size: usize,
        /// Members; each lies within the record.
        members: Vec<Member>,
    },
}

impl Element {
    /// Bytes of one element; 0 where the type has no fixed size here.
    pub fn size(&self) -> usize {
        match self {
            Self::Scalar(scalar) => scalar.size(),
            Self::Record { size, .. } => *size,
        }
    }
}

/// A member of a compound.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Name of the member.
    pub name: String,
    /// Bytes from the start of the record.
    pub offset: usize,
    /// Type of its values.
    pub scalar: Scalar,
    /// Number of values, more than one for an array.
    pub count: usize,
}

/// Type of one value.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// An integer or floating-point number.
    Number(NumberType),
    /// A string of so many bytes, padded with zeros or spaces.
    FixedText(usize),
    /// A string kept elsewhere in the file.
    VariableText,
    /// Something else, by name.
    Other(String),
}

impl Scalar {
    /// Bytes of one value; 0 where the type has no fixed size here.
    pub fn size(&self) -> usize {
        match self {
            Self::Number(number) => number.size(),
            Self::FixedText(size) => *size,
            Self::VariableText | Self::Other(_) => 0,
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::FixedText(size) => write!(f, "string of {size} bytes"),
            Self::VariableText => write!(f, "variable-length string"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// One or more numbers.
    Numbers(Vec<Number>),
    /// A string (the first one of an array).
    Text(String),
    /// Neither, such as a reference or an empty attribute.
    Other,
}

impl Attribute {
    /// All its numbers. A string that spells a number, as some writers store it, is that number; others are none.
    pub fn numbers(&self) -> Vec<Number> {
        match self {
            Self::Numbers(numbers) => numbers.clone(),
            Self::Text(_) => self.text().and_then(|t| t.parse().ok()).map(Number::F64).into_iter().collect(),
            Self::Other => Vec::new(),
        }
    }

    /// The first of [`numbers`](Self::numbers).
    pub fn number(&self) -> Option<Number> {
        self.numbers().first().copied()
    }

    /// The string without its padding, unless it is blank.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => {
                Some(text.trim_matches(|c: char| c == '\0' || c.is_whitespace())).filter(|t| !t.is_empty())
            }
            Self::Numbers(_) | Self::Other => None,
        }
    }
}

/// Stored bytes of rows.
pub enum StoredBytes {
    /// Decoded into a buffer of their own.
    Owned(Vec<u8>),
    /// In a buffer that the native reader has decoded.
    Shared(Arc<[u8]>),
    /// In the file's own bytes, as the native reader has mapped or read them.
    Mapped(hdf5_reader::StorageBuffer),
}

impl Deref for StoredBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
            Self::Mapped(bytes) => bytes,
        }
    }
}
