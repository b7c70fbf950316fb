//! The lazy plan: observations in, the outliers table out.
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

pub mod expressions;
pub mod scan;
pub mod whole_series;

use polars::prelude::*;

use crate::plan::expressions::{Boundaries, Carried, Columns, rolling_outliers};
use isd_kernel::{FillLimit, RollingTest, Window};

pub use isd_dataset::layout::{STATION_ID, TIMESTAMP};

/// Columns of the outliers table, in order. The first three are its key, by which it is sorted.
pub const OUTLIER_COLUMNS: [&str; 9] = [
    STATION_ID,
    TIMESTAMP,
    "measurement",
    "value",
    "rolling_mean",
    "rolling_std",
    "zscore",
    "window_count",
    "filled",
];

/// How far, relative to its values, Polars' mean of a constant window may lie from them: no deviation, however small
/// the spread.
const MEAN_ROUNDING: f64 = 1e-12;

/// What computes the rolling step of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// The exact kernel, registered in the plan as one groupwise function.
    #[default]
    Kernel,
    /// Polars' own `forward_fill`, `rolling_mean` and `rolling_std` over `station_id`: in doubles, so that a row within
    /// rounding of the threshold may be decided otherwise. It has row windows only.
    Expressions,
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlierOptions {
    /// Columns to test.
    pub measurements: Vec<String>,
    /// The test.
    pub test: RollingTest,
    /// What computes it.
    pub engine: Engine,
}

impl OutlierOptions {
    /// The default test (30 values before, 6 sigma) of these columns.
    pub fn new<S: Into<String>>(measurements: impl IntoIterator<Item = S>) -> Self {
        Self {
            measurements: measurements.into_iter().map(Into::into).collect(),
            test: RollingTest::default(),
            engine: Engine::Kernel,
        }
    }
}

/// The outliers of observations, as a plan: [`OUTLIER_COLUMNS`], sorted by `station_id`, `timestamp`, `measurement`.
///
/// `observations` holds `station_id` (strings), `timestamp` (datetime) and the measurements (numbers; null, NaN and
/// infinite values are missing), sorted by `station_id` and `timestamp`.
///
/// # Errors
/// On collection: a column that is absent or of another type; from the kernel, a station whose rows lie in two places,
/// or, for a time window, times that do not ascend; from the expressions, a time window.
pub fn outliers(observations: LazyFrame, options: &OutlierOptions) -> LazyFrame {
    match options.engine {
        Engine::Kernel => {
            let columns = Columns {
                series: Boundaries::Runs(STATION_ID.into()),
                time: Some(TIMESTAMP.into()),
                measurements: options.measurements.iter().map(|m| m.as_str().into()).collect(),
                carried: Carried::Columns(vec![STATION_ID.into(), TIMESTAMP.into()]),
            };
            let found = rolling_outliers(columns, options.test.clone(), None).alias("outlier");
            observations
                .select([found])
                .unnest(by_name(["outlier"], true, false), None)
                .select(OUTLIER_COLUMNS.map(col))
        }
        Engine::Expressions => {
            let parts: Vec<LazyFrame> = options
                .measurements
                .iter()
                .map(|m| match options.test.window() {
                    Window::Rows(rows) => with_expressions(observations.clone(), m, &options.test, rows),
                    Window::Micros(_) => refuse(observations.clone(), NO_TIME_WINDOWS),
                })
                .collect();
            let keys = [STATION_ID, TIMESTAMP, "measurement"];
            // Only a union of nothing fails: the outliers of no measurement are those that the kernel finds.
            match concat(parts, UnionArgs::default()) {
                Ok(found) => found.sort(keys, SortMultipleOptions::default().with_maintain_order(true)),
                Err(_) => {
                    outliers(observations, &OutlierOptions { engine: Engine::Kernel, ..options.clone() })
                }
            }
        }
    }
}

/// Polars has them as a feature that the build leaves out: it would compile half of Polars again for an engine that is
/// there to compare.
const NO_TIME_WINDOWS: &str =
    "the engine of expressions has no time windows: give a number of values, or use the kernel";

