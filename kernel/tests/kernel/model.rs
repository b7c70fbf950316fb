//! The brute-force model: SPEC section 3 word by word, window by window, in rational arithmetic.

use isd_kernel::{FillLimit, RollingTest, Window};
use num_bigint::BigInt;

/// A value as an integer: thousandths on a decimal grid, else multiples of `2^-1100`, which hold any double.
fn integer(value: f64, decimal: bool) -> BigInt {
    if decimal {
        // The shortest text of a double on the grid is its decimal.
        let text = format!("{value}");
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        return format!("{whole}{fraction:0<3}").parse().unwrap();
    }
    let bits = value.to_bits();
    let raw = (bits >> 52 & 0x7ff) as i32;
    let mantissa = (bits & ((1 << 52) - 1)) | if raw == 0 { 0 } else { 1 << 52 };
    let shift = (1100 + raw.max(1) - 1075) as u32;
    let magnitude: BigInt = BigInt::from(mantissa) << shift;
    if value < 0.0 { -magnitude } else { magnitude }
}

/// The integer of 1.
fn scale(decimal: bool) -> BigInt {
    if decimal { BigInt::from(1000) } else { BigInt::from(1) << 1100_u32 }
}

/// Whether a double's shortest text has at most three decimals.
pub fn on_grid(value: f64) -> bool {
    let text = format!("{value}");
    text.split_once('.').is_none_or(|(_, fraction)| fraction.len() <= 3)
}

/// Twice the numbers halfway to the doubles on either side of one that is not negative, as multiples of `2^-1100`.
fn halfways(value: f64) -> [BigInt; 2] {
    let integers = [value.next_down(), value, value.next_up()].map(|double| integer(double, false));
    [&integers[0] + &integers[1], &integers[1] + &integers[2]]
}

/// Whether a double is the one nearest the mean of the values.
pub fn is_mean(found: f64, values: &[f64], decimal: bool) -> bool {
    let sum: BigInt = values.iter().map(|v| integer(*v, decimal)).sum();
    let (sum, found) = if found < 0.0 { (-sum, -found) } else { (sum, found) };
    let [low, high] = halfways(found);
    let (mean, n) = (sum * 2 * scale(false), scale(decimal) * values.len());
    low * &n <= mean && mean <= high * n
}

/// Whether a double is the one nearest the standard deviation of the values.
pub fn is_std(found: f64, values: &[f64], ddof: usize, decimal: bool) -> bool {
    let n = values.len();
    let values: Vec<BigInt> = values.iter().map(|v| integer(*v, decimal)).collect();
    let sum: BigInt = values.iter().sum();
    let squares: BigInt = values.iter().map(|v| (v * n - &sum).pow(2)).sum();
    if found.is_infinite() {
        return squares > integer(f64::MAX, decimal).pow(2) * n * n;
    }
    let [low, high] = halfways(found);
    let (variance, divisor) = (squares * 4 * scale(false).pow(2), scale(decimal).pow(2) * n * n * (n - ddof));
    (found == 0.0 || low.pow(2) * &divisor <= variance) && variance <= high.pow(2) * divisor
}

/// Values from which on a window's deviations are not added one by one.
const LONG: usize = 100;

/// Sum of n values, and n^2 times the sum of their squared deviations, from the definition.
fn moments<'a>(values: impl Iterator<Item = &'a BigInt> + Clone) -> (BigInt, BigInt) {
    let (n, sum) = (values.clone().count(), values.clone().sum::<BigInt>());
    let squares = values.map(|v| (v * n - &sum).pow(2)).sum();
    (sum, squares)
}

/// Sums of the first values and of their squares, for windows that would take too long otherwise.
struct Sums(Vec<(BigInt, BigInt)>);

impl Sums {
    fn of<'a>(values: impl Iterator<Item = &'a BigInt>) -> Self {
        let mut sums = vec![(BigInt::ZERO, BigInt::ZERO)];
        for value in values {
            let (sum, squares) = &sums[sums.len() - 1];
            sums.push((sum + value, squares + value * value));
        }
        Self(sums)
    }

    /// What [`moments`] gives.
    fn moments(&self, window: std::ops::Range<usize>) -> (BigInt, BigInt) {
        let ((s, q), (from_s, from_q)) = (&self.0[window.end], &self.0[window.start]);
        let (sum, squares, n) = (s - from_s, q - from_q, window.len());
        let spread = (squares * n - &sum * &sum) * n;
        (sum, spread)
    }
}

