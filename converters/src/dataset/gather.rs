//! From batches in a source's order to row groups of whole stations, with order and uniqueness of the keys checked.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, Float64Array, TimestampMicrosecondArray};

use super::{block_of, block_prefix, iso8601};
use crate::{Batch, Error, Result, StationRun};

/// Whole stations that become one row group.
#[derive(Debug)]
pub(crate) struct RowGroup {
    /// Value of the partition key.
    pub(super) block: String,
    pub(super) pieces: Vec<Piece>,
}

/// Consecutive rows of one batch. Nothing is copied: the batch's buffers live until the last row
/// group that needs them is written.
#[derive(Debug)]
pub(super) struct Piece {
    values: Arc<BatchValues>,
    start: usize,
    rows: usize,
    /// The stations of these rows, in row order.
    pub(super) stations: Vec<StationRun>,
}

#[derive(Debug)]
struct BatchValues {
    timestamps: TimestampMicrosecondArray,
    columns: Vec<Float64Array>,
}

impl Piece {
    pub(super) fn timestamps(&self) -> TimestampMicrosecondArray {
        self.values.timestamps.slice(self.start, self.rows)
    }

    /// Rows of the value column at `index`.
    pub(super) fn values(&self, index: usize) -> Float64Array {
        self.values.columns[index].slice(self.start, self.rows)
    }
}

/// What was gathered, as the manifest tells it.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) rows: u64,
    pub(crate) stations: u64,
    /// Missing values a column.
    pub(crate) nulls: Vec<u64>,
    /// Earliest and latest time in microseconds.
    pub(crate) time_range: Option<(i64, i64)>,
    /// Files that rows came from.
    pub(crate) files: HashSet<Arc<Path>>,
}

/// Key of a row and where it stands.
#[derive(Debug, Clone)]
struct Key {
    station_id: Arc<str>,
    timestamp: i64,
    path: Arc<Path>,
    row: u64,
}

/// Takes batches in order and gives row groups.
#[derive(Debug)]
pub(crate) struct Gatherer {
    row_group_rows: usize,
    totals: Totals,
    previous: Option<Key>,
    /// Whole stations of one block, fewer than a row group.
    whole: Vec<Piece>,
    whole_rows: usize,
    /// The station whose rows are still coming.
    current: Vec<Piece>,
    current_rows: usize,
    ready: VecDeque<RowGroup>,
    finished: bool,
}

impl Gatherer {
    /// For batches of `columns` value columns and row groups of at most `row_group_rows` rows,
    /// unless one station alone has more.
    pub(crate) fn new(columns: usize, row_group_rows: usize) -> Self {
        Self {
            row_group_rows,
            totals: Totals { nulls: vec![0; columns], ..Totals::default() },
            previous: None,
            whole: Vec::new(),
            whole_rows: 0,
            current: Vec::new(),
            current_rows: 0,
            ready: VecDeque::new(),
            finished: false,
        }
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// The next finished row group.
    pub(crate) fn pop(&mut self) -> Option<RowGroup> {
        self.ready.pop_front()
    }

    /// Takes the next batch.
    ///
    /// # Errors
    /// A row whose key does not come after the one before it, or a batch that contradicts itself.
    pub(crate) fn push(&mut self, batch: Batch) -> Result<()> {
        self.check_shape(&batch)?;
        self.totals.rows += batch.rows() as u64;
        for (nulls, column) in self.totals.nulls.iter_mut().zip(&batch.columns) {
            *nulls += column.null_count() as u64;
        }
        if !self.totals.files.contains(&batch.path) {
            self.totals.files.insert(Arc::clone(&batch.path));
        }
        let Batch { path, first_row, stations, timestamps, columns } = batch;
        let values = Arc::new(BatchValues { timestamps: timestamps.into(), columns });
        let mut start = 0;
        for run in stations {
            if run.rows == 0 {
                continue;
            }
            let rows = run.rows;
            let times = &values.timestamps.values()[start..start + rows];
            let new_station = self.check_keys(&run.station_id, times, &path, first_row + start as u64)?;
            if new_station {
                self.end_station(&run.station_id);
            }
            self.current_rows += rows;
            append(
                &mut self.current,
                Piece { values: Arc::clone(&values), start, rows, stations: vec![run] },
            );
            if self.whole_rows + self.current_rows > self.row_group_rows {
                self.flush();
            }
            start += rows;
        }
        Ok(())
    }

    /// Whether [`Gatherer::finish`] was called.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Says that no batch follows.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
        self.end_station("");
        self.flush();
    }

