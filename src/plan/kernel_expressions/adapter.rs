//! What all kernel expressions share: arrays of Polars in, series of the kernel out; and the groupwise expression.

use isd_kernel::{self as kernel, LengthError, Validity};
use polars::prelude::*;
use polars_arrow::array::PrimitiveArray;
use polars_arrow::bitmap::Bitmap;

use crate::plan::error::internal;

/// An expression that sees all rows of its inputs at once; `name` is what a printed plan calls it.
pub(super) fn groupwise(
    compute: impl Fn(&mut [Column]) -> PolarsResult<Column> + Send + Sync + 'static,
    inputs: Vec<Expr>,
    field: impl Fn(&Schema, &[Field]) -> PolarsResult<Field> + Send + Sync + 'static,
    name: &str,
) -> Expr {
    let mut expr = apply_multiple(compute, inputs, field, false);
    if let Expr::AnonymousFunction { fmt_str, .. } = &mut expr {
        **fmt_str = name.into();
    }
    expr
}

/// The one array of a column that has been rechunked.
pub(super) fn only_chunk<T: PolarsDataType>(column: &ChunkedArray<T>) -> PolarsResult<&T::Array> {
    let mut chunks = column.downcast_iter();
    match (chunks.next(), chunks.next()) {
        (Some(chunk), None) => Ok(chunk),
        _ => Err(internal(format!("{} has {} chunks", column.name(), column.chunks().len()))),
    }
}

/// The array as a series of the kernel, with `times` in microseconds. Nulls stay missing.
/// Errors: another number of times than of values.
pub(super) fn kernel_series<'a>(
    array: &'a PrimitiveArray<f64>,
    times: Option<&'a [i64]>,
) -> Result<kernel::Series<'a>, LengthError> {
    let series = kernel::Series::new(array.values().as_slice());
    series.with_validity(validity_of(array.validity())?)?.with_times(times)
}

/// The bitmap as the kernel takes it.
pub(super) fn validity_of(bitmap: Option<&Bitmap>) -> Result<Option<Validity<'_>>, LengthError> {
    let Some(bitmap) = bitmap else { return Ok(None) };
    let (bytes, offset, len) = bitmap.as_slice();
    Validity::new(bytes, offset, len).map(Some)
}

/// Times as microseconds since 1970 in one chunk. Errors: a column that holds no times, or a null.
pub(super) fn microseconds(time: &Column) -> PolarsResult<Int64Chunked> {
    let zone = match time.dtype() {
        DataType::Datetime(_, zone) => zone.clone(),
        found => polars_bail!(ComputeError: "{}: expected times, found {found}", time.name()),
    };
    let times = time.cast(&DataType::Datetime(TimeUnit::Microseconds, zone))?;
    let times = times.as_materialized_series().rechunk();
    polars_ensure!(times.null_count() == 0, ComputeError: "{}: holds missing times", time.name());
    Ok(times.to_physical_repr().i64()?.clone())
}
