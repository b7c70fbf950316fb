//! `rolling`: values far from the mean of those before them, which is what `isd-detect` finds.

use isd_dataset::{Error, Result};
use isd_kernel::{Decimal, RollingTest, Scratch, Series, Window, rolling_outliers};

use crate::qc::finding::Verdict;
use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test, WIND_SPEED};

/// The test.
pub struct Rolling;

static ABOUT: About = About {
    name: "rolling",
    needs: Needs::Series,
    by_default: false,
    released_by_neighbours: false,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED],
    parameters: &[
        Parameter::new("window", "", 30.0, "values before it, gaps filled forward"),
        Parameter::new("threshold", "", 6.0, "population standard deviations of the window"),
        Parameter::new("min_std", "value", 0.0, "least standard deviation"),
    ],
    definition: "A value more than 6 standard deviations from the mean of the 30 filled values before it: suspect. Off by default, \
                 since most of what it finds is weather.",
    source: "The test of `isd-detect`, decided exactly",
};

impl Test for Rolling {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let (mut scratch, mut outliers) = (Scratch::default(), Vec::new());
        for &measurement in ABOUT.measurements {
            let Some([window, threshold, min_std]) = run.parameters(measurement)? else { continue };
            let decimal = |number: f64| {
                let parsed = format!("{number}").parse::<Decimal>();
                parsed.map_err(|error| Error::internal(format!("{number}: {error}")))
            };
            let test = RollingTest::builder()
                .window(Window::Rows(window as usize))
                .threshold(decimal(threshold)?)
                .min_std(decimal(min_std)?)
                .build()
                .map_err(|error| Error::internal(error.to_string()))?;
            outliers.clear();
            rolling_outliers(Series::new(run.values(measurement)), &test, &mut scratch, &mut outliers);
            for outlier in &outliers {
                let reach = threshold * outlier.std.max(min_std);
                let limits = (outlier.mean - reach, outlier.mean + reach);
                run.find(measurement, outlier.row, Verdict::Suspect, outlier.zscore, limits, "");
            }
        }
        Ok(())
    }
}
