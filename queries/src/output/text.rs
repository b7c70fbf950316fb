//! In: one record batch; out: its rows as CSV, TSV, NDJSON, or cells of text.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Error, Result, one_line};

/// The rows of a batch as printable text, one cell a column; a null is the text `null`.
pub(super) fn cells(batch: &RecordBatch, null: &str) -> Result<impl Iterator<Item = Result<Vec<String>>>> {
    let options = FormatOptions::default().with_display_error(false).with_null(null);
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).map_err(|e| no_text(&e)))
        .collect::<Result<Vec<_>>>()?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let texts = formatters.iter().map(|f| f.value(row).try_to_string().map_err(|e| no_text(&e)));
        rows.push(texts.map(|text| text.map(|text| printable(&text))).collect());
    }
    Ok(rows.into_iter())
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

/// Rows as lines of values with a separator between them; values that hold it are quoted, nulls are empty. The first line
/// holds the names where `header` says so.
pub(super) fn separated(batch: &RecordBatch, separator: u8, header: bool) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let flat = flatten(batch)?;
    let builder = arrow::csv::WriterBuilder::new().with_header(header).with_delimiter(separator);
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
