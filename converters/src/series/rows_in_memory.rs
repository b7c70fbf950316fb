//! Observations copied into columns of their own: rows of batches in, sorted or picked rows out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::Array;
use isd_dataset::column::nullable;
use rayon::prelude::*;

use crate::{Batch, StationRun};

/// The stations met so far, each with a number in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct StationNumbers {
    numbers: HashMap<Arc<str>, u32>,
    ids: Vec<Arc<str>>,
}

impl StationNumbers {
    fn number(&mut self, id: &Arc<str>) -> u32 {
        if let Some(&number) = self.numbers.get(id) {
            return number;
        }
        let number = self.ids.len() as u32;
        self.ids.push(Arc::clone(id));
        self.numbers.insert(Arc::clone(id), number);
        number
    }

    /// For each number the station's place in the order of the ids. Stations met later do not change which of
    /// two comes first.
    pub(super) fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.ids.len() as u32).collect();
        order.sort_unstable_by_key(|&number| &self.ids[number as usize]);
        let mut ranks = vec![0; order.len()];
        for (rank, number) in order.into_iter().enumerate() {
            ranks[number as usize] = rank as u32;
        }
        ranks
    }

    pub(super) fn id(&self, number: u32) -> &Arc<str> {
        &self.ids[number as usize]
    }
}

/// Rows, column by column. A missing value is NaN, which no value of a batch is.
#[derive(Debug, Default)]
pub(super) struct RowsInMemory {
    /// Number of each row's station.
    pub(super) stations: Vec<u32>,
    pub(super) times: Vec<i64>,
    pub(super) columns: Vec<Vec<f64>>,
}

impl RowsInMemory {
    /// No rows, and capacity for so many, of which the operating system gives what is used.
    pub(super) fn with_capacity(columns: usize, rows: usize) -> Self {
        Self {
            stations: Vec::with_capacity(rows),
            times: Vec::with_capacity(rows),
            columns: (0..columns).map(|_| Vec::with_capacity(rows)).collect(),
        }
    }

    /// Bytes that a row of so many columns takes, with the index by which it is sorted.
    pub(super) fn row_bytes(columns: usize) -> usize {
        size_of::<u32>() * 2 + size_of::<i64>() + size_of::<f64>() * columns
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    pub(super) fn clear(&mut self) {
        self.stations.clear();
        self.times.clear();
        self.columns.iter_mut().for_each(Vec::clear);
    }

    /// Appends so many rows of a batch, which are all there.
    pub(super) fn extend(&mut self, batch: &Batch, start: usize, rows: usize, stations: &mut StationNumbers) {
        let end = start + rows;
        let mut from = 0;
        for run in &batch.stations {
            let to = from + run.rows;
            let taken = to.min(end).saturating_sub(from.max(start));
            if taken > 0 {
                let number = stations.number(&run.station_id);
                self.stations.resize(self.stations.len() + taken, number);
            }
            from = to;
        }
        self.times.extend_from_slice(&batch.timestamps[start..end]);
        for (own, column) in self.columns.iter_mut().zip(&batch.columns) {
            let column = column.slice(start, rows);
            match column.nulls() {
                None => own.extend_from_slice(column.values()),
                Some(nulls) => {
                    let values = column.values().iter().zip(nulls);
                    own.extend(values.map(|(&value, valid)| if valid { value } else { f64::NAN }));
                }
            }
        }
    }

    /// The order of the rows by (station, time), equal keys as they stand.
    pub(super) fn order(&self, ranks: &[u32]) -> Vec<u32> {
        let mut starts = vec![0_u32; ranks.len() + 1];
        for &station in &self.stations {
            starts[ranks[station as usize] as usize + 1] += 1;
        }
        for rank in 1..starts.len() {
            starts[rank] += starts[rank - 1];
        }
        let mut order = vec![0_u32; self.len()];
        let mut next = starts.clone();
        for (row, &station) in self.stations.iter().enumerate() {
            let next = &mut next[ranks[station as usize] as usize];
            order[*next as usize] = row as u32;
            *next += 1;
        }
        let mut rest = order.as_mut_slice();
        let mut series = Vec::new();
        for pair in starts.windows(2) {
            let (own, others) = rest.split_at_mut((pair[1] - pair[0]) as usize);
            rest = others;
            series.push(own);
        }
        // Stable, and in linear time where a series is sorted already.
        series.into_par_iter().for_each(|rows| rows.sort_by_key(|&row| self.times[row as usize]));
        order
    }

    /// Copies of the rows at `picked`.
    pub(super) fn pick(&self, picked: &[u32]) -> Self {
        let columns = self.columns.par_iter();
        Self {
            stations: picked.iter().map(|&row| self.stations[row as usize]).collect(),
            times: picked.iter().map(|&row| self.times[row as usize]).collect(),
            columns: columns.map(|column| picked.iter().map(|&row| column[row as usize]).collect()).collect(),
        }
    }

    /// The rows as a batch without the path and row that they came from.
    pub(super) fn into_batch(self, stations: &StationNumbers) -> Batch {
        let runs = self.stations.chunk_by(|a, b| a == b);
        let runs = runs.filter_map(|run| {
            Some(StationRun { station_id: Arc::clone(stations.id(*run.first()?)), rows: run.len() })
        });
        Batch {
            path: Arc::from(Path::new("")),
            first_row: 0,
            stations: runs.collect(),
            timestamps: self.times,
            columns: self.columns.into_iter().map(nullable).collect(),
        }
    }
}
