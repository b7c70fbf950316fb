//! Models of the tests that rest on a station's own record.

use std::collections::{BTreeMap, BTreeSet};

use isd::qc::Verdict;
use proptest::prelude::*;

use super::super::{DEW_POINT, NONE, PRESSURE, START, TEMPERATURE, WIND_SPEED, at_hours, drawn};
use super::{Found, agree, found, interquartile_range, kept, median, resolution, sorted};

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
            let bins: BTreeSet<i32> = known.iter().map(|(_, tenths)| bin(*tenths)).collect();
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

/// The distance at which a normal distribution of `count` values has less than a tenth of a value in a bin of 1.
fn normal_limit(count: usize, sigma: f64) -> f64 {
    let in_bin = |distance: f64| {
        let height = 1.0 / (sigma * (2.0 * std::f64::consts::PI).sqrt());
        count as f64 * height * (-0.5 * (distance / sigma).powi(2)).exp()
    };
    let (mut within, mut beyond) = (0.0, 1000.0);
    for _ in 0..80 {
        let middle = f64::midpoint(within, beyond);
        if in_bin(middle) < 0.1 { beyond = middle } else { within = middle }
    }
    beyond
}

#[test]
fn climatological_is_that_of_the_model() {
    let cases = (
        prop_oneof![Just(TEMPERATURE), Just(DEW_POINT)],
        3_i64..5,
        prop_oneof![5_i32..30, 30_i32..120],
        prop::collection::vec((0_usize..4380, -300_i32..300), 0..60),
        prop_oneof![Just(0.0), 0.0..0.35_f64],
        any::<u64>(),
    );
    agree(40, cases, |(measurement, years, scatter, far, missing, seed)| {
        let mut draw = drawn(seed);
        let hours: Vec<i64> = (0..years * 1461).map(|row| 6 * row).collect();
        let mut values: Vec<f64> = hours
            .iter()
            .map(|hour| {
                let usual = 10.0 * (hour % 24) as f64 / 6.0 + (draw() + draw() - 1.0) * f64::from(scatter);
                if draw() < missing { NONE } else { usual.round() / 10.0 }
            })
            .collect();
        for (row, tenths) in far {
            values[row] += f64::from(tenths) / 10.0;
        }
        let dates: Vec<(i32, u32)> = hours.iter().map(|&hour| date(hour)).collect();
        let known: Vec<usize> = (0..values.len()).filter(|&row| !values[row].is_nan()).collect();
        let full = |year: &i32| known.iter().filter(|&&row| dates[row].0 == *year).count() >= 1000;
        // By month, the limit of a change within six hours; steps of twelve, the longest that are compared, have the same.
        let mut changes = vec![Vec::new(); 13];
        for pair in known.windows(2).filter(|pair| pair[1] - pair[0] == 1) {
            changes[dates[pair[1]].1 as usize].push(values[pair[1]] - values[pair[0]]);
        }
        let is_ordinary = |from: usize, to: usize| {
            let limit = kept(f64::max(6.0 * interquartile_range(changes[dates[to].1 as usize].clone()), 5.0));
            to - from <= 2 && (values[to] - values[from]).abs() < limit
        };
        let mut outlying = BTreeSet::new();
        let months = if (2001..2007).filter(full).count() >= 3 { 1..13 } else { 0..0 };
        for month in months {
            // Distances from the winsorised mean of the hour, by row.
            let mut distances = BTreeMap::new();
            for hour in [0, 6, 12, 18] {
                let rows = || known.iter().filter(|&&row| dates[row].1 == month && hours[row] % 24 == hour);
                let ordered = sorted(rows().map(|&row| values[row]));
                let end = ordered.len() / 20;
                let (low, high) = (ordered[end], ordered[ordered.len() - 1 - end]);
                let sum: f64 = ordered.iter().map(|value| value.clamp(low, high)).sum();
                let center = kept(sum / ordered.len() as f64);
                let spread = kept(f64::max(interquartile_range(ordered) / 2.0, 1.5));
                distances.extend(rows().map(|&row| (row, (values[row] - center) / spread)));
            }
            let all = || distances.values().copied();
            let middle = median(all());
            let sigma = 1.4826 * median(all().map(|distance| (distance - middle).abs()));
            let limit = normal_limit(distances.len(), sigma.max(0.5)) + 1.0;
            for sign in [1.0, -1.0] {
                let mut reached = limit;
                for distance in sorted(all().map(|distance| sign * distance)) {
                    if distance > limit && distance - reached < 1.0 {
                        reached = distance;
                    } else if distance > limit {
                        break;
                    }
                }
                let beyond = distances.iter().filter(|(_, distance)| sign * **distance > reached);
                outlying.extend(beyond.map(|(row, _)| *row));
            }
        }
        let mut expected = Found::new();
        let places: Vec<usize> = (0..known.len()).filter(|&at| outlying.contains(&known[at])).collect();
        for run in places.chunk_by(|a, b| a + 1 == *b) {
            // Weather leads to them and from them.
            let (first, last) = (run[0], run[run.len() - 1]);
            let joins = first > 0
                && last + 1 < known.len()
                && is_ordinary(known[first - 1], known[first])
                && is_ordinary(known[last], known[last + 1]);
            if !joins {
                expected.extend(run.iter().map(|&at| (measurement, known[at], Verdict::Suspect)));
            }
        }
        (found("climatological", &at_hours(&hours, &[(measurement, values)])), expected)
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
