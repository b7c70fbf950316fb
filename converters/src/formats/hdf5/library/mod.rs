//! What the layouts need of an HDF5 file: datasets by path, their element type and attributes, and
//! the stored bytes of a range of rows, whichever library reads them.

mod filters;
#[cfg(feature = "libhdf5")]
pub mod libhdf5;
pub mod native;
pub mod superblock;

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::formats::hdf5::cf::Number;

/// Why a reader could not do something; the caller adds file, dataset and row.
pub type Reason = String;

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
    /// Length of each dimension.
    fn shape(&self) -> &[u64];

    /// Type of an element.
    fn element(&self) -> &Element;

    /// Lengths of a chunk, one a dimension; `None` where the elements lie side by side.
    fn chunk(&self) -> Option<&[u64]>;

    /// Why this reader cannot read the elements, where it knows beforehand, and what to do about it.
    fn obstacle(&self) -> Option<(Reason, String)>;

    /// Name of the dimension scale of each dimension, where there is one (HDF5 Dimension Scale
    /// Specification: `DIMENSION_LIST`; a scale is its own).
    fn dimensions(&self) -> Vec<Option<String>>;

    /// The attribute of that name, or `None` where there is none.
    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason>;

    /// The elements within a range of each dimension, the last varying fastest, as the bytes that
    /// [`Element`] describes, [`Element::size`] bytes each.
    fn read(&self, ranges: &[Range<u64>]) -> Result<Bytes, Reason>;

    /// The same elements of a dataset of variable-length strings.
    fn read_strings(&self, ranges: &[Range<u64>]) -> Result<Vec<String>, Reason>;
}

/// Number of elements in a range of each dimension; `None` beyond what can be counted.
pub fn selected(ranges: &[Range<u64>]) -> Option<usize> {
    let count =
        ranges.iter().try_fold(1_u64, |n, range| n.checked_mul(range.end.checked_sub(range.start)?))?;
    usize::try_from(count).ok()
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
            Self::Number(number) => usize::from(number.size),
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

/// Whether a number is an integer, and of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberClass {
    /// Two's complement.
    Signed,
    /// Without sign.
    Unsigned,
    /// IEEE 754.
    Float,
}

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberType {
    /// Integer or floating point.
    pub class: NumberClass,
    /// Bytes: 1, 2, 4 or 8; floating point 4 or 8.
    pub size: u8,
    /// Most significant byte first.
    pub big_endian: bool,
}

impl NumberType {
    /// The type, where its size is one that [`super::stored`] can decode.
    pub fn supported(class: NumberClass, size: usize, big_endian: bool) -> Option<Self> {
        let known = match class {
            NumberClass::Float => matches!(size, 4 | 8),
            NumberClass::Signed | NumberClass::Unsigned => matches!(size, 1 | 2 | 4 | 8),
        };
        known.then_some(Self { class, size: size as u8, big_endian })
    }

    /// Whether it is an integer type.
    pub fn is_integer(self) -> bool {
        self.class != NumberClass::Float
    }
}

impl fmt::Display for NumberType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.class {
            NumberClass::Signed => "int",
            NumberClass::Unsigned => "uint",
            NumberClass::Float => "float",
        };
        write!(f, "{class}{}", u32::from(self.size) * 8)
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
    /// The numbers; that of a string which spells one, as some writers have it.
    pub fn numbers(&self) -> Vec<Number> {
        match self {
            Self::Numbers(numbers) => numbers.clone(),
            Self::Text(_) => self.text().and_then(|t| t.parse().ok()).map(Number::F64).into_iter().collect(),
            Self::Other => Vec::new(),
        }
    }

    /// The first number.
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
pub enum Bytes {
    /// Decoded into a buffer of their own.
    Owned(Vec<u8>),
    /// As the native reader decoded them.
    Shared(Arc<[u8]>),
    /// As the native reader's storage returned them.
    Storage(hdf5_reader::StorageBuffer),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
            Self::Storage(bytes) => bytes,
        }
    }
}
