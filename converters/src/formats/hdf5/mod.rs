//! Archives in HDF5: a file in, a [`Source`] of its rows out.
//!
//! Data flows one way: `superblock` (is it HDF5, and all there) -> `native` or `libhdf5` (one of two
//! readers behind `file`'s traits) -> `layout` (which of `netcdf`, `table`, `fixed` and the flat one it
//! is) -> `catalog` (which columns it has) -> `plan` (which of them are read and how they are unpacked)
//! -> `reader`, `grid` or `parts` (batches, through `stored`'s loops).

#[cfg(test)]
mod against_h5py;
mod cf;
mod layouts;
mod library;
mod rows;

use std::path::Path;
use std::sync::Arc;

use crate::formats::hdf5::layouts::Layout;
use crate::formats::hdf5::layouts::catalog::{Extent, Scope};
use crate::formats::hdf5::library::{Hdf5File, Reason};
use crate::formats::hdf5::rows::fields::Storage;
use crate::formats::hdf5::rows::plan::Plan;

use crate::formats::Format;
use crate::input::{Head, Input};
use crate::{Error, Hdf5Reader, ReadOptions, Result, Scale, Source};

/// Most that is kept of decoded chunks which several batches share.
const SHARED_CHUNK_BYTES: u64 = 512 << 20;

/// HDF5 in all the layouts that [`open`] knows.
#[derive(Debug)]
pub struct Hdf5;

impl Format for Hdf5 {
    fn name(&self) -> &'static str {
        "hdf5"
    }

    fn is_text(&self, _head: &Head) -> bool {
        false
    }

    fn recognises(&self, head: &Head) -> bool {
        library::superblock::recognises(&head.text)
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let source = open(input.on_disk()?, options)?;
        Ok(match options.scale {
            Scale::Isd => Box::new(rows::traces::Traces::new(source)),
            Scale::Attributes => source,
        })
    }
}

/// Opens an HDF5 archive in any layout that is known:
///
/// - flat 1-D datasets at the root under their names ([`MEASUREMENTS`](crate::MEASUREMENTS),
///   `station_usaf`, `station_wban`, `station_id`, `timestamp`), or where
///   [`ReadOptions::column_paths`] says;
/// - a pandas or PyTables table, at `isdlite/table` or the only one; pandas frames in the fixed format;
/// - netCDF-4 with CF conventions: a variable of times, and stations along a dimension, row by row,
///   in ragged arrays, or one; HadISD;
/// - groups that are any of these by themselves, such as one a station.
///
/// Timestamps are Unix seconds (UTC) unless a CF `units` attribute or pandas' type says otherwise.
/// Values are unpacked by their CF attributes (`_FillValue`, `missing_value`, `scale_factor`,
/// `add_offset`) and brought to the measurement's units where an exact conversion is known; NaN,
/// infinities and a stored -9999 are missing. A float32 becomes the double nearest its decimal.
///
/// # Errors
/// A file that is not HDF5, is cut short or damaged, or has no such layout; a column that is
/// missing or of the wrong type or length, or compressed by a filter that cannot be read.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Box<dyn Source>> {
    library::superblock::check(path)?;
    let layout = layout_of(path, options, 0)?;
    let (scope, catalog) = match layout {
        (_, Layout::Parts(groups)) => {
            return Ok(Box::new(rows::parts::PartsSource::new(path, groups, options)?));
        }
        (scope, Layout::One(catalog)) => (scope, catalog),
    };
    let mut plan = rows::plan::plan(&scope, catalog.as_ref())?;
    let shared = shared_chunk_bytes(&plan);
    if shared > 0
        && let (scope, Layout::One(catalog)) = layout_of(path, options, shared)?
    {
        plan = rows::plan::plan(&scope, catalog.as_ref())?;
    }
    source(path, plan)
}

/// The source that reads by a plan.
fn source(path: &Path, plan: Plan) -> Result<Box<dyn Source>> {
    Ok(match plan.extent {
        Extent::Rows(_) => Box::new(rows::reader::Hdf5Source::new(path, plan)),
        Extent::Grid { .. } => Box::new(rows::grid::GridSource::new(path, plan)?),
    })
}

fn layout_of(path: &Path, options: &ReadOptions, cache_bytes: usize) -> Result<(Scope, Layout)> {
    let file = open_file(path, options.hdf5_reader, cache_bytes).map_err(|reason| Error::Format {
        path: path.to_owned(),
        found: format!("is a damaged HDF5 file: {reason}"),
        hint: Some("copy or write it again".into()),
    })?;
    let scope =
        Scope { file, path: path.to_owned(), group: String::new(), options: Arc::new(options.clone()) };
    let layout = layouts::recognise(&scope)?;
    Ok((scope, layout))
}

fn open_file(path: &Path, reader: Hdf5Reader, cache_bytes: usize) -> Result<Arc<dyn Hdf5File>, Reason> {
    match reader {
        Hdf5Reader::Native => Ok(Arc::new(library::native::NativeFile::open(path, cache_bytes)?)),
        #[cfg(feature = "libhdf5")]
        Hdf5Reader::Libhdf5 => Ok(Arc::new(library::libhdf5::LibFile::open(path)?)),
    }
}

/// Bytes of the chunks, one of each dataset, that are larger than a batch; 0 where none is.
fn shared_chunk_bytes(plan: &Plan) -> usize {
    let large = plan.storages.iter().filter_map(|storage| {
        let elements =
            Storage::chunk_elements(storage).filter(|&elements| elements > rows::reader::LARGE_CHUNK_ROWS)?;
        Some(elements.saturating_mul(storage.dataset.element().size() as u64))
    });
    let bytes = large.fold(0_u64, u64::saturating_add);
    // A cache that does not hold them all would decode each of them anew for every batch and keep
    // what it has in memory for nothing.
    if bytes <= SHARED_CHUNK_BYTES { bytes as usize } else { 0 }
}
