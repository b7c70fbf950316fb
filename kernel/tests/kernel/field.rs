//! What went wrong with rolling statistics elsewhere, as reported there: each case with its story.
//!
//! Windows end at the row itself, as in the reports. Their moments are those of `rolling_mean` and `rolling_std`, and
//! those that `rolling_outliers` reports for a value after the row.

use arrow_array::Float64Array;
use isd_kernel::arrow::{rolling_mean, rolling_std};
use isd_kernel::{
    Decimal, FillLimit, Outcome, Outlier, RollingTest, RollingTestBuilder, Scratch, Series, Validity, Window,
    rolling_outliers,
};

/// Mean and standard deviation of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moments {
    mean: f64,
    std: f64,
}

/// A rolling window of `rows` values; missing ones are passed over, not filled.
#[derive(Clone, Copy)]
struct Rolling {
    rows: usize,
    min_periods: usize,
    ddof: usize,
    /// A value is reported if it lies more than so many deviations from the mean before it.
    threshold: u32,
}

/// As pandas, Polars and bottleneck have it: full windows.
fn rolling(rows: usize, ddof: usize) -> Rolling {
    Rolling { rows, min_periods: rows, ddof, threshold: 0 }
}

/// Full windows over long series, for which only a value very far from the others, such as [`AFTER`], is reported.
fn long_rolling(rows: usize, ddof: usize) -> Rolling {
    Rolling { threshold: 1_000_000, ..rolling(rows, ddof) }
}

/// Put after the values for its window's moments to be reported: on the decimal grid of any weather, and no mean of the
/// windows below.
const AFTER: f64 = 700_000_001.0;

impl Rolling {
    fn test(self) -> RollingTest {
        let test = RollingTest::builder().window(Window::Rows(self.rows));
        let test = test.threshold(Decimal::whole(self.threshold)).min_periods(self.min_periods);
        test.ddof(self.ddof).fill_limit(FillLimit::Micros(1)).build().unwrap()
    }

    /// The moments of the window that ends with the last of these values.
    fn last(self, values: &[f64]) -> Option<Moments> {
        let mut values = values.to_vec();
        values.push(AFTER);
        let found = outliers(&values, &self.test());
        let last = found.last().filter(|outlier| outlier.row == values.len() - 1)?;
        Some(Moments { mean: last.mean, std: last.std })
    }

    /// The moments of the window that ends at each row, of which the kernel's steps and its test tell the same.
    fn all(self, values: &[f64]) -> Vec<Option<Moments>> {
        let array = Float64Array::from(values.to_vec());
        let window = isd_kernel::Rolling::builder().window(Window::Rows(self.rows)).include_current(true);
        let window = window.min_periods(self.min_periods).ddof(self.ddof).build().unwrap();
        let means = rolling_mean(&array, None, &[values.len()], &window).unwrap();
        let deviations = rolling_std(&array, None, &[values.len()], &window).unwrap();
        let all = means.iter().zip(&deviations).map(|(mean, std)| Some(Moments { mean: mean?, std: std? }));
        let all: Vec<Option<Moments>> = all.collect();
        for (row, moments) in all.iter().enumerate().filter(|(row, _)| values[*row].is_finite()) {
            assert_eq!(self.last(&values[..=row]), *moments, "row {row} of {values:?}");
        }
        all
    }

    fn std(self, values: &[f64]) -> Vec<Option<f64>> {
        self.all(values).iter().map(|moments| moments.map(|m| m.std)).collect()
    }
}

fn outliers(values: &[f64], test: &RollingTest) -> Vec<Outlier> {
    outliers_of(Series::new(values), values.len(), test)
}

/// With times too far apart to be filled.
fn outliers_of(series: Series<'_>, rows: usize, test: &RollingTest) -> Vec<Outlier> {
    let times: Vec<i64> = (0..rows as i64).map(|row| row * 3_600_000_000).collect();
    let series = series.with_times(Some(&times)).unwrap();
    let mut found = Vec::new();
    let outcome = rolling_outliers(series, test, &mut Scratch::default(), &mut found);
    assert!(matches!(outcome, Outcome::Tested | Outcome::TooShort), "{outcome:?}");
    found
}

/// The definition, for windows of values of like size.
fn definition(window: &[f64], ddof: usize) -> Moments {
    let mean = window.iter().sum::<f64>() / window.len() as f64;
    let squares: f64 = window.iter().map(|value| (value - mean).powi(2)).sum();
    Moments { mean, std: (squares / (window.len() - ddof) as f64).sqrt() }
}

fn assert_near(found: Option<Moments>, expected: Moments) {
    let found = found.expect("a full window");
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
    assert!(near(found.mean, expected.mean) && near(found.std, expected.std), "{found:?} for {expected:?}");
}

