//! The change from one value to the next beyond which a value may be a spike: a station's record in, limits by calendar month
//! and time step out.

use serde::{Deserialize, Serialize};

use crate::qc::calendar::HOUR;
use crate::qc::derived::kept;
use crate::qc::groups::Groups;
use crate::qc::station::Station;
use crate::qc::statistics::{iqr, resolution};

/// Time steps with limits of their own: 1 to 8 hours.
pub const STEPS: usize = 8;
/// Changes that a spread is derived from at least.
const LEAST_CHANGES: usize = 100;

/// Limits of the change between consecutive values, by calendar month and time step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpikeLimits {
    /// By month, limits of the steps of 1 to 8 h, in the measurement's units. `None` where too few changes are known.
    limits: Vec<Vec<Option<f64>>>,
}

impl SpikeLimits {
    /// Derives them from the station's record: `factor` interquartile ranges of the changes over that step in that calendar
    /// month, or where it has fewer than 100 of them in all months, and no less than `least` or five times the resolution of the
    /// values. That of one hour is no less than 0.66 times that of two.
    #[must_use]
    pub fn derive(station: &Station, measurement: usize, factor: f64, least: f64) -> Self {
        let values = station.values(measurement);
        let least = least.max(5.0 * resolution(values, f64::NEG_INFINITY));
        let pairs =
            || station.observed(measurement).windows(2).map(|pair| (pair[0] as usize, pair[1] as usize));
        // By month and step; behind these, what took longer.
        let group = |(before, row): (usize, usize)| {
            let group = step(station, before, row)
                .map(|step| usize::from(station.moments()[row].month) * STEPS + step);
            group.unwrap_or(12 * STEPS) as u16
        };
        let groups = Groups::new(12 * STEPS + 1, pairs().map(group).collect());
        let mut changes = groups.samples_of(pairs().map(|(before, row)| values[row] - values[before]));
        let mut limits: Vec<Vec<Option<f64>>> = vec![vec![None; STEPS]; 12];
        for step in 0..STEPS {
            let enough = |changes: &[f64]| changes.len() >= LEAST_CHANGES;
            let limit = |changes: &mut [f64]| iqr(changes).map(|spread| kept((factor * spread).max(least)));
            let months = (0..12).map(|month| month * STEPS + step);
            let short = months.clone().any(|month| !enough(changes.of(month)));
            let mut all = if short { changes.of_all(months) } else { Vec::new() };
            let whole = if enough(&all) { limit(&mut all) } else { None };
            for (month, limits) in limits.iter_mut().enumerate() {
                let own = changes.of_mut(month * STEPS + step);
                limits[step] = if enough(own) { limit(own) } else { whole };
            }
        }
        for limits in &mut limits {
            if let (Some(one), Some(two)) = (limits[0], limits[1]) {
                limits[0] = Some(kept(one.max(0.66 * two)));
            }
        }
        Self { limits }
    }

    /// The least of all limits, below which no change needs to be looked at; infinite where there is none.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.limits.iter().flatten().flatten().copied().fold(f64::INFINITY, f64::min)
    }

    /// The limit of the change from a row to a later one; `None` where the step has none. `reach` is the longest step, in hours,
    /// that is compared: beyond the steps that have a limit of their own, that of the longest of these holds.
    #[must_use]
    pub fn of(&self, station: &Station, row: usize, later: usize, reach: f64) -> Option<f64> {
        if station.hours_between(row, later) > reach {
            return None;
        }
        let step = step(station, row, later).unwrap_or(STEPS - 1);
        let limits = self.limits.get(usize::from(station.moments()[later].month))?;
        limits.get(step).copied().flatten().or_else(|| limits[..step].iter().rev().copied().flatten().next())
    }
}

/// Index of the step between two rows, in whole hours less one; steps below one hour count as one. `None` for longer ones.
fn step(station: &Station, row: usize, later: usize) -> Option<usize> {
    let span = station.times()[later] - station.times()[row];
    let hours = ((span + HOUR / 2) / HOUR).max(1) as usize;
    (hours <= STEPS).then(|| hours - 1)
}
