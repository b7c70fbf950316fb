//! From batches in order to row groups of whole stations, with order checked and duplicate keys resolved.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, Float64Array};

use crate::{Batch, Error, Result, StationRun};
use isd_dataset::layout::{block_of, block_prefix};
use isd_dataset::manifest::Duplicates;
use isd_dataset::series_group::{BatchValues, Dropped, Piece, SeriesGroup};

/// Key of a row and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) station_id: Arc<str>,
    pub(crate) timestamp: i64,
    pub(crate) path: Arc<Path>,
    pub(crate) row: u64,
}

/// What a batch was to a [`Gatherer`].
#[derive(Debug)]
#[must_use]
pub(crate) enum Pushed {
    /// It was taken.
    InOrder,
    /// A row of it comes before one that was taken earlier.
    OutOfOrder,
    /// Two rows of one key differ, and [`Duplicates::Error`] does not have that.
    Conflict(Box<[Key; 2]>),
}

/// Takes batches in order and gives row groups.
#[derive(Debug)]
pub(crate) struct Gatherer {
    columns: usize,
    row_group_rows: usize,
    duplicates: Duplicates,
    /// Key of the last row.
    previous: Option<Key>,
    /// Whole stations of one block, fewer than a row group.
    whole: Series,
    /// The station whose rows are still coming.
    current: Series,
    ready: VecDeque<SeriesGroup>,
    finished: bool,
}

#[derive(Debug, Default)]
struct Series {
    pieces: Vec<Piece>,
    rows: usize,
    dropped: Dropped,
}

/// How the keys of a batch follow each other and the one before.
enum Keys {
    Ascend,
    Repeat,
    Descend,
}

impl Gatherer {
    /// For batches of `columns` value columns and row groups of at most `row_group_rows` rows, unless one station
    /// alone has more.
    pub(crate) fn new(columns: usize, row_group_rows: usize, duplicates: Duplicates) -> Self {
        Self {
            columns,
            row_group_rows,
            duplicates,
            previous: None,
            whole: Series::default(),
            current: Series::default(),
            ready: VecDeque::new(),
            finished: false,
        }
    }

    /// The next finished row group.
    pub(crate) fn pop(&mut self) -> Option<SeriesGroup> {
        self.ready.pop_front()
    }

    /// Takes the next batch. What comes behind a batch that was not taken is void.
    ///
    /// # Errors
    /// A row without a station, or a batch that contradicts itself.
    pub(crate) fn push(&mut self, mut batch: Batch) -> Result<Pushed> {
        self.check_shape(&batch)?;
        let Some(last) = last_key(&batch) else { return Ok(Pushed::InOrder) };
        let dropped = match self.keys(&batch)? {
            Keys::Descend => return Ok(Pushed::OutOfOrder),
            Keys::Ascend => Vec::new(),
            Keys::Repeat => match self.resolve(&mut batch) {
                Ok(dropped) => dropped,
                Err(conflict) => return Ok(Pushed::Conflict(conflict)),
            },
        };
        let mut station = self.previous.replace(last).map(|key| key.station_id);
        let Batch { stations, timestamps, columns, .. } = batch;
        let values = Arc::new(BatchValues { timestamps: timestamps.into(), columns });
        let mut start = 0;
        for (index, run) in stations.into_iter().enumerate() {
            let rows = run.rows;
            if rows > 0 && station.as_ref() != Some(&run.station_id) {
                self.end_station(&run.station_id);
                station = Some(Arc::clone(&run.station_id));
            }
            self.current.dropped.add(dropped.get(index).copied().unwrap_or_default());
            if rows == 0 {
                continue;
            }
            self.current.append(Piece { values: Arc::clone(&values), start, rows, stations: vec![run] });
            if self.whole.rows + self.current.rows > self.row_group_rows {
                self.flush();
            }
            start += rows;
        }
        Ok(Pushed::InOrder)
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
        let current = std::mem::take(&mut self.current);
        current.pieces.into_iter().for_each(|piece| self.whole.append(piece));
        self.whole.dropped.add(current.dropped);
        if self.whole.last_station().is_some_and(|last| block_prefix(last) != block_prefix(next)) {
            self.flush();
        }
    }

