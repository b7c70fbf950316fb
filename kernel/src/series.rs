//! A series as the kernels take it: a slice of numbers, a validity bitmap and times in, which rows hold a value out.

use std::ops::Range;

use crate::{FillLimit, LengthError, Packing, TimesError, Validity};

/// Rows whose bits are looked at together.
const WORD: usize = u64::BITS as usize;

/// One measurement of one station in time order, borrowed: a slot for each row.
///
/// A row is missing if its bit in the validity bitmap is clear, or if its value is NaN or infinite; all others are
/// observed.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    pub(crate) values: Values<'a>,
    pub(crate) validity: Option<Validity<'a>>,
    /// Microseconds.
    pub(crate) times: Option<&'a [i64]>,
}

/// The values of a series, with a slot for each row, missing ones included.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Values<'a> {
    /// The values themselves.
    Doubles(&'a [f64]),
    /// The values as integers on a decimal grid. A missing slot holds the observed integer before it, if there is one.
    Integers(&'a [i32], Packing),
}

impl Values<'_> {
    /// Number of slots.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Self::Doubles(values) => values.len(),
            Self::Integers(integers, _) => integers.len(),
        }
    }

    /// The value in slot `i`. A packed integer gives the double nearest its decimal.
    #[inline]
    pub fn get(&self, i: usize) -> f64 {
        match self {
            Self::Doubles(values) => values[i],
            Self::Integers(integers, packing) => packing.value(integers[i]),
        }
    }

    /// The slots of some rows.
    fn slice(self, rows: Range<usize>) -> Self {
        match self {
            Self::Doubles(values) => Self::Doubles(&values[rows]),
            Self::Integers(integers, packing) => Self::Integers(&integers[rows], packing),
        }
    }

    /// Whether all slots of some rows hold a finite number.
    #[inline]
    pub fn are_finite(&self, rows: Range<usize>) -> bool {
        match self {
            Self::Doubles(values) => values[rows].iter().fold(true, |finite, v| finite & v.is_finite()),
            Self::Integers(..) => true,
        }
    }
}

impl<'a> Series<'a> {
    /// Borrows values, of any one unit, as a series without a bitmap and without times. NaN and infinite values are
    /// missing.
    #[must_use]
    pub fn new(values: &'a [f64]) -> Self {
        Self { values: Values::Doubles(values), validity: None, times: None }
    }

