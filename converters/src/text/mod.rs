//! Text formats: a [`LineFormat`] that reads single lines in, a [`Source`] of a file of such lines out.
//!
//! The file is read in blocks of whole lines, and the lines of a block are read in parallel.

mod fields;
mod number;
mod positions;
mod rows;
mod time;

use std::io::Read;
use std::sync::Arc;

use rayon::prelude::*;

pub use fields::{Fields, fields};
pub use number::{decimal, integer};
pub use positions::{field_at, field_starts};
pub use rows::Rows;
pub(crate) use rows::shared as shared_stations;
pub use time::{civil_micros, digits, iso_micros};

use crate::input::Input;
use crate::{Batch, ColumnInfo, Error, MEASUREMENTS, Measurement, ReadOptions, Result, Source, Tally};

/// Bytes of a block, but for a longer line.
const BLOCK_BYTES: u64 = 4 << 20;
/// Bytes of a block whose lines one task reads.
const TASK_BYTES: usize = 256 << 10;
/// A line longer than this is no line of any of these formats.
const LINE_BYTES: usize = 1 << 20;

/// What the lines of a text format hold. It is made from the file's first line where that is a header.
pub trait LineFormat: Send + Sync {
    /// Name of the layout, such as `ISD-Lite`.
    fn layout(&self) -> &'static str;

    /// The value columns that [`Rows::set`] counts from 0.
    fn columns(&self) -> &[ColumnInfo];

    /// What the user should know about how values are taken.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Reads one line, without its line end: an observation, or something to leave out.
    ///
    /// # Errors
    /// What was found and what was expected.
    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String>;
}

/// The columns of ISD's measurements, as a text format that knows their physical units yields them.
#[must_use]
pub fn isd_columns() -> Vec<ColumnInfo> {
    MEASUREMENTS.iter().map(isd_column).collect()
}

fn isd_column(measurement: &Measurement) -> ColumnInfo {
    ColumnInfo {
        name: measurement.name.to_owned(),
        units: Some(measurement.units.to_owned()),
        long_name: Some(measurement.long_name.to_owned()),
        resolution: Some(if measurement.isd_decimals == 1 { "0.1" } else { "1" }.to_owned()),
    }
}

/// A text file being read.
pub struct TextSource<F> {
    input: Input,
    format: F,
    reader: Box<dyn Read + Send>,
    /// Indexes of the format's columns that are yielded.
    wanted: Vec<usize>,
    columns: Vec<ColumnInfo>,
    notes: Vec<String>,
    tally: Tally,
    /// The start of a line whose end has not been read.
    rest: Vec<u8>,
    /// Lines before `rest`.
    lines: u64,
    rows: u64,
    station: Option<Arc<str>>,
    ended: bool,
}

impl<F: LineFormat> TextSource<F> {
    /// Reads `input` from its first line on.
    ///
    /// # Errors
    /// A file that cannot be opened, or a measurement in `options` that the format does not have.
    pub fn new(input: &Input, format: F, options: &ReadOptions) -> Result<Self> {
        let known = format.columns();
        let wanted = options.wanted(input.path(), known)?;
        let columns = wanted.iter().map(|&index| known[index].clone()).collect();
        Ok(Self {
            reader: input.reader()?,
            input: input.clone(),
            notes: format.notes(),
            format,
            wanted,
            columns,
            tally: Tally::default(),
            rest: Vec::new(),
            lines: 0,
            rows: 0,
            station: None,
            ended: false,
        })
    }

    /// The next whole lines, or nothing at the end of the file.
    fn block(&mut self) -> Result<Vec<u8>> {
        let mut block = std::mem::take(&mut self.rest);
        loop {
            let read = (&mut self.reader).take(BLOCK_BYTES).read_to_end(&mut block);
            if (read.map_err(|error| self.input.unreadable(error))? as u64) < BLOCK_BYTES {
                self.ended = true;
                return Ok(block);
            }
            if let Some(end) = block.iter().rposition(|&byte| byte == b'\n') {
                self.rest = block.split_off(end + 1);
                return Ok(block);
            }
            if block.len() > LINE_BYTES {
                return Err(Error::Line {
                    path: self.input.path().to_path_buf(),
                    line: self.lines + 1,
                    found: format!(
                        "has no end within {LINE_BYTES} bytes, expected lines of {}",
                        self.format.layout()
                    ),
                    hint: None,
                });
            }
        }
    }

    /// The rows of a block of whole lines.
    fn rows_of(&mut self, block: &[u8]) -> Result<Rows> {
        let format = &self.format;
        let columns = format.columns().len();
        let parts: Vec<(Rows, u64, Option<String>)> = pieces(block)
            .into_par_iter()
            .map(|piece| {
                let mut rows = Rows::new(columns);
                let mut lines = 0;
                for line in piece.strip_suffix(b"\n").unwrap_or(piece).split(|&byte| byte == b'\n') {
                    lines += 1;
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    if line.is_empty() {
                        continue;
                    }
                    if let Err(found) = format.read_line(line, &mut rows) {
                        return (rows, lines, Some(found));
                    }
                }
                (rows, lines, None)
            })
            .collect();
        let mut all = Rows::new(columns);
        for (rows, lines, failure) in parts {
            self.lines += lines;
            if let Some(found) = failure {
                let path = self.input.path().to_path_buf();
                return Err(Error::Line { path, line: self.lines, found, hint: None });
            }
            all.append(rows);
        }
        Ok(all)
    }
}

impl<F: LineFormat> Source for TextSource<F> {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn rows(&self) -> Option<u64> {
        None
    }

    fn layout(&self) -> &'static str {
        self.format.layout()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        while !self.ended {
            let block = self.block()?;
            let rows = self.rows_of(&block)?;
            let count = rows.len();
            let (mut stations, timestamps, columns, tally) = rows.into_parts(&self.wanted);
            self.tally.add(&tally);
            if count == 0 {
                continue;
            }
            shared_stations(&mut stations, &mut self.station);
            let first_row = self.rows;
            self.rows += count as u64;
            let path = Arc::clone(self.input.path());
            return Ok(Some(Batch { path, first_row, stations, timestamps, columns }));
        }
        Ok(None)
    }
}

/// Whole lines of about [`TASK_BYTES`] each.
fn pieces(block: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = block;
    while !rest.is_empty() {
        let tail = rest.get(TASK_BYTES..).unwrap_or_default();
        let end = tail.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| TASK_BYTES + end + 1);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}
