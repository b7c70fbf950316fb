//! Sorting what may be larger than memory: batches in, segments of sorted rows out, in memory or on disk.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt32Type};
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use rayon::prelude::*;

use super::rows_in_memory::{RowsInMemory, StationNumbers};
use crate::{Batch, Error, Result};

/// Bytes of a segment that are read at a time, about.
pub(super) const FRAME_BYTES: usize = 128 << 10;

/// Collects rows up to a limit, and writes them to disk as a sorted segment when there are more.
pub(super) struct Sorter {
    stations: StationNumbers,
    columns: usize,
    memory: usize,
    /// Rows that are held in memory at most.
    limit: usize,
    rows: RowsInMemory,
    segments: Vec<Segment>,
    scratch: Scratch,
}

/// What a [`Sorter`] gives.
pub(super) struct Sorted {
    pub(super) stations: StationNumbers,
    pub(super) columns: usize,
    /// Bytes that merging may take.
    pub(super) memory: usize,
    /// In the order in which their rows came.
    pub(super) segments: Vec<Segment>,
    pub(super) spilled_bytes: u64,
    pub(super) scratch: Scratch,
}

/// Rows in order.
pub(super) enum Segment {
    /// Rows, and the order in which they are to be taken.
    Memory { rows: RowsInMemory, order: Vec<u32> },
    /// One file after another.
    Disk(Vec<PathBuf>),
}

/// The directory of the segments, removed with all that is left in it.
pub(super) struct Scratch {
    directory: PathBuf,
    made: bool,
    files: usize,
}

impl Sorter {
    pub(super) fn new(columns: usize, memory: usize, scratch: &Path) -> Self {
        let limit = (memory / RowsInMemory::row_bytes(columns)).clamp(1, u32::MAX as usize);
        Self {
            stations: StationNumbers::default(),
            columns,
            memory,
            limit,
            rows: RowsInMemory::with_capacity(columns, limit),
            segments: Vec::new(),
            scratch: Scratch { directory: scratch.to_owned(), made: false, files: 0 },
        }
    }

    /// Copies the rows of the next batch.
    ///
    /// # Errors
    /// A segment that cannot be written.
    pub(super) fn push(&mut self, batch: &Batch) -> Result<()> {
        let mut start = 0;
        while start < batch.rows() {
            let taken = (batch.rows() - start).min(self.limit - self.rows.len());
            self.rows.extend(batch, start, taken, &mut self.stations);
            start += taken;
            if self.rows.len() == self.limit {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// All rows, the last of them in memory.
    pub(super) fn finish(mut self) -> Sorted {
        let order = self.rows.order(&self.stations.ranks());
        self.segments.push(Segment::Memory { rows: self.rows, order });
        Sorted {
            stations: self.stations,
            columns: self.columns,
            memory: self.memory,
            spilled_bytes: self.scratch.bytes(),
            segments: self.segments,
            scratch: self.scratch,
        }
    }

    /// Writes the rows in memory as a segment.
    fn spill(&mut self) -> Result<()> {
        let order = self.rows.order(&self.stations.ranks());
        // Several threads write a piece each, of whole frames.
        let frame = frame_rows(self.columns);
        let piece = order.len().div_ceil(rayon::current_num_threads()).next_multiple_of(frame);
        let pieces: Vec<(&[u32], PathBuf)> =
            order.chunks(piece).map(|piece| Ok((piece, self.scratch.file()?))).collect::<Result<_>>()?;
        pieces.par_iter().with_max_len(1).try_for_each(|(piece, path)| {
            let mut writer = SegmentWriter::create(path, self.columns)?;
            piece.chunks(frame).try_for_each(|frame| writer.write(self.rows.pick(frame)))?;
            writer.finish()
        })?;
        self.segments.push(Segment::Disk(pieces.into_iter().map(|(_, path)| path).collect()));
        self.rows.clear();
        Ok(())
    }
}

impl Scratch {
    /// A new file's path.
    pub(super) fn file(&mut self) -> Result<PathBuf> {
        if !self.made {
            fs::create_dir_all(&self.directory).map_err(|source| Error::Io {
                path: self.directory.clone(),
                action: "cannot create directory",
                source,
            })?;
            self.made = true;
        }
        self.files += 1;
        Ok(self.path(self.files))
    }

    fn path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("run-{number:06}.arrows"))
    }

    /// Bytes of those of its files that are there.
    fn bytes(&self) -> u64 {
        (1..=self.files)
            .filter_map(|number| fs::metadata(self.path(number)).ok())
            .map(|file| file.len())
            .sum()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for number in 1..=self.files {
            let _ = fs::remove_file(self.path(number));
        }
        if self.made {
            // A directory that holds other files stays.
            let _ = fs::remove_dir(&self.directory);
        }
    }
}

/// Rows of a frame, which is what is read of a segment at a time.
pub(super) fn frame_rows(columns: usize) -> usize {
    (FRAME_BYTES / RowsInMemory::row_bytes(columns)).max(1)
}

/// Writes sorted rows to a file.
pub(super) struct SegmentWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: StreamWriter<BufWriter<File>>,
}

