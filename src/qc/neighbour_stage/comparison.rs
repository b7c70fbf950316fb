//! One measurement of a station beside its neighbours': series in, how far each value lies from what they make expected out.

use crate::qc::station::Station;
use crate::qc::statistics::{MAD_TO_SIGMA, mad, median};

/// Values of a neighbour, in time order: minutes since 1970, and the value.
pub type Reference = Vec<(i32, f32)>;

/// Values that a neighbour has in common with a station at least.
const COMMON_VALUES: usize = 100;
/// Values from which a usual difference or a spread of a part of the year and day is derived at least.
const PART_VALUES: usize = 20;
/// Neighbours that are compared at most: the nearest.
const MOST_NEIGHBOURS: usize = 6;
/// Neighbours whose distance from the others says how neighbours differ: the nearest.
const JUDGED_NEIGHBOURS: usize = 4;
/// Parts of the year and the day with differences of their own: months and three hours of the day.
const PARTS: usize = 12 * 8;

/// The parameters of a comparison.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Neighbours with a value at a time at least.
    pub least_values: usize,
    /// Robust standard deviations of the difference.
    pub factor: f64,
    /// Least robust standard deviation.
    pub least_spread: f64,
    /// Share of the neighbours that must agree.
    pub agreement: f64,
    /// Time between two values at most, in minutes.
    pub tolerance: i32,
}

/// A station's values beside those of its neighbours.
pub struct Comparison {
    bounds: Bounds,
    /// Rows of the station with a value.
    rows: Vec<u32>,
    /// Part of each of these rows.
    parts: Vec<u8>,
    values: Vec<f64>,
    neighbours: Vec<Neighbour>,
    /// How far each value lies above what the neighbours make expected; NaN where too few have a value.
    differences: Vec<f64>,
    /// Robust standard deviation of the differences, by part.
    spreads: Vec<f64>,
    /// The same of the neighbours among each other.
    network_spreads: Vec<f64>,
}

/// A neighbour's values at the times of the station's.
struct Neighbour {
    /// Its position in what the comparison was made of.
    number: usize,
    /// One a row of the comparison, NaN where it has none.
    values: Vec<f32>,
    /// How far its values usually lie above the station's, by part.
    usual: Vec<f64>,
}

/// What the neighbours say of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Median of what the neighbours make expected.
    pub expected: f64,
    /// The value less that.
    pub difference: f64,
    /// How far it may lie from it.
    pub limit: f64,
    /// Median absolute deviation of what they make expected.
    pub deviation: f64,
    /// Number of neighbours with a value.
    pub neighbours: usize,
    /// Whether it lies beyond the limit, and enough neighbours agree.
    pub disagrees: bool,
    /// Whether it lies beyond the limit that would hold if the station differed from its neighbours as these do from each other.
    pub doubtful: bool,
    /// Place of the nearest neighbour with a value among what the comparison was made of.
    pub nearest: usize,
}