/// Marsaglia's xorshift: doubles in [0, 1).
fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / 2_f64.powi(53)
    }
}

/// pandas #42064: after one value of 1000, windows of nothing but zeros had a deviation of 4e-6 for good.
#[test]
fn a_large_value_leaves_no_residue_among_zeros() {
    let mut values = vec![0.0; 300];
    values[0] = 1000.0;
    let found = rolling(10, 1).std(&values);
    assert!(found[9].is_some_and(|std| std > 300.0));
    assert!(found[10..].iter().all(|std| *std == Some(0.0)), "{found:?}");
}

/// pandas #44640: a single -1 among zeros left 2e-8 in windows of 3 and of 6, not in those of 4: their quotient
/// was 6.6e8 where it should have been undefined.
#[test]
fn windows_of_any_size_forget_alike() {
    let mut values = vec![0.0; 15];
    values[5] = -1.0;
    for rows in [3, 4, 6] {
        let found = rolling(rows, 1).std(&values);
        assert!(found[5 + rows..].iter().all(|std| *std == Some(0.0)), "{rows}: {found:?}");
    }
}

/// pandas #54518: after two values of 1e17, any two values in the thousands had a deviation of 0.
#[test]
fn small_differences_after_huge_values_are_seen() {
    let values = [1.2e3, 1.3e17, 1.5e17, 1995.0, 1990.0];
    let found = rolling(2, 1).std(&values);
    assert_eq!(found[4], Some(12.5_f64.sqrt()));
    assert!((found[4].unwrap() - 3.5355).abs() < 5e-5);
    assert_eq!(found[2], Some(2e32_f64.sqrt()));
    // The next one would have been 0 as well.
    assert_near(rolling(2, 1).last(&[&values[..], &[1234.0]].concat()), definition(&[1990.0, 1234.0], 1));
}

/// pandas #28244: a value of 9.54e8 that had left the window made its deviation 0; one of 9.45e7 made it 0.816. It is
/// 0.551.
#[test]
fn the_size_of_what_left_does_not_matter() {
    for first in [9.54e8, 9.45e7, 9.45e5, 0.0] {
        let values = [first, 0.6225, f64::NAN, 0.0, 1.14, 0.0];
        let found = Rolling { min_periods: 3, ..rolling(4, 1) }.last(&values);
        assert_near(found, definition(&[0.6225, 0.0, 1.14, 0.0], 1));
        assert!((found.unwrap().std - 0.551).abs() < 5e-4, "{found:?}");
    }
}

/// pandas #38874: version 1.2 took every deviation below 1e-7 or so for 0.
#[test]
fn small_deviations_are_not_cut_off() {
    let values = [1e-8, -1.1e-8, 1.2e-8, -1.1e-8].repeat(5);
    let found = rolling(10, 0).all(&values);
    assert!(found[..9].iter().all(Option::is_none));
    for (end, moments) in found.iter().enumerate().skip(9) {
        assert_near(*moments, definition(&values[end - 9..=end], 0));
        assert!((1.09e-8..1.12e-8).contains(&moments.unwrap().std), "{moments:?}");
    }
}

/// pandas #40448: the same series in units of 1e-8 had deviations of 0.
#[test]
fn the_unit_does_not_matter() {
    let values = [5.0, 5.0, 6.0, 7.0, 5.0, 2.0, 5.0];
    let small = values.map(|value| value * 1e-8);
    for (whole, small) in rolling(3, 1).all(&values).into_iter().zip(rolling(3, 1).all(&small)).skip(2) {
        let whole = whole.unwrap();
        assert_near(small, Moments { mean: whole.mean * 1e-8, std: whole.std * 1e-8 });
    }
}

/// pandas #46049: five equal values had a deviation of 1.3e-8, but 0 if the series began five values later.
#[test]
fn a_constant_window_has_no_deviation_wherever_the_series_begins() {
    let values = [
        -3.0, -3.0, -4.0, -5.0, -4.0, -3.0, -4.0, -4.0, -3.0, -4.0, -3.0, -4.0, -3.0, -2.0, -2.0, -3.0, -2.0,
        -2.0, -3.0, -3.0, -4.0, -4.0, -4.0, -4.0, -4.0, -5.0, -5.0, -5.0, -5.0, -5.0,
    ];
    for start in 0..=values.len() - 5 {
        let expected = Moments { mean: -5.0, std: 0.0 };
        assert_eq!(rolling(5, 1).last(&values[start..]), Some(expected), "from {start}");
    }
}

