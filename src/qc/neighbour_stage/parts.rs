//! Parts of the year and the day: a statistic of the values of each.

use crate::qc::calendar::Moment;
use crate::qc::groups::Samples;

/// Months and three hours of the day.
pub const PARTS: usize = 12 * 8;
/// Values from which a statistic of a part is derived at least.
const PART_VALUES: usize = 20;

/// The part of a moment.
#[must_use]
pub fn part(moment: &Moment) -> u16 {
    u16::from(moment.month) * 8 + (moment.hour() / 3) as u16
}

/// A statistic of each part, which may change the copy of the values that it is given; that of all values where a part has
/// fewer than 20. The statistic of no value is 0.
#[must_use]
pub fn statistics(samples: &Samples, statistic: impl Fn(&mut [f64]) -> Option<f64>) -> [f64; PARTS] {
    let mut copy = Vec::new();
    let mut of = |parts: std::ops::Range<usize>| {
        copy.clear();
        parts.for_each(|part| copy.extend_from_slice(samples.of(part)));
        statistic(&mut copy)
    };
    let few = |part: usize| samples.of(part).len() < PART_VALUES;
    let whole = if (0..PARTS).any(few) { of(0..PARTS).unwrap_or(0.0) } else { 0.0 };
    std::array::from_fn(|part| if few(part) { whole } else { of(part..part + 1).unwrap_or(whole) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qc::groups::Groups;
    use crate::qc::statistics::median;

    #[test]
    fn parts_with_few_values_have_the_statistic_of_all() {
        // Part 3 has twenty ones and a NaN, part 7 nineteen fives, part 95 a nine.
        let parts = [vec![3_u16; 21], vec![7; 19], vec![95]].concat();
        let values = [vec![1.0; 20], vec![f64::NAN], vec![5.0; 19], vec![9.0]].concat();
        let mut samples = Groups::new(PARTS, parts).samples_of(values.into_iter());
        let medians = statistics(&samples, median);
        assert_eq!((medians[3], medians[7], medians[95], medians[0]), (1.0, 3.0, 3.0, 3.0));
        samples.retain(|part, value| part == 7 && value > 4.0);
        assert_eq!(statistics(&samples, median), [5.0; PARTS]);
        samples.retain(|_, _| false);
        assert_eq!(statistics(&samples, median), [0.0; PARTS]);
        assert_eq!(statistics(&Groups::new(PARTS, Vec::new()).samples(), median), [0.0; PARTS]);
    }
}
