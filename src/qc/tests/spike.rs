//! `spike`: one to three values far from those before and after them.

use isd_dataset::Result;

use crate::qc::derived::Derived;
use crate::qc::finding::Verdict;
use crate::qc::settings::{Settings, test_index};
use crate::qc::spike_limits::SpikeLimits;
use crate::qc::station::Station;
use crate::qc::statistics::median;
use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test, WIND_SPEED};

/// The test.
pub struct Spike;

/// Measurements whose changes have limits.
pub const MEASURED: [usize; 4] = [TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED];
/// Fall of temperature that comes with the outflow of a thunderstorm, in degC, and the hours around a gust in which it counts.
const OUTFLOW: (f64, f64) = (4.0, 2.0);
/// Wind that comes with a low that deepens within hours, in m/s, and the hours around the pressure in which it counts.
const STORM: (f64, f64) = (15.0, 3.0);
/// Values that the end of a block of values is compared with.
const BLOCK_VALUES: usize = 10;

static ABOUT: About = About {
    name: "spike",
    needs: Needs::Variables,
    by_default: true,
    released_by_neighbours: false,
    measurements: &MEASURED,
    parameters: &[
        Parameter::new(
            "factor",
            "",
            6.0,
            "interquartile ranges of the changes over the same time step in the same calendar month",
        ),
        Parameter::new("least", "value", 5.0, "least change of a spike")
            .with(&[(PRESSURE, 3.0), (WIND_SPEED, 8.0)]),
        Parameter::new("most_values", "", 3.0, "values of a spike at most"),
        Parameter::new(
            "reach",
            "h",
            12.0,
            "time between consecutive values beyond which they are not compared",
        ),
        Parameter::new("spare", "", 1.0, "1: spare what comes with weather, by other variables; 0: no"),
    ],
    definition: "At most 3 values that are left and reached again by changes of opposite sign, each beyond the limit: 6 interquartile \
                 ranges of the changes over that time step (1 to 8 h) in that calendar month, and at least 5 degC, 3 hPa or 8 m/s or \
                 five times the resolution. Changes within the spike are below half the limit, as are those just outside it, unless the \
                 value after it is within a quarter of the limit of the one before. At the end of a block of values, next to a gap, one \
                 value that lies twice the limit from its neighbour and from the median of the ten next to it is suspect. Spared: wind \
                 while temperature falls by 4 degC within 2 h (thunderstorm outflow), temperature with which two other variables move \
                 (chinook) or that rises with the wind (an inversion is mixed), pressure that falls in a storm. Wind and dew point are suspect, unless wind exceeds 50 m/s or dew point \
                 temperature; small spikes of pressure are suspect.",
    source: "HadISD 3 (spike check, without its dynamic threshold); what is spared follows from an appraisal of the flags of GHCNh",
};

impl Test for Spike {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        for measurement in MEASURED {
            derive(run.station, run.settings, run.derived, measurement)?;
        }
        for measurement in MEASURED {
            let Some([_, _, most_values, reach, spare]) = run.parameters(measurement)? else { continue };
            let Some(limits) = run.derived.spike.get(&measurement).cloned() else { continue };
            let series = Series {
                station: run.station,
                rows: run.station.observed(measurement),
                measurement,
                limits,
                reach,
            };
            let spikes = series.spikes(most_values as usize);
            for spike in &spikes {
                if spare != 0.0 && spared(run.station, run.derived, &series, spike) {
                    continue;
                }
                for at in spike.first..=spike.last {
                    let row = series.rows[at] as usize;
                    let verdict = verdict(run.station, measurement, row, spike);
                    let level = series.value(spike.first) - spike.change;
                    let limits = (level - spike.limit, level + spike.limit);
                    run.find(measurement, row, verdict, series.value(at), limits, spike.detail());
                }
            }
        }
        Ok(())
    }
}

/// Derives the limits of the changes of a measurement, unless they are known.
///
/// # Errors
/// An internal one: settings without this test.
pub fn derive(
    station: &Station,
    settings: &Settings,
    derived: &mut Derived,
    measurement: usize,
) -> Result<()> {
    if derived.spike.contains_key(&measurement) || !station.has(measurement) {
        return Ok(());
    }
    let test = test_index(ABOUT.name).unwrap_or(usize::MAX);
    let [factor, least, ..] = settings.values::<5>(test, measurement)?;
    derived.spike.insert(measurement, SpikeLimits::derive(station, measurement, factor, least));
    Ok(())
}

/// The values of a measurement and the limits of their changes.
pub struct Series<'a> {
    /// The station.
    pub station: &'a Station,
    /// Rows with a value.
    pub rows: &'a [u32],
    /// Index of the measurement.
    pub measurement: usize,
    /// Limits of the changes.
    pub limits: SpikeLimits,
    /// Hours between values beyond which they are not compared.
    pub reach: f64,
}

