//! Sources whose batches are checked or changed: a source and an [`Adapter`] in, a source out.

use std::collections::BTreeMap;

use arrow::array::Float64Array;
use isd_dataset::time::iso8601;

use crate::formats::hdf5::layouts::Scope;
use crate::{Batch, ColumnInfo, Error, Measurement, Result, Source, SourceInfo, Tally};

/// What becomes of each batch of a source.
pub trait Adapter: Send {
    /// Checks or changes the next batch, whose columns are these.
    ///
    /// # Errors
    /// A batch that is refused.
    fn adapt(&mut self, columns: &[ColumnInfo], batch: &mut Batch) -> Result<()>;

    /// What the adapter has counted, to be added to the source's own tally.
    fn tally(&self) -> Tally {
        Tally::default()
    }
}

/// A source whose batches pass through an adapter.
pub struct Adapted<A> {
    /// The source.
    pub source: Box<dyn Source>,
    /// The adapter.
    pub adapter: A,
}

impl<A: Adapter> Source for Adapted<A> {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    fn tally(&self) -> Tally {
        let mut tally = self.source.tally();
        tally.add(&self.adapter.tally());
        tally
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let Some(mut batch) = self.source.next_batch()? else { return Ok(None) };
        self.adapter.adapt(&self.source.info().columns, &mut batch)?;
        Ok(Some(batch))
    }
}

/// A stored -1 in tenths.
const TRACE_MM: f64 = -0.1;

/// Makes traces of precipitation, a stored -1 in ISD's tenths, 0 mm, and counts them by column.
///
/// ISD-Lite as text and as HDF5 become the same dataset: in both, a stored -1 is no amount.
#[derive(Default)]
pub struct Traces(BTreeMap<String, u64>);

impl Adapter for Traces {
    fn adapt(&mut self, columns: &[ColumnInfo], batch: &mut Batch) -> Result<()> {
        for (info, column) in columns.iter().zip(&mut batch.columns) {
            if Measurement::named(&info.name).is_some_and(|measurement| measurement.trace) {
                let traces = column.iter().filter(|&value| value == Some(TRACE_MM)).count();
                if traces > 0 {
                    *column = without_traces(column);
                    *self.0.entry(info.name.clone()).or_default() += traces as u64;
                }
            }
        }
        Ok(())
    }

    fn tally(&self) -> Tally {
        Tally { traces: self.0.clone(), ..Tally::default() }
    }
}

fn without_traces(column: &Float64Array) -> Float64Array {
    column.unary(|value| if value == TRACE_MM { 0.0 } else { value })
}

/// Refuses rows whose times do not ascend, where only the name of their group tells their station.
///
/// A file of many stations without a column that is known to name them would else become one station, and the rows of
/// the others be lost as duplicates.
pub struct AscendingTimes {
    scope: Scope,
    /// What the file has instead of stations, for the message.
    instead: String,
    last: Option<i64>,
}

impl AscendingTimes {
    /// Checks the rows of the group of `scope`, which has `instead` where others name stations.
    pub fn new(scope: Scope, instead: String) -> Self {
        Self { scope, instead, last: None }
    }
}

impl Adapter for AscendingTimes {
    fn adapt(&mut self, _: &[ColumnInfo], batch: &mut Batch) -> Result<()> {
        for (row, &time) in (batch.first_row..).zip(&batch.timestamps) {
            match self.last.replace(time) {
                Some(last) if last >= time => {
                    let why = format!(
                        "their times do not ascend: row {row} is of {}, the one \
                         before it of {}",
                        iso8601(time),
                        iso8601(last)
                    );
                    return Err(no_station(&self.scope, &self.instead, &why));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The error of rows of which nothing names the station: the group has `instead` where others name stations, and its name
/// is not taken for that of one for the reason `why`.
pub fn no_station(scope: &Scope, instead: &str, why: &str) -> Error {
    let path = scope.path_in_file();
    let found = format!(
        "does not exist, nor does station_id; the file has {instead}; and {path} cannot be the name of one station for \
         all rows: {why}"
    );
    let hint = "name the column of the stations with --column station_id=PATH, or the only station with --column \
                station_id==NAME; rows of a single station must be in order of time, without a time twice";
    scope.column_error("station_usaf", found, Some(hint.into()))
}
