//! Archives in HDF5: a file in, a [`Source`] of its rows out.
//!
//! Data flows one way: `superblock` (is it HDF5, and all there) -> `native` or `libhdf5` (one of two
//! readers behind `file`'s traits) -> `layout` (which columns it has) -> `plan` (which of them are
//! read and how they are unpacked) -> `reader` (batches, through `stored`'s loops).

mod file;
mod layout;
#[cfg(feature = "libhdf5")]
mod libhdf5;
mod native;
mod pickle;
mod plan;
mod reader;
mod stored;
mod superblock;
mod traces;

use std::path::Path;
use std::sync::Arc;

use file::{Hdf5File, Reason};
use plan::Plan;

use crate::format::Format;
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

    fn recognises(&self, head: &Head) -> bool {
        superblock::recognises(&head.text)
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let source = open(input.on_disk()?, options)?;
        Ok(match options.scale {
            Scale::Isd => Box::new(traces::Traces::new(source)),
            Scale::Attributes => source,
        })
    }
}

/// Opens an HDF5 archive: flat 1-D datasets, or a pandas/PyTables table.
///
/// Flat columns lie at the root under their names ([`MEASUREMENTS`](crate::MEASUREMENTS),
/// `station_usaf`, `station_wban`, `station_id`, `timestamp`) unless
/// [`ReadOptions::column_paths`] says otherwise; a table lies at `isdlite/table`, or is the only
/// `table` in a group of the root. Timestamps are Unix seconds (UTC) unless a CF `units` attribute
/// or pandas' type says otherwise. Values are unpacked by their CF attributes (`_FillValue`,
/// `missing_value`, `scale_factor`, `add_offset`); NaN, infinities and a stored -9999 are missing.
///
/// # Errors
/// A file that is not HDF5, is cut short or damaged, or has no such layout; a column that is
/// missing or of the wrong type or length.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Box<dyn Source>> {
    superblock::check(path)?;
    let mut plan = plan_with(path, options, 0)?;
    let shared = shared_chunk_bytes(&plan);
    if shared > 0 {
        plan = plan_with(path, options, shared)?;
    }
    Ok(Box::new(reader::Hdf5Source::new(path, plan)))
}

fn plan_with(path: &Path, options: &ReadOptions, cache_bytes: usize) -> Result<Plan> {
    let file = open_file(path, options.hdf5_reader, cache_bytes).map_err(|reason| Error::Format {
        path: path.to_owned(),
        found: format!("is a damaged HDF5 file: {reason}"),
        hint: Some("copy or write it again".into()),
    })?;
    let catalog = layout::recognise(file, path, options)?;
    plan::plan(path, catalog.as_ref(), options)
}

fn open_file(path: &Path, reader: Hdf5Reader, cache_bytes: usize) -> Result<Arc<dyn Hdf5File>, Reason> {
    match reader {
        Hdf5Reader::Native => Ok(Arc::new(native::NativeFile::open(path, cache_bytes)?)),
        #[cfg(feature = "libhdf5")]
        Hdf5Reader::Libhdf5 => Ok(Arc::new(libhdf5::LibFile::open(path)?)),
    }
}

/// Bytes of the chunks, one of each dataset, that are larger than a batch; 0 where none is.
fn shared_chunk_bytes(plan: &Plan) -> usize {
    let large = plan.storages.iter().filter_map(|storage| {
        let rows = storage.dataset.chunk_rows().filter(|&rows| rows > reader::LARGE_CHUNK_ROWS)?;
        Some(rows.saturating_mul(storage.dataset.element().size() as u64))
    });
    let bytes = large.fold(0_u64, u64::saturating_add);
    // A cache that does not hold them all would decode each of them anew for every batch and keep
    // what it has in memory for nothing.
    if bytes <= SHARED_CHUNK_BYTES { bytes as usize } else { 0 }
}
