//! In: one record batch; out: its rows as CSV, TSV, NDJSON, or cells of text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Error, Result, one_line};

/// The rows of a batch as printable text, one cell a column; a null is the text `null`. With `for_eyes`, numbers are rounded as
/// [`rounded`] has it.
pub(super) fn cells(
    batch: &RecordBatch,
    null: &str,
    for_eyes: bool,
) -> Result<impl Iterator<Item = Result<Vec<String>>>> {
    let options = FormatOptions::default().with_display_error(false).with_null(null);
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).map_err(|e| no_text(&e)))
        .collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    let is_double = |column: &ArrayRef| for_eyes && *column.data_type() == DataType::Float64;
    let doubles: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| is_double(column).then(|| column.as_primitive::<Float64Type>()))
        .collect();
    for row in 0..batch.num_rows() {
        let texts = formatters.iter().zip(&doubles).map(|(formatter, doubles)| match doubles {
            Some(doubles) if doubles.is_valid(row) => Ok(rounded(doubles.value(row))),
            _ => formatter.value(row).try_to_string().map_err(|e| no_text(&e)),
        });
        rows.push(texts.map(|text| text.map(|text| printable(&text))).collect());
    }
    Ok(rows.into_iter())
}

/// A double with at most four digits after the point, and at least one; without further zeros at its end. One that would have
/// none but zeros, or is very large, is written with an exponent.
fn rounded(x: f64) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    if x != 0.0 && !(5e-5..1e15).contains(&x.abs()) {
        return format!("{x:.4e}");
    }
    let text = format!("{x:.4}");
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

/// The text with control characters escaped: a value must not move the cursor, break the line or colour the terminal.
pub(super) fn printable(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// How lines of values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separated {
    Commas,
    Tabs,
    /// With commas, as Excel wants them.
    Excel,
}

/// Rows as lines of values; values that hold the separator are quoted, nulls are empty. The first line holds the names where
/// `header` says so.
pub(super) fn separated(batch: &RecordBatch, style: Separated, header: bool) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let flat = flatten(batch)?;
    let mut builder = arrow::csv::WriterBuilder::new().with_header(header);
    if style == Separated::Tabs {
        builder = builder.with_delimiter(b'\t');
    }
    if style == Separated::Excel {
        let time = "%Y-%m-%d %H:%M:%S%.f".to_owned();
        builder = builder.with_timestamp_format(time.clone()).with_timestamp_tz_format(time);
        if header {
            // The mark of UTF-8, without which Excel takes text for one of its own encodings.
            bytes.extend("\u{feff}".as_bytes());
        }
    }
    let mut writer = builder.build(&mut bytes);
    writer.write(&flat).map_err(|e| no_text(&e))?;
    drop(writer);
    Ok(bytes)
}

/// The batch with lists and structs as their text, since a CSV field holds one value.
fn flatten(batch: &RecordBatch) -> Result<RecordBatch> {
    if !batch.schema().fields().iter().any(|f| f.data_type().is_nested()) {
        return Ok(batch.clone());
    }
    let options = FormatOptions::default().with_display_error(false);
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if !field.data_type().is_nested() {
            fields.push(field.as_ref().clone());
            columns.push(column.clone());
            continue;
        }
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options).map_err(|e| no_text(&e))?;
        let texts = (0..column.len()).map(|row| {
            let present = !column.is_null(row);
            present.then(|| formatter.value(row).try_to_string().map_err(|e| no_text(&e))).transpose()
        });
        fields.push(Field::new(field.name(), DataType::Utf8, true));
        columns.push(Arc::new(texts.collect::<Result<StringArray>>()?));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|e| no_text(&e))
}

/// One JSON object a line; a null is `null`.
pub(super) fn ndjson(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, arrow::json::writer::LineDelimited>(&mut bytes);
    writer.write(batch).and_then(|()| writer.finish()).map_err(|e| no_text(&e))?;
    drop(writer);
    Ok(bytes)
}

/// A value that has no text in the format.
pub(super) fn no_text(error: &ArrowError) -> Error {
    let found = format!("a value of the result cannot be written: {}", one_line(&error.to_string()));
    Error::Run { found, hint: Some("cast that column in the query: `CAST(… AS varchar)`".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_rounded_for_eyes() {
        for (x, text) in [
            (20.0, "20.0"),
            (18.520_000_000_000_003, "18.52"),
            (-0.123_456, "-0.1235"),
            (0.0, "0.0"),
            (0.000_01, "1.0000e-5"),
            (123_456_789.5, "123456789.5"),
            (1e300, "1.0000e300"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(rounded(x), text);
        }
    }
}
