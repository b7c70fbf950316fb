//! Columns of filled values and of rolling statistics: a series in, one number a row out.

use crate::binary_pass::exact_sums::ExactSums;
use crate::decide::{TestedWindow, Unit};
use crate::decimal_pass::{self, BlockVisitor, Pass};
use crate::prefix::sums::SumInteger;
use crate::prefix::windows::RowBuffers;
use crate::series::Fill;
use crate::window::SeriesWindows;
use crate::{FillLimit, Rolling, Scratch, Series, TimesError, binary_pass};

/// Appends the values of the series to `filled`, a number for each row in the unit of the series. A missing value (null,
/// NaN or infinite) is replaced by the last observed one; it is NaN if there is none, or none within the `limit`.
///
/// `f_i = v_i` if row i was observed, else `f_{i-1}`: the "last observation carried forward".
///
/// ```
/// use isd_kernel::{FillLimit, Series, forward_fill};
///
/// let wind = Series::new(&[f64::NAN, 3.1, f64::NAN, f64::NAN, 2.6]);
/// let mut filled = Vec::new();
/// forward_fill(wind, Some(FillLimit::Rows(1)), &mut filled)?;
/// assert_eq!(filled[1..3], [3.1, 3.1]);
/// assert!(filled[0].is_nan() && filled[3].is_nan());
/// # Ok::<(), isd_kernel::TimesError>(())
/// ```
///
/// # Errors
/// The limit is a length of time, but the series has no times; `filled` is as it was.
pub fn forward_fill(
    series: Series<'_>,
    limit: Option<FillLimit>,
    filled: &mut Vec<f64>,
) -> Result<(), TimesError> {
    let fill = Fill::new(limit, &series)?;
    let mut last = None;
    filled.extend((0..series.values.len()).map(|row| {
        if series.is_observed(row) {
            last = Some(row);
        }
        last.filter(|last| fill.bridges(*last, row)).map_or(f64::NAN, |last| series.values.get(last))
    }));
    Ok(())
}

/// Appends the mean of each row's window to `means`, a number for each row in the unit of the series: `S / n` for the sum
/// S of the window's n values.
///
/// A row without a value (null, NaN or infinite) is no part of any window. Its mean is NaN, as is that of a row whose
/// window holds fewer than `min_periods` values. Nothing is filled: call [`forward_fill`] first where that is wanted.
///
/// Every mean is the double nearest the exact mean: that of the decimals, for a series on a decimal grid (see the
/// [crate's page](crate)), else that of the binary fractions that the doubles are. A value that has left the window has no
/// effect on it.
///
/// ```
/// use isd_kernel::{Rolling, Scratch, Series, Window, rolling_mean};
///
/// let series = Series::new(&[1e17, 0.1, 0.2, 0.3, f64::NAN, 0.7]);
/// let rolling = Rolling::builder().window(Window::Rows(3)).include_current(true).build()?;
/// let mut means = Vec::new();
/// rolling_mean(series, &rolling, &mut Scratch::default(), &mut means)?;
/// assert_eq!(means[3..4], [0.2]);
/// assert!(means[4].is_nan());
/// assert_eq!(means[5], 0.4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The window is a length of time, but the series has no times, or a row is not later than the row before it; `means` is
/// as it was.
pub fn rolling_mean(
    series: Series<'_>,
    rolling: &Rolling,
    scratch: &mut Scratch,
    means: &mut Vec<f64>,
) -> Result<(), TimesError> {
    column::<Mean>(series, rolling, scratch, means)
}

/// Appends the standard deviation of each row's window to `deviations`, a number for each row in the unit of the series:
/// `sqrt((n Q - S^2) / (n (n - ddof)))` for the sum S and the sum of squares Q of the window's n values.
///
/// Missing values, rows whose result is NaN and the rounding are as for [`rolling_mean`]: every deviation is the double
/// nearest the exact one. The textbook formula cancels in doubles (Chan, Golub & `LeVeque` 1983, equation 1.2), but not in
/// the integers that it is computed in here.
///
/// ```
/// use isd_kernel::{Rolling, Scratch, Series, Window, rolling_std};
///
/// let series = Series::new(&[1.2e3, 1.3e17, 1.5e17, 1995.0, 1990.0]);
/// let rolling = Rolling::builder().window(Window::Rows(2)).include_current(true).ddof(1).build()?;
/// let mut deviations = Vec::new();
/// rolling_std(series, &rolling, &mut Scratch::default(), &mut deviations)?;
/// assert!(deviations[0].is_nan());
/// assert_eq!(deviations[4], 12.5_f64.sqrt());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`rolling_mean`]; `deviations` is as it was.
pub fn rolling_std(
    series: Series<'_>,
    rolling: &Rolling,
    scratch: &mut Scratch,
    deviations: &mut Vec<f64>,
) -> Result<(), TimesError> {
    column::<Std>(series, rolling, scratch, deviations)
}