/// A plan that fails to resolve.
fn refuse(observations: LazyFrame, why: &'static str) -> LazyFrame {
    let refusal = col(STATION_ID).map(
        move |_| polars_bail!(InvalidOperation: "{why}"),
        move |_, _| polars_bail!(InvalidOperation: "{why}"),
    );
    observations.select([refusal])
}

/// The outliers of one measurement by Polars' own rolling expressions, over a window of so many values.
fn with_expressions(
    observations: LazyFrame,
    measurement: &str,
    test: &RollingTest,
    window_size: usize,
) -> LazyFrame {
    let over = |expr: Expr| expr.over([col(STATION_ID)]).unwrap_or_else(|_| lit(NULL));
    let window = |min_periods| RollingOptionsFixedWindow { window_size, min_periods, ..Default::default() };
    let population = Some(RollingFnParams::Var(RollingVarParams { ddof: 0 }));
    // The window ends before the current row unless it is included.
    let shift = i64::from(!test.include_current());
    let rolled = |expr: Expr| over(expr.shift(lit(shift)));
    let least = test.min_periods();
    // Polars keeps the degrees of freedom in a byte, so that they are taken off afterwards.
    let count = col("window_count").cast(DataType::Float64);
    let divisor = (count.clone() / (count - lit(test.ddof() as f64))).sqrt();

    let observed = col("observed");
    let limit = match test.fill_limit() {
        // More rows than a frame can have are no limit.
        Some(FillLimit::Rows(rows)) => IdxSize::try_from(rows).ok(),
        _ => None,
    };
    let forward = FillNullStrategy::Forward(limit);
    let mut filled = observations
        .select([
            col(STATION_ID),
            col(TIMESTAMP),
            col(measurement).strict_cast(DataType::Float64).alias("observed"),
        ])
        .with_column(
            when(observed.clone().is_finite()).then(observed.clone()).otherwise(lit(NULL)).alias("observed"),
        )
        .with_columns([
            over(observed.clone().fill_null_with_strategy(forward)).alias("value"),
            over(observed.clone().count()).alias("observations"),
        ]);
    if let Some(FillLimit::Micros(micros)) = test.fill_limit() {
        let time =
            || col(TIMESTAMP).cast(DataType::Datetime(TimeUnit::Microseconds, None)).cast(DataType::Int64);
        let last = when(observed.clone().is_not_null()).then(time()).otherwise(lit(NULL));
        let last = over(last.fill_null_with_strategy(FillNullStrategy::Forward(None)));
        filled = filled.filter((time() - last).lt_eq(lit(micros)));
    }
    let value = col("value");
    let deviation = col("value") - col("rolling_mean");
    let floor = lit(test.min_std().to_f64());
    let spread = when(col("rolling_std").gt(floor.clone())).then(col("rolling_std")).otherwise(floor);
    let mut found = filled
        .filter(value.clone().is_not_null().and(col("observations").gt(lit(least as i64))))
        .with_columns([
            rolled(value.clone().rolling_mean(window(least))).alias("rolling_mean"),
            rolled(
                value
                    .clone()
                    .rolling_std(RollingOptionsFixedWindow { fn_params: population, ..window(least) }),
            )
            .alias("rolling_std"),
            rolled(value.clone().is_not_null().cast(DataType::Float64).rolling_sum(window(1)))
                .cast(DataType::Int64)
                .alias("window_count"),
        ])
        .with_column(col("rolling_std") * divisor)
        .filter(
            deviation
                .clone()
                .abs()
                .gt(lit(test.threshold().to_f64()) * spread.clone())
                .and(deviation.clone().abs().gt(lit(MEAN_ROUNDING) * value.abs())),
        );
    if !test.test_filled() {
        found = found.filter(observed.clone().is_not_null());
    }
    found
        .with_columns([
            lit(measurement).alias("measurement"),
            (deviation / spread).alias("zscore"),
            observed.is_null().alias("filled"),
        ])
        .select(OUTLIER_COLUMNS.map(col))
}
