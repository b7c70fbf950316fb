//! `hampel`: values far from the median of those around them.

use isd_dataset::Result;
use isd_kernel::{CenteredWindow, Series, rolling_median_mad};

use crate::qc::finding::Verdict;
use crate::qc::statistics::MAD_TO_SIGMA;
use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test, WIND_SPEED};

/// The test.
pub struct Hampel;

static ABOUT: About = About {
    name: "hampel",
    needs: Needs::Series,
    by_default: false,
    released_by_neighbours: false,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED],
    parameters: &[
        Parameter::new("half_window", "", 12.0, "rows before it and after it"),
        Parameter::new("least_values", "", 12.0, "values of the window at least"),
        Parameter::new("threshold", "", 8.0, "robust standard deviations"),
        Parameter::new("least_spread", "value", 1.5, "least robust standard deviation")
            .with(&[(PRESSURE, 1.0), (WIND_SPEED, 2.0)]),
    ],
    definition: "A value more than 8 robust standard deviations (1.4826 median absolute deviations) from the median of the 12 rows before \
                 it, itself and the 12 after it: suspect. Off by default, since fronts are found as well.",
    source: "Hampel's identifier, as tsod has it, with a least spread",
};

impl Test for Hampel {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let (mut medians, mut mads) = (Vec::new(), Vec::new());
        for &measurement in ABOUT.measurements {
            let Some([half, least_values, threshold, least_spread]) = run.parameters(measurement)? else {
                continue;
            };
            let values = run.values(measurement);
            let window = CenteredWindow {
                before: half as usize,
                after: half as usize,
                min_periods: least_values as usize,
            };
            medians.clear();
            mads.clear();
            rolling_median_mad(Series::new(values), window, &mut medians, &mut mads);
            for (row, (&value, (&median, &mad))) in values.iter().zip(medians.iter().zip(&mads)).enumerate() {
                let spread = (MAD_TO_SIGMA * mad).max(least_spread);
                // False where there is no value or no window.
                if !mad.is_nan() && (value - median).abs() > threshold * spread {
                    let limits = (median - threshold * spread, median + threshold * spread);
                    run.find(measurement, row, Verdict::Suspect, (value - median) / spread, limits, "");
                }
            }
        }
        Ok(())
    }
}
