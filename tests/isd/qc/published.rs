//! The published rows: what was judged by hand there, and hours at which a station is colder than all around it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use isd::qc::run::Thresholds;
use isd::qc::{CATALOGUE, Outcome, Settings, Verdict, run};
use isd_converters::archive::{Archive, discover};
use isd_converters::{ConvertOptions, ReadOptions, convert};
use isd_dataset::MEASUREMENTS;
use isd_dataset::read::Dataset;
use isd_dataset::station_table::StationTable;
use isd_dataset::time::iso8601;
use tempfile::TempDir;

use super::TEMPERATURE;
use crate::memory::HOUR;

/// Stations in Lorraine and Alsace with hours of cold bias.
const COLD: [&str; 5] = ["071690-99999", "071790-34051", "071800-99999", "071810-99999", "071900-99999"];

fn published(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name)
}

type Key = (String, String, &'static str);

/// The gravest verdict on each value, released ones left out.
fn verdicts(outcome: &Outcome) -> BTreeMap<Key, Verdict> {
    let mut verdicts = BTreeMap::new();
    for station in &outcome.stations {
        for finding in station.findings.iter().filter(|finding| finding.verdict != Verdict::Released) {
            let measurement = MEASUREMENTS[usize::from(finding.measurement)].name;
            let key = (station.id.to_string(), iso8601(finding.time), measurement);
            let verdict = verdicts.entry(key).or_insert(finding.verdict);
            *verdict = finding.verdict.max(*verdict);
        }
    }
    verdicts
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn errors_are_found_and_weather_is_not() {
    let home = TempDir::new().unwrap();
    let files = discover(&[published("isd-lite")], &mut "".as_bytes()).unwrap().files;
    let mut archive = Archive::open(&files, &ReadOptions::default(), true).unwrap();
    convert(&mut archive, &home.path().join("obs"), &ConvertOptions::default(), &|_| ()).unwrap();
    let dataset = Dataset::open(&home.path().join("obs")).unwrap();
    let mut table = StationTable::find(dataset.path()).unwrap().unwrap();
    table.set_places_of_list(&published("stations/isd-history.csv")).unwrap();
    let outcome = run(&dataset, &table, &Settings::default(), &Thresholds::new(), false, &|_| ()).unwrap();
    let verdicts = verdicts(&outcome);

    // All points that were judged to be wrong, and none of those that were judged to be right.
    let labelled = fs::read_to_string(published("labelled-points.csv")).unwrap();
    for line in labelled.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells[at].parse::<u32>().unwrap();
        let time = format!("{}-{:02}-{:02}T{:02}:00:00Z", cells[1], number(2), number(3), number(4));
        let measurement = if cells[5] == "wspd" { "wind_speed_rate" } else { "air_temperature" };
        let verdict = verdicts.get(&(cells[0].to_owned(), time, measurement));
        assert_eq!(verdict.is_some(), cells[7] == "bad", "{line}: {verdict:?}");
    }

    // Three in four of the hours at which a station is 8 degC colder than the median of at least three others there.
    let mut air: BTreeMap<i64, BTreeMap<&str, f64>> = BTreeMap::new();
    for group in dataset.row_groups() {
        let stations =
            isd::qc::load::stations(&group, &["air_temperature".into()], &[TEMPERATURE], &table).unwrap();
        for station in stations {
            let Some(id) = COLD.iter().find(|id| **id == &**station.id()) else { continue };
            for row in station.observed(TEMPERATURE) {
                let value = station.values(TEMPERATURE)[*row as usize];
                air.entry(station.times()[*row as usize] / HOUR).or_default().insert(id, value);
            }
        }
    }
    let (mut cold, mut found) = (0, 0);
    for (hour, values) in &air {
        for (station, value) in values {
            let mut others: Vec<f64> =
                values.iter().filter(|(other, _)| *other != station).map(|(_, value)| *value).collect();
            others.sort_by(f64::total_cmp);
            let n = others.len();
            if n >= 3 && f64::midpoint(others[(n - 1) / 2], others[n / 2]) - value >= 8.0 {
                cold += 1;
                let key = ((*station).to_owned(), iso8601(hour * HOUR), "air_temperature");
                found += usize::from(verdicts.contains_key(&key));
            }
        }
    }
    assert!(cold > 300 && found * 4 >= cold * 3, "{found} of {cold}");

    // Little is flagged of any measurement, and every test has acted or says why not.
    for (measurement, known) in MEASUREMENTS.iter().enumerate() {
        let flagged = verdicts.keys().filter(|(_, _, name)| *name == known.name).count() as u64;
        assert_eq!(outcome.flagged(measurement), flagged);
        assert!(flagged * 1000 < outcome.values[measurement].max(1) * 3, "{}: {flagged}", known.name);
    }
    let reasons: BTreeSet<&str> =
        outcome.not_run.keys().map(|(test, _, _)| CATALOGUE[*test].about().name).collect();
    assert!(reasons.contains("variance") && reasons.contains("pressure"), "{reasons:?}");
}
