//! `_journal.ndjson`: which source files a dataset comes from, and of which stations and times their rows are, a line each.
//!
//! It is written while the dataset is, so that a conversion that was interrupted can go on, and it stays, so that an
//! update knows which blocks are out of date.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use isd_dataset::block::BlockRecord;
use isd_dataset::layout::block_of;
use isd_dataset::manifest::ManifestOptions;
use isd_dataset::place::SaidPlaces;
use isd_dataset::storage;
use isd_stores::is_address;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::archive::{FileReport, SourceFile};
use crate::series::Region;
use crate::{ColumnInfo, Error, Result, Tally};

pub use isd_dataset::layout::JOURNAL;

/// Which files a dataset was made of, or how far a conversion has come.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Journal {
    pub(super) settings: Settings,
    /// The files of the archive, in the order in which they are read; none in a dataset that is complete.
    pub(super) sources: Vec<SourceRecord>,
    /// The files that were read to their ends, by path.
    pub(super) files: BTreeMap<String, FileRecord>,
    /// Files that are gone or cannot be read, or not to their ends, and whose rows stayed from an earlier dataset, by path;
    /// as they were when they were read.
    pub(super) retained: BTreeMap<String, FileRecord>,
    /// The blocks that are complete, by name.
    pub(super) blocks: BTreeMap<String, BlockRecord>,
}

/// All that the bytes of a dataset's files depend on besides the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Settings {
    pub(super) tool: String,
    pub(super) options: ManifestOptions,
    pub(super) row_group_rows: usize,
    pub(super) columns: Vec<ColumnInfo>,
}

/// A source file as it was when it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SourceRecord {
    /// Absolute, so that it names the file wherever the next conversion is started.
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) modified_ns: u64,
}

/// A source file that was read to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FileRecord {
    #[serde(flatten)]
    pub(super) source: SourceRecord,
    pub(super) rows: u64,
    /// Earliest and latest time of its rows, in microseconds since 1970 UTC.
    pub(super) times: Option<(i64, i64)>,
    /// Rows of each station.
    pub(super) stations: BTreeMap<String, u64>,
    #[serde(default)]
    pub(super) tally: Tally,
    /// Where its rows say that their stations are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) places: BTreeMap<String, SaidPlaces>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Settings(Settings),
    Source(SourceRecord),
    File(FileRecord),
    Retained(FileRecord),
    Block(BlockRecord),
}

impl Settings {
    /// How these settings differ from those of another dataset; `None` where they do not.
    pub(super) fn difference(&self, other: &Self) -> Option<String> {
        if self.tool != other.tool {
            Some(format!("it was written by {}", other.tool))
        } else if self.row_group_rows != other.row_group_rows {
            Some("it was written with row groups of another size".to_owned())
        } else if self.options != other.options {
            Some(format!("it was written with {}", option_differences(&other.options, &self.options)))
        } else if self.columns != other.columns {
            Some("the columns of the archive are others than those of the dataset".to_owned())
        } else {
            None
        }
    }
}