/// A statistic of a window.
trait Statistic {
    /// The statistic of integers of which `factor` make a unit: the double nearest the exact value. `None` if 128 bits and
    /// pairs of doubles do not tell which double that is.
    fn in_pairs(window: &TestedWindow<i64>, factor: i128, ddof: usize) -> Option<f64>;
    /// The statistic of integers of a unit: the double nearest the exact value, computed in as many bits as it takes.
    fn exact(window: &TestedWindow<i64>, unit: Unit, ddof: usize) -> f64;
    /// The statistic of a window of doubles: the double nearest the exact value.
    fn of_doubles(sums: &ExactSums, ddof: usize) -> f64;
}

/// The mean.
struct Mean;

impl Statistic for Mean {
    fn in_pairs(window: &TestedWindow<i64>, factor: i128, _ddof: usize) -> Option<f64> {
        window.mean_in_pairs(factor)
    }

    fn exact(window: &TestedWindow<i64>, unit: Unit, _ddof: usize) -> f64 {
        window.widen().mean(unit)
    }

    fn of_doubles(sums: &ExactSums, _ddof: usize) -> f64 {
        sums.mean()
    }
}

/// The standard deviation.
struct Std;

impl Statistic for Std {
    fn in_pairs(window: &TestedWindow<i64>, factor: i128, ddof: usize) -> Option<f64> {
        window.std_in_pairs(factor, ddof)
    }

    fn exact(window: &TestedWindow<i64>, unit: Unit, ddof: usize) -> f64 {
        window.widen().std(unit, ddof)
    }

    fn of_doubles(sums: &ExactSums, ddof: usize) -> f64 {
        sums.std(ddof)
    }
}

/// Writes the statistic `S` of each row's window.
struct Column<'a, S> {
    rolling: &'a Rolling,
    /// A slot for each row of the series: NaN wherever nothing is written.
    out: &'a mut [f64],
    statistic: std::marker::PhantomData<S>,
}

/// Appends the statistic `S` of each row's window to `out`, NaN for rows that have none.
fn column<S: Statistic>(
    series: Series<'_>,
    rolling: &Rolling,
    scratch: &mut Scratch,
    out: &mut Vec<f64>,
) -> Result<(), TimesError> {
    let windows = SeriesWindows::new(rolling, Fill::Nothing, &series)?;
    let before = out.len();
    out.resize(before + series.values.len(), f64::NAN);
    let Some(first) = series.first_observed() else { return Ok(()) };
    let mut column = Column::<S> { rolling, out: &mut out[before..], statistic: std::marker::PhantomData };
    if !decimal_pass::run(&series, first, windows, &mut scratch.decimal, &mut column) {
        binary_pass::statistics(&series, first, windows, &mut scratch.binary, |row, sums| {
            column.out[row] = S::of_doubles(sums, rolling.ddof());
        });
    }
    Ok(())
}

impl<S: Statistic> BlockVisitor for Column<'_, S> {
    fn visit<I: SumInteger>(&mut self, pass: &Pass<'_, I>, _buffers: &mut RowBuffers<I>) {
        let ddof = self.rolling.ddof();
        let factor = pass.factor() as i128;
        for (from, stretch) in pass.stretches() {
            for i in 0..stretch.integers.len() {
                let n = stretch.count(i);
                if n < self.rolling.min_periods() {
                    continue;
                }
                let (sum, squares) = stretch.moments(i);
                let window = TestedWindow { n, sum, squares, x: 0, origin: pass.origin() };
                self.out[pass.row(from + i)] = S::in_pairs(&window, factor, ddof)
                    .unwrap_or_else(|| S::exact(&window, pass.unit(), ddof));
            }
        }
    }

    fn restart(&mut self) {
        self.out.fill(f64::NAN);
    }
}
