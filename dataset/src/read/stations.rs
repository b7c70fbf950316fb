//! The stations of a row group: from its column `station_id` to runs of rows.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::Int32Type;
use parquet::file::statistics::Statistics;

use crate::guard::attempted;
use crate::layout::STATION_ID;
use crate::pages::read_stations;
use crate::read::data_file::station_type;
use crate::read::row_group::RowGroup;
use crate::{Result, StationRun};

impl RowGroup {
    /// The stations in row order, each once, with the number of its rows; together they have all rows.
    ///
    /// Where the footer's statistics say that there is one station, nothing is read. Where the column is stored as runs of
    /// stations, as `isd-convert` and most writers do, no row is decoded.
    ///
    /// # Errors
    /// An unreadable file, a row without an id, or stations out of order.
    pub fn stations(&self) -> Result<Vec<StationRun>> {
        if let Some(station_id) = attempted(|| self.only_station()) {
            return Ok(vec![StationRun { station_id, rows: self.rows() }]);
        }
        let mut runs: Vec<StationRun> = Vec::new();
        if let Some(stored) = self.by_hand(STATION_ID, None, read_stations) {
            for run in stored {
                self.append_run(&mut runs, &run.station_id, run.rows)?;
            }
            return Ok(runs);
        }
        let failed = |found| self.file.column_error(STATION_ID, found);
        self.decode(&self.file.stations_footer, STATION_ID, None, |array| {
            let no_strings = || failed(format!("expected strings, found {}", array.data_type()));
            // Some writers do not mark their strings as such.
            let array = cast(array, &station_type()).map_err(|_| no_strings())?;
            // On damaged files the library decodes into other types than were asked for.
            let keys = array.as_dictionary_opt::<Int32Type>().ok_or_else(no_strings)?;
            let ids = keys.values().as_string_opt::<i32>().ok_or_else(no_strings)?;
            if keys.null_count() > 0 {
                return Err(failed(format!("{} rows without a station", keys.null_count())));
            }
            for (key, rows) in equal_runs(keys.keys().values()) {
                self.append_run(&mut runs, ids.value(key as usize), rows)?;
            }
            Ok(())
        })?;
        Ok(runs)
    }

    /// Appends rows of a station, which may be the last one of `runs`.
    fn append_run(&self, runs: &mut Vec<StationRun>, id: &str, rows: usize) -> Result<()> {
        match runs.last_mut() {
            // A batch or a page ends within a station, and two keys may stand for one string.
            Some(last) if &*last.station_id == id => last.rows += rows,
            Some(last) if &*last.station_id > id => {
                let found = format!("{id} behind {}: stations are not in order", last.station_id);
                return Err(self.file.column_error(STATION_ID, found));
            }
            _ => runs.push(StationRun { station_id: id.into(), rows }),
        }
        Ok(())
    }

    /// The station of all rows, if the footer's statistics say so: they may hold the first bytes of long ids alone.
    pub(super) fn only_station(&self) -> Option<Arc<str>> {
        let column = self.file.column(STATION_ID)?;
        let Statistics::ByteArray(statistics) = self.metadata().column(column).statistics()? else {
            return None;
        };
        let are_exact =
            statistics.min_is_exact() && statistics.max_is_exact() && statistics.null_count_opt() == Some(0);
        let (least, largest) = (statistics.min_opt()?, statistics.max_opt()?);
        if !are_exact || least != largest {
            return None;
        }
        Some(least.as_utf8().ok()?.into())
    }
}

/// Finds runs of equal keys: (key, length).
fn equal_runs(keys: &[i32]) -> Vec<(i32, usize)> {
    /// Keys compared before the first look at one: stations are long.
    const STRIDE: usize = 256;
    let mut runs = Vec::new();
    let mut rest = keys;
    while let Some(&key) = rest.first() {
        let strides = rest.chunks_exact(STRIDE).take_while(|keys| keys.iter().all(|k| *k == key)).count();
        let tail = &rest[strides * STRIDE..];
        let rows = strides * STRIDE + tail.iter().take_while(|k| **k == key).count();
        runs.push((key, rows));
        rest = &rest[rows..];
    }
    runs
}
