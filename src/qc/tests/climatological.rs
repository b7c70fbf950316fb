//! `climatological`: values far from those of the same calendar month and hour of the day.

use isd_dataset::Result;

use crate::qc::calendar::{HOURS_OF_MONTHS, Moment};
use crate::qc::derived::{Limits, kept};
use crate::qc::finding::Verdict;
use crate::qc::station::Station;
use crate::qc::statistics::{MAD_TO_SIGMA, iqr_of_sorted, mad, median, normal_limit, reach, sort};
use crate::qc::test::{About, DEW_POINT, Needs, Parameter, Run, TEMPERATURE, Test};
use crate::qc::tests::spike::not_joined;

/// The test.
pub struct Climatological;

/// Hours of a day.
const HOURS: usize = 24;
/// Values that an hour of the day has at least in a calendar month.
const HOUR_VALUES: usize = 10;

static ABOUT: About = About {
    name: "climatological",
    needs: Needs::Climatology,
    by_default: true,
    released_by_neighbours: true,
    measurements: &[TEMPERATURE, DEW_POINT],
    parameters: &[
        Parameter::new("least_years", "", 3.0, "years with at least 1000 values"),
        Parameter::new("least_spread", "value", 1.5, "least half interquartile range"),
        Parameter::new(
            "winsorised",
            "",
            0.05,
            "share of the values at either end that count as the last one within",
        ),
        Parameter::new("margin", "", 1.0, "spreads beyond the normal limit that are still expected"),
        Parameter::new("gap", "", 1.0, "spreads without values that separate a value"),
    ],
    definition: "For each calendar month and hour of the day with ten values, the distance of a value from the \
                 winsorised mean in half interquartile ranges. The distances of a calendar month are compared with a \
                 normal distribution of their spread, 1.4826 median absolute deviations and at least 0.5: a value is \
                 found beyond a limit and a gap of one spread outside it. The limit is one spread beyond the distance \
                 at which that distribution has less than 0.1 values in a bin of one spread. Spared: consecutive \
                 values that are reached and left by changes within the limits of `spike`.",
    source: "HadISD 3 (climatological check), without its low-pass filter over years, which needs a long record",
};

impl Test for Climatological {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        for &measurement in ABOUT.measurements {
            let Some(parameters) = run.parameters::<5>(measurement)? else { continue };
            let station = run.station;
            if !run.derived.climatological.contains_key(&measurement) {
                if (station.years(measurement, 1000) as f64) < parameters[0] {
                    run.not_run(measurement, "too few years of record");
                    continue;
                }
                run.derived.climatological.insert(measurement, derive(station, measurement, parameters));
            }
            let Some(limits) = run.derived.climatological.get(&measurement).cloned() else { continue };
            let limits_of = |row: usize| {
                limits.get(usize::from(station.moments()[row].hour_of_month())).copied().flatten()
            };
            let values = run.values(measurement);
            let outlies = |&row: &usize| limits_of(row).is_some_and(|limits| limits.find(values[row]));
            let outlying = (0..values.len()).filter(outlies).collect();
            for row in not_joined(run, measurement, outlying)? {
                let Some(limits) = limits_of(row) else { continue };
                let value = station.values(measurement)[row];
                run.find(measurement, row, Verdict::Suspect, value, limits.values(), "");
            }
        }
        Ok(())
    }
}

/// The mean of a sample whose share `ends` at either end, up to the middle, counts as the last value within; `None` for an empty
/// sample.
fn winsorised_mean(sample: &mut [f64], ends: f64) -> Option<f64> {
    sort(sample);
    let cut = ((ends * sample.len() as f64) as usize).min(sample.len().checked_sub(1)? / 2);
    let (low, high) = (*sample.get(cut)?, *sample.get(sample.len().checked_sub(cut + 1)?)?);
    Some(sample.iter().map(|value| value.clamp(low, high)).sum::<f64>() / sample.len() as f64)
}

/// Derives the limits of each calendar month and hour of the day; `None` for an hour with too few values.
fn derive(station: &Station, measurement: usize, parameters: [f64; 5]) -> Vec<Option<Limits>> {
    let [_, least_spread, winsorised, margin, gap] = parameters;
    let mut samples = station.samples(measurement, HOURS_OF_MONTHS, Moment::hour_of_month);
    let mut limits = Vec::with_capacity(HOURS_OF_MONTHS);
    for month in 0..12 {
        let hours = month * HOURS..(month + 1) * HOURS;
        let center_and_spread = |hour: usize| {
            let sample = samples.of_mut(hour);
            let enough = sample.len() >= HOUR_VALUES;
            let center = winsorised_mean(sample, winsorised).filter(|_| enough)?;
            Some((kept(center), kept((iqr_of_sorted(sample)? / 2.0).max(least_spread))))
        };
        let centers: Vec<Option<(f64, f64)>> = hours.clone().map(center_and_spread).collect();
        let mut distances: Vec<f64> = Vec::new();
        for (hour, center) in hours.zip(&centers) {
            let Some((center, spread)) = *center else { continue };
            distances.extend(samples.of(hour).iter().map(|value| (value - center) / spread));
        }
        let mut scratch = distances.clone();
        let sigma =
            median(&mut scratch).and_then(|center| mad(&mut scratch, center)).unwrap_or(0.0) * MAD_TO_SIGMA;
        let limit = normal_limit(distances.len(), 1.0, sigma.max(0.5)) + margin;
        let (below, above) = reach(distances.into_iter(), limit, gap);
        limits.extend(
            centers
                .into_iter()
                .map(|found| found.map(|(center, spread)| Limits::new(center, spread, below, above))),
        );
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_winsorised_mean_pulls_the_ends_in() {
        let mut sample: Vec<f64> = (1..=20).map(f64::from).collect();
        sample[0] = 1000.0;
        // Sorted 2 to 20 and 1000: the ends count as 3 and 20.
        assert_eq!(
            winsorised_mean(&mut sample, 0.05),
            Some((3.0 + f64::from((3..=20).sum::<i32>()) + 20.0) / 20.0)
        );
        assert_eq!(winsorised_mean(&mut [], 0.05), None);
        // From the half on it is the median.
        assert_eq!(winsorised_mean(&mut [4.0, 1.0, 2.0, 9.0], 0.5), Some(3.0));
        assert_eq!(winsorised_mean(&mut [4.0, 1.0, 2.0], 0.9), Some(2.0));
    }
}
