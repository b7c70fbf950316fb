//! A table as one file: record batches in, a Parquet, CSV, Arrow or NDJSON file out.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use isd_dataset::output_file::OutputFile;

use super::error::OutputError;
use super::file_type::FileType;
use super::parquet::write_parquet;
use super::text::{write_csv, write_ndjson};

/// A file that a table will be written to. Dropped before [`TableFile::write`] is through, it leaves nothing behind.
#[derive(Debug)]
pub struct TableFile {
    path: PathBuf,
    file_type: FileType,
    file: OutputFile,
}

impl TableFile {
    /// Makes sure that the file can be written, before the long work starts.
    ///
    /// # Errors
    /// An extension that names no file type, a directory of that name, or a place where nothing can be written.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let file_type = FileType::of(path)?;
        let file = OutputFile::create(path).map_err(OutputError::of_file)?;
        Ok(Self { path: path.to_owned(), file_type, file })
    }

    /// What the table will be written as.
    #[must_use]
    pub fn file_type(&self) -> FileType {
        self.file_type
    }

    /// Writes the table under its final name; returns the file's size in bytes.
    ///
    /// # Errors
    /// A batch that is an error, a full disk, or a file that cannot be put in place.
    pub fn write(
        self,
        schema: &SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
        metadata: &[(String, String)],
    ) -> Result<u64, OutputError> {
        let Self { path, file_type, file } = self;
        let mut out = BufWriter::new(file.file());
        let written = match file_type {
            FileType::Parquet => {
                write_parquet(&mut out, schema, batches, metadata).map_err(|error| error.to_string())
            }
            FileType::Csv => write_csv(&mut out, schema, batches).map_err(|error| error.to_string()),
            FileType::Arrow => {
                write_arrow(&mut out, schema, batches, metadata).map_err(|error| error.to_string())
            }
            FileType::Ndjson => write_ndjson(&mut out, batches).map_err(|error| error.to_string()),
        };
        written.map_err(|reason| OutputError::Write { path: path.clone(), reason })?;
        out.flush().map_err(|source| OutputError::Io { path, action: "cannot write", source })?;
        drop(out);
        file.finish().map_err(OutputError::of_file)
    }
}

fn write_arrow(
    out: impl Write,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    metadata: &[(String, String)],
) -> Result<(), ArrowError> {
    let schema = Schema::clone(schema).with_metadata(metadata.iter().cloned().collect());
    let mut writer = FileWriter::try_new(out, &schema)?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.finish()
}
