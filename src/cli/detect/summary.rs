//! What `isd-detect` says of a run: the detection in, metadata of its files and a summary out.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use isd_dataset::Tally;
use isd_dataset::layout::STATION_ID;
use isd_kernel::{FillLimit, Window};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::observations::Observations;
use crate::cli::failure::Failure;
use crate::cli::numbers::{HumanBytes, HumanCount, counted, rate};
use crate::cli::tool::JsonError;
use crate::detect::spool::Spool;
use crate::detect::table::texts;
use crate::detect::{DetectError, Detection, MeasurementCount};
use crate::output::Written;
use crate::plan::{Engine, OutlierOptions};
use crate::stations::Stations;

/// What a file of outliers says that it was made by.
pub(super) const TOOL: &str = concat!("isd-detect ", env!("CARGO_PKG_VERSION"));
/// Key of the metadata that says by which test a file's outliers were found.
pub(super) const PARAMETERS: &str = "isd.parameters";

/// The options of the test, as `--json` prints them and as the metadata of a Parquet or Arrow file of outliers holds them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Parameters {
    measurements: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_seconds: Option<f64>,
    threshold: f64,
    include_current: bool,
    min_periods: usize,
    ddof: usize,
    min_std: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    fill_limit_rows: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fill_limit_seconds: Option<f64>,
    test_filled: bool,
    engine: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stations: Option<String>,
}

/// What `--json` prints: what a run did.
#[derive(Debug, Serialize)]
pub(super) struct DetectSummary<'a> {
    pub dataset: String,
    pub output: Option<String>,
    /// Whether the file of a part was there already, so that nothing was done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
    pub parameters: &'a Parameters,
    pub rows: u64,
    pub stations: usize,
    pub outliers: usize,
    /// Number of stations with outliers that the list of `--stations` lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stations_not_listed: Option<usize>,
    pub measurements: &'a [MeasurementCount],
    /// What of an archive was left out on the way.
    #[serde(flatten)]
    pub tally: &'a Tally,
    pub notes: &'a [String],
    pub failures: Vec<JsonError>,
    pub seconds: f64,
    pub rows_per_second: f64,
}

/// How many of the stations with outliers a list has.
#[derive(Debug)]
pub(super) struct Listed {
    /// The list's file.
    list: String,
    /// Number of stations with outliers.
    stations: usize,
    /// Number of those that the list lacks.
    pub missing: usize,
}

impl Listed {
    /// Counts the stations of `outliers` that the list at `path` has.
    /// Errors: outliers that cannot be read back from their temporary file.
    pub(super) fn new(outliers: &Spool, list: &Stations, path: &Path) -> Result<Self, DetectError> {
        let mut stations: BTreeSet<String> = BTreeSet::new();
        for batch in outliers.batches() {
            let batch = batch?;
            // The ids of the outliers table are never null.
            for id in texts(&batch, STATION_ID)?.iter().flatten() {
                if !stations.contains(id) {
                    stations.insert(id.to_owned());
                }
            }
        }
        let missing = stations.iter().filter(|id| !list.holds(id)).count();
        Ok(Self { list: path.display().to_string(), stations: stations.len(), missing })
    }
}

impl Parameters {
    /// The parameters of a run, with the list of `--stations`.
    pub(super) fn new(options: &OutlierOptions, stations: Option<&Path>) -> Self {
        let test = &options.test;
        let seconds = |micros: i64| micros as f64 / 1e6;
        let (window, window_seconds) = match test.window() {
            Window::Rows(rows) => (Some(rows), None),
            Window::Micros(micros) => (None, Some(seconds(micros))),
        };
        let (fill_limit_rows, fill_limit_seconds) = match test.fill_limit() {
            Some(FillLimit::Rows(rows)) => (Some(rows), None),
            Some(FillLimit::Micros(micros)) => (None, Some(seconds(micros))),
            None => (None, None),
        };
        Self {
            measurements: options.measurements.clone(),
            window,
            window_seconds,
            threshold: test.threshold().to_f64(),
            include_current: test.include_current(),
            min_periods: test.min_periods(),
            ddof: test.ddof(),
            min_std: test.min_std().to_f64(),
            fill_limit_rows,
            fill_limit_seconds,
            test_filled: test.test_filled(),
            engine: Cow::Borrowed(match options.engine {
                Engine::Kernel => "kernel",
                Engine::Expressions => "expressions",
            }),
            stations: stations.map(|path| path.display().to_string()),
        }
    }

