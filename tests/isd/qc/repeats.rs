//! Duplicate months, streaks, frequent values and isolated clusters.

use std::collections::BTreeMap;

use isd::qc::Verdict;
use isd::qc::statistics::resolution;
use proptest::prelude::*;

use super::{
    DEW_POINT, NONE, PRESSURE, RAIN_1H, SKY, TEMPERATURE, WIND_DIRECTION, WIND_SPEED, at_hours, on, rows,
    run, station, station_every, temperatures, verdict,
};

/// Hours of January, February and March 2001.
const MONTHS: [usize; 3] = [744, 672, 744];

#[test]
fn both_of_two_equal_months_are_suspect_in_all_that_agrees() {
    let mut air = temperatures(MONTHS.iter().sum(), 1);
    let rain: Vec<f64> = (0..air.len()).map(|row| (row % 5) as f64).collect();
    let january = air[..744].to_vec();
    air[1416..].copy_from_slice(&january);
    // Three values of the copy are missing, and February repeats nothing.
    air[1500..1503].fill(NONE);
    let tested = station(&[(TEMPERATURE, air.clone()), (RAIN_1H, rain)]);
    let expected: Vec<usize> = (0..744).chain(1416..1500).chain(1503..2160).collect();
    assert_eq!(rows("duplicate_month", &tested, TEMPERATURE), expected);
    assert_eq!(verdict("duplicate_month", &tested, TEMPERATURE, 0), Some(Verdict::Suspect));
    // Rain does not repeat itself.
    assert_eq!(rows("duplicate_month", &tested, RAIN_1H), [0; 0]);
    // One value differs.
    air[2000] += 0.1;
    assert_eq!(rows("duplicate_month", &station(&[(TEMPERATURE, air)]), TEMPERATURE), [0; 0]);
}

#[test]
fn months_need_values_and_changes_in_common() {
    let whole = temperatures(MONTHS.iter().sum(), 2);
    let copied = |values: usize| {
        let mut air = vec![NONE; whole.len()];
        air[..values].copy_from_slice(&whole[..values]);
        air[1416..1416 + values].copy_from_slice(&whole[..values]);
        rows("duplicate_month", &station(&[(TEMPERATURE, air)]), TEMPERATURE).len()
    };
    assert_eq!((copied(59), copied(60)), (0, 120));
    // Two months that hardly change agree by chance.
    let dull: Vec<f64> =
        (0..whole.len()).map(|row| if row % 744 < 19 { (row % 744) as f64 } else { 20.0 }).collect();
    assert_eq!(rows("duplicate_month", &station(&[(TEMPERATURE, dull)]), TEMPERATURE), [0; 0]);
}

/// Tenths that never repeat a value, but for what a test puts there.
fn restless(rows: usize) -> Vec<f64> {
    (0..rows).map(|row| f64::from((row * 7 % 101) as u8 + 1) / 10.0).collect()
}

fn stuck(at: usize, count: usize) -> Vec<f64> {
    let mut values = restless(2000);
    values[at..at + count].fill(5.55);
    values
}

#[test]
fn a_streak_is_as_long_as_the_resolution_asks_for() {
    for (count, expected) in [(23, None), (24, Some(Verdict::Suspect)), (48, Some(Verdict::Erroneous))] {
        let tested = station(&[(TEMPERATURE, stuck(300, count))]);
        assert_eq!(verdict("streak", &tested, TEMPERATURE, 310), expected, "{count}");
        assert_eq!(rows("streak", &tested, TEMPERATURE).len(), if expected.is_some() { count } else { 0 });
    }
    assert_eq!(verdict("streak", &station(&[(DEW_POINT, stuck(300, 47))]), DEW_POINT, 310), None);
    assert_eq!(rows("streak", &station(&[(DEW_POINT, stuck(300, 48))]), DEW_POINT).len(), 48);
    // Whole values: 40.
    let whole = |count: usize| {
        let values = stuck(300, count).iter().map(|value| (value * 10.0).round()).collect();
        rows("streak", &station(&[(TEMPERATURE, values)]), TEMPERATURE).len()
    };
    assert_eq!((whole(39), whole(40)), (0, 40));
    // The weather changes meanwhile.
    let dew = (0..2000).map(|row| if row < 310 { -5.0 } else { -1.9 }).collect();
    let sure = station(&[(TEMPERATURE, stuck(300, 24)), (DEW_POINT, dew)]);
    assert_eq!(verdict("streak", &sure, TEMPERATURE, 310), Some(Verdict::Erroneous));
}

