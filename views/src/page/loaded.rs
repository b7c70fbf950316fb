//! Series that are being looked at: a station's times and values in; what each view of them needs, computed once, out.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use isd_kernel::{Outlier, RollingTest, Scratch, Series, rolling_outliers};

use crate::band::Band;
use crate::columns::missing_stretches;

/// Rows of all series that are held at a time, at most: of each row up to 32 bytes.
const MOST_ROWS: usize = 2_500_000;

/// A station's whole series of one measurement.
#[derive(Debug)]
pub struct Loaded {
    /// The time of each row, in microseconds since 1970 UTC, strictly ascending.
    pub times: Arc<Vec<i64>>,
    /// A value a row, NaN where it is missing.
    pub values: Vec<f64>,
    gaps: OnceLock<Vec<Range<i64>>>,
    band: OnceLock<Option<Band>>,
    outliers: OnceLock<Vec<Outlier>>,
}

impl Loaded {
    /// A series of these times and values.
    #[must_use]
    pub fn new(times: Arc<Vec<i64>>, values: Vec<f64>) -> Self {
        let (gaps, band, outliers) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { times, values, gaps, band, outliers }
    }

    /// From the first time to behind the last; `None` of no rows.
    #[must_use]
    pub fn span(&self) -> Option<Range<i64>> {
        Some(*self.times.first()?..self.times.last()?.saturating_add(1))
    }

    /// The rows at times of a span.
    #[must_use]
    pub fn rows(&self, span: &Range<i64>) -> Range<usize> {
        let first = self.times.partition_point(|time| *time < span.start);
        first..self.times.partition_point(|time| *time < span.end).max(first)
    }

    /// The stretches without values within the record.
    pub fn gaps(&self) -> &[Range<i64>] {
        self.gaps.get_or_init(|| {
            self.span().map(|span| missing_stretches(&self.times, &self.values, &span)).unwrap_or_default()
        })
    }

    /// The window mean and the band of the threshold; `None` where there are none.
    pub fn band(&self, test: &RollingTest) -> Option<&Band> {
        self.band.get_or_init(|| Band::of(&self.times, &self.values, test).ok()).as_ref()
    }

    /// What the test reports.
    pub fn outliers(&self, test: &RollingTest) -> &[Outlier] {
        self.outliers.get_or_init(|| {
            let mut found = Vec::new();
            if let Ok(series) = Series::new(&self.values).with_times(Some(&self.times)) {
                rolling_outliers(series, test, &mut Scratch::default(), &mut found);
            }
            found
        })
    }
}

type Key = (u32, u16);

/// The series that were looked at last, by station and measurement.
#[derive(Debug, Default)]
pub struct Cache {
    held: Mutex<VecDeque<(Key, Arc<Loaded>)>>,
}

impl Cache {
    /// A series, if it is held; it becomes the last to go.
    pub fn get(&self, key: Key) -> Option<Arc<Loaded>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let at = held.iter().position(|(other, _)| *other == key)?;
        let found = held.remove(at)?;
        let loaded = Arc::clone(&found.1);
        held.push_back(found);
        Some(loaded)
    }

    /// The times of a station, if one of its series is held.
    pub fn times(&self, station: u32) -> Option<Arc<Vec<i64>>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().find(|((other, _), _)| *other == station).map(|(_, loaded)| Arc::clone(&loaded.times))
    }

    /// Holds a series, and lets those go that were not looked at for longest.
    pub fn put(&self, key: Key, loaded: &Arc<Loaded>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(other, _)| *other != key);
        held.push_back((key, Arc::clone(loaded)));
        let mut rows: usize = held.iter().map(|(_, loaded)| loaded.values.len()).sum();
        while rows > MOST_ROWS && held.len() > 1 {
            rows -= held.pop_front().map_or(0, |(_, loaded)| loaded.values.len());
        }
    }
}
