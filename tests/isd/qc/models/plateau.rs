//! The model of `plateau`, without what is spared as weather.

use isd::qc::Verdict;
use proptest::prelude::*;

use super::super::{DEW_POINT, NONE, PRESSURE, TEMPERATURE, at_hours};
use super::{Found, agree, found, interquartile_range, kept};

/// The plateaus of a measurement: its values at those hours, and the least limit.
fn model(measurement: usize, hours: &[i64], values: &[f64], least: f64) -> Found {
    let rows: Vec<usize> = (0..values.len()).filter(|&row| !values[row].is_nan()).collect();
    let step = |at: usize| hours[rows[at]] - hours[rows[at - 1]];
    let change = |at: usize| values[rows[at]] - values[rows[at - 1]];
    let hourly: Vec<f64> = (1..rows.len()).filter(|&at| step(at) == 1).map(change).collect();
    let mut expected = Found::new();
    if hourly.len() < 100 {
        return expected;
    }
    let limit = kept(f64::max(6.0 * interquartile_range(hourly), least));
    let jumps = |at: usize| step(at) <= 12 && change(at).abs() >= limit;
    let quiet = |at: usize| step(at) > 12 || change(at).abs() <= limit / 2.0;
    let mut plateaus: Vec<(usize, usize, bool)> = Vec::new();
    let mut first = 1;
    while first < rows.len() {
        // The first value that is left by a jump, the values before it within half the limit of one another.
        let last = (first..rows.len() - 1)
            .take_while(|&last| last == first || quiet(last))
            .find(|&last| jumps(last + 1) && change(last + 1) * change(first) < 0.0);
        let plateau = last.filter(|&last| {
            let (before, after) = (rows[first - 1], rows[last + 1]);
            jumps(first)
                && hours[after] - hours[before] <= 24
                && (values[after] - values[before]).abs() <= change(first).abs() / 2.0
        });
        let Some(last) = plateau else {
            first += 1;
            continue;
        };
        let within = || (first..=last).map(|at| values[rows[at]]);
        let range = within().fold(f64::MIN, f64::max) - within().fold(f64::MAX, f64::min);
        let steady = last > first && range <= limit / 4.0;
        plateaus.push((first, last, steady));
        first = last + 1;
    }
    for (number, &(first, last, steady)) in plateaus.iter().enumerate() {
        // One right behind another: the levels take turns.
        let alone = plateaus
            .iter()
            .enumerate()
            .all(|(other, &(begin, end, _))| other == number || end + 1 != first && last + 1 != begin);
        let verdict = match measurement {
            DEW_POINT => steady.then_some(Verdict::Suspect),
            _ if steady && alone => Some(Verdict::Erroneous),
            _ => Some(Verdict::Suspect),
        };
        expected.extend((first..=last).filter_map(|at| Some((measurement, rows[at], verdict?))));
    }
    expected
}

#[test]
fn plateaus_are_those_of_the_model() {
    let cases = (
        prop_oneof![Just((TEMPERATURE, 5.0)), Just((DEW_POINT, 5.0)), Just((PRESSURE, 3.0))],
        prop::collection::vec(prop_oneof![30 => Just(1_i64), 1 => 2_i64..20], 300),
        prop::collection::vec(-3_i32..4, 300),
        prop::collection::vec(
            (5_usize..270, -120_i32..120, prop_oneof![1 => 1_usize..5, 2 => 5_usize..28]),
            0..8,
        ),
        prop::collection::vec(0_usize..300, 0..20),
    );
    agree(192, cases, |((measurement, least), steps, mut tenths, jumps, missing)| {
        let hours: Vec<i64> = steps
            .iter()
            .scan(0, |hour, step| {
                *hour += step;
                Some(*hour)
            })
            .collect();
        for (row, by, count) in jumps {
            tenths[row..row + count].iter_mut().for_each(|value| *value += by);
        }
        let mut values: Vec<f64> = tenths.iter().map(|&tenths| f64::from(tenths) / 10.0).collect();
        for row in missing {
            values[row] = NONE;
        }
        // Steps of other lengths are too rare for limits of their own, so that the limit of one hour holds for all. All lie in one month.
        assert!(hours[299] < 744);
        let expected = model(measurement, &hours, &values, least);
        (found("plateau", &at_hours(&hours, &[(measurement, values)])), expected)
    });
}
