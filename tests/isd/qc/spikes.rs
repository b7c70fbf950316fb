//! Spikes and plateaus.

use isd::qc::Verdict;
use proptest::prelude::*;

use super::{
    DEW_POINT, NONE, PRESSURE, TEMPERATURE, WIND_SPEED, at_hours, on, rows, run, station, station_every,
    verdict,
};

/// 1000 values that go up and down by 0.5: the interquartile range of their changes is 1, and the limit of a spike 6.
fn zigzag() -> Vec<f64> {
    (0..1000).map(|row| 10.0 + 0.5 * f64::from(row % 2)).collect()
}

fn changed(from: &[f64], rows: &[usize], by: f64) -> Vec<f64> {
    let mut values = from.to_vec();
    for &row in rows {
        values[row] += by;
    }
    values
}

#[test]
fn the_limit_holds_from_both_sides_and_either_way() {
    for sign in [1.0, -1.0] {
        // Row 501 is half a degree above those around it.
        let at = |size: f64| station(&[(TEMPERATURE, changed(&zigzag(), &[501], sign * size - 0.5))]);
        assert_eq!(rows("spike", &at(6.0), TEMPERATURE), [501]);
        assert_eq!(rows("spike", &at(5.9), TEMPERATURE), [0; 0]);
        assert_eq!(verdict("spike", &at(6.0), TEMPERATURE, 501), Some(Verdict::Erroneous));
    }
}

#[test]
fn one_to_three_values_are_a_spike_and_four_are_none() {
    for count in 1..=4 {
        let spike: Vec<usize> = (500..500 + count).collect();
        let station = station(&[(TEMPERATURE, changed(&zigzag(), &spike, 9.0))]);
        assert_eq!(rows("spike", &station, TEMPERATURE), if count < 4 { spike } else { Vec::new() });
    }
}

#[test]
fn changes_within_a_spike_and_outside_it_are_below_half_the_limit() {
    // Within: the second value is 4 below the first.
    let mut values = changed(&zigzag(), &[500, 501], 12.0);
    values[501] -= 4.0;
    assert_eq!(rows("spike", &station(&[(TEMPERATURE, values)]), TEMPERATURE), [0; 0]);
    // Outside: a step of 4 after it, and the value after it is far from that before.
    let mut values = changed(&zigzag(), &[500], 12.0);
    values[501..].iter_mut().for_each(|value| *value += 2.0);
    values[502..].iter_mut().for_each(|value| *value += 4.0);
    assert_eq!(rows("spike", &station(&[(TEMPERATURE, values)]), TEMPERATURE), [0; 0]);
    // The value after it is that before it: what follows does not matter.
    let mut values = changed(&zigzag(), &[500], 12.0);
    values[502..].iter_mut().for_each(|value| *value += 4.0);
    assert_eq!(rows("spike", &station(&[(TEMPERATURE, values)]), TEMPERATURE), [500]);
}

#[test]
fn missing_rows_within_reach_do_not_matter_and_gaps_do() {
    let mut values = changed(&zigzag(), &[500], 12.0);
    values[498] = NONE;
    values[499] = NONE;
    assert_eq!(rows("spike", &station(&[(TEMPERATURE, values.clone())]), TEMPERATURE), [500]);
    // 14 hours without a value: the end of a block, of which a single value is suspect at twice the limit.
    values[487..500].fill(NONE);
    values[500] += 1.0;
    let ended = station(&[(TEMPERATURE, values.clone())]);
    assert_eq!(verdict("spike", &ended, TEMPERATURE, 500), Some(Verdict::Suspect));
    values[500] -= 1.0;
    assert_eq!(rows("spike", &station(&[(TEMPERATURE, values)]), TEMPERATURE), [0; 0]);
    // So are the first and the last value.
    for row in [0, 999] {
        let ends = station(&[(TEMPERATURE, changed(&zigzag(), &[row], 13.0))]);
        assert_eq!(verdict("spike", &ends, TEMPERATURE, row), Some(Verdict::Suspect));
    }
}

#[test]
fn each_time_step_has_its_own_limit() {
    // Every third hour the changes are larger: 2 up and down, an interquartile range of 4 and a limit of 24.
    let values: Vec<f64> = (0..1000).map(|row| 2.0 * f64::from(row % 2)).collect();
    let quiet = station_every(3, &[(TEMPERATURE, changed(&values, &[500], 23.0))]);
    assert_eq!(rows("spike", &quiet, TEMPERATURE), [0; 0]);
    let loud = station_every(3, &[(TEMPERATURE, changed(&values, &[500], 26.0))]);
    assert_eq!(rows("spike", &loud, TEMPERATURE), [500]);
    // Too few changes for any limit.
    let short = station(&[(TEMPERATURE, changed(&zigzag()[..90], &[50], 50.0))]);
    assert_eq!(rows("spike", &short, TEMPERATURE), [0; 0]);
}

