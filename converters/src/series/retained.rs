//! Rows of an earlier dataset that stay because their source can no longer be read: sorted batches in, the same with those
//! rows among them out.
//!
//! The dataset does not say which source a row comes from. What stays are its rows of the stations and the times that the
//! source had, each as it is, unless a source that was written to or is new has a row of the same station and time.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray};
use arrow::compute::interleave;
use arrow::datatypes::Float64Type;
use isd_dataset::block::BlockRecord;
use isd_dataset::layout::{block_of, part_name};
use isd_dataset::read::RowGroup;

use super::Batches;
use super::batch_rows::{BatchRows, stored_batch, stored_row_groups};
use super::conflicts::Stop;
use super::selected::kept;
use crate::archive::FileReport;
use crate::{Batch, ColumnInfo, Error, Result, StationRun};

/// The stations and times of a source's rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Region {
    pub(crate) stations: Vec<String>,
    /// Earliest and latest time, in microseconds since 1970 UTC.
    pub(crate) times: (i64, i64),
}

/// Which rows of an earlier dataset stay.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    dataset: PathBuf,
    blocks: Vec<BlockRecord>,
    lost: Ranges,
    /// Where a row that is read counts, though there is one that would stay.
    changed: Ranges,
    /// How many rows of each block stayed in the pass that is under way, or was last, less those that were read in vain.
    counts: Mutex<BTreeMap<String, i64>>,
}

/// Times of each station, as ranges.
#[derive(Debug, Default)]
struct Ranges(HashMap<String, Vec<(i64, i64)>>);

impl Ranges {
    fn new(regions: impl IntoIterator<Item = Region>) -> Self {
        let mut ranges: HashMap<String, Vec<(i64, i64)>> = HashMap::new();
        for Region { stations, times } in regions {
            for station in stations {
                ranges.entry(station).or_default().push(times);
            }
        }
        Self(ranges)
    }

    fn of(&self, station: &str) -> &[(i64, i64)] {
        self.0.get(station).map_or(&[], Vec::as_slice)
    }

    fn hold(&self, (station, time): (&Arc<str>, i64)) -> bool {
        self.of(station).iter().any(|(first, last)| (first..=last).contains(&&time))
    }
}

impl Retained {
    /// Of the rows that lie in these blocks of the dataset, those of the sources that were lost; `changed` says of which
    /// stations and times the sources are that were written to or are new.
    pub(crate) fn new(
        dataset: PathBuf,
        blocks: Vec<BlockRecord>,
        lost: impl IntoIterator<Item = Region>,
        changed: impl IntoIterator<Item = Region>,
    ) -> Self {
        let (lost, changed) = (Ranges::new(lost), Ranges::new(changed));
        Self { dataset, blocks, lost, changed, counts: Mutex::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// How many rows of a block stayed, less those that were read in vain.
    pub(crate) fn count(&self, block: &str) -> i64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(block).copied().unwrap_or(0)
    }

    /// The row groups that hold rows that stay, in the order of their stations.
    fn row_groups(&self) -> Result<Vec<RowGroup>> {
        let mut groups = Vec::new();
        for block in &self.blocks {
            for group in stored_row_groups(&self.dataset, block, part_name)? {
                let stations = group.stations()?;
                if stations.iter().any(|run| !self.lost.of(&run.station_id).is_empty()) {
                    groups.extend(stations.first().map(|run| (Arc::clone(&run.station_id), group)));
                }
            }
        }
        groups.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(groups.into_iter().map(|(_, group)| group).collect())
    }

    /// The rows of a row group that stay.
    fn rows_of(&self, group: &RowGroup, columns: &[ColumnInfo]) -> Result<Batch> {
        let batch = stored_batch(group, columns)?;
        let mut keep = Vec::with_capacity(batch.rows());
        for run in &batch.stations {
            let times = &batch.timestamps[keep.len()..keep.len() + run.rows];
            keep.extend(times.iter().map(|&time| self.lost.hold((&run.station_id, time))));
        }
        Ok(kept(&batch, &keep))
    }
}

/// Sorted batches, with the rows among them that stay. Where the batches are out of order, so is the result.
pub(super) struct WithRetained<'a, B> {
    read: B,
    retained: &'a Retained,
    columns: &'a [ColumnInfo],
    groups: std::vec::IntoIter<RowGroup>,
    /// Rows that stay, of which the first are done with.
    next: Option<BatchRows>,
    /// Station and time of the last row that stayed in the place of one that is read.
    stayed: Option<(Arc<str>, i64)>,
    /// Whether all batches were read.
    is_at_end: bool,
}

impl<'a, B: Batches> WithRetained<'a, B> {
    /// Errors: a dataset that cannot be read.
    pub(super) fn new(read: B, retained: &'a Retained, columns: &'a [ColumnInfo]) -> Result<Self> {
        retained.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let groups = retained.row_groups()?.into_iter();
        let mut rows = Self { read, retained, columns, groups, next: None, stayed: None, is_at_end: false };
        rows.advance()?;
        Ok(rows)
    }

