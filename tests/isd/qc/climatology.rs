//! Tests that rest on a station's own record: distribution, climatological, variance, and the limits that are kept.

use isd::qc::derived::Derived;
use isd::qc::series_stage::{NotRun, run_test, test_station};
use isd::qc::settings::test_index;
use isd::qc::{Settings, Verdict};
use proptest::prelude::*;

use super::{
    NONE, PRESSURE, TEMPERATURE, WIND_SPEED, drawn, on, rows, run, station, station_every, temperatures,
    verdict,
};

/// Hours of January and February, whose values go up from 0.0 to 12.3 and down again: median 6.2 of January's.
fn even(hours: usize) -> Vec<f64> {
    let turn = |row: usize| if (row / 124).is_multiple_of(2) { row % 124 } else { 123 - row % 124 };
    (0..hours).map(|row| turn(row) as f64 / 10.0).collect()
}

#[test]
fn a_value_is_found_beyond_the_limit_and_a_gap() {
    // January's 744 values: median 6.15, interquartile range 6.2, the normal limit and one spread 3.4 spreads away.
    let found = |value: f64, others: &[(usize, f64)]| {
        let mut air = even(744);
        air[300] = value;
        for &(row, value) in others {
            air[row] = value;
        }
        rows("distribution", &station(&[(TEMPERATURE, air)]), TEMPERATURE)
    };
    assert_eq!(found(60.0, &[]), [300]);
    assert_eq!(found(-45.0, &[]), [300]);
    assert_eq!(found(25.0, &[]), [0; 0]);
    // Without a gap of half a spread, 3.1 degC, nothing is.
    let ladder: Vec<(usize, f64)> = (0..20).map(|step| (400 + step, 24.0 + 2.0 * step as f64)).collect();
    assert_eq!(found(60.0, &ladder), [0; 0]);
}

#[test]
fn what_ordinary_changes_lead_to_is_weather() {
    // Up by 4.8 or 4.9 degC an hour, where the limit of a spike is 5: the hours from the sixth step on lie beyond a gap.
    let mut up = even(744);
    (1..=8).for_each(|step| up[300 + step] += 4.8 * step as f64);
    let mut down = up.clone();
    (1..8).for_each(|step| down[308 + step] += 4.8 * (8 - step) as f64);
    let found = |air: &[f64]| rows("distribution", &station(&[(TEMPERATURE, air.to_vec())]), TEMPERATURE);
    assert_eq!(found(&down), [0; 0]);
    assert_eq!(found(&up), [306, 307, 308]);
    // A gap beyond the reach of `spike` says nothing of how the values were left.
    down[309..321].fill(NONE);
    assert_eq!(found(&down), [306, 307, 308]);
}

#[test]
fn the_limits_of_the_distribution_are_those_of_the_model() {
    let (mut draw, hours) = (drawn(8), 744);
    let mut all = 0;
    for _ in 0..20 {
        // In order, so that only what is put among them is reached by a jump.
        let mut values: Vec<f64> = (0..hours).map(|_| (draw() * 300.0).round() / 10.0).collect();
        values.sort_by(f64::total_cmp);
        (0..8).for_each(|at| values[at * 90] = 15.0 + 400.0 * (draw() - 0.5));
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let center = f64::midpoint(sorted[hours / 2 - 1], sorted[hours / 2]);
        let spread = (sorted[hours - hours / 4] - sorted[hours / 4]).max(2.0);
        // The first distance at which a bin of a quarter spread has less than a tenth of a value, found by walking outwards.
        let sigma = 1.0 / 1.349;
        let count = |z: f64| {
            let density =
                (-z * z / (2.0 * sigma * sigma)).exp() / (sigma * (2.0 * std::f64::consts::PI).sqrt());
            hours as f64 * 0.25 * density
        };
        let mut limit = 0.0;
        while count(limit) >= 0.1 {
            limit += 1e-5;
        }
        limit += 1.0;
        let beyond = |sign: f64| {
            let mut far: Vec<f64> = sorted.iter().map(|value| sign * (value - center) / spread).collect();
            far.sort_by(f64::total_cmp);
            let mut last = limit;
            far.retain(|&distance| distance > limit);
            for distance in far {
                if distance - last >= 0.5 {
                    break;
                }
                last = distance;
            }
            last
        };
        let (above, below) = (beyond(1.0), beyond(-1.0));
        let expected: Vec<usize> = (0..hours)
            .filter(|&row| {
                let distance = (values[row] - center) / spread;
                distance > above + 1e-4 || -distance > below + 1e-4
            })
            .collect();
        all += expected.len();
        assert_eq!(rows("distribution", &station(&[(TEMPERATURE, values)]), TEMPERATURE), expected);
    }
    assert!(all > 20, "{all}");
}