    /// The station before `next` is complete.
    fn end_station(&mut self, next: &str) {
        for piece in self.current.drain(..) {
            append(&mut self.whole, piece);
        }
        self.whole_rows += std::mem::take(&mut self.current_rows);
        let block_ends = self.previous_block().is_some_and(|block| block != block_prefix(next));
        if block_ends {
            self.flush();
        }
    }

    fn previous_block(&self) -> Option<&str> {
        let last = self.whole.last()?.stations.last()?;
        Some(block_prefix(&last.station_id))
    }

    /// The whole stations so far become a row group.
    fn flush(&mut self) {
        let Some(block) = self.whole.first().and_then(|piece| piece.stations.first()) else {
            return;
        };
        let block = block_of(&block.station_id);
        self.whole_rows = 0;
        self.ready.push_back(RowGroup { block, pieces: std::mem::take(&mut self.whole) });
    }

    /// Checks one station's consecutive rows, the first of which is `row` of its file, against
    /// each other and the row before; says whether a new station begins.
    fn check_keys(
        &mut self,
        station_id: &Arc<str>,
        times: &[i64],
        path: &Arc<Path>,
        row: u64,
    ) -> Result<bool> {
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
            return Ok(false);
        };
        if station_id.is_empty() {
            return Err(Error::Row {
                path: path.to_path_buf(),
                row,
                found: "the station id is empty".into(),
                hint: Some("give every row the id of its station".into()),
            });
        }
        let key = |timestamp, row| Key {
            station_id: Arc::clone(station_id),
            timestamp,
            path: Arc::clone(path),
            row,
        };
        let mut new_station = true;
        if let Some(previous) = &self.previous {
            new_station = previous.station_id != *station_id;
            if (&*previous.station_id, previous.timestamp) >= (&**station_id, first) {
                return Err(disorder(previous, &key(first, row)));
            }
        }
        if let Some(at) = times.windows(2).position(|pair| pair[0] >= pair[1]) {
            let (before, after) = (row + at as u64, row + at as u64 + 1);
            return Err(disorder(&key(times[at], before), &key(times[at + 1], after)));
        }
        self.previous = Some(key(last, row + times.len() as u64 - 1));
        self.totals.stations += u64::from(new_station);
        let range = self.totals.time_range.get_or_insert((first, last));
        *range = (range.0.min(first), range.1.max(last));
        Ok(new_station)
    }

    /// A source that breaks the contract of [`Batch`] is reported, not trusted.
    fn check_shape(&self, batch: &Batch) -> Result<()> {
        let rows = batch.rows();
        let in_runs: usize = batch.stations.iter().map(|run| run.rows).sum();
        let even = batch.columns.len() == self.totals.nulls.len()
            && in_runs == rows
            && batch.columns.iter().all(|column| column.len() == rows);
        if even {
            return Ok(());
        }
        Err(Error::Row {
            path: batch.path.to_path_buf(),
            row: batch.first_row,
            found: format!(
                "the batch that begins here has {rows} times, {in_runs} rows in station runs, and columns of {:?} rows; expected {} columns, all of one length",
                batch.columns.iter().map(Array::len).collect::<Vec<_>>(),
                self.totals.nulls.len()
            ),
            hint: Some("this is a mistake in the source's reader: please report it".into()),
        })
    }
}

/// Adds a piece, as part of the last one where it continues the same batch.
fn append(pieces: &mut Vec<Piece>, piece: Piece) {
    match pieces.last_mut() {
        Some(last) if Arc::ptr_eq(&last.values, &piece.values) && last.start + last.rows == piece.start => {
            last.rows += piece.rows;
            last.stations.extend(piece.stations);
        }
        _ => pieces.push(piece),
    }
}

/// What is wrong with a row whose key does not come after the one before it.
fn disorder(previous: &Key, this: &Key) -> Error {
    let place = if previous.path == this.path {
        format!("row {}", previous.row)
    } else {
        format!("row {} of {}", previous.row, previous.path.display())
    };
    let (station, time) = (&this.station_id, iso8601(this.timestamp));
    let same = previous.station_id == this.station_id && previous.timestamp == this.timestamp;
    let (found, hint) = if same {
        (
            format!(
                "station {station} at {time} is there twice, first in {place}; expected one row a station and time"
            ),
            "remove the duplicate rows from the source",
        )
    } else {
        (
            format!(
                "station {station} at {time} comes after station {} at {} in {place}; expected rows sorted by station and time",
                previous.station_id,
                iso8601(previous.timestamp)
            ),
            "sort the source by station and time, in NumPy with order = lexsort((timestamp, station))",
        )
    };
    Error::Row { path: this.path.to_path_buf(), row: this.row, found, hint: Some(hint.into()) }
}