impl Comparison {
    /// Compares a measurement of a station with `references`, nearest first. `found` says which rows any test has found; these
    /// are no part of what is derived. `None` where fewer neighbours than are needed have enough values in common.
    pub fn new(
        station: &Station,
        measurement: usize,
        references: &[&Reference],
        found: impl Fn(u32) -> bool,
        bounds: Bounds,
    ) -> Option<Self> {
        let rows = station.observed(measurement);
        let values: Vec<f64> = rows.iter().map(|&row| station.values(measurement)[row as usize]).collect();
        let minutes: Vec<i32> = rows.iter().map(|&row| minute(station.times()[row as usize])).collect();
        let part = |&row: &u32| {
            let moment = station.moments()[row as usize];
            moment.month * 8 + (moment.hour() / 3) as u8
        };
        let parts: Vec<u8> = rows.iter().map(part).collect();
        let kept: Vec<bool> = rows.iter().map(|&row| !found(row)).collect();
        let mut neighbours = Vec::new();
        for (number, reference) in references.iter().enumerate() {
            let matched = matched(&minutes, reference, bounds.tolerance);
            if matched.iter().filter(|value| !value.is_nan()).count() < COMMON_VALUES {
                continue;
            }
            let above = matched.iter().zip(&values).map(|(&theirs, &ours)| f64::from(theirs) - ours);
            let above = above.zip(&kept).map(|(above, &kept)| if kept { above } else { f64::NAN });
            let usual = by_part(&parts, above, median);
            neighbours.push(Neighbour { number, values: matched, usual });
            if neighbours.len() == MOST_NEIGHBOURS {
                break;
            }
        }
        if neighbours.len() < bounds.least_values.max(1) {
            return None;
        }
        let spreads = vec![bounds.least_spread; PARTS];
        let network_spreads = spreads.clone();
        let differences = Vec::new();
        let mut comparison =
            Self { bounds, rows, parts, values, neighbours, differences, spreads, network_spreads };
        let mut expected = Vec::new();
        comparison.differences = (0..comparison.rows.len())
            .map(|at| comparison.difference(at, &mut expected).unwrap_or(f64::NAN))
            .collect();
        let unfound = comparison.differences.iter().zip(&kept);
        let differences: Vec<f64> =
            unfound.map(|(&difference, &kept)| if kept { difference } else { f64::NAN }).collect();
        comparison.spreads = comparison.spread_of(&differences);
        // Once more without what lies beyond these limits: many errors widen their own limits.
        let within = differences.iter().enumerate().map(|(at, &difference)| {
            let limit = comparison.limit(at);
            if difference.abs() > limit { f64::NAN } else { difference }
        });
        let within: Vec<f64> = within.collect();
        comparison.spreads = comparison.spread_of(&within);
        comparison.network_spreads = comparison.spread_of_network();
        Some(comparison)
    }

    /// Rows of the station with a value.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The position of a row among those with a value.
    #[must_use]
    pub fn position(&self, row: u32) -> Option<usize> {
        self.rows.binary_search(&row).ok()
    }

    /// Whether a value lies beyond one of the limits of a [`Judgement`].
    #[must_use]
    pub fn departs(&self, at: usize) -> bool {
        self.differences[at].abs() > self.limit(at).min(self.network_limit(at))
    }

    /// What the neighbours say of the value at a position; `None` where too few have one. `expected` is a buffer.
    pub fn judge(&self, at: usize, expected: &mut Vec<f64>) -> Option<Judgement> {
        let difference = self.difference(at, expected)?;
        let limit = self.limit(at);
        let network_limit = self.network_limit(at);
        let (value, neighbours) = (self.values[at], expected.len());
        let beyond = |limit: f64| {
            let agrees = |other: &&f64| {
                let from_it = value - **other;
                from_it.abs() > limit / 2.0 && (from_it > 0.0) == (difference > 0.0)
            };
            let agreeing = expected.iter().filter(agrees).count();
            difference.abs() > limit && agreeing as f64 >= self.bounds.agreement * neighbours as f64
        };
        let (disagrees, doubtful) = (beyond(limit), beyond(network_limit));
        let center = value - difference;
        let deviation = mad(expected, center)?;
        let limit = if disagrees { limit } else { network_limit };
        let (nearest, ..) = self.values_at(at).next()?;
        Some(Judgement {
            expected: center,
            difference,
            limit,
            deviation,
            neighbours,
            disagrees,
            doubtful,
            nearest,
        })
    }

    /// The neighbours with a value at a position: their place in what the comparison was made of, their value, and how far it
    /// usually lies above the station's.
    pub fn values_at(&self, at: usize) -> impl Iterator<Item = (usize, f64, f64)> {
        let part = usize::from(self.parts[at]);
        let with_value = self.neighbours.iter().filter(move |neighbour| !neighbour.values[at].is_nan());
        with_value
            .map(move |neighbour| (neighbour.number, f64::from(neighbour.values[at]), neighbour.usual[part]))
    }

    /// The value at a position less the median of what the neighbours make expected, which replaces the contents of `expected`.
    fn difference(&self, at: usize, expected: &mut Vec<f64>) -> Option<f64> {
        expected.clear();
        expected.extend(self.values_at(at).map(|(_, value, usual)| value - usual));
        if expected.len() < self.bounds.least_values {
            return None;
        }
        Some(self.values[at] - median(expected)?)
    }