    /// As a JSON object. Errors: none that is known.
    pub(super) fn to_json(&self) -> Result<Value, Failure> {
        serde_json::to_value(self)
            .map_err(|error| Failure::error(format!("cannot describe the test: {error}")))
    }
}

/// The fields in which the parameters of two tests differ, with both values; `None` where they are the same.
pub(super) fn difference(held: &Value, own: &Value) -> Option<String> {
    let names = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    let mut names = [names(held)?, names(own)?].concat();
    names.sort();
    names.dedup();
    let differs = |name: &String| held.get(name) != own.get(name);
    let text = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    let of = |name: String| format!("its {name} is {}, not {}", text(held.get(&name)), text(own.get(&name)));
    let differences: Vec<String> = names.into_iter().filter(differs).map(of).collect();
    (!differences.is_empty()).then(|| differences.join(", "))
}

/// Metadata of a file of outliers, which says how it was made: the tool, the parameters and where the observations are
/// from.
/// Errors: parameters or a manifest that cannot be written as JSON.
pub(super) fn metadata(
    parameters: &Parameters,
    observations: &Observations,
) -> Result<Vec<(String, String)>, Failure> {
    let json = |result: serde_json::Result<String>| {
        result.map_err(|error| Failure::error(format!("cannot describe the outliers: {error}")))
    };
    let mut metadata = vec![
        ("isd.tool".to_owned(), TOOL.to_owned()),
        (PARAMETERS.to_owned(), json(serde_json::to_string(parameters))?),
    ];
    if let Some(source) = observations.provenance().transpose() {
        metadata.push(("isd.source".to_owned(), json(source)?));
    }
    Ok(metadata)
}

/// The summary for people. `output` is where the table was written, if it was written to files; `seconds` is how long the test
/// took, where there was one.
pub(super) fn describe(
    detection: &Detection,
    output: Option<(&str, Written)>,
    listed: Option<&Listed>,
    seconds: Option<f64>,
) -> String {
    let count = |n: usize| HumanCount(n as u64).to_string();
    let mut text = String::new();
    // Writing to a String cannot fail.
    for m in &detection.measurements {
        let found = m.tested + m.too_short;
        let short =
            if m.too_short > 0 { format!(" ({} too short)", count(m.too_short)) } else { String::new() };
        let _ = writeln!(
            text,
            "{}: {} series found, {} kept{short}, {} at {}",
            m.measurement,
            count(found),
            count(m.tested),
            counted(m.outliers as u64, "outlier"),
            counted(m.stations as u64, "station")
        );
    }
    if let Some(Listed { list, stations, missing: missing @ 1.. }) = listed {
        let _ = writeln!(text, "{list} lacks {} of {} stations", count(*missing), count(*stations));
    }
    if let Some((path, written)) = output {
        let rows: usize = detection.measurements.iter().map(|m| m.outliers).sum();
        let files =
            if written.files > 1 { format!(" in {} files", count(written.files)) } else { String::new() };
        let _ = writeln!(
            text,
            "wrote {path} ({}, {}{files})",
            counted(rows as u64, "row"),
            HumanBytes(written.bytes)
        );
    }
    if let Some(seconds) = seconds {
        let (rows, rate) = (counted(detection.rows, "row"), rate(detection.rows, seconds));
        let _ = writeln!(text, "{rows} in {seconds:.2} s ({rate})");
    }
    text
}
