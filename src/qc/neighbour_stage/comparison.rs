//! One measurement of a station beside its neighbours': series in, how far each value lies from what they make expected out.

use crate::qc::neighbour_stage::parts::{PARTS, Parts, Samples};
use crate::qc::station::Station;
use crate::qc::statistics::{MAD_TO_SIGMA, Sorted, mad, median};

/// Values of a neighbour, in time order: minutes since 1970, and the value.
pub type Reference = Vec<(i32, f32)>;

/// Values that a neighbour has in common with a station at least.
const COMMON_VALUES: usize = 100;
/// Neighbours that are compared at most: the nearest.
const MOST_NEIGHBOURS: usize = 6;
/// Neighbours whose distance from the others says how neighbours differ: the nearest.
const JUDGED_NEIGHBOURS: usize = 4;

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
    pub tolerance: u32,
}

/// A station's values beside those of its neighbours.
pub struct Comparison<'a> {
    bounds: Bounds,
    /// Rows of the station with a value.
    rows: &'a [u32],
    parts: Parts,
    values: Vec<f64>,
    neighbours: Neighbours,
    /// How far each value lies above what the neighbours make expected; NaN where too few have a value.
    differences: Vec<f64>,
    /// Robust standard deviation of the differences, by part.
    spreads: [f64; PARTS],
    /// The same of the neighbours among each other.
    network_spreads: [f64; PARTS],
}

/// The neighbours' values at the times of the station's.
struct Neighbours {
    /// The position of each in what the comparison was made of.
    numbers: Vec<usize>,
    /// By row of the comparison, NaN where one has none and beyond the last.
    values: Vec<[f32; MOST_NEIGHBOURS]>,
    /// How far the values of each usually lie above the station's, by part.
    usual: Vec<[f64; MOST_NEIGHBOURS]>,
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

impl<'a> Comparison<'a> {
    /// Compares a measurement of a station with `references`, nearest first. `found` says which rows any test has found; these
    /// are no part of what is derived. `None` where fewer neighbours than are needed have enough values in common.
    pub fn new(
        station: &'a Station,
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
        let parts = Parts::new(rows.iter().map(part).collect());
        let kept: Vec<bool> = rows.iter().map(|&row| !found(row)).collect();
        let mut neighbours = Neighbours {
            numbers: Vec::new(),
            values: vec![[f32::NAN; MOST_NEIGHBOURS]; rows.len()],
            usual: vec![[0.0; MOST_NEIGHBOURS]; PARTS],
        };
        for (number, reference) in references.iter().enumerate() {
            let place = neighbours.numbers.len();
            if place == MOST_NEIGHBOURS {
                break;
            }
            let matched = matched(&minutes, reference, bounds.tolerance);
            if matched.iter().filter(|value| !value.is_nan()).count() < COMMON_VALUES {
                continue;
            }
            let above = matched.iter().zip(&values).zip(&kept);
            let above =
                above.map(|((&theirs, &ours), &kept)| if kept { f64::from(theirs) - ours } else { f64::NAN });
            let usual = parts.samples_of(above).statistics(median);
            neighbours.usual.iter_mut().zip(usual).for_each(|(usual, own)| usual[place] = own);
            neighbours.values.iter_mut().zip(matched).for_each(|(values, own)| values[place] = own);
            neighbours.numbers.push(number);
        }
        if neighbours.numbers.len() < bounds.least_values.max(1) {
            return None;
        }
        let mut network = Network::new(&neighbours, &parts, bounds.least_values);
        let mut own = parts.samples();
        let mut differences = Vec::with_capacity(rows.len());
        for (((&part, theirs), &value), &kept) in
            parts.of_values().iter().zip(&neighbours.values).zip(&values).zip(&kept)
        {
            let expected = neighbours.expected(usize::from(part), theirs);
            let sorted = Sorted::new(expected);
            let center = sorted.median().filter(|_| sorted.count() >= bounds.least_values);
            let difference = center.map_or(f64::NAN, |center| value - center);
            differences.push(difference);
            own.push(part, if kept { difference } else { f64::NAN });
            network.push(part, &expected, &sorted);
        }
        let spread = |samples: &Samples| {
            bounds.spreads(samples, |sample| median(sample).and_then(|center| mad(sample, center)))
        };
        let first = spread(&own);
        // Once more without what lies beyond these limits: many errors widen their own limits.
        own.retain(|part, difference| difference.abs() <= bounds.factor * first[part]);
        let (spreads, network_spreads) = (spread(&own), network.spreads(bounds));
        Some(Self { bounds, rows, parts, values, neighbours, differences, spreads, network_spreads })
    }