/// Consecutive values that were left and reached again by changes beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Excursion {
    /// Position of its first value among the observed ones.
    pub first: usize,
    /// Position of its last value.
    pub last: usize,
    /// Change from the value before it to its first one; of an end of a block, from the median next to it.
    pub change: f64,
    /// The limit of that change.
    pub limit: f64,
    /// Whether it is the end of a block of values.
    pub at_gap: bool,
}

impl Excursion {
    fn detail(&self) -> &'static str {
        if self.at_gap { "at the end of a block of values" } else { "" }
    }
}

impl Series<'_> {
    /// The value at a position among the observed ones.
    #[must_use]
    pub fn value(&self, at: usize) -> f64 {
        self.station.values(self.measurement)[self.rows[at] as usize]
    }

    /// The change to the value at a position from the one before, and its limit; `None` where they are not compared.
    #[must_use]
    pub fn change(&self, to: usize) -> Option<(f64, f64)> {
        let from = to.checked_sub(1)?;
        let (row, later) = (*self.rows.get(from)? as usize, *self.rows.get(to)? as usize);
        let limit = self.limits.of(self.station, row, later, self.reach)?;
        Some((self.value(to) - self.value(from), limit))
    }

    /// Whether the change to a position, if it is known, is at most that share of its limit.
    #[must_use]
    pub fn is_quiet(&self, to: usize, share: f64) -> bool {
        self.change(to).is_none_or(|(change, limit)| change.abs() <= share * limit)
    }

    /// Whether the change to a position is at least so large, however long it took.
    #[must_use]
    pub fn is_jump(&self, to: usize, least: f64) -> bool {
        0 < to && to < self.rows.len() && (self.value(to) - self.value(to - 1)).abs() >= least
    }

    /// Whether the values from one position to another follow the one before them and precede the one after them by changes
    /// within the limits, as weather does.
    #[must_use]
    pub fn joins(&self, first: usize, last: usize) -> bool {
        let ordinary = |to: usize| self.change(to).is_some_and(|(change, limit)| change.abs() < limit);
        ordinary(first) && ordinary(last + 1)
    }

    fn spikes(&self, most_values: usize) -> Vec<Excursion> {
        let mut spikes = Vec::new();
        let mut at = 0;
        let least = self.limits.least();
        while at < self.rows.len() {
            if !self.is_jump(at, least) && !self.is_jump(at + 1, least) {
                at += 1;
                continue;
            }
            let spike = self.spike_from(at, most_values).or_else(|| self.spike_at_gap(at));
            at = spike.map_or(at, |spike| spike.last) + 1;
            spikes.extend(spike);
        }
        spikes
    }

    /// The spike whose first value is at that position.
    fn spike_from(&self, first: usize, most_values: usize) -> Option<Excursion> {
        let (change, limit) = self.change(first).filter(|(change, limit)| change.abs() >= *limit)?;
        for last in first..(first + most_values).min(self.rows.len()) {
            if last > first && !self.is_quiet(last, 0.5) {
                return None;
            }
            let (back, back_limit) = self.change(last + 1)?;
            if back.abs() < back_limit || (back > 0.0) == (change > 0.0) {
                continue;
            }
            let outside = self.is_quiet(first - 1, 0.5) && self.is_quiet(last + 2, 0.5);
            let returned = (change_between(self, first - 1, last + 1)).abs() <= 0.25 * limit;
            if outside || returned {
                return Some(Excursion { first, last, change, limit, at_gap: false });
            }
        }
        None
    }

    /// The value at that position, if it ends a block of values far from the others of the block.
    fn spike_at_gap(&self, at: usize) -> Option<Excursion> {
        let (before, after) = (self.change(at), self.change(at + 1));
        let (next, limit) = match (before, after) {
            (Some((_, limit)), None) => (at.saturating_sub(BLOCK_VALUES)..at, limit),
            (None, Some((_, limit))) => (at + 1..(at + 1 + BLOCK_VALUES).min(self.rows.len()), limit),
            _ => return None,
        };
        let neighbour = if next.start > at { self.value(at + 1) } else { self.value(at - 1) };
        if next.len() < BLOCK_VALUES || (self.value(at) - neighbour).abs() < 2.0 * limit {
            return None;
        }
        let span =
            self.station.hours_between(self.rows[next.start] as usize, self.rows[next.end - 1] as usize);
        let mut values: Vec<f64> = next.map(|next| self.value(next)).collect();
        let change = self.value(at) - median(&mut values)?;
        let far = change.abs() >= 2.0 * limit && span <= self.reach * BLOCK_VALUES as f64;
        far.then_some(Excursion { first: at, last: at, change, limit, at_gap: true })
    }
}

