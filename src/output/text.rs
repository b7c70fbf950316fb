//! The outliers table as text: record batches in, CSV, NDJSON or an aligned table out.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::csv;
use arrow::datatypes::{DataType, FieldRef, Float64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::json;
use arrow::json::writer::{LineDelimited, NullableEncoder, make_encoder};
use arrow::json::{Encoder, EncoderFactory, EncoderOptions};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use isd_dataset::time::iso8601;

/// Writes a table as CSV: a header, times as ISO 8601 in UTC.
///
/// # Errors
/// A batch that is an error, or the writer fails.
pub fn write_csv(
    out: impl Write,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<(), ArrowError> {
    let mut writer = csv::WriterBuilder::new().with_header(true).build(out);
    // The header, even where there are no rows.
    writer.write(&with_text_times(&RecordBatch::new_empty(Arc::clone(schema)))?)?;
    for batch in batches {
        writer.write(&with_text_times(&batch?)?)?;
    }
    Ok(())
}

/// Writes a table as one JSON object a line, in which a null is written as such; times as ISO 8601 in UTC, infinities, for
/// which JSON has no number, as the texts `inf` and `-inf`.
/// Errors: a batch that is an error, or the writer fails.
pub(super) fn write_ndjson(
    out: impl Write,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<(), ArrowError> {
    let builder = json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.with_encoder_factory(Arc::new(Infinities)).build::<_, LineDelimited>(out);
    for batch in batches {
        writer.write(&with_text_times(&batch?)?)?;
    }
    writer.finish()
}

/// Has infinite doubles written as texts.
#[derive(Debug)]
struct Infinities;

impl EncoderFactory for Infinities {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        // Those that are handed in would lead back here.
        static USUAL: LazyLock<EncoderOptions> = LazyLock::new(EncoderOptions::default);
        let Some(values) = array.as_primitive_opt::<Float64Type>() else { return Ok(None) };
        let finite = make_encoder(field, array, &USUAL)?;
        Ok(Some(NullableEncoder::new(Box::new(Doubles { values, finite }), values.nulls().cloned())))
    }
}

struct Doubles<'a> {
    values: &'a Float64Array,
    finite: NullableEncoder<'a>,
}

impl Encoder for Doubles<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        match self.values.value(row) {
            f64::INFINITY => out.extend(b"\"inf\""),
            f64::NEG_INFINITY => out.extend(b"\"-inf\""),
            _ => self.finite.encode(row, out),
        }
    }
}

/// The batch with its times as ISO 8601 text in UTC.
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

/// Writes a table for people: aligned columns, numbers to the right, doubles with at most four digits after the point.
/// The batches are read twice: first for the widths of the columns.
///
/// # Errors
/// A batch that is an error, or the writer fails.
pub fn write_table(
    out: &mut impl Write,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone,
) -> Result<(), ArrowError> {
    let header: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut widths: Vec<usize> = header.iter().map(|name| name.chars().count()).collect();
    for batch in batches.clone() {
        for (cells, width) in cells(&batch?)?.iter().zip(&mut widths) {
            *width = cells.iter().map(|cell| cell.chars().count()).fold(*width, usize::max);
        }
    }
    let line = |row: &mut dyn Iterator<Item = &String>| {
        let mut line = String::new();
        for ((cell, width), field) in row.zip(&widths).zip(schema.fields()) {
            let gap = if line.is_empty() { "" } else { "  " };
            if field.data_type().is_numeric() {
                let _ = write!(line, "{gap}{cell:>width$}");
            } else {
                let _ = write!(line, "{gap}{cell:<width$}");
            }
        }
        line.truncate(line.trim_end().len());
        line
    };
    writeln!(out, "{}", line(&mut header.iter()))?;
    for batch in batches {
        let batch = batch?;
        let cells = cells(&batch)?;
        for row in 0..batch.num_rows() {
            writeln!(out, "{}", line(&mut cells.iter().map(|cells| &cells[row])))?;
        }
    }
    Ok(())
}

/// The cells of a table for people, column by column.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    let columns = with_text_times(batch)?;
    let columns = columns.columns().iter().map(|column| {
        if let Some(doubles) = column.as_primitive_opt::<Float64Type>() {
            return Ok(doubles.iter().map(|x| x.map_or_else(String::new, short)).collect());
        }
        let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
        Ok((0..column.len()).map(|row| formatter.value(row).to_string()).collect())
    });
    columns.collect()
}

/// A double with at most four digits after the point, and at least one; without further zeros at its end.
fn short(x: f64) -> String {
    let text = format!("{x:.4}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').map_or_else(|| text.to_owned(), |whole| format!("{whole}.0"))
}
