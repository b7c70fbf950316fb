//! Models of the tests that rest on a station's own record.

use isd::qc::Verdict;
use proptest::prelude::*;

use super::super::{DEW_POINT, NONE, PRESSURE, START, TEMPERATURE, WIND_SPEED, at_hours, drawn};
use super::{Found, agree, found, interquartile_range, median, resolution};

/// The calendar year and month of an hour after the beginning of 2001.
fn date(hour: i64) -> (i32, u32) {
    use chrono::Datelike;
    let date = chrono::DateTime::from_timestamp((START + hour) * 3600, 0).unwrap();
    (date.year(), date.month())
}

#[test]
fn frequent_values_are_those_of_the_model() {
    let cases = (
        prop_oneof![Just((TEMPERATURE, 0)), Just((DEW_POINT, -2000)), Just((PRESSURE, 10_000))],
        // Half days from 2001 on: whole years, and a last one of about a hundred values.
        prop_oneof![400_usize..700, 827_usize..838, 1500_usize..1600],
        prop_oneof![3 => Just(1), 1 => Just(5), 1 => Just(10)],
        (5_i32..400, -30_i32..30),
        prop::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.0..0.9_f64], 3),
        any::<u64>(),
    );
    agree(192, cases, |((measurement, level), rows, step, (scatter, frequent), shares, seed)| {
        let mut draw = drawn(seed);
        let hours: Vec<i64> = (0..rows as i64).map(|row| 12 * row).collect();
        let years: Vec<i32> = hours.iter().map(|&hour| date(hour).0).collect();
        let tenths: Vec<Option<i32>> = years
            .iter()
            .map(|year| {
                let spread = f64::from(scatter) * (draw() + draw() - 1.0);
                let own = if draw() < shares[(year - 2001) as usize] { f64::from(frequent) } else { spread };
                let value = level + own.round() as i32;
                (draw() > 0.01).then_some(value.div_euclid(step) * step)
            })
            .collect();
        let known: Vec<(usize, i32)> = (0..rows).filter_map(|row| Some((row, tenths[row]?))).collect();
        let mut expected = Found::new();
        if known.len() >= 500 {
            let values: Vec<f64> = known.iter().map(|(_, tenths)| f64::from(*tenths) / 10.0).collect();
            let whole = resolution(&values) == 1.0;
            let bin = |tenths: i32| tenths.div_euclid(if whole { 10 } else { 5 });
            // Values in a bin, and in the largest and all of the seven around it.
            let seven = |bin_of: i32, year: Option<i32>| {
                let of_year = |row: usize| year.is_none_or(|year| years[row] == year);
                let count = |wanted: i32| {
                    known.iter().filter(|&&(row, tenths)| of_year(row) && bin(tenths) == wanted).count()
                };
                let counts: Vec<usize> = (bin_of - 3..=bin_of + 3).map(count).collect();
                (counts[3], *counts.iter().max().unwrap(), counts.iter().sum::<usize>() as f64)
            };
            let bins: std::collections::BTreeSet<i32> =
                known.iter().map(|(_, tenths)| bin(*tenths)).collect();
            for wanted in bins {
                let (own, largest, all) = seven(wanted, None);
                if own < largest || own < 30 || (own as f64) < 0.3 * all {
                    continue;
                }
                for year in 2001..=2003 {
                    let of_year = || known.iter().filter(|(row, _)| years[*row] == year);
                    let (own, _, all) = seven(wanted, Some(year));
                    let share = own as f64 / all;
                    let enough = share >= 0.5 && own >= 20 || share >= 0.9 && own >= 10;
                    if of_year().count() > 100 && enough {
                        let mine = of_year().filter(|(_, tenths)| bin(*tenths) == wanted);
                        expected.extend(mine.map(|&(row, _)| (measurement, row, Verdict::Suspect)));
                    }
                }
            }
        }
        let values = tenths.iter().map(|tenths| tenths.map_or(NONE, |tenths| f64::from(tenths) / 10.0));
        (found("frequent_value", &at_hours(&hours, &[(measurement, values.collect())])), expected)
    });
}