#[test]
fn gaps_calms_snow_and_fog_are_no_streaks() {
    let mut gap = stuck(300, 40);
    gap[320..333].fill(NONE);
    assert_eq!(rows("streak", &station(&[(TEMPERATURE, gap.clone())]), TEMPERATURE), [0; 0]);
    gap[331..333].fill(5.55);
    assert_eq!(rows("streak", &station(&[(TEMPERATURE, gap)]), TEMPERATURE).len(), 29);
    let calm = |speed: f64| {
        let mut speeds = restless(2000);
        speeds[300..400].fill(speed);
        rows("streak", &station(&[(WIND_SPEED, speeds)]), WIND_SPEED).len()
    };
    assert_eq!((calm(0.0), calm(0.5), calm(0.6)), (0, 0, 100));
    let mut snow = restless(2000);
    snow[300..400].fill(0.0);
    assert_eq!(rows("streak", &station(&[(TEMPERATURE, snow)]), TEMPERATURE), [0; 0]);
    let fog = station(&[(TEMPERATURE, stuck(300, 60)), (DEW_POINT, stuck(300, 60))]);
    assert_eq!(rows("streak", &fog, TEMPERATURE), [0; 0]);
}

#[test]
fn few_values_over_many_days_are_a_streak_as_well() {
    let days = |days: usize| {
        let mut values = restless(400);
        values[100..=100 + 2 * days].fill(5.55);
        rows("streak", &station_every(12, &[(TEMPERATURE, values)]), TEMPERATURE).len()
    };
    assert_eq!((days(6), days(7)), (0, 15));
}

#[test]
fn the_same_value_at_the_same_hour_is_found_at_that_hour_alone() {
    let same = |days: usize| {
        let mut air = temperatures(24 * 60, 3);
        (0..days).for_each(|day| air[24 * (10 + day) + 7] = 3.3);
        rows("streak", &station(&[(TEMPERATURE, air)]), TEMPERATURE)
    };
    assert_eq!(same(14), [0; 0]);
    assert_eq!(same(15), (10..25).map(|day| 24 * day + 7).collect::<Vec<_>>());
}

#[test]
fn days_that_repeat_the_day_before_are_found_with_it() {
    let mut air = temperatures(24 * 40, 4);
    for row in 24 * 10 + 5..24 * 14 + 5 {
        air[row] = air[row - 24];
    }
    let (direction, sky): (Vec<f64>, Vec<f64>) =
        (0..air.len()).map(|row| ((row % 24 * 10) as f64, (row * row % 9) as f64)).unzip();
    let columns = [(TEMPERATURE, air.clone()), (WIND_DIRECTION, direction), (SKY, sky)];
    let tested = station(&columns);
    let expected: Vec<usize> = (24 * 9 + 5..24 * 14 + 5).collect();
    assert_eq!(rows("streak", &tested, TEMPERATURE), expected);
    // The direction repeats with it, the sky does not.
    assert_eq!(rows("streak", &tested, WIND_DIRECTION), expected);
    assert_eq!(rows("streak", &tested, SKY), [0; 0]);
    // A sky that is seen on the last day alone repeats nothing.
    let mut seen: Vec<f64> = vec![NONE; air.len()];
    seen[24 * 13..24 * 14].fill(8.0);
    assert_eq!(rows("streak", &station(&[(TEMPERATURE, air.clone()), (SKY, seen)]), SKY), [0; 0]);
    // A value that differs ends the span: what is left is two days and ten hours, and spans of less than a day.
    (0..4).for_each(|day| air[24 * (10 + day) + 15] += 0.1 * day as f64);
    assert_eq!(rows("streak", &station(&[(TEMPERATURE, air)]), TEMPERATURE).len(), 24 * 2 + 10);
}

#[test]
fn a_frequent_value_holds_half_of_the_bins_around_it() {
    let hours = 24 * 360;
    let with = |share: usize| {
        let mut air = temperatures(hours, 5);
        let near: Vec<usize> = (0..hours).filter(|&row| (air[row] - 8.2).abs() < 1.5).collect();
        let changed: Vec<usize> = near.iter().copied().filter(|row| row * 37 % 100 < share).collect();
        for &row in &changed {
            air[row] = 8.2;
        }
        let found = rows("frequent_value", &station(&[(TEMPERATURE, air.clone())]), TEMPERATURE);
        assert!(found.iter().all(|&row| (8.0..8.5).contains(&air[row])));
        found.len() >= changed.len()
    };
    assert!(with(60));
    assert!(!with(20));
    assert_eq!(
        rows("frequent_value", &station(&[(TEMPERATURE, temperatures(hours, 5))]), TEMPERATURE),
        [0; 0]
    );
    let (_, why) =
        run("frequent_value", &station(&[(TEMPERATURE, temperatures(499, 5))]), &on("frequent_value"));
    assert_eq!(why, ["too few values"]);
}

