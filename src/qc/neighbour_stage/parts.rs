//! Values by the part of the year and the day that they are of: a series in, a statistic of each part out.

/// Months and three hours of the day.
pub const PARTS: usize = 12 * 8;
/// Values from which a statistic of a part is derived at least.
const PART_VALUES: usize = 20;

/// The parts of consecutive values, and where the values of each stand once they are brought together.
pub struct Parts {
    /// By value.
    of_values: Vec<u8>,
    /// By part, and the number of all values.
    starts: [usize; PARTS + 1],
}

/// Values by part, in room for one of each value that parts are known of.
pub struct Samples {
    values: Vec<f64>,
    starts: [usize; PARTS + 1],
    /// By part, behind its last value.
    ends: [usize; PARTS],
}

impl Parts {
    /// The parts of values, each below [`PARTS`].
    #[must_use]
    pub fn new(of_values: Vec<u8>) -> Self {
        let mut starts = [0; PARTS + 1];
        for &part in &of_values {
            starts[usize::from(part) + 1] += 1;
        }
        for part in 0..PARTS {
            starts[part + 1] += starts[part];
        }
        Self { of_values, starts }
    }

    /// The part of each value.
    #[must_use]
    pub fn of_values(&self) -> &[u8] {
        &self.of_values
    }

    /// Room for samples of these values.
    #[must_use]
    pub fn samples(&self) -> Samples {
        let mut ends = [0; PARTS];
        ends.copy_from_slice(&self.starts[..PARTS]);
        Samples { values: vec![0.0; self.of_values.len()], starts: self.starts, ends }
    }

    /// The values, one each; those that are NaN do not count.
    #[must_use]
    pub fn samples_of(&self, values: impl Iterator<Item = f64>) -> Samples {
        let mut samples = self.samples();
        for (&part, value) in self.of_values.iter().zip(values) {
            samples.push(part, value);
        }
        samples
    }
}

impl Samples {
    /// Adds a value to a part, unless it is NaN. A part takes no more than it has values.
    pub fn push(&mut self, part: u8, value: f64) {
        let end = &mut self.ends[usize::from(part)];
        // Written in any case, and kept by counting it: a branch would be taken as often as not.
        if let Some(room) = self.values.get_mut(*end) {
            *room = value;
            *end += usize::from(!value.is_nan());
        }
    }

    fn of_part(&self, part: usize) -> &[f64] {
        &self.values[self.starts[part]..self.ends[part]]
    }

    /// Leaves the values for which `keep`, with their part, says so.
    pub fn retain(&mut self, keep: impl Fn(usize, f64) -> bool) {
        for part in 0..PARTS {
            let mut end = self.starts[part];
            for at in self.starts[part]..self.ends[part] {
                let value = self.values[at];
                self.values[end] = value;
                end += usize::from(keep(part, value));
            }
            self.ends[part] = end;
        }
    }

    /// A statistic of each part, which may change the copy of the values that it is given; that of all values where a part has
    /// fewer than 20. The statistic of no value is 0.
    #[must_use]
    pub fn statistics(&self, statistic: impl Fn(&mut [f64]) -> Option<f64>) -> [f64; PARTS] {
        let mut copy = Vec::new();
        let mut of = |parts: std::ops::Range<usize>| {
            copy.clear();
            parts.for_each(|part| copy.extend_from_slice(self.of_part(part)));
            statistic(&mut copy)
        };
        let few = |part: usize| self.of_part(part).len() < PART_VALUES;
        let whole = if (0..PARTS).any(few) { of(0..PARTS).unwrap_or(0.0) } else { 0.0 };
        std::array::from_fn(|part| if few(part) { whole } else { of(part..part + 1).unwrap_or(whole) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qc::statistics::median;

    #[test]
    fn parts_with_few_values_have_the_statistic_of_all() {
        // Part 3 has twenty ones and a NaN, part 7 nineteen fives, part 95 a nine.
        let parts = [vec![3_u8; 21], vec![7; 19], vec![95]].concat();
        let values = [vec![1.0; 20], vec![f64::NAN], vec![5.0; 19], vec![9.0]].concat();
        let mut samples = Parts::new(parts).samples_of(values.into_iter());
        let medians = samples.statistics(median);
        assert_eq!((medians[3], medians[7], medians[95], medians[0]), (1.0, 3.0, 3.0, 3.0));
        samples.retain(|part, value| part == 7 && value > 4.0);
        assert_eq!(samples.statistics(median), [5.0; PARTS]);
        samples.retain(|_, _| false);
        assert_eq!(samples.statistics(median), [0.0; PARTS]);
        assert_eq!(Parts::new(Vec::new()).samples().statistics(median), [0.0; PARTS]);
    }
}
