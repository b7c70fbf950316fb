//! The conversion: an archive in, a complete dataset under its final name out.
//!
//! `keep` decides which blocks and rows of a dataset that is there stay (`before`), `sink` writes the other blocks, and
//! `journal` keeps account of both, so that a conversion can be resumed and a dataset updated. `changes` counts what changed.
//! `stations` says where the stations are.

mod before;
mod changes;
mod journal;
mod keep;
mod sink;
mod stations;

pub use changes::{FileChanges, RowChanges};
pub use journal::JOURNAL;
pub use keep::Course;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use isd_dataset::block::BlockRecord;
use isd_dataset::layout::{MANIFEST, schema};
use isd_dataset::manifest::{Duplicates, FORMAT_VERSION, Manifest, ManifestColumn, ManifestOptions};
use isd_dataset::selection::Selection;
use isd_dataset::station_table::StationTable;
use isd_dataset::time::iso8601;
use isd_dataset::write::Target;

use before::Before;
use changes::Blocks;
use journal::{Journal, Settings, SourceRecord, option_differences};
use keep::{Keep, Kept};
use sink::{DatasetSink, remove_other_blocks};
use stations::Stations;

use crate::archive::Archive;
use crate::series::{SeriesOptions, read_selected};
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
    /// Which stations and times are written.
    pub selection: Selection,
    /// The same as the user said it, for the manifest; `None` for all.
    pub selection_text: Option<String>,
    /// Replace a dataset that exists; without it one is refused.
    pub overwrite: bool,
    /// Bring a dataset that exists up to date: only blocks whose source files changed are written anew, and rows of files
    /// that are gone or cannot be read stay. Where there is no dataset, all of it is written.
    pub update: bool,
    /// Remove in an update the rows of files that are gone.
    pub prune: bool,
    /// Keep the blocks that a run of the same conversion had completed when it was killed. Without `overwrite` and `update`
    /// a dataset that is complete is left as it is.
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
            selection: Selection::default(),
            selection_text: None,
            overwrite: false,
            update: false,
            prune: false,
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
    /// Blocks of the dataset that was updated which this one does not have.
    pub blocks_removed: u64,
    /// What became of the source files.
    pub files: FileChanges,
    /// Source files that are gone. Unless they were pruned, their rows stay.
    pub gone: Vec<PathBuf>,
    /// What became of the rows of the dataset that was updated; where there was none, all are added.
    pub rows: RowChanges,
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
/// target that exists, that another run is writing or that cannot be written; an update with other options or columns than
/// those of the dataset, or without one of its files that is there; rows that are to stay in a file that is damaged;
/// a list of stations that cannot be read.
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
    let sources: Vec<_> = archive.files().iter().map(SourceRecord::new).collect();
    let replace = options.overwrite || options.update;
    let mut target = Target::prepare(target, replace || options.resume, &options.sources)?;
    if let (Some(previous), false) = (target.previous(), replace) {
        return complete(archive, previous, options, sources);
    }
    if options.update {
        target.fetch_previous()?;
    }
    let before = target.previous().filter(|_| options.update).map(Before::open).transpose()?;
    let mut keep = if let Some(before) = before {
        before.check_complete(&sources)?;
        before.check_same_kind(&manifest_options(options), archive)?;
        archive.set_columns(before.journal.settings.columns.clone());
        Keep::update(sources, before, &settings(archive, options), options.prune)
    } else {
        Keep::nothing(sources)
    };
    let settings = settings(archive, options);
    if options.resume {
        keep.resume(&target, &settings);
    } else {
        // They may hold the space that this run needs.
        target.remove_abandoned();
    }
    keep.note_failures(archive);
    keep.read_new(archive, progress)?;
    if let Some(previous) = target.previous().filter(|_| keep.is_up_to_date())
        && let Some(stations) = unchanged(&keep, previous, target.is_version(), options)?
    {
        let manifest = Manifest::read(previous)?;
        target.remove_abandoned();
        keep.course = Course::Unchanged;
        let stations_placed = stations.table.placed() as u64;
        return Ok(Conversion { stations_placed, ..Conversion::new(manifest, archive, keep) });
    }
    let written = write(archive, &target, keep, settings, options, progress)?;
    target.remove_abandoned();
    target.publish()?;
    Ok(written)
}

/// The stations of a dataset that is up to date, whose table is written if it has changed; `None` where that cannot be done
/// without a new `version` of the dataset.
fn unchanged(
    keep: &Keep,
    previous: &Path,
    version: bool,
    options: &ConvertOptions,
) -> Result<Option<Stations>> {
    let kept = keep.kept();
    let stations = stations(keep, kept.values().map(|kept| &kept.record), options)?;
    if StationTable::find(previous)?.as_ref() != Some(&stations.table) {
        if version {
            return Ok(None);
        }
        stations.table.write(previous)?;
    }
    Ok(Some(stations))
}

/// A conversion that was to be resumed, and whose dataset is complete.
/// Errors: a dataset of other options, or without a journal.
fn complete(
    archive: &Archive,
    dataset: &Path,
    options: &ConvertOptions,
    sources: Vec<SourceRecord>,
) -> Result<Conversion> {
    let manifest = Manifest::read(dataset)?;
    let own = manifest_options(options);
    if manifest.options != own {
        return Err(Error::Format {
            path: dataset.to_owned(),
            found: format!(
                "is complete, and of another conversion: {}",
                option_differences(&manifest.options, &own)
            ),
            hint: Some("give another -o, or --overwrite to replace it".into()),
        });
    }
    let mut keep = Keep::update(sources, Before::open(dataset)?, &settings(archive, options), false);
    keep.note_failures(archive);
    keep.course = Course::Complete;
    let stations_placed = StationTable::find(dataset)?.map_or(0, |table| table.placed() as u64);
    Ok(Conversion { stations_placed, ..Conversion::new(manifest, archive, keep) })
}

