//! `distribution`: values that a gap separates from all others of their calendar month.

use isd_dataset::Result;

use crate::qc::derived::{Limits, kept};
use crate::qc::finding::Verdict;
use crate::qc::station::Station;
use crate::qc::statistics::{IQR_TO_SIGMA, iqr, mad, median, normal_limit, reach};
use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test, WIND_SPEED};
use crate::qc::tests::spike::not_joined;

/// The test.
pub struct Distribution;

/// Width of a bin, in spreads, and bins of a gap.
const BIN: f64 = 0.25;

static ABOUT: About = About {
    name: "distribution",
    needs: Needs::Climatology,
    by_default: true,
    released_by_neighbours: true,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE],
    parameters: &[
        Parameter::new("least_values", "", 500.0, "values of a calendar month at least"),
        Parameter::new("least_spread", "value", 2.0, "least interquartile range"),
        Parameter::new("margin", "", 1.0, "spreads beyond the normal limit that are still expected"),
        Parameter::new("gap", "", 2.0, "empty bins of a quarter of the spread that separate a value"),
        Parameter::new(
            "storm",
            "",
            4.5,
            "median absolute deviations of wind above its median in which low pressure is spared",
        ),
    ],
    definition: "For each calendar month, the distance of a value from the median in interquartile ranges. A value is found beyond a \
                 limit and a gap of two empty bins outside it. The limit is one spread beyond the distance at which a normal \
                 distribution of that spread has less than 0.1 values in a bin. Spared: consecutive values that are reached \
                 and left by changes within the limits of `spike` (dry air, cyclones), and low pressure within 6 h of wind 4.5 median \
                 absolute deviations above its median.",
    source: "HadISD 3 (distributional gap, all values), which spares storms alone, with the normal distribution in place of a fitted one; its comparison of \
             monthly medians needs years that most archives lack, and is left out",
};

impl Test for Distribution {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        for &measurement in ABOUT.measurements {
            let Some(parameters) = run.parameters::<5>(measurement)? else { continue };
            let storm = parameters[4];
            let station = run.station;
            let months = run
                .derived
                .distribution
                .entry(measurement)
                .or_insert_with(|| derive(station, measurement, parameters))
                .clone();
            if months.iter().all(Option::is_none) {
                run.not_run(measurement, "no calendar month has enough values");
                continue;
            }
            let mut windy = None;
            let mut outlying = Vec::new();
            for (row, &value) in run.values(measurement).iter().enumerate() {
                let month = months.get(usize::from(station.moments()[row].month)).copied().flatten();
                let Some(month) = month.filter(|month| month.find(value)) else { continue };
                let limit = *windy.get_or_insert_with(|| windy_above(station, storm));
                let wind = || station.largest_around(WIND_SPEED, row, 6.0).is_some_and(|wind| wind > limit);
                if measurement == PRESSURE && value < month.center && wind() {
                    continue;
                }
                outlying.push(row);
            }
            for row in not_joined(run, measurement, outlying)? {
                let (month, value) =
                    (usize::from(station.moments()[row].month), station.values(measurement)[row]);
                let Some(month) = months.get(month).copied().flatten() else { continue };
                run.find(measurement, row, Verdict::Suspect, value, month.values(), "");
            }
        }
        Ok(())
    }
}

/// The wind speed above which low pressure is spared; infinite where there is no wind.
fn windy_above(station: &Station, deviations: f64) -> f64 {
    let mut wind: Vec<f64> =
        station.values(WIND_SPEED).iter().copied().filter(|wind| !wind.is_nan()).collect();
    let Some(center) = median(&mut wind) else { return f64::INFINITY };
    mad(&mut wind, center).map_or(f64::INFINITY, |mad| center + deviations * mad)
}

/// Derives the limits of each calendar month; `None` for one with too few values.
fn derive(station: &Station, measurement: usize, parameters: [f64; 5]) -> Vec<Option<Limits>> {
    let [least_values, least_spread, margin, gap, _] = parameters;
    let mut samples = station.samples(measurement, 12, |moment| moment.month.into());
    let limits = |month: usize| {
        let sample = samples.of_mut(month);
        if (sample.len() as f64) < least_values {
            return None;
        }
        let center = kept(median(sample)?);
        let spread = kept(iqr(sample)?.max(least_spread));
        let limit = normal_limit(sample.len(), BIN, 1.0 / IQR_TO_SIGMA) + margin;
        let (below, above) = reach(sample.iter().map(|value| (value - center) / spread), limit, gap * BIN);
        Some(Limits::new(center, spread, below, above))
    };
    (0..12).map(limits).collect()
}