    /// Rows of the station with a value.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        self.rows
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
        let difference = self.differences[at];
        if difference.is_nan() {
            return None;
        }
        expected.clear();
        expected.extend(self.values_at(at).map(|(_, value, usual)| value - usual));
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
        let (values, usual) = (&self.neighbours.values[at], &self.neighbours.usual[self.part(at)]);
        let all = self.neighbours.numbers.iter().zip(values).zip(usual);
        all.filter(|((_, value), _)| !value.is_nan())
            .map(|((&number, &value), &usual)| (number, f64::from(value), usual))
    }

    fn part(&self, at: usize) -> usize {
        usize::from(self.parts.of_values()[at])
    }

    fn limit(&self, at: usize) -> f64 {
        self.bounds.factor * self.spreads[self.part(at)]
    }

    fn network_limit(&self, at: usize) -> f64 {
        let part = self.part(at);
        self.bounds.factor * self.network_spreads[part].min(self.spreads[part])
    }
}

impl Bounds {
    /// The robust standard deviation of each part, no less than the least.
    fn spreads(&self, samples: &Samples, deviation: impl Fn(&mut [f64]) -> Option<f64>) -> [f64; PARTS] {
        samples.statistics(deviation).map(|mad| (MAD_TO_SIGMA * mad).max(self.least_spread))
    }
}

impl Neighbours {
    /// What each makes expected in a part of the year and the day, NaN where it has no value.
    fn expected(&self, part: usize, values: &[f32; MOST_NEIGHBOURS]) -> [f64; MOST_NEIGHBOURS] {
        let usual = &self.usual[part];
        std::array::from_fn(|place| f64::from(values[place]) - usual[place])
    }
}

/// How far the nearest neighbours' values lie from what all others make expected. They are distances from 0, since usual
/// differences are taken off.
struct Network {
    /// Neighbours with a value at least.
    least_values: usize,
    judged: Vec<Samples>,
}

impl Network {
    fn new(neighbours: &Neighbours, parts: &Parts, least_values: usize) -> Self {
        let judged = neighbours.numbers.len().min(JUDGED_NEIGHBOURS);
        Self { least_values: least_values.max(2), judged: (0..judged).map(|_| parts.samples()).collect() }
    }

    /// Adds what the neighbours make expected at one time.
    fn push(&mut self, part: u8, expected: &[f64], sorted: &Sorted<MOST_NEIGHBOURS>) {
        if sorted.count() >= self.least_values {
            for (samples, &value) in self.judged.iter_mut().zip(expected) {
                samples.push(part, value - sorted.median_without(value));
            }
        }
    }

    /// The robust standard deviations, by part: the median of the neighbours.
    fn spreads(&self, bounds: Bounds) -> [f64; PARTS] {
        let each: Vec<[f64; PARTS]> =
            self.judged.iter().map(|samples| bounds.spreads(samples, |sample| mad(sample, 0.0))).collect();
        std::array::from_fn(|part| {
            let mut sample: Vec<f64> = each.iter().map(|spreads| spreads[part]).collect();
            median(&mut sample).unwrap_or(bounds.least_spread)
        })
    }
}

/// Minutes since 1970 of a time in microseconds.
#[must_use]
pub fn minute(time: i64) -> i32 {
    time.div_euclid(60_000_000) as i32
}

/// The value of a reference nearest each of some ascending times, NaN where none is within `tolerance`; of two equally near
/// ones the earlier.
fn matched(minutes: &[i32], reference: &Reference, tolerance: u32) -> Vec<f32> {
    let mut at = 0;
    let mut nearest = |&minute: &i32| {
        let (time, mut value) = *reference.get(at)?;
        let mut distance = time.abs_diff(minute);
        while let Some(&(time, next)) = reference.get(at + 1)
            && time.abs_diff(minute) < distance
        {
            (distance, value) = (time.abs_diff(minute), next);
            at += 1;
        }
        (distance <= tolerance).then_some(value)
    };
    minutes.iter().map(|minute| nearest(minute).unwrap_or(f32::NAN)).collect()
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
    fn compared(change: impl Fn(usize, f64) -> f64, references: usize) -> Option<Comparison<'static>> {
        let rows = 2000;
        let usual = |row: usize| (row % 10) as f64;
        let times: Vec<i64> = (0..rows).map(|row| row as i64 * HOUR).collect();
        let values = (0..rows).map(|row| change(row, usual(row))).collect();
        let station = Station::new("a".into(), None, times.clone()).with(0, values);
        let station: &Station = Box::leak(Box::new(station));
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
        Comparison::new(station, 0, &references, |_| false, bounds)
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