    /// Goes on to the next batch with rows that stay, once those of this one are taken; gives back this one.
    fn advance(&mut self) -> Result<Option<Batch>> {
        if self.next.as_ref().is_some_and(|rows| rows.key().is_some()) {
            return Ok(None);
        }
        let done = self.next.take().map(|rows| rows.batch);
        for group in self.groups.by_ref() {
            let rows = BatchRows::new(self.retained.rows_of(&group, self.columns)?);
            if rows.key().is_some() {
                self.next = Some(rows);
                break;
            }
        }
        Ok(done)
    }

    /// Puts those rows that stay into a batch that do not come after its last row. Of two rows of one key one is passed over.
    fn merge(&mut self, batch: Batch) -> Result<Batch> {
        let mut read = BatchRows::new(batch);
        let mut merged = Merged::default();
        // The batches that rows are taken of, besides the one that was read.
        let mut others: Vec<Batch> = Vec::new();
        while let Some(key) = read.key() {
            while let Some(rows) = &mut self.next {
                let Some(own) = rows.key() else { break };
                match own.cmp(&key) {
                    Ordering::Greater => break,
                    Ordering::Equal if self.retained.changed.hold(own) => {}
                    order => {
                        if order == Ordering::Equal {
                            self.stayed = Some((Arc::clone(own.0), own.1));
                        }
                        merged.add(own, others.len() + 1, rows.row);
                    }
                }
                rows.step();
                others.extend(self.advance()?);
            }
            if self.stays_for(key) {
                merged.in_vain.push(Arc::clone(key.0));
            } else {
                merged.add(key, 0, read.row);
            }
            read.step();
        }
        let batch = read.batch;
        if merged.stayed.is_empty() && merged.in_vain.is_empty() {
            return Ok(batch);
        }
        self.count(&merged.stayed, &merged.in_vain);
        others.extend(self.next.as_ref().map(|rows| rows.batch.clone()));
        let mixed = |column: usize| {
            let sources = std::iter::once(&batch).chain(&others);
            let arrays: Vec<&dyn Array> = sources.map(|batch| &batch.columns[column] as _).collect();
            let mixed = interleave(&arrays, &merged.rows)
                .map_err(|error| Error::internal(format!("columns do not go together: {error}")))?;
            Ok(mixed.as_primitive::<Float64Type>().clone())
        };
        Ok(Batch {
            columns: (0..self.columns.len()).map(mixed).collect::<Result<_>>()?,
            path: batch.path,
            first_row: batch.first_row,
            stations: merged.stations,
            timestamps: merged.times,
        })
    }

    /// Whether the last row that stayed has this key, so that those that are read are passed over.
    fn stays_for(&self, (station, time): (&Arc<str>, i64)) -> bool {
        self.stayed.as_ref().is_some_and(|stayed| stayed.1 == time && stayed.0 == *station)
    }

    /// Counts rows that stay, and those that were read in vain, by their stations.
    fn count(&self, stayed: &[StationRun], in_vain: &[Arc<str>]) {
        let mut counts = self.retained.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for run in stayed {
            *counts.entry(block_of(&run.station_id)).or_default() += run.rows as i64;
        }
        for station in in_vain {
            *counts.entry(block_of(station)).or_default() -= 1;
        }
    }
}

impl<B: Batches> Batches for WithRetained<'_, B> {
    fn next(&mut self) -> Result<Option<Batch>, Stop> {
        if !self.is_at_end {
            let Some(batch) = self.read.next()? else {
                self.is_at_end = true;
                return self.next();
            };
            let first = batch.stations.iter().find(|run| run.rows > 0).zip(batch.timestamps.first());
            let last = batch.stations.iter().rfind(|run| run.rows > 0).zip(batch.timestamps.last());
            let (Some((first, &begin)), Some((last, &end))) = (first, last) else { return Ok(Some(batch)) };
            let next = self.next.as_ref().and_then(BatchRows::key);
            let comes = next.is_some_and(|key| key <= (&last.station_id, end));
            let is_mixed = comes || self.stays_for((&first.station_id, begin));
            return Ok(Some(if is_mixed { self.merge(batch)? } else { batch }));
        }
        let Some(rows) = &self.next else { return Ok(None) };
        let keep: Vec<bool> = (0..rows.batch.rows()).map(|row| row >= rows.row).collect();
        let rest = kept(&rows.batch, &keep);
        self.next = None;
        self.advance()?;
        self.count(&rest.stations, &[]);
        Ok(Some(rest))
    }

    fn finished(&mut self) -> Vec<FileReport> {
        self.read.finished()
    }
}

/// Rows of several batches in a new order.
#[derive(Default)]
struct Merged {
    stations: Vec<StationRun>,
    times: Vec<i64>,
    /// The batch of each row, and its place there.
    rows: Vec<(usize, usize)>,
    /// The stations of those rows that are not of the first batch.
    stayed: Vec<StationRun>,
    /// The station of each row of the first batch that was passed over.
    in_vain: Vec<Arc<str>>,
}

impl Merged {
    fn add(&mut self, (station, time): (&Arc<str>, i64), batch: usize, row: usize) {
        let add = |runs: &mut Vec<StationRun>| match runs.last_mut() {
            Some(last) if last.station_id == *station => last.rows += 1,
            _ => runs.push(StationRun { station_id: Arc::clone(station), rows: 1 }),
        };
        add(&mut self.stations);
        if batch > 0 {
            add(&mut self.stayed);
        }
        self.times.push(time);
        self.rows.push((batch, row));
    }
}
