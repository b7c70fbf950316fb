//! Text formats: a [`LineFormat`] that reads single lines in, a [`Source`] of a file of such lines out.
//!
//! The file is read in buffers of whole lines, and the lines of a buffer are read in parallel.

mod fields;
mod header;
mod line_buffers;
mod number;
mod places;
mod positions;
mod rows;
mod time;

use std::io;
use std::path::Path;
use std::sync::Arc;

use isd_dataset::error::{DAMAGED, is_damage};
use memchr::{memchr, memchr_iter};
use rayon::prelude::*;

pub use fields::{Fields, fields, unquoted};
pub use header::{Header, HeaderError};
use line_buffers::{LINE_BYTES, LineBuffers};
pub use number::{decimal, integer};
pub use places::Said;
pub use positions::{field_at, field_starts};
pub use rows::Rows;
pub(crate) use rows::shared as shared_stations;
pub use time::{civil_micros, digits, iso_micros, unix_micros};

use crate::input::{Input, without_mark};
use crate::{
    Batch, ColumnInfo, Error, MEASUREMENTS, Measurement, ReadOptions, Result, Source, SourceInfo, Tally,
};

/// Bytes of a buffer whose lines one task reads.
const TASK_BYTES: usize = 256 << 10;
/// Bytes of the shortest line for whose rows memory is reserved.
const SHORT_LINE_BYTES: usize = 16;

/// How the lines of one file are read. Where the first line is a header, the value is made from it.
pub trait LineFormat: Send + Sync {
    /// Name of the layout, such as `ISD-Lite`.
    fn layout(&self) -> &'static str;

    /// The value columns that [`Rows::set`] counts from 0.
    fn columns(&self) -> &[ColumnInfo];

    /// What the user should know about how values are taken.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Columns that every published file of the format has and this one lacks, each with a measurement that it holds.
    fn lacking(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Reads one line, without its line end: an observation, or something to leave out.
    ///
    /// # Errors
    /// What was found and what was expected.
    fn read_line(&self, line: &[u8], rows: &mut Rows) -> Result<(), String>;
}

/// Bytes of a line as a message quotes them.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(bytes))
}

/// The columns of ISD's measurements, for a text format that gives them in their physical units. `origins` say where each
/// lies in a line.
#[must_use]
pub fn isd_columns(origins: [&str; MEASUREMENTS.len()]) -> Vec<ColumnInfo> {
    MEASUREMENTS.iter().zip(origins).map(|(measurement, origin)| isd_column(measurement, origin)).collect()
}

fn isd_column(measurement: &Measurement, origin: &str) -> ColumnInfo {
    ColumnInfo {
        name: measurement.name.to_owned(),
        origin: Some(origin.to_owned()),
        units: Some(measurement.units.to_owned()),
        long_name: Some(measurement.long_name.to_owned()),
        resolution: Some(if measurement.isd_decimals == 1 { "0.1" } else { "1" }.to_owned()),
    }
}

/// A text file being read.
pub struct TextSource<F> {
    input: Input,
    format: F,
    buffers: LineBuffers,
    /// The buffer after the one whose rows were yielded last, or why it cannot be read.
    ahead: Option<io::Result<Option<Vec<u8>>>>,
    /// Indexes of the format's columns that are yielded.
    wanted: Vec<usize>,
    info: SourceInfo,
    tally: Tally,
    /// Lines whose rows were yielded.
    lines: u64,
    rows: u64,
    station: Option<Arc<str>>,
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
        let lacking = format.lacking().into_iter().filter(|(_, measurement)| options.reads(measurement));
        let lacking_name = |(column, measurement): (&str, &str)| {
            if column == measurement { column.to_owned() } else { format!("{column} ({measurement})") }
        };
        Ok(Self {
            buffers: LineBuffers::new(input.reader()?),
            ahead: None,
            input: input.clone(),
            info: SourceInfo {
                columns,
                rows: None,
                layout: format.layout(),
                notes: format.notes(),
                lacking: lacking.map(lacking_name).collect(),
            },
            format,
            wanted,
            tally: Tally::default(),
            lines: 0,
            rows: 0,
            station: None,
        })
    }

    /// The error of a buffer that cannot be read to its end, and so not at all.
    fn unreadable(&self, error: &io::Error) -> Error {
        Error::Line {
            path: self.input.path().to_path_buf(),
            line: self.lines + self.buffers.lost_lines() + 1,
            found: format!("cannot read on from here: {error}"),
            hint: is_damage(error).then(|| DAMAGED.to_owned()),
        }
    }

    /// The rows of the next buffer, `None` after the last. While they are read, the buffer after it is decompressed.
    fn next_rows(&mut self) -> Result<Option<Rows>> {
        let buffer = self.ahead.take().unwrap_or_else(|| self.buffers.next());
        let Some(buffer) = buffer.map_err(|error| self.unreadable(&error))? else { return Ok(None) };
        let (read, ahead) = rayon::join(|| read_lines(&self.format, &buffer), || self.buffers.next());
        self.ahead = Some(ahead);
        let mut all = Rows::new(self.format.columns().len());
        all.reserve(read.iter().map(|(rows, ..)| rows.len()).sum());
        for (rows, lines, failure) in read {
            self.lines += lines;
            if let Some(found) = failure {
                let path = self.input.path().to_path_buf();
                return Err(Error::Line { path, line: self.lines, found, hint: None });
            }
            all.append(rows);
        }
        Ok(Some(all))
    }
}