#[test]
fn variance_is_that_of_the_model() {
    let measured = [(TEMPERATURE, 8.0), (DEW_POINT, 8.0), (PRESSURE, 6.0), (WIND_SPEED, 6.0)];
    let year = (
        prop_oneof![6 => 90_i32..110, 1 => 110_i32..400, 1 => 5_i32..90],
        prop_oneof![8 => 0_usize..4, 1 => 4_usize..7, 1 => 8_usize..60],
        prop_oneof![3 => Just(12.0), 2 => Just(14.9), 2 => Just(15.0)],
    );
    let cases = (0_usize..4, prop::collection::vec(year, 10..16), any::<u64>());
    agree(64, cases, |(measured_at, years, seed)| {
        let (measurement, limit) = measured[measured_at];
        let mut draw = drawn(seed);
        let (mut hours, mut values, mut wind) = (Vec::new(), Vec::new(), Vec::new());
        // January of each year, every six hours: 124 values, some of them missing, and one hour of wind.
        for (year, &(scatter, missing, gust)) in years.iter().enumerate() {
            let first = values.len();
            let start =
                (0..9000).map(|day| 24 * day).find(|&hour| date(hour).0 == 2001 + year as i32).unwrap();
            for at in 0..124 {
                hours.push(start + 6 * at);
                let usual = 10 * (at % 4) as i32 + 100;
                values.push(f64::from(usual + (f64::from(scatter) * (draw() - 0.5)).round() as i32) / 10.0);
                wind.push(5.0);
            }
            (0..missing).for_each(|_| values[first + (draw() * 124.0) as usize] = NONE);
            wind[first + (draw() * 124.0) as usize] = gust;
        }
        if measurement == WIND_SPEED {
            // The wind itself: gusts among its values.
            for (value, &gust) in
                values.iter_mut().zip(&wind).filter(|(value, gust)| **gust > 14.0 && !value.is_nan())
            {
                *value = gust;
            }
            wind.clone_from(&values);
        }
        let known: Vec<usize> = (0..values.len()).filter(|&row| !values[row].is_nan()).collect();
        let usual: Vec<f64> = (0..4)
            .map(|at| median(known.iter().filter(|&&row| row % 4 == at).map(|&row| values[row])))
            .collect();
        let months: Vec<(f64, Vec<usize>)> = (0..years.len())
            .map(|year| -> Vec<usize> { known.iter().copied().filter(|row| row / 124 == year).collect() })
            .filter(|rows| rows.len() >= 120)
            .map(|rows| {
                let sum: f64 = rows.iter().map(|&row| (values[row] - usual[row % 4]).abs()).sum();
                (sum / rows.len() as f64, rows)
            })
            .collect();
        let mut expected = Found::new();
        if months.len() >= 10 {
            let deviations = || months.iter().map(|(deviation, _)| *deviation);
            let center = median(deviations());
            let spread = f64::max(interquartile_range(deviations()) / 2.0, 0.1 * center);
            for (deviation, rows) in &months {
                let distance = (deviation - center) / spread;
                let spared = (measurement == PRESSURE || measurement == WIND_SPEED)
                    && distance > 0.0
                    && rows.iter().any(|&row| wind[row] >= 15.0);
                if distance.abs() > limit && !spared {
                    expected.extend(rows.iter().map(|&row| (measurement, row, Verdict::Suspect)));
                }
            }
        }
        let mut columns = vec![(WIND_SPEED, wind), (measurement, values)];
        if measurement == WIND_SPEED {
            columns.remove(0);
        }
        // Wind beside the measurement is constant but for gusts, and is judged for itself.
        let mine = found("variance", &at_hours(&hours, &columns));
        (mine.into_iter().filter(|(found, ..)| *found == measurement).collect(), expected)
    });
}
