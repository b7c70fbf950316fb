//! What comparisons hold of a neighbour: row groups in, the series of some of their stations out.

use isd_dataset::read::RowGroup;
use isd_dataset::{Error, MEASUREMENTS, Result};

use super::{COMPARED, Values};
use crate::qc::load;
use crate::qc::station::Station;

/// The compared measurements of a station.
pub struct Reference {
    /// Minutes since 1970 of its rows, which ascend.
    minutes: Vec<i32>,
    /// One value a row, NaN where there is none; empty for a measurement that the source lacks. In the order of [`COMPARED`].
    values: [Vec<f32>; COMPARED.len()],
}

/// One measurement of a [`Reference`].
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    minutes: &'a [i32],
    values: &'a [f32],
}

impl Reference {
    /// The compared measurements of a station, without the values that are hidden.
    #[must_use]
    pub fn of(station: &Station) -> Self {
        let values = COMPARED.map(|measurement| singles(station.values(measurement)));
        Self { minutes: station.times().iter().copied().map(minute).collect(), values }
    }

    /// Those of the stations at some ascending `positions` of a row group, without the values that are `errors`, of which there
    /// is one list a position. `columns` are the names of the dataset's value columns.
    ///
    /// # Errors
    /// Rows that cannot be read.
    pub fn read(
        group: &RowGroup,
        columns: &[String],
        positions: &[usize],
        errors: &[&Values],
    ) -> Result<Vec<(String, Self)>> {
        let runs = group.stations()?;
        let ends = runs.iter().scan(0, |end, run| {
            *end += run.rows;
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let lost = || Error::internal(format!("row group {} has fewer stations or rows", group.index()));
        let range =
            |&position: &usize| Some(*ends.get(position)? - runs.get(position)?.rows..*ends.get(position)?);
        let ranges = positions.iter().map(range).collect::<Option<Vec<_>>>().ok_or_else(lost)?;
        let times = group.timestamps()?;
        let mut references = Vec::with_capacity(positions.len());
        for (&position, range) in positions.iter().zip(&ranges) {
            let own = times.values().get(range.clone()).ok_or_else(lost)?;
            let minutes = own.iter().copied().map(minute).collect();
            references
                .push((runs[position].station_id.to_string(), Self { minutes, values: Default::default() }));
        }
        drop(times);
        let group = group.limited_to(&ranges);
        let mut values = Vec::new();
        for (index, &measurement) in COMPARED.iter().enumerate() {
            let name = MEASUREMENTS[measurement].name;
            if !columns.iter().any(|column| column == name) {
                continue;
            }
            load::read_column(&group, name, &mut values)?;
            for (((_, reference), range), errors) in references.iter_mut().zip(&ranges).zip(errors) {
                let mut own = singles(values.get(range.clone()).ok_or_else(lost)?);
                for &(_, row) in errors.iter().filter(|(wrong, _)| usize::from(*wrong) == measurement) {
                    *own.get_mut(row as usize).ok_or_else(lost)? = f32::NAN;
                }
                reference.values[index] = own;
            }
        }
        Ok(references)
    }

    /// Its values of the measurement at an index of [`COMPARED`].
    #[must_use]
    pub fn series(&self, index: usize) -> Series<'_> {
        Series::new(&self.minutes, &self.values[index])
    }
}

impl<'a> Series<'a> {
    /// A series of as many values as minutes, which ascend; or of none.
    #[must_use]
    pub fn new(minutes: &'a [i32], values: &'a [f32]) -> Self {
        Self { minutes: if values.is_empty() { &[] } else { minutes }, values }
    }

    /// Its values from one minute to another, both included; NaN where there is none.
    #[must_use]
    pub fn between(&self, first: i32, last: i32) -> &'a [f32] {
        let start = self.minutes.partition_point(|&minute| minute < first);
        let end = self.minutes.partition_point(|&minute| minute <= last);
        self.values.get(start..end).unwrap_or_default()
    }

    /// Finds the values nearest times that ascend.
    #[must_use]
    pub fn nearest(&self, tolerance: u32) -> Nearest<'a> {
        let none = (i64::MAX, f32::NAN);
        let mut nearest =
            Nearest { series: *self, row: 0, last: none, next: none, tolerance: tolerance.into() };
        nearest.advance(i64::MIN);
        nearest.last = nearest.next;
        nearest.advance(nearest.last.0);
        nearest
    }
}

