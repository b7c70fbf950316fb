//! `variance`: months whose values vary more, or less, than those of other years.

use isd_dataset::Result;

use crate::qc::calendar::{HOURS_OF_MONTHS, Moment};
use crate::qc::finding::Verdict;
use crate::qc::statistics::{iqr, median};
use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test, WIND_SPEED};

/// The test.
pub struct Variance;

static ABOUT: About = About {
    name: "variance",
    needs: Needs::Climatology,
    by_default: true,
    released_by_neighbours: true,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED],
    parameters: &[
        Parameter::new("least_years", "", 10.0, "years in which the calendar month has enough values"),
        Parameter::new("least_values", "", 120.0, "values of a month at least"),
        Parameter::new("limit", "", 8.0, "half interquartile ranges from the median of the years")
            .with(&[(PRESSURE, 6.0), (WIND_SPEED, 6.0)]),
        Parameter::new("least_spread", "", 0.1, "least half interquartile range, as a share of the median"),
        Parameter::new(
            "storm",
            "m/s",
            15.0,
            "wind with which months of high variance of pressure and wind are spared",
        ),
    ],
    definition: "The mean absolute deviation of a month's values from the medians of its hours of the day, compared with those \
                 of the same calendar month in all years: its distance from their median in half interquartile ranges. All values of a \
                 month beyond the limit are found.",
    source: "HadISD 3 (unusual variance), with a least spread relative to the median",
};

/// A month of the record: its calendar month, its rows and its mean absolute deviation.
struct Month {
    calendar: u8,
    rows: Vec<u32>,
    deviation: f64,
}

impl Test for Variance {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        for &measurement in ABOUT.measurements {
            let Some([least_years, least_values, limit, least_spread, storm]) =
                run.parameters(measurement)?
            else {
                continue;
            };
            let months = months(run, measurement, least_values as usize);
            let mut ran = false;
            for calendar in 0..12 {
                let years: Vec<&Month> = months.iter().filter(|month| month.calendar == calendar).collect();
                if (years.len() as f64) < least_years {
                    continue;
                }
                ran = true;
                let mut sample: Vec<f64> = years.iter().map(|month| month.deviation).collect();
                let Some(center) = median(&mut sample) else { continue };
                let Some(spread) = iqr(&mut sample) else { continue };
                let spread = (spread / 2.0).max(least_spread * center);
                for month in years {
                    let distance = (month.deviation - center) / spread;
                    let windy = |&row: &u32| {
                        run.station.value(WIND_SPEED, row as usize).is_some_and(|wind| wind >= storm)
                    };
                    let stormy = measurement >= PRESSURE && distance > 0.0 && month.rows.iter().any(windy);
                    if distance.abs() <= limit || distance.is_nan() || stormy {
                        continue;
                    }
                    for &row in &month.rows {
                        run.find(
                            measurement,
                            row as usize,
                            Verdict::Suspect,
                            distance,
                            (-limit, limit),
                            "variance of the month",
                        );
                    }
                }
            }
            if !ran {
                run.not_run(measurement, "too few years of record");
            }
        }
        Ok(())
    }
}

/// The months of a record with enough values.
fn months(run: &Run<'_>, measurement: usize, least_values: usize) -> Vec<Month> {
    let (moments, values) = (run.station.moments(), run.values(measurement));
    let rows = run.station.observed(measurement);
    let mut samples = run.station.samples(measurement, HOURS_OF_MONTHS, Moment::hour_of_month);
    let center = |hour: usize| median(samples.of_mut(hour)).unwrap_or(f64::NAN);
    let centers: Vec<f64> = (0..HOURS_OF_MONTHS).map(center).collect();
    let hour = |row: u32| usize::from(moments[row as usize].hour_of_month());
    let month_of = |row: u32| moments[row as usize].month_of_record();
    let months = rows.chunk_by(|&a, &b| month_of(a) == month_of(b)).filter(|rows| rows.len() >= least_values);
    let month = |rows: &[u32]| {
        let sum: f64 = rows.iter().map(|&row| (values[row as usize] - centers[hour(row)]).abs()).sum();
        let calendar = moments[rows[0] as usize].month;
        Month { calendar, rows: rows.to_vec(), deviation: sum / rows.len() as f64 }
    };
    months.map(month).collect()
}