#[test]
fn thunderstorms_chinooks_and_storms_are_spared() {
    let wind = changed(&zigzag(), &[500], 15.0);
    assert_eq!(
        verdict("spike", &station(&[(WIND_SPEED, wind.clone())]), WIND_SPEED, 500),
        Some(Verdict::Suspect)
    );
    // An outflow: temperature falls by 4 degC within 2 h.
    let mut air = vec![25.0; 1000];
    air[500..].fill(21.0);
    let outflow = station(&[(WIND_SPEED, wind.clone()), (TEMPERATURE, air.clone())]);
    assert_eq!(rows("spike", &outflow, WIND_SPEED), [0; 0]);
    air[500..].fill(21.1);
    let calm = station(&[(WIND_SPEED, wind), (TEMPERATURE, air)]);
    assert_eq!(rows("spike", &calm, WIND_SPEED), [500]);
    // Wind that hardly anybody ever measured.
    let gross = station(&[(WIND_SPEED, changed(&zigzag(), &[500], 41.0))]);
    assert_eq!(verdict("spike", &gross, WIND_SPEED, 500), Some(Verdict::Erroneous));

    // A chinook: two other variables move as well.
    let air = changed(&zigzag(), &[500, 501], 12.0);
    let others = |dew: f64, wind: f64| {
        station(&[
            (TEMPERATURE, air.clone()),
            (DEW_POINT, changed(&zigzag(), &[500, 501], dew)),
            (WIND_SPEED, changed(&zigzag(), &[500, 501], wind)),
        ])
    };
    assert_eq!(rows("spike", &others(-5.0, 5.0), TEMPERATURE), [0; 0]);
    assert_eq!(rows("spike", &others(-5.0, 0.0), TEMPERATURE), [500, 501]);

    // Warm air that wind of half its own limit, 4 m/s, brings down.
    let mixed = |by: f64, before: f64, wind: f64| {
        let mut speeds = vec![before; 1000];
        speeds[500..502].fill(wind);
        let air = changed(&zigzag(), &[500, 501], by);
        rows("spike", &station(&[(TEMPERATURE, air), (WIND_SPEED, speeds)]), TEMPERATURE)
    };
    assert_eq!((mixed(9.0, 2.0, 6.0), mixed(9.0, 2.0, 5.9)), (vec![], vec![500, 501]));
    assert_eq!((mixed(-9.0, 2.0, 6.0), mixed(9.0, 6.0, 2.0)), (vec![500, 501], vec![500, 501]));

    // Low pressure with wind of 15 m/s within 3 h.
    let pressure: Vec<f64> = changed(&zigzag(), &[500], -13.0).iter().map(|value| value + 1000.0).collect();
    let with = |wind: f64| {
        let mut speeds = vec![5.0; 1000];
        speeds[502] = wind;
        station(&[(PRESSURE, pressure.clone()), (WIND_SPEED, speeds)])
    };
    assert_eq!(rows("spike", &with(15.0), PRESSURE), [0; 0]);
    assert_eq!(verdict("spike", &with(14.0), PRESSURE, 500), Some(Verdict::Erroneous));
}