/// Rows of consecutive lines, the number of those lines, and what is wrong with the last of them.
type ReadLines = (Rows, u64, Option<String>);

/// The rows of a buffer of whole lines, read in parallel.
fn read_lines<F: LineFormat>(format: &F, buffer: &[u8]) -> Vec<ReadLines> {
    pieces(buffer).into_par_iter().map(|piece| read_piece(format, piece)).collect()
}

fn read_piece<F: LineFormat>(format: &F, piece: &[u8]) -> ReadLines {
    let mut rows = Rows::new(format.columns().len());
    rows.reserve(row_limit(piece));
    let mut count = 0;
    for line in lines(piece) {
        count += 1;
        if let Err(found) = read_line(format, line, &mut rows) {
            return (rows, count, Some(found));
        }
    }
    (rows, count, None)
}

/// The lines, without their line ends.
fn lines(piece: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', piece).chain(unended(piece)).map(move |end| {
        let line = &piece[start..end];
        start = end + 1;
        without_mark(line.strip_suffix(b"\r").unwrap_or(line))
    })
}

#[inline]
fn read_line<F: LineFormat>(format: &F, line: &[u8], rows: &mut Rows) -> Result<(), String> {
    if line.is_empty() {
        Ok(())
    } else if line.len() > LINE_BYTES {
        Err(format!("has more than {LINE_BYTES} bytes, expected a line of {}", format.layout()))
    } else {
        format.read_line(line, rows)
    }
}

impl<F: LineFormat> Source for TextSource<F> {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn line_of(&self, path: &Path, row: u64) -> Option<u64> {
        if *path != **self.input.path() {
            return None;
        }
        let mut buffers = LineBuffers::new(self.input.reader().ok()?);
        let (mut before, mut number) = (0, 0);
        while let Some(buffer) = buffers.next().ok()? {
            let mut rows = Rows::new(self.format.columns().len());
            for line in lines(&buffer) {
                number += 1;
                read_line(&self.format, line, &mut rows).ok()?;
                if before + rows.len() as u64 > row {
                    return Some(number);
                }
            }
            before += rows.len() as u64;
        }
        None
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        while let Some(rows) = self.next_rows()? {
            let count = rows.len();
            let (mut stations, timestamps, columns, mut tally) = rows.into_parts(&self.wanted);
            let read = |name: &str| self.info.columns.iter().any(|column| column.name == name);
            tally.rejected.retain(|name, _| read(name));
            tally.traces.retain(|name, _| read(name));
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

/// The buffer cut into whole lines of about [`TASK_BYTES`] together.
fn pieces(buffer: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = buffer;
    while !rest.is_empty() {
        let line_end = rest.get(TASK_BYTES..).and_then(|tail| memchr(b'\n', tail));
        let (piece, after) = rest.split_at(line_end.map_or(rest.len(), |end| TASK_BYTES + end + 1));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Where the last line ends, if it has no line end; else `None`.
fn unended(piece: &[u8]) -> Option<usize> {
    (!piece.ends_with(b"\n")).then_some(piece.len())
}

/// Rows that whole lines hold at most, unless they are shorter than any format's.
fn row_limit(piece: &[u8]) -> usize {
    (memchr_iter(b'\n', piece).count() + 1).min(piece.len() / SHORT_LINE_BYTES)
}
