//! Filled values and rolling statistics as Polars expressions: a column in, a column of as many rows out.

use std::fmt::Display;

use isd_kernel::{self as kernel, FillLimit, Rolling, Scratch, TimesError};
use polars::prelude::*;
use polars_arrow::bitmap::Bitmap;

use super::adapter::{groupwise, kernel_series, microseconds, only_chunk};
use super::boundaries::Boundaries;
use crate::plan::error::internal;

/// Fills the missing values of each series forward: see [`forward_fill`](kernel::forward_fill). `time` names the column
/// of times, which a limit in time needs.
///
/// Takes and gives Float64. Null, NaN and infinite values are missing; a row that stays missing is null.
///
/// ```
/// use isd::plan::kernel_expressions::{Boundaries, forward_fill};
/// use polars::prelude::*;
///
/// let frame = df!("station_id" => ["a", "a", "b"], "wind_speed_rate" => [Some(2.6), None, None])?;
/// let filled = forward_fill(col("wind_speed_rate"), Boundaries::Runs("station_id".into()), None, None);
/// let frame = frame.lazy().with_column(filled).collect()?;
/// assert_eq!(frame.column("wind_speed_rate")?.f64()?.to_vec(), [Some(2.6), Some(2.6), None]);
/// # Ok::<(), PolarsError>(())
/// ```
pub fn forward_fill(
    values: Expr,
    series: Boundaries,
    time: Option<PlSmallStr>,
    limit: Option<FillLimit>,
) -> Expr {
    let time = time.filter(|_| matches!(limit, Some(FillLimit::Micros(_))));
    column(values, series, time, "forward_fill", move |series, _, out| {
        kernel::forward_fill(series, limit, out)
    })
}

/// Takes the mean of each row's window, series by series: see [`rolling_mean`](kernel::rolling_mean). `time` names the
/// column of times, which a time window needs.
///
/// Takes and gives Float64. Null, NaN and infinite values are missing; a row without a mean is null.
///
/// ```
/// use isd::kernel::{Rolling, Window};
/// use isd::plan::kernel_expressions::{Boundaries, rolling_mean};
/// use polars::prelude::*;
///
/// let frame = df!("station_id" => ["a", "a", "a", "b"], "wind_speed_rate" => [0.1, 0.2, 0.6, 9.0])?;
/// let rolling = Rolling::builder().window(Window::Rows(3)).include_current(true).min_periods(2).build()?;
/// let mean = rolling_mean(col("wind_speed_rate"), Boundaries::Runs("station_id".into()), None, rolling);
/// let frame = frame.lazy().with_column(mean.alias("mean")).collect()?;
/// assert_eq!(frame.column("mean")?.f64()?.to_vec(), [None, Some(0.15), Some(0.3), None]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rolling_mean(values: Expr, series: Boundaries, time: Option<PlSmallStr>, rolling: Rolling) -> Expr {
    let time = time.filter(|_| rolling.needs_time());
    column(values, series, time, &format!("rolling_mean[{rolling}]"), move |series, scratch, out| {
        kernel::rolling_mean(series, &rolling, scratch, out)
    })
}

/// Takes the standard deviation of each row's window, series by series: see [`rolling_std`](kernel::rolling_std). `time`
/// names the column of times, which a time window needs.
///
/// Takes and gives Float64. Null, NaN and infinite values are missing; a row without a standard deviation is null.
///
/// ```
/// use isd::kernel::{Rolling, Window};
/// use isd::plan::kernel_expressions::{Boundaries, rolling_std};
/// use polars::prelude::*;
///
/// let frame = df!("wind_speed_rate" => [0.1, 0.3, 0.3, 0.3])?;
/// let rolling = Rolling::builder().window(Window::Rows(2)).build()?;
/// let std = rolling_std(col("wind_speed_rate"), Boundaries::Lengths([4].into()), None, rolling);
/// let frame = frame.lazy().select([std]).collect()?;
/// assert_eq!(frame.column("wind_speed_rate")?.f64()?.to_vec(), [None, None, Some(0.1), Some(0.0)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rolling_std(values: Expr, series: Boundaries, time: Option<PlSmallStr>, rolling: Rolling) -> Expr {
    let time = time.filter(|_| rolling.needs_time());
    column(values, series, time, &format!("rolling_std[{rolling}]"), move |series, scratch, out| {
        kernel::rolling_std(series, &rolling, scratch, out)
    })
}

/// An expression that runs `compute` over every series. `compute` appends one number a row, NaN where the row has none;
/// the expression gives null there.
fn column(
    values: Expr,
    series: Boundaries,
    time: Option<PlSmallStr>,
    name: &str,
    compute: impl Fn(kernel::Series<'_>, &mut Scratch, &mut Vec<f64>) -> Result<(), TimesError>
    + Send
    + Sync
    + 'static,
) -> Expr {
    let timed = time.is_some();
    let inputs = std::iter::once(values).chain(series.column()).chain(time.map(col));
    let inputs: Vec<Expr> = inputs.collect();
    let compute = move |inputs: &mut [Column]| {
        let Some((values, rest)) = inputs.split_first() else {
            return Err(internal("a rolling expression got no column"));
        };
        let failed = |error: &dyn Display| polars_err!(ComputeError: "{}: {error}", values.name());
        let (keys, time) = rest.split_at(rest.len() - usize::from(timed));
        let lengths = series.lengths(keys.first())?;
        let times = time.first().map(microseconds).transpose()?;
        let times = times.as_ref().map(|times| times.cont_slice()).transpose()?;
        let rechunked = values.as_materialized_series().rechunk();
        let array = only_chunk(rechunked.f64()?)?;
        let whole = kernel_series(array, times).map_err(|error| failed(&error))?;
        let mut out = Vec::with_capacity(values.len());
        let mut scratch = Scratch::default();
        for (_, series) in whole.split(&lengths).map_err(|error| failed(&error))? {
            compute(series, &mut scratch, &mut out).map_err(|error| failed(&error))?;
        }
        let valid: Bitmap = out.iter().map(|value| !value.is_nan()).collect();
        let valid = Some(valid).filter(|valid| valid.unset_bits() > 0);
        Ok(Float64Chunked::from_vec_validity(values.name().clone(), out, valid).into_column())
    };
    let field = |_: &Schema, inputs: &[Field]| match inputs.first() {
        Some(values) => Ok(Field::new(values.name().clone(), DataType::Float64)),
        None => Err(internal("a rolling expression got no field")),
    };
    groupwise(compute, inputs, field, name)
}
