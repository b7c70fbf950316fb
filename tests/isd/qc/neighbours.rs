//! Stations beside those around them: datasets of a few stations, with places.

use std::path::Path;

use isd::qc::run::Thresholds;
use isd::qc::{Outcome, Settings, Verdict, run};
use isd_converters::ConvertOptions;
use isd_dataset::geography::Position;
use isd_dataset::place::Place;
use isd_dataset::station_table::StationTable;
use tempfile::TempDir;

use super::{NONE, PRESSURE, START, TEMPERATURE, WIND_SPEED, temperatures};
use crate::memory::{HOUR, Row, dataset};

const COLUMNS: [&str; 4] =
    ["air_temperature", "dew_point_temperature", "sea_level_pressure", "wind_speed_rate"];

/// A station: its place in degrees and metres, and its columns.
struct Made {
    place: Option<(f64, f64, f64)>,
    columns: [Vec<f64>; 4],
}

const ROWS: usize = 3000;

/// A station at that many degrees east and north of a corner, a little warmer the farther east; the weather is the same.
fn made(east: f64, north: f64) -> Made {
    let air: Vec<f64> =
        temperatures(ROWS, 21).iter().map(|value| value + (east * 10.0).round() / 10.0).collect();
    let dew = air.iter().map(|value| value - 6.0).collect();
    let pressure = (0..ROWS).map(|row| 1013.0 + ((row / 24 % 20) as f64 - 10.0) / 2.0).collect();
    let wind = (0..ROWS).map(|row| 2.0 + (row % 5) as f64).collect();
    Made { place: Some((45.0 + north, 7.0 + east, 300.0)), columns: [air, dew, pressure, wind] }
}

fn four() -> Vec<Made> {
    vec![made(0.0, 0.0), made(0.3, 0.0), made(0.0, 0.3), made(0.3, 0.3)]
}

fn id(number: usize) -> String {
    format!("{:06}-99999", 10_010 + 10 * number)
}

fn controlled(home: &Path, stations: &[Made], row_group_rows: usize) -> Outcome {
    let mut rows: Vec<Row> = Vec::new();
    for (number, station) in stations.iter().enumerate() {
        for row in 0..ROWS {
            let values =
                station.columns.iter().map(|column| Some(column[row]).filter(|value| !value.is_nan()));
            rows.push((id(number), (START + row as i64) * HOUR, values.collect()));
        }
    }
    let options = ConvertOptions { row_group_rows, ..ConvertOptions::default() };
    let dataset = dataset(&home.join(format!("obs{row_group_rows}")), &COLUMNS, &rows, &options);
    let mut table = StationTable::find(dataset.path()).unwrap().unwrap();
    table.set_places(|station| {
        let number = (0..stations.len()).find(|&number| id(number) == station)?;
        let (latitude, longitude, elevation) = stations[number].place?;
        let position = Position::of_station(latitude, longitude);
        Some(Place { position, elevation: Some(elevation), ..Place::default() })
    });
    run(&dataset, &table, &Settings::default(), &Thresholds::new(), false, &|_| ()).unwrap()
}

fn control(stations: &[Made]) -> Outcome {
    controlled(TempDir::new().unwrap().path(), stations, 1 << 20)
}

/// What was found of a value of the first station: test and verdict.
fn of(outcome: &Outcome, measurement: usize, row: usize) -> Vec<(&'static str, Verdict)> {
    let mine = outcome.stations[0].findings.iter();
    mine.filter(|finding| usize::from(finding.measurement) == measurement && finding.row as usize == row)
        .map(|finding| (finding.key().2, finding.verdict))
        .collect()
}

/// Why the neighbour test did not act on temperature, and at how many stations.
fn not_run(outcome: &Outcome) -> Vec<(&'static str, usize)> {
    let mine = outcome.not_run.iter().filter(|((test, measurement, _), _)| {
        isd::qc::CATALOGUE[*test].about().name == "neighbour" && *measurement == TEMPERATURE
    });
    mine.map(|((_, _, why), stations)| (*why, *stations)).collect()
}

