//! Tests of whole series: options in, the properties checked that users of the archives rely on.

use isd_dataset::MEASUREMENTS;

use super::fault::PlantedKind;
use super::options::{Length, SynthOptions};
use super::series::SyntheticSeries;
use super::weather::*;

fn archive() -> (SynthOptions, Vec<SyntheticSeries>) {
    let options = SynthOptions { stations: 40, length: Length::Rows(20_000), ..SynthOptions::default() };
    let series = (0..options.stations).map(|index| SyntheticSeries::new(&options, index)).collect();
    (options, series)
}

#[test]
fn columns_are_where_their_constants_say() {
    let names = [
        (AIR_TEMPERATURE, "air_temperature"),
        (DEW_POINT, "dew_point_temperature"),
        (PRESSURE, "sea_level_pressure"),
        (WIND_DIRECTION, "wind_direction"),
        (WIND_SPEED, "wind_speed_rate"),
        (SKY, "sky_condition"),
        (RAIN_1H, "liquid_precipitation_1h"),
        (RAIN_6H, "liquid_precipitation_6h"),
    ];
    for (index, name) in names {
        assert_eq!(MEASUREMENTS[index].name, name);
    }
}

#[test]
fn a_series_depends_on_seed_and_index_alone() {
    let (options, series) = archive();
    let again = SyntheticSeries::new(&options, 7);
    assert_eq!(again.reports, series[7].reports);
    assert_eq!(again.planted, series[7].planted);
    let other = SyntheticSeries::new(&SynthOptions { seed: 2, ..options }, 7);
    assert_ne!(other.reports, series[7].reports);
}

#[test]
fn times_ascend_and_values_stay_in_range() {
    for one in archive().1 {
        assert!(one.reports.hours.windows(2).all(|pair| pair[0] < pair[1]));
        let ranges =
            [(-932, 618), (-982, 368), (8_600, 10_900), (0, 360), (0, 900), (0, 9), (0, 9_998), (0, 9_998)];
        for (index, (low, high)) in ranges.into_iter().enumerate() {
            for &value in &one.reports.columns[index] {
                assert!(value == MISSING || (low..=high).contains(&value), "{index}: {value}");
            }
        }
    }
}

#[test]
fn dew_points_stay_below_temperatures_and_calms_have_no_direction() {
    for one in archive().1 {
        let columns = &one.reports.columns;
        let mut planted = one.planted.iter().peekable();
        for (row, &temperature) in columns[AIR_TEMPERATURE].iter().enumerate() {
            let mut faulty = false;
            while let Some(entry) = planted.next_if(|entry| entry.row == row) {
                faulty |= entry.kind != PlantedKind::Storm;
            }
            let dew = columns[DEW_POINT][row];
            assert!(faulty || dew == MISSING || dew <= temperature, "row {row}: {dew} {temperature}");
            let (direction, speed) = (columns[WIND_DIRECTION][row], columns[WIND_SPEED][row]);
            assert!(
                direction == MISSING || (direction == 0) == (speed == 0),
                "row {row}: {direction} {speed}"
            );
            assert!(direction == MISSING || direction % 10 == 0);
        }
    }
}

#[test]
fn speeds_lie_on_each_stations_own_grid() {
    assert_eq!([3, 4, 5, 6, 7, 8, 9, 10].map(tenths_of_knots), [15, 21, 26, 31, 36, 41, 46, 51]);
    let (mut knots, mut metres) = (0, 0);
    for one in archive().1 {
        let gross: Vec<usize> =
            one.planted.iter().filter(|p| p.kind == PlantedKind::GrossError).map(|p| p.row).collect();
        let speeds: Vec<i16> = one.reports.columns[WIND_SPEED]
            .iter()
            .enumerate()
            .filter(|(row, value)| **value != MISSING && gross.binary_search(row).is_err())
            .map(|(_, &value)| value)
            .collect();
        let on = |grid: &dyn Fn(i16) -> bool| speeds.iter().all(|&value| grid(value));
        let knot = |value: i16| (0..200).any(|knots| tenths_of_knots(knots) == value);
        knots += u32::from(on(&knot));
        metres += u32::from(on(&|value| value % 10 == 0));
    }
    assert!(knots >= 8 && metres >= 4, "{knots} {metres}");
}

