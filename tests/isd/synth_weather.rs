//! The weather of synthetic archives: what users of the archives rely on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use isd::synth::{Length, PlantedKind, Station, Storage, SynthOptions, station};

use crate::synth::{Archive, MEASUREMENTS, make, targets};

const TEMPERATURE: &str = "air_temperature";
const DEW_POINT: &str = "dew_point_temperature";
const WIND_DIRECTION: &str = "wind_direction";
const WIND_SPEED: &str = "wind_speed_rate";
const RAIN_1H: &str = "liquid_precipitation_1h";
const RAIN_6H: &str = "liquid_precipitation_6h";

/// One station's part of an archive and of the list of what was planted.
struct Series {
    /// USAF and WBAN number.
    station: (i64, i64),
    /// Since 1970.
    hours: Vec<i64>,
    /// Stored integers.
    columns: BTreeMap<&'static str, Vec<Option<i16>>>,
    /// In order of rows.
    planted: Vec<Planted>,
}

struct Planted {
    row: usize,
    measurement: String,
    kind: String,
    event: String,
}

impl Series {
    /// The rows in which a value of that kind was planted, of any measurement or of this one.
    fn rows_of(&self, kind: &str, measurement: Option<&str>) -> BTreeSet<usize> {
        let of_it = |p: &&Planted| p.kind == kind && measurement.is_none_or(|name| name == p.measurement);
        self.planted.iter().filter(of_it).map(|p| p.row).collect()
    }

    fn planted_value(&self, planted: &Planted) -> i16 {
        self.columns[planted.measurement.as_str()][planted.row].expect("a listed value is there")
    }
}

/// All series of the archive that these options make.
fn series(options: &SynthOptions) -> Vec<Series> {
    let directory = tempfile::tempdir().unwrap();
    let targets = targets(directory.path(), "a");
    make(options, Storage::default(), &targets, 2);
    let archive = Archive::read(&targets.archive);
    let truth = std::fs::read_to_string(targets.truth.unwrap()).unwrap();
    let mut planted = BTreeMap::<&str, Vec<[&str; 4]>>::new();
    for line in truth.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [station, time, measurement, _, kind, event] = fields[..] else { panic!("{line}") };
        planted.entry(station).or_default().push([time, measurement, kind, event]);
    }
    let mut start = 0;
    let stations = archive.keys.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).map(|keys| {
        let rows = start..start + keys.len();
        start = rows.end;
        let stored = |value: &f64| (!value.is_nan()).then_some(*value as i16);
        let column = |name| (name, archive.columns[name][rows.clone()].iter().map(stored).collect());
        let (usaf, wban, _) = keys[0];
        let lines = planted.remove(&*format!("{usaf:06}-{wban:05}")).unwrap_or_default();
        let entry = |[time, measurement, kind, event]: [&str; 4]| {
            let seconds = DateTime::parse_from_rfc3339(time).unwrap().timestamp();
            let row = keys.binary_search(&(usaf, wban, seconds)).unwrap();
            Planted { row, measurement: measurement.into(), kind: kind.into(), event: event.into() }
        };
        Series {
            station: (usaf, wban),
            hours: keys.iter().map(|key| key.2 / 3600).collect(),
            columns: MEASUREMENTS.into_iter().map(column).collect(),
            planted: lines.into_iter().map(entry).collect(),
        }
    });
    stations.collect()
}

fn options(stations: usize, length: Length) -> SynthOptions {
    SynthOptions { stations, length, ..SynthOptions::default() }
}

fn forty() -> Vec<Series> {
    series(&options(40, Length::Rows(20_000)))
}

#[test]
fn times_ascend_and_values_stay_in_range() {
    for one in forty() {
        assert!(one.hours.windows(2).all(|pair| pair[0] < pair[1]));
        let ranges =
            [(-932, 618), (-982, 368), (8_600, 10_900), (0, 360), (0, 900), (0, 9), (0, 9_998), (0, 9_998)];
        for (name, (low, high)) in MEASUREMENTS.into_iter().zip(ranges) {
            let fahrenheit = one.rows_of("fahrenheit", Some(name));
            let rows = one.columns[name].iter().enumerate();
            for (row, value) in rows.filter_map(|(row, value)| Some((row, (*value)?))) {
                let valid = (low..=high).contains(&value) || fahrenheit.contains(&row);
                assert!(valid, "{name}: {value}");
            }
        }
    }
}

