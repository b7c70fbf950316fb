//! Named sets of tests and parameters: a name in, settings out.

use isd_dataset::{MEASUREMENTS, Result};

use crate::qc::CATALOGUE;
use crate::qc::settings::{Settings, test_index};
use crate::qc::test::{PRESSURE, WIND_SPEED};

/// A named set of tests and parameters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// All tests but rolling and hampel, with parameters that have nearly all of its flags right
    #[default]
    Default,
    /// What QARTOD asks for: gross range, climatology, spike and flat line
    Qartod,
    /// The test of the talk alone: 6 standard deviations of the 30 values before
    Talk,
    /// Tests and thresholds of HadISD, as far as the catalogue has them
    Hadisd,
}

impl Profile {
    /// The settings that it stands for.
    ///
    /// # Errors
    /// An internal one: a profile that names what no test has.
    pub fn settings(self) -> Result<Settings> {
        let mut settings = Settings::default();
        match self {
            Self::Default => {}
            Self::Qartod => {
                only(&mut settings, &["world_record", "climatological", "spike", "streak"]);
                // Gross range as the instruments of ISD can measure, without regions; a spike by threshold alone.
                all(&mut settings, "world_record", "regional", 0.0)?;
                all(&mut settings, "spike", "spare", 0.0)?;
                all(&mut settings, "spike", "most_values", 1.0)?;
            }
            Self::Talk => only(&mut settings, &["rolling"]),
            Self::Hadisd => {
                let without = ["plateau", "rolling", "hampel"];
                for test in without.iter().filter_map(|name| test_index(name)) {
                    (0..MEASUREMENTS.len()).for_each(|measurement| settings.turn(test, measurement, false));
                }
                all(&mut settings, "duplicate_month", "least_values", 20.0)?;
                all(&mut settings, "duplicate_month", "least_changes", 0.0)?;
                all(&mut settings, "isolated_cluster", "most_share", 100.0)?;
                all(&mut settings, "spike", "least", 0.0)?;
                all(&mut settings, "spike", "spare", 0.0)?;
                all(&mut settings, "world_record", "doubtful", f64::INFINITY)?;
                all(&mut settings, "humidity", "tolerance", 0.0)?;
                all(&mut settings, "humidity", "clear_share", 0.0)?;
                all(&mut settings, "neighbour", "radius", 500.0)?;
                all(&mut settings, "neighbour", "least_spread", 2.0)?;
                for measurement in [PRESSURE, WIND_SPEED] {
                    one(&mut settings, "streak", measurement, "calm", 0.5)?;
                }
            }
        }
        Ok(settings)
    }
}

/// Turns all tests off but some.
fn only(settings: &mut Settings, names: &[&str]) {
    for (index, test) in CATALOGUE.iter().enumerate() {
        let on = names.contains(&test.about().name);
        (0..MEASUREMENTS.len()).for_each(|measurement| settings.turn(index, measurement, on));
    }
}

/// Sets a parameter for all measurements that the test judges.
fn all(settings: &mut Settings, test: &str, parameter: &str, value: f64) -> Result<()> {
    let judged = test_index(test)
        .and_then(|index| CATALOGUE.get(index))
        .map_or(&[][..], |test| test.about().measurements);
    judged.iter().try_for_each(|&measurement| one(settings, test, measurement, parameter, value))
}

fn one(settings: &mut Settings, test: &str, measurement: usize, parameter: &str, value: f64) -> Result<()> {
    let index = test_index(test).unwrap_or(usize::MAX);
    let parameters = CATALOGUE.get(index).map_or(&[][..], |test| test.about().parameters);
    let position = parameters.iter().position(|known| known.name == parameter).unwrap_or(usize::MAX);
    settings.set(index, measurement, position, value)
}