/// Finds the values of a series that are nearest to ascending times.
pub struct Nearest<'a> {
    series: Series<'a>,
    /// The row after that of the next value.
    row: usize,
    /// The last value that is not after the time asked for last, or the first one, and its minute, which is the greatest where
    /// there is none.
    last: (i64, f32),
    /// The value after that, in a later minute.
    next: (i64, f32),
    /// Minutes to a value at most.
    tolerance: u64,
}

impl Nearest<'_> {
    /// Makes the first value behind that minute the next one.
    fn advance(&mut self, minute: i64) {
        let Series { minutes, values } = self.series;
        self.next = (i64::MAX, f32::NAN);
        while let (Some(&other), Some(&value)) = (minutes.get(self.row), values.get(self.row)) {
            self.row += 1;
            if !value.is_nan() && i64::from(other) > minute {
                self.next = (other.into(), value);
                break;
            }
        }
    }

    /// The value nearest a time, NaN where none is within the tolerance; of equally near ones the earliest.
    pub fn value(&mut self, minute: i32) -> f32 {
        let minute = i64::from(minute);
        while self.next.0 <= minute {
            self.last = self.next;
            self.advance(self.last.0);
        }
        let (before, after) = (self.last.0.abs_diff(minute), self.next.0.abs_diff(minute));
        let (distance, value) = if after < before { (after, self.next.1) } else { (before, self.last.1) };
        if distance <= self.tolerance { value } else { f32::NAN }
    }
}

/// Values in half the memory. Beyond what that holds no value says anything of another station's.
fn singles(values: &[f64]) -> Vec<f32> {
    let single = |&value: &f64| {
        let value = value as f32;
        if value.is_finite() { value } else { f32::NAN }
    };
    values.iter().map(single).collect()
}

/// Minutes since 1970 of a time in microseconds.
#[must_use]
pub fn minute(time: i64) -> i32 {
    time.div_euclid(60_000_000) as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nearest_value_within_the_tolerance_counts() {
        let (minutes, values) = ([0, 50, 60, 70, 180], [1.0, 2.0, f32::NAN, 3.0, 4.0]);
        let mut nearest = Series::new(&minutes, &values).nearest(30);
        let found = [0, 20, 60, 65, 120, 160, 400].map(|minute| nearest.value(minute));
        assert_eq!(found[..4], [1.0, 1.0, 2.0, 3.0]);
        assert!(found[4].is_nan() && found[6].is_nan());
        assert_eq!(found[5], 4.0);
        assert!(Series::new(&[], &[]).nearest(30).value(1).is_nan());
        assert!(Series::new(&[1, 2], &[]).nearest(30).value(1).is_nan());
        assert!(Series::new(&[1, 2], &[f32::NAN; 2]).nearest(30).value(1).is_nan());
    }

    proptest! {
        #[test]
        fn nearest_values_are_those_of_a_search(
            mut rows in prop::collection::vec((-30_i32..60, prop_oneof![3 => 0_u8..9, 1 => Just(9_u8)]), 0..40),
            mut asked in prop::collection::vec(-50_i32..80, 1..60),
        ) {
            rows.sort_by_key(|(minute, _)| *minute);
            asked.sort_unstable();
            let minutes: Vec<i32> = rows.iter().map(|(minute, _)| *minute).collect();
            // The number 9 stands for no value.
            let values: Vec<f32> =
                rows.iter().map(|&(_, value)| if value == 9 { f32::NAN } else { f32::from(value) }).collect();
            let mut nearest = Series::new(&minutes, &values).nearest(7);
            for minute in asked {
                let observed = minutes.iter().zip(&values).filter(|(_, value)| !value.is_nan());
                let expected = observed.min_by_key(|(other, _)| other.abs_diff(minute));
                let expected = expected.filter(|(other, _)| other.abs_diff(minute) <= 7).map(|(_, value)| *value);
                let found = nearest.value(minute);
                prop_assert_eq!((!found.is_nan()).then_some(found), expected);
            }
        }
    }
}
