//! Rolling median and median absolute deviation: a series in, two numbers a row out.
//!
//! Rows are worked on in blocks about as long as a window. The values that a block's windows hold are sorted once; two trees of
//! counts over their ranks hold the lower and the upper half of the current window ([`halves`]). A row enters, leaves, moves
//! from one half to the other, or is found by its rank in as many steps as the trees are deep: O(log window) a row. The median
//! lies between the halves. The median absolute deviation is found by descending both trees at once: seen from the median, each
//! half is a sorted sequence of distances.

mod halves;

use crate::Series;
use halves::Halves;

/// A window around each row: so many rows before it, the row itself, and so many after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CenteredWindow {
    /// Rows before the row.
    pub before: usize,
    /// Rows after the row.
    pub after: usize,
    /// Values that a window must hold for its row to have statistics; at least one is always needed.
    pub min_periods: usize,
}

/// Appends the median of each row's window to `medians`, and the median absolute deviation from that median to `mads`: a number
/// for each row, in the unit of the series. The window of a row ends where the series does.
///
/// A row without a value (null, NaN or infinite) is no part of any window, but has statistics as others do. Both are NaN for a
/// row whose window holds fewer than `min_periods` values, or none. The median of an even number of values is the double nearest
/// the mean of the middle two, and so is that of the deviations. A deviation is the double nearest the distance from the median.
/// Every number is that of sorting the window; a value that has left the window has no effect on it.
///
/// ```
/// use isd_kernel::{CenteredWindow, Series, rolling_median_mad};
///
/// let pressure = Series::new(&[1012.0, 1013.0, 99.9, 1014.0, f64::NAN, 1016.0]);
/// let window = CenteredWindow { before: 1, after: 1, min_periods: 2 };
/// let (mut medians, mut mads) = (Vec::new(), Vec::new());
/// rolling_median_mad(pressure, window, &mut medians, &mut mads);
/// assert_eq!(medians[1..3], [1012.0, 1013.0]);
/// assert_eq!(mads[1..3], [1.0, 1.0]);
/// assert_eq!(medians[4], 1015.0);
/// assert!(medians[5].is_nan());
/// ```
pub fn rolling_median_mad(
    series: Series<'_>,
    window: CenteredWindow,
    medians: &mut Vec<f64>,
    mads: &mut Vec<f64>,
) {
    let rows = series.values.len();
    let CenteredWindow { before, after, min_periods } = window;
    // A window that is longer than the series is one that holds all of it.
    let (before, after) = (before.min(rows), after.min(rows));
    let block = (before + after + 1).clamp(64, 1 << 20);
    let mut halves = Halves::default();
    medians.reserve(rows);
    mads.reserve(rows);
    for start in (0..rows).step_by(block) {
        let end = (start + block).min(rows);
        let held = start.saturating_sub(before)..(end + after).min(rows);
        let values = held.clone().map(|row| series.is_observed(row).then(|| series.values.get(row)));
        halves.reset(values);
        let mut entered = held.start;
        for row in start..end {
            while entered < (row + after + 1).min(rows) {
                halves.insert(entered - held.start);
                entered += 1;
            }
            if let Some(left) = row.checked_sub(before + 1)
                && left >= held.start
            {
                halves.remove(left - held.start);
            }
            let statistics = if halves.len() >= min_periods { halves.median_and_mad() } else { None };
            let (median, mad) = statistics.unwrap_or((f64::NAN, f64::NAN));
            medians.push(median);
            mads.push(mad);
        }
    }
}
