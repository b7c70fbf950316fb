//! Batches out of a grid of stations and times: a plan in, rows station by station out.
//!
//! The grid is read in tiles cut along the chunks, so that each chunk is decoded once: where it
//! costs nothing, a tile holds all times of its stations, and the rows come sorted. Within a tile
//! they are sorted by station and time in any case. A cell without any value is no observation.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use isd_dataset::column::nullable;
use rayon::prelude::*;

use super::fields::{DatasetFields, Field, Target};
use super::read_plan::ReadPlan;
use super::row_source::{BATCH_ROWS, LARGE_CHUNK_ROWS, at_edges, cut, left_out};
use super::unpack::{self, NO_TIME};
use crate::formats::hdf5::cf::Unpacking;
use crate::formats::hdf5::library::{NumberType, StoredNumbers, is_written};
use crate::{Batch, Error, Result, Source, SourceInfo, StationRun, Tally};

/// Number of cells that one task reads and unpacks, about.
const PIECE_CELLS: u64 = 64 << 10;
/// Bytes of unpacked values of a tile.
const TILE_BYTES: u64 = 64 << 20;
/// What the tally calls a cell without a value.
const EMPTY: &str = "cells of a grid without any value";

/// A grid that is read by a plan.
pub struct GridSource {
    path: Arc<Path>,
    plan: ReadPlan,
    names: Arc<[Arc<str>]>,
    /// Times in microseconds since 1970 that all stations have; empty where each cell has its own.
    times: Vec<i64>,
    tiles: Tiles,
    next_tile: u64,
    yielded: u64,
    empty: u64,
    removed: Vec<u64>,
}

/// A grid cut into rectangles of equal size, but smaller at the far edges; all times of the first stations come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tiles {
    stations: u64,
    times: u64,
    tile_stations: u64,
    tile_times: u64,
}

impl Tiles {
    /// Tiles of about `cells`, made of whole chunks of `chunk` stations and times unless a chunk has more than `largest`
    /// cells.
    fn new(stations: u64, times: u64, chunk: (u64, u64), cells: u64, largest: u64) -> Self {
        let (chunk_stations, chunk_times) =
            (chunk.0.clamp(1, stations.max(1)), chunk.1.clamp(1, times.max(1)));
        let multiple = |room: u64, chunk: u64| (room / chunk).max(1) * chunk;
        let (tile_stations, tile_times) = if chunk_stations.saturating_mul(chunk_times) > largest.max(cells) {
            // A chunk is larger than what memory is to hold: a tile is part of one, which the library keeps decoded.
            let tile_times = chunk_times.min(cells);
            ((cells / tile_times).clamp(1, chunk_stations), tile_times)
        } else if chunk_stations.saturating_mul(times) <= cells {
            (multiple(cells / times.max(1), chunk_stations), times)
        } else {
            (chunk_stations, multiple(cells / chunk_stations, chunk_times))
        };
        let (tile_stations, tile_times) = (tile_stations.min(stations).max(1), tile_times.min(times).max(1));
        Self { stations, times, tile_stations, tile_times }
    }

    /// The stations and times of a tile, or `None` after the last.
    fn get(&self, tile: u64) -> Option<(Range<u64>, Range<u64>)> {
        let across = self.times.div_ceil(self.tile_times).max(1);
        let (station, time) = (tile / across * self.tile_stations, tile % across * self.tile_times);
        (station < self.stations).then(|| {
            let stations = station..self.stations.min(station + self.tile_stations);
            (stations, time..self.times.min(time + self.tile_times))
        })
    }
}

impl GridSource {
    /// Reads `path` by `plan` from its first tile: a grid of the stations of these names and so many times.
    ///
    /// # Errors
    /// Times that cannot be read, or are none.
    pub fn new(path: &Path, plan: ReadPlan, names: Arc<[Arc<str>]>, times: u64) -> Result<Self> {
        let stations = names.len() as u64;
        let values = || plan.datasets.iter().filter(|dataset| value(dataset).is_some());
        let chunk = values()
            .map(|dataset| chunk_of(dataset, stations, times))
            .fold((1, 1), |a, b| (a.0.max(b.0), a.1.max(b.1)));
        let bytes = 8 * (plan.info.columns.len() as u64 + 2);
        let tiles = Tiles::new(
            stations,
            times,
            chunk,
            (TILE_BYTES / bytes).clamp(1, BATCH_ROWS),
            (4 * TILE_BYTES / bytes).min(LARGE_CHUNK_ROWS),
        );
        let removed = vec![0; plan.info.columns.len()];
        let mut source = Self {
            path: path.into(),
            plan,
            names,
            times: Vec::new(),
            tiles,
            next_tile: 0,
            yielded: 0,
            empty: 0,
            removed,
        };
        if let Some(dataset) = source.time().filter(|dataset| dataset.station_axis.is_none()) {
            source.times = source.read_times(dataset, 0..1, 0..times)?;
        }
        Ok(source)
    }