#[test]
fn low_pressure_in_a_storm_is_spared_and_few_values_are_no_distribution() {
    let mut pressure: Vec<f64> = even(744).iter().map(|value| value + 1010.0).collect();
    pressure[300] = 940.0;
    let with = |wind: f64| {
        let mut speeds: Vec<f64> = (0..744).map(|row| f64::from(row % 7)).collect();
        speeds[306] = wind;
        verdict(
            "distribution",
            &station(&[(PRESSURE, pressure.clone()), (WIND_SPEED, speeds)]),
            PRESSURE,
            300,
        )
    };
    // Median 3 and median absolute deviation 2: beyond 12 m/s.
    assert_eq!((with(12.0), with(12.1)), (Some(Verdict::Suspect), None));
    let few = station(&[(TEMPERATURE, even(499))]);
    assert_eq!(run("distribution", &few, &on("distribution")).1, ["no calendar month has enough values"]);
}

#[test]
fn a_value_far_from_its_hour_of_the_year_is_found() {
    let years = 4;
    let mut air = temperatures(8766 * years, 9);
    let quiet = rows("climatological", &station(&[(TEMPERATURE, air.clone())]), TEMPERATURE);
    assert_eq!(quiet, [0; 0]);
    // In January 20 degC is as far from usual as 40 degC would be in July.
    air[8766 * 2] += 30.0;
    let tested = station(&[(TEMPERATURE, air.clone())]);
    assert_eq!(rows("climatological", &tested, TEMPERATURE), [8766 * 2]);
    assert_eq!(verdict("climatological", &tested, TEMPERATURE, 8766 * 2), Some(Verdict::Suspect));
    let short = station(&[(TEMPERATURE, air[..8766 * 2].to_vec())]);
    assert_eq!(run("climatological", &short, &on("climatological")).1, ["too few years of record"]);
}

#[test]
fn a_month_that_varies_unlike_all_others_is_found() {
    // Every six hours for twelve years; in the 41st month ten times as much, in the 77th not at all.
    let (mut draw, mut air) = (drawn(10), Vec::new());
    let months = |row: usize| row / 122;
    for row in 0..12 * 12 * 122 {
        let scale = match months(row) {
            41 => 40.0,
            _ => 4.0,
        };
        air.push((10.0 * scale * (draw() - 0.5)).round() / 10.0);
    }
    let tested = station_every(6, &[(TEMPERATURE, air.clone())]);
    let found = rows("variance", &tested, TEMPERATURE);
    assert!(
        found.len() >= 100 && found.iter().all(|&row| (40..=42).contains(&months(row))),
        "{}",
        found.len()
    );
    let short = station_every(6, &[(TEMPERATURE, air[..9 * 12 * 122].to_vec())]);
    assert_eq!(run("variance", &short, &on("variance")).1, ["too few years of record"]);
}

#[test]
fn what_was_derived_judges_the_rows_of_tomorrow() {
    let settings = Settings::default();
    let year = station(&[(TEMPERATURE, temperatures(8766 * 4, 11))]);
    let kept = test_station(year, &settings, Derived::default(), &mut NotRun::new()).unwrap().derived;
    let text = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<Derived>(&text).unwrap(), kept);
    // Three hours of January, far too few to derive anything from.
    let tomorrow = station(&[(TEMPERATURE, vec![0.0, 38.0, 0.2])]);
    for test in ["spike", "distribution", "climatological"] {
        let index = test_index(test).unwrap();
        let judged = |derived: &mut Derived| {
            run_test(index, &tomorrow, &settings, &[], derived, &mut NotRun::new()).unwrap().len()
        };
        assert_eq!((judged(&mut Derived::default()), judged(&mut kept.clone())), (0, 1), "{test}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A test sees one value as another whatever stands beside it in other months.
    #[test]
    fn months_are_judged_by_themselves(offset in -30.0..30.0_f64) {
        let mut air = even(744 + 672);
        air[300] = 60.0;
        let before = rows("distribution", &station(&[(TEMPERATURE, air.clone())]), TEMPERATURE);
        air[744..].iter_mut().for_each(|value| *value += offset);
        prop_assert_eq!(rows("distribution", &station(&[(TEMPERATURE, air)]), TEMPERATURE), before);
    }
}
