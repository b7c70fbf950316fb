//! Text formats: a [`LineFormat`] that reads single lines in, a [`Source`] of a file of such lines out.
//!
//! The file is read in blocks of whole lines, and the lines of a block are read in parallel.

mod blocks;
mod fields;
mod header;
mod number;
mod positions;
mod rows;
mod time;

use std::io;
use std::path::Path;
use std::sync::Arc;

use memchr::{memchr, memchr_iter};
use rayon::prelude::*;

use crate::formats::text::blocks::{Blocks, LINE_BYTES};
pub use crate::formats::text::fields::{Fields, fields};
pub use crate::formats::text::header::{Header, HeaderError};
pub use crate::formats::text::number::{decimal, integer};
pub use crate::formats::text::positions::{field_at, field_starts};
pub use crate::formats::text::rows::Rows;
pub(crate) use crate::formats::text::rows::shared as shared_stations;
pub use crate::formats::text::time::{civil_micros, digits, iso_micros, unix_micros};

use crate::input::{Input, without_mark};
use crate::{Batch, ColumnInfo, Error, MEASUREMENTS, Measurement, ReadOptions, Result, Source, Tally};
use isd_dataset::error::{DAMAGED, is_damage};

/// Bytes of a block whose lines one task reads.
const TASK_BYTES: usize = 256 << 10;
/// Room is not made for more rows than there would be of lines as short as this.
const SHORT_LINE_BYTES: usize = 16;

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

    /// Columns that every published file of the format has and this one lacks, each with a measurement of it.
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

/// The columns of ISD's measurements, as a text format yields them that knows their physical units. `origins` say where
/// each lies in a line.
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
    blocks: Blocks,
    /// The block behind the one whose rows were yielded last, or why it cannot be read.
    ahead: Option<io::Result<Option<Vec<u8>>>>,
    /// Indexes of the format's columns that are yielded.
    wanted: Vec<usize>,
    columns: Vec<ColumnInfo>,
    notes: Vec<String>,
    lacking: Vec<String>,
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
        Ok(Self {
            blocks: Blocks::new(input.reader()?),
            ahead: None,
            input: input.clone(),
            notes: format.notes(),
            lacking: lacking
                .map(|(column, measurement)| {
                    if column == measurement {
                        column.to_owned()
                    } else {
                        format!("{column} ({measurement})")
                    }
                })
                .collect(),
            format,
            wanted,
            columns,
            tally: Tally::default(),
            lines: 0,
            rows: 0,
            station: None,
        })
    }

    /// What to say of a block that cannot be read to its end, and so not at all.
    fn unreadable(&self, error: &io::Error) -> Error {
        Error::Line {
            path: self.input.path().to_path_buf(),
            line: self.lines + self.blocks.lost_lines() + 1,
            found: format!("cannot read on from here: {error}"),
            hint: is_damage(error).then(|| DAMAGED.to_owned()),
        }
    }

    /// The rows of the next block. While they are read, the block behind it is decompressed.
    fn next_rows(&mut self) -> Result<Option<Rows>> {
        let block = match self.ahead.take() {
            Some(block) => block,
            None => self.blocks.next(),
        };
        let Some(block) = block.map_err(|error| self.unreadable(&error))? else { return Ok(None) };
        let (parts, ahead) = rayon::join(|| parts(&self.format, &block), || self.blocks.next());
        self.ahead = Some(ahead);
        let mut all = Rows::new(self.format.columns().len());
        all.reserve(parts.iter().map(|(rows, ..)| rows.len()).sum());
        for (rows, lines, failure) in parts {
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
type Part = (Rows, u64, Option<String>);

/// The rows of a block of whole lines, read in parallel.
fn parts<F: LineFormat>(format: &F, block: &[u8]) -> Vec<Part> {
    pieces(block).into_par_iter().map(|piece| part(format, piece)).collect()
}

fn part<F: LineFormat>(format: &F, piece: &[u8]) -> Part {
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
        let line = piece.get(start..end).unwrap_or_default();
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

    fn lacking(&self) -> &[String] {
        &self.lacking
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn line_of(&self, path: &Path, row: u64) -> Option<u64> {
        if *path != **self.input.path() {
            return None;
        }
        let mut blocks = Blocks::new(self.input.reader().ok()?);
        let (mut before, mut number) = (0, 0);
        while let Some(block) = blocks.next().ok()? {
            let mut rows = Rows::new(self.format.columns().len());
            for line in lines(&block) {
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
            let read = |name: &str| self.columns.iter().any(|column| column.name == name);
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

/// Whole lines of about [`TASK_BYTES`] each.
fn pieces(block: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut rest = block;
    while !rest.is_empty() {
        let tail = rest.get(TASK_BYTES..).unwrap_or_default();
        let end = memchr(b'\n', tail).map_or(rest.len(), |end| TASK_BYTES + end + 1);
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// The end of a last line without a line end.
fn unended(piece: &[u8]) -> Option<usize> {
    (!piece.ends_with(b"\n")).then_some(piece.len())
}

/// Rows that a piece holds at most, as long as its lines are no shorter than any format's.
fn row_limit(piece: &[u8]) -> usize {
    (memchr_iter(b'\n', piece).count() + 1).min(piece.len() / SHORT_LINE_BYTES)
}