#[test]
fn dew_points_stay_below_temperatures_and_calms_have_no_direction() {
    for one in forty() {
        let weather = ["storm", "heat_wave", "cold_spell"];
        let faulty = one.planted.iter().filter(|planted| !weather.contains(&&*planted.kind));
        let faulty: BTreeSet<usize> = faulty.map(|planted| planted.row).collect();
        let pairs =
            |name: &str, other: &str| one.columns[name].iter().copied().zip(one.columns[other].clone());
        for (row, (dew, temperature)) in pairs(DEW_POINT, TEMPERATURE).enumerate() {
            let warm = temperature.is_none_or(|temperature| dew <= Some(temperature));
            assert!(faulty.contains(&row) || warm, "row {row}: {dew:?} {temperature:?}");
        }
        for (row, (direction, speed)) in pairs(WIND_DIRECTION, WIND_SPEED).enumerate() {
            if let Some(direction) = direction {
                assert!((direction == 0) == (speed == Some(0)), "row {row}: {direction} {speed:?}");
                assert_eq!(direction % 10, 0);
            }
        }
    }
}

#[test]
fn speeds_lie_on_each_stations_own_grid() {
    // Tenths of m/s of a number of knots, of 1852 m an hour.
    let knots: BTreeSet<i16> = (0..200_i32).map(|n| ((n * 18_520 + 1_800) / 3_600) as i16).collect();
    assert!([15, 21, 26, 31, 36, 41, 46, 51].iter().all(|tenths| knots.contains(tenths)));
    let (mut in_knots, mut in_metres) = (0, 0);
    for one in forty() {
        let gross = one.rows_of("gross_error", Some(WIND_SPEED));
        let speeds = one.columns[WIND_SPEED].iter().enumerate().filter(|(row, _)| !gross.contains(row));
        let speeds: BTreeSet<i16> = speeds.filter_map(|(_, speed)| *speed).collect();
        in_knots += u32::from(speeds.is_subset(&knots));
        in_metres += u32::from(speeds.iter().all(|speed| speed % 10 == 0));
    }
    assert!(in_knots >= 8 && in_metres >= 4, "{in_knots} {in_metres}");
}

#[test]
fn six_hours_of_rain_are_the_sum_of_its_hours() {
    let mut compared = 0;
    for one in forty() {
        let gross = one.rows_of("gross_error", None);
        for row in 5..one.hours.len() {
            let hourly: Option<Vec<i16>> = one.columns[RAIN_1H][row - 5..=row].iter().copied().collect();
            let (Some(six), Some(hourly)) = (one.columns[RAIN_6H][row], hourly) else { continue };
            if one.hours[row] - one.hours[row - 5] != 5 || gross.range(row - 5..=row).next().is_some() {
                continue;
            }
            assert_eq!(one.hours[row] % 6, 0);
            assert_eq!(hourly.iter().sum::<i16>(), six, "row {row}");
            compared += 1;
        }
    }
    assert!(compared > 1_000, "{compared}");
}

#[test]
fn shares_of_missing_values_are_those_of_archives() {
    let series = series(&options(150, Length::Rows(8_000)));
    let expected =
        [0.005..0.06, 0.01..0.08, 0.02..0.12, 0.06..0.20, 0.04..0.13, 0.25..0.55, 0.5..0.85, 0.85..0.99];
    for (name, expected) in MEASUREMENTS.into_iter().zip(expected) {
        let missing =
            series.iter().flat_map(|one| &one.columns[name]).filter(|value| value.is_none()).count();
        let share = missing as f64 / (150.0 * 8_000.0);
        assert!(expected.contains(&share), "{name}: {share}");
    }
}

