//! The times of a row group: from its column `timestamp`, or the list of its steps, to microseconds.

use arrow::array::{Array, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use parquet::arrow::arrow_reader::RowSelection;

use crate::Result;
use crate::guard::attempted;
use crate::layout::TIMESTAMP;
use crate::read::row_group::RowGroup;
use crate::time_steps::listed_times;

impl RowGroup {
    /// The time of each row: microseconds since 1970, UTC; no nulls. A time that is stored without a zone is taken as UTC.
    /// Where the file lists the steps between its times, the column is not read.
    ///
    /// # Errors
    /// An unreadable file, a column that holds no times, or a missing time.
    pub fn timestamps(&self) -> Result<TimestampMicrosecondArray> {
        match self.listed_times(None) {
            Some(times) => Ok(TimestampMicrosecondArray::new(times.into(), None)),
            None => self.decoded_times(None),
        }
    }

    /// The times of some rows, as of [`RowGroup::timestamps`]. `rows` are their numbers in the row group, which ascend.
    /// Where the file lists the steps between its times, the column is not read; else only pages that hold one of the rows
    /// are decoded.
    ///
    /// # Errors
    /// Those of [`RowGroup::timestamps`].
    pub fn timestamps_at(&self, rows: &[usize]) -> Result<TimestampMicrosecondArray> {
        if let Some(times) = self.listed_times(Some(rows)) {
            return Ok(TimestampMicrosecondArray::new(times.into(), None));
        }
        let ranges = rows.iter().map(|row| *row..row + 1);
        self.decoded_times(Some(RowSelection::from_consecutive_ranges(ranges, self.rows())))
    }

    /// The times of some rows or all from the list of their steps, which is one of microseconds; `None` where there is none.
    fn listed_times(&self, rows: Option<&[usize]>) -> Option<Vec<i64>> {
        let unit = self.file.footer.schema().field_with_name(TIMESTAMP).ok()?.data_type();
        if !matches!(unit, DataType::Timestamp(TimeUnit::Microsecond, _)) {
            return None;
        }
        let chunk = self.metadata().column(self.file.column(TIMESTAMP)?);
        // Nothing of the column itself will be read.
        let file = self.file.pages(Vec::new, self.ahead.as_ref()).ok()?;
        attempted(|| listed_times(&file, self.file.metadata(), self.index(), chunk, rows))
    }

    fn decoded_times(&self, rows: Option<RowSelection>) -> Result<TimestampMicrosecondArray> {
        let failed = |found| self.file.column_error(TIMESTAMP, found);
        let mut times = Vec::with_capacity(rows.as_ref().map_or(self.rows(), RowSelection::row_count));
        self.decode(&self.file.footer, TIMESTAMP, rows, |array| {
            if array.null_count() > 0 {
                return Err(failed(format!("{} rows without a time", array.null_count())));
            }
            let DataType::Timestamp(unit, _) = array.data_type() else {
                return Err(failed(format!("expected times, found {}", array.data_type())));
            };
            // The array's own integers, not copied.
            let integers =
                cast(array, &DataType::Int64).map_err(|error| failed(format!("cannot read: {error}")))?;
            let integers = integers.as_primitive::<Int64Type>().values();
            if *unit == TimeUnit::Microsecond {
                times.extend_from_slice(integers);
                return Ok(());
            }
            for time in integers {
                times.push(microseconds(*time, *unit).ok_or_else(|| failed(out_of_reach(*time, *unit)))?);
            }
            Ok(())
        })?;
        Ok(TimestampMicrosecondArray::new(times.into(), None))
    }
}

/// A time in microseconds, without the rest of nanoseconds; `None` of one that 64 bits of microseconds do not hold.
fn microseconds(time: i64, unit: TimeUnit) -> Option<i64> {
    match unit {
        TimeUnit::Second => time.checked_mul(1_000_000),
        TimeUnit::Millisecond => time.checked_mul(1000),
        TimeUnit::Microsecond => Some(time),
        TimeUnit::Nanosecond => Some(time.div_euclid(1000)),
    }
}

/// What is wrong with a time that microseconds do not hold.
fn out_of_reach(time: i64, unit: TimeUnit) -> String {
    let unit = if unit == TimeUnit::Second { "seconds" } else { "milliseconds" };
    format!("a time is {time} {unit} since 1970, further from it than 64 bits of microseconds reach")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_too_far_away_are_none() {
        assert_eq!(microseconds(9_223_372_036_854, TimeUnit::Second), Some(9_223_372_036_854_000_000));
        assert_eq!(microseconds(9_223_372_036_855, TimeUnit::Second), None);
        assert_eq!(microseconds(i64::MIN, TimeUnit::Millisecond), None);
        assert_eq!(microseconds(i64::MIN, TimeUnit::Microsecond), Some(i64::MIN));
        assert_eq!(microseconds(-1, TimeUnit::Nanosecond), Some(-1));
    }
}
