//! The outliers table: the names of its columns.

use isd_dataset::layout::{STATION_ID, TIMESTAMP};

/// Name of the measurement that an outlier is of: text.
pub const MEASUREMENT: &str = "measurement";
/// The outlying value, in the measurement's units: double.
pub const VALUE: &str = "value";
/// Mean of the window, in the measurement's units: double.
pub const ROLLING_MEAN: &str = "rolling_mean";
/// Standard deviation of the window, in the measurement's units: double.
pub const ROLLING_STD: &str = "rolling_std";
/// Distance of the value from the mean, in standard deviations: double, negative below the mean, infinite where the
/// standard deviation is 0.
pub const ZSCORE: &str = "zscore";
/// Number of values in the window: 64-bit integer.
pub const WINDOW_COUNT: &str = "window_count";
/// Whether the value was filled in rather than observed: boolean.
pub const FILLED: &str = "filled";
/// Number of values in the window that were filled in: 64-bit integer.
pub const WINDOW_FILLED: &str = "window_filled";

/// Columns of the outliers table, in order. The first three are its key, by which it is sorted.
pub const OUTLIER_COLUMNS: [&str; 10] = [
    STATION_ID,
    TIMESTAMP,
    MEASUREMENT,
    VALUE,
    ROLLING_MEAN,
    ROLLING_STD,
    ZSCORE,
    WINDOW_COUNT,
    FILLED,
    WINDOW_FILLED,
];
