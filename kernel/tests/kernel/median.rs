//! Rolling median and median absolute deviation against sorting each window.

use isd_kernel::{CenteredWindow, Series, Validity, rolling_median_mad};
use proptest::prelude::*;

fn of(values: &[f64], window: CenteredWindow) -> (Vec<f64>, Vec<f64>) {
    let (mut medians, mut mads) = (Vec::new(), Vec::new());
    rolling_median_mad(Series::new(values), window, &mut medians, &mut mads);
    (medians, mads)
}

fn median(mut sample: Vec<f64>) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len();
    f64::midpoint(sample[(n - 1) / 2], sample[n / 2])
}

/// The definition, window by window.
fn model(values: &[f64], window: CenteredWindow) -> (Vec<f64>, Vec<f64>) {
    let at = |row: usize| {
        let held = row.saturating_sub(window.before)..values.len().min(row + window.after + 1);
        let held: Vec<f64> = values[held].iter().copied().filter(|value| value.is_finite()).collect();
        if held.is_empty() || held.len() < window.min_periods {
            return (f64::NAN, f64::NAN);
        }
        let center = median(held.clone());
        (center, median(held.iter().map(|value| (value - center).abs()).collect()))
    };
    (0..values.len()).map(at).unzip()
}

fn bits(columns: &(Vec<f64>, Vec<f64>)) -> (Vec<u64>, Vec<u64>) {
    let bits = |column: &[f64]| column.iter().map(|value| (value + 0.0).to_bits()).collect();
    (bits(&columns.0), bits(&columns.1))
}

proptest! {
    #[test]
    fn every_row_is_that_of_its_sorted_window(
        values in prop::collection::vec(
            prop_oneof![
                6 => (-30_i32..30).prop_map(|n| f64::from(n) / 10.0),
                2 => -1e6..1e6_f64,
                1 => Just(f64::NAN),
                1 => Just(f64::INFINITY),
            ],
            0..400,
        ),
        before in 0_usize..90,
        after in 0_usize..90,
        min_periods in 0_usize..6,
    ) {
        let window = CenteredWindow { before, after, min_periods };
        prop_assert_eq!(bits(&of(&values, window)), bits(&model(&values, window)));
    }
}

#[test]
fn long_runs_of_equal_values_and_windows_longer_than_the_series() {
    let mut values: Vec<f64> =
        (0..3000).map(|n| f64::from(n % 7) * f64::from(u8::from(n % 500 > 250))).collect();
    values[100] = 1e9;
    for (before, after) in [(12, 12), (0, 0), (700, 3), (5000, 5000), (usize::MAX, usize::MAX)] {
        let window = CenteredWindow { before, after, min_periods: 1 };
        let shorter = CenteredWindow { before: before.min(3000), after: after.min(3000), ..window };
        assert_eq!(bits(&of(&values, window)), bits(&model(&values, shorter)), "{before} and {after}");
    }
}

#[test]
fn missing_rows_have_statistics_but_are_part_of_none() {
    let window = CenteredWindow { before: 1, after: 1, min_periods: 1 };
    let values = [1.0, 50.0, 3.0, 8.0];
    let validity = Validity::new(&[0b1101], 0, 4).unwrap();
    let (mut medians, mut mads) = (vec![-1.0], vec![-1.0]);
    let series = Series::new(&values).with_validity(Some(validity)).unwrap();
    rolling_median_mad(series, window, &mut medians, &mut mads);
    assert_eq!(medians, [-1.0, 1.0, 2.0, 5.5, 5.5]);
    assert_eq!(mads, [-1.0, 0.0, 1.0, 2.5, 2.5]);
    assert_eq!(of(&[], window), (Vec::new(), Vec::new()));
    assert!(of(&[f64::NAN; 5], window).0.iter().all(|median| median.is_nan()));
}
