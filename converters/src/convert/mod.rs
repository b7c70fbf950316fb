//! The conversion: an archive in, a complete dataset under its final name out.
//!
//! `keep` decides which blocks of a dataset that is there stay, `sink` writes the others, and `journal` keeps account of
//! both, so that a conversion can be resumed and a dataset updated. `stations` says where the stations are.

mod journal;
mod keep;
mod sink;
mod stations;

pub use journal::JOURNAL;

pub use keep::Course;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use isd_dataset::layout::{MANIFEST, schema};
use isd_dataset::manifest::{Duplicates, FORMAT_VERSION, Manifest, ManifestColumn, ManifestOptions};
use isd_dataset::station_table::StationTable;
use isd_dataset::time::iso8601;
use isd_dataset::write::Target;

use journal::{Journal, Settings, SourceRecord};
use keep::Keep;
use sink::{DatasetSink, remove_other_blocks};
use stations::Stations;

use crate::archive::Archive;
use crate::series::{Selected, SeriesOptions, SeriesReport, read_selected};
use crate::{Error, ReadOptions, Result, Tally};

/// How an archive is converted.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag by itself")]
pub struct ConvertOptions {
    /// The source's files or directories: for the manifest, and never to be overwritten.
    pub sources: Vec<PathBuf>,
    /// How the source was opened: for the manifest.
    pub read: ReadOptions,
    /// NOAA's list of stations, or GHCNh's, whose places go over those that the source says.
    pub stations: Option<PathBuf>,
    /// Replace a dataset that exists; without it one is refused.
    pub overwrite: bool,
    /// Bring a dataset that exists up to date: only blocks whose source files changed are written anew. Where there is
    /// none, all of it is written.
    pub update: bool,
    /// Keep the blocks that a run of the same conversion had completed when it was killed.
    pub resume: bool,
    /// Which of several rows of one station and time stays.
    pub duplicates: Duplicates,
    /// Store values as float32 instead of float64.
    pub float32: bool,
    /// Rows of a row group, unless a single station has more.
    #[doc(hidden)]
    pub row_group_rows: usize,
    /// Bytes of observations held at once while sorting.
    #[doc(hidden)]
    pub sort_bytes: usize,
}

impl Default for ConvertOptions {
    fn default() -> Self {
        let SeriesOptions { duplicates, row_group_rows, sort_bytes, .. } = SeriesOptions::new(PathBuf::new());
        Self {
            sources: Vec::new(),
            read: ReadOptions::default(),
            stations: None,
            overwrite: false,
            update: false,
            resume: false,
            duplicates,
            float32: false,
            row_group_rows,
            sort_bytes,
        }
    }
}

/// A finished conversion.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// What the dataset holds: its manifest.
    pub manifest: Manifest,
    /// Which blocks were kept or written, and why.
    pub course: Course,
    /// Blocks that were written.
    pub blocks_written: u64,
    /// Stations whose position is known.
    pub stations_placed: u64,
    /// Blocks that were kept as they were.
    pub blocks_kept: u64,
    /// Blocks of the dataset that was replaced or updated which this one does not have.
    pub blocks_removed: u64,
    /// Whether the rows were out of order and had to be sorted.
    pub sorted: bool,
    /// Bytes that sorting wrote to disk and removed again, because they did not fit into memory.
    pub spilled_bytes: u64,
    /// Size in bytes of the source files that were read.
    pub bytes_in: u64,
    /// Size in bytes of the files that were written.
    pub bytes_out: u64,
}

/// Checks that [`convert`] may write a dataset at `target`, without writing anything.
///
/// # Errors
/// A target that exists without `overwrite`, that is no dataset, or that overlaps a source.
pub fn check_target(target: &Path, options: &ConvertOptions) -> Result<()> {
    Target::check(target, options.overwrite || options.update, &options.sources).map(|_| ())
}

