//! Tables of any size put by: record batches in as they are found, the same in an order to be told out.
//!
//! Batches stay in memory up to a limit, and what comes behind lies in a temporary file without a name.

use std::env;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use isd_converters::Error;

/// Bytes in memory: some million outliers.
const LIMIT: usize = 128 << 20;

/// Record batches of one schema, put by.
#[derive(Debug)]
pub struct Spool {
    limit: usize,
    /// Bytes of the batches in memory.
    held: usize,
    batches: Vec<Place>,
    file: Option<File>,
    /// Bytes in the file.
    written: u64,
}

/// Where a batch is.
#[derive(Debug, Clone)]
enum Place {
    Memory(RecordBatch),
    /// As an Arrow stream of its own.
    File {
        at: u64,
        bytes: usize,
    },
}

impl Default for Spool {
    fn default() -> Self {
        Self::holding(LIMIT)
    }
}

impl Spool {
    /// An empty one that holds so many bytes in memory.
    #[must_use]
    pub fn holding(limit: usize) -> Self {
        Self { limit, held: 0, batches: Vec::new(), file: None, written: 0 }
    }

    /// Puts a batch by behind the others; gives its number.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn push(&mut self, batch: RecordBatch) -> Result<usize, Error> {
        let bytes = batch.get_array_memory_size();
        let place = if self.held + bytes <= self.limit {
            self.held += bytes;
            Place::Memory(batch)
        } else {
            let cannot = |source| Error::Io {
                path: env::temp_dir(),
                action: "cannot put outliers by in a temporary file",
                source,
            };
            self.write(&batch).map_err(cannot)?
        };
        self.batches.push(place);
        Ok(self.batches.len() - 1)
    }

    fn write(&mut self, batch: &RecordBatch) -> io::Result<Place> {
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
        let place = Place::File { at: self.written, bytes: stream.len() };
        let written = file.seek(SeekFrom::Start(self.written)).and_then(|_| file.write_all(&stream));
        self.file = Some(file);
        written?;
        self.written += stream.len() as u64;
        Ok(place)
    }

    /// Keeps the batches of these numbers, in this order; they are numbered anew.
    pub fn arrange(&mut self, order: impl IntoIterator<Item = usize>) {
        self.batches = order.into_iter().filter_map(|number| self.batches.get(number).cloned()).collect();
    }

    /// Forgets all batches.
    pub fn clear(&mut self) {
        *self = Self::holding(self.limit);
    }

    /// The batches in order.
    ///
    /// An item is an error where the temporary file cannot be read.
    pub fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone {
        self.batches.iter().map(|place| match *place {
            Place::Memory(ref batch) => Ok(batch.clone()),
            Place::File { at, bytes } => self.read(at, bytes),
        })
    }

    fn read(&self, at: u64, bytes: usize) -> Result<RecordBatch, ArrowError> {
        let mut stream = vec![0; bytes];
        if let Some(mut file) = self.file.as_ref() {
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut stream)?;
        }
        StreamReader::try_new(Cursor::new(stream), None)?
            .next()
            .unwrap_or_else(|| Err(ArrowError::IpcError("the temporary file lacks a batch".into())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch(rows: std::ops::Range<i64>) -> RecordBatch {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.clone().map(|i| i.to_string())));
        let numbers: ArrayRef = Arc::new(rows.map(|i| (i % 3 > 0).then_some(i)).collect::<Int64Array>());
        RecordBatch::try_from_iter([("text", texts), ("number", numbers)]).unwrap()
    }

    #[test]
    fn batches_come_back_in_the_order_asked_for_wherever_they_were() {
        let batches: Vec<RecordBatch> = (0..8).map(|i| batch(100 * i..100 * i + 10 * i)).collect();
        for limit in [0, 5000, usize::MAX] {
            let mut spool = Spool::holding(limit);
            for round in 0..2 {
                for (number, batch) in batches.iter().enumerate() {
                    assert_eq!(spool.push(batch.clone()).unwrap(), number, "round {round}");
                }
                let order = [3, 0, 7, 5];
                spool.arrange(order);
                let read = |spool: &Spool| spool.batches().collect::<Result<Vec<_>, _>>().unwrap();
                assert_eq!(read(&spool), order.map(|number| batches[number].clone()));
                // A second time, as a table is printed: widths first.
                assert_eq!(read(&spool).len(), 4);
                assert_eq!(spool.file.is_some(), limit < usize::MAX);
                spool.clear();
                assert!(read(&spool).is_empty());
            }
        }
    }
}
