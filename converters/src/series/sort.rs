//! Sorting what may be larger than memory: batches in, sorted runs out, in memory or on disk.

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

use crate::series::unsorted_rows::{Rows, Stations};
use crate::{Batch, Error, Result};

/// Bytes of a run that are read at a time, about.
pub(super) const FRAME_BYTES: usize = 128 << 10;

/// Collects rows up to a limit, and writes them to disk as a sorted run when there are more.
pub(super) struct Sorter {
    stations: Stations,
    columns: usize,
    memory: usize,
    /// Rows that are held in memory.
    limit: usize,
    rows: Rows,
    runs: Vec<Run>,
    scratch: Scratch,
}

/// What a [`Sorter`] gives: runs in the order in which their rows came.
pub(super) struct Sorted {
    pub(super) stations: Stations,
    pub(super) columns: usize,
    /// Bytes that merging may take.
    pub(super) memory: usize,
    pub(super) runs: Vec<Run>,
    pub(super) spilled_bytes: u64,
    pub(super) scratch: Scratch,
}

/// Rows in order.
pub(super) enum Run {
    Memory {
        rows: Rows,
        order: Vec<u32>,
    },
    /// One file after another.
    Disk(Vec<PathBuf>),
}

/// The directory of the runs, removed with all that is left in it.
pub(super) struct Scratch {
    directory: PathBuf,
    made: bool,
    files: usize,
}

impl Sorter {
    pub(super) fn new(columns: usize, memory: usize, scratch: &Path) -> Self {
        let limit = (memory / Rows::row_bytes(columns)).clamp(1, u32::MAX as usize);
        Self {
            stations: Stations::default(),
            columns,
            memory,
            limit,
            rows: Rows::with_capacity(columns, limit),
            runs: Vec::new(),
            scratch: Scratch { directory: scratch.to_owned(), made: false, files: 0 },
        }
    }

    /// Takes the next rows. Nothing of the batch is held on to.
    ///
    /// # Errors
    /// A batch that contradicts itself, or a run that cannot be written.
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
        self.runs.push(Run::Memory { rows: self.rows, order });
        Sorted {
            stations: self.stations,
            columns: self.columns,
            memory: self.memory,
            spilled_bytes: self.scratch.bytes(),
            runs: self.runs,
            scratch: self.scratch,
        }
    }

    /// Writes the rows in memory as a run.
    fn spill(&mut self) -> Result<()> {
        let order = self.rows.order(&self.stations.ranks());
        // Several threads write a piece each, of whole frames.
        let frame = frame_rows(self.columns);
        let piece = order.len().div_ceil(rayon::current_num_threads()).next_multiple_of(frame);
        let pieces: Vec<(&[u32], PathBuf)> =
            order.chunks(piece).map(|piece| Ok((piece, self.scratch.file()?))).collect::<Result<_>>()?;
        pieces.par_iter().with_max_len(1).try_for_each(|(piece, path)| {
            let mut writer = RunWriter::create(path, self.columns)?;
            piece.chunks(frame).try_for_each(|frame| writer.write(self.rows.pick(frame)))?;
            writer.finish()
        })?;
        self.runs.push(Run::Disk(pieces.into_iter().map(|(_, path)| path).collect()));
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
        Ok(self.directory.join(format!("run-{:06}.arrows", self.files)))
    }

    /// Bytes of the files that are there.
    fn bytes(&self) -> u64 {
        let entries = fs::read_dir(&self.directory).ok().filter(|_| self.made);
        entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.metadata().ok())
            .map(|m| m.len())
            .sum()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for number in 1..=self.files {
            let _ = fs::remove_file(self.directory.join(format!("run-{number:06}.arrows")));
        }
        if self.made {
            // One that holds something else is not ours.
            let _ = fs::remove_dir(&self.directory);
        }
    }
}

/// Rows of a frame, which is what is read of a run at a time.
pub(super) fn frame_rows(columns: usize) -> usize {
    (FRAME_BYTES / Rows::row_bytes(columns)).max(1)
}

/// Writes sorted rows to a file.
pub(super) struct RunWriter {
    path: PathBuf,
    schema: SchemaRef,
    writer: StreamWriter<BufWriter<File>>,
}

impl RunWriter {
    pub(super) fn create(path: &Path, columns: usize) -> Result<Self> {
        let failed = |error| run_error(path, error);
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

    pub(super) fn write(&mut self, rows: Rows) -> Result<()> {
        let mut arrays: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::new(rows.stations.into(), None)),
            Arc::new(Int64Array::new(rows.times.into(), None)),
        ];
        let columns = rows.columns.into_iter();
        arrays.extend(columns.map(|column| Arc::new(Float64Array::new(column.into(), None)) as ArrayRef));
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|error| run_error(&self.path, error))
    }

    pub(super) fn finish(self) -> Result<()> {
        self.writer
            .into_inner()
            .and_then(|mut buffer| Ok(buffer.flush()?))
            .map_err(|error| run_error(&self.path, error))
    }
}

/// Reads a run frame by frame.
pub(super) enum RunReader {
    Memory { rows: Rows, order: Vec<u32>, at: usize },
    Disk { files: std::vec::IntoIter<PathBuf>, open: Option<(PathBuf, StreamReader<BufReader<File>>)> },
}

impl RunReader {
    pub(super) fn new(run: Run) -> Self {
        match run {
            Run::Memory { rows, order } => Self::Memory { rows, order, at: 0 },
            Run::Disk(files) => Self::Disk { files: files.into_iter(), open: None },
        }
    }

    /// The next rows, at least one; `None` behind the last. Files that have been read are removed.
    pub(super) fn next(&mut self) -> Result<Option<Rows>> {
        match self {
            Self::Memory { rows, order, at } => {
                let end = order.len().min(*at + frame_rows(rows.columns.len()));
                let picked = &order[*at..end];
                *at = end;
                if picked.is_empty() {
                    *rows = Rows::default();
                    return Ok(None);
                }
                Ok(Some(rows.pick(picked)))
            }
            Self::Disk { files, open } => loop {
                if let Some((path, reader)) = open {
                    if let Some(frame) = reader.next() {
                        return frame
                            .map(|frame| Some(of_frame(&frame)))
                            .map_err(|error| run_error(path, error));
                    }
                    let _ = fs::remove_file(&*path);
                }
                let Some(path) = files.next() else { return Ok(None) };
                let reader = File::open(&path)
                    .map_err(ArrowError::from)
                    .and_then(|file| StreamReader::try_new(BufReader::new(file), None))
                    .map_err(|error| run_error(&path, error))?;
                *open = Some((path, reader));
            },
        }
    }
}

/// The rows of a frame that [`RunWriter`] wrote.
fn of_frame(frame: &RecordBatch) -> Rows {
    let columns = frame.columns().iter().skip(2);
    Rows {
        stations: frame.column(0).as_primitive::<UInt32Type>().values().to_vec(),
        times: frame.column(1).as_primitive::<Int64Type>().values().to_vec(),
        columns: columns.map(|column| column.as_primitive::<Float64Type>().values().to_vec()).collect(),
    }
}

/// The operating system's reason where that is what it was, so that a full disk is called one.
fn run_error(path: &Path, error: ArrowError) -> Error {
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
