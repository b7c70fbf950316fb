//! One file of outliers: record batches in, a Parquet, CSV, Arrow or NDJSON file out.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use tempfile::NamedTempFile;

use super::parquet::write_parquet;
use super::text::{write_csv, write_ndjson};
use super::{Format, OutputError};
use isd_dataset::unfinished::Unfinished;

/// A file in the making: dropped before [`OutputFile::write`] is through, it leaves nothing behind.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    format: Format,
    file: NamedTempFile,
    unfinished: Unfinished,
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
        let unfinished = Unfinished::at(file.path());
        Ok(Self { path: path.to_owned(), format, file, unfinished })
    }

    /// What the table will be written as.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
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
        let Self { path, format, file, unfinished } = self;
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
        drop(unfinished);
        Ok(bytes)
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