/// pandas #60053: of a series of 93,230 values the last window of 1000 had a deviation of 0, 1.23, 0.96 or 0.70, depending
/// on how many of the rows long before it were there.
#[test]
fn a_window_does_not_depend_on_where_the_series_begins() {
    let mut next = random(60_053);
    let mut values: Vec<f64> = (0..20_000).map(|_| next() * 2.4).collect();
    for (row, value) in values.iter_mut().enumerate().take(18_000) {
        *value *= 10_f64.powi((row % 14) as i32);
    }
    let rounded: Vec<f64> = values.iter().map(|value| (value * 100.0).round() / 100.0).collect();
    for values in [values, rounded] {
        let window = &values[values.len() - 1000..];
        let alone = long_rolling(1000, 1).last(window);
        assert_near(alone, definition(window, 1));
        for start in [0, 1, 4, 1000, 17_990, 18_500, 19_000] {
            assert_eq!(long_rolling(1000, 1).last(&values[start..]), alone, "from {start}");
        }
    }
}

/// Polars #4301: `rolling_var` was negative and `rolling_std` NaN in 50 of 1000 rows, and in other rows of the same
/// series without its first ten.
#[test]
fn no_variance_is_negative() {
    let mut next = random(4301);
    // Long runs of a price, now and then a large trade.
    let mut price = 1.3;
    let values: Vec<f64> = (0..400)
        .map(|row| {
            if row % 25 == 0 {
                price += next() / 1e6;
            }
            if row % 90 == 7 { price * 1e6 } else { price }
        })
        .collect();
    let whole = rolling(20, 1).all(&values);
    for (end, moments) in whole.iter().enumerate().skip(19) {
        let std = moments.unwrap().std;
        let window = &values[end - 19..=end];
        let constant = window.iter().all(|value| *value == window[0]);
        assert!(std >= 0.0 && (std == 0.0) == constant, "row {end}: {std}");
    }
    assert!(whole[19..].iter().flatten().any(|moments| moments.std == 0.0));
    assert_eq!(rolling(20, 1).all(&values[10..])[19..], whole[29..]);
}

/// Polars #5197: seven times 3.3 after four times 1.2 had a deviation of NaN.
#[test]
fn a_step_between_constants_is_forgotten() {
    let values = [[1.2; 4].as_slice(), &[3.3; 7]].concat();
    let found = rolling(5, 1).all(&values);
    for (end, moments) in found.iter().enumerate().skip(4) {
        match end {
            4..=7 => assert_near(*moments, definition(&values[end - 4..=end], 1)),
            _ => assert_eq!(*moments, Some(Moments { mean: 3.3, std: 0.0 }), "row {end}"),
        }
    }
}

/// Polars #9383: three equal values of 2.8e9 had a deviation of 45.
#[test]
fn large_constants_have_no_deviation() {
    let values = [
        1_574_669_000.0,
        1_574_669_000.0,
        1_976_946_000.0,
        2_313_781_000.0,
        2_313_781_000.0,
        2_295_767_000.0,
        2_295_767_000.0,
        2_306_270_000.0,
        2_306_270_000.0,
        2_257_469_000.0,
        2_219_556_000.0,
        2_219_556_000.0,
        2_169_984_000.0,
        2_169_984_000.0,
        2_820_376_000.0,
        2_820_376_000.0,
        2_820_376_000.0,
    ];
    let found = rolling(3, 1).all(&values);
    for (end, moments) in found.iter().enumerate().skip(2) {
        assert_near(*moments, definition(&values[end - 2..=end], 1));
    }
    assert_eq!(found[16], Some(Moments { mean: 2_820_376_000.0, std: 0.0 }));
}

/// Polars #21677: a 1 and a 1e-7 before zeros left a mean of 1e-17 and a variance of -7e-17, whose root is NaN.
#[test]
fn tiny_values_after_a_larger_one_leave_nothing() {
    let values = [[1.0, 1e-7].as_slice(), &[0.0; 8]].concat();
    let found = rolling(5, 1).all(&values);
    assert_near(found[5], definition(&values[1..6], 1));
    assert!(found[6..].iter().all(|m| *m == Some(Moments { mean: 0.0, std: 0.0 })), "{found:?}");
}