#[test]
fn every_kind_is_planted_and_looks_like_it() {
    let mut counts = BTreeMap::<String, u32>::new();
    for one in forty() {
        let mut runs = BTreeMap::<&str, BTreeSet<i16>>::new();
        for planted in &one.planted {
            *counts.entry(planted.kind.clone()).or_default() += 1;
            let value = one.planted_value(planted);
            if planted.kind == "stuck" {
                runs.entry(&planted.event).or_default().insert(value);
            }
        }
        assert!(runs.values().all(|values| values.len() == 1), "{runs:?}");
    }
    // 40 stations of 20,000 rows: 5 measurements (one at half of the stations) at one in 20,000.
    assert!((100..260).contains(&counts["gross_error"]), "{counts:?}");
    assert!(counts["stuck"] > 1_000 && counts["storm"] > 5_000, "{counts:?}");
    assert_eq!(counts.len(), PlantedKind::ALL.len(), "{counts:?}");
}

#[test]
fn faults_in_sequence_look_like_what_they_are() {
    for one in forty() {
        let mut events = BTreeMap::<(&str, &str), Vec<&Planted>>::new();
        for planted in &one.planted {
            events.entry((&planted.kind, &planted.event)).or_default().push(planted);
        }
        for ((kind, event), planted) in events {
            let hours: Vec<i64> = planted.iter().map(|planted| one.hours[planted.row]).collect();
            let (first, last) = (hours[0], hours[hours.len() - 1]);
            let values: Vec<i16> = planted.iter().map(|planted| one.planted_value(planted)).collect();
            let steady = values.iter().all(|value| *value == values[0]);
            // By what the values must be equal.
            let equal_by = |key: &dyn Fn(i64) -> (i64, i64)| {
                let mut seen = BTreeMap::new();
                let mut pairs = hours.iter().zip(&values);
                pairs.all(|(hour, value)| seen.entry(key(*hour)).or_insert(value) == &value)
            };
            let holds = match kind {
                "frequent_value" => steady && last - first <= 24 * 366,
                "same_hour" => {
                    steady && equal_by(&|_| (0, 0)) && hours.iter().all(|hour| (hour - first) % 24 == 0)
                }
                "repeated_day" => equal_by(&|hour| (hour.rem_euclid(24), 0)) && last - first <= 24 * 17,
                "duplicate_month" => equal_by(&|hour| {
                    let time = DateTime::from_timestamp(hour * 3600, 0).unwrap();
                    (i64::from(chrono::Datelike::day(&time)), hour.rem_euclid(24))
                }),
                "spike" => values.len() <= 3 && last - first <= 6,
                "shifted_decimal" => values.len() == 1,
                "dew_point" => planted.iter().all(|planted| {
                    one.columns[TEMPERATURE][planted.row]
                        .is_none_or(|value| one.planted_value(planted) > value)
                }),
                "clock" => last - first <= 24 * 40,
                "fahrenheit" => values.iter().all(|value| *value <= 617) && last - first <= 24 * 35,
                "isolated_cluster" => {
                    let (before, after) = (planted[0].row.checked_sub(1), planted[planted.len() - 1].row + 1);
                    // Rows of the cluster that lost their values may lie between.
                    let apart = |row: usize, hour: i64| {
                        (one.hours[row] - hour).abs() > 48 || one.hours[row].abs_diff(hour) < 18
                    };
                    planted.len() <= 6
                        && before.is_none_or(|row| apart(row, first))
                        && one.hours.get(after).is_none_or(|_| apart(after, last))
                }
                _ => true,
            };
            assert!(holds, "{event}: {values:?} at {hours:?}");
        }
    }
}

#[test]
fn spells_reach_several_stations_on_the_same_days() {
    let mut events = BTreeMap::<String, (BTreeSet<(i64, i64)>, i64, i64)>::new();
    for one in series(&options(30, Length::Years(2))) {
        let of_weather = |planted: &&Planted| ["heat_wave", "cold_spell"].contains(&&*planted.kind);
        for planted in one.planted.iter().filter(of_weather) {
            let hour = one.hours[planted.row];
            let (stations, first, last) =
                events.entry(planted.event.clone()).or_insert_with(|| (BTreeSet::new(), hour, hour));
            stations.insert(one.station);
            (*first, *last) = ((*first).min(hour), (*last).max(hour));
            assert_eq!(planted.measurement, TEMPERATURE);
        }
    }
    let shared = events.values().filter(|(stations, ..)| stations.len() >= 4).count();
    assert!(2 * shared > events.len(), "{shared} of {}", events.len());
    assert!(events.values().all(|(_, first, last)| last - first <= 8 * 24));
    for kind in ["heat_wave:", "cold_spell:"] {
        assert!(events.keys().any(|event| event.starts_with(kind)), "{kind}");
    }
}

