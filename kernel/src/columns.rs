//! Columns of rolling statistics: the windows of either pass in, one number a row out.

use crate::binary_pass::exact_sums::Moving;
use crate::decide::{Unit, Window};
use crate::decimal_pass::{self, Pass, Windowing};
use crate::prefix::sums::Lane;
use crate::prefix::windows::Gathered;
use crate::series::Reach;
use crate::{FillLimit, Rolling, Scratch, Series, TimesError, binary_pass};

/// Appends the series to `filled`, each missing value replaced by the last observed one: NaN where there is none, or
/// none within the `limit`.
///
/// `f_i = v_i` if row i was observed, else `f_{i-1}`: the "last observation carried forward". Null, NaN and infinite
/// values are missing.
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
/// A limit in time for a series without times.
pub fn forward_fill(
    series: Series<'_>,
    limit: Option<FillLimit>,
    filled: &mut Vec<f64>,
) -> Result<(), TimesError> {
    if matches!(limit, Some(FillLimit::Micros(_))) && series.times.is_none() {
        return Err(TimesError::Missing);
    }
    let reach = Reach::of(limit, &series);
    let mut last = None;
    filled.extend((0..series.values.len()).map(|row| {
        if series.is_observed(row) {
            last = Some(row);
        }
        last.filter(|last| reach.bridges(*last, row)).map_or(f64::NAN, |last| series.values.get(last))
    }));
    Ok(())
}

/// Appends the mean of each row's window to `means`: `S / n` for the sum S of its n values.
///
/// Rows without a value (null, NaN or infinite) are no part of any window and have no mean, nor have rows whose window
/// holds fewer than `min_periods` values: NaN. Nothing is filled; [`forward_fill`] first, where that is wanted.
///
/// Every mean is the double nearest the exact mean: of the decimals, for a series on a decimal grid as
/// [`rolling_outliers`](crate::rolling_outliers) defines it, else of the binary fractions that the doubles are. What has
/// left the window leaves nothing behind.
///
/// ```
/// use isd_kernel::{Rolling, Scratch, Series, rolling_mean};
///
/// let series = Series::new(&[1e17, 0.1, 0.2, 0.3, f64::NAN, 0.7]);
/// let rolling = Rolling::rows(3)?.include_current(true).validated()?;
/// let mut means = Vec::new();
/// rolling_mean(series, &rolling, &mut Scratch::default(), &mut means)?;
/// assert_eq!(means[3..4], [0.2]);
/// assert!(means[4].is_nan());
/// assert_eq!(means[5], 0.4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A time window for a series without times, or whose times do not ascend; `means` is as it was.
pub fn rolling_mean(
    series: Series<'_>,
    rolling: &Rolling,
    scratch: &mut Scratch,
    means: &mut Vec<f64>,
) -> Result<(), TimesError> {
    column::<Mean>(series, rolling, scratch, means)
}

/// Appends the standard deviation of each row's window to `deviations`: `sqrt((n Q - S^2) / (n (n - ddof)))` for the
/// sum S and the sum of squares Q of its n values.
///
/// The textbook formula, which cancels in doubles (Chan, Golub & `LeVeque` 1983, equation 1.2) but not in the integers
/// that this takes the values as. Which rows have none is as for [`rolling_mean`], as are the values that are taken and
/// the rounding: every deviation is the double nearest the exact one.
///
/// ```
/// use isd_kernel::{Rolling, Scratch, Series, rolling_std};
///
/// let series = Series::new(&[1.2e3, 1.3e17, 1.5e17, 1995.0, 1990.0]);
/// let rolling = Rolling::rows(2)?.include_current(true).ddof(1).validated()?;
/// let mut deviations = Vec::new();
/// rolling_std(series, &rolling, &mut Scratch::default(), &mut deviations)?;
/// assert!(deviations[0].is_nan());
/// assert_eq!(deviations[4], 12.5_f64.sqrt());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A time window for a series without times, or whose times do not ascend; `deviations` is as it was.
pub fn rolling_std(
    series: Series<'_>,
    rolling: &Rolling,
    scratch: &mut Scratch,
    deviations: &mut Vec<f64>,
) -> Result<(), TimesError> {
    column::<Std>(series, rolling, scratch, deviations)
}

/// A statistic of a window.
pub(crate) trait Statistic {
    /// From integer moments, the double nearest the exact one, if 128 bits and pairs of doubles say which that is.
    fn quick(window: &Window<i64>, factor: i128, ddof: usize) -> Option<f64>;
    /// From integer moments, whatever it takes.
    fn exact(window: &Window<i64>, unit: Unit, ddof: usize) -> f64;
    /// From a window of doubles.
    fn of(moving: &Moving, ddof: usize) -> f64;
}

struct Mean;

impl Statistic for Mean {
    fn quick(window: &Window<i64>, factor: i128, _ddof: usize) -> Option<f64> {
        window.quick_mean(factor)
    }

    fn exact(window: &Window<i64>, unit: Unit, _ddof: usize) -> f64 {
        window.widen().mean(unit)
    }

    fn of(moving: &Moving, _ddof: usize) -> f64 {
        moving.mean()
    }
}

struct Std;

impl Statistic for Std {
    fn quick(window: &Window<i64>, factor: i128, ddof: usize) -> Option<f64> {
        window.quick_std(factor, ddof)
    }

    fn exact(window: &Window<i64>, unit: Unit, ddof: usize) -> f64 {
        window.widen().std(unit, ddof)
    }

    fn of(moving: &Moving, ddof: usize) -> f64 {
        moving.std(ddof)
    }
}

/// Writes one number a row.
pub(crate) struct Column<'a, S> {
    rolling: &'a Rolling,
    /// NaN wherever nothing is written.
    out: &'a mut [f64],
    statistic: std::marker::PhantomData<S>,
}

fn column<S: Statistic>(
    series: Series<'_>,
    rolling: &Rolling,
    scratch: &mut Scratch,
    out: &mut Vec<f64>,
) -> Result<(), TimesError> {
    let most = rolling.most(&series)?;
    let before = out.len();
    out.resize(before + series.values.len(), f64::NAN);
    let Some(first) = series.first_observed() else { return Ok(()) };
    let windowing = Windowing { rolling, reach: Reach::Nothing, most };
    let mut column = Column::<S> { rolling, out: &mut out[before..], statistic: std::marker::PhantomData };
    if !decimal_pass::run(&series, first, windowing, &mut scratch.decimal, &mut column) {
        binary_pass::statistics(&series, first, windowing, &mut scratch.binary, |row, moving| {
            column.out[row] = S::of(moving, rolling.freedom());
        });
    }
    Ok(())
}

impl<S: Statistic> decimal_pass::Sink for Column<'_, S> {
    fn take<L: Lane>(&mut self, pass: &Pass<'_, L>, _gathered: &mut Gathered<L>) {
        let ddof = self.rolling.freedom();
        let factor = pass.factor() as i128;
        for (from, stretch) in pass.stretches() {
            for i in 0..stretch.units.len() {
                let n = stretch.count(i);
                if n < self.rolling.least_count() {
                    continue;
                }
                let (sum, squares) = stretch.moments(i);
                let window = Window { n, sum, squares, x: 0, origin: pass.origin() };
                self.out[pass.row(from + i)] =
                    S::quick(&window, factor, ddof).unwrap_or_else(|| S::exact(&window, pass.unit(), ddof));
            }
        }
    }

    fn restart(&mut self) {
        self.out.fill(f64::NAN);
    }
}