#[test]
fn both_ways_to_the_moments_agree() {
    let values: Vec<BigInt> = (0..150).map(|i| BigInt::from(i * 7919 % 103 - 40) << (i % 5)).collect();
    let sums = Sums::of(values.iter());
    for window in [0..0, 0..1, 0..150, 3..90, 140..150] {
        assert_eq!(sums.moments(window.clone()), moments(values[window].iter()));
    }
}

/// What the model says of a tested row.
pub struct Decision {
    pub row: usize,
    pub filled: bool,
    pub outlier: bool,
    /// How many values of the window were filled in.
    #[allow(dead_code, reason = "only the tests of the kernel ask")]
    pub window_filled: usize,
    /// Whether the two sides of the test agree to nine digits, so that arithmetic in doubles may decide otherwise.
    #[allow(dead_code, reason = "only the tests of the engine that computes in doubles ask")]
    pub close: bool,
}

/// (row, filled) of every outlier of one series.
pub fn outliers(values: &[Option<f64>], times: &[i64], test: &RollingTest) -> Vec<(usize, bool)> {
    let decisions = decisions(values, times, test).into_iter();
    decisions.filter(|decision| decision.outlier).map(|decision| (decision.row, decision.filled)).collect()
}

/// Whether two squares differ by no more than their roots do in the tenth digit.
fn close(a: &BigInt, b: &BigInt) -> bool {
    (a - b).magnitude() * 500_000_000_u32 <= *a.max(b).magnitude()
}

/// Every tested row of one series, in order.
pub fn decisions(values: &[Option<f64>], times: &[i64], test: &RollingTest) -> Vec<Decision> {
    let values: Vec<Option<f64>> = values.iter().map(|v| v.filter(|v| v.is_finite())).collect();
    if values.iter().flatten().count() < test.min_periods() + 1 {
        return Vec::new();
    }
    let decimal = values.iter().flatten().all(|v| on_grid(*v));
    let mut last: Option<usize> = None;
    let mut filled: Vec<(usize, BigInt)> = Vec::new();
    for (row, value) in values.iter().enumerate() {
        if value.is_some() {
            last = Some(row);
        }
        let Some(from) = last else { continue };
        let bridged = match test.fill_limit() {
            None => true,
            Some(FillLimit::Rows(rows)) => row - from <= rows,
            Some(FillLimit::Micros(micros)) => times[row] - times[from] <= micros,
        };
        if bridged {
            filled.push((row, integer(values[from].unwrap(), decimal)));
        }
    }
    let decimal_fraction =
        |d: isd_kernel::Decimal| (BigInt::from(d.mantissa()), BigInt::from(10).pow(d.decimals()));
    let (threshold, threshold_scale) = decimal_fraction(test.threshold());
    let (floor, floor_scale) = decimal_fraction(test.min_std());
    let unit = scale(decimal);
    let sums = Sums::of(filled.iter().map(|(_, value)| value));
    let mut found = Vec::new();
    let mut begin = 0;
    for i in 0..filled.len() {
        let (row, x) = &filled[i];
        let observed = values[*row].is_some();
        if !observed && !test.test_filled() {
            continue;
        }
        let end = i + usize::from(test.include_current());
        begin = match test.window() {
            Window::Rows(rows) => end.saturating_sub(rows),
            Window::Micros(micros) => {
                let first = i128::from(times[*row]) - i128::from(micros);
                let before = |at: usize| i128::from(times[at]) < first + i128::from(test.include_current());
                (begin..end).find(|at| !before(filled[*at].0)).unwrap_or(end)
            }
        };
        let window = begin..end;
        let n = window.len();
        let window_filled = filled[window.clone()].iter().filter(|(row, _)| values[*row].is_none()).count();
        if n < test.min_periods() || n <= test.ddof() {
            continue;
        }
        // n (x - mean), and n^2 (n - ddof) times the variance.
        let (sum, squares) =
            if n > LONG { sums.moments(window) } else { moments(filled[window].iter().map(|(_, v)| v)) };
        let deviation = x * n - &sum;
        let m = n - test.ddof();
        let left = (&deviation * &threshold_scale).pow(2);
        let right = threshold.pow(2) * squares;
        let against_std = &left * m;
        let least = (&threshold * &floor * n * &unit).pow(2);
        let against_floor = left * floor_scale.pow(2);
        found.push(Decision {
            row: *row,
            filled: !observed,
            window_filled,
            outlier: against_std > right && against_floor > least,
            close: close(&against_std, &right) || close(&against_floor, &least),
        });
    }
    found
}