#[test]
fn six_hours_of_rain_are_the_sum_of_its_hours() {
    let mut compared = 0;
    for one in archive().1 {
        let (hours, columns) = (&one.reports.hours, &one.reports.columns);
        let gross = |row| one.planted.iter().any(|p| p.row == row && p.kind == PlantedKind::GrossError);
        for row in 5..one.rows() {
            let (six, ones) = (columns[RAIN_6H][row], &columns[RAIN_1H][row - 5..=row]);
            if six == MISSING || ones.contains(&MISSING) || hours[row] - hours[row - 5] != 5 {
                continue;
            }
            if (row - 5..=row).any(gross) {
                continue;
            }
            assert_eq!(hours[row] % 6, 0);
            assert_eq!(ones.iter().sum::<i16>(), six, "row {row}");
            compared += 1;
        }
    }
    assert!(compared > 1_000, "{compared}");
}

#[test]
fn shares_of_missing_values_are_those_of_archives() {
    let options = SynthOptions { stations: 150, length: Length::Rows(8_000), ..SynthOptions::default() };
    let mut missing = [0; MEASUREMENTS.len()];
    for index in 0..options.stations {
        let series = SyntheticSeries::new(&options, index);
        for (count, column) in missing.iter_mut().zip(&series.reports.columns) {
            *count += column.iter().filter(|&&value| value == MISSING).count();
        }
    }
    let shares = missing.map(|count| count as f64 / (150.0 * 8_000.0));
    let expected =
        [0.005..0.06, 0.01..0.08, 0.02..0.12, 0.06..0.20, 0.04..0.13, 0.25..0.55, 0.5..0.85, 0.85..0.99];
    for ((share, expected), measurement) in shares.iter().zip(expected).zip(&MEASUREMENTS) {
        assert!(expected.contains(share), "{}: {share}", measurement.name);
    }
}

#[test]
fn every_kind_is_planted_and_looks_like_it() {
    let (_, series) = archive();
    let (mut gross, mut stuck, mut storms) = (0, 0, 0);
    for one in &series {
        for entry in &one.planted {
            let value = one.reports.columns[entry.measurement][entry.row];
            assert_ne!(value, MISSING);
            match entry.kind {
                PlantedKind::GrossError => gross += 1,
                PlantedKind::Stuck => stuck += 1,
                PlantedKind::Storm => storms += 1,
            }
        }
        let mut runs = std::collections::BTreeMap::<_, Vec<i16>>::new();
        for entry in one.planted.iter().filter(|entry| entry.kind == PlantedKind::Stuck) {
            let value = one.reports.columns[entry.measurement][entry.row];
            runs.entry((entry.measurement, entry.event)).or_default().push(value);
        }
        for (event, values) in runs {
            assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "{event:?}");
        }
    }
    // 40 stations of 20,000 rows: 5 measurements (one at half of the stations) at one in 20,000.
    assert!((100..260).contains(&gross), "{gross}");
    assert!(stuck > 1_000 && storms > 5_000, "{stuck} {storms}");
}

#[test]
fn storms_reach_several_stations_with_wind_and_low_pressure() {
    let options = SynthOptions { stations: 30, length: Length::Years(3), ..SynthOptions::default() };
    let series: Vec<SyntheticSeries> =
        (0..options.stations).map(|index| SyntheticSeries::new(&options, index)).collect();
    let mut stations = std::collections::BTreeMap::<_, std::collections::BTreeSet<u32>>::new();
    let (mut stormy, mut rows) = (0.0, 0.0);
    for one in &series {
        for entry in one.planted.iter().filter(|entry| entry.kind == PlantedKind::Storm) {
            stations.entry((one.station.cluster, entry.event)).or_default().insert(one.station.usaf);
            if entry.measurement == WIND_SPEED {
                stormy += f64::from(one.reports.columns[WIND_SPEED][entry.row]);
                rows += 1.0;
            }
        }
    }
    let shared = stations.values().filter(|stations| stations.len() >= 4).count();
    assert!(2 * shared > stations.len(), "{shared} of {}", stations.len());
    assert!(stormy / rows > 120.0, "mean wind of storm rows: {} tenths", stormy / rows);
}
