//! What several files hold together: what the beginning of each says in; the columns, layouts and notes of them all out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use isd_dataset::names::list;

use super::beginning::Probed;
use super::failures::Failures;
use crate::{ColumnInfo, Error, Measurement, ReadOptions, Result};
use isd_formats::{did_you_mean, in_canonical_order};

/// Leaves out files that have a column in other units than the files before them.
///
/// # Errors
/// The first of them, where none may be left out.
pub fn refuse_other_units<O>(probed: &mut [Probed<O>], failures: &Failures) -> Result<()> {
    let mut units: HashMap<String, (Option<String>, PathBuf)> = HashMap::new();
    for Probed { file, beginning } in probed {
        let Some(columns) = beginning.as_ref().map(|beginning| &beginning.info.columns) else { continue };
        let differs = columns.iter().find_map(|column| {
            let (known, path) = units.get(&column.name)?;
            let same = match (known, &column.units) {
                // A column with the name of one of ISD's measurements must be in its units.
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
            *beginning = None;
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

/// Checks that each measurement asked for is in at least one of several files.
///
/// # Errors
/// The first measurement that is in none.
pub fn check_wanted<O>(probed: &[Probed<O>], options: &ReadOptions) -> Result<()> {
    let known: BTreeSet<&str> = probed
        .iter()
        .filter_map(|file| file.beginning.as_ref())
        .flat_map(|beginning| &beginning.info.columns)
        .map(|column| column.name.as_str())
        .collect();
    match options.measurements.iter().find(|name| !known.contains(name.as_str())) {
        Some(absent) => Err(Error::Column {
            path: probed.first().map_or_else(PathBuf::new, |probed| probed.file.path.clone()),
            column: absent.clone(),
            found: format!(
                "does not exist in this file{}; there are {}",
                match probed.len().saturating_sub(1) {
                    0 => String::new(),
                    others => format!(", nor in any of the other {others}"),
                },
                list(&known.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
            ),
            hint: did_you_mean(absent, known),
        }),
        None => Ok(()),
    }
}

/// The columns asked for of all files: ISD's measurements in their order, then the others as the files have them.
pub fn columns<O>(probed: &[Probed<O>], options: &ReadOptions) -> Vec<ColumnInfo> {
    let mut columns: Vec<ColumnInfo> = Vec::new();
    let all = probed
        .iter()
        .filter_map(|file| file.beginning.as_ref())
        .flat_map(|beginning| &beginning.info.columns);
    // A source that has none of the measurements asked for was opened for all its columns.
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
    in_canonical_order(&mut columns);
    columns
}

/// The layouts of all files, each once.
pub fn layouts<O>(probed: &[Probed<O>]) -> Vec<&'static str> {
    let found = probed.iter().filter_map(|file| file.beginning.as_ref());
    let layouts: BTreeSet<&str> = found.flat_map(|beginning| beginning.layouts.iter().copied()).collect();
    layouts.into_iter().collect()
}

/// The notes on all files, each once, and a note for each set of columns that some of them lack.
pub fn notes<O>(probed: &[Probed<O>]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    let mut lacking: BTreeMap<&[String], Vec<&Path>> = BTreeMap::new();
    for Probed { file, beginning } in probed {
        let Some(beginning) = beginning else { continue };
        for note in &beginning.info.notes {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        if !beginning.info.lacking.is_empty() {
            lacking.entry(&beginning.info.lacking).or_default().push(&file.path);
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
