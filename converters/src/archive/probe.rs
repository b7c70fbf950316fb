//! A look at the beginning of every file: paths in, and for each its columns, its first row and how to open it out,
//! in the order of the first rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::archive::tar::{Members, TarSource, is_tar};
use crate::archive::{Failures, Opener, ReadProgress, SourceFile, counted, source_file};
use crate::formats::Format;
use crate::{
    ColumnInfo, Error, Head, Input, MEASUREMENTS, Measurement, ReadOptions, Result, Source, format_names,
    format_of,
};
use isd_dataset::layout::check_columns;
use isd_dataset::names::{list, nearest};

/// A file of more stored bytes is read piece by piece, and one of fewer as a whole, beside others.
const SMALL_BYTES: u64 = 8 << 20;

/// A file, or a member of an archive file, and what its beginning says.
pub struct Probed<O = Opener> {
    pub file: SourceFile,
    /// None of a file that cannot be read.
    pub found: Option<Found<O>>,
}

pub struct Found<O = Opener> {
    columns: Vec<ColumnInfo>,
    layouts: Vec<&'static str>,
    notes: Vec<String>,
    lacking: Vec<String>,
    pub rows: Option<u64>,
    /// Station and time of the first row.
    first: Option<(Arc<str>, i64)>,
    pub opener: O,
}

/// Looks at every file, several at a time.
pub fn probe(
    paths: &[PathBuf],
    options: &ReadOptions,
    failures: &Failures,
    progress: &Arc<ReadProgress>,
) -> Result<Vec<Probed>> {
    // There is no order among a single file.
    let alone = paths.len() == 1;
    let found: Vec<Result<(SourceFile, Found)>> = paths
        .par_iter()
        .with_max_len(1)
        .map(|path| {
            let file = source_file(path)?;
            let found = look(&file, options, failures, progress, alone)?;
            Ok((file, found))
        })
        .collect();
    let mut probed = Vec::new();
    for (path, found) in paths.iter().zip(found) {
        match found {
            Ok((file, found)) => probed.push(Probed { file, found: Some(found) }),
            Err(error) if alone => return Err(error),
            Err(error) => {
                failures.add(path, error)?;
                let file = source_file(path);
                let file = file.unwrap_or(SourceFile { path: path.clone(), bytes: 0, modified_ns: 0 });
                probed.push(Probed { file, found: None });
            }
        }
    }
    refuse_other_units(&mut probed, failures)?;
    if probed.iter().all(|file| file.found.is_none()) {
        return Err(none_readable(paths, failures));
    }
    check_wanted(&probed, options)?;
    // Stable: files whose first rows are unknown or the same keep the order in which they were named.
    probed.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok(probed)
}

/// Looks at a member of an archive file, which has other files beside it.
pub fn look_at_member(member: &Input, options: &ReadOptions) -> Result<Probed<()>> {
    let source = open_member(member, options)?;
    check_columns(source.columns(), member.path())?;
    let file = SourceFile { path: member.path().to_path_buf(), bytes: 0, modified_ns: 0 };
    Ok(Probed { file, found: Some(found(source, (), false)?) })
}

/// Opens a member of an archive file for what it has of the measurements asked for.
pub fn open_member(member: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
    Ok(open_what_there_is(format_of(member, options)?, member, options, false)?.0)
}

fn key(probed: &Probed) -> (bool, Option<&(Arc<str>, i64)>) {
    let first = probed.found.as_ref().and_then(|found| found.first.as_ref());
    (first.is_none(), first)
}

