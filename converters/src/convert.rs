//! The conversion: from a source to a complete dataset under its final name, and what it holds.

use std::fs;
use std::path::{Path, PathBuf};

use crate::archive::{Archive, ArchiveReader};
use crate::dataset::gather::{Gatherer, RowGroup, Totals};
use crate::dataset::target::Target;
use crate::dataset::writer::{DatasetWriter, Written};
use crate::dataset::{
    self, FORMAT_VERSION, MANIFEST, Manifest, ManifestColumn, ManifestOptions, ROW_GROUP_ROWS, iso8601,
};
use crate::{Error, ReadOptions, Result, Scale};

/// How to convert.
#[derive(Debug, Clone)]
pub struct ConvertOptions {
    /// The source's files or directories: for the manifest, and never to be overwritten.
    pub sources: Vec<PathBuf>,
    /// How the source was opened: for the manifest.
    pub read: ReadOptions,
    /// Replace a dataset that exists; without it one is refused.
    pub overwrite: bool,
    /// Bring a dataset that exists up to date: only the blocks whose source files changed are written anew.
    pub update: bool,
    /// Go on where an interrupted conversion of the same files to the same target stopped.
    pub resume: bool,
    /// Which of several rows of one station and time stays.
    pub duplicates: Duplicates,
    /// Store values as float32 instead of float64.
    pub float32: bool,
    /// Rows of a row group, unless a single station has more.
    #[doc(hidden)]
    pub row_group_rows: usize,
    /// Bytes of observations held at once while sorting, before they are spilled to disk.
    #[doc(hidden)]
    pub sort_bytes: usize,
}

/// Which of several rows of one station and time stays, where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// None: the conversion fails.
    Error,
    /// The first in the order of reading.
    First,
    /// The last in the order of reading.
    #[default]
    Last,
}

/// Observations held at once while sorting: so much that the whole process stays under 1 GiB.
const SORT_BYTES: usize = 256 << 20;

impl Default for ConvertOptions {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            read: ReadOptions::default(),
            overwrite: false,
            update: false,
            resume: false,
            duplicates: Duplicates::default(),
            float32: false,
            row_group_rows: ROW_GROUP_ROWS,
            sort_bytes: SORT_BYTES,
        }
    }
}

/// A finished conversion.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// What was written: the dataset's manifest.
    pub manifest: Manifest,
    /// Size in bytes of the files that rows came from.
    pub bytes_in: u64,
    /// Size in bytes of the files written.
    pub bytes_out: u64,
}

/// Writes all rows of `archive` as a new dataset in the directory `target`.
///
/// While one row group is encoded, its columns in parallel on the ambient rayon pool, the next is
/// read; memory holds two row groups and the batches they touch. The dataset takes its name when
/// it is complete; after an error nothing of it is left, and a dataset that was to be replaced is
/// as it was. `progress` is told, from any thread, how many rows have been read so far.
///
/// # Errors
/// Whatever the source reports; rows that are not in strictly ascending order of (`station_id`,
/// `timestamp`); a source without rows; a target that exists or cannot be written.
pub fn convert(
    archive: &mut Archive,
    target: &Path,
    options: &ConvertOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Conversion> {
    let columns = archive.columns().to_vec();
    let first_source = options.sources.first().map_or(target, PathBuf::as_path);
    let target = Target::prepare(target, options.overwrite, &options.sources)?;
    let mut writer = DatasetWriter::new(target.directory(), dataset::schema(&columns, options.float32))?;
    let mut gatherer = Gatherer::new(columns.len(), options.row_group_rows);

    let mut reader = archive.read(|_, _| true);
    let mut next = next_row_group(&mut reader, &mut gatherer, progress)?;
    while let Some(row_group) = next {
        let (written, following) =
            rayon::join(|| writer.write(&row_group), || next_row_group(&mut reader, &mut gatherer, progress));
        written?;
        next = following?;
    }
    let written = writer.finish()?;
    let totals = gatherer.totals();
    let manifest = manifest(archive, options, totals, written).ok_or_else(|| Error::Format {
        path: first_source.to_owned(),
        found: "holds no observations".into(),
        hint: Some("name a source that has rows".into()),
    })?;
    let manifest_bytes = write_manifest(&manifest, target.directory())?;
    target.publish()?;
    let bytes_in =
        totals.files.iter().filter_map(|path| fs::metadata(path).ok()).map(|file| file.len()).sum();
    Ok(Conversion { manifest, bytes_in, bytes_out: written.bytes + manifest_bytes })
}

/// Reads until a row group is complete; `None` behind the last.
fn next_row_group(
    reader: &mut ArchiveReader,
    gatherer: &mut Gatherer,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Option<RowGroup>> {
    loop {
        if let Some(row_group) = gatherer.pop() {
            return Ok(Some(row_group));
        }
        if gatherer.is_finished() {
            return Ok(None);
        }
        let Some(batch) = reader.next_batch().map_err(|failed| failed.error)? else {
            gatherer.finish();
            continue;
        };
        gatherer.push(batch)?;
        progress(gatherer.totals().rows);
    }
}

/// The manifest, or `None` of a source without rows.
fn manifest(
    archive: &Archive,
    options: &ConvertOptions,
    totals: &Totals,
    written: Written,
) -> Option<Manifest> {
    let (first, last) = totals.time_range?;
    let columns = archive.columns().iter().zip(&totals.nulls);
    Some(Manifest {
        format_version: FORMAT_VERSION,
        tool: concat!("isd-convert ", env!("CARGO_PKG_VERSION")).to_owned(),
        sources: options.sources.iter().map(|path| path.display().to_string()).collect(),
        layout: archive.layout().to_owned(),
        options: ManifestOptions {
            measurements: options.read.measurements.clone(),
            column_paths: options.read.column_paths.clone(),
            scale: match options.read.scale {
                Scale::Attributes => "attributes".to_owned(),
                Scale::Isd => "isd".to_owned(),
            },
            float32: options.float32,
        },
        rows: totals.rows,
        stations: totals.stations,
        files: written.files,
        row_groups: written.row_groups,
        first_timestamp: iso8601(first),
        last_timestamp: iso8601(last),
        columns: columns
            .map(|(column, &nulls)| ManifestColumn {
                name: column.name.clone(),
                units: column.units.clone(),
                resolution: column.resolution.clone(),
                nulls,
            })
            .collect(),
        notes: archive.notes().to_vec(),
    })
}

/// Writes the manifest into the dataset's directory; says how large it is.
fn write_manifest(manifest: &Manifest, directory: &Path) -> Result<u64> {
    let path = directory.join(MANIFEST);
    let failed = |source| Error::Io { path: path.clone(), action: "cannot write", source };
    let json = manifest.to_json().map_err(|error| failed(error.into()))?;
    fs::File::create_new(&path)
        .and_then(|mut file| {
            std::io::Write::write_all(&mut file, json.as_bytes())?;
            file.sync_all()
        })
        .map_err(failed)?;
    Ok(json.len() as u64)
}
