//! `duplicate_month`: a month that repeats an earlier one.

use isd_dataset::{MEASUREMENTS, Result};

use crate::qc::finding::Verdict;
use crate::qc::test::{About, Needs, Parameter, Run, TEMPERATURE, Test};

/// The test.
pub struct DuplicateMonth;

static ABOUT: About = About {
    name: "duplicate_month",
    needs: Needs::Series,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[0, 1, 2, 3, 4, 5, 6, 7],
    parameters: &[
        Parameter::new("least_values", "", 60.0, "temperatures that two months have in common at least"),
        Parameter::new("least_changes", "", 20.0, "changes among these temperatures at least"),
    ],
    definition: "All temperatures of a month equal those of an earlier month at the same day and hour, wherever both have one. \
                 Both months have at least half of their temperatures in common. Both are suspect up to the last day that both \
                 reach, in all measurements that agree as well: which of the two is the copy, only the neighbours can tell.",
    source: "HadISD 3 (duplicate months), which asks for 20 common values",
};

/// The temperatures of a month by minute of the month, which ascends.
struct Month {
    rows: std::ops::Range<usize>,
    temperatures: Vec<(u32, f64)>,
}

impl Test for DuplicateMonth {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let station = run.station;
        if !run.settings.runs(run.test) {
            return Ok(());
        }
        if !station.has(TEMPERATURE) {
            for measurement in 0..MEASUREMENTS.len() {
                if run.settings.is_on(run.test, measurement) {
                    run.not_run(measurement, "the station has no temperatures");
                }
            }
            return Ok(());
        }
        let [least_values, least_changes] = run.settings.values(run.test, TEMPERATURE)?;
        let months = months(run);
        for later in 1..months.len() {
            let found = months[..later].iter().find_map(|earlier| {
                let common = common(&earlier.temperatures, &months[later].temperatures)?;
                let half = earlier.temperatures.len().max(months[later].temperatures.len()) as f64 / 2.0;
                let enough = common.values as f64 >= least_values.max(half);
                (enough && common.changes as f64 >= least_changes).then_some((earlier, common.values))
            });
            let Some((earlier, values)) = found else { continue };
            let last_day = |month: &Month| month.temperatures.last().map_or(0, |(minute, _)| minute / 1440);
            // A longer month has days that the other lacks.
            let last = last_day(earlier).min(last_day(&months[later]));
            for (month, other) in [(&months[later], earlier), (earlier, &months[later])] {
                let first = station.moments()[other.rows.start];
                let detail = format!("as in {:04}-{:02}", first.year, first.month + 1);
                let days = month.rows.clone().take_while(|&row| minute_of_month(run, row) / 1440 <= last);
                let days: Vec<usize> = days.collect();
                for measurement in 0..MEASUREMENTS.len() {
                    if !run.settings.is_on(run.test, measurement) || !agrees(run, measurement, month, other) {
                        continue;
                    }
                    for &row in days.iter().filter(|&&row| station.value(measurement, row).is_some()) {
                        let limits = (f64::NAN, least_values);
                        run.find(measurement, row, Verdict::Suspect, values as f64, limits, detail.clone());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether all values of a measurement that two months have in common are equal.
fn agrees(run: &Run<'_>, measurement: usize, month: &Month, other: &Month) -> bool {
    let values = run.values(measurement);
    let of = |month: &Month| -> Vec<(u32, f64)> {
        let observed = month.rows.clone().filter(|&row| values.get(row).is_some_and(|value| !value.is_nan()));
        observed.map(|row| (minute_of_month(run, row), values[row])).collect()
    };
    common(&of(month), &of(other)).is_some_and(|common| common.values > 0)
}

fn minute_of_month(run: &Run<'_>, row: usize) -> u32 {
    let moment = run.station.moments()[row];
    u32::from(moment.day_of_month) * 1440 + u32::from(moment.minute)
}

/// The months of a record that have temperatures, in order.
fn months(run: &Run<'_>) -> Vec<Month> {
    let moments = run.station.moments();
    let temperatures = run.values(TEMPERATURE);
    let mut months: Vec<Month> = Vec::new();
    let mut start = 0;
    for rows in moments.chunk_by(|a, b| a.month_of_record() == b.month_of_record()) {
        let range = start..start + rows.len();
        start = range.end;
        let observed = range.clone().filter(|&row| !temperatures[row].is_nan());
        let temperatures: Vec<(u32, f64)> =
            observed.map(|row| (minute_of_month(run, row), temperatures[row])).collect();
        if !temperatures.is_empty() {
            months.push(Month { rows: range, temperatures });
        }
    }
    months
}

/// What two months have in common.
struct Common {
    values: usize,
    changes: usize,
}

/// Counts the times at which both months have a value, and the changes of these values; `None` where two values differ.
fn common(a: &[(u32, f64)], b: &[(u32, f64)]) -> Option<Common> {
    let (mut i, mut j) = (0, 0);
    let mut common = Common { values: 0, changes: 0 };
    let mut last = f64::NAN;
    while let (Some(&(time, value)), Some(&(other_time, other))) = (a.get(i), b.get(j)) {
        match time.cmp(&other_time) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                if value != other {
                    return None;
                }
                common.values += 1;
                common.changes += usize::from(!last.is_nan() && last != value);
                last = value;
                i += 1;
                j += 1;
            }
        }
    }
    Some(common)
}
