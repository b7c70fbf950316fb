//! A series as the kernels take it: a slice of numbers, a validity bitmap and times in, which rows hold a value out.

use crate::packing::GRID_FACTORS;
use crate::{FillLimit, Packing, TimesError, Validity};

/// One measurement of one station in time order.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    pub(crate) values: Values<'a>,
    pub(crate) validity: Option<Validity<'a>>,
    pub(crate) times: Option<&'a [i64]>,
}

/// The values of a series, those of missing slots among them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    /// Themselves.
    Doubles(&'a [f64]),
    /// As integers; a missing slot holds the observed one before it, if there is any.
    Integers(&'a [i32], Packing),
}

impl Values<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::Doubles(values) => values.len(),
            Self::Integers(integers, _) => integers.len(),
        }
    }

    /// Value `i`, of a decimal the double nearest it.
    #[inline]
    pub fn get(&self, i: usize) -> f64 {
        match self {
            Self::Doubles(values) => values[i],
            Self::Integers(integers, Packing { decimals, offset, .. }) => {
                (f64::from(integers[i]) + f64::from(*offset)) / GRID_FACTORS[*decimals as usize]
            }
        }
    }

    fn slice(self, rows: std::ops::Range<usize>) -> Self {
        match self {
            Self::Doubles(values) => Self::Doubles(&values[rows]),
            Self::Integers(integers, packing) => Self::Integers(&integers[rows], packing),
        }
    }

    /// Whether all of some values are finite.
    pub fn are_finite(&self, rows: std::ops::Range<usize>) -> bool {
        match self {
            Self::Doubles(values) => values[rows].iter().fold(true, |finite, v| finite & v.is_finite()),
            Self::Integers(..) => true,
        }
    }
}

/// Slices that do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {found} slots beside {expected} values")]
pub struct LengthError {
    what: &'static str,
    found: usize,
    expected: usize,
}

/// Why a kernel does not take its series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// Slices that do not belong together.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// Times that are missing or out of order.
    #[error(transparent)]
    Times(#[from] TimesError),
}

impl<'a> Series<'a> {
    /// A series whose missing values, if any, are NaN. Infinite values count as missing, too.
    #[must_use]
    pub fn new(values: &'a [f64]) -> Self {
        Self { values: Values::Doubles(values), validity: None, times: None }
    }

    /// A series whose values are packed as integers. What is missing a bitmap says, but a missing slot must hold the observed
    /// value before it, if there is any. The kernels' results are those for the doubles nearest the decimals.
    #[must_use]
    pub fn packed(integers: &'a [i32], packing: Packing) -> Self {
        debug_assert!((packing.decimals as usize) < GRID_FACTORS.len(), "a grid that there is none of");
        #[cfg(test)]
        assert!(integers.iter().all(|integer| integer.unsigned_abs() <= packing.largest));
        Self { values: Values::Integers(integers, packing), validity: None, times: None }
    }

    /// Marks missing values by a bitmap as well; what their slots hold is never looked at.
    ///
    /// # Errors
    /// A bitmap of another length.
    pub fn with_validity(mut self, validity: Option<Validity<'a>>) -> Result<Self, LengthError> {
        if let Some(found) = validity.map(|v| v.len()).filter(|len| *len != self.values.len()) {
            return Err(LengthError { what: "a validity bitmap", found, expected: self.values.len() });
        }
        self.validity = validity;
        Ok(self)
    }

    /// Adds the time of each row, in microseconds, strictly ascending: a time window and a fill limit in time need it.
    ///
    /// # Errors
    /// Another number of times than values.
    pub fn with_times(mut self, times: Option<&'a [i64]>) -> Result<Self, LengthError> {
        if let Some(found) = times.map(<[i64]>::len).filter(|len| *len != self.values.len()) {
            return Err(LengthError { what: "times", found, expected: self.values.len() });
        }
        self.times = times;
        Ok(self)
    }

    /// Whether row `i` was observed: neither null nor NaN nor infinite.
    pub(crate) fn is_observed(&self, i: usize) -> bool {
        self.validity.is_none_or(|v| v.is_valid(i)) && self.values.are_finite(i..i + 1)
    }

