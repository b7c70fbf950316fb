//! The rows of a row group before it is written: from pieces of batches to whole series in contiguous columns.

use std::sync::Arc;

use arrow::array::{Array, Float64Array, NullBufferBuilder, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;

use crate::station_table::StationRecord;

/// Consecutive rows of one station within a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationRun {
    /// `station_id` as the dataset holds it.
    pub station_id: Arc<str>,
    /// Number of consecutive rows, at least 1.
    pub rows: usize,
}

/// All rows of some consecutive stations of one block, sorted by (`station_id`, `timestamp`), of which no two are equal.
#[derive(Debug)]
pub struct SeriesGroup {
    /// The block that all stations belong to: see [`block_of`](crate::layout::block_of).
    pub block: String,
    /// The rows, in order.
    pub pieces: Vec<Piece>,
    /// What was left out of these series.
    pub dropped: Dropped,
}

/// Rows that were left out because another row of the same station and time stayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Rows that differ from the one that stayed.
    pub duplicates: u64,
    /// Rows that hold the same values as the one that stayed.
    pub identical: u64,
}

impl Dropped {
    /// Adds the counts of other series.
    pub fn add(&mut self, other: Self) {
        self.duplicates += other.duplicates;
        self.identical += other.identical;
    }
}

/// Consecutive rows of one batch. They are not copied: the batch's buffers live until the last row group that needs them is
/// done.
#[derive(Debug)]
pub struct Piece {
    /// The batch.
    pub values: Arc<BatchValues>,
    /// First of its rows that belongs to the group.
    pub start: usize,
    /// Number of rows, from `start` on.
    pub rows: usize,
    /// The stations of these rows, in row order.
    pub stations: Vec<StationRun>,
}

/// Times and values of a batch, as arrays that several row groups share.
#[derive(Debug)]
pub struct BatchValues {
    /// The time of each row: microseconds since 1970, UTC; no nulls.
    pub timestamps: TimestampMicrosecondArray,
    /// The value columns; missing values are null, and no value is NaN.
    pub columns: Vec<Float64Array>,
}

