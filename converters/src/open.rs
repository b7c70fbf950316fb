//! From a path to the source that reads it.

use std::path::Path;

use crate::{ReadOptions, Result, Source, hdf5};

/// Opens an archive, recognising its format by its content.
///
/// HDF5 is known by its signature (at byte 0 or behind a user block). What is not HDF5 is refused
/// by name where it is known: classic netCDF-3, Parquet, gzip.
///
/// ```no_run
/// use isd_converters::{ReadOptions, Result, open};
///
/// fn main() -> Result<()> {
///     let mut source = open("isdlite.hdf5".as_ref(), &ReadOptions::default())?;
///     while let Some(batch) = source.next_batch()? {
///         println!("{} rows of {} stations", batch.rows(), batch.stations.len());
///     }
///     Ok(())
/// }
/// ```
///
/// # Errors
/// What the file is or lacks, see [`hdf5::open`].
pub fn open(path: &Path, options: &ReadOptions) -> Result<Box<dyn Source>> {
    hdf5::open(path, options)
}