    /// The first row that was observed.
    pub(crate) fn first_observed(&self) -> Option<usize> {
        let Some(validity) = self.validity else { return self.observed().next() };
        // Of some measurements a station has none at all.
        (0..self.values.len()).step_by(u64::BITS as usize).find_map(|start| {
            let mut valid = validity.word(start);
            while valid != 0 {
                let row = start + valid.trailing_zeros() as usize;
                if self.is_observed(row) {
                    return Some(row);
                }
                valid &= valid - 1;
            }
            None
        })
    }

    /// Rows that were observed, in order.
    pub(crate) fn observed(&self) -> impl Iterator<Item = usize> {
        (0..self.values.len()).filter(|i| self.is_observed(*i))
    }

    /// Whether at least so many rows were observed.
    pub(crate) fn observes(&self, least: usize) -> bool {
        const WORD: usize = u64::BITS as usize;
        let mut count = 0;
        for start in (0..self.values.len()).step_by(WORD) {
            if count >= least {
                break;
            }
            let rows = start..(start + WORD).min(self.values.len());
            count += if self.values.are_finite(rows.clone()) {
                let valid = self.validity.map_or(u64::MAX, |validity| validity.word(start));
                (valid << (WORD - rows.len())).count_ones() as usize
            } else {
                rows.filter(|row| self.is_observed(*row)).count()
            };
        }
        count >= least
    }

    /// The series that this one is made of, one behind the other, each with the row that it begins at.
    ///
    /// # Errors
    /// Lengths that do not add up to the number of values.
    pub fn split(&self, lengths: &[usize]) -> Result<impl Iterator<Item = (usize, Series<'a>)>, LengthError> {
        let total = lengths.iter().fold(0_usize, |sum, len| sum.saturating_add(*len));
        if total != self.values.len() {
            return Err(LengthError { what: "series", found: total, expected: self.values.len() });
        }
        let whole = *self;
        let mut start = 0;
        Ok(lengths.iter().map(move |len| {
            let rows = start..start + len;
            let series = Series {
                values: whole.values.slice(rows.clone()),
                validity: whole.validity.map(|v| v.slice(start, *len)),
                times: whole.times.map(|times| &times[rows]),
            };
            start += len;
            (start - len, series)
        }))
    }
}

/// Decides whether a missing row may be filled from the last observed one.
#[derive(Clone, Copy)]
pub(crate) enum Reach<'a> {
    /// No missing row is filled.
    Nothing,
    Unlimited,
    Rows(usize),
    Micros(i64, &'a [i64]),
}

impl<'a> Reach<'a> {
    /// Without times, a limit in time counts as none: the adapters supply times where the test needs them.
    pub fn of(limit: Option<FillLimit>, series: &Series<'a>) -> Self {
        match (limit, series.times) {
            (Some(FillLimit::Rows(rows)), _) => Self::Rows(rows),
            (Some(FillLimit::Micros(micros)), Some(times)) => Self::Micros(micros, times),
            _ => Self::Unlimited,
        }
    }

    pub fn bridges(self, from: usize, to: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::Unlimited => true,
            Self::Rows(rows) => to - from <= rows,
            Self::Micros(micros, times) => times[to].saturating_sub(times[from]) <= micros,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Decimal, Outlier, Rolling, RollingTest, Scratch, rolling_outliers, rolling_std};

    /// Runs of observed integers and of gaps.
    fn runs() -> impl Strategy<Value = Vec<Option<i32>>> {
        let value = prop_oneof![
            8 => -40..40_i32, 1 => Just(5900), 1 => prop::sample::select(vec![i32::MAX, -i32::MAX, 1 << 28])
        ];
        let few = prop_oneof![6 => (-40..40_i32).prop_map(Some), 1 => value.prop_map(Some), 1 => Just(None)];
        let run = (few, prop_oneof![8 => 1..3_usize, 1 => 1..90_usize]);
        prop::collection::vec(run, 0..300).prop_map(|runs| {
            runs.into_iter().flat_map(|(value, rows)| std::iter::repeat_n(value, rows)).collect()
        })
    }

