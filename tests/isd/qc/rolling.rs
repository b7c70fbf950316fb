//! The tests that windows make: rolling and Hampel.

use isd::qc::Verdict;
use isd_kernel::{RollingTest, Scratch, Series, rolling_outliers};
use proptest::prelude::*;

use super::{NONE, TEMPERATURE, rows, station, temperatures, verdict};

#[test]
fn rolling_is_what_the_detector_finds() {
    let mut air = temperatures(3000, 12);
    (0..30).for_each(|at| air[at * 97 + 40] += if at % 2 == 0 { 55.0 } else { -49.0 });
    (0..40).for_each(|at| air[at * 71] = NONE);
    let mut outliers = Vec::new();
    let test = RollingTest::builder().build().unwrap();
    rolling_outliers(Series::new(&air), &test, &mut Scratch::default(), &mut outliers);
    let expected: Vec<usize> = outliers.iter().map(|outlier| outlier.row).collect();
    assert!(expected.len() > 20);
    assert_eq!(rows("rolling", &station(&[(TEMPERATURE, air)]), TEMPERATURE), expected);
}

#[test]
fn hampel_finds_what_lies_8_deviations_from_the_median_around_it() {
    // Median 0 and median absolute deviation 2: 8 * 1.4826 * 2 is 23.7.
    let with = |value: f64| {
        let mut air: Vec<f64> = (0..100).map(|row| [-3.0, -2.0, 0.0, 2.0, 3.0][row % 5]).collect();
        air[50] = value;
        verdict("hampel", &station(&[(TEMPERATURE, air)]), TEMPERATURE, 50)
    };
    assert_eq!((with(23.7), with(23.8), with(-23.8)), (None, Some(Verdict::Suspect), Some(Verdict::Suspect)));
    // The least spread: 8 * 1.5.
    let constant = |value: f64| {
        let mut air = vec![5.0; 100];
        air[50] = value;
        rows("hampel", &station(&[(TEMPERATURE, air)]), TEMPERATURE)
    };
    assert_eq!((constant(17.0), constant(17.1)), (vec![], vec![50]));
    // Fewer than 12 values around it.
    let mut few = vec![NONE; 100];
    few[45..55].fill(5.0);
    few[50] = 90.0;
    assert_eq!(rows("hampel", &station(&[(TEMPERATURE, few)]), TEMPERATURE), [0; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hampel_is_that_of_the_model(tenths in prop::collection::vec(prop_oneof![20 => (-60_i32..60).prop_map(Some), 1 => (-900_i32..900).prop_map(Some), 3 => Just(None)], 1..200)) {
        let air: Vec<f64> = tenths.iter().map(|n| n.map_or(NONE, |n| f64::from(n) / 10.0)).collect();
        let median = |mut sample: Vec<f64>| {
            sample.sort_by(f64::total_cmp);
            f64::midpoint(sample[(sample.len() - 1) / 2], sample[sample.len() / 2])
        };
        let found = |row: &usize| {
            let around = row.saturating_sub(12)..air.len().min(row + 13);
            let around: Vec<f64> = air[around].iter().copied().filter(|value| !value.is_nan()).collect();
            if around.len() < 12 || air[*row].is_nan() {
                return false;
            }
            let center = median(around.clone());
            let mad = median(around.iter().map(|value| (value - center).abs()).collect());
            (air[*row] - center).abs() > 8.0 * (1.4826 * mad).max(1.5)
        };
        let expected: Vec<usize> = (0..air.len()).filter(found).collect();
        prop_assert_eq!(rows("hampel", &station(&[(TEMPERATURE, air.clone())]), TEMPERATURE), expected);
    }
}
