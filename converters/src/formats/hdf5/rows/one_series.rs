//! Rows whose station only the name of their group tells: a source in, the same out as long as it is a single series.
//!
//! A file of many stations without a column that is known to name them would else become one station, and the rows of
//! the others be lost as duplicates.

use crate::formats::hdf5::layouts::catalog::Scope;
use crate::{Batch, ColumnInfo, Result, Source, Tally};
use isd_dataset::time::iso8601;

/// A source whose times must ascend.
pub struct OneSeries {
    source: Box<dyn Source>,
    scope: Scope,
    /// What the file has instead of stations, for the message.
    instead: String,
    last: Option<i64>,
}

impl OneSeries {
    pub fn new(source: Box<dyn Source>, scope: Scope, instead: String) -> Self {
        Self { source, scope, instead, last: None }
    }

    fn check(&mut self, batch: &Batch) -> Result<()> {
        for (row, &time) in (batch.first_row..).zip(&batch.timestamps) {
            match self.last.replace(time) {
                Some(last) if last >= time => {
                    let Self { scope, instead, .. } = self;
                    let found = format!(
                        "does not exist, nor does station_id; the file has {instead}; and {} cannot be the name of \
                         one station for all rows, since their times do not ascend: row {row} is of {}, the one \
                         before it of {}",
                        scope.group,
                        iso8601(time),
                        iso8601(last)
                    );
                    let hint = "name the column of the stations with --column station_id=PATH; rows of a single \
                                station must be in order of time, without a time twice";
                    return Err(scope.column_error("station_usaf", found, Some(hint.into())));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Source for OneSeries {
    fn columns(&self) -> &[ColumnInfo] {
        self.source.columns()
    }

    fn rows(&self) -> Option<u64> {
        self.source.rows()
    }

    fn layout(&self) -> &'static str {
        self.source.layout()
    }

    fn notes(&self) -> &[String] {
        self.source.notes()
    }

    fn tally(&self) -> Tally {
        self.source.tally()
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let batch = self.source.next_batch()?;
        batch.iter().try_for_each(|batch| self.check(batch))?;
        Ok(batch)
    }
}
