//! Whole series of some of the stations of other whole series: a row group and a choice in, a smaller one out.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{BooleanBufferBuilder, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;
use isd_dataset::selection::Selection;
use isd_dataset::{Error, Result, StationRun};
use isd_kernel::Packing;

use crate::plan::whole_series::WholeSeries;

/// The rows of some of the stations of `all`. Their pages are read, and then closed up.
#[derive(Debug)]
pub struct SelectedStations {
    all: Arc<dyn WholeSeries>,
    stations: Vec<StationRun>,
    /// Their rows in `all`; ranges that follow each other at once are one.
    ranges: Vec<Range<usize>>,
    rows: usize,
}

impl SelectedStations {
    /// The series of `all` whose stations are wanted: `all` itself if those are all of them, `None` if there are none.
    ///
    /// # Errors
    /// Unreadable stations.
    pub fn of(all: Arc<dyn WholeSeries>, selection: &Selection) -> Result<Option<Arc<dyn WholeSeries>>> {
        if selection.is_of_all_stations() {
            return Ok(Some(all));
        }
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let (mut stations, mut start) = (Vec::new(), 0);
        for run in all.stations()? {
            let end = start + run.rows;
            if selection.holds_station(&run.station_id) {
                match ranges.last_mut().filter(|last| last.end == start) {
                    Some(last) => last.end = end,
                    None => ranges.push(start..end),
                }
                stations.push(run);
            }
            start = end;
        }
        let rows = stations.iter().map(|run| run.rows).sum();
        Ok(match rows {
            0 => None,
            _ if rows == all.rows() => Some(all),
            _ => {
                let all = all.limited_to(&ranges).unwrap_or(all);
                Some(Arc::new(Self { all, stations, ranges, rows }))
            }
        })
    }

    /// Moves the rows of the ranges to the front, and cuts off the rest.
    fn close_up<T: Copy>(&self, values: &mut Vec<T>) -> Result<()> {
        let mut end = 0;
        for range in &self.ranges {
            if range.end > values.len() {
                return Err(Error::internal(format!("no row {} of {}", range.end, values.len())));
            }
            values.copy_within(range.clone(), end);
            end += range.len();
        }
        values.truncate(end);
        Ok(())
    }

    /// Which rows of the ranges are null.
    fn nulls(&self, nulls: &NullBuffer) -> NullBuffer {
        let mut bits = BooleanBufferBuilder::new(self.rows);
        for range in &self.ranges {
            bits.append_buffer(nulls.slice(range.start, range.len()).inner());
        }
        NullBuffer::new(bits.finish())
    }
}

impl WholeSeries for SelectedStations {
    fn rows(&self) -> usize {
        self.rows
    }

    fn path(&self) -> &Path {
        self.all.path()
    }

    fn stations(&self) -> Result<Vec<StationRun>> {
        Ok(self.stations.clone())
    }

    fn values_into(&self, column: &str, values: &mut Vec<f64>) -> Result<Option<NullBuffer>> {
        let nulls = self.all.values_into(column, values)?;
        self.close_up(values)?;
        Ok(nulls.map(|nulls| self.nulls(&nulls)))
    }

    fn integers_into(&self, column: &str, integers: &mut Vec<i32>) -> Option<(NullBuffer, Packing)> {
        let (nulls, packing) = self.all.integers_into(column, integers)?;
        self.close_up(integers).ok()?;
        Some((self.nulls(&nulls), packing))
    }

    fn timestamps(&self) -> Result<TimestampMicrosecondArray> {
        let mut times = self.all.timestamps()?.values().to_vec();
        self.close_up(&mut times)?;
        Ok(TimestampMicrosecondArray::new(times.into(), None))
    }

    fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray> {
        let mut ranges = self.ranges.iter();
        let (mut range, mut before) = (0..0, 0);
        let in_all = rows.iter().map(|row| {
            while row - before >= range.len() {
                before += range.len();
                let absent = || Error::internal(format!("no row {row} of {}", self.rows));
                range = ranges.next().cloned().ok_or_else(absent)?;
            }
            Ok(range.start + row - before)
        });
        self.all.timestamps_at(&in_all.collect::<Result<Vec<_>>>()?)
    }
}
