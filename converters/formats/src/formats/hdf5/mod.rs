//! Archives in HDF5: a file in, a [`Source`] of its rows out.
//!
//! Data flows one way: `library` (whether the file is HDF5 and complete; its datasets and stored bytes, by one of two
//! libraries) -> `layouts` (which columns it has, and which of them are stations and times) -> `rows` (which columns
//! are read, and batches of them). `cf` says what stored numbers and times mean.

#[cfg(test)]
#[path = "../../../tests/unit/hdf5_against_h5py.rs"]
mod against_h5py;
pub(super) mod cf;
mod layouts;
mod library;
mod rows;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use layouts::{Layout, Scope};
use library::{Hdf5File, Reason};
use rows::{Adapted, DatasetFields, GroupsSource, LARGE_CHUNK_ROWS, ReadPlan, Traces};

use crate::input::{Head, Input};
use crate::{Batch, Error, Format, Hdf5Reader, ReadOptions, Result, Scale, Source, SourceInfo, Tally};

/// Bytes that are kept of decoded chunks which several batches share, at most.
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
        let file = input.on_disk()?;
        let mut source = open(file, options).map_err(|error| error.moved(file, input.path()))?;
        if file != &**input.path() {
            source = Box::new(OfObject { source, input: input.clone(), copy: file.to_owned() });
        }
        Ok(match options.scale {
            Scale::Isd => Box::new(Adapted { source, adapter: Traces::default() }),
            Scale::Attributes => source,
        })
    }
}

/// An object whose copy is read, under its own name.
struct OfObject {
    source: Box<dyn Source>,
    /// Keeps the copy.
    input: Input,
    copy: PathBuf,
}

impl Source for OfObject {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    fn tally(&self) -> Tally {
        self.source.tally()
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let batch = self.source.next_batch().map_err(|error| error.moved(&self.copy, self.input.path()))?;
        Ok(batch.map(|batch| Batch { path: Arc::clone(self.input.path()), ..batch }))
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
        (_, Layout::Groups { groups, notes }) => {
            return Ok(Box::new(GroupsSource::new(path, groups, notes, options)?));
        }
        (scope, Layout::One(catalog)) => (scope, catalog),
    };
    let mut plan = rows::plan(&scope, catalog.as_ref())?;
    let shared = shared_chunk_bytes(&plan);
    if shared > 0
        && let (scope, Layout::One(catalog)) = layout_of(path, options, shared)?
    {
        plan = rows::plan(&scope, catalog.as_ref())?;
    }
    rows::source(path, plan)
}

/// The layout of the file at `path`, whose reader keeps up to `cache_bytes` of decoded chunks.
fn layout_of(path: &Path, options: &ReadOptions, cache_bytes: usize) -> Result<(Scope, Layout)> {
    let file = open_file(path, options.hdf5_reader, cache_bytes).map_err(|reason| Error::Format {
        path: path.to_owned(),
        found: format!("is a damaged HDF5 file: {reason}"),
        hint: Some("copy or write it again".into()),
    })?;
    let scope = Scope {
        file,
        path: path.to_owned(),
        group: String::new(),
        table: None,
        options: Arc::new(options.clone()),
    };
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

/// Bytes of one chunk of each dataset whose chunks are larger than a batch; 0 where there is none, or where they are too
/// many to be kept.
fn shared_chunk_bytes(plan: &ReadPlan) -> usize {
    let chunk_bytes = |fields: &DatasetFields| {
        let elements = fields.chunk_elements().filter(|&elements| elements > LARGE_CHUNK_ROWS)?;
        Some(elements.saturating_mul(fields.dataset.element().size() as u64))
    };
    let large = plan.datasets.iter().filter_map(chunk_bytes);
    let bytes = large.fold(0_u64, u64::saturating_add);
    // A cache that does not hold them all would decode each of them anew for every batch, and its
    // memory would be of no use.
    if bytes <= SHARED_CHUNK_BYTES { bytes as usize } else { 0 }
}