#[test]
fn a_plateau_is_left_as_it_is_reached() {
    let steady: Vec<usize> = (500..510).collect();
    let plateau = |rows: &[usize], by: f64| station(&[(TEMPERATURE, changed(&zigzag(), rows, by))]);
    assert_eq!(rows("plateau", &plateau(&steady, -9.0), TEMPERATURE), steady);
    assert_eq!(verdict("plateau", &plateau(&steady, -9.0), TEMPERATURE, 505), Some(Verdict::Erroneous));
    assert_eq!(rows("plateau", &plateau(&steady, -5.0), TEMPERATURE), [0; 0]);
    // 24 h from the value before it to the value after it.
    let day: Vec<usize> = (500..523).collect();
    assert_eq!(rows("plateau", &plateau(&day, 9.0), TEMPERATURE), day);
    let longer: Vec<usize> = (500..524).collect();
    assert_eq!(rows("plateau", &plateau(&longer, 9.0), TEMPERATURE), [0; 0]);
    // A front that does not come back, and one that comes back by half only.
    let front: Vec<usize> = (500..1000).collect();
    assert_eq!(rows("plateau", &plateau(&front, -9.0), TEMPERATURE), [0; 0]);
    let mut half = changed(&zigzag(), &steady, -20.0);
    half[510..].iter_mut().for_each(|value| *value -= 11.0);
    assert_eq!(rows("plateau", &station(&[(TEMPERATURE, half)]), TEMPERATURE), [0; 0]);
    // Two levels that take turns: which of them is right, they do not say.
    let twice = |second: usize| {
        let air =
            changed(&changed(&zigzag(), &steady, -9.0), &(second..second + 10).collect::<Vec<_>>(), -9.0);
        verdict("plateau", &station(&[(TEMPERATURE, air)]), TEMPERATURE, 505)
    };
    assert_eq!((twice(515), twice(540)), (Some(Verdict::Suspect), Some(Verdict::Erroneous)));
    // Values missing within, and values that are not steady: suspect.
    let mut gaps = changed(&zigzag(), &steady, -9.0);
    gaps[501..509].fill(NONE);
    assert_eq!(rows("plateau", &station(&[(TEMPERATURE, gaps)]), TEMPERATURE), [500, 509]);
    let mut slope = changed(&zigzag(), &steady, -14.0);
    for &row in &steady {
        slope[row] += 0.3 * (row - 500) as f64;
    }
    assert_eq!(
        verdict("plateau", &station(&[(TEMPERATURE, slope)]), TEMPERATURE, 505),
        Some(Verdict::Suspect)
    );
}

/// The definition of a spike of temperature, without what is spared, step by step.
fn model(hours: &[i64], values: &[f64]) -> Vec<usize> {
    let observed: Vec<usize> = (0..values.len()).filter(|&row| !values[row].is_nan()).collect();
    let step = |a: usize, b: usize| hours[b] - hours[a];
    let mut changes: Vec<f64> =
        observed.windows(2).filter(|p| step(p[0], p[1]) == 1).map(|p| values[p[1]] - values[p[0]]).collect();
    if changes.len() < 100 {
        return Vec::new();
    }
    changes.sort_by(f64::total_cmp);
    let quarter = (changes.len() + 2) / 4;
    let limit = (6.0 * (changes[changes.len() - quarter] - changes[quarter])).max(5.0);
    // Kept to the millionth.
    let limit = (limit * 1e6).round() / 1e6;
    let change = |at: usize| {
        let known = at > 0 && at < observed.len() && step(observed[at - 1], observed[at]) <= 12;
        known.then(|| values[observed[at]] - values[observed[at - 1]])
    };
    let quiet = |at: usize| change(at).is_none_or(|change| change.abs() <= limit / 2.0);
    let mut found = Vec::new();
    let mut at = 0;
    'values: while at < observed.len() {
        if change(at).is_some_and(|change| change.abs() >= limit) {
            for count in 1..=3 {
                let last = at + count - 1;
                if count > 1 && !quiet(last) {
                    break;
                }
                let (Some(there), Some(back)) = (change(at), change(last + 1)) else { break };
                if back.abs() < limit || back * there > 0.0 {
                    continue;
                }
                let returned = (values[observed[last + 1]] - values[observed[at - 1]]).abs() <= limit / 4.0;
                if returned || quiet(at - 1) && quiet(last + 2) {
                    found.extend(at..=last);
                    at = last + 1;
                    continue 'values;
                }
            }
        }
        at += 1;
    }
    found.into_iter().map(|at| observed[at]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn spikes_are_those_of_the_model(
        steps in prop::collection::vec(prop_oneof![20 => Just(1_i64), 1 => 2_i64..20], 300),
        noise in prop::collection::vec(-8_i32..8, 300),
        jumps in prop::collection::vec((10_usize..290, -250_i32..250, 1_usize..5), 0..12),
        missing in prop::collection::vec(0_usize..300, 0..20),
    ) {
        let hours: Vec<i64> = steps.iter().scan(0, |hour, step| { *hour += step; Some(*hour) }).collect();
        let mut tenths = noise.clone();
        for (row, by, count) in jumps {
            tenths[row..row + count].iter_mut().for_each(|value| *value += by);
        }
        let mut values: Vec<f64> = tenths.iter().map(|&n| f64::from(n) / 10.0).collect();
        for &row in &missing {
            values[row] = NONE;
        }
        // All in one month, and steps of other lengths too rare for limits of their own: that of one hour holds.
        prop_assume!(*hours.last().unwrap() < 700);
        let tested = at_hours(&hours, &[(TEMPERATURE, values.clone())]);
        let (found, _) = run("spike", &tested, &on("spike"));
        let found: Vec<usize> =
            found.iter().filter(|finding| finding.detail.is_empty()).map(|finding| finding.row as usize).collect();
        prop_assert_eq!(found, model(&hours, &values));
    }
}