    fn time(&self) -> Option<&DatasetFields> {
        let is_time = |field: &Field| matches!(field.target, Target::Time(..));
        self.plan.datasets.iter().find(|dataset| dataset.fields.iter().any(is_time))
    }

    fn unreadable(&self, dataset: &DatasetFields, ranges: &[Range<u64>], reason: &str) -> Error {
        Error::Column {
            path: self.path.to_path_buf(),
            column: dataset.place.clone(),
            found: format!("elements {ranges:?} cannot be read: {reason}"),
            hint: None,
        }
    }

    /// The numbers of the field at `offset` in the rows of a dataset.
    fn numbers<'a>(
        dataset: &DatasetFields,
        number: NumberType,
        bytes: &'a [u8],
        offset: usize,
    ) -> Result<StoredNumbers<'a>> {
        let outside = || Error::internal(format!("{} does not lie within its row", dataset.place));
        StoredNumbers::new(number, bytes, dataset.row_bytes, offset).ok_or_else(outside)
    }

    /// Times of the cells of a rectangle, station by station; those of one station where all have the same.
    fn read_times(
        &self,
        dataset: &DatasetFields,
        stations: Range<u64>,
        times: Range<u64>,
    ) -> Result<Vec<i64>> {
        let ranges = dataset.ranges(stations.clone(), times.clone());
        let bytes =
            dataset.dataset.read(&ranges).map_err(|reason| self.unreadable(dataset, &ranges, &reason))?;
        let [Field { target: Target::Time(number, units, missing), offset, .. }] = dataset.fields.as_slice()
        else {
            return Err(self.unreadable(dataset, &ranges, "it holds no times"));
        };
        let stored = Self::numbers(dataset, *number, &bytes, *offset)?;
        // Each cell has its own time, or all stations have the same times, none of which is missing.
        let of_cells = dataset.station_axis.is_some();
        let stations = if of_cells { stations.end - stations.start } else { 1 };
        let mut out = vec![NO_TIME; (stations * (times.end - times.start)) as usize];
        if bytes.len() != out.len() * dataset.row_bytes {
            return Err(self.unreadable(dataset, &ranges, &format!("{} bytes were read", bytes.len())));
        }
        unpack::times(stored, *units, missing, of_cells, &mut out).map_err(|(row, found)| Error::Row {
            path: self.path.to_path_buf(),
            row: row as u64,
            found: format!("{found} ({})", dataset.place),
            hint: None,
        })?;
        if by_time(dataset) {
            out = transposed(&out, (times.end - times.start) as usize);
        }
        Ok(out)
    }

    /// The values of a rectangle, station by station, NaN where missing, and how many were removed.
    fn read_values(
        &self,
        dataset: &DatasetFields,
        stations: &Range<u64>,
        times: &Range<u64>,
    ) -> Result<(Vec<f64>, u64)> {
        let (width, height) = ((times.end - times.start) as usize, (stations.end - stations.start) as usize);
        let mut out = vec![f64::NAN; width * height];
        let mut removed = 0;
        let pieces = pieces(dataset, stations, times);
        let read: Vec<Result<(Vec<f64>, u64)>> =
            pieces.par_iter().map(|(stations, times)| self.read_piece(dataset, stations, times)).collect();
        for ((piece_stations, piece_times), read) in pieces.into_iter().zip(read) {
            let (values, count) = read?;
            removed += count;
            let piece_width = (piece_times.end - piece_times.start) as usize;
            let from = (piece_times.start - times.start) as usize;
            for (row, values) in values.chunks_exact(piece_width.max(1)).enumerate() {
                let at = ((piece_stations.start - stations.start) as usize + row) * width + from;
                out[at..at + piece_width].copy_from_slice(values);
            }
        }
        Ok((out, removed))
    }

    fn read_piece(
        &self,
        dataset: &DatasetFields,
        stations: &Range<u64>,
        times: &Range<u64>,
    ) -> Result<(Vec<f64>, u64)> {
        let ranges = dataset.ranges(stations.clone(), times.clone());
        let cells = ((times.end - times.start) * (stations.end - stations.start)) as usize;
        let written = dataset.dataset.written();
        if ranges.first().is_some_and(|first| !is_written(written, first)) {
            return Ok((vec![f64::NAN; cells], 0));
        }
        let bytes =
            dataset.dataset.read(&ranges).map_err(|reason| self.unreadable(dataset, &ranges, &reason))?;
        let Some((number, unpacking, offset)) = value(dataset) else {
            return Err(self.unreadable(dataset, &ranges, "it holds no values"));
        };
        let stored = Self::numbers(dataset, number, &bytes, offset)?;
        let width = (times.end - times.start) as usize;
        let mut out = vec![f64::NAN; cells];
        if bytes.len() != out.len() * dataset.row_bytes {
            return Err(self.unreadable(dataset, &ranges, &format!("{} bytes were read", bytes.len())));
        }
        let removed = unpack::unpack(stored, unpacking, &mut out);
        if let (Some(first), Some(_)) = (ranges.first(), written) {
            // What was never written has no value, whatever the fill value.
            let side_by_side = cells / ((first.end - first.start) as usize).max(1);
            let gaps = at_edges(written, first.clone()).into_iter().filter(|part| !is_written(written, part));
            for gap in gaps {
                let at = |element: u64| (element - first.start) as usize * side_by_side;
                out[at(gap.start)..at(gap.end)].fill(f64::NAN);
            }
        }
        Ok((if by_time(dataset) { transposed(&out, width) } else { out }, removed))
    }

    /// Which cells are observations.
    fn present(&self, columns: &[Vec<f64>], stations: &Range<u64>, times: &Range<u64>) -> Result<Vec<bool>> {
        let mut present = vec![false; columns.first().map_or(0, Vec::len)];
        let only_companions =
            self.plan.companions.iter().all(|&companion| companion) && self.plan.others.is_empty();
        let mark = |present: &mut Vec<bool>, values: &[f64]| {
            for (present, value) in present.iter_mut().zip(values) {
                *present |= !value.is_nan();
            }
        };
        for (values, &companion) in columns.iter().zip(&self.plan.companions) {
            if !companion || only_companions {
                mark(&mut present, values);
            }
        }
        for dataset in &self.plan.others {
            if present.iter().all(|&present| present) {
                break;
            }
            mark(&mut present, &self.read_values(dataset, stations, times)?.0);
        }
        Ok(present)
    }

    fn read_tile(&mut self, stations: &Range<u64>, times: &Range<u64>) -> Result<Batch> {
        let datasets: Vec<&DatasetFields> =
            self.plan.datasets.iter().filter(|dataset| value(dataset).is_some()).collect();
        let read: Vec<Result<(Vec<f64>, u64)>> =
            datasets.par_iter().map(|dataset| self.read_values(dataset, stations, times)).collect();
        let mut columns = Vec::with_capacity(read.len());
        let mut removed = Vec::with_capacity(read.len());
        for values in read {
            let (values, count) = values?;
            columns.push(values);
            removed.push(count);
        }
        let mut present = self.present(&columns, stations, times)?;
        let width = (times.end - times.start) as usize;
        let cell_times = match self.time() {
            Some(dataset) if dataset.station_axis.is_some() => {
                Some(self.read_times(dataset, stations.clone(), times.clone())?)
            }
            _ => None,
        };
        for (present, &time) in present.iter_mut().zip(cell_times.iter().flatten()) {
            *present &= time != NO_TIME;
        }
        let mut timestamps = Vec::new();
        let mut runs = Vec::new();
        let names = &self.names[stations.start as usize..stations.end as usize];
        for ((row, present), station_id) in present.chunks(width.max(1)).enumerate().zip(names) {
            let times = match &cell_times {
                Some(times) => &times[row * width..(row + 1) * width],
                None => &self.times[times.start as usize..times.end as usize],
            };
            let before = timestamps.len();
            let observed = times.iter().zip(present).filter(|&(_, &present)| present);
            timestamps.extend(observed.map(|(&time, _)| time));
            let rows = timestamps.len() - before;
            if rows > 0 {
                runs.push(StationRun { station_id: Arc::clone(station_id), rows });
            }
        }
        let empty = present.len() - timestamps.len();
        let columns = columns
            .into_par_iter()
            .map(|values| {
                let mut kept = present.iter();
                let observed = match empty {
                    0 => values,
                    _ => values.into_iter().filter(|_| kept.next().is_some_and(|&kept| kept)).collect(),
                };
                nullable(observed)
            })
            .collect();
        let first_row = self.yielded;
        self.yielded += timestamps.len() as u64;
        self.empty += empty as u64;
        for (total, count) in self.removed.iter_mut().zip(removed) {
            *total += count;
        }
        Ok(Batch { path: Arc::clone(&self.path), first_row, stations: runs, timestamps, columns })
    }
}

