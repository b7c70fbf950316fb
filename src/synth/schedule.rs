//! When a station reports: options and a station index in, runs of consecutive reports out.

use rand::RngExt;

use super::options::{Length, SynthOptions};
use super::planted::PlantedKind;
use super::random::{Purpose, chance, generator, log_uniform, spacing, uniform};

/// One station in this many reports every three hours instead of every hour.
const THREE_HOURLY_ONE_IN: u32 = 5;

/// Reports of a cluster within an outage.
const CLUSTER_ROWS: std::ops::RangeInclusive<usize> = 2..=6;

/// Hours without a report before and after such a cluster, at least.
const CLUSTER_APART_HOURS: usize = 49;

/// Reports in a row without one absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReportRun {
    /// Hour of the first report, since 1970-01-01T00:00Z.
    pub first_hour: i32,
    /// Number of reports, at least 1.
    pub rows: usize,
}

/// All reports of one station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    /// Hours from one report to the next: 1 or 3.
    pub step_hours: i32,
    /// The reports, at least one, in order of time. Between two runs at least one report is absent.
    pub runs: Vec<ReportRun>,
    /// The runs of a few reports within a long outage.
    pub isolated: Vec<ReportRun>,
    /// Hours of the first and of the last report, since 1970-01-01T00:00Z.
    pub span_hours: (i32, i32),
}

impl Schedule {
    /// The reports of the station at `index`.
    ///
    /// `options` must be valid.
    pub(super) fn new(options: &SynthOptions, index: usize) -> Self {
        let mut rng = generator(options.seed, Purpose::Schedule, index);
        let step_hours = if rng.random_range(0..THREE_HOURLY_ONE_IN) == 0 { 3 } else { 1 };
        // Some stations hardly ever miss a report, some miss a few every day.
        let run_mean = log_uniform(&mut rng, 40, 2_000) as f64;
        let outage_mean = uniform(&mut rng, 20_000.0, 80_000.0);

        let start = year_start_hour(options.start_year);
        let (mut rows_left, steps) = match options.length {
            Length::Rows(rows) => (rows as usize, usize::MAX),
            Length::Years(years) => {
                let end = year_start_hour(options.start_year + years as i32);
                (usize::MAX, ((end - start) / step_hours) as usize)
            }
        };
        let mut clusters = generator(options.seed, Purpose::Clusters, index);
        let (mut runs, mut isolated) = (Vec::new(), Vec::new());
        let mut last = start;
        let (mut step, mut next_outage) = (0, spacing(&mut rng, outage_mean));
        while rows_left > 0 && step < steps {
            let rows = spacing(&mut rng, run_mean).min(rows_left).min(steps - step);
            let first_hour = start + step as i32 * step_hours;
            runs.push(ReportRun { first_hour, rows });
            last = first_hour + (rows as i32 - 1) * step_hours;
            rows_left -= rows;
            step += rows;
            step += if step >= next_outage {
                next_outage = step + spacing(&mut rng, outage_mean);
                let absent = log_uniform(&mut rng, 48, 1_500);
                let rows = clusters.random_range(CLUSTER_ROWS);
                let apart = CLUSTER_APART_HOURS.div_ceil(step_hours as usize);
                let fits = absent >= 2 * apart + rows && step + absent < steps && rows < rows_left;
                if options.plants(PlantedKind::IsolatedCluster) && fits {
                    let before = clusters.random_range(apart..=absent - apart - rows);
                    let first_hour = start + (step + before) as i32 * step_hours;
                    let run = ReportRun { first_hour, rows };
                    runs.push(run);
                    isolated.push(run);
                    rows_left -= rows;
                }
                absent
            } else if chance(&mut rng, 0.05) {
                log_uniform(&mut rng, 3, 48)
            } else {
                1
            };
        }
        Self { step_hours, runs, isolated, span_hours: (start, last) }
    }

    /// Number of reports.
    pub(super) fn rows(&self) -> usize {
        self.runs.iter().map(|run| run.rows).sum()
    }
}

/// Hours from 1970-01-01T00:00Z to 1 January 00:00 UTC of `year`, in the Gregorian calendar.
fn year_start_hour(year: i32) -> i32 {
    let leap_years_through = |year: i32| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    24 * (365 * (year - 1970) + leap_years_through(year - 1) - leap_years_through(1969))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_apart_and_ascend() {
        let options = SynthOptions { length: Length::Rows(20_000), ..SynthOptions::default() };
        for index in 0..20 {
            let schedule = Schedule::new(&options, index);
            let last = schedule.runs[schedule.runs.len() - 1];
            let last_hour = last.first_hour + (last.rows as i32 - 1) * schedule.step_hours;
            assert_eq!(schedule.span_hours, (schedule.runs[0].first_hour, last_hour));
            for pair in schedule.runs.windows(2) {
                let after = pair[0].first_hour + pair[0].rows as i32 * schedule.step_hours;
                assert!(pair[1].first_hour > after);
            }
        }
    }
}
