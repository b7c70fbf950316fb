//! Row groups: batches in order in; groups of whole stations out, their order checked and no key twice.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, Float64Array};
use isd_dataset::layout::{block_of, block_prefix};
use isd_dataset::manifest::Duplicates;
use isd_dataset::series_group::{BatchValues, Dropped, Piece, SeriesGroup};

use super::conflicts::{Key, Stop};
use super::selected::kept;
use crate::{Batch, Error, Result};

/// Takes batches in order and gives row groups of whole stations.
#[derive(Debug)]
pub(super) struct Gatherer {
    row_group_rows: usize,
    duplicates: Duplicates,
    /// Key of the last row.
    previous: Option<Key>,
    /// Whole stations of one block, fewer than a row group.
    whole: Gathered,
    /// The station whose rows are still coming.
    current: Gathered,
    ready: VecDeque<SeriesGroup>,
    finished: bool,
}

/// Rows of some consecutive stations, and what was left out of them.
#[derive(Debug, Default)]
struct Gathered {
    pieces: Vec<Piece>,
    rows: usize,
    dropped: Dropped,
}

/// How the keys of a batch follow each other and the key before them.
enum Keys {
    Ascend,
    Repeat,
    Descend,
}

impl Gatherer {
    /// Gives row groups of at most `row_group_rows` rows, unless one station alone has more.
    pub(super) fn new(row_group_rows: usize, duplicates: Duplicates) -> Self {
        Self {
            row_group_rows,
            duplicates,
            previous: None,
            whole: Gathered::default(),
            current: Gathered::default(),
            ready: VecDeque::new(),
            finished: false,
        }
    }

    /// The next finished row group.
    pub(super) fn pop(&mut self) -> Option<SeriesGroup> {
        self.ready.pop_front()
    }

    /// Takes the next batch. After an error no other batch may be given.
    ///
    /// # Errors
    /// A row without a station, one that comes before one that was taken earlier, or one that differs from another of its
    /// key under [`Duplicates::Error`].
    pub(super) fn push(&mut self, mut batch: Batch) -> Result<(), Stop> {
        let Some(run) = batch.stations.iter().rfind(|run| run.rows > 0) else { return Ok(()) };
        let last = Key::of(&batch, run, batch.rows() - 1);
        let dropped = match self.keys(&batch)? {
            Keys::Descend => return Err(Stop::OutOfOrder),
            Keys::Ascend => vec![Dropped::default(); batch.stations.len()],
            Keys::Repeat => self.resolve(&mut batch)?,
        };
        let mut station = self.previous.replace(last).map(|key| key.station_id);
        let Batch { stations, timestamps, columns, .. } = batch;
        let values = Arc::new(BatchValues { timestamps: timestamps.into(), columns });
        let mut start = 0;
        for (run, dropped) in stations.into_iter().zip(dropped) {
            let rows = run.rows;
            if rows > 0 && station.as_ref() != Some(&run.station_id) {
                self.end_station(&run.station_id);
                station = Some(Arc::clone(&run.station_id));
            }
            self.current.dropped.add(dropped);
            if rows == 0 {
                continue;
            }
            self.current.append(Piece { values: Arc::clone(&values), start, rows, stations: vec![run] });
            if self.whole.rows + self.current.rows > self.row_group_rows {
                self.flush();
            }
            start += rows;
        }
        Ok(())
    }

    /// Whether [`Gatherer::finish`] was called.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Says that no batch follows.
    pub(super) fn finish(&mut self) {
        self.finished = true;
        self.end_station("");
        self.flush();
    }

    /// Takes the current station as complete, before the station `next`.
    fn end_station(&mut self, next: &str) {
        let current = std::mem::take(&mut self.current);
        current.pieces.into_iter().for_each(|piece| self.whole.append(piece));
        self.whole.dropped.add(current.dropped);
        if self.whole.last_station().is_some_and(|last| block_prefix(last) != block_prefix(next)) {
            self.flush();
        }
    }

    /// Makes a row group of the whole stations so far.
    fn flush(&mut self) {
        let Some(station) = self.whole.last_station() else { return };
        let block = block_of(station);
        let Gathered { pieces, dropped, .. } = std::mem::take(&mut self.whole);
        self.ready.push_back(SeriesGroup { block, pieces, dropped });
    }

    /// How the keys follow each other.
    ///
    /// # Errors
    /// A row whose station has no name.
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
            // The loop has no early end, so that it is compiled for vectors.
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

    /// Leaves one row of each key in the batch, none where the last row gathered is the one that stays. Says what each
    /// run lost.
    ///
    /// # Errors
    /// Two rows of one key that differ, where neither may be dropped.
    fn resolve(&mut self, batch: &mut Batch) -> Result<Vec<Dropped>, Stop> {
        let mut keep = vec![true; batch.rows()];
        let mut dropped = vec![Dropped::default(); batch.stations.len()];
        // The row of the current key that stays so far; `None` means the last one gathered.
        let mut staying: Option<usize> = None;
        let mut before = self.previous.as_ref().map(|key| (Arc::clone(&key.station_id), key.timestamp));
        let mut replaced = false;
        let mut row = 0;
        for (run, dropped) in batch.stations.iter().zip(&mut dropped) {
            // Runs before and after one without rows may be of one station.
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
                            let earlier = staying.map(|row| Key::of(batch, run, row));
                            let earlier = earlier.or_else(|| self.previous.clone());
                            let earlier =
                                earlier.ok_or_else(|| Error::internal("a row repeats the key of none"))?;
                            return Err(Stop::Conflict(Box::new([earlier, Key::of(batch, run, row)])));
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

    /// Whether a row of the batch has the values of the one that stays, which is the last one gathered where that is
    /// `None`.
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
}

impl Gathered {
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

    /// Removes the last row.
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

/// Whether two values are the same to the bit, or both missing.
pub(crate) fn same(a: &Float64Array, i: usize, b: &Float64Array, j: usize) -> bool {
    match (a.is_null(i), b.is_null(j)) {
        (false, false) => a.value(i).to_bits() == b.value(j).to_bits(),
        (missing, other) => missing == other,
    }
}