impl Source for GridSource {
    fn info(&self) -> &SourceInfo {
        &self.plan.info
    }

    fn tally(&self) -> Tally {
        left_out(&self.plan.info.columns, &self.removed, (EMPTY, self.empty))
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        while let Some((stations, times)) = self.tiles.get(self.next_tile) {
            let batch = self.read_tile(&stations, &times)?;
            self.next_tile += 1;
            if batch.rows() > 0 {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

/// How the values of a column are stored and unpacked, and where they begin in a row; `None` of what holds no values.
fn value(dataset: &DatasetFields) -> Option<(NumberType, &Unpacking, usize)> {
    dataset.fields.iter().find_map(|field| match &field.target {
        Target::Value(_, number, unpacking) => Some((*number, unpacking, field.offset)),
        _ => None,
    })
}

/// Whether the values of one time lie side by side, rather than those of one station.
fn by_time(dataset: &DatasetFields) -> bool {
    matches!((dataset.station_axis, dataset.time_axis), (Some(station), Some(time)) if time < station)
}

/// Number of stations and times that are decoded together, as a chunk, or lie side by side.
fn chunk_of(dataset: &DatasetFields, stations: u64, times: u64) -> (u64, u64) {
    let whole = |axis: Option<usize>, length: u64| if axis.is_some() { length } else { 1 };
    match dataset.dataset.chunk() {
        // A dataset without one of the axes has one element along it.
        Some(_) => (
            dataset.chunk_along(dataset.station_axis).unwrap_or(1),
            dataset.chunk_along(dataset.time_axis).unwrap_or(1),
        ),
        None if by_time(dataset) => (whole(dataset.station_axis, stations), 1),
        None => (1, whole(dataset.time_axis, times).min(PIECE_CELLS)),
    }
}

/// A rectangle cut along the chunks into pieces of about [`PIECE_CELLS`].
fn pieces(
    dataset: &DatasetFields,
    stations: &Range<u64>,
    times: &Range<u64>,
) -> Vec<(Range<u64>, Range<u64>)> {
    let (width, height) = (times.end - times.start, stations.end - stations.start);
    let (chunk_stations, chunk_times) = chunk_of(dataset, height, width);
    let wide = (PIECE_CELLS / chunk_stations.max(1) / chunk_times).max(1) * chunk_times;
    let high = (PIECE_CELLS / wide.min(width).max(1) / chunk_stations).max(1) * chunk_stations;
    let across: Vec<Range<u64>> = cut(times.clone(), wide.max(1)).collect();
    cut(stations.clone(), high.max(1))
        .flat_map(|rows| across.iter().map(move |columns| (rows.clone(), columns.clone())))
        .collect()
}

/// Values that come time by time, for so many `times`, as values station by station.
fn transposed<T: Copy>(values: &[T], times: usize) -> Vec<T> {
    let stations = values.len() / times.max(1);
    (0..stations).flat_map(|station| values.iter().skip(station).step_by(stations.max(1)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_hold_whole_series_where_chunks_allow() {
        let tiles = |stations, times, chunk| {
            let tiles = Tiles::new(stations, times, chunk, 1000, 4000);
            (tiles.tile_stations, tiles.tile_times)
        };
        assert_eq!(tiles(50, 100, (1, 100)), (10, 100));
        assert_eq!(tiles(50, 100, (50, 1)), (50, 20));
        assert_eq!(tiles(50, 100, (4, 10)), (8, 100));
        assert_eq!(tiles(50, 10_000, (4, 10)), (4, 250));
        assert_eq!(tiles(50, 10_000, (1, 64)), (1, 960));
        assert_eq!(tiles(2000, 5, (2000, 1)), (2000, 1));
        assert_eq!(tiles(50, 100, (50, 100)), (10, 100));
        assert_eq!(tiles(50, 60, (50, 60)), (50, 60));
        assert_eq!(tiles(1, 1, (1, 1)), (1, 1));
    }

    #[test]
    fn tiles_cover_every_cell_once() {
        for (stations, times, chunk) in
            [(7, 11, (2, 3)), (7, 11, (7, 1)), (1, 500, (1, 32)), (100, 1, (100, 1))]
        {
            let tiles = Tiles::new(stations, times, chunk, 12, 20);
            let mut seen = vec![0; (stations * times) as usize];
            let mut tile = 0;
            while let Some((rows, columns)) = tiles.get(tile) {
                for row in rows {
                    for column in columns.clone() {
                        seen[(row * times + column) as usize] += 1;
                    }
                }
                tile += 1;
            }
            assert!(seen.iter().all(|&count| count == 1), "{tiles:?}");
        }
    }

    #[test]
    fn times_by_stations_become_stations_by_times() {
        assert_eq!(transposed(&[1, 2, 3, 4, 5, 6], 2), [1, 4, 2, 5, 3, 6]);
        assert!(transposed::<i32>(&[], 0).is_empty());
    }
}
