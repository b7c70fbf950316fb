//! Arrow IPC, which is Feather's second version: a file or a stream in, batches of the columns asked for out.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use isd_dataset::guard::guarded;

use super::arrow_check::{check_file, check_stream};
use super::leaves::Leaf;
use super::source::{Batches, TableFile, damaged};
use crate::{Error, Input, Result};

/// How a file begins.
pub const FILE_MAGIC: &[u8] = b"ARROW1";
/// How a stream begins: what stands before the length of every message.
pub const STREAM_MAGIC: &[u8] = &[0xff; 4];
/// How Feather's first version begins, which is another format.
pub const FEATHER_1_MAGIC: &[u8] = b"FEA1";
/// Name of the layout.
const LAYOUT: &str = "Arrow IPC";

/// An Arrow file or stream whose schema has been read.
pub struct ArrowFile {
    input: Input,
    stream: bool,
    schema: SchemaRef,
}

trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

impl ArrowFile {
    /// Reads the schema of a file, or of a stream.
    ///
    /// # Errors
    /// A file that cannot be opened or is damaged.
    pub fn open(input: &Input, stream: bool) -> Result<Self> {
        // First of all: the library reserves memory for the schema, too.
        let whole = content(input)?;
        let sizes = guarded(|| if stream { check_stream(whole) } else { check_file(whole) });
        sizes.map_err(|reason| damaged(input, LAYOUT, &reason))?;
        let start = content(input)?;
        let schema = if stream {
            guarded(|| StreamReader::try_new(start, None).map(|reader| reader.schema()))
        } else {
            guarded(|| FileReader::try_new(start, None).map(|reader| reader.schema()))
        };
        let schema = schema.map_err(|reason| damaged(input, LAYOUT, &reason))?;
        Ok(Self { input: input.clone(), stream, schema })
    }
}

fn content(input: &Input) -> Result<Box<dyn ReadSeek>> {
    if let Some(bytes) = input.memory() {
        return Ok(Box::new(Cursor::new(bytes.clone())));
    }
    let path = input.path();
    let io = |source| Error::Io { path: path.to_path_buf(), action: "cannot open", source };
    Ok(Box::new(BufReader::new(input.local().and_then(File::open).map_err(io)?)))
}

impl TableFile for ArrowFile {
    fn layout(&self) -> &'static str {
        LAYOUT
    }

    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn rows(&self) -> Option<u64> {
        None
    }

    fn batches(&self, columns: &[&Leaf]) -> Result<Batches, String> {
        let content = content(&self.input).map_err(|error| error.to_string())?;
        let fields = self.schema.fields().iter().enumerate();
        let read =
            fields.filter(|(_, field)| columns.iter().any(|leaf| leaf.path.first() == Some(field.name())));
        let read: Vec<usize> = read.map(|(place, _)| place).collect();
        if self.stream {
            Ok(checked(guarded(|| StreamReader::try_new(content, Some(read)))?))
        } else {
            Ok(checked(guarded(|| FileReader::try_new(content, Some(read)))?))
        }
    }
}

/// The batches of a reader, up to the first failure.
fn checked(mut reader: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static) -> Batches {
    let mut failed = false;
    Box::new(std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let next = guarded(|| reader.next().transpose()).transpose();
        failed = matches!(next, Some(Err(_)));
        next
    }))
}