#[test]
fn a_value_far_from_three_neighbours_is_erroneous_and_one_within_the_limit_is_not() {
    for (by, found) in [(-7.4, false), (-7.6, true), (7.6, true), (7.4, false)] {
        let mut stations = four();
        stations[0].columns[0][1500] += by;
        stations[0].columns[0][1501] += by;
        let outcome = control(&stations);
        let neighbour = of(&outcome, TEMPERATURE, 1500).iter().any(|(test, _)| *test == "neighbour");
        assert_eq!(neighbour, found, "{by}");
        assert!(outcome.stations[1..].iter().all(|station| station.findings.is_empty()), "{by}");
    }
}

#[test]
fn air_that_comes_with_wind_is_no_more_than_suspect() {
    for (by, wind, verdict) in [
        (7.6, 9.9, Verdict::Erroneous),
        (7.6, 10.0, Verdict::Suspect),
        (-7.6, 9.9, Verdict::Erroneous),
        (-7.6, 10.0, Verdict::Suspect),
    ] {
        let mut stations = four();
        stations[0].columns[0][1500..1530].iter_mut().for_each(|value| *value += by);
        stations[0].columns[3][1510] = wind;
        let found = of(&control(&stations), TEMPERATURE, 1511);
        assert_eq!(found, [("neighbour", verdict)], "{by} {wind}");
    }
}

#[test]
fn what_comes_and_goes_slowly_is_suspect_only_beside_near_stations() {
    let slowly = |scale: f64| {
        let mut stations = four();
        for station in &mut stations {
            let (north, east, _) = station.place.unwrap();
            station.place = Some((45.0 + scale * (north - 45.0), 7.0 + scale * (east - 7.0), 300.0));
        }
        for row in 1500..1540 {
            let depth = 12.0 - 0.6 * (row as f64 - 1520.0).abs();
            stations[0].columns[0][row] -= (depth * 10.0).round() / 10.0;
        }
        of(&control(&stations), TEMPERATURE, 1520)
    };
    assert_eq!(slowly(1.0), [("neighbour", Verdict::Suspect)]);
    assert_eq!(slowly(4.0), []);
}

#[test]
fn neighbours_release_and_confirm_what_rests_on_a_station_alone() {
    // The same cold at all stations, far beyond their own records, with gaps of 4 degC; then at one alone.
    let cold = |alone: bool| {
        let mut stations = four();
        let reached = if alone { 1 } else { 4 };
        for station in &mut stations[..reached] {
            station.columns[0][503..548].iter_mut().for_each(|value| *value -= 46.0);
        }
        let found = of(&control(&stations), TEMPERATURE, 525);
        found.into_iter().find(|(test, _)| *test == "distribution").map(|(_, verdict)| verdict)
    };
    assert_eq!(cold(false), Some(Verdict::Released));
    // Alone, other tests find it before.
    assert_ne!(cold(true), Some(Verdict::Released));
}

#[test]
fn an_isolated_report_is_released_as_a_whole() {
    let isolated = |higher: f64| {
        let mut stations = four();
        for column in &mut stations[0].columns {
            column[1500..1560].fill(NONE);
            column[1563..1620].fill(NONE);
        }
        stations[0].columns[2][1560..1563].iter_mut().for_each(|value| *value += higher);
        let found = of(&control(&stations), TEMPERATURE, 1561);
        found.into_iter().find(|(test, _)| *test == "isolated_cluster").map(|(_, verdict)| verdict)
    };
    assert_eq!((isolated(0.0), isolated(50.0)), (Some(Verdict::Released), Some(Verdict::Suspect)));
}

