//! What `isd-qc` says of a run: the outcome in, a table of tests and measurements out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use isd_dataset::{MEASUREMENTS, Tally};
use serde::Serialize;

use crate::cli::numbers::{HumanCount, counted, rate};
use crate::cli::tool::JsonError;
use crate::qc::CATALOGUE;
use crate::qc::run::Outcome;
use crate::qc::settings::Settings;
use crate::qc::test::NO_VALUES;
use crate::qc::truth::Rates;

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct QcSummary<'a> {
    pub source: &'a str,
    pub output: Option<String>,
    pub profile: crate::qc::profile::Profile,
    pub rows: u64,
    pub stations: usize,
    pub measurements: Vec<MeasurementSummary>,
    pub tests: Vec<TestSummary>,
    pub not_run: Vec<NotRunSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<&'a Rates>,
    #[serde(flatten)]
    pub tally: &'a Tally,
    pub notes: &'a [String],
    pub failures: Vec<JsonError>,
    pub seconds: f64,
    pub rows_per_second: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct MeasurementSummary {
    measurement: &'static str,
    values: u64,
    flagged: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct TestSummary {
    test: &'static str,
    measurement: &'static str,
    erroneous: u64,
    suspect: u64,
    released: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct NotRunSummary {
    test: &'static str,
    measurement: &'static str,
    reason: &'static str,
    stations: usize,
}

fn test_name(test: usize) -> &'static str {
    CATALOGUE.get(test).map_or("", |test| test.about().name)
}

fn measurement_name(measurement: usize) -> &'static str {
    MEASUREMENTS.get(measurement).map_or("", |measurement| measurement.name)
}

/// How many values of each measurement there are, and are found.
pub(super) fn measurements(outcome: &Outcome) -> Vec<MeasurementSummary> {
    let of = |measurement| MeasurementSummary {
        measurement: measurement_name(measurement),
        values: outcome.values[measurement],
        flagged: outcome.flagged(measurement),
    };
    (0..MEASUREMENTS.len()).filter(|&measurement| outcome.values[measurement] > 0).map(of).collect()
}

/// What each test found of each measurement.
pub(super) fn tests(outcome: &Outcome) -> Vec<TestSummary> {
    let counts = outcome.counts().into_iter();
    counts
        .map(|((test, measurement), [released, suspect, erroneous])| TestSummary {
            test: test_name(test),
            measurement: measurement_name(measurement),
            erroneous,
            suspect,
            released,
        })
        .collect()
}

/// What did not run, and why; a test that is switched off for all measurements once.
pub(super) fn not_run(outcome: &Outcome, settings: &Settings) -> Vec<NotRunSummary> {
    let off = (0..CATALOGUE.len()).filter(|&test| !settings.runs(test)).map(|test| NotRunSummary {
        test: test_name(test),
        measurement: "",
        reason: "switched off",
        stations: outcome.stations.len(),
    });
    let reasons = outcome.not_run.iter().map(|(&(test, measurement, reason), &stations)| NotRunSummary {
        test: test_name(test),
        measurement: measurement_name(measurement),
        reason,
        stations: if stations == 0 { outcome.stations.len() } else { stations },
    });
    off.chain(reasons).collect()
}

/// The summary for people.
pub(super) fn describe(outcome: &Outcome, settings: &Settings, seconds: f64) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{:<18} {:<24} {:>9} {:>9} {:>9}",
        "test", "measurement", "erroneous", "suspect", "released"
    );
    for row in tests(outcome) {
        let [erroneous, suspect, released] =
            [row.erroneous, row.suspect, row.released].map(|n| HumanCount(n).to_string());
        let _ = writeln!(
            text,
            "{:<18} {:<24} {erroneous:>9} {suspect:>9} {released:>9}",
            row.test, row.measurement
        );
    }
    for row in measurements(outcome) {
        let share = 100.0 * row.flagged as f64 / row.values.max(1) as f64;
        let (flagged, values) = (HumanCount(row.flagged), HumanCount(row.values));
        let _ = writeln!(text, "{}: {flagged} of {values} values flagged, {share:.3} %", row.measurement);
    }
    let mut reasons: BTreeMap<(&str, &str), Vec<(&str, usize)>> = BTreeMap::new();
    for row in not_run(outcome, settings) {
        // What a station does not measure is the same to all tests.
        let test = if row.reason == NO_VALUES { "all tests" } else { row.test };
        let rows = reasons.entry((test, row.reason)).or_default();
        if !rows.contains(&(row.measurement, row.stations)) {
            rows.push((row.measurement, row.stations));
        }
    }
    for ((test, reason), rows) in reasons {
        let stations = |stations: usize| {
            if stations == outcome.stations.len() {
                String::new()
            } else {
                format!(" at {}", counted(stations as u64, "station"))
            }
        };
        let of = rows.iter().filter(|(name, _)| !name.is_empty());
        let of: Vec<String> = of.map(|(name, number)| format!("{name}{}", stations(*number))).collect();
        let of = if of.is_empty() { String::new() } else { format!(" of {}", of.join(", ")) };
        let _ = writeln!(text, "not run: {test}{of}: {reason}");
    }
    let rows = counted(outcome.rows, "row");
    let stations = counted(outcome.stations.len() as u64, "station");
    let _ = writeln!(text, "{rows}, {stations} in {seconds:.2} s ({})", rate(outcome.rows, seconds));
    text
}

/// The comparison with what was planted, for people.
pub(super) fn describe_truth(rates: &Rates) -> String {
    let mut text = String::new();
    let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
    let _ = writeln!(text, "{:<34} {:>9} {:>8} {:>10}  found by", "planted", "values", "found", "erroneous");
    let by_test = |tests: &BTreeMap<&'static str, u64>| {
        let mut tests: Vec<(&str, u64)> = tests.iter().map(|(test, count)| (*test, *count)).collect();
        tests.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        tests
            .iter()
            .map(|(test, count)| format!("{test} {}", HumanCount(*count)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    for kind in &rates.kinds {
        let name = if kind.weather { format!("{} (weather)", kind.kind) } else { kind.kind.clone() };
        let _ = writeln!(
            text,
            "{name:<34} {:>9} {:>6.2} % {:>8.2} %  {}",
            HumanCount(kind.planted).to_string(),
            percent(kind.found, kind.planted),
            percent(kind.erroneous, kind.planted),
            by_test(&kind.by_test)
        );
    }
    let _ = writeln!(
        text,
        "{:<34} {:>9} {:>6.3} % {:>8.3} %  {}",
        "false alarms, of clean values",
        HumanCount(rates.clean).to_string(),
        percent(rates.false_alarms, rates.clean),
        percent(rates.false_errors, rates.clean),
        by_test(&rates.by_test)
    );
    text
}
