//! What a test is: a trait that each file of `tests/` implements once.

use isd_dataset::Result;

use crate::qc::derived::Derived;
use crate::qc::finding::{Finding, Verdict};
use crate::qc::settings::Settings;
use crate::qc::station::Station;

/// Index of `air_temperature` among the measurements.
pub const TEMPERATURE: usize = 0;
/// Index of `dew_point_temperature`.
pub const DEW_POINT: usize = 1;
/// Index of `sea_level_pressure`.
pub const PRESSURE: usize = 2;
/// Index of `wind_direction`.
pub const WIND_DIRECTION: usize = 3;
/// Index of `wind_speed_rate`.
pub const WIND_SPEED: usize = 4;
/// Index of `sky_condition`.
pub const SKY: usize = 5;
/// Index of `liquid_precipitation_1h`.
pub const RAIN_1H: usize = 6;
/// Index of `liquid_precipitation_6h`.
pub const RAIN_6H: usize = 7;

/// Why no test acts on a measurement that a station does not have.
pub const NO_VALUES: &str = "the station has no values of it";

/// What a test needs besides the series that it judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing else (S).
    Series,
    /// Other variables of the station (V).
    Variables,
    /// A climatology of the station: years of record (C).
    Climatology,
    /// Neighbouring stations (N).
    Neighbours,
}

/// A parameter of a test: a number with a default, which may differ from measurement to measurement.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its key in a configuration.
    pub name: &'static str,
    /// Its units; empty for a plain number, `value` for the units of the measurement.
    pub units: &'static str,
    /// Its default.
    pub default: f64,
    /// Defaults of single measurements, by index.
    pub own: &'static [(usize, f64)],
    /// What it is, for people.
    pub meaning: &'static str,
}

impl Parameter {
    /// A parameter with one default for all measurements.
    #[must_use]
    pub const fn new(name: &'static str, units: &'static str, default: f64, meaning: &'static str) -> Self {
        Self { name, units, default, own: &[], meaning }
    }

    /// The same with defaults of single measurements, by index.
    #[must_use]
    pub const fn with(self, own: &'static [(usize, f64)]) -> Self {
        Self { own, ..self }
    }

    /// The default for a measurement.
    #[must_use]
    pub fn default_of(&self, measurement: usize) -> f64 {
        self.own.iter().find(|(index, _)| *index == measurement).map_or(self.default, |(_, value)| *value)
    }
}

/// What a test says of itself, for users.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// Its name in tables and configurations.
    pub name: &'static str,
    /// What it needs besides the series.
    pub needs: Needs,
    /// Whether it runs unless it is asked not to.
    pub by_default: bool,
    /// Whether what it finds rests on the station's own climatology, so that neighbours decide.
    pub released_by_neighbours: bool,
    /// Indices of the measurements that it judges.
    pub measurements: &'static [usize],
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// What it finds, in one sentence or a few.
    pub definition: &'static str,
    /// Where the definition is from.
    pub source: &'static str,
}

/// A test of quality control.
pub trait Test: Sync {
    /// What it is.
    fn about(&self) -> &'static About;
    /// Judges the values of a station that no earlier test found erroneous. What it finds goes to [`Run::find`], and what
    /// keeps it from acting to [`Run::not_run`].
    ///
    /// # Errors
    /// An internal one: settings that are not this test's.
    fn run(&self, run: &mut Run<'_>) -> Result<()>;
}

/// One run of a test over a station.
pub struct Run<'a> {
    /// The station, without the values that earlier tests found erroneous.
    pub station: &'a Station,
    /// The parameters of all tests.
    pub settings: &'a Settings,
    /// Index of the test in the catalogue.
    pub test: usize,
    /// What earlier tests found.
    pub earlier: &'a [Finding],
    /// What is derived from the station's record.
    pub derived: &'a mut Derived,
    /// What the test finds.
    pub found: &'a mut Vec<Finding>,
    /// Measurements that the test could not act on, and why.
    pub not_run: &'a mut Vec<(usize, &'static str)>,
}

impl<'a> Run<'a> {
    /// The parameters of this test for a measurement; `None` where it is not asked for, or the station has no values.
    ///
    /// # Errors
    /// [`Error::Internal`](isd_dataset::Error::Internal) for a number of parameters that the test does not have.
    pub fn parameters<const N: usize>(&mut self, measurement: usize) -> Result<Option<[f64; N]>> {
        if !self.settings.is_on(self.test, measurement) {
            return Ok(None);
        }
        if !self.station.has(measurement) {
            self.not_run(measurement, NO_VALUES);
            return Ok(None);
        }
        self.settings.values(self.test, measurement).map(Some)
    }

    /// The values of a measurement, one a row, NaN where there is none; they live as long as the station.
    #[must_use]
    pub fn values(&self, measurement: usize) -> &'a [f64] {
        self.station.values(measurement)
    }

    /// Notes a measurement of this station as not tested.
    pub fn not_run(&mut self, measurement: usize, why: &'static str) {
        self.not_run.push((measurement, why));
    }

    /// Notes a value; `limits` are NaN where there are none.
    pub fn find(
        &mut self,
        measurement: usize,
        row: usize,
        verdict: Verdict,
        statistic: f64,
        limits: (f64, f64),
        detail: impl Into<std::borrow::Cow<'static, str>>,
    ) {
        self.found.push(Finding {
            row: row as u32,
            time: self.station.times()[row],
            measurement: measurement as u8,
            test: self.test as u8,
            verdict,
            value: self.station.values(measurement)[row],
            statistic,
            lower: limits.0,
            upper: limits.1,
            detail: detail.into(),
        });
    }
}