/// Writes all rows of `archive` as a dataset in the directory `target`.
///
/// Rows may come in any order: see [`read_series`](crate::read_series). While one row group is encoded, its columns in
/// parallel on the ambient rayon pool, the next is read. The dataset appears under its name when it is complete; after
/// an error nothing of it is left, and a dataset that was to be replaced or updated stays as it was until then.
/// `progress` is told, from any thread, how many rows have been read; where rows had to be sorted, it is then told how
/// many have been handed on for writing. It may begin again at 0.
///
/// # Errors
/// Whatever the archive reports; rows of one key that differ, under [`Duplicates::Error`]; an archive without rows; a
/// target that exists, that another run is writing or that cannot be written; a list of stations that cannot be read.
pub fn convert(
    archive: &mut Archive,
    target: &Path,
    options: &ConvertOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Conversion> {
    if let Some(list) = &options.stations {
        // One that cannot be read is reported before any long work.
        StationTable::default().set_places_of_list(list)?;
    }
    let mut target = Target::prepare(target, options.overwrite || options.update, &options.sources)?;
    let settings = settings(archive, options);
    let sources: Vec<_> = archive.files().iter().map(SourceRecord::new).collect();
    let mut keep = if options.update {
        Keep::update(archive, &target, &sources, &settings, progress)?
    } else {
        Keep::nothing(sources.len(), Course::Whole)
    };
    if options.resume && keep.course != Course::Unchanged {
        keep.resume(&target, &sources, &settings);
    }
    if let (Course::Unchanged, Some(previous)) = (&keep.course, target.previous()) {
        let blocks_kept = keep.kept.len() as u64;
        let records = keep.kept.values().flat_map(|kept| &kept.record.series);
        let places = keep.known.iter().flatten().map(|file| &file.places);
        let known = StationTable::find(previous)?;
        let stations = Stations::new(records, places, known.as_ref(), options.stations.as_deref())?;
        if known.as_ref() != Some(&stations.table) {
            stations.table.write(previous)?;
        }
        let mut conversion = Conversion::new(Manifest::read(previous)?, Course::Unchanged, blocks_kept);
        conversion.stations_placed = stations.table.placed() as u64;
        target.remove_abandoned();
        return Ok(conversion);
    }
    if !options.resume {
        // They may hold the space that this run needs.
        target.remove_abandoned();
    }
    let written = write(archive, &target, keep, Journal::new(settings, sources), options, progress)?;
    target.remove_abandoned();
    target.publish()?;
    Ok(written)
}

/// Writes the dataset into the target's hidden directory.
fn write(
    archive: &mut Archive,
    target: &Target,
    mut keep: Keep,
    mut journal: Journal,
    options: &ConvertOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Conversion> {
    let staged = target.directory();
    let schema = schema(archive.columns(), options.float32);
    let series_options = SeriesOptions {
        duplicates: options.duplicates,
        row_group_rows: options.row_group_rows,
        sort_bytes: options.sort_bytes,
        scratch: target.scratch(),
    };
    keep.place(staged, &mut journal)?;
    let (report, mut journal) = loop {
        let selected = keep.selected();
        let mut sink = DatasetSink::new(staged, schema.clone(), journal.clone())?;
        let report = read_selected(archive, &selected, &series_options, &mut sink, progress)?;
        let mut complete = sink.finish()?;
        forget_unread(&mut complete, &selected, &report);
        if !keep.drop_outdated(&complete, &journal.sources) {
            break (report, complete);
        }
        journal.files = complete.files;
        journal.blocks.retain(|block, _| keep.kept.contains_key(block));
        journal.write(staged)?;
        remove_other_blocks(staged, &journal)?;
    };
    let gone = |block: &&String| !journal.blocks.contains_key(*block);
    let blocks_removed = keep.before.iter().filter(gone).count() as u64;
    let read: u64 = report.files.iter().map(|file| archive.files()[file.file].bytes).sum();
    let written = journal.blocks.values().filter(|block| !keep.kept.contains_key(&block.block));
    let (blocks_written, bytes) =
        written.fold((0, 0), |(blocks, bytes), block| (blocks + 1, bytes + block.parts.iter().sum::<u64>()));
    // They are needed only to resume.
    journal.sources.clear();
    let records = journal.blocks.values().flat_map(|block| &block.series);
    let places = journal.files.values().map(|file| &file.places);
    let known = match (&keep.course, target.previous()) {
        (Course::Updated, Some(previous)) => StationTable::find(previous)?,
        _ => None,
    };
    let stations = Stations::new(records, places, known.as_ref(), options.stations.as_deref())?;
    let mut manifest = manifest(archive, &journal, options).ok_or_else(|| Error::Format {
        path: options.sources.first().map_or_else(PathBuf::new, Clone::clone),
        found: "holds no observations".into(),
        hint: Some("name a source that has rows".into()),
    })?;
    manifest.notes.extend(stations.note());
    let bytes_out =
        bytes + journal.write(staged)? + stations.table.write(staged)? + write_manifest(&manifest, staged)?;
    Ok(Conversion {
        stations_placed: stations.table.placed() as u64,
        blocks_written,
        blocks_removed,
        sorted: report.sorted,
        spilled_bytes: report.spilled_bytes,
        bytes_in: read,
        bytes_out,
        ..Conversion::new(manifest, keep.course, keep.kept.len() as u64)
    })
}

impl Conversion {
    /// A conversion that wrote nothing.
    fn new(manifest: Manifest, course: Course, blocks_kept: u64) -> Self {
        Self {
            manifest,
            course,
            stations_placed: 0,
            blocks_written: 0,
            blocks_kept,
            blocks_removed: 0,
            sorted: false,
            spilled_bytes: 0,
            bytes_in: 0,
            bytes_out: 0,
        }
    }
}

/// Removes from the journal the files that were to be read and could not be, whatever was known of them.
fn forget_unread(journal: &mut Journal, selected: &Selected, report: &SeriesReport) {
    let read: BTreeSet<usize> = report.files.iter().map(|file| file.file).collect();
    for ((index, source), selected) in journal.sources.iter().enumerate().zip(&selected.files) {
        if *selected && !read.contains(&index) {
            journal.files.remove(&source.path);
        }
    }
}

fn settings(archive: &Archive, options: &ConvertOptions) -> Settings {
    Settings {
        tool: tool(),
        options: manifest_options(options),
        row_group_rows: options.row_group_rows,
        columns: archive.columns().to_vec(),
    }
}

fn tool() -> String {
    concat!("isd-convert ", env!("CARGO_PKG_VERSION")).to_owned()
}

fn manifest_options(options: &ConvertOptions) -> ManifestOptions {
    options.read.for_manifest(options.duplicates, options.float32)
}

/// The manifest; `None` where the dataset has no rows.
fn manifest(archive: &Archive, journal: &Journal, options: &ConvertOptions) -> Option<Manifest> {
    let blocks = || journal.blocks.values();
    let first = blocks().map(|block| block.time_range.0).min()?;
    let last = blocks().map(|block| block.time_range.1).max()?;
    let nulls = |column: usize| blocks().map(|block| block.nulls[column]).sum();
    let mut tally = Tally::default();
    journal.files.values().for_each(|file| tally.add(&file.tally));
    Some(Manifest {
        format_version: FORMAT_VERSION,
        tool: tool(),
        sources: options.sources.iter().map(|path| path.display().to_string()).collect(),
        layout: archive.layout().to_owned(),
        options: manifest_options(options),
        rows: blocks().map(|block| block.rows).sum(),
        stations: blocks().map(|block| block.stations).sum(),
        files: blocks().map(|block| block.parts.len() as u64).sum(),
        row_groups: blocks().map(|block| block.row_groups).sum(),
        first_timestamp: iso8601(first),
        last_timestamp: iso8601(last),
        columns: archive
            .columns()
            .iter()
            .enumerate()
            .map(|(index, column)| ManifestColumn {
                name: column.name.clone(),
                units: column.units.clone(),
                resolution: column.resolution.clone(),
                nulls: nulls(index),
            })
            .collect(),
        duplicates: blocks().map(|block| block.duplicates).sum(),
        identical: blocks().map(|block| block.identical).sum(),
        tally,
        source_files: journal.files.len() as u64,
        failed_files: archive.failures().len() as u64,
        notes: archive.notes().to_vec(),
    })
}

/// Writes the manifest into the dataset's directory; gives its size in bytes.
fn write_manifest(manifest: &Manifest, directory: &Path) -> Result<u64> {
    let path = directory.join(MANIFEST);
    let failed = |error| Error::io(&path, "cannot write", error);
    let json = manifest.to_json().map_err(|error| failed(error.into()))?;
    fs::File::create_new(&path)
        .and_then(|mut file| {
            file.write_all(json.as_bytes())?;
            file.sync_all()
        })
        .map_err(failed)?;
    Ok(json.len() as u64)
}
