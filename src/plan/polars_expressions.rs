//! The engine of expressions: the outliers table by Polars' own rolling expressions, in doubles.

use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_kernel::{FillLimit, RollingTest, Window};
use polars::prelude::*;

use crate::plan::table::{
    FILLED, MEASUREMENT, OUTLIER_COLUMNS, ROLLING_MEAN, ROLLING_STD, VALUE, WINDOW_COUNT, WINDOW_FILLED,
    ZSCORE,
};

/// How far, relative to its values, Polars' mean of a constant window may lie from them. A distance below that is
/// rounding and no deviation, however small the standard deviation.
const MEAN_ROUNDING: f64 = 1e-12;

/// Why time windows are refused. Polars has them as a feature that the build leaves out: it would compile half of
/// Polars again for an engine whose purpose is comparison.
const NO_TIME_WINDOWS: &str =
    "the engine of expressions has no time windows: give a number of values, or use the kernel";

/// Temporary columns: a value that is null where it is missing, and how many of them the series has.
const OBSERVED: &str = "observed";
const OBSERVATIONS: &str = "observations";

/// Plans the outliers of some measurements, at least one: see [`outliers`](crate::plan::outliers).
pub(super) fn outliers(observations: &LazyFrame, measurements: &[String], test: &RollingTest) -> LazyFrame {
    let Window::Rows(window) = test.window() else {
        return refuse(observations, NO_TIME_WINDOWS.to_owned());
    };
    let of_each = measurements.iter().map(|name| outliers_of(observations, name, test, window));
    let tables = of_each.collect::<PolarsResult<Vec<_>>>();
    match tables.and_then(|tables| concat(tables, UnionArgs::default())) {
        Ok(found) => {
            let stable = SortMultipleOptions::default().with_maintain_order(true);
            found.sort([STATION_ID, TIMESTAMP, MEASUREMENT], stable)
        }
        Err(error) => refuse(observations, error.to_string()),
    }
}

/// A plan that fails with that message when its schema is resolved.
fn refuse(observations: &LazyFrame, why: String) -> LazyFrame {
    let again = why.clone();
    let refusal = col(STATION_ID).map(
        move |_| polars_bail!(InvalidOperation: "{why}"),
        move |_, _| polars_bail!(InvalidOperation: "{again}"),
    );
    observations.clone().select([refusal])
}

/// Plans the outliers of one measurement, with windows of `window_size` rows.
fn outliers_of(
    observations: &LazyFrame,
    measurement: &str,
    test: &RollingTest,
    window_size: usize,
) -> PolarsResult<LazyFrame> {
    let over_series = |expr: Expr| expr.over([col(STATION_ID)]);
    let window = |min_periods| RollingOptionsFixedWindow { window_size, min_periods, ..Default::default() };
    let population = Some(RollingFnParams::Var(RollingVarParams { ddof: 0 }));
    // The window ends before the current row unless it is included.
    let shift = i64::from(!test.include_current());
    let rolled = |expr: Expr| over_series(expr.shift(lit(shift)));
    let min_periods = test.min_periods();

    let mut filled = filled(observations, measurement, test)?;
    if let Some(FillLimit::Micros(micros)) = test.fill_limit() {
        let time =
            || col(TIMESTAMP).cast(DataType::Datetime(TimeUnit::Microseconds, None)).cast(DataType::Int64);
        let last = when(col(OBSERVED).is_not_null()).then(time()).otherwise(lit(NULL));
        let last = over_series(last.fill_null_with_strategy(FillNullStrategy::Forward(None)))?;
        filled = filled.filter((time() - last).lt_eq(lit(micros)));
    }
    let value = col(VALUE);
    let deviation = value.clone() - col(ROLLING_MEAN);
    let min_std = lit(test.min_std().to_f64());
    let std = when(col(ROLLING_STD).gt(min_std.clone())).then(col(ROLLING_STD)).otherwise(min_std);
    // Polars keeps the degrees of freedom in a byte, so that they are taken off afterwards.
    let count = col(WINDOW_COUNT).cast(DataType::Float64);
    let divisor = (count.clone() / (count - lit(test.ddof() as f64))).sqrt();
    let std_options = RollingOptionsFixedWindow { fn_params: population, ..window(min_periods) };
    let mut found = filled
        .filter(value.clone().is_not_null().and(col(OBSERVATIONS).gt(lit(min_periods as i64))))
        .with_columns([
            rolled(value.clone().rolling_mean(window(min_periods)))?.alias(ROLLING_MEAN),
            rolled(value.clone().rolling_std(std_options))?.alias(ROLLING_STD),
            rolled(value.clone().is_not_null().cast(DataType::Float64).rolling_sum(window(1)))?
                .cast(DataType::Int64)
                .alias(WINDOW_COUNT),
            rolled(col(OBSERVED).is_null().cast(DataType::Float64).rolling_sum(window(1)))?
                .cast(DataType::Int64)
                .alias(WINDOW_FILLED),
        ])
        .with_column(col(ROLLING_STD) * divisor)
        .filter(
            deviation
                .clone()
                .abs()
                .gt(lit(test.threshold().to_f64()) * std.clone())
                .and(deviation.clone().abs().gt(lit(MEAN_ROUNDING) * value.abs())),
        );
    if !test.test_filled() {
        found = found.filter(col(OBSERVED).is_not_null());
    }
    Ok(found
        .with_columns([
            lit(measurement).alias(MEASUREMENT),
            (deviation / std).alias(ZSCORE),
            col(OBSERVED).is_null().alias(FILLED),
        ])
        .select(OUTLIER_COLUMNS.map(col)))
}

/// The keys, the observed values, the values filled for as many rows as the test allows, and the number of observed
/// values in the series.
fn filled(observations: &LazyFrame, measurement: &str, test: &RollingTest) -> PolarsResult<LazyFrame> {
    let limit = match test.fill_limit() {
        // More rows than a frame can have are no limit.
        Some(FillLimit::Rows(rows)) => IdxSize::try_from(rows).ok(),
        Some(FillLimit::Micros(_)) | None => None,
    };
    let observed = col(OBSERVED);
    let forward = FillNullStrategy::Forward(limit);
    Ok(observations
        .clone()
        .select([
            col(STATION_ID),
            col(TIMESTAMP),
            col(measurement).strict_cast(DataType::Float64).alias(OBSERVED),
        ])
        .with_column(
            when(observed.clone().is_finite()).then(observed.clone()).otherwise(lit(NULL)).alias(OBSERVED),
        )
        .with_columns([
            observed.clone().fill_null_with_strategy(forward).over([col(STATION_ID)])?.alias(VALUE),
            observed.count().over([col(STATION_ID)])?.alias(OBSERVATIONS),
        ]))
}