impl SeriesGroup {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.pieces.iter().map(|piece| piece.rows).sum()
    }

    /// The stations in row order, each once, with all their rows.
    #[must_use]
    pub fn stations(&self) -> Vec<StationRun> {
        let mut stations: Vec<StationRun> = Vec::new();
        for run in self.pieces.iter().flat_map(|piece| &piece.stations) {
            match stations.last_mut() {
                Some(last) if last.station_id == run.station_id => last.rows += run.rows,
                _ => stations.push(run.clone()),
            }
        }
        stations
    }

    /// What there is of each station, in row order.
    #[must_use]
    pub fn station_records(&self) -> Vec<StationRecord> {
        let mut records: Vec<StationRecord> = Vec::new();
        for piece in &self.pieces {
            let mut times = &piece.values.timestamps.values()[piece.start..piece.start + piece.rows];
            for run in &piece.stations {
                let (of_run, others) = times.split_at(run.rows.min(times.len()));
                times = others;
                let (Some(&first), Some(&last)) = (of_run.first(), of_run.last()) else { continue };
                let rows = of_run.len() as u64;
                match records.last_mut() {
                    Some(record) if *record.station_id == *run.station_id => {
                        record.last = last;
                        record.rows += rows;
                    }
                    _ => records.push(StationRecord {
                        station_id: run.station_id.to_string(),
                        first,
                        last,
                        rows,
                    }),
                }
            }
        }
        records
    }

    /// Number of stations, each of which has rows.
    #[must_use]
    pub fn station_count(&self) -> usize {
        let mut runs = self.pieces.iter().flat_map(|piece| &piece.stations).map(|run| &run.station_id);
        let mut last = runs.next();
        usize::from(last.is_some()) + runs.filter(|id| last.replace(id) != Some(id)).count()
    }

    /// Earliest and latest time, in microseconds since 1970, UTC.
    #[must_use]
    pub fn time_range(&self) -> (i64, i64) {
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for piece in &self.pieces {
            for &time in &piece.values.timestamps.values()[piece.start..piece.start + piece.rows] {
                first = first.min(time);
                last = last.max(time);
            }
        }
        (first, last)
    }

    /// The time of each row: microseconds since 1970, UTC; no nulls.
    #[must_use]
    pub fn timestamps(&self) -> TimestampMicrosecondArray {
        if let [piece] = self.pieces.as_slice() {
            return piece.values.timestamps.slice(piece.start, piece.rows);
        }
        let mut all = Vec::with_capacity(self.rows());
        for piece in &self.pieces {
            all.extend_from_slice(&piece.values.timestamps.values()[piece.start..piece.start + piece.rows]);
        }
        TimestampMicrosecondArray::new(all.into(), None)
    }

    /// The times of some rows, which are in ascending order: microseconds since 1970, UTC; no nulls. `None` where there is
    /// no such row.
    #[must_use]
    pub fn timestamps_at(&self, rows: &[usize]) -> Option<TimestampMicrosecondArray> {
        let mut pieces = self.pieces.iter();
        let (mut piece, mut first) = (pieces.next(), 0);
        let times = rows.iter().map(|&row| {
            while let Some(current) = piece
                && row >= first + current.rows
            {
                first += current.rows;
                piece = pieces.next();
            }
            let piece = piece?;
            piece.values.timestamps.values().get(piece.start + row.checked_sub(first)?).copied()
        });
        let times: Option<Vec<i64>> = times.collect();
        Some(TimestampMicrosecondArray::new(times?.into(), None))
    }

    /// Replaces the contents of `values` by the value of each row in the column at index `column` of the batches' value
    /// columns, and returns which are null; none is NaN.
    pub fn values_into(&self, column: usize, values: &mut Vec<f64>) -> Option<NullBuffer> {
        values.clear();
        values.reserve(self.rows());
        let mut validity = NullBufferBuilder::new(self.rows());
        for piece in &self.pieces {
            let column = piece.column(column);
            values.extend_from_slice(column.values());
            match column.nulls() {
                Some(nulls) => validity.append_buffer(nulls),
                None => validity.append_n_non_nulls(piece.rows),
            }
        }
        validity.finish()
    }

    /// The value of each row in the column at index `column` of the batches' value columns; missing ones are null, none is
    /// NaN.
    #[must_use]
    pub fn values(&self, column: usize) -> Float64Array {
        if let [piece] = self.pieces.as_slice() {
            return piece.column(column);
        }
        let mut values = Vec::new();
        let nulls = self.values_into(column, &mut values);
        Float64Array::new(values.into(), nulls)
    }
}

impl Piece {
    /// The piece's rows of the value column at `index`.
    fn column(&self, index: usize) -> Float64Array {
        self.values.columns[index].slice(self.start, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_several_pieces_are_one_series() {
        let batch = |from: i64| BatchValues {
            timestamps: (from..from + 4).collect::<Vec<_>>().into(),
            columns: vec![(from..from + 4).map(|time| (time % 3 > 0).then_some(time as f64)).collect()],
        };
        let piece =
            |from, start, rows| Piece { values: Arc::new(batch(from)), start, rows, stations: Vec::new() };
        let pieces = vec![piece(10, 1, 3), piece(20, 0, 1), piece(30, 2, 2)];
        let group = SeriesGroup { block: String::new(), pieces, dropped: Dropped::default() };
        let times = [11, 12, 13, 20, 32, 33];
        assert_eq!(group.timestamps().values()[..], times);
        for rows in 0..1_usize << times.len() {
            let rows: Vec<usize> = (0..times.len()).filter(|row| rows & (1 << row) != 0).collect();
            let expected: Vec<i64> = rows.iter().map(|&row| times[row]).collect();
            assert_eq!(group.timestamps_at(&rows).unwrap().values()[..], expected);
        }
        assert!(group.timestamps_at(&[2, 6]).is_none());
        let expected: Float64Array =
            times.map(|time| (time % 3 > 0).then_some(time as f64)).into_iter().collect();
        assert_eq!(group.values(0), expected);
    }
}
