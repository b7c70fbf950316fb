//! In: record batches of one schema; out: their rows in one of ten formats.

mod aligned;
mod marked;
mod text;

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use self::aligned::Aligned;
use self::marked::Marks;
use self::text::{Separated, ndjson, no_text, printable, separated};
use crate::error::{Error, Result, one_line};

/// How a result is written. Times in text are ISO 8601 with their zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns aligned for people, numbers to the right; a null is `null`.
    Table,
    /// A header, then comma-separated values; a null is an empty field, a list or struct is its text.
    Csv,
    /// A header, then values with tabs between them; otherwise as [`Format::Csv`].
    Tsv,
    /// An array of JSON objects; a null, and a NaN or infinity, which JSON does not have, is `null`.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// A table in Markdown; a null is an empty cell.
    Markdown,
    /// A table in LaTeX, which needs no package; a null is an empty cell.
    Latex,
    /// A Parquet file, compressed with zstd.
    Parquet,
    /// An Arrow IPC file.
    Arrow,
    /// CSV that Excel opens as it is: it begins with the mark of UTF-8, and times in UTC are `2017-09-10 12:00:00`, which Excel
    /// takes for times.
    Excel,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::Table,
        Self::Csv,
        Self::Tsv,
        Self::Json,
        Self::Ndjson,
        Self::Markdown,
        Self::Latex,
        Self::Parquet,
        Self::Arrow,
        Self::Excel,
    ];

    /// The format's name, which is also the extension of its files but for `md`, `tex` and `txt`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Markdown => "markdown",
            Self::Latex => "latex",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Excel => "excel",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that a file's extension names, before `.gz` where it is text.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "gz" => Self::of(Path::new(path.file_stem()?)).filter(|format| !format.is_binary()),
            "txt" => Some(Self::Table),
            "md" => Some(Self::Markdown),
            "tex" => Some(Self::Latex),
            "jsonl" => Some(Self::Ndjson),
            "table" | "markdown" | "latex" | "excel" => None,
            name => Self::named(name),
        }
    }

    /// Whether a result can follow another in one file or on one screen.
    #[must_use]
    pub fn holds_several_results(self) -> bool {
        !self.is_binary() && self != Self::Json
    }

    /// Whether it is binary: a terminal cannot show it, and a file holds one result.
    #[must_use]
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }
}

/// A screen that a table is written on: cut to its size, with numbers rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Characters in a line.
    pub width: usize,
    /// How many rows are shown of a result; all where none.
    pub rows: Option<usize>,
    /// What the user types to see all rows.
    pub more: &'static str,
}

/// Writes the batches of one result as they come; only the first rows of an aligned table and a Parquet row group wait in
/// memory.
pub struct ResultWriter<W: Write + Send> {
    schema: SchemaRef,
    rows: u64,
    body: Body<W>,
}

/// A format's own state, with the output.
enum Body<W: Write + Send> {
    Table(W, Aligned),
    /// A plan that `explain` shows, line by line.
    Plan(W),
    Separated {
        out: W,
        style: Separated,
        header_written: bool,
    },
    Json {
        out: W,
        started: bool,
    },
    Ndjson(W),
    Marked {
        out: W,
        marks: Marks,
        header_written: bool,
    },
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<FileWriter<W>>),
}

impl<W: Write + Send> ResultWriter<W> {
    /// A writer of batches of that schema. A table is cut to `screen`, where given.
    ///
    /// # Errors
    /// [`Error::Format`] when the format cannot hold a column: JSON objects have no two equal keys.
    pub fn new(out: W, schema: &SchemaRef, format: Format, screen: Option<Screen>) -> Result<Self> {
        let schema = plain(schema);
        if matches!(format, Format::Ndjson | Format::Json | Format::Parquet) {
            let mut seen = HashSet::new();
            if let Some(twice) = schema.fields().iter().find(|f| !seen.insert(f.name())) {
                return Err(Error::Format {
                    column: twice.name().clone(),
                    found: "is there twice, and the format cannot hold both".into(),
                    hint: Some(format!("rename one: `{} AS …`", twice.name())),
                });
            }
        }
        let body = match format {
            Format::Table if is_plan(&schema) => Body::Plan(out),
            Format::Table => Body::Table(out, Aligned::new(schema.clone(), screen)),
            Format::Csv => Body::Separated { out, style: Separated::Commas, header_written: false },
            Format::Excel => Body::Separated { out, style: Separated::Excel, header_written: false },
            Format::Tsv => Body::Separated { out, style: Separated::Tabs, header_written: false },
            Format::Json => Body::Json { out, started: false },
            Format::Ndjson => Body::Ndjson(out),
            Format::Markdown => Body::Marked { out, marks: Marks::Markdown, header_written: false },
            Format::Latex => Body::Marked { out, marks: Marks::Latex, header_written: false },
            Format::Parquet => {
                let level = ZstdLevel::try_new(3).map_err(|e| failed(&e))?;
                let properties =
                    WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
                let writer = ArrowWriter::try_new(out, schema.clone(), Some(properties));
                Body::Parquet(Box::new(writer.map_err(|e| failed(&e))?))
            }
            Format::Arrow => {
                let writer = FileWriter::try_new(out, &schema).map_err(|e| failed(&e.into()))?;
                Body::Arrow(Box::new(writer))
            }
        };
        Ok(Self { schema, rows: 0, body })
    }

