//! Record batches that may be more than memory should hold: batches in as they are found, the same in a chosen order out.
//!
//! Batches stay in memory up to a limit. Those after it go to a temporary file without a name.

use std::env;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use isd_dataset::{Error, Result};

/// Bytes that are kept in memory unless another limit is given: some million outliers.
const MEMORY_BYTES: usize = 128 << 20;

/// Record batches of one schema, in memory or in a temporary file.
#[derive(Debug)]
pub struct Spool {
    /// Bytes that are kept in memory at most.
    limit: usize,
    /// Bytes of the batches in memory.
    held: usize,
    batches: Vec<Spooled>,
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
}

/// Where a batch is.
#[derive(Debug, Clone)]
enum Spooled {
    Memory(RecordBatch),
    /// In the file, as an Arrow stream of its own.
    File {
        start: u64,
        bytes: usize,
    },
}

impl Default for Spool {
    /// An empty spool that keeps 128 MiB in memory.
    fn default() -> Self {
        Self::with_limit(MEMORY_BYTES)
    }
}

impl Spool {
    /// An empty spool that keeps at most `limit` bytes in memory.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { limit, held: 0, batches: Vec::new(), file: None, written: 0 }
    }

    /// Appends a batch, and returns its number: 0 for the first.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn push(&mut self, batch: RecordBatch) -> Result<usize> {
        // Of a batch that is a part of a larger one, its own share.
        let own = |column: &ArrayRef| column.to_data().get_slice_memory_size();
        let bytes = batch.columns().iter().map(own).sum::<Result<usize, _>>();
        let bytes = bytes.map_err(|error| Error::internal(error.to_string()))?;
        let spooled = if self.held + bytes <= self.limit {
            self.held += bytes;
            Spooled::Memory(batch)
        } else {
            let cannot =
                |source| Error::io(&env::temp_dir(), "cannot put outliers by in a temporary file", source);
            self.write(&batch).map_err(cannot)?
        };
        self.batches.push(spooled);
        Ok(self.batches.len() - 1)
    }

    /// Writes a batch to the end of the file.
    fn write(&mut self, batch: &RecordBatch) -> io::Result<Spooled> {
        let stream = || -> Result<Vec<u8>, ArrowError> {
            let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema())?;
            writer.write(batch)?;
            writer.into_inner()
        };
        let stream = stream().map_err(io::Error::other)?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile()?,
        };
        let start = self.written;
        let written = file.seek(SeekFrom::Start(start)).and_then(|_| file.write_all(&stream));
        self.file = Some(file);
        written?;
        self.written += stream.len() as u64;
        Ok(Spooled::File { start, bytes: stream.len() })
    }

    /// Keeps the batches of these numbers, in this order, and numbers them anew.
    ///
    /// # Errors
    /// [`Error::Internal`] for a number that no batch has.
    pub fn arrange(&mut self, order: impl IntoIterator<Item = usize>) -> Result<()> {
        let batch = |number: usize| {
            let absent = || Error::internal(format!("no batch {number} of {}", self.batches.len()));
            self.batches.get(number).cloned().ok_or_else(absent)
        };
        self.batches = order.into_iter().map(batch).collect::<Result<_>>()?;
        Ok(())
    }

    /// Removes all batches.
    pub fn clear(&mut self) {
        *self = Self::with_limit(self.limit);
    }

    /// The batches in order. An item is an error where the temporary file cannot be read.
    pub fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone {
        self.batches.iter().map(|spooled| match *spooled {
            Spooled::Memory(ref batch) => Ok(batch.clone()),
            Spooled::File { start, bytes } => self.read(start, bytes),
        })
    }

    /// Reads the batch whose stream has these bytes.
    fn read(&self, start: u64, bytes: usize) -> Result<RecordBatch, ArrowError> {
        let lacks = || ArrowError::IpcError("the temporary file lacks a batch".into());
        let mut file = self.file.as_ref().ok_or_else(lacks)?;
        let mut stream = vec![0; bytes];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut stream)?;
        StreamReader::try_new(Cursor::new(stream), None)?.next().ok_or_else(lacks)?
    }
}
