//! In: record batches of one schema; out: their text as an aligned table, CSV or NDJSON.

use std::collections::HashSet;
use std::io::Write;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::UnicodeWidthStr;

use crate::error::{Error, Result, one_line};

/// Rows that an aligned table looks at before it settles the widths of its columns; a wider value that comes
/// later is still written whole.
const MEASURED_ROWS: usize = 10_000;

/// How a result is written. Times are ISO 8601 with their zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns aligned for people, numbers to the right, `null` where there is no value.
    Table,
    /// A header, then comma-separated values; a null is an empty field, a list or struct is its text.
    Csv,
    /// One JSON object a line; a null, and a NaN or infinity, which JSON does not have, is `null`.
    Ndjson,
}

/// Writes the batches of one result; nothing is held back but the head of an aligned table.
pub struct ResultWriter<W: Write> {
    out: W,
    schema: SchemaRef,
    format: Format,
    rows: u64,
    header_written: bool,
    head: Vec<RecordBatch>,
    head_rows: usize,
    /// Display widths of an aligned table's columns, once settled.
    widths: Option<Vec<usize>>,
}

impl<W: Write> ResultWriter<W> {
    /// A writer of batches of that schema.
    ///
    /// # Errors
    /// [`Error::Format`] when the format cannot hold a column: JSON objects have no two equal keys.
    pub fn new(out: W, schema: SchemaRef, format: Format) -> Result<Self> {
        if format == Format::Ndjson {
            let mut seen = HashSet::new();
            if let Some(twice) = schema.fields().iter().find(|f| !seen.insert(f.name())) {
                return Err(Error::Format {
                    column: twice.name().clone(),
                    found: "is there twice, and a JSON object cannot hold both".into(),
                    hint: Some(format!("rename one: `{} AS …`", twice.name())),
                });
            }
        }
        Ok(Self {
            out,
            schema,
            format,
            rows: 0,
            header_written: false,
            head: Vec::new(),
            head_rows: 0,
            widths: None,
        })
    }

    /// Writes the rows of one batch.
    ///
    /// # Errors
    /// [`Error::Output`] when it cannot be written, [`Error::Run`] when a value has no text.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        match self.format {
            Format::Csv => {
                self.out.write_all(&csv(batch, !self.header_written)?)?;
                self.header_written = true;
            }
            Format::Ndjson => self.out.write_all(&ndjson(batch)?)?,
            Format::Table if self.widths.is_some() => self.write_aligned(batch)?,
            Format::Table => {
                self.head_rows += batch.num_rows();
                self.head.push(batch.clone());
                if self.head_rows >= MEASURED_ROWS {
                    self.write_head()?;
                }
            }
        }
        Ok(())
    }

    /// Writes what was held back, and the header of a result without rows; returns the number of rows.
    ///
    /// # Errors
    /// As [`ResultWriter::write`].
    pub fn finish(mut self) -> Result<u64> {
        let has_columns = !self.schema.fields().is_empty();
        match self.format {
            Format::Table if self.widths.is_none() && has_columns => self.write_head()?,
            Format::Csv if !self.header_written && has_columns => {
                let empty = RecordBatch::new_empty(self.schema.clone());
                self.out.write_all(&csv(&empty, true)?)?;
            }
            _ => {}
        }
        self.out.flush()?;
        Ok(self.rows)
    }

    fn write_head(&mut self) -> Result<()> {
        let fields = self.schema.fields().clone();
        let names: Vec<String> = fields.iter().map(|f| printable(f.name())).collect();
        let mut widths: Vec<usize> = names.iter().map(|name| name.width()).collect();
        let head = std::mem::take(&mut self.head);
        for batch in &head {
            for row in cells(batch)? {
                for (width, cell) in widths.iter_mut().zip(&row?) {
                    *width = (*width).max(cell.width());
                }
            }
        }
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let mut text = String::new();
        align(&mut text, &names, &widths, &self.schema);
        align(&mut text, &rules, &widths, &self.schema);
        self.out.write_all(text.as_bytes())?;
        self.widths = Some(widths);
        for batch in &head {
            self.write_aligned(batch)?;
        }
        Ok(())
    }

    fn write_aligned(&mut self, batch: &RecordBatch) -> Result<()> {
        let widths = self.widths.as_deref().unwrap_or_default();
        let mut text = String::new();
        for row in cells(batch)? {
            align(&mut text, &row?, widths, &self.schema);
        }
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }
}

/// One line: numbers to the right, the rest to the left, two spaces between columns, none at the end.
fn align(text: &mut String, cells: &[String], widths: &[usize], schema: &Schema) {
    let start = text.len();
    for (column, ((cell, width), field)) in cells.iter().zip(widths).zip(schema.fields()).enumerate() {
        let padding = " ".repeat(width.saturating_sub(cell.width()));
        let right = field.data_type().is_numeric();
        text.push_str(if column == 0 { "" } else { "  " });
        text.push_str(if right { &padding } else { "" });
        text.push_str(cell);
        text.push_str(if right { "" } else { &padding });
    }
    let end = text.trim_end_matches(' ').len().max(start);
    text.truncate(end);
    text.push('\n');
}

/// The rows of a batch as printable text, one cell a column.
fn cells(batch: &RecordBatch) -> Result<impl Iterator<Item = Result<Vec<String>>>> {
    let options = FormatOptions::default().with_display_error(false).with_null("null");
    let formatters = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).map_err(|e| no_text(&e)))
        .collect::<Result<Vec<_>>>()?;
    Ok((0..batch.num_rows()).map(move |row| {
        let texts = formatters.iter().map(|f| f.value(row).try_to_string().map_err(|e| no_text(&e)));
        texts.map(|text| text.map(|text| printable(&text))).collect()
    }))
}

/// A value must not move the cursor, break the line or colour the terminal.
fn printable(text: &str) -> String {
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

fn csv(batch: &RecordBatch, header: bool) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let flat = flatten(batch)?;
    let mut writer = arrow::csv::WriterBuilder::new().with_header(header).build(&mut bytes);
    writer.write(&flat).map_err(|e| no_text(&e))?;
    drop(writer);
    Ok(bytes)
}

/// Lists and structs as their text: a CSV field holds nothing deeper.
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
        columns.push(std::sync::Arc::new(texts.collect::<Result<StringArray>>()?));
    }
    RecordBatch::try_new(std::sync::Arc::new(Schema::new(fields)), columns).map_err(|e| no_text(&e))
}

fn ndjson(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, arrow::json::writer::LineDelimited>(&mut bytes);
    writer.write(batch).and_then(|()| writer.finish()).map_err(|e| no_text(&e))?;
    drop(writer);
    Ok(bytes)
}

fn no_text(error: &ArrowError) -> Error {
    let found = format!("a value of the result cannot be written: {}", one_line(&error.to_string()));
    Error::Run { found, hint: Some("cast that column in the query: `CAST(… AS varchar)`".into()) }
}