    /// The whole stations so far become a row group.
    fn flush(&mut self) {
        let Some(station) = self.whole.last_station() else { return };
        let block = block_of(station);
        let Series { pieces, dropped, .. } = std::mem::take(&mut self.whole);
        self.ready.push_back(SeriesGroup { block, pieces, dropped });
    }

    /// Compares all neighbours among the keys.
    fn keys(&self, batch: &Batch) -> Result<Keys> {
        let mut previous = self.previous.as_ref().map(|key| (&*key.station_id, key.timestamp));
        let mut repeat = false;
        let mut start = 0;
        for run in batch.stations.iter().filter(|run| run.rows > 0) {
            if run.station_id.is_empty() {
                return Err(Error::Row {
                    path: batch.path.to_path_buf(),
                    row: batch.first_row + start as u64,
                    found: "the station id is empty".into(),
                    hint: Some("give every row the id of its station".into()),
                });
            }
            let times = &batch.timestamps[start..start + run.rows];
            start += run.rows;
            let (Some(&first), Some(&last)) = (times.first(), times.last()) else { continue };
            match previous.map(|key| key.cmp(&(&*run.station_id, first))) {
                Some(Ordering::Greater) => return Ok(Keys::Descend),
                Some(Ordering::Equal) => repeat = true,
                _ => {}
            }
            // No early end, so that the loop is one of vectors.
            let (mut down, mut same) = (false, false);
            for (a, b) in times.iter().zip(&times[1..]) {
                down |= a > b;
                same |= a == b;
            }
            if down {
                return Ok(Keys::Descend);
            }
            repeat |= same;
            previous = Some((&*run.station_id, last));
        }
        Ok(if repeat { Keys::Repeat } else { Keys::Ascend })
    }

    /// Leaves one row of each key in the batch, none where the last row gathered is the one that stays; says for each
    /// run what it lost.
    fn resolve(&mut self, batch: &mut Batch) -> Result<Vec<Dropped>, Box<[Key; 2]>> {
        let mut keep = vec![true; batch.rows()];
        let mut dropped = vec![Dropped::default(); batch.stations.len()];
        // The row that stays so far; `None` is the last one gathered.
        let mut staying: Option<usize> = None;
        let mut before = self.previous.as_ref().map(|key| (Arc::clone(&key.station_id), key.timestamp));
        let mut replaced = false;
        let mut row = 0;
        for (run, dropped) in batch.stations.iter().zip(&mut dropped) {
            // A run of which no row is wanted does not part those beside it, which may be of one station.
            if run.rows == 0 {
                continue;
            }
            let mut time_before = before.take().and_then(|(id, time)| (id == run.station_id).then_some(time));
            for row in row..row + run.rows {
                let time = batch.timestamps[row];
                if time_before.replace(time) == Some(time) {
                    if self.says_the_same(batch, staying, row) {
                        dropped.identical += 1;
                        keep[row] = false;
                        continue;
                    }
                    dropped.duplicates += 1;
                    match (self.duplicates, staying) {
                        (Duplicates::Error, _) => {
                            return Err(Box::new([self.key(batch, run, staying), key(batch, run, row)]));
                        }
                        (Duplicates::First, _) => {
                            keep[row] = false;
                            continue;
                        }
                        (Duplicates::Last, Some(earlier)) => keep[earlier] = false,
                        (Duplicates::Last, None) => replaced = true,
                    }
                }
                staying = Some(row);
            }
            row += run.rows;
            before = time_before.map(|time| (Arc::clone(&run.station_id), time));
        }
        if replaced {
            self.current.drop_last();
        }
        *batch = kept(batch, &keep);
        Ok(dropped)
    }

