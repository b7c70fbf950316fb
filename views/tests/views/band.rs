use isd_kernel::{RollingTest, Window};
use isd_views::band::Band;
use proptest::prelude::*;

proptest! {
    /// Where the kernel reports a row, the band has the mean that it reports, and the value lies outside; and it reports
    /// every row whose value lies clearly outside.
    #[test]
    fn the_band_is_what_the_kernel_tests_by(
        tenths in prop::collection::vec(prop::option::weighted(0.9, -20_i32..20), 1..120),
        spikes in prop::collection::vec((0_usize..120, 100_i32..900), 0..4),
        by_time in any::<bool>(),
    ) {
        let mut values: Vec<f64> = tenths.iter().map(|v| v.map_or(f64::NAN, |v| f64::from(v) / 10.0)).collect();
        for (row, value) in spikes {
            if let Some(slot) = values.get_mut(row) {
                *slot = f64::from(value) / 10.0;
            }
        }
        let times: Vec<i64> = (0..values.len() as i64).collect();
        let window = if by_time { Window::Micros(12) } else { Window::Rows(10) };
        let test = RollingTest::builder().window(window).build().unwrap();
        let band = Band::of(&times, &values, &test).unwrap();
        for outlier in &band.outliers {
            prop_assert_eq!(outlier.mean, band.mean[outlier.row]);
            let reach = 6.0 * outlier.std;
            prop_assert_eq!(band.high[outlier.row], outlier.mean + reach);
            prop_assert_eq!(band.low[outlier.row], outlier.mean - reach);
        }
        let outside = |row: &usize| values[*row] > band.high[*row] + 1e-9 || values[*row] < band.low[*row] - 1e-9;
        let expected: Vec<usize> = (0..values.len()).filter(outside).collect();
        let clear: Vec<usize> = band.outliers.iter().map(|outlier| outlier.row).filter(outside).collect();
        prop_assert_eq!(expected, clear);
    }
}

#[test]
fn an_unbroken_series_without_enough_values_has_no_band() {
    let band = Band::of(&[0, 1, 2], &[1.0, 2.0, 3.0], &RollingTest::default()).unwrap();
    assert!(band.mean.iter().chain(&band.low).chain(&band.high).all(|number| number.is_nan()));
    assert!(band.outliers.is_empty());
}