#[test]
fn a_cluster_is_small_short_and_far_from_all_others() {
    let with = |hours: &[i64]| {
        let before = 0..2000_i64;
        let after = 3000..5000_i64;
        let all: Vec<i64> = before.chain(hours.iter().copied()).chain(after).collect();
        let values = all.iter().map(|hour| (hour % 90) as f64 / 10.0).collect();
        rows("isolated_cluster", &at_hours(&all, &[(TEMPERATURE, values)]), TEMPERATURE).len()
    };
    assert_eq!(with(&[2500]), 1);
    assert_eq!(with(&[2500, 2510, 2524]), 3);
    assert_eq!(with(&[2500, 2510, 2525]), 0);
    assert_eq!(with(&[2500, 2501, 2502, 2503, 2504, 2505]), 6);
    assert_eq!(with(&[2500, 2501, 2502, 2503, 2504, 2505, 2506]), 0);
    // 48 h to the values before and after.
    assert_eq!((with(&[2047]), with(&[2046])), (1, 0));
    assert_eq!((with(&[2952]), with(&[2953])), (1, 0));
    // The ends of a record are open.
    let ends: Vec<i64> = [0].into_iter().chain(100..1100).chain([2000]).collect();
    let values = vec![5.0; ends.len()];
    assert_eq!(rows("isolated_cluster", &at_hours(&ends, &[(TEMPERATURE, values)]), TEMPERATURE), [0; 0]);
    // Who reports now and then reports like that.
    let seldom: Vec<i64> = (0..300).map(|visit| 72 * visit).collect();
    let rare = at_hours(&seldom, &[(TEMPERATURE, vec![5.0; 300])]);
    assert_eq!(
        run("isolated_cluster", &rare, &on("isolated_cluster")).1,
        ["the station reports in isolated clusters"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn clusters_are_those_of_the_model(steps in prop::collection::vec(prop_oneof![30 => 1_i64..3, 1 => 20_i64..200], 1..900)) {
        let hours: Vec<i64> = steps.iter().scan(0, |hour, step| { *hour += step; Some(*hour) }).collect();
        let values = hours.iter().map(|hour| (hour % 70) as f64).collect();
        let found = rows("isolated_cluster", &at_hours(&hours, &[(TEMPERATURE, values)]), TEMPERATURE);
        // Every span of values, looked at from its first to its last.
        let mut expected = Vec::new();
        for first in 1..hours.len() {
            for last in first..(first + 6).min(hours.len().saturating_sub(1)) {
                let alone = hours[first] - hours[first - 1] >= 48 && hours[last + 1] - hours[last] >= 48;
                let short = hours[last] - hours[first] <= 24;
                let whole = (first..last).all(|at| hours[at + 1] - hours[at] < 48);
                if alone && short && whole {
                    expected.extend(first..=last);
                }
            }
        }
        if expected.len() * 200 > hours.len() {
            expected.clear();
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn straight_streaks_are_those_of_the_model(
        runs in prop::collection::vec((0_i32..40, prop_oneof![8 => 1_usize..12, 1 => 20_usize..130]), 10..60),
        gaps in prop::collection::vec((0_usize..900, 1_usize..20), 0..6),
    ) {
        let mut values: Vec<f64> =
            runs.iter().flat_map(|&(tenths, count)| vec![f64::from(tenths) / 10.0 + 1000.0; count]).collect();
        for (from, count) in gaps {
            let end = (from + count).min(values.len());
            values[from.min(end)..end].fill(NONE);
        }
        let observed: Vec<usize> = (0..values.len()).filter(|&row| !values[row].is_nan()).collect();
        prop_assume!(!observed.is_empty());
        let length = match resolution(&values, f64::NEG_INFINITY) {
            1.0 => 120,
            0.5 => 100,
            _ => 72,
        };
        let mut expected: BTreeMap<usize, usize> = BTreeMap::new();
        let mut first = 0;
        for at in 1..=observed.len() {
            let ends = at == observed.len()
                || values[observed[at]] != values[observed[at - 1]]
                || observed[at] - observed[at - 1] > 12;
            if ends {
                let hours = observed[at - 1] - observed[first];
                if at - first >= length || at - first >= 8 && hours >= 14 * 24 {
                    expected.extend((first..at).map(|at| (observed[at], at - first)));
                }
                first = at;
            }
        }
        let (found, _) = run("streak", &station(&[(PRESSURE, values)]), &on("streak"));
        let straight = found.iter().filter(|finding| finding.detail == "equal consecutive values");
        let straight: Vec<usize> = straight.map(|finding| finding.row as usize).collect();
        prop_assert_eq!(straight, expected.into_keys().collect::<Vec<_>>());
    }
}