    /// Writes the rows of one batch.
    ///
    /// # Errors
    /// [`Error::Output`] when it cannot be written, [`Error::Run`] when a value does not fit the format.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        let batch = &as_plain(batch, &self.schema)?;
        match &mut self.body {
            Body::Table(out, table) => out.write_all(table.write(batch)?.as_bytes())?,
            Body::Plan(out) => {
                let texts = |column: usize| batch.column(column).as_string_opt::<i32>();
                if let (Some(kinds), Some(plans)) = (texts(0), texts(1)) {
                    for (kind, plan) in kinds.iter().flatten().zip(plans.iter().flatten()) {
                        let kind = kind.replace('_', " ");
                        writeln!(out, "{kind}:")?;
                        for line in plan.lines() {
                            writeln!(out, "  {}", printable(line))?;
                        }
                    }
                }
            }
            Body::Separated { out, style, header_written } => {
                out.write_all(&separated(batch, *style, !*header_written)?)?;
                *header_written = true;
            }
            Body::Json { out, started } => {
                // A line of NDJSON is an object: JSON text has no line breaks.
                for object in ndjson(batch)?.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    out.write_all(if *started { b",\n" } else { b"[\n" })?;
                    out.write_all(object)?;
                    *started = true;
                }
            }
            Body::Ndjson(out) => out.write_all(&ndjson(batch)?)?,
            Body::Marked { out, marks, header_written } => {
                if !*header_written {
                    out.write_all(marks.header(&self.schema).as_bytes())?;
                    *header_written = true;
                }
                out.write_all(marks.rows(batch)?.as_bytes())?;
            }
            Body::Parquet(writer) => writer.write(batch).map_err(|e| failed(&e))?,
            Body::Arrow(writer) => writer.write(batch).map_err(|e| failed(&e.into()))?,
        }
        Ok(())
    }

    /// Writes what waits in memory, and the header of a result without rows; returns the number of rows.
    ///
    /// # Errors
    /// As [`ResultWriter::write`].
    pub fn finish(self) -> Result<u64> {
        let has_columns = !self.schema.fields().is_empty();
        match self.body {
            Body::Table(mut out, table) => {
                out.write_all(table.finish()?.as_bytes())?;
                out.flush()?;
            }
            Body::Separated { mut out, style, header_written } => {
                if !header_written && has_columns {
                    let empty = RecordBatch::new_empty(self.schema.clone());
                    out.write_all(&separated(&empty, style, true)?)?;
                }
                out.flush()?;
            }
            Body::Json { mut out, started } => {
                if has_columns {
                    out.write_all(if started { b"\n]\n" } else { b"[]\n" })?;
                }
                out.flush()?;
            }
            Body::Ndjson(mut out) | Body::Plan(mut out) => out.flush()?,
            Body::Marked { mut out, marks, header_written } => {
                if has_columns {
                    if !header_written {
                        out.write_all(marks.header(&self.schema).as_bytes())?;
                    }
                    out.write_all(marks.footer().as_bytes())?;
                }
                out.flush()?;
            }
            Body::Parquet(writer) => writer.into_inner().map_err(|e| failed(&e))?.flush()?,
            Body::Arrow(mut writer) => {
                writer.finish().map_err(|e| failed(&e.into()))?;
                writer.into_inner().map_err(|e| failed(&e.into()))?.flush()?;
            }
        }
        Ok(self.rows)
    }
}

/// Whether a result is that of `explain`.
fn is_plan(schema: &Schema) -> bool {
    let columns = schema.fields().iter().map(|field| (field.name().as_str(), field.data_type()));
    columns.eq([("plan_type", &DataType::Utf8), ("plan", &DataType::Utf8)])
}

/// The schema in types that all tools know: string and binary views, which the engine makes, become strings and binary.
fn plain(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8View => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        DataType::BinaryView => Arc::new(field.as_ref().clone().with_data_type(DataType::Binary)),
        _ => field.clone(),
    });
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<Arc<Field>>>(), schema.metadata().clone()))
}

/// The batch with its columns cast to a schema that [`plain`] made.
fn as_plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            Ok(column.clone())
        } else {
            cast(column, field.data_type())
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|e| no_text(&e))?;
    // A batch without columns still has rows.
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(|e| no_text(&e))
}

/// Why a binary format could not be written: the output failed, or the format has no such type.
fn failed(error: &ParquetError) -> Error {
    let found = match error {
        ParquetError::External(source) => {
            if let Some(io) = source.downcast_ref::<std::io::Error>() {
                return Error::Output(std::io::Error::new(io.kind(), io.to_string()));
            }
            if let Some(ArrowError::IoError(text, io)) = source.downcast_ref() {
                return Error::Output(std::io::Error::new(io.kind(), text.clone()));
            }
            source.to_string()
        }
        other => other.to_string(),
    };
    let found = format!("a column of the result cannot be written: {}", one_line(&found));
    Error::Run { found, hint: Some("cast that column in the query: `CAST(… AS varchar)`".into()) }
}
