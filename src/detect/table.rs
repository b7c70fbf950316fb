//! The outliers table as Arrow: the plan's result in, a record batch out.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use isd_dataset::Error;
use polars::prelude::{DataFrame, PolarsResult, Series};
use polars_arrow::array::Utf8ViewArray;

use crate::detect::error::DetectError;
use crate::plan::table::OUTLIER_COLUMNS;

/// Arrow schema of the outliers table: [`OUTLIER_COLUMNS`], none of which is ever null.
#[must_use]
pub fn outliers_schema() -> SchemaRef {
    let types = [
        DataType::Utf8,
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Utf8,
        DataType::Float64,
        DataType::Float64,
        DataType::Float64,
        DataType::Float64,
        DataType::Int64,
        DataType::Boolean,
        DataType::Int64,
    ];
    let fields = OUTLIER_COLUMNS.iter().zip(types).map(|(name, dtype)| Field::new(*name, dtype, false));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A column of text of the outliers table, with other columns beside it or not.
///
/// # Errors
/// [`Error::Internal`] for a table without that column.
pub fn texts<'a>(table: &'a RecordBatch, column: &str) -> Result<&'a StringArray, Error> {
    let texts = table.column_by_name(column).and_then(|column| column.as_string_opt::<i32>());
    texts.ok_or_else(|| Error::internal(format!("a table of outliers without the texts {column}")))
}

/// Copies the plan's result, a table or one column of structs, to Arrow. Errors: a result that is no outliers table.
pub(super) fn to_batch(frame: &DataFrame) -> Result<RecordBatch, DetectError> {
    let schema = outliers_schema();
    let columns = schema.fields().iter().map(|field| {
        let name = field.name().as_str();
        let column = match frame.columns() {
            [found] if found.dtype().is_struct() => found.struct_()?.field_by_name(name)?,
            _ => frame.column(name)?.as_materialized_series().clone(),
        };
        if column.null_count() > 0 {
            let what = format!("{} nulls in the column {name} of the outliers", column.null_count());
            return Err(DetectError::from(Error::internal(what)));
        }
        Ok(to_arrow(&column, field.data_type())?)
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>, _>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// A column without nulls as an array of one of the types of [`outliers_schema`].
fn to_arrow(column: &Series, dtype: &DataType) -> PolarsResult<ArrayRef> {
    Ok(match dtype {
        DataType::Timestamp(..) => {
            let times = column.to_physical_repr();
            let times = TimestampMicrosecondArray::from_iter_values(times.i64()?.into_no_null_iter());
            Arc::new(times.with_timezone("UTC"))
        }
        DataType::Float64 => Arc::new(Float64Array::from_iter_values(column.f64()?.into_no_null_iter())),
        DataType::Int64 => Arc::new(Int64Array::from_iter_values(column.i64()?.into_no_null_iter())),
        DataType::Boolean => {
            // A null, of which there is none, would leave the column too short for the table.
            Arc::new(BooleanArray::from(column.bool()?.iter().flatten().collect::<Vec<bool>>()))
        }
        _ => {
            let column = column.str()?;
            let bytes = column.downcast_iter().map(Utf8ViewArray::total_bytes_len).sum();
            let mut texts = StringBuilder::with_capacity(column.len(), bytes);
            for text in column.downcast_iter().flat_map(Utf8ViewArray::values_iter) {
                texts.append_value(text);
            }
            Arc::new(texts.finish())
        }
    })
}
