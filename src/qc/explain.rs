//! What each test sees of the values at one station and time: a dataset in, text for people out.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use isd_dataset::read::Dataset;
use isd_dataset::station_table::StationTable;
use isd_dataset::time::iso8601;
use isd_dataset::{Error, MEASUREMENTS, Result};

use crate::qc::CATALOGUE;
use crate::qc::finding::Finding;
use crate::qc::load;
use crate::qc::neighbour_stage::{Around, COMPARED, Network, Reference, References, compare, decide};
use crate::qc::run::Thresholds;
use crate::qc::series_stage::{NotRun, StationFindings, test_station};
use crate::qc::settings::{Settings, test_index};
use crate::qc::station::Station;
use crate::qc::tests::spike::MEASURED;

/// Says what each test sees of the values of a station at a time in microseconds since 1970: its statistic and limits where it
/// found something, the limits derived from the record where it did not, and the neighbours with their values.
///
/// # Errors
/// A station or a time that the dataset does not have, or rows that cannot be read.
pub fn explain(
    dataset: &Dataset,
    table: &StationTable,
    settings: &Settings,
    known: &Thresholds,
    station_id: &str,
    time: i64,
) -> Result<String> {
    let absent = |what: String, hint: Option<String>| Error::Format {
        path: dataset.path().to_owned(),
        found: what,
        hint,
    };
    let network = Network::new(table, settings);
    let test = test_index("neighbour").unwrap_or(usize::MAX);
    let around = network.around(station_id, settings.value(test, 0, 1).unwrap_or(f64::INFINITY));
    let names: Vec<&str> = around.iter().filter_map(|(number, _)| network.id(*number)).collect();
    let mut wanted: BTreeSet<&str> = names.iter().copied().collect();
    wanted.insert(station_id);
    let (mut target, mut references) = (None, References::new());
    for (station, result, not_run) in tested(dataset, table, settings, known, &wanted)? {
        if &**station.id() == station_id {
            target = Some((station, result, not_run));
        } else {
            references
                .insert(station.id().to_string(), Reference::of(&without_errors(station, &result.findings)));
        }
    }
    let (station, result, mut not_run) =
        target.ok_or_else(|| absent(format!("holds no station {station_id}"), None))?;
    let row = station.times().binary_search(&time).map_err(|place| {
        let near = [place.checked_sub(1), Some(place)]
            .into_iter()
            .flatten()
            .filter_map(|row| station.times().get(row));
        let near: Vec<String> = near.map(|&time| iso8601(time)).collect();
        absent(
            format!("holds no observation of {station_id} at {}", iso8601(time)),
            Some(format!("it has {}", near.join(" and "))),
        )
    })?;
    let around: Vec<Around<'_>> = around
        .iter()
        .filter_map(|&(number, distance)| {
            let (id, reference) = references.get_key_value(network.id(number)?)?;
            Some(Around { id, distance, reference })
        })
        .collect();
    let findings =
        decide(&station, result.findings.clone(), &result.derived, &around, settings, &mut not_run)?;
    let mut text = format!("{station_id} at {}\n", iso8601(time));
    for (measurement, known) in MEASUREMENTS.iter().enumerate() {
        let Some(value) = station.value(measurement, row) else { continue };
        let _ = writeln!(text, "{} = {value}", known.name);
        for (index, about) in CATALOGUE.iter().map(|test| test.about()).enumerate() {
            if settings.is_on(index, measurement) {
                let mine = findings.iter().find(|finding| {
                    finding.row as usize == row
                        && usize::from(finding.measurement) == measurement
                        && usize::from(finding.test) == index
                });
                let seen = match mine {
                    Some(finding) => found(finding),
                    None => match not_run.keys().find(|key| (key.0, key.1) == (index, measurement)) {
                        Some((_, _, why)) => format!("not run: {why}"),
                        None => unfound(&station, &result, measurement, row, about.name),
                    },
                };
                let _ = writeln!(text, "  {:<18}{seen}", about.name);
            }
        }
        if COMPARED.contains(&measurement) && settings.is_on(test, measurement) {
            neighbours(&mut text, &station, measurement, row, &around, &result.findings, settings);
        }
    }
    Ok(text)
}

