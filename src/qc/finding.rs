//! What a test finds of a value: the verdict, what it compared, and why.

use std::borrow::Cow;

/// What is to be thought of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A test found it, but its neighbours show that it is right.
    Released,
    /// It may be wrong: it is kept, for a person or other evidence to decide.
    Suspect,
    /// It is wrong.
    Erroneous,
}

impl Verdict {
    /// All verdicts, as a table names them.
    pub const ALL: [Self; 3] = [Self::Released, Self::Suspect, Self::Erroneous];

    /// The verdict's name in a table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Suspect => "suspect",
            Self::Erroneous => "erroneous",
        }
    }
}

/// One value that one test found something of.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Row of the station's series.
    pub row: u32,
    /// Its time, in microseconds since 1970.
    pub time: i64,
    /// Index of the measurement in [`MEASUREMENTS`](isd_dataset::MEASUREMENTS).
    pub measurement: u8,
    /// Index of the test in the [catalogue](crate::qc::CATALOGUE).
    pub test: u8,
    /// What is to be thought of it.
    pub verdict: Verdict,
    /// The value, in the measurement's units.
    pub value: f64,
    /// What the test compared with its limits; its definition says the units.
    pub statistic: f64,
    /// The limit below which the test finds a value; NaN where it has none.
    pub lower: f64,
    /// The limit above which the test finds a value; NaN where it has none.
    pub upper: f64,
    /// What else there is to say, for people; empty where there is nothing.
    pub detail: Cow<'static, str>,
}

impl Finding {
    /// The order of a station's findings in the table: by time, measurement name and test name.
    #[must_use]
    pub fn key(&self) -> (u32, &'static str, &'static str) {
        let measurement = isd_dataset::MEASUREMENTS.get(usize::from(self.measurement)).map_or("", |m| m.name);
        let test = crate::qc::CATALOGUE.get(usize::from(self.test)).map_or("", |test| test.about().name);
        (self.row, measurement, test)
    }
}
