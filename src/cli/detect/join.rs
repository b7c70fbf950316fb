//! `isd-detect --join`: a directory of parts in, the table that one run over everything would have written out.

use std::path::{Path, PathBuf};
use std::time::Instant;

use isd_dataset::{Error, storage};

use super::arguments::DetectArgs;
use super::joined::Joined;
use super::output::outside;
use super::part::PART;
use super::summary::{DetectSummary, PARAMETERS, Parameters, describe};
use crate::cli::embedded;
use crate::cli::failure::Failure;
use crate::cli::numbers::rows_per_second;
use crate::cli::stdout_table::print_table;
use crate::detect::parts::Part;
use crate::output::{TableFile, Written};

/// Key of the metadata that the Parquet writer adds by itself.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// Joins the parts in `directory`.
///
/// # Errors
/// A directory without parts, with parts of several results or with one missing, a damaged part, or a file that cannot be
/// written.
pub(super) fn join(args: &DetectArgs, directory: &Path) -> Result<(), Failure> {
    let start = Instant::now();
    args.common.start_threads()?;
    let paths = parts_in(directory)?;
    let file = args.output.as_deref().map(|path| {
        let file = TableFile::create(path)?;
        outside(path, &file, &paths).map(|()| file)
    });
    let file = file.transpose()?.or_else(embedded::table_file);
    let joined = Joined::read(&paths)?;
    let of_a_part = |key: &String| [PART, ARROW_SCHEMA].contains(&key.as_str());
    let metadata = joined.metadata.iter().filter(|(key, _)| !of_a_part(key));
    let metadata: Vec<(String, String)> = metadata.cloned().collect();
    let parameters = metadata.iter().find(|(key, _)| key == PARAMETERS);
    let parameters: Option<Parameters> = parameters.and_then(|(_, text)| serde_json::from_str(text).ok());
    let parameters = parameters
        .ok_or_else(|| Failure::error(format!("{}: does not say its parameters", directory.display())))?;

    let Joined { schema, selection, detection, .. } = &joined;
    if detection.stations == 0
        && let Some(choice) = selection
    {
        return Err(Failure::error(format!("{}: no part holds a station of {choice}", directory.display())));
    }
    let outliers = &detection.outliers;
    let written = match file {
        Some(file) => Some(Written { files: 1, bytes: file.write(schema, outliers.batches(), &metadata)? }),
        None if args.common.json => None,
        None => {
            print_table(schema, outliers.batches(), "outliers")?;
            None
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let output = args.output.as_ref().map(|path| path.display().to_string());
    let text = describe(detection, output.as_deref().zip(written), None, None);
    let summary = DetectSummary {
        dataset: directory.display().to_string(),
        output,
        skipped: false,
        parameters: &parameters,
        rows: detection.rows,
        stations: detection.stations,
        outliers: detection.measurements.iter().map(|count| count.outliers).sum(),
        stations_not_listed: None,
        measurements: &detection.measurements,
        tally: &detection.tally,
        notes: &[],
        failures: Vec::new(),
        seconds,
        rows_per_second: rows_per_second(detection.rows, seconds),
    };
    args.common.summarize(&summary, &text)?;
    if args.exit_code && summary.outliers > 0 { Err(Failure::Found) } else { Ok(()) }
}

/// The files of all parts, in their order.
/// Errors: a directory that cannot be read, one without parts or with those of several numbers of them, or one that lacks
/// some.
fn parts_in(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |source| Failure::from(Error::io(directory, "cannot read the directory", source));
    let mut parts: Vec<Part> = Vec::new();
    for name in storage::names(directory).map_err(unreadable)? {
        parts.extend(Part::of_file_name(&name));
    }
    parts.sort();
    let failed =
        |what: String| Failure::error(format!("{}: {what}", directory.display())).about(Some(directory));
    let Some(first) = parts.first().copied() else {
        return Err(failed("holds no parts".into()).hint("isd-detect DATASET --part 1/16 -o DIR writes one"));
    };
    if let Some(other) = parts.iter().find(|part| part.of() != first.of()) {
        let (a, b) = (first.file_name(), other.file_name());
        return Err(failed(format!("holds parts of several results: {a} and {b}"))
            .hint("remove those of the other result"));
    }
    let missing: Vec<usize> = (1..=first.of())
        .filter(|number| parts.binary_search_by_key(number, |part| part.number()).is_err())
        .collect();
    if !missing.is_empty() {
        let (number, numbers) = (missing.len(), ranges(&missing));
        return Err(failed(format!("lacks {number} of {} parts: {numbers}", first.of())).hint(format!(
            "run {} again; Slurm takes the numbers as --array={numbers}",
            if number == 1 { "it" } else { "them" }
        )));
    }
    Ok(parts.iter().map(|part| directory.join(part.file_name())).collect())
}

/// Ascending numbers as Slurm's `--array` takes them: `3,7-9`.
fn ranges(numbers: &[usize]) -> String {
    let runs = numbers.chunk_by(|a, b| a + 1 == *b).filter_map(|run| run.first().zip(run.last()));
    let runs = runs.map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") });
    runs.collect::<Vec<_>>().join(",")
}