fn look(
    file: &SourceFile,
    options: &ReadOptions,
    failures: &Failures,
    progress: &Arc<ReadProgress>,
    alone: bool,
) -> Result<Found> {
    let input = Input::file(&file.path);
    let head = input.head()?;
    let counting = counted(&file.path, progress);
    if is_tar(&head) {
        let members = Arc::new(Members::look(&input, options, failures, alone)?);
        let open = {
            let (members, options, failures) = (Arc::clone(&members), options.clone(), failures.clone());
            move |input: &Input| Box::new(TarSource::open(input, &options, &failures, &members))
        };
        let source = open(&input);
        let opener = Opener { open: Box::new(move || Ok(open(&counting))), small: false };
        return Ok(Found { layouts: members.layouts.clone(), ..found(source, opener, !alone)? });
    }
    let format = format_of(&input, options)?;
    // Of text the beginning says all that is asked for here.
    let beginning = whole_lines(&input, &head).filter(|_| format.is_text(&head));
    let (source, options) = open_what_there_is(format, beginning.as_ref().unwrap_or(&input), options, alone)?;
    check_columns(source.columns(), &file.path)?;
    let opener =
        Opener { open: Box::new(move || format.open(&counting, &options)), small: file.bytes <= SMALL_BYTES };
    found(source, opener, !alone)
}

/// Opens a file for those of the measurements asked for that it has: where other files have the rest, its rows lack
/// them.
fn open_what_there_is(
    format: &dyn Format,
    input: &Input,
    options: &ReadOptions,
    alone: bool,
) -> Result<(Box<dyn Source>, ReadOptions)> {
    let error = match format.open(input, options) {
        Ok(source) => return Ok((source, options.clone())),
        Err(error) if alone || options.measurements.is_empty() => return Err(error),
        Err(error) => error,
    };
    let mut own = ReadOptions { measurements: Vec::new(), ..options.clone() };
    // What keeps it from being opened at all is the same either way.
    let Ok(everything) = format.open(input, &own) else { return Err(error) };
    let has = |name: &&String| everything.columns().iter().any(|column| column.name == **name);
    own.measurements = options.measurements.iter().filter(has).cloned().collect();
    if own.measurements.len() == options.measurements.len() {
        return Err(error);
    }
    // Of a file that has none of them, everything is opened: its rows are there all the same.
    Ok((if own.measurements.is_empty() { everything } else { format.open(input, &own)? }, own))
}

/// Leaves out files that have a column in other units than the files before them.
pub fn refuse_other_units<O>(probed: &mut [Probed<O>], failures: &Failures) -> Result<()> {
    let mut units: HashMap<String, (Option<String>, PathBuf)> = HashMap::new();
    for Probed { file, found } in probed {
        let Some(columns) = found.as_ref().map(|found| &found.columns) else { continue };
        let differs = columns.iter().find_map(|column| {
            let (known, path) = units.get(&column.name)?;
            let same = match (known, &column.units) {
                // The names of ISD's measurements promise their units.
                (None, Some(_)) | (Some(_), None) => Measurement::named(&column.name).is_none(),
                (known, own) => known == own,
            };
            (!same).then_some((column, known, path))
        });
        if let Some((column, known, path)) = differs {
            let say = |units: &Option<String>| units.clone().unwrap_or_else(|| "no known units".to_owned());
            let error = Error::Column {
                path: file.path.clone(),
                column: column.name.clone(),
                found: format!(
                    "is in {}, but in {} in {}; expected the same in all files",
                    say(&column.units),
                    say(known),
                    path.display()
                ),
                hint: Some("convert them by themselves; --scale isd takes HDF5 for ISD's tenths".to_owned()),
            };
            *found = None;
            failures.add(&file.path, error)?;
            continue;
        }
        for column in columns {
            let known = units.entry(column.name.clone()).or_insert_with(|| (None, file.path.clone()));
            known.0 = known.0.take().or_else(|| column.units.clone());
        }
    }
    Ok(())
}