impl SegmentWriter {
    pub(super) fn create(path: &Path, columns: usize) -> Result<Self> {
        let failed = |error| segment_error(path, error);
        let file = File::create_new(path).map_err(|error| failed(error.into()))?;
        let mut fields =
            vec![Field::new("station", DataType::UInt32, false), Field::new("time", DataType::Int64, false)];
        fields.extend((0..columns).map(|column| Field::new(column.to_string(), DataType::Float64, false)));
        let schema = Arc::new(Schema::new(fields));
        let writer = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .and_then(|options| StreamWriter::try_new_with_options(BufWriter::new(file), &schema, options))
            .map_err(failed)?;
        Ok(Self { path: path.to_owned(), schema, writer })
    }

    pub(super) fn write(&mut self, rows: RowsInMemory) -> Result<()> {
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::new(rows.stations.into(), None)),
            Arc::new(Int64Array::new(rows.times.into(), None)),
        ];
        let columns = rows.columns.into_iter();
        arrays.extend(columns.map(|column| Arc::new(Float64Array::new(column.into(), None)) as ArrayRef));
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|error| segment_error(&self.path, error))
    }

    pub(super) fn finish(self) -> Result<()> {
        self.writer
            .into_inner()
            .and_then(|mut buffer| Ok(buffer.flush()?))
            .map_err(|error| segment_error(&self.path, error))
    }
}

/// Reads a segment frame by frame.
pub(super) enum SegmentReader {
    Memory { rows: RowsInMemory, order: Vec<u32>, at: usize },
    Disk { files: std::vec::IntoIter<PathBuf>, open: Option<(PathBuf, StreamReader<BufReader<File>>)> },
}

impl SegmentReader {
    pub(super) fn new(segment: Segment) -> Self {
        match segment {
            Segment::Memory { rows, order } => Self::Memory { rows, order, at: 0 },
            Segment::Disk(files) => Self::Disk { files: files.into_iter(), open: None },
        }
    }

    /// The next rows, at least one; `None` after the last. Files that have been read are removed.
    pub(super) fn next(&mut self) -> Result<Option<RowsInMemory>> {
        match self {
            Self::Memory { rows, order, at } => {
                let end = order.len().min(*at + frame_rows(rows.columns.len()));
                let picked = &order[*at..end];
                *at = end;
                if picked.is_empty() {
                    *rows = RowsInMemory::default();
                    return Ok(None);
                }
                Ok(Some(rows.pick(picked)))
            }
            Self::Disk { files, open } => loop {
                if let Some((path, reader)) = open {
                    if let Some(frame) = reader.next() {
                        return frame
                            .map(|frame| Some(of_frame(&frame)))
                            .map_err(|error| segment_error(path, error));
                    }
                    let _ = fs::remove_file(&*path);
                }
                let Some(path) = files.next() else { return Ok(None) };
                let reader = File::open(&path)
                    .map_err(ArrowError::from)
                    .and_then(|file| StreamReader::try_new(BufReader::new(file), None))
                    .map_err(|error| segment_error(&path, error))?;
                *open = Some((path, reader));
            },
        }
    }
}

/// The rows of a frame that [`SegmentWriter`] wrote.
fn of_frame(frame: &RecordBatch) -> RowsInMemory {
    let columns = frame.columns().iter().skip(2);
    RowsInMemory {
        stations: frame.column(0).as_primitive::<UInt32Type>().values().to_vec(),
        times: frame.column(1).as_primitive::<Int64Type>().values().to_vec(),
        columns: columns.map(|column| column.as_primitive::<Float64Type>().values().to_vec()).collect(),
    }
}

/// The error of a segment; the operating system's own where there is one, so that a full disk is called one.
fn segment_error(path: &Path, error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, source) => {
            Error::Io { path: path.to_owned(), action: "cannot write or read back while sorting", source }
        }
        error => Error::Format {
            path: path.to_owned(),
            found: format!("cannot be written or read back while sorting: {error}"),
            hint: None,
        },
    }
}
