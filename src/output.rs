//! The outliers table on its way out: record batches in, a Parquet, CSV, Arrow or NDJSON file or text out.
//!
//! A file is written beside its final name and renamed when complete.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::csv::WriterBuilder;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use arrow::json::LineDelimitedWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use isd_converters::dataset::iso8601;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

/// What a table is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.parquet`: zstd, with the metadata as key-value pairs.
    Parquet,
    /// `.csv`: a header, times as ISO 8601 in UTC, infinite z-scores as `inf`.
    Csv,
    /// `.arrow`: an Arrow IPC file, with the metadata in its schema.
    Arrow,
    /// `.ndjson`: one JSON object a line; JSON has no infinity, so that an infinite z-score is null.
    Ndjson,
}

/// Why a table could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The extension names no format.
    #[error("{}: expected a name that ends in .parquet, .csv, .arrow or .ndjson", .0.display())]
    Extension(PathBuf),
    /// The file cannot be created or put in place.
    #[error("{}: {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The rows cannot be written.
    #[error("{}: cannot write: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        reason: String,
    },
}

impl Format {
    /// The format that a file's extension names.
    ///
    /// # Errors
    /// No extension, or another one.
    pub fn of(path: &Path) -> Result<Self, OutputError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("parquet") => Ok(Self::Parquet),
            Some("csv") => Ok(Self::Csv),
            Some("arrow") => Ok(Self::Arrow),
            Some("ndjson") => Ok(Self::Ndjson),
            _ => Err(OutputError::Extension(path.to_owned())),
        }
    }
}

/// A file in the making: dropped before [`OutputFile::write`] is through, it leaves nothing behind.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    format: Format,
    file: NamedTempFile,
}

impl OutputFile {
    /// Makes sure that the file can be written, before the long work starts.
    ///
    /// # Errors
    /// An extension that names no format, a directory of that name, or a place where nothing can be written.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let format = Format::of(path)?;
        let failed = |source| OutputError::Io { path: path.to_owned(), action: "cannot create", source };
        if path.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".isd-").suffix(".tmp");
        // A temporary file is for its owner's eyes only; a result is for everyone whom the umask lets in.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(parent).map_err(failed)?;
        Ok(Self { path: path.to_owned(), format, file })
    }

    /// What the table will be written as.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes the table under its final name; returns the file's size in bytes.
    ///
    /// # Errors
    /// The disk is full, or the file cannot be put in place.
    pub fn write(
        self,
        schema: &SchemaRef,
        batches: &[RecordBatch],
        metadata: &[(String, String)],
    ) -> Result<u64, OutputError> {
        let Self { path, format, file } = self;
        let io = |action, source| OutputError::Io { path: path.clone(), action, source };
        let fail = |reason: String| OutputError::Write { path: path.clone(), reason };
        let mut out = BufWriter::new(file.as_file());
        match format {
            Format::Parquet => {
                write_parquet(&mut out, schema, batches, metadata).map_err(|e| fail(e.to_string()))?;
            }
            Format::Csv => write_csv(&mut out, schema, batches).map_err(|e| fail(e.to_string()))?,
            Format::Arrow => {
                write_arrow(&mut out, schema, batches, metadata).map_err(|e| fail(e.to_string()))?;
            }
            Format::Ndjson => write_ndjson(&mut out, batches).map_err(|e| fail(e.to_string()))?,
        }
        out.flush().map_err(|source| io("cannot write", source))?;
        drop(out);
        file.as_file().sync_all().map_err(|source| io("cannot write", source))?;
        let bytes = file.as_file().metadata().map_err(|source| io("cannot write", source))?.len();
        file.persist(&path).map_err(|error| io("cannot put in place", error.error))?;
        Ok(bytes)
    }
}

fn write_parquet(
    out: impl Write + Send,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    metadata: &[(String, String)],
) -> Result<(), ParquetError> {
    let pairs = metadata.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(pairs))
        .build();
    let mut writer = ArrowWriter::try_new(out, Arc::clone(schema), Some(properties))?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(())
}

fn write_arrow(
    out: impl Write,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    metadata: &[(String, String)],
) -> Result<(), ArrowError> {
    let schema = Schema::clone(schema).with_metadata(metadata.iter().cloned().collect());
    let mut writer = FileWriter::try_new(out, &schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish()
}

/// Writes a table as CSV: a header, times as ISO 8601 in UTC.
///
/// # Errors
/// The writer fails.
pub fn write_csv(out: impl Write, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), ArrowError> {
    let mut writer = WriterBuilder::new().with_header(true).build(out);
    if batches.is_empty() {
        writer.write(&with_text_times(&RecordBatch::new_empty(Arc::clone(schema)))?)?;
    }
    for batch in batches {
        writer.write(&with_text_times(batch)?)?;
    }
    Ok(())
}

fn write_ndjson(out: impl Write, batches: &[RecordBatch]) -> Result<(), ArrowError> {
    let mut writer = LineDelimitedWriter::new(out);
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
            if let Some(doubles) = column.as_primitive_opt::<arrow::datatypes::Float64Type>() {
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
