//! Numbers that only look like times of their column: the times of a source in, and a refusal where some of its numbers
//! are of another magnitude than the others.
//!
//! Of milliseconds among which there is a number of seconds, that one would silently become a day of January 1970, and
//! `20170101` among seconds one of August 1970. Such a number is taken for what the column is only if the column has
//! other times near it. That is decided at the end of a source, so that the order of its rows does not matter.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use isd_dataset::time::iso8601;

use super::{EARLIEST, LATEST, NumberTimes, TIME_HINT, TimeUnit};
use crate::{Batch, Error, Result, Source, SourceInfo, Tally};

/// Microseconds of a year, about.
const YEAR: i64 = 31_556_952_000_000;
/// Times of numbers that lie within the years 1600 to 2199 in a unit a thousand times as long, too.
const COARSER: Range<i64> = EARLIEST / 1000..LATEST / 1000;
/// Where numbers of another magnitude than their column's come to lie, with a year around it, in years since 1970: seconds
/// read as milliseconds or finer ones, and digits of dates read as any of them.
const DOUBTFUL_YEARS: [(i64, i64); 2] = [(-1, 8), (57, 71)];

/// Times that are compared before the first look at what came of it.
const COMPARED_TIMES: usize = 1024;

/// A number that may be of another magnitude than its column's.
struct Doubtful {
    path: Arc<Path>,
    row: u64,
    /// Microseconds since 1970, as the column is read.
    time: i64,
}

/// A source whose times are numbers, read as what most of them seem to be: all must be that.
pub struct OneUnit {
    source: Box<dyn Source>,
    unit: TimeUnit,
    /// Years since 1970 of which there are times beyond doubt.
    years: BTreeSet<i64>,
    /// The first doubtful time of each year since 1970.
    doubtful: BTreeMap<i64, Doubtful>,
}

impl OneUnit {
    /// The source itself, or one that refuses to end where it read numbers of several magnitudes.
    pub fn check(source: Box<dyn Source>) -> Box<dyn Source> {
        match source.info().number_times {
            Some(NumberTimes::Unix(unit)) => {
                Box::new(Self { source, unit, years: BTreeSet::new(), doubtful: BTreeMap::new() })
            }
            // Digits that are no date are refused where they stand.
            _ => source,
        }
    }

    fn add(&mut self, batch: &Batch) {
        // Without a branch a row, as many times are compared at once as the processor can.
        let any = |times: &[i64]| times.iter().fold(false, |any, &time| any | may_be_doubtful(time));
        if !batch.timestamps.chunks(COMPARED_TIMES).any(any) {
            return;
        }
        for (row, &time) in batch.timestamps.iter().enumerate().filter(|(_, time)| may_be_doubtful(**time)) {
            let year = time.div_euclid(YEAR);
            if is_doubtful(self.unit, time) {
                let (path, row) = (Arc::clone(&batch.path), batch.first_row + row as u64);
                self.doubtful.entry(year).or_insert(Doubtful { path, row, time });
            } else {
                self.years.insert(year);
            }
        }
    }

    /// Makes sure that doubtful times have others within about a year of them.
    ///
    /// # Errors
    /// The first row that does not.
    fn end(&self) -> Result<()> {
        let alone = |year: i64| self.years.range(year - 1..=year + 1).next().is_none();
        let alone = self.doubtful.iter().filter(|(year, _)| alone(**year));
        let first = alone.map(|(_, doubtful)| doubtful).min_by_key(|doubtful| doubtful.row);
        let Some(&Doubtful { ref path, row, time }) = first else { return Ok(()) };
        let found = format!(
            "timestamp is {} when read as {} since 1970 like the others; expected numbers of one unit in all rows",
            iso8601(time),
            self.unit.name(),
        );
        let hint = Some(TIME_HINT.to_owned());
        let line = self.source.line_of(path, row);
        let path = path.to_path_buf();
        Err(match line {
            Some(line) => Error::Line { path, line, found, hint },
            None => Error::Row { path, row, found, hint },
        })
    }
}

/// Whether a time lies where numbers of another magnitude come to lie, or near there.
#[inline]
fn may_be_doubtful(time: i64) -> bool {
    let within = |(first, end): (i64, i64)| (first * YEAR..end * YEAR).contains(&time);
    within(DOUBTFUL_YEARS[0]) | within(DOUBTFUL_YEARS[1])
}

/// Whether the number of a time, which was read in that unit, would be another time in a coarser one, or is a date by its
/// digits.
fn is_doubtful(unit: TimeUnit, time: i64) -> bool {
    if unit != TimeUnit::Seconds && COARSER.contains(&time) {
        return true;
    }
    let (numerator, denominator) = unit.micros();
    let number = time.checked_mul(denominator).map(|product| product / numerator);
    number.is_some_and(|number| NumberTimes::DATES.into_iter().any(|date| date.of_int(number).is_ok()))
}

impl Source for OneUnit {
    fn info(&self) -> &SourceInfo {
        self.source.info()
    }

    fn tally(&self) -> Tally {
        self.source.tally()
    }

    fn line_of(&self, path: &Path, row: u64) -> Option<u64> {
        self.source.line_of(path, row)
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let batch = self.source.next_batch()?;
        match &batch {
            Some(batch) => self.add(batch),
            None => self.end()?,
        }
        Ok(batch)
    }
}
