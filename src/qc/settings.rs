//! The parameters that hold: defaults, a profile and a configuration in, a number for each test, measurement and parameter
//! out.

use isd_dataset::{Error, MEASUREMENTS, Result};

use crate::qc::{CATALOGUE, Test};

/// Which tests run on which measurements, and their parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// One a test, in the catalogue's order.
    tests: Vec<TestSettings>,
}

#[derive(Debug, Clone, PartialEq)]
struct TestSettings {
    /// Whether it runs, by measurement.
    on: [bool; MEASUREMENTS.len()],
    /// The parameters in the test's order, by measurement.
    values: [Vec<f64>; MEASUREMENTS.len()],
}

impl Default for Settings {
    fn default() -> Self {
        let of = |test: &&dyn Test| {
            let about = test.about();
            TestSettings {
                on: std::array::from_fn(|m| about.by_default && about.measurements.contains(&m)),
                values: std::array::from_fn(|m| about.parameters.iter().map(|p| p.default_of(m)).collect()),
            }
        };
        Self { tests: CATALOGUE.iter().map(of).collect() }
    }
}

impl Settings {
    /// Whether a test runs on a measurement.
    #[must_use]
    pub fn is_on(&self, test: usize, measurement: usize) -> bool {
        self.tests.get(test).is_some_and(|test| test.on.get(measurement) == Some(&true))
    }

    /// Whether a test runs on any measurement.
    #[must_use]
    pub fn runs(&self, test: usize) -> bool {
        (0..MEASUREMENTS.len()).any(|measurement| self.is_on(test, measurement))
    }

    /// Lets a test run on a measurement, or not. One that the test does not judge stays off.
    pub fn turn(&mut self, test: usize, measurement: usize, on: bool) {
        let judged = CATALOGUE.get(test).is_some_and(|test| test.about().measurements.contains(&measurement));
        if let Some(entry) = self.tests.get_mut(test).and_then(|test| test.on.get_mut(measurement)) {
            *entry = on && judged;
        }
    }

    /// Sets a parameter of a test for one measurement.
    ///
    /// # Errors
    /// [`Error::Internal`] for a parameter that the test does not have.
    pub fn set(&mut self, test: usize, measurement: usize, parameter: usize, value: f64) -> Result<()> {
        let values = self.tests.get_mut(test).and_then(|test| test.values.get_mut(measurement));
        let entry = values.and_then(|values| values.get_mut(parameter));
        *entry.ok_or_else(|| Error::internal(format!("no parameter {parameter} of test {test}")))? = value;
        Ok(())
    }

    /// The value of one parameter; `None` where there is none.
    #[must_use]
    pub fn value(&self, test: usize, measurement: usize, parameter: usize) -> Option<f64> {
        self.tests.get(test)?.values.get(measurement)?.get(parameter).copied()
    }

    /// All parameters of a test for a measurement, in the test's order.
    ///
    /// # Errors
    /// [`Error::Internal`] for a test that has another number of parameters.
    pub fn values<const N: usize>(&self, test: usize, measurement: usize) -> Result<[f64; N]> {
        let values = self.tests.get(test).and_then(|test| test.values.get(measurement));
        let values = values.and_then(|values| values.as_slice().try_into().ok());
        values.ok_or_else(|| Error::internal(format!("test {test} has not {N} parameters")))
    }
}

/// Index of a test by its name; `None` where there is none of that name.
#[must_use]
pub fn test_index(name: &str) -> Option<usize> {
    CATALOGUE.iter().position(|test| test.about().name == name)
}