    /// Borrows integers that [`pack`](crate::pack) made of values. The kernels give what they give for the doubles nearest
    /// the decimals that the integers stand for, and read half the memory.
    ///
    /// Only a bitmap says what is missing. A missing slot must hold the observed integer before it, or any packed integer
    /// if there is none, and no slot may be farther from 0 than [`Packing::largest`]: the results are unspecified
    /// otherwise, and a debug build panics where the second condition does not hold.
    ///
    /// ```
    /// use isd_kernel::{RollingTest, Scratch, Series, Validity, Window, pack, rolling_outliers};
    ///
    /// // 0.1, 0.2, missing, 9.5
    /// let (integers, packing) = pack(&[0.1, 0.2, 0.2, 9.5]).ok_or("not on a decimal grid")?;
    /// let validity = Validity::new(&[0b1011], 0, 4)?;
    /// let series = Series::packed(&integers, packing).with_validity(Some(validity))?;
    /// let test = RollingTest::builder().window(Window::Rows(3)).min_periods(2).build()?;
    /// let mut found = Vec::new();
    /// rolling_outliers(series, &test, &mut Scratch::default(), &mut found);
    /// assert_eq!((found[0].row, found[0].value), (3, 9.5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn packed(integers: &'a [i32], packing: Packing) -> Self {
        debug_assert!(
            integers.iter().all(|integer| integer.unsigned_abs() <= packing.largest()),
            "an integer that is none of those packed"
        );
        Self { values: Values::Integers(integers, packing), validity: None, times: None }
    }

    /// Adds a bitmap of the rows that hold a value; `None` leaves all rows valid. The slot of a null may hold any double.
    ///
    /// # Errors
    /// The bitmap has another number of slots than the series.
    pub fn with_validity(mut self, validity: Option<Validity<'a>>) -> Result<Self, LengthError> {
        if let Some(found) = validity.map(|v| v.len()).filter(|len| *len != self.values.len()) {
            return Err(LengthError { what: "a validity bitmap", found, expected: self.values.len() });
        }
        self.validity = validity;
        Ok(self)
    }

    /// Adds the time of each row, missing ones included, in microseconds since any epoch and strictly ascending. A time
    /// window and a fill limit in time need them. The order is checked by the kernels that use it.
    ///
    /// # Errors
    /// The times are more or fewer than the rows.
    pub fn with_times(mut self, times: Option<&'a [i64]>) -> Result<Self, LengthError> {
        if let Some(found) = times.map(<[i64]>::len).filter(|len| *len != self.values.len()) {
            return Err(LengthError { what: "times", found, expected: self.values.len() });
        }
        self.times = times;
        Ok(self)
    }

    /// Whether row `i` was observed: neither null nor NaN nor infinite.
    #[inline]
    pub(crate) fn is_observed(&self, i: usize) -> bool {
        self.validity.is_none_or(|v| v.is_valid(i)) && self.values.are_finite(i..i + 1)
    }

    /// The first row that was observed, if any was.
    pub(crate) fn first_observed(&self) -> Option<usize> {
        let Some(validity) = self.validity else { return self.observed().next() };
        // Word by word, because a station may have no value of a measurement at all.
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

    /// The rows that were observed, in order.
    pub(crate) fn observed(&self) -> impl Iterator<Item = usize> {
        (0..self.values.len()).filter(|i| self.is_observed(*i))
    }

    /// Whether at least `least` rows were observed.
    pub(crate) fn observes(&self, least: usize) -> bool {
        let mut count = 0;
        for start in (0..self.values.len()).step_by(WORD) {
            if count >= least {
                break;
            }
            count += self.observed_in(start..(start + WORD).min(self.values.len()));
        }
        count >= least
    }

    /// How many of these rows were observed.
    pub(crate) fn observed_in(&self, rows: Range<usize>) -> usize {
        let of_word = |start: usize| {
            let rows = start..(start + WORD).min(rows.end);
            if self.values.are_finite(rows.clone()) {
                let valid = self.validity.map_or(u64::MAX, |validity| validity.word(start));
                (valid << (WORD - rows.len())).count_ones() as usize
            } else {
                rows.filter(|row| self.is_observed(*row)).count()
            }
        };
        rows.clone().step_by(WORD).map(of_word).sum()
    }

    /// Splits a series that several shorter ones were joined to: gives each with the row of this one that it begins at.
    /// `lengths` are their numbers of rows, in order.
    ///
    /// ```
    /// use isd_kernel::Series;
    ///
    /// let starts: Vec<usize> = Series::new(&[0.1, 0.2, 0.3]).split(&[2, 1])?.map(|(start, _)| start).collect();
    /// assert_eq!(starts, [0, 2]);
    /// # Ok::<(), isd_kernel::LengthError>(())
    /// ```
    ///
    /// # Errors
    /// The lengths do not add up to the number of rows.
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

/// Which missing rows of a series are filled with the last observed value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fill<'a> {
    /// No missing row.
    Nothing,
    /// Every missing row after the first observed one.
    Unlimited,
    /// A missing row at most so many rows after the observed one.
    Rows(usize),
    /// A missing row at most so many microseconds after the observed one, by the times of all rows.
    Micros(i64, &'a [i64]),
}

impl<'a> Fill<'a> {
    /// What a limit, or `None` for no limit, means for a series. Errors: a limit in time for a series without times.
    pub fn new(limit: Option<FillLimit>, series: &Series<'a>) -> Result<Self, TimesError> {
        match limit {
            None => Ok(Self::Unlimited),
            Some(FillLimit::Rows(rows)) => Ok(Self::Rows(rows)),
            Some(FillLimit::Micros(micros)) => {
                series.times.map(|times| Self::Micros(micros, times)).ok_or(TimesError::Missing)
            }
        }
    }

    /// Whether the missing row `to` is filled from row `from`, the last observed one before it.
    #[inline]
    pub fn bridges(self, from: usize, to: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::Unlimited => true,
            Self::Rows(rows) => to - from <= rows,
            Self::Micros(micros, times) => times[to].saturating_sub(times[from]) <= micros,
        }
    }
}