/// How these options of a conversion differ from others, as a list: `quality "drop" instead of "keep"`.
pub(super) fn option_differences(these: &ManifestOptions, others: &ManifestOptions) -> String {
    let fields = |options: &ManifestOptions| match serde_json::to_value(options) {
        Ok(Value::Object(fields)) => fields,
        // Options are an object, and nothing in it can fail to be written.
        _ => Map::new(),
    };
    let (these, others) = (fields(these), fields(others));
    let names: BTreeSet<&String> = these.keys().chain(others.keys()).collect();
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "default".to_owned(),
        Some(Value::Array(list)) if list.is_empty() => "default".to_owned(),
        Some(value) => value.to_string(),
    };
    let both = names.into_iter().map(|name| (name, text(these.get(name)), text(others.get(name))));
    let differs = both.filter(|(_, this, other)| this != other);
    differs
        .map(|(name, this, other)| format!("{name} {this} instead of {other}"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl SourceRecord {
    pub(super) fn new(file: &SourceFile) -> Self {
        // Only an empty path, that of a source that is no file, has no absolute one; an address is absolute.
        let absolute = |path: &Path| std::path::absolute(path).ok().filter(|_| !is_address(path));
        let path = absolute(&file.path).unwrap_or_else(|| file.path.clone());
        Self { path: path.to_string_lossy().into_owned(), bytes: file.bytes, modified_ns: file.modified_ns }
    }

    /// Whether nothing was written to the file in between, as far as can be told.
    pub(super) fn is_unchanged(&self, other: &Self) -> bool {
        self == other && self.modified_ns != 0
    }
}

impl FileRecord {
    pub(super) fn new(source: SourceRecord, report: &FileReport) -> Self {
        let FileReport { rows, times, stations, .. } = report;
        let mut tally = report.tally.clone();
        let places = std::mem::take(&mut tally.places);
        let stations = stations.iter().map(|(station, rows)| (station.to_string(), *rows)).collect();
        Self { source, rows: *rows, times: *times, stations, tally, places }
    }

    /// The blocks that its rows belong to, and how many rows each has.
    pub(super) fn blocks(&self) -> BTreeMap<String, u64> {
        let mut blocks = BTreeMap::new();
        for (station, rows) in &self.stations {
            *blocks.entry(block_of(station)).or_default() += rows;
        }
        blocks
    }

    /// The stations and times of its rows.
    pub(super) fn region(&self) -> Option<Region> {
        Some(Region { stations: self.stations.keys().cloned().collect(), times: self.times? })
    }

    /// Whether another record of the file lacks rows of a station that this one has.
    pub(super) fn has_more_than(&self, other: &Self) -> bool {
        self.stations.iter().any(|(station, rows)| other.stations.get(station).is_none_or(|own| own < rows))
    }

    /// Adds the stations and times of another record of the file.
    pub(super) fn extend(&mut self, other: &Self) {
        for (station, rows) in &other.stations {
            let own = self.stations.entry(station.clone()).or_default();
            *own = (*own).max(*rows);
        }
        for (station, said) in &other.places {
            self.places.entry(station.clone()).or_insert_with(|| said.clone()).add(said);
        }
        self.times = match (self.times, other.times) {
            (Some(own), Some(other)) => Some((own.0.min(other.0), own.1.max(other.1))),
            (own, other) => own.or(other),
        };
    }
}

impl Journal {
    pub(super) fn new(settings: Settings, sources: Vec<SourceRecord>) -> Self {
        Self { settings, sources, files: BTreeMap::new(), retained: BTreeMap::new(), blocks: BTreeMap::new() }
    }

    /// The journal of the dataset in that directory, complete or not; `None` if it has none.
    ///
    /// # Errors
    /// A journal that cannot be read. A last line that was cut short is passed over.
    pub(super) fn read(dataset: &Path) -> Result<Option<Self>> {
        let path = dataset.join(JOURNAL);
        let text = match storage::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io(&path, "cannot read", error)),
        };
        let broken = |found: String| Error::Format {
            path: path.clone(),
            found,
            hint: Some("convert the whole archive again with --overwrite".into()),
        };
        let mut journal: Option<Self> = None;
        // Text after the last line end is a line that was cut short.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (number, line) in whole.lines().enumerate() {
            let line = serde_json::from_str(line).map_err(|error| {
                broken(format!("line {}: is not of the journal of an isd dataset: {error}", number + 1))
            })?;
            match (&mut journal, line) {
                (None, Line::Settings(settings)) => journal = Some(Self::new(settings, Vec::new())),
                (Some(journal), Line::Source(source)) => journal.sources.push(source),
                (Some(journal), Line::File(file)) => journal.add_file(file),
                (Some(journal), Line::Retained(file)) => {
                    journal.retained.insert(file.source.path.clone(), file);
                }
                (Some(journal), Line::Block(block)) => journal.add_block(block),
                _ => return Err(broken(format!("line {}: expected one line of settings first", number + 1))),
            }
        }
        journal.map(Some).ok_or_else(|| broken("is empty".to_owned()))
    }

    /// What the dataset holds of each file, whether it could be read to its end or not, by path.
    pub(super) fn contributions(&self) -> BTreeMap<String, FileRecord> {
        let mut all = self.retained.clone();
        for (path, file) in &self.files {
            match all.entry(path.clone()) {
                Entry::Vacant(entry) => drop(entry.insert(file.clone())),
                Entry::Occupied(mut entry) => entry.get_mut().extend(file),
            }
        }
        all
    }

    pub(super) fn add_file(&mut self, file: FileRecord) {
        self.files.insert(file.source.path.clone(), file);
    }

    pub(super) fn add_block(&mut self, block: BlockRecord) {
        self.blocks.insert(block.block.clone(), block);
    }

    /// Writes the journal into the dataset's directory, in the place of one that is there; gives its size in bytes.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn write(&self, dataset: &Path) -> Result<u64> {
        let path = dataset.join(JOURNAL);
        let temporary = dataset.join(format!("{JOURNAL}.new"));
        let mut text = Vec::new();
        let write = |text: &mut Vec<u8>| -> io::Result<()> {
            push(text, &Line::Settings(self.settings.clone()))?;
            self.sources.iter().try_for_each(|source| push(text, &Line::Source(source.clone())))?;
            self.files.values().try_for_each(|file| push(text, &Line::File(file.clone())))?;
            self.retained.values().try_for_each(|file| push(text, &Line::Retained(file.clone())))?;
            self.blocks.values().try_for_each(|block| push(text, &Line::Block(block.clone())))?;
            let mut file = File::create(&temporary)?;
            file.write_all(text)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        };
        write(&mut text).map_err(|error| Error::io(&path, "cannot write", error))?;
        Ok(text.len() as u64)
    }

    /// Adds a file that was read to its end to the journal in that directory as well.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn append_file(&mut self, dataset: &Path, file: FileRecord) -> Result<()> {
        append(dataset, &Line::File(file.clone()), false)?;
        self.add_file(file);
        Ok(())
    }

    /// Adds a block that is complete to the journal in that directory as well, and waits until it is on disk.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn append_block(&mut self, dataset: &Path, block: BlockRecord) -> Result<()> {
        append(dataset, &Line::Block(block.clone()), true)?;
        self.add_block(block);
        Ok(())
    }
}

fn append(dataset: &Path, line: &Line, sync: bool) -> Result<()> {
    let path = dataset.join(JOURNAL);
    let mut text = Vec::new();
    push(&mut text, line)
        .and_then(|()| {
            let mut file = OpenOptions::new().append(true).open(&path)?;
            file.write_all(&text)?;
            if sync { file.sync_data() } else { Ok(()) }
        })
        .map_err(|error| Error::io(&path, "cannot write", error))
}

fn push(text: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}