#[test]
fn storms_reach_several_stations_with_wind_and_low_pressure() {
    let mut stations = BTreeMap::<String, BTreeSet<(i64, i64)>>::new();
    let mut winds = Vec::new();
    for one in series(&options(30, Length::Years(3))) {
        for planted in one.planted.iter().filter(|planted| planted.kind == "storm") {
            stations.entry(planted.event.clone()).or_default().insert(one.station);
            if planted.measurement == WIND_SPEED {
                winds.push(f64::from(one.planted_value(planted)));
            }
        }
    }
    let shared = stations.values().filter(|stations| stations.len() >= 4).count();
    assert!(2 * shared > stations.len(), "{shared} of {}", stations.len());
    let mean = winds.iter().sum::<f64>() / winds.len() as f64;
    assert!(mean > 120.0, "mean wind of storm rows: {mean} tenths");
}

#[test]
fn a_row_count_is_met_exactly() {
    for rows in [1, 2, 999] {
        let series = series(&options(30, Length::Rows(rows)));
        assert_eq!(series.len(), 30);
        assert!(series.iter().all(|one| one.hours.len() == rows as usize));
    }
}

#[test]
fn years_begin_where_the_calendar_says() {
    for start_year in SynthOptions::START_YEARS {
        let series = series(&SynthOptions { start_year, ..options(1, Length::Rows(1)) });
        let day = NaiveDate::from_ymd_opt(start_year, 1, 1).unwrap();
        assert_eq!(
            series[0].hours,
            [day.signed_duration_since(NaiveDate::default()).num_hours()],
            "{start_year}"
        );
    }
}

#[test]
fn years_end_where_they_should_and_few_reports_are_absent() {
    let (mut rows, mut possible, mut three_hourly) = (0, 0, 0);
    for one in series(&options(100, Length::Years(1))) {
        assert_eq!(one.hours[0], 262_968, "2000-01-01T00Z");
        let last = one.hours[one.hours.len() - 1];
        assert!(last < 262_968 + 366 * 24);
        let is_hourly = one.hours.iter().any(|hour| hour % 3 > 0);
        rows += one.hours.len();
        possible += 366 * 24 / if is_hourly { 1 } else { 3 };
        three_hourly += usize::from(!is_hourly);
    }
    let absent = 1.0 - rows as f64 / f64::from(possible);
    assert!((0.003..0.05).contains(&absent), "{absent}");
    assert!((10..30).contains(&three_hourly), "{three_hourly}");
}

fn stations(count: usize) -> impl Iterator<Item = Station> {
    let options = options(count, Length::Years(1));
    (0..count).map(move |index| station(&options, index))
}

#[test]
fn numbers_ascend_strictly_for_any_number_of_stations() {
    for count in [1, 9, 100, 515, 525, 5_003, SynthOptions::MAX_STATIONS] {
        let mut previous = None;
        for Station { usaf, latitude_deg, longitude_deg, .. } in stations(count) {
            assert!(
                latitude_deg.abs() < 73.0 && longitude_deg.abs() <= 180.0,
                "{latitude_deg} {longitude_deg}"
            );
            assert!(previous < Some(usaf) && usaf < 1_000_000, "{count}: {usaf}");
            previous = Some(usaf);
        }
    }
}

#[test]
fn stations_spread_over_blocks_and_mostly_lack_a_wban() {
    let blocks: BTreeSet<u32> = stations(600).map(|station| station.usaf / 10_000).collect();
    assert_eq!(blocks.len(), 52);
    let without = stations(600).filter(|station| station.wban == 99_999).count();
    assert!((480..600).contains(&without), "{without}");
}

#[test]
fn members_of_a_cluster_are_neighbours() {
    let all: Vec<Station> = stations(200).collect();
    for members in all.chunks(10) {
        for one in members {
            assert_eq!(one.cluster, members[0].cluster);
            let apart_km = 111.2 * (one.latitude_deg - members[0].latitude_deg).abs();
            assert!(apart_km <= 2.0 * 220.0, "{apart_km}");
        }
    }
}
