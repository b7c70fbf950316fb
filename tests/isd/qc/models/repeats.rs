//! Models of what repeats itself: months, the same hour of the day, and days.

use std::collections::BTreeMap;

use isd::qc::Verdict;
use proptest::prelude::*;

use super::super::{NONE, RAIN_1H, SKY, TEMPERATURE, WIND_DIRECTION, WIND_SPEED, at_hours, drawn};
use super::{Found, agree, found, resolution};

/// Days of the months from January 2001 on.
const DAYS: [i64; 5] = [31, 28, 31, 30, 31];

#[test]
fn duplicate_months_are_those_of_the_model() {
    // For each month the one that it copies, if that comes before it; how many values of it are missing and differ.
    let month = (
        prop_oneof![3 => Just(9), 2 => Just(0), 1 => Just(1)],
        0_usize..260,
        prop_oneof![4 => Just(0), 1 => 1_usize..3],
    );
    let cases = (
        prop::collection::vec(month, 5),
        prop_oneof![Just(1_usize), Just(3), Just(6)],
        any::<bool>(),
        any::<u64>(),
    );
    agree(96, cases, |(months, every, rains_follow, seed)| {
        let mut draw = drawn(seed);
        let (mut hours, mut dates, mut air, mut rain) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut midnight = 0;
        for (month, &days) in DAYS.iter().enumerate() {
            for at in 0..days * 8 {
                hours.push(midnight + 3 * at);
                dates.push((month, at));
                // The temperature changes every so many values.
                let steady = at % every as i64 != 0 && air.last().is_some();
                air.push(if steady { air[air.len() - 1] } else { (draw() * 300.0).round() / 10.0 });
                rain.push((draw() * 3.0).round());
            }
            midnight += 24 * days;
        }
        let row_of: BTreeMap<(usize, i64), usize> = dates.iter().copied().zip(0..).collect();
        for (month, &(copied, ..)) in months.iter().enumerate().filter(|(month, (copied, ..))| copied < month)
        {
            for row in (0..dates.len()).filter(|&row| dates[row].0 == month) {
                if let Some(&from) = row_of.get(&(copied, dates[row].1)) {
                    air[row] = air[from];
                    rain[row] = if rains_follow { rain[from] } else { rain[row] };
                }
            }
        }
        for (month, &(_, missing, differing)) in months.iter().enumerate() {
            let mut any = || row_of[&(month, (draw() * 224.0) as i64)];
            (0..missing).for_each(|_| air[any()] = NONE);
            (0..differing).for_each(|_| air[any()] += 0.1);
        }
        // The values that two months have at the same day and hour.
        let common = |values: &[f64], a: usize, b: usize| -> Vec<(f64, f64)> {
            let pairs = (0..248)
                .filter_map(|at| Some((values[*row_of.get(&(a, at))?], values[*row_of.get(&(b, at))?])));
            pairs.filter(|(a, b)| !a.is_nan() && !b.is_nan()).collect()
        };
        let equal = |pairs: &[(f64, f64)]| pairs.iter().all(|(a, b)| a == b);
        let observed = |month: usize| -> Vec<i64> {
            (0..248).filter(|&at| row_of.get(&(month, at)).is_some_and(|&row| !air[row].is_nan())).collect()
        };
        let mut expected = Found::new();
        for later in 1..5 {
            let earlier = (0..later).find(|&earlier| {
                let pairs = common(&air, earlier, later);
                let changes = pairs.windows(2).filter(|pair| pair[0].0 != pair[1].0).count();
                let most = observed(earlier).len().max(observed(later).len());
                equal(&pairs) && pairs.len() >= 60 && 2 * pairs.len() >= most && changes >= 20
            });
            let Some(earlier) = earlier else { continue };
            // The last day on which both have a temperature or had one before.
            let last = observed(earlier).last().unwrap().min(observed(later).last().unwrap()) / 8;
            for (measurement, values) in [(TEMPERATURE, &air), (RAIN_1H, &rain)] {
                let pairs = common(values, earlier, later);
                if pairs.is_empty() || !equal(&pairs) {
                    continue;
                }
                let rows = (0..dates.len()).filter(|&row| {
                    let (month, at) = dates[row];
                    (month == earlier || month == later) && at / 8 <= last && !values[row].is_nan()
                });
                expected.extend(rows.map(|row| (measurement, row, Verdict::Suspect)));
            }
        }
        (found("duplicate_month", &at_hours(&hours, &[(TEMPERATURE, air), (RAIN_1H, rain)])), expected)
    });
}

/// Values at the same hour of the day, of which none is more than two days from the one before it, all equal.
fn same_hours(hours: &[i64], values: &[f64], days: f64, is_evidence: impl Fn(f64) -> bool) -> Vec<usize> {
    let mut expected = Vec::new();
    for hour in 0..24 {
        let rows = (0..hours.len()).filter(|&row| hours[row] % 24 == hour && !values[row].is_nan());
        let rows: Vec<usize> = rows.collect();
        let mut first = 0;
        for at in 1..=rows.len() {
            let goes_on = at < rows.len()
                && values[rows[at]] == values[rows[at - 1]]
                && hours[rows[at]] - hours[rows[at - 1]] <= 48;
            if goes_on {
                continue;
            }
            let streak = &rows[first..at];
            first = at;
            let others = (streak[0]..=streak[streak.len() - 1])
                .filter(|&row| !values[row].is_nan() && values[row] != values[streak[0]]);
            if streak.len() as f64 >= days && others.count() >= streak.len() && is_evidence(values[streak[0]])
            {
                expected.extend(streak);
            }
        }
    }
    expected
}

