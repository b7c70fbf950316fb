//! `isd-convert --inspect` and `--dry-run`: from an archive to an account of what it holds and of what a conversion
//! would write.

use std::fmt::Write as _;
use std::path::Path;

use isd_converters::archive::Archive;
use isd_converters::{ConvertOptions, Inspection, check_target, inspect};
use serde::Serialize;

use crate::cli::common::CommonArgs;
use crate::cli::failure::Failure;
use crate::cli::numbers::{HumanBytes, counted};
use crate::cli::progress::Progress;
use crate::cli::source::{describe_tally, failures_json, report_failures};
use crate::cli::streams::print;
use crate::cli::tool::JsonError;

/// What `--json` prints.
#[derive(Serialize)]
struct InspectSummary<'a> {
    #[serde(flatten)]
    inspection: &'a Inspection,
    failures: Vec<JsonError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

/// Prints what the archive holds; with a target and the options of a conversion, also what that would write.
/// Errors: what a conversion would fail by: an unreadable archive, or a target that exists. Where some of several files
/// cannot be read, what the others hold is printed first.
pub(super) fn run(
    archive: &mut Archive,
    target: Option<(&Path, &ConvertOptions)>,
    common: &CommonArgs,
) -> Result<(), Failure> {
    if let Some((target, options)) = target {
        check_target(target, options)?;
    }
    let progress = Progress::reading(archive.progress(), common.progress());
    let inspection = inspect(archive, &|rows| progress.update(rows))?;
    drop(progress);
    let failures = archive.failures();
    if common.json {
        let target = target.map(|(target, _)| target.display().to_string());
        let summary = InspectSummary { inspection: &inspection, failures: failures_json(&failures), target };
        common.summarize(&summary, "")?;
    } else {
        print(&describe(&inspection, target))?;
    }
    report_failures(&failures)
}

/// The account for people.
fn describe(found: &Inspection, target: Option<(&Path, &ConvertOptions)>) -> String {
    let mut text = format!(
        "{}: {} in {}, {}, {}",
        found.layout,
        HumanBytes(found.bytes),
        counted(found.files, "file"),
        counted(found.rows, "row"),
        counted(found.stations, "station"),
    );
    // Writing to a String cannot fail.
    if let (Some(first), Some(last)) = (&found.first_timestamp, &found.last_timestamp) {
        let _ = write!(text, ", {first} to {last}");
    }
    text.push('\n');
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let mut table =
        vec![["column", "from", "units", "step", "least", "greatest", "missing"].map(str::to_owned)];
    table.extend(found.columns.iter().map(|column| {
        let missing = 100.0 * column.nulls as f64 / found.rows.max(1) as f64;
        [
            column.name.clone(),
            column.origin.clone().unwrap_or_default(),
            column.units.clone().unwrap_or_default(),
            column.resolution.clone().unwrap_or_default(),
            number(column.min),
            number(column.max),
            format!("{missing:.1} %"),
        ]
    }));
    text.push_str(&aligned(&table));
    text.push_str(&describe_tally(&found.tally));
    for note in &found.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !found.sorted {
        text.push_str("the rows are not in order of station and time: a conversion sorts them\n");
    }
    if let Some((target, options)) = target {
        let kind = if options.float32 { "float32" } else { "float64" };
        let _ = writeln!(
            text,
            "would write station_id, timestamp and {} columns of {kind} to {}",
            found.columns.len(),
            target.display()
        );
    }
    text
}

/// Rows of cells as a table: the first three columns to the left, the others, which are numbers, to the right. A column
/// of empty cells is left out.
fn aligned(table: &[[String; 7]]) -> String {
    let mut widths = [0; 7];
    for row in table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in table {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(widths).enumerate().filter(|(_, (_, width))| *width > 0)
        {
            // Writing to a String cannot fail.
            let _ =
                if index < 3 { write!(line, "  {cell:<width$}") } else { write!(line, "  {cell:>width$}") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