/// Polars #23115: in a column with a null, one NaN turned all means after it into NaN. Here both count as missing.
#[test]
fn a_nan_does_not_stick() {
    let values = [0.0, 1.0, 3.0, f64::NAN, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
    let without_first = [0b1111_1110, 0b11];
    let test = Rolling { min_periods: 1, ..rolling(3, 0) }.test();
    let series =
        Series::new(&values).with_validity(Some(Validity::new(&without_first, 0, 10).unwrap())).unwrap();
    let found = outliers_of(series, values.len(), &test);
    let means: Vec<(usize, f64)> = found.iter().map(|outlier| (outlier.row, outlier.mean)).collect();
    let expected = [(2, 1.0), (4, 2.0), (5, 3.0), (6, 14.0 / 3.0), (7, 6.0), (8, 7.0), (9, 8.0)];
    assert_eq!(means, expected);
}

/// As in Polars #24738: an infinity that a sliding sum adds and then takes off leaves NaN, for that is what
/// inf - inf is. Wherever one stands, and however often, the windows are those of the finite values.
#[test]
fn an_infinity_does_not_stick() {
    let mut next = random(24_738);
    let finite: Vec<f64> = (0..120).map(|_| (next() * 400.0).round() / 10.0).collect();
    let mut values = Vec::new();
    for (row, value) in finite.iter().enumerate() {
        if row % 7 == 3 {
            values.push([f64::INFINITY, f64::NEG_INFINITY, f64::NAN][row % 3]);
        }
        values.push(*value);
        assert_eq!(rolling(12, 1).last(&values), rolling(12, 1).last(&finite[..=row]), "row {row}");
    }
    assert_near(rolling(12, 1).last(&values), definition(&finite[108..], 1));
}

/// bottleneck #51: a sum of squared residuals that should have been 0 came out below it, and its root as NaN.
#[test]
fn constants_that_no_double_holds_have_no_deviation() {
    for value in [0.1, 1.1, 3.3, 271.46, 36_743.6, 1e-300, 0.1 + 0.2, 1e17 / 3.0] {
        for rows in [2, 3, 7, 12] {
            let found = rolling(rows, 1).all(&[value; 20]);
            assert_eq!(
                found[rows - 1..],
                vec![Some(Moments { mean: value, std: 0.0 }); 21 - rows],
                "{value}"
            );
        }
    }
}

/// bottleneck #164: in a long float32 series with some values of 100 among small ones, `move_std` was 0 in places, and
/// in which ones depended on where the series began.
#[test]
fn a_long_float32_series_does_not_drift() {
    let mut next = random(164);
    let values: Vec<f64> = (0..30_000)
        .map(|_| {
            let value = next() as f32;
            f64::from(if value < 0.05 { 100.0 } else { value })
        })
        .collect();
    for end in (121..=values.len()).step_by(2_011) {
        let found = long_rolling(121, 0).last(&values[..end]);
        assert_near(found, definition(&values[end - 121..end], 0));
        assert_eq!(found, long_rolling(121, 0).last(&values[end - 121..end]));
    }
}

/// `ClickHouse` #8688: the variance of three times 1e9 was -137438950000.
#[test]
fn the_squares_of_large_values_do_not_swallow_the_variance() {
    assert_eq!(rolling(3, 1).last(&[1e9; 3]), Some(Moments { mean: 1e9, std: 0.0 }));
    assert_eq!(rolling(3, 1).last(&[1e9, 1e9 + 1.0, 1e9 + 2.0]), Some(Moments { mean: 1e9 + 1.0, std: 1.0 }));
    // Squares beyond the range of doubles.
    assert_eq!(rolling(3, 1).last(&[1e200; 3]), Some(Moments { mean: 1e200, std: 0.0 }));
    assert_near(rolling(2, 0).last(&[1e200, 3e200]), Moments { mean: 2e200, std: 1e200 });
}

/// DuckDB #13598: a window that ended at `0 PRECEDING` left out the row itself, as if it ended at `1 PRECEDING`.
#[test]
fn a_window_that_ends_at_the_row_holds_it() {
    let values: Vec<f64> = (0..10).map(f64::from).collect();
    let means = |test: RollingTestBuilder| -> Vec<(usize, f64, usize)> {
        outliers(&values, &test.build().unwrap()).iter().map(|o| (o.row, o.mean, o.count)).collect()
    };
    let test = || RollingTest::builder().window(Window::Rows(5)).threshold(Decimal::ZERO);
    let before: Vec<_> = (5..10).map(|row| (row, row as f64 - 3.0, 5)).collect();
    let with_itself: Vec<_> = (4..10).map(|row| (row, row as f64 - 2.0, 5)).collect();
    assert_eq!(means(test()), before);
    assert_eq!(means(test().include_current(true)), with_itself);
}

/// DuckDB #15520: the deviation of a column with an infinity or a NaN was an error that ended the query. Here these
/// count as missing.
#[test]
fn values_that_are_not_finite_are_no_error() {
    let values = [123.0, f64::NAN, f64::INFINITY, 123.0, f64::NEG_INFINITY, 123.0];
    let expected = Some(Moments { mean: 123.0, std: 0.0 });
    assert_eq!(Rolling { min_periods: 2, ..rolling(6, 0) }.last(&values), expected);
    assert_eq!(outliers(&[f64::INFINITY; 40], &RollingTest::default()), []);
}
