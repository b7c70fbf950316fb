//! The lazy plan: observations as a Polars `LazyFrame` in, the outliers table as a `LazyFrame` out.
//!
//! ```
//! use isd::plan::{OutlierOptions, outliers};
//! use polars::prelude::*;
//!
//! let temperature = (0..48).map(|hour| f64::from(hour % 24) / 2.0 + if hour == 40 { 60.0 } else { 0.0 });
//! let observations = df!(
//!     "station_id" => vec!["725300-94846"; 48],
//!     "timestamp" => (0..48_i64).map(|hour| hour * 3_600_000_000).collect::<Vec<_>>(),
//!     "air_temperature" => temperature.collect::<Vec<f64>>(),
//! )?
//! .lazy()
//! .with_column(col("timestamp").cast(DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))));
//!
//! let found = outliers(observations, &OutlierOptions::new(["air_temperature"])).collect()?;
//! assert_eq!(found.height(), 1);
//! assert_eq!(found.column("value")?.f64()?.get(0), Some(68.0));
//! # Ok::<(), PolarsError>(())
//! ```

pub(crate) mod error;
pub mod kernel_expressions;
mod polars_expressions;
pub mod scan;
pub mod selected_stations;
pub mod table;
pub mod whole_series;

use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_kernel::RollingTest;
use polars::prelude::*;

use crate::plan::kernel_expressions::{Boundaries, Carried, Columns, rolling_outliers};
use crate::plan::table::OUTLIER_COLUMNS;

/// What computes the rolling step of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Engine {
    /// The exact kernel, registered in the plan as one groupwise function.
    #[default]
    #[value(help = "The exact kernel")]
    Kernel,
    /// Polars' own `forward_fill`, `rolling_mean` and `rolling_std` over `station_id`. They compute in doubles, so that
    /// a row within rounding of the threshold may be decided otherwise, and take windows of rows only.
    #[value(help = "Polars' own rolling expressions, in floating point")]
    Expressions,
}

/// Which columns are tested, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlierOptions {
    /// Names of the columns to test.
    pub measurements: Vec<String>,
    /// The test, the same for every column.
    pub test: RollingTest,
    /// What computes it.
    pub engine: Engine,
}

impl OutlierOptions {
    /// The default test (30 values before, 6 standard deviations) of these columns, by the kernel.
    pub fn new<S: Into<String>>(measurements: impl IntoIterator<Item = S>) -> Self {
        Self {
            measurements: measurements.into_iter().map(Into::into).collect(),
            test: RollingTest::default(),
            engine: Engine::Kernel,
        }
    }
}

/// Plans the search for outliers: the table has the columns [`OUTLIER_COLUMNS`], none of which is ever null, and is
/// sorted by `station_id`, `timestamp` and `measurement`.
///
/// `observations` holds `station_id` (strings), `timestamp` (datetime) and the measurements (numbers; null, NaN and
/// infinite values are missing), sorted by `station_id` and `timestamp`.
///
/// # Errors
/// On collection: a column that is absent or of another type; from the kernel, a station whose rows lie in two places,
/// or, for a time window, times that do not ascend; from the expressions, a time window.
pub fn outliers(observations: LazyFrame, options: &OutlierOptions) -> LazyFrame {
    let OutlierOptions { measurements, test, engine } = options;
    // Without measurements there are no tables to join, and the kernel's empty table has the right columns.
    if *engine == Engine::Expressions && !measurements.is_empty() {
        return polars_expressions::outliers(&observations, measurements, test);
    }
    let columns = Columns {
        series: Boundaries::Runs(STATION_ID.into()),
        time: Some(TIMESTAMP.into()),
        measurements: measurements.iter().map(|name| name.as_str().into()).collect(),
        carried: Carried::Copied(vec![STATION_ID.into(), TIMESTAMP.into()]),
    };
    let found = rolling_outliers(columns, test.clone(), None).alias("outlier");
    observations
        .select([found])
        .unnest(by_name(["outlier"], true, false), None)
        .select(OUTLIER_COLUMNS.map(col))
}
