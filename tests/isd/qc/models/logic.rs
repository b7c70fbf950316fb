//! Models of the tests that hold variables of a station against each other, and values against the records of the world.

use isd::qc::{Station, Verdict};
use isd_dataset::geography::Position;
use proptest::prelude::*;

use super::super::{
    DEW_POINT, NONE, PRESSURE, RAIN_1H, RAIN_6H, SKY, START, TEMPERATURE, WIND_SPEED, at_hours, drawn,
    station,
};
use super::{Found, agree, found, median};
use crate::memory::HOUR;

/// Tenths, or no value.
fn tenths(value: Option<i32>) -> f64 {
    value.map_or(NONE, |tenths| f64::from(tenths) / 10.0)
}

#[test]
fn pressure_is_that_of_the_model() {
    let pairs = (100_usize..200, 1_i32..30, any::<u64>());
    agree(256, pairs, |(rows, scatter, seed)| {
        let mut draw = drawn(seed);
        let value = |low: f64, high: f64, draw: &mut dyn FnMut() -> f64| {
            ((low + (high - low) * draw()) * 10.0).round() / 10.0
        };
        let (mut sea, mut own) = (Vec::new(), Vec::new());
        for _ in 0..rows {
            let here = value(950.0, 990.0, &mut draw);
            let mut above = value(20.0, 20.0 + f64::from(scatter) / 10.0, &mut draw);
            if draw() < 0.1 {
                above += value(-12.0, 12.0, &mut draw);
            }
            sea.push(if draw() < 0.05 { NONE } else { here + above });
            own.push(if draw() < 0.05 { NONE } else { here });
        }
        let differences: Vec<f64> = sea.iter().zip(&own).map(|(sea, own)| sea - own).collect();
        let known = || differences.iter().copied().filter(|difference| !difference.is_nan());
        let mut expected = Found::new();
        if known().count() >= 120 {
            let center = median(known());
            let spread = median(known().map(|difference| (difference - center).abs()));
            let far = |row: &usize| (differences[*row] - center).abs() > 4.5 * f64::max(spread, 1.0);
            expected.extend((0..rows).filter(far).map(|row| (PRESSURE, row, Verdict::Suspect)));
        }
        (found("pressure", &station(&[(PRESSURE, sea)]).with_station_pressure(own)), expected)
    });
}

/// One hour's temperature, dew point depression, sky and rain, and the time to the next, in hours.
fn air() -> impl Strategy<Value = (i64, Option<i32>, Option<i32>, f64, f64)> {
    (
        prop_oneof![20 => Just(1_i64), 1 => 2_i64..20],
        prop_oneof![12 => (50_i32..70).prop_map(Some), 1 => (-20_i32..150).prop_map(Some), 1 => Just(None)],
        prop_oneof![12 => (0_i32..5).prop_map(Some), 1 => (-80_i32..80).prop_map(Some), 1 => Just(None)],
        prop_oneof![3 => Just(1.0), 1 => Just(8.0), 1 => Just(NONE)],
        prop_oneof![6 => Just(0.0), 1 => Just(0.4), 2 => Just(NONE)],
    )
}

