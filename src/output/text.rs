//! The outliers table as text: record batches in, CSV, NDJSON or an aligned table out.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::csv;
use arrow::datatypes::{DataType, Float64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::json;
use arrow::json::writer::LineDelimited;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use isd_converters::dataset::iso8601;

/// Writes a table as CSV: a header, times as ISO 8601 in UTC.
///
/// # Errors
/// The writer fails.
pub fn write_csv(out: impl Write, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), ArrowError> {
    let mut writer = csv::WriterBuilder::new().with_header(true).build(out);
    if batches.is_empty() {
        writer.write(&with_text_times(&RecordBatch::new_empty(Arc::clone(schema)))?)?;
    }
    for batch in batches {
        writer.write(&with_text_times(batch)?)?;
    }
    Ok(())
}

pub(super) fn write_ndjson(out: impl Write, batches: &[RecordBatch]) -> Result<(), ArrowError> {
    // Every line has every key.
    let mut writer = json::WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(out);
    for batch in batches {
        writer.write(&with_text_times(batch)?)?;
    }
    writer.finish()
}

/// The same rows with times as ISO 8601 text.
fn with_text_times(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if let Some(times) = column.as_primitive_opt::<TimestampMicrosecondType>() {
            let text: StringArray = times.iter().map(|time| time.map(iso8601)).collect();
            fields.push(field.as_ref().clone().with_data_type(DataType::Utf8));
            columns.push(Arc::new(text) as ArrayRef);
        } else {
            fields.push(field.as_ref().clone());
            columns.push(Arc::clone(column));
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// Writes a table for people: aligned columns, numbers to the right, doubles with four digits behind the point.
///
/// # Errors
/// The writer fails.
pub fn write_table(
    out: &mut impl Write,
    schema: &SchemaRef,
    batches: &[RecordBatch],
) -> Result<(), ArrowError> {
    let mut columns: Vec<Vec<String>> =
        schema.fields().iter().map(|field| vec![field.name().clone()]).collect();
    for batch in batches {
        let batch = with_text_times(batch)?;
        for (cells, column) in columns.iter_mut().zip(batch.columns()) {
            if let Some(doubles) = column.as_primitive_opt::<Float64Type>() {
                cells.extend(doubles.iter().map(|x| x.map_or_else(String::new, short)));
                continue;
            }
            let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
            cells.extend((0..column.len()).map(|row| formatter.value(row).to_string()));
        }
    }
    let widths: Vec<usize> = columns
        .iter()
        .map(|cells| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    for row in 0..columns.first().map_or(0, Vec::len) {
        let mut line = String::new();
        for ((cells, width), field) in columns.iter().zip(&widths).zip(schema.fields()) {
            let cell = &cells[row];
            let gap = if line.is_empty() { "" } else { "  " };
            if field.data_type().is_numeric() {
                let _ = write!(line, "{gap}{cell:>width$}");
            } else {
                let _ = write!(line, "{gap}{cell:<width$}");
            }
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// A double for people: at most four digits behind the point, none that say nothing.
fn short(x: f64) -> String {
    let text = format!("{x:.4}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').map_or_else(|| text.to_owned(), |whole| format!("{whole}.0"))
}