/// The rows of `outlying` that no weather leads to: consecutive values all of whose neighbours in time are reached by changes
/// within the limits of a spike are left out, since errors do not come and go like that.
///
/// # Errors
/// An internal one: settings without this test.
pub fn not_joined(run: &mut Run<'_>, measurement: usize, outlying: Vec<usize>) -> Result<Vec<usize>> {
    if outlying.is_empty() {
        return Ok(outlying);
    }
    derive(run.station, run.settings, run.derived, measurement)?;
    let test = test_index(ABOUT.name).unwrap_or(usize::MAX);
    let [_, _, _, reach, _] = run.settings.values(test, measurement)?;
    let Some(limits) = run.derived.spike.get(&measurement).cloned() else { return Ok(outlying) };
    let rows = run.station.observed(measurement);
    let positions: Vec<usize> =
        outlying.iter().filter_map(|&row| rows.binary_search(&(row as u32)).ok()).collect();
    let series = Series { station: run.station, rows, measurement, limits, reach };
    let apart =
        positions.chunk_by(|a, b| a + 1 == *b).filter(|run| !series.joins(run[0], run[run.len() - 1]));
    Ok(apart.flatten().map(|&at| series.rows[at] as usize).collect())
}

fn change_between(series: &Series<'_>, from: usize, to: usize) -> f64 {
    series.value(to) - series.value(from)
}

/// Whether an excursion comes with weather.
#[must_use]
pub fn spared(station: &Station, derived: &Derived, series: &Series<'_>, excursion: &Excursion) -> bool {
    let first = series.rows[excursion.first] as usize;
    let last = series.rows[excursion.last] as usize;
    match series.measurement {
        WIND_SPEED => excursion.change > 0.0 && (falls(station, first) || falls(station, last)),
        PRESSURE => {
            let storm =
                station.largest_around(WIND_SPEED, first, STORM.1).is_some_and(|wind| wind >= STORM.0);
            excursion.change < 0.0 && storm || excursion.change > 0.0 && falls(station, first)
        }
        TEMPERATURE => {
            let before = excursion.first.checked_sub(1).and_then(|at| series.rows.get(at));
            let after = series.rows.get(excursion.last + 1);
            let moves = |from: usize, to: usize| {
                let others = MEASURED.iter().filter(|&&other| other != TEMPERATURE);
                others.filter(|&&other| moves(station, derived, other, from, to)).count() >= 2
            };
            let mixed = |from: usize| {
                let rises = station.value(WIND_SPEED, first) > station.value(WIND_SPEED, from);
                excursion.change > 0.0 && rises && self::moves(station, derived, WIND_SPEED, from, first)
            };
            before.is_some_and(|&before| moves(before as usize, first) || mixed(before as usize))
                || after.is_some_and(|&after| moves(last, after as usize))
        }
        _ => false,
    }
}

/// Whether a variable changes from one row to another by half its own limit.
fn moves(station: &Station, derived: &Derived, measurement: usize, from: usize, to: usize) -> bool {
    let Some(limits) = derived.spike.get(&measurement) else { return false };
    let values = station.value(measurement, from).zip(station.value(measurement, to));
    let limit = limits.of(station, from, to, f64::INFINITY);
    values.zip(limit).is_some_and(|((a, b), limit)| (b - a).abs() >= 0.5 * limit)
}

/// Whether temperature falls by that of a thunderstorm's outflow around a row.
fn falls(station: &Station, row: usize) -> bool {
    let rows = station.around(row, OUTFLOW.1);
    let observed: Vec<(usize, f64)> =
        rows.filter_map(|row| station.value(TEMPERATURE, row).map(|value| (row, value))).collect();
    observed.iter().enumerate().any(|(at, &(from, high))| {
        let later =
            observed[at + 1..].iter().take_while(|(to, _)| station.hours_between(from, *to) <= OUTFLOW.1);
        later.into_iter().any(|(_, low)| high - low >= OUTFLOW.0)
    })
}

/// What is to be thought of a value of a spike.
fn verdict(station: &Station, measurement: usize, row: usize, spike: &Excursion) -> Verdict {
    let value = station.value(measurement, row);
    let erroneous = match measurement {
        _ if spike.at_gap => false,
        TEMPERATURE => true,
        PRESSURE => spike.change.abs() >= 2.0 * spike.limit,
        WIND_SPEED => value.is_some_and(|value| value > 50.0),
        _ => value.zip(station.value(TEMPERATURE, row)).is_some_and(|(dew, air)| dew > air + 1.0),
    };
    if erroneous { Verdict::Erroneous } else { Verdict::Suspect }
}