    fn limit(&self, at: usize) -> f64 {
        self.bounds.factor * self.spreads[usize::from(self.parts[at])]
    }

    fn network_limit(&self, at: usize) -> f64 {
        let part = usize::from(self.parts[at]);
        self.bounds.factor * self.network_spreads[part].min(self.spreads[part])
    }

    /// The robust standard deviations, by part, of the distances of the nearest neighbours' values from what all others make
    /// expected: the median of these neighbours. They are distances from 0, since usual differences are taken off.
    fn spread_of_network(&self) -> Vec<f64> {
        let judged = self.neighbours.len().min(JUDGED_NEIGHBOURS);
        let mut samples: Vec<Vec<f64>> = vec![vec![f64::NAN; self.rows.len()]; judged];
        let mut expected: Vec<(f64, usize)> = Vec::new();
        for (at, &part) in self.parts.iter().enumerate() {
            let part = usize::from(part);
            expected.clear();
            let all = self.neighbours.iter().enumerate();
            let all = all
                .map(|(number, neighbour)| (f64::from(neighbour.values[at]) - neighbour.usual[part], number));
            expected.extend(all.filter(|(value, _)| !value.is_nan()));
            expected.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            if expected.len() < self.bounds.least_values.max(2) {
                continue;
            }
            for (place, &(value, number)) in expected.iter().enumerate().filter(|(_, own)| own.1 < judged) {
                // The median of the others, which are in order.
                let other = |rank: usize| expected[rank + usize::from(rank >= place)].0;
                let (others, middle) = (expected.len() - 1, (expected.len() - 1) / 2);
                let center = if others % 2 == 1 {
                    other(middle)
                } else {
                    f64::midpoint(other(middle - 1), other(middle))
                };
                samples[number][at] = value - center;
            }
        }
        let spread = |sample: Vec<f64>| self.spread_by(&sample, |sample| mad(sample, 0.0));
        let spreads: Vec<Vec<f64>> = samples.into_iter().map(spread).collect();
        let of_part = |part: usize| {
            let mut sample: Vec<f64> = spreads.iter().map(|spreads| spreads[part]).collect();
            median(&mut sample).unwrap_or(self.bounds.least_spread)
        };
        (0..PARTS).map(of_part).collect()
    }

    /// The robust standard deviation of each part, no less than the least.
    fn spread_of(&self, differences: &[f64]) -> Vec<f64> {
        self.spread_by(differences, |sample| median(sample).and_then(|center| mad(sample, center)))
    }

    fn spread_by(&self, differences: &[f64], deviation: impl Fn(&mut [f64]) -> Option<f64>) -> Vec<f64> {
        let deviations = by_part(&self.parts, differences.iter().copied(), deviation);
        deviations.into_iter().map(|mad| (MAD_TO_SIGMA * mad).max(self.bounds.least_spread)).collect()
    }
}

/// Minutes since 1970 of a time in microseconds.
#[must_use]
pub fn minute(time: i64) -> i32 {
    time.div_euclid(60_000_000) as i32
}

/// The value of a reference nearest each of some ascending times, NaN where none is within `tolerance`; of two equally near
/// ones the earlier.
fn matched(minutes: &[i32], reference: &Reference, tolerance: i32) -> Vec<f32> {
    let mut at = 0;
    let nearest = |&minute: &i32| {
        let far =
            |at: usize| reference.get(at).map(|(other, _)| (i64::from(*other) - i64::from(minute)).abs());
        while far(at + 1).zip(far(at)).is_some_and(|(next, this)| next < this) {
            at += 1;
        }
        match (far(at), reference.get(at)) {
            (Some(distance), Some((_, value))) if distance <= i64::from(tolerance) => *value,
            _ => f32::NAN,
        }
    };
    minutes.iter().map(nearest).collect()
}