/// The stations of these ids with what the tests of single stations find of them.
fn tested(
    dataset: &Dataset,
    table: &StationTable,
    settings: &Settings,
    known: &Thresholds,
    wanted: &BTreeSet<&str>,
) -> Result<Vec<(Station, StationFindings, NotRun)>> {
    let columns: Vec<String> = load::judged_columns(dataset);
    let all: Vec<usize> = (0..MEASUREMENTS.len()).collect();
    let mut stations = Vec::new();
    for group in dataset.row_groups() {
        if !group.stations()?.iter().any(|run| wanted.contains(&*run.station_id)) {
            continue;
        }
        for station in load::stations(&group, &columns, &all, table)? {
            if wanted.contains(&**station.id()) {
                let derived = known.get(&**station.id()).cloned().unwrap_or_default();
                let mut not_run = NotRun::new();
                let result = test_station(station.clone(), settings, derived, &mut not_run)?;
                stations.push((station, result, not_run));
            }
        }
    }
    Ok(stations)
}

fn without_errors(mut station: Station, findings: &[Finding]) -> Station {
    for finding in findings.iter().filter(|finding| finding.verdict == crate::qc::Verdict::Erroneous) {
        station.hide(usize::from(finding.measurement), finding.row as usize);
    }
    station
}

fn limits(lower: f64, upper: f64) -> String {
    match (lower.is_finite(), upper.is_finite()) {
        (true, true) => format!(", limits {lower:.2} and {upper:.2}"),
        (true, false) => format!(", least {lower:.2}"),
        (false, true) => format!(", most {upper:.2}"),
        (false, false) => String::new(),
    }
}

fn found(finding: &Finding) -> String {
    let detail = if finding.detail.is_empty() { String::new() } else { format!(" ({})", finding.detail) };
    let limits = limits(finding.lower, finding.upper);
    format!("{}: {:.2}{limits}{detail}", finding.verdict.name(), finding.statistic)
}

/// What a test sees of a value that it does not find: the limits that it derived.
fn unfound(
    station: &Station,
    result: &StationFindings,
    measurement: usize,
    row: usize,
    test: &str,
) -> String {
    let moment = station.moments()[row];
    let of = |list: Option<&Vec<Option<crate::qc::derived::Limits>>>, index: usize| {
        let (lower, upper) = list?.get(index).copied().flatten()?.values();
        Some(format!("nothing found{}", limits(lower, upper)))
    };
    let month = usize::from(moment.month);
    let seen = match test {
        "distribution" => of(result.derived.distribution.get(&measurement), month),
        "climatological" => {
            of(result.derived.climatological.get(&measurement), moment.hour_of_month().into())
        }
        "streak" => result
            .derived
            .streak
            .get(&measurement)
            .map(|length| format!("nothing found, most {length} equal values")),
        "spike" => {
            MEASURED.contains(&measurement).then(|| spike(station, result, measurement, row)).flatten()
        }
        _ => None,
    };
    seen.unwrap_or_else(|| "nothing found".to_owned())
}

/// The changes to a value and from it, with their limits.
fn spike(station: &Station, result: &StationFindings, measurement: usize, row: usize) -> Option<String> {
    let limits = result.derived.spike.get(&measurement)?;
    let observed = station.observed(measurement);
    let at = observed.binary_search(&(row as u32)).ok()?;
    let change = |from: usize, to: usize| {
        let (from, to) = (*observed.get(from)? as usize, *observed.get(to)? as usize);
        let limit = limits.of(station, from, to, f64::INFINITY)?;
        let (before, after) = (station.value(measurement, from)?, station.value(measurement, to)?);
        Some(format!(
            ", change {:+.2} in {:.1} h (limit {limit:.2})",
            after - before,
            station.hours_between(from, to)
        ))
    };
    let before = at.checked_sub(1).and_then(|before| change(before, at)).unwrap_or_default();
    Some(format!("nothing found{before}{}", change(at, at + 1).unwrap_or_default()))
}

/// The neighbours and their values.
fn neighbours(
    text: &mut String,
    station: &Station,
    measurement: usize,
    row: usize,
    around: &[Around<'_>],
    findings: &[Finding],
    settings: &Settings,
) {
    let Some(comparison) = compare(station, measurement, around, findings, settings) else {
        return;
    };
    let Some(at) = comparison.position(row as u32) else { return };
    if let Some(judgement) = comparison.judge(at, &mut Vec::new()) {
        let _ = writeln!(
            text,
            "  {} neighbours make {:.2} expected: {:+.2} from it, limit {:.2}, median absolute deviation {:.2}",
            judgement.neighbours,
            judgement.expected,
            judgement.difference,
            judgement.limit,
            judgement.deviation
        );
    }
    for (number, value, usual) in comparison.values_at(at) {
        if let Some(other) = around.get(number) {
            let _ = writeln!(
                text,
                "    {:<14} {:>4.0} km  {value:.1}, usually {usual:+.1}",
                other.id, other.distance
            );
        }
    }
}