    /// Whether a row of the batch has the values of another, or of the last one gathered.
    fn says_the_same(&self, batch: &Batch, staying: Option<usize>, row: usize) -> bool {
        let columns = batch.columns.iter();
        match staying {
            Some(other) => columns.into_iter().all(|column| same(column, other, column, row)),
            None => self.current.pieces.last().is_some_and(|piece| {
                let last = piece.start + piece.rows - 1;
                columns.zip(&piece.values.columns).all(|(new, old)| same(old, last, new, row))
            }),
        }
    }

    fn key(&self, batch: &Batch, run: &StationRun, row: Option<usize>) -> Key {
        match (row, &self.previous) {
            (None, Some(previous)) => previous.clone(),
            (row, _) => key(batch, run, row.unwrap_or_default()),
        }
    }

    /// A source that breaks the contract of [`Batch`] is reported, not trusted.
    fn check_shape(&self, batch: &Batch) -> Result<()> {
        let rows = batch.rows();
        let in_runs: usize = batch.stations.iter().map(|run| run.rows).sum();
        let even = batch.columns.len() == self.columns
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
                self.columns
            ),
            hint: Some("this is a mistake in the source's reader: please report it".into()),
        })
    }
}

impl Series {
    /// Adds a piece, as part of the last one where it continues the same batch.
    fn append(&mut self, piece: Piece) {
        self.rows += piece.rows;
        match self.pieces.last_mut() {
            Some(last)
                if Arc::ptr_eq(&last.values, &piece.values) && last.start + last.rows == piece.start =>
            {
                last.rows += piece.rows;
                last.stations.extend(piece.stations);
            }
            _ => self.pieces.push(piece),
        }
    }

    /// Takes the last row away.
    fn drop_last(&mut self) {
        let Some(piece) = self.pieces.last_mut() else { return };
        self.rows -= 1;
        piece.rows -= 1;
        if let Some(run) = piece.stations.last_mut() {
            run.rows -= 1;
            if run.rows == 0 {
                piece.stations.pop();
            }
        }
        if piece.rows == 0 {
            self.pieces.pop();
        }
    }

    fn last_station(&self) -> Option<&str> {
        Some(&self.pieces.last()?.stations.last()?.station_id)
    }
}

/// Key of the last row.
fn last_key(batch: &Batch) -> Option<Key> {
    let run = batch.stations.iter().rfind(|run| run.rows > 0)?;
    Some(key(batch, run, batch.rows().checked_sub(1)?))
}

fn key(batch: &Batch, run: &StationRun, row: usize) -> Key {
    Key {
        station_id: Arc::clone(&run.station_id),
        timestamp: batch.timestamps.get(row).copied().unwrap_or_default(),
        path: Arc::clone(&batch.path),
        row: batch.first_row + row as u64,
    }
}

/// Whether two values are the same to the bit, or both missing.
fn same(a: &Float64Array, i: usize, b: &Float64Array, j: usize) -> bool {
    match (a.is_null(i), b.is_null(j)) {
        (false, false) => a.value(i).to_bits() == b.value(j).to_bits(),
        (missing, other) => missing == other,
    }
}

/// The rows marked in `keep`, copied, so that nothing holds the others in memory. The runs stay as many, some of them
/// empty.
pub(crate) fn kept(batch: &Batch, keep: &[bool]) -> Batch {
    let chosen = |column: &Float64Array| -> Float64Array {
        column.iter().zip(keep).filter_map(|(value, &keep)| keep.then_some(value)).collect()
    };
    let mut rest = keep;
    let stations = batch.stations.iter().map(|run| {
        let (own, behind) = rest.split_at(run.rows.min(rest.len()));
        rest = behind;
        StationRun { station_id: Arc::clone(&run.station_id), rows: own.iter().filter(|&&keep| keep).count() }
    });
    let times = batch.timestamps.iter().zip(keep).filter_map(|(&time, &keep)| keep.then_some(time));
    Batch {
        path: Arc::clone(&batch.path),
        first_row: batch.first_row,
        stations: stations.collect(),
        timestamps: times.collect(),
        columns: batch.columns.iter().map(chosen).collect(),
    }
}
