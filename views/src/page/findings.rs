//! Outliers, flags and exceedances in memory: rows of files in, in any order; the marks of a station out.
//!
//! A million of them must fit beside a dataset, so that a row is 48 bytes: names are numbers, and limits, which are only told,
//! are of single precision.

use std::collections::HashMap;
use std::ops::Range;

use crate::table::{FindingRow, Says};

/// What a mark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An observation that an event is made of.
    Exceedance,
    /// A value that quality control found suspect.
    Suspect,
    /// A value that quality control found erroneous.
    Erroneous,
    /// An outlier of the rolling test.
    Outlier,
}

impl Kind {
    /// Its name, as the page knows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exceedance => "exceedance",
            Self::Suspect => "suspect",
            Self::Erroneous => "erroneous",
            Self::Outlier => "outlier",
        }
    }
}

/// A mark on a value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Number of the station.
    pub station: u32,
    /// Number of the measurement.
    pub measurement: u16,
    /// What it is.
    pub kind: Kind,
    /// Microseconds since 1970 UTC.
    pub time: i64,
    /// The value, in the unit of the dataset.
    pub value: f64,
    /// Number of the test, of a flag.
    test: u16,
    /// The z-score; or statistic, lower and upper limit; or the threshold. NaN where there is none.
    numbers: [f32; 3],
    /// Number of the detail, of a flag.
    detail: u32,
}

impl Mark {
    /// An outlier, so many standard deviations from the mean.
    #[must_use]
    pub fn outlier(station: u32, measurement: u16, time: i64, value: f64, zscore: f64) -> Self {
        let numbers = [zscore as f32, f32::NAN, f32::NAN];
        Self { station, measurement, kind: Kind::Outlier, time, value, test: 0, numbers, detail: 0 }
    }

    /// What tells the worse of two marks of one kind: the greater.
    #[must_use]
    pub fn severity(&self) -> f64 {
        let [first, ..] = self.numbers;
        match self.kind {
            Kind::Outlier if !first.is_nan() => f64::from(first).abs(),
            Kind::Exceedance if !first.is_nan() => (self.value - f64::from(first)).abs(),
            Kind::Erroneous => 2.0,
            Kind::Suspect => 1.0,
            _ => 0.0,
        }
    }

    /// The z-score, of an outlier.
    #[must_use]
    pub fn zscore(&self) -> f32 {
        self.numbers[0]
    }
}

/// Names and their numbers, in the order in which they came.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }

    fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }
}

/// All marks, sorted by station, measurement, time and kind.
#[derive(Debug, Default)]
pub struct Findings {
    marks: Vec<Mark>,
    tests: Names,
    details: Names,
    /// Rows of stations or measurements that the dataset does not have.
    strangers: u64,
}

impl Findings {
    /// Adds a row of a file of outliers or flags. `number` gives the numbers of a station and a measurement that the dataset has.
    pub fn add(&mut self, row: FindingRow<'_>, number: impl Fn(&str, &str) -> Option<(u32, u16)>) {
        let Some((station, measurement)) = number(row.station_id, row.measurement) else {
            self.strangers += 1;
            return;
        };
        let mut mark = Mark::outlier(station, measurement, row.time, row.value, f64::NAN);
        match row.says {
            Says::Outlier { zscore } => mark.numbers[0] = zscore as f32,
            Says::Flag { test, verdict, statistic, lower, upper, detail } => {
                mark.kind = if verdict == "erroneous" { Kind::Erroneous } else { Kind::Suspect };
                mark.test = self.tests.number(test) as u16;
                mark.detail = self.details.number(detail);
                mark.numbers = [statistic as f32, lower as f32, upper as f32];
            }
        }
        self.marks.push(mark);
    }

    /// Adds an observation that an event is made of, of a station and a measurement by their numbers; the threshold is NaN where
    /// it is not known.
    pub fn add_exceedance(
        &mut self,
        (station, measurement): (u32, u16),
        time: i64,
        value: f64,
        threshold: f64,
    ) {
        let mut mark = Mark::outlier(station, measurement, time, value, threshold);
        mark.kind = Kind::Exceedance;
        self.marks.push(mark);
    }

    /// Sorts what was added. Before this, nothing is found.
    pub fn sort(&mut self) {
        self.marks.shrink_to_fit();
        let key = |mark: &Mark| (mark.station, mark.measurement, mark.time, mark.kind, mark.test);
        if !self.marks.is_sorted_by_key(key) {
            self.marks.sort_unstable_by_key(key);
        }
    }

    /// All marks, in order.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Rows of files that were left out: the dataset has no such station or measurement.
    #[must_use]
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// The marks of a series at times of a span, in order of time.
    #[must_use]
    pub fn of(&self, station: u32, measurement: u16, span: &Range<i64>) -> &[Mark] {
        let before = |time: i64| {
            let key = (station, measurement, time);
            self.marks.partition_point(|mark| (mark.station, mark.measurement, mark.time) < key)
        };
        let (first, end) = (before(span.start), before(span.end));
        &self.marks[first..end.max(first)]
    }

    /// Why a value is marked, in words.
    #[must_use]
    pub fn reason(&self, mark: &Mark) -> String {
        let [first, lower, upper] = mark.numbers;
        match mark.kind {
            Kind::Outlier if first.is_nan() => "outlier".to_owned(),
            Kind::Outlier => format!("outlier, z {first:.1}"),
            Kind::Exceedance if first.is_nan() => "exceedance, the peak of an event".to_owned(),
            Kind::Exceedance => format!("exceedance, beyond {}", shown(first)),
            Kind::Erroneous | Kind::Suspect => {
                let limits = match (lower.is_nan(), upper.is_nan()) {
                    (false, false) => format!("limits {} to {}", shown(lower), shown(upper)),
                    (false, true) => format!("limit {}", shown(lower)),
                    (true, false) => format!("limit {}", shown(upper)),
                    (true, true) => String::new(),
                };
                let statistic =
                    if first.is_nan() { String::new() } else { format!("found {}", shown(first)) };
                let test = self.tests.name(u32::from(mark.test)).replace('_', " ");
                let told = [statistic, limits, self.details.name(mark.detail).to_owned()];
                let told: Vec<String> = told.into_iter().filter(|part| !part.is_empty()).collect();
                let start = format!("{} by {test}", mark.kind.name());
                if told.is_empty() { start } else { format!("{start}: {}", told.join(", ")) }
            }
        }
    }
}

/// A number to five digits or so, without zeros that say nothing.
fn shown(number: f32) -> String {
    let text = format!("{number:.3}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}