    #[test]
    fn a_zero_has_no_sign() {
        // So far apart that neither the grid's pass nor its integers do.
        let far = |i: i32| if i == 30 { -0.0 } else { 2e9 - f64::from(i % 2) };
        let near = |i: i32| if i == 30 { -0.0 } else { 5.0 - f64::from(i % 2) };
        for value in [far, near] {
            let values: Vec<f64> = (0..31).map(value).collect();
            let test = RollingTest::new(30, Decimal::whole(6)).unwrap().validated().unwrap();
            let mut found = Vec::new();
            rolling_outliers(Series::new(&values), &test, &mut Scratch::default(), &mut found);
            assert_eq!(found.iter().map(|outlier| outlier.value.to_bits()).collect::<Vec<_>>(), [0]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]

        #[test]
        fn integers_give_what_their_doubles_give(
            rows in runs(), near in any::<bool>(), decimals in 0..4_u32, window in 2..70_usize,
            limit in prop::option::of(1..4_usize), timed in any::<bool>()
        ) {
            // Near to each other they are narrow enough to be taken as they are.
            let rows: Vec<Option<i32>> = if near {
                rows.into_iter().map(|row| row.map(|integer| integer.clamp(-40, 5900))).collect()
            } else {
                rows
            };
            let factor = GRID_FACTORS[decimals as usize];
            let doubles: Vec<f64> =
                rows.iter().map(|row| row.map_or(f64::NAN, |integer| f64::from(integer) / factor)).collect();
            // In place of what is missing is what was before it.
            let mut last = 77;
            let integers: Vec<i32> = rows
                .iter()
                .map(|row| {
                    last = row.unwrap_or(last);
                    last
                })
                .collect();
            let mut bits = vec![0_u8; rows.len().div_ceil(8)];
            for (i, _) in rows.iter().enumerate().filter(|(_, row)| row.is_some()) {
                bits[i / 8] |= 1 << (i % 8);
            }
            let validity = Validity::new(&bits, 0, rows.len());
            let least = integers.iter().copied().min().unwrap_or_default();
            let most = integers.iter().copied().max().unwrap_or_default();
            let offset = least.midpoint(most);
            let packed: Vec<i32> = integers.iter().map(|integer| integer - offset).collect();
            let largest = packed.iter().map(|integer| integer.unsigned_abs()).max().unwrap_or_default();
            prop_assert!(!near || largest < 3000);
            let times: Vec<i64> = (0..rows.len() as i64).map(|row| (row + row / 9) * 60).collect();
            let series = Series::packed(&packed, Packing { decimals, offset, largest });
            let series = series.with_validity(validity).unwrap().with_times(Some(&times)).unwrap();
            let expected = Series::new(&doubles).with_times(Some(&times)).unwrap();

            let threshold = Decimal::whole(3);
            let (test, limit) = if timed {
                let test = RollingTest::within(60 * window as i64, threshold).unwrap().min_periods(2);
                (test, limit.map(|rows| FillLimit::Micros(60 * rows as i64)))
            } else {
                (RollingTest::new(window, threshold).unwrap(), limit.map(FillLimit::Rows))
            };
            let test = test.fill_limit(limit).validated().unwrap();
            let find = |series: Series<'_>| {
                let mut found: Vec<Outlier> = Vec::new();
                let outcome = rolling_outliers(series, &test, &mut Scratch::default(), &mut found);
                (outcome, found)
            };
            prop_assert_eq!(find(series), find(expected));
            let rolling = Rolling::rows(window).unwrap().validated().unwrap();
            let std = |series: Series<'_>| {
                let mut std = Vec::new();
                rolling_std(series, &rolling, &mut Scratch::default(), &mut std).unwrap();
                std.into_iter().map(f64::to_bits).collect::<Vec<_>>()
            };
            prop_assert_eq!(std(series), std(expected));
        }
    }
}
