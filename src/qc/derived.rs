//! What is derived from a station's record, once for all tests: limits that can be kept for the rows of tomorrow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::qc::spike_limits::SpikeLimits;

/// Limits that rest on a station's own record, by the index of the measurement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Derived {
    /// The changes beyond which a value may be a spike.
    pub spike: BTreeMap<usize, SpikeLimits>,
    /// Centres, spreads and limits by calendar month; `None` where too little is known.
    pub distribution: BTreeMap<usize, Vec<Option<Limits>>>,
    /// The same by calendar month and hour of the day: 288, month by month.
    pub climatological: BTreeMap<usize, Vec<Option<Limits>>>,
    /// Equal values of a streak, by the resolution that the station reports in.
    pub streak: BTreeMap<usize, f64>,
    /// The 99.9th percentile of the wet hours, in mm.
    pub wet_hours: BTreeMap<usize, f64>,
}

/// What the values of a calendar month, or of an hour of the day in one, are like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Their centre, in the measurement's units.
    pub center: f64,
    /// Their spread, in the measurement's units.
    pub spread: f64,
    /// Spreads below the centre beyond which a value is found.
    pub below: f64,
    /// Spreads above the centre beyond which a value is found.
    pub above: f64,
}

/// A derived number as it is kept: to the millionth, so that JSON, whose readers may miss the last digit of a double, gives back
/// the same.
#[must_use]
pub fn kept(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

impl Limits {
    /// Limits as they are kept, around a centre and a spread that are [`kept`] already. The values of the record that the limits
    /// reach to must lie within them, so that they are rounded up.
    #[must_use]
    pub fn new(center: f64, spread: f64, below: f64, above: f64) -> Self {
        let up = |limit: f64| if kept(limit) < limit { kept(limit + 1e-6) } else { kept(limit) };
        Self { center, spread, below: up(below), above: up(above) }
    }

    /// Spreads by which a value lies above the centre.
    #[must_use]
    pub fn distance(&self, value: f64) -> f64 {
        (value - self.center) / self.spread
    }

    /// Whether a value lies beyond them.
    #[must_use]
    pub fn find(&self, value: f64) -> bool {
        let distance = self.distance(value);
        distance > self.above || -distance > self.below
    }

    /// The values that the limits stand for.
    #[must_use]
    pub fn values(&self) -> (f64, f64) {
        (self.center - self.below * self.spread, self.center + self.above * self.spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_the_record_reaches_lies_within_its_limits() {
        for spread in [1.5, 1.7, 3.0, 4.9] {
            for tenths in 100..400 {
                let value = f64::from(tenths) / 10.0;
                let reached = (value - 1.0) / spread;
                let limits = Limits::new(1.0, spread, reached, reached);
                assert!(
                    !limits.find(value) && !limits.find(2.0 - value),
                    "{value} with a spread of {spread}"
                );
                assert!(
                    limits.find(value + 0.1) && limits.find(1.9 - value),
                    "{value} with a spread of {spread}"
                );
            }
        }
    }
}