/// A statistic of the values of each part; of all values where a part has too few. NaN values do not count; the statistic of no
/// value is 0.
fn by_part(
    parts: &[u8],
    values: impl Iterator<Item = f64>,
    statistic: impl Fn(&mut [f64]) -> Option<f64>,
) -> Vec<f64> {
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); PARTS];
    for (&part, value) in parts.iter().zip(values).filter(|(_, value)| !value.is_nan()) {
        samples[usize::from(part)].push(value);
    }
    let few = samples.iter().any(|sample| sample.len() < PART_VALUES);
    let mut all: Vec<f64> = if few { samples.concat() } else { Vec::new() };
    let whole = statistic(&mut all).unwrap_or(0.0);
    let of = |sample: &mut Vec<f64>| {
        if sample.len() < PART_VALUES { whole } else { statistic(sample).unwrap_or(whole) }
    };
    samples.iter_mut().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qc::calendar::HOUR;

    #[test]
    fn the_nearest_value_within_the_tolerance_counts() {
        let reference = vec![(0, 1.0), (50, 2.0), (70, 3.0), (180, 4.0)];
        let found = matched(&[0, 20, 60, 65, 120, 160, 400], &reference, 30);
        assert_eq!(found[..4], [1.0, 1.0, 2.0, 3.0]);
        assert!(found[4].is_nan() && found[6].is_nan());
        assert_eq!(found[5], 4.0);
        assert!(matched(&[1, 2], &Vec::new(), 30).iter().all(|value| value.is_nan()));
    }

    /// Three neighbours that lie 1, 2 and 3 above a station whose values go round from 0 to 9.
    fn compared(change: impl Fn(usize, f64) -> f64, references: usize) -> Option<Comparison> {
        let rows = 2000;
        let usual = |row: usize| (row % 10) as f64;
        let times: Vec<i64> = (0..rows).map(|row| row as i64 * HOUR).collect();
        let values = (0..rows).map(|row| change(row, usual(row))).collect();
        let station = Station::new("a".into(), None, times.clone()).with(0, values);
        let reference = |above: usize| -> Reference {
            times
                .iter()
                .enumerate()
                .map(|(row, &time)| (minute(time), (usual(row) + above as f64) as f32))
                .collect()
        };
        let references: Vec<Reference> = (1..=references).map(reference).collect();
        let references: Vec<&Reference> = references.iter().collect();
        let bounds =
            Bounds { least_values: 3, factor: 5.0, least_spread: 1.5, agreement: 2.0 / 3.0, tolerance: 30 };
        Comparison::new(&station, 0, &references, |_| false, bounds)
    }

    #[test]
    fn usual_differences_are_taken_off_and_the_limit_holds_from_both_sides() {
        let comparison = compared(
            |row, value| {
                value
                    + if row == 500 {
                        7.5
                    } else if row == 600 {
                        -7.6
                    } else {
                        0.0
                    }
            },
            3,
        );
        let comparison = comparison.expect("three neighbours");
        let judged = |row: u32| {
            let at = comparison.position(row).expect("a value");
            comparison.judge(at, &mut Vec::new()).expect("three values")
        };
        let Judgement { expected, difference, limit, deviation, neighbours, disagrees, .. } = judged(499);
        assert_eq!((expected, difference, limit, deviation, neighbours), (9.0, 0.0, 7.5, 0.0, 3));
        assert!(!disagrees);
        assert_eq!(judged(500).difference, 7.5);
        assert!(!judged(500).disagrees);
        assert!(judged(600).disagrees);
        let theirs: Vec<_> = comparison.values_at(499).collect();
        assert_eq!(theirs, [(0, 10.0, 1.0), (1, 11.0, 2.0), (2, 12.0, 3.0)]);
    }

    #[test]
    fn two_neighbours_are_too_few() {
        assert!(compared(|_, value| value, 2).is_none());
    }

    #[test]
    fn many_errors_do_not_widen_their_own_limits() {
        // A quarter of all hours is wrong, by 20.
        let comparison =
            compared(|row, value| value - if row % 4 == 0 { 20.0 } else { 0.0 }, 3).expect("neighbours");
        let found =
            (0..2000).filter(|&at| comparison.judge(at, &mut Vec::new()).is_some_and(|j| j.disagrees));
        assert_eq!(found.count(), 500);
    }
}