#[test]
fn humidity_is_that_of_the_model() {
    let saturated = prop::collection::vec((0_usize..300, 10_usize..60), 0..4);
    agree(
        96,
        (prop::collection::vec(air(), 1..300), saturated, any::<bool>()),
        |(hours, saturated, level)| {
            let mut times = Vec::new();
            let (mut airs, mut dews, mut skies, mut rains) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let mut time = 0;
            for &(step, air, depression, sky, rain) in &hours {
                times.push(time);
                time += step;
                airs.push(tenths(air));
                // Either a depression of some tenths, or a dew point that does not follow the temperature.
                let dew = if level { Some(45) } else { air };
                dews.push(tenths(dew.zip(depression).map(|(dew, depression)| dew - depression - 2)));
                skies.push(sky);
                rains.push(rain);
            }
            for (from, count) in saturated {
                let rows = from.min(airs.len())..(from + count).min(airs.len());
                dews[rows.clone()].copy_from_slice(&airs[rows]);
            }
            let rows = times.len();
            let mut expected = Found::new();
            // How far a value lies from the median of the others within 6 h.
            let departure = |values: &[f64], row: usize| {
                let others =
                    (0..rows).filter(|&other| other != row && (times[other] - times[row]).abs() <= 6);
                let others: Vec<f64> =
                    others.map(|other| values[other]).filter(|value| !value.is_nan()).collect();
                if others.is_empty() { NONE } else { (values[row] - median(others)).abs() }
            };
            for row in (0..rows).filter(|&row| dews[row] - airs[row] > 0.5) {
                let (air, dew) = (departure(&airs, row), departure(&dews, row));
                let wrong = if air > 3.0 && air > 2.0 * dew { TEMPERATURE } else { DEW_POINT };
                expected.insert((wrong, row, Verdict::Suspect));
            }
            let both: Vec<usize> = (0..rows).filter(|&row| !(airs[row] - dews[row]).is_nan()).collect();
            for first in 0..both.len() {
                for last in first..both.len() {
                    let run = &both[first..=last];
                    let saturated = run.iter().all(|&row| (airs[row] - dews[row]).abs() <= 0.25);
                    let whole = run.windows(2).all(|pair| times[pair[1]] - times[pair[0]] <= 12);
                    if !saturated || !whole {
                        break;
                    }
                    // The longest run around these values: none before it or after it belongs to it.
                    let joins = |a: usize, b: usize| {
                        times[b] - times[a] <= 12
                            && [a, b].iter().all(|&row| (airs[row] - dews[row]).abs() <= 0.25)
                    };
                    let longer = first > 0 && joins(both[first - 1], both[first])
                        || last + 1 < both.len() && joins(both[last], both[last + 1]);
                    let dry =
                        |row: &&usize| skies[**row] <= 2.0 && (rains[**row].is_nan() || rains[**row] == 0.0);
                    let dry = run.iter().filter(dry).count();
                    let long = run.len() >= 4 && times[both[last]] - times[both[first]] >= 24;
                    if !longer && long && 2 * dry >= run.len() {
                        expected.extend(run.iter().map(|&row| (DEW_POINT, row, Verdict::Suspect)));
                    }
                }
            }
            let columns = [(TEMPERATURE, airs), (DEW_POINT, dews), (SKY, skies), (RAIN_1H, rains)];
            (found("humidity", &at_hours(&times, &columns)), expected)
        },
    );
}

/// Latitude and longitude, where they are known.
type Place = Option<(f64, f64)>;

/// Places, with the greatest and the least temperature and the least dew point of their part of the world.
const PLACES: [(Place, f64, f64, f64); 12] = [
    (None, 56.7, -89.2, -100.0),
    (Some((9.1, 7.4)), 55.0, -23.9, -50.0),      // Abuja
    (Some((-26.2, 28.0)), 55.0, -23.9, -50.0),   // Johannesburg
    (Some((28.6, 77.2)), 53.9, -67.8, -100.0),   // Delhi
    (Some((62.0, 129.7)), 53.9, -67.8, -100.0),  // Yakutsk
    (Some((-34.6, -58.4)), 48.9, -32.8, -60.0),  // Buenos Aires
    (Some((39.7, -105.0)), 56.7, -69.6, -100.0), // Denver
    (Some((72.6, -38.5)), 56.7, -69.6, -100.0),  // Summit, Greenland
    (Some((40.4, -3.7)), 48.8, -58.1, -100.0),   // Madrid
    (Some((-45.1, 170.1)), 50.7, -25.6, -50.0),  // Ranfurly
    (Some((-75.1, 123.4)), 18.3, -89.2, -100.0), // Dome C
    (Some((30.0, 31.2)), 56.7, -89.2, -100.0),   // Cairo, where continents meet
];

#[test]
fn world_records_are_those_of_the_model() {
    // A measurement, one of its limits or 50, and how far a value lies from that, in tenths.
    let near = (0..PLACES.len(), 0_usize..6, 0_usize..3, -3_i32..3);
    agree(512, near, |(place, measurement, side, tenths)| {
        let (position, most, least, least_dew_point) = PLACES[place];
        let (measurement, least, most) = [
            (TEMPERATURE, least, most),
            (DEW_POINT, least_dew_point, most),
            (PRESSURE, 870.0, 1083.3),
            (WIND_SPEED, 0.0, 113.2),
            (RAIN_1H, 0.0, 305.0),
            (RAIN_6H, 0.0, 1144.0),
        ][measurement];
        // To the tenth, as the records are.
        let value = (([least, most, 50.0][side] * 10.0_f64).round() + f64::from(tenths)) / 10.0;
        let mut expected = Found::new();
        if value < least || value > most {
            expected.insert((measurement, 0, Verdict::Erroneous));
        } else if measurement == WIND_SPEED && value > 50.0 {
            expected.insert((measurement, 0, Verdict::Suspect));
        }
        let position = position.and_then(|(latitude, longitude)| Position::of_station(latitude, longitude));
        let tested = Station::new("a".into(), position, vec![START * HOUR]).with(measurement, vec![value]);
        (found("world_record", &tested), expected)
    });
}
