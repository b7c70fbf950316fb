//! `pressure`: sea level pressure that does not go with the pressure at the station.

use isd_dataset::Result;

use crate::qc::finding::Verdict;
use crate::qc::statistics::{mad, median};
use crate::qc::test::{About, Needs, PRESSURE, Parameter, Run, Test};

/// The test.
pub struct Pressure;

static ABOUT: About = About {
    name: "pressure",
    needs: Needs::Variables,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[PRESSURE],
    parameters: &[
        Parameter::new("deviations", "", 4.5, "median absolute deviations of the difference from its median"),
        Parameter::new("least_spread", "hPa", 1.0, "least median absolute deviation"),
        Parameter::new("least_values", "", 120.0, "values of both at least"),
    ],
    definition: "The difference of sea level pressure and station pressure (column `station_level_pressure`) lies more than 4.5 median \
                 absolute deviations from its median: suspect.",
    source: "HadISD 3 (station pressure check), with the least spread of GHCNh",
};

impl Test for Pressure {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let Some([deviations, least_spread, least_values]) = run.parameters(PRESSURE)? else { return Ok(()) };
        let sea = run.values(PRESSURE).iter().zip(run.station.station_pressure()).enumerate();
        let differences: Vec<(usize, f64)> = sea
            .map(|(row, (sea, own))| (row, sea - own))
            .filter(|(_, difference)| !difference.is_nan())
            .collect();
        if differences.is_empty() {
            run.not_run(PRESSURE, "the station has no station pressure");
            return Ok(());
        }
        if (differences.len() as f64) < least_values {
            run.not_run(PRESSURE, "too few values");
            return Ok(());
        }
        let mut sample: Vec<f64> = differences.iter().map(|(_, difference)| *difference).collect();
        let Some(center) = median(&mut sample) else { return Ok(()) };
        let Some(spread) = mad(&mut sample, center) else { return Ok(()) };
        let reach = deviations * spread.max(least_spread);
        for (row, difference) in differences {
            if (difference - center).abs() > reach {
                let limits = (center - reach, center + reach);
                run.find(
                    PRESSURE,
                    row,
                    Verdict::Suspect,
                    difference,
                    limits,
                    "less the pressure at the station",
                );
            }
        }
        Ok(())
    }
}
