//! The trait that every archive format implements: a stream of [`Batch`]es.

use crate::{Batch, ColumnInfo, Result};

/// An archive that is read front to back.
///
/// A source yields its rows in its own order and says in which file and row a problem lies. It
/// does not sort, and it does not check order: the dataset writer does.
pub trait Source: Send {
    /// The value columns of every batch, in order: ISD's measurements in canonical order first,
    /// then the others in the source's order.
    fn columns(&self) -> &[ColumnInfo];

    /// Rows that the source will yield, where it knows.
    fn rows(&self) -> Option<u64>;

    /// Name of the layout found, such as `flat HDF5`.
    fn layout(&self) -> &'static str;

    /// What the user should know about how the values were taken, one sentence each.
    fn notes(&self) -> &[String];

    /// The next rows, or `None` behind the last.
    ///
    /// # Errors
    /// An unreadable or inconsistent source, naming file, dataset and row.
    fn next_batch(&mut self) -> Result<Option<Batch>>;
}

/// How to read a source.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// Measurements or other columns to read; empty reads all.
    pub measurements: Vec<String>,
    /// Where columns lie in the file, for names other than the canonical ones: (column, path).
    pub column_paths: Vec<(String, String)>,
    /// What stored values are multiplied by.
    pub scale: Scale,
    /// Which HDF5 implementation reads.
    pub hdf5_reader: Hdf5Reader,
}

/// Where the factor from stored to physical values comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// The file's own `scale_factor` and `add_offset`; values as stored where there are none.
    #[default]
    Attributes,
    /// ISD's own: tenths for temperature, pressure, speed and precipitation. Attributes win where present.
    Isd,
}

/// The HDF5 implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hdf5Reader {
    /// The pure-Rust reader.
    #[default]
    Native,
    /// The HDF Group's C library.
    #[cfg(feature = "libhdf5")]
    Libhdf5,
}