/// Spans of values that all equal those of 24 hours before, as rows, from 24 hours before the first of these values on.
fn repeated_days(hours: &[i64], values: &[f64], changes: f64) -> Vec<std::ops::RangeInclusive<usize>> {
    let rows: Vec<usize> = (0..hours.len()).filter(|&row| !values[row].is_nan()).collect();
    // Whether a value equals that of 24 hours before, if there is one.
    let repeats: Vec<Option<bool>> = rows
        .iter()
        .map(|&row| {
            let before = rows.iter().find(|&&before| hours[before] == hours[row] - 24);
            before.map(|&before| values[before] == values[row])
        })
        .collect();
    let mut spans = Vec::new();
    let mut next = 0;
    while next < rows.len() {
        // From one value that repeats to the last, before one that differs.
        let first = next;
        if repeats[first] != Some(true) {
            next += 1;
            continue;
        }
        let end = (first..rows.len()).find(|&at| repeats[at] == Some(false)).unwrap_or(rows.len());
        let last = (first..end).rfind(|&at| repeats[at] == Some(true)).unwrap();
        next = end;
        let compared = repeats[first..=last].iter().filter(|repeats| repeats.is_some()).count();
        let changed = (first..last).filter(|&at| values[rows[at]] != values[rows[at + 1]]).count();
        let day = hours[rows[last]] - hours[rows[first]] >= 23;
        if 2 * compared > last - first && day && changed as f64 >= changes {
            let begin = (0..hours.len()).find(|&row| hours[row] >= hours[rows[first]] - 24).unwrap();
            spans.push(begin..=rows[last]);
        }
    }
    spans
}

#[test]
fn same_hours_and_repeated_days_are_those_of_the_model() {
    let same = (0_usize..20, 8_usize..32, 0_usize..8, prop_oneof![6 => 1_i32..40, 1 => Just(0)]);
    let repeated = (25_usize..300, 4_usize..80, 0_usize..3);
    let cases = (
        (
            prop_oneof![Just(TEMPERATURE), Just(WIND_SPEED)],
            prop_oneof![Just(1), Just(5), Just(10)],
            prop_oneof![Just(1_i64), Just(3), Just(4)],
        ),
        prop::collection::vec(same, 0..3),
        prop::collection::vec(repeated, 0..4),
        prop::collection::vec((0_usize..280, 1_usize..12), 0..5),
        prop::collection::vec((0_usize..280, 1_usize..40), 0..3),
        any::<u64>(),
    );
    agree(384, cases, |((measurement, tenths, step), same, repeated, missing, dark, seed)| {
        let mut draw = drawn(seed);
        let (rows, day) = (280, 24 / step as usize);
        let hours: Vec<i64> = (0..rows as i64).map(|row| row * step).collect();
        let value = |steps: i32| f64::from(steps * tenths) / 10.0;
        // More than 1.0, so that wind is no calm; halves are reported as often as whole values.
        let mut values: Vec<f64> = (0..rows).map(|_| value(11 + (draw() * 80.0) as i32)).collect();
        let mut sky: Vec<f64> = (0..rows).map(|_| (draw() * 9.0).floor()).collect();
        let mut direction: Vec<f64> = (0..rows).map(|row| 10.0 * (row % day) as f64).collect();
        for (from, days, hour, steps) in same {
            (from..from + days)
                .map(|at| at * day + hour % day)
                .filter(|&row| row < rows)
                .for_each(|row| values[row] = value(steps));
        }
        for (from, count, follow) in repeated {
            for row in from.max(day)..(from + count).min(rows) {
                values[row] = values[row - day];
                sky[row] = if follow > 0 { sky[row - day] } else { sky[row] };
            }
        }
        for (from, count) in missing {
            values[from..(from + count).min(rows)].fill(NONE);
        }
        for (from, count) in dark {
            sky[from..(from + count).min(rows)].fill(NONE);
            direction[from..(from + count / 8).min(rows)].fill(NONE);
        }
        let (days, calm) = if measurement == WIND_SPEED { (20.0, 0.5) } else { (15.0, f64::MIN) };
        // Coarser values repeat the sooner by chance.
        let known = values.iter().copied().filter(|value| !value.is_nan() && *value > calm);
        let resolution = resolution(&known.collect::<Vec<f64>>());
        let (more_days, more_changes) = match resolution {
            1.0 => (5.0 / 3.0, 3.0),
            0.5 => (4.0 / 3.0, 1.5),
            _ => (1.0, 1.0),
        };
        let calm = if resolution == 1.0 && calm > 0.0 { 2.0 * calm } else { calm };
        let evidence = |value: f64| value > calm && (measurement == WIND_SPEED || value != 0.0);
        let mut expected = Found::new();
        let mut find =
            |measurement: usize, row: usize| expected.insert((measurement, row, Verdict::Erroneous));
        for row in same_hours(&hours, &values, days * more_days, evidence) {
            find(measurement, row);
        }
        for span in repeated_days(&hours, &values, 12.0 * more_changes) {
            for row in span.clone().filter(|&row| !values[row].is_nan()) {
                find(measurement, row);
            }
            // What has no streaks of its own, where it repeats as well.
            for (other, others) in [(WIND_DIRECTION, &direction), (SKY, &sky)] {
                let repeats = |&row: &usize| others[row] == others[row - day];
                let known = |&row: &usize| !others[row].is_nan() && !others[row - day].is_nan();
                let later: Vec<usize> = span.clone().skip(day).filter(known).collect();
                if !later.is_empty() && later.iter().all(repeats) {
                    span.clone().filter(|&row| !others[row].is_nan()).for_each(|row| {
                        find(other, row);
                    });
                }
            }
        }
        let columns = [(measurement, values), (WIND_DIRECTION, direction), (SKY, sky)];
        (found("streak", &at_hours(&hours, &columns)), expected)
    });
}
