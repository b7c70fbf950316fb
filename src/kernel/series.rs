//! A series as the kernels take it: a slice of doubles, a validity bitmap and times in, which rows hold a value out.

use super::{FillLimit, TimesError, Validity};

/// One measurement of one station in time order.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    pub(super) values: &'a [f64],
    pub(super) validity: Option<Validity<'a>>,
    pub(super) times: Option<&'a [i64]>,
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
        Self { values, validity: None, times: None }
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
    pub(super) fn is_observed(&self, i: usize) -> bool {
        self.validity.is_none_or(|v| v.is_valid(i)) && self.values[i].is_finite()
    }

    /// Rows that were observed, in order.
    pub(super) fn observed(&self) -> impl Iterator<Item = usize> {
        (0..self.values.len()).filter(|i| self.is_observed(*i))
    }

    /// Whether at least so many rows were observed.
    pub(super) fn observes(&self, least: usize) -> bool {
        const WORD: usize = u64::BITS as usize;
        let mut count = 0;
        for (word, values) in self.values.chunks(WORD).enumerate() {
            if count >= least {
                break;
            }
            let start = WORD * word;
            count += if values.iter().fold(true, |finite, value| finite & value.is_finite()) {
                let valid = self.validity.map_or(u64::MAX, |validity| validity.word(start));
                (valid << (WORD - values.len())).count_ones() as usize
            } else {
                (start..start + values.len()).filter(|row| self.is_observed(*row)).count()
            };
        }
        count >= least
    }

    /// The series that this one is made of, one behind the other, each with the row that it begins at.
    ///
    /// # Errors
    /// Lengths that do not add up to the number of values.
    pub(crate) fn split(
        &self,
        lengths: &[usize],
    ) -> Result<impl Iterator<Item = (usize, Series<'a>)>, LengthError> {
        let total = lengths.iter().fold(0_usize, |sum, len| sum.saturating_add(*len));
        if total != self.values.len() {
            return Err(LengthError { what: "series", found: total, expected: self.values.len() });
        }
        let whole = *self;
        let mut start = 0;
        Ok(lengths.iter().map(move |len| {
            let rows = start..start + len;
            let series = Series {
                values: &whole.values[rows.clone()],
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
pub(super) enum Reach<'a> {
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
