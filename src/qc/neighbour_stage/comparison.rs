//! One measurement of a station beside its neighbours': series in, how far each value lies from what they make expected out.

use crate::qc::groups::{Groups, Samples};
use crate::qc::neighbour_stage::parts::{PARTS, part, statistics};
use crate::qc::neighbour_stage::reference::{Series, minute};
use crate::qc::station::Station;
use crate::qc::statistics::{MAD_TO_SIGMA, Sorted, mad, median};

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
    parts: Groups,
    values: Vec<f64>,
    neighbours: Neighbours,
    /// How far each value lies above what the neighbours make expected; NaN where too few have a value.
    differences: Vec<f64>,
    /// How far a value may lie from what they make expected, by part.
    limits: [f64; PARTS],
    /// The same if the station differed from its neighbours as these do from each other, if that is less.
    network_limits: [f64; PARTS],
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
    /// Compares a measurement of a station with that of `others`, nearest first. `found` says which rows any test has found; these
    /// are no part of what is derived. `None` where fewer neighbours than are needed have enough values in common.
    pub fn new(
        station: &'a Station,
        measurement: usize,
        others: &[Series<'_>],
        found: impl Fn(u32) -> bool,
        bounds: Bounds,
    ) -> Option<Self> {
        let rows = station.observed(measurement);
        let values: Vec<f64> = rows.iter().map(|&row| station.values(measurement)[row as usize]).collect();
        // What is derived does not rest on the others.
        let kept = rows.iter().zip(&values).map(|(&row, &value)| if found(row) { f64::NAN } else { value });
        let kept: Vec<f64> = kept.collect();
        let minutes: Vec<i32> = rows.iter().map(|&row| minute(station.times()[row as usize])).collect();
        let moments = station.moments();
        let parts = Groups::new(PARTS, rows.iter().map(|&row| part(&moments[row as usize])).collect());
        let mut neighbours = Neighbours {
            numbers: Vec::new(),
            values: vec![[f32::NAN; MOST_NEIGHBOURS]; rows.len()],
            usual: vec![[0.0; MOST_NEIGHBOURS]; PARTS],
        };
        let mut above = parts.samples();
        for (number, other) in others.iter().enumerate() {
            let place = neighbours.numbers.len();
            if place == MOST_NEIGHBOURS {
                break;
            }
            let (mut nearest, mut common) = (other.nearest(bounds.tolerance), 0);
            above.clear();
            for (((&minute, &part), &ours), values) in
                minutes.iter().zip(parts.of_values()).zip(&kept).zip(&mut neighbours.values)
            {
                let theirs = nearest.value(minute);
                values[place] = theirs;
                common += usize::from(!theirs.is_nan());
                above.push(part, f64::from(theirs) - ours);
            }
            if common < COMMON_VALUES {
                neighbours.values.iter_mut().for_each(|values| values[place] = f32::NAN);
                continue;
            }
            let usual = statistics(&above, median);
            neighbours.usual.iter_mut().zip(usual).for_each(|(usual, own)| usual[place] = own);
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
            let center =
                sorted.median().filter(|_| sorted.count() >= bounds.least_values).unwrap_or(f64::NAN);
            differences.push(value - center);
            own.push(part, kept - center);
            network.push(part, &expected, &sorted);
        }
        let spread = |samples: &Samples| {
            bounds.spreads(samples, |sample| median(sample).and_then(|center| mad(sample, center)))
        };
        let first = spread(&own);
        // Once more without what lies beyond these limits: many errors widen their own limits.
        own.retain(|part, difference| difference.abs() <= bounds.factor * first[part]);
        let limits = spread(&own).map(|spread| bounds.factor * spread);
        let network = network.spreads(bounds);
        let network_limits = std::array::from_fn(|part| limits[part].min(bounds.factor * network[part]));
        Some(Self { bounds, rows, parts, values, neighbours, differences, limits, network_limits })
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
        self.differences[at].abs() > self.network_limits[self.part(at)]
    }

    /// What the neighbours say of the value at a position; `None` where too few have one. `expected` is a buffer.
    pub fn judge(&self, at: usize, expected: &mut Vec<f64>) -> Option<Judgement> {
        let difference = self.differences[at];
        if difference.is_nan() {
            return None;
        }
        expected.clear();
        expected.extend(self.values_at(at).map(|(_, value, usual)| value - usual));
        let (limit, network_limit) = (self.limits[self.part(at)], self.network_limits[self.part(at)]);
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
}

impl Bounds {
    /// The robust standard deviation of each part, no less than the least.
    fn spreads(&self, samples: &Samples, deviation: impl Fn(&mut [f64]) -> Option<f64>) -> [f64; PARTS] {
        statistics(samples, deviation).map(|mad| (MAD_TO_SIGMA * mad).max(self.least_spread))
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
    fn new(neighbours: &Neighbours, parts: &Groups, least_values: usize) -> Self {
        let judged = neighbours.numbers.len().min(JUDGED_NEIGHBOURS);
        Self { least_values: least_values.max(2), judged: (0..judged).map(|_| parts.samples()).collect() }
    }

    /// Adds what the neighbours make expected at one time.
    fn push(&mut self, part: u16, expected: &[f64], sorted: &Sorted<MOST_NEIGHBOURS>) {
        if sorted.count() >= self.least_values {
            let others = sorted.without_one();
            for (samples, &value) in self.judged.iter_mut().zip(expected) {
                samples.push(part, value - others.median(value));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qc::calendar::HOUR;

    /// Three neighbours that lie 1, 2 and 3 above a station whose values go round from 0 to 9.
    fn compared(change: impl Fn(usize, f64) -> f64, others: usize) -> Option<Comparison<'static>> {
        let rows = 2000;
        let usual = |row: usize| (row % 10) as f64;
        let times: Vec<i64> = (0..rows).map(|row| row as i64 * HOUR).collect();
        let values = (0..rows).map(|row| change(row, usual(row))).collect();
        let station = Station::new("a".into(), None, times.clone()).with(0, values);
        let station: &Station = Box::leak(Box::new(station));
        let minutes: Vec<i32> = times.iter().copied().map(minute).collect();
        let above = |above: usize| (0..rows).map(|row| (usual(row) + above as f64) as f32).collect();
        let others: Vec<Vec<f32>> = (1..=others).map(above).collect();
        let others: Vec<Series<'_>> = others.iter().map(|values| Series::new(&minutes, values)).collect();
        let bounds =
            Bounds { least_values: 3, factor: 5.0, least_spread: 1.5, agreement: 2.0 / 3.0, tolerance: 30 };
        Comparison::new(station, 0, &others, |_| false, bounds)
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