#[test]
fn three_values_at_that_hour_are_needed() {
    let mut stations = four();
    stations[0].columns[0][1500] -= 30.0;
    stations[3].columns[0][1490..1510].fill(NONE);
    assert!(of(&control(&stations), TEMPERATURE, 1500).iter().all(|(test, _)| *test != "neighbour"));
}

#[test]
fn low_pressure_with_wind_is_a_storm_and_without_it_an_error() {
    let deep = |wind: f64| {
        let mut stations = four();
        for (row, depth) in (1500..1505).zip([4.0, 14.0, 30.0, 14.0, 4.0]) {
            stations[0].columns[2][row] -= depth;
        }
        stations[1].columns[3][1506] = wind;
        of(&control(&stations), PRESSURE, 1502).iter().any(|(test, _)| *test == "neighbour")
    };
    assert_eq!((deep(15.0), deep(14.9)), (false, true));
}

#[test]
fn a_gust_that_no_neighbour_has_is_confirmed() {
    let mut stations = four();
    stations[0].columns[3][1500] = 45.0;
    let found = of(&control(&stations), WIND_SPEED, 1500);
    assert_eq!(found, [("neighbour", Verdict::Erroneous), ("spike", Verdict::Erroneous)]);
}

#[test]
fn the_date_line_the_poles_and_stations_without_place() {
    let at = |places: [Option<(f64, f64)>; 4]| {
        let mut stations = four();
        for (station, place) in stations.iter_mut().zip(places) {
            station.place = place.map(|(latitude, longitude)| (latitude, longitude, 300.0));
        }
        stations[0].columns[0][1500] -= 30.0;
        let outcome = control(&stations);
        let found = of(&outcome, TEMPERATURE, 1500).iter().any(|(test, _)| *test == "neighbour");
        (found, not_run(&outcome))
    };
    let everywhere = |places: [(f64, f64); 4]| at(places.map(Some));
    assert!(everywhere([(-17.0, 179.9), (-17.0, -179.9), (-17.3, 179.9), (-17.3, -179.9)]).0);
    assert!(everywhere([(89.9, 0.0), (89.9, 90.0), (89.9, 180.0), (89.9, -90.0)]).0);
    // All at one place.
    assert!(everywhere([(45.0, 7.0); 4]).0);
    let far = everywhere([(45.0, 7.0), (45.0, 17.0), (55.0, 7.0), (55.0, 17.0)]);
    assert_eq!(far, (false, vec![("fewer than three neighbours have values in common", 4)]));
    let unknown = at([None, Some((45.0, 7.0)), Some((45.0, 7.1)), Some((45.1, 7.0))]);
    assert!(!unknown.0);
    assert!(unknown.1.contains(&("the place of the station is not known", 1)), "{unknown:?}");
}

#[test]
fn the_result_does_not_depend_on_row_groups_or_threads() {
    let home = TempDir::new().unwrap();
    let mut stations = four();
    for (at, row) in (100..2900).step_by(211).enumerate() {
        stations[at % 4].columns[at % 3][row] += if at % 2 == 0 { 14.0 } else { -40.0 };
    }
    stations[2].columns[0][700..760].fill(3.3);
    // As text, since a limit that a test does not have is NaN.
    let findings = |outcome: Outcome| -> Vec<String> {
        let of = |station: isd::qc::series_stage::StationFindings| {
            let found = station.findings.into_iter();
            found.map(move |finding| format!("{} {finding:?}", station.id))
        };
        outcome.stations.into_iter().flat_map(of).collect()
    };
    let whole = findings(controlled(home.path(), &stations, 1 << 20));
    assert!(whole.len() > 60);
    for (rows, threads) in [(1, 1), (5000, 1), (2, 3)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let cut = pool.install(|| controlled(home.path(), &stations, rows));
        let cut = findings(cut);
        let differing = cut.iter().zip(&whole).find(|(cut, whole)| cut != whole);
        assert_eq!(differing, None, "row groups of {rows} rows on {threads} threads");
        assert_eq!(cut.len(), whole.len());
    }
}