/// Each measurement asked for is in at least one of several files.
pub fn check_wanted<O>(probed: &[Probed<O>], options: &ReadOptions) -> Result<()> {
    let known: BTreeSet<&str> = probed
        .iter()
        .filter_map(|file| file.found.as_ref())
        .flat_map(|found| &found.columns)
        .map(|column| column.name.as_str())
        .collect();
    match options.measurements.iter().find(|name| !known.contains(name.as_str())) {
        Some(absent) => Err(Error::Column {
            path: probed.first().map(|probed| probed.file.path.clone()).unwrap_or_default(),
            column: absent.clone(),
            found: format!(
                "does not exist in this file{}; there are {}",
                match probed.len() - 1 {
                    0 => String::new(),
                    others => format!(", nor in any of the other {others}"),
                },
                list(&known.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
            ),
            hint: nearest(absent, known).map(|near| format!("did you mean {near}?")),
        }),
        None => Ok(()),
    }
}

fn found<O>(mut source: Box<dyn Source>, opener: O, first: bool) -> Result<Found<O>> {
    let first = if first { source.next_batch()? } else { None };
    let first = first.and_then(|batch| {
        let station = batch.stations.iter().find(|run| run.rows > 0)?;
        Some((Arc::clone(&station.station_id), *batch.timestamps.first()?))
    });
    Ok(Found {
        columns: source.columns().to_vec(),
        layouts: vec![source.layout()],
        notes: source.notes().to_vec(),
        lacking: source.lacking().to_vec(),
        rows: source.rows(),
        first,
        opener,
    })
}

/// The head without the line that it cuts, as an input of the same name.
fn whole_lines(input: &Input, head: &Head) -> Option<Input> {
    let end = head.text.iter().rposition(|&byte| byte == b'\n')? + 1;
    Some(input.with_content(head.text.get(..end)?.to_vec().into()))
}

fn none_readable(paths: &[PathBuf], failures: &Failures) -> Error {
    let failures = failures.list();
    let first = failures.first();
    let path = first.map(|failure| &failure.path).or(paths.first()).cloned().unwrap_or_default();
    let reason = first.map(|failure| {
        let message = failure.error.to_string();
        let own = format!("{}: ", path.display());
        format!("; this one: {}", message.strip_prefix(&own).unwrap_or(&message))
    });
    Error::Format {
        found: format!("none of the {} files can be read{}", paths.len(), reason.unwrap_or_default()),
        hint: first.and_then(|failure| failure.error.hint()).or_else(|| {
            Some(format!("name files of observations: the formats are {}", format_names().join(", ")))
        }),
        path,
    }
}

/// The columns of all files: canonical measurements first.
pub fn merged_columns<O>(probed: &[Probed<O>], options: &ReadOptions) -> Vec<ColumnInfo> {
    let mut columns: Vec<ColumnInfo> = Vec::new();
    let all = probed.iter().filter_map(|file| file.found.as_ref()).flat_map(|found| &found.columns);
    // A source reads more than what was asked for where it has nothing of it.
    for column in all.filter(|column| options.reads(&column.name)) {
        match columns.iter_mut().find(|known| known.name == column.name) {
            None => columns.push(column.clone()),
            Some(known) => {
                // Only what all files say is true of the whole column.
                if known.resolution != column.resolution {
                    known.resolution = None;
                }
                if known.origin != column.origin {
                    known.origin = Some("different places".to_owned());
                }
                if known.units.is_none() {
                    known.units.clone_from(&column.units);
                }
            }
        }
    }
    let position =
        |name: &str| MEASUREMENTS.iter().position(|m| m.name == name).unwrap_or(MEASUREMENTS.len());
    columns.sort_by_key(|column| position(&column.name));
    columns
}

/// The layouts of all files, each once.
pub fn layouts<O>(probed: &[Probed<O>]) -> Vec<&'static str> {
    let found = probed.iter().filter_map(|file| file.found.as_ref());
    let layouts: BTreeSet<&str> = found.flat_map(|found| found.layouts.iter().copied()).collect();
    layouts.into_iter().collect()
}

/// The notes on all files, each once, and what columns which of them lack.
pub fn notes<O>(probed: &[Probed<O>]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut lacking: BTreeMap<&[String], Vec<&Path>> = BTreeMap::new();
    for Probed { file, found } in probed {
        let Some(found) = found else { continue };
        for note in &found.notes {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        if !found.lacking.is_empty() {
            lacking.entry(&found.lacking).or_default().push(&file.path);
        }
    }
    notes.extend(lacking.into_iter().filter_map(|(columns, files)| {
        let (first, others) = files.split_first()?;
        let others = match others.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        Some(format!(
            "missing, since the header lacks their columns: {} in {}{others}",
            columns.join(", "),
            first.display()
        ))
    }));
    notes
}