/// Writes the dataset into the target's hidden directory.
fn write(
    archive: &mut Archive,
    target: &Target,
    mut keep: Keep,
    settings: Settings,
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
    let start = Journal::new(settings, archive.files().iter().map(SourceRecord::new).collect());
    let (report, kept, mut journal) = loop {
        let mut journal = start.clone();
        remove_other_blocks(staged, &journal)?;
        let kept = keep.kept();
        keep.place(&kept, staged, &mut journal)?;
        let selected = keep.selected(&kept)?;
        let mut sink =
            DatasetSink::new(staged, schema.clone(), journal, &selected.retained, &options.selection)?;
        let report = read_selected(archive, &selected, &series_options, &mut sink, progress)?;
        let journal = sink.finish()?;
        if !keep.learn(archive, &selected, &report) {
            break (report, kept, journal);
        }
    };
    journal.files =
        keep.known.iter().flatten().map(|file| (file.source.path.clone(), file.clone())).collect();
    journal.retained.clone_from(&keep.lost);
    // They are needed only to resume.
    journal.sources.clear();
    let read: u64 = report.files.iter().map(|file| archive.files()[file.file].bytes).sum();
    let written = journal.blocks.values().filter(|block| !kept.contains_key(&block.block));
    let (blocks_written, bytes) =
        written.fold((0, 0), |(blocks, bytes), block| (blocks + 1, bytes + block.parts.iter().sum::<u64>()));
    let stations = stations(&keep, journal.blocks.values(), options)?;
    let mut manifest = manifest(archive, &journal, options).ok_or_else(|| Error::Format {
        path: options.sources.first().map_or_else(PathBuf::new, Clone::clone),
        found: "holds no observations".into(),
        hint: Some("name a source that has rows".into()),
    })?;
    manifest.notes.extend(stations.note());
    let rows = row_changes(&keep, &kept, staged, &journal)?;
    let blocks_removed = keep.before().map_or(0, |(_, before)| {
        before.keys().filter(|block| !journal.blocks.contains_key(*block)).count() as u64
    });
    let bytes_out =
        bytes + journal.write(staged)? + stations.table.write(staged)? + write_manifest(&manifest, staged)?;
    Ok(Conversion {
        stations_placed: stations.table.placed() as u64,
        blocks_written,
        blocks_removed,
        rows,
        sorted: report.sorted,
        spilled_bytes: report.spilled_bytes,
        bytes_in: read,
        bytes_out,
        ..Conversion::new(manifest, archive, keep)
    })
}

/// The stations of `blocks`, with the places that a list, the rows of the source files and the dataset that is updated say.
/// Errors: a list, or a table of stations, that cannot be read.
fn stations<'a>(
    keep: &Keep,
    blocks: impl Iterator<Item = &'a BlockRecord>,
    options: &ConvertOptions,
) -> Result<Stations> {
    let said = keep.known.iter().flatten().chain(keep.lost.values()).map(|file| &file.places);
    let before = keep.before().map(|(directory, _)| StationTable::find(directory)).transpose()?.flatten();
    Stations::new(blocks.flat_map(|block| &block.series), said, before.as_ref(), options.stations.as_deref())
}

/// How the rows of the new dataset differ from those of the one that is updated.
fn row_changes(
    keep: &Keep,
    kept: &BTreeMap<String, Kept>,
    staged: &Path,
    journal: &Journal,
) -> Result<RowChanges> {
    let Some((directory, blocks)) = keep.before() else {
        let added = journal.blocks.values().map(|block| block.rows).sum();
        return Ok(RowChanges { added, ..RowChanges::default() });
    };
    let (old, new) = (Blocks { directory, blocks }, Blocks { directory: staged, blocks: &journal.blocks });
    let stayed = |block: &str| kept.get(block).is_some_and(|kept| kept.is_of(directory));
    RowChanges::between(&old, &new, &journal.settings.columns, stayed)
}

impl Conversion {
    /// A conversion that wrote nothing.
    fn new(manifest: Manifest, archive: &Archive, keep: Keep) -> Self {
        Self {
            manifest,
            stations_placed: 0,
            blocks_written: 0,
            blocks_kept: keep.kept().len() as u64,
            blocks_removed: 0,
            files: keep.file_changes(archive),
            gone: keep.gone,
            rows: RowChanges::default(),
            course: keep.course,
            sorted: false,
            spilled_bytes: 0,
            bytes_in: 0,
            bytes_out: 0,
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
    ManifestOptions {
        selection: options.selection_text.clone(),
        ..options.read.for_manifest(options.duplicates, options.float32)
    }
}

/// The manifest; `None` where the dataset has no rows.
fn manifest(archive: &Archive, journal: &Journal, options: &ConvertOptions) -> Option<Manifest> {
    let blocks = || journal.blocks.values();
    let first = blocks().map(|block| block.time_range.0).min()?;
    let last = blocks().map(|block| block.time_range.1).max()?;
    let nulls = |column: usize| blocks().map(|block| block.nulls[column]).sum();
    let mut tally = Tally::default();
    let lost = journal.retained.iter().filter(|(path, _)| !journal.files.contains_key(*path));
    journal.files.values().chain(lost.map(|(_, file)| file)).for_each(|file| tally.add(&file.tally));
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
        retained_files: journal.retained.len() as u64,
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
