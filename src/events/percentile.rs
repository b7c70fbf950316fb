//! Order statistics: numbers in, percentiles, medians and deviations from them out.

use crate::qc::statistics::at_rank;

/// One in so many numbers is asked where a percentile lies.
const SAMPLED: usize = 64;
/// Numbers of a sample that lie beyond the bound that it gives, besides those that have to: in all likelihood enough.
const SPARE: usize = 32;

/// The percentile of some numbers by the nearest rank: the least of them that is not less than so many percent of all. It is
/// one of the numbers, whatever their distribution (type 1 of Hyndman and Fan 1996). `None` of no numbers.
///
/// The numbers come into another order.
pub fn percentile(numbers: &mut [f64], percent: f64) -> Option<f64> {
    let place = place_of(percent, numbers.len())?;
    at_rank(numbers, place)
}

/// The [`percentile`] of numbers in several parts, `sign` times each that `counts`; `None` where fewer count than `least`, or
/// none. None but the highest are held for a high percentile.
///
/// A sample gives a bound. Where enough numbers lie beyond it, the percentile is one of these; else all are looked at.
pub fn high_percentile(
    parts: &[&[f64]],
    sign: f64,
    counts: impl Fn(f64) -> bool + Copy,
    percent: f64,
    least: usize,
) -> Option<f64> {
    let count = parts.iter().map(|part| part.iter().filter(|number| counts(**number)).count()).sum();
    if count < least {
        return None;
    }
    let wanted = count - place_of(percent, count)?;
    let sample = parts.iter().flat_map(|part| part.iter().step_by(SAMPLED));
    let mut sample: Vec<f64> = sample.filter(|number| counts(**number)).map(|number| sign * number).collect();
    let mut beyond = Vec::new();
    let place = sample.len().checked_sub(2 * wanted / SAMPLED + SPARE);
    if let Some(bound) = place.and_then(|place| at_rank(&mut sample, place)) {
        let is_beyond = |number: &&f64| sign * **number > bound;
        // Most lie short of it, and are passed over many at a time.
        let some = parts.iter().flat_map(|part| part.chunks(SAMPLED));
        for some in some.filter(|some| some.iter().filter(is_beyond).count() > 0) {
            let own = some.iter().filter(is_beyond).filter(|number| counts(**number));
            beyond.extend(own.map(|number| sign * number));
        }
    }
    if beyond.len() < wanted {
        let all = parts.iter().copied().flatten();
        beyond = all.filter(|number| counts(**number)).map(|number| sign * number).collect();
    }
    let place = beyond.len().checked_sub(wanted)?;
    at_rank(&mut beyond, place)
}

/// The place of a percentile among so many numbers in ascending order; `None` of no numbers.
fn place_of(percent: f64, count: usize) -> Option<usize> {
    // What decimal percents cost in rounding must not take a rank up.
    let rank = (percent / 100.0 * count as f64 - 1e-9).ceil().max(1.0) as usize;
    rank.min(count).checked_sub(1)
}

/// The median of some numbers, and their median absolute deviation from it, each by the nearest rank; `None` of no numbers.
pub fn median_and_deviation(numbers: &mut [f64]) -> Option<(f64, f64)> {
    let median = percentile(numbers, 50.0)?;
    for number in &mut *numbers {
        *number = (*number - median).abs();
    }
    Some((median, percentile(numbers, 50.0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numbers_of_the_nearest_rank() {
        let of = |numbers: &[f64], percent| percentile(&mut numbers.to_vec(), percent);
        // The example of Wikipedia's article on percentiles.
        let five = [50.0, 35.0, 15.0, 40.0, 20.0];
        let expected = [(5.0, 15.0), (30.0, 20.0), (40.0, 20.0), (50.0, 35.0), (100.0, 50.0), (0.0, 15.0)];
        for (percent, number) in expected {
            assert_eq!(of(&five, percent), Some(number), "{percent}");
        }
        let thousand: Vec<f64> = (1..=1000).map(f64::from).collect();
        // 99.9 % of 1000 is 999 exactly, and not a rounding error more.
        assert_eq!(of(&thousand, 99.9), Some(999.0));
        assert_eq!(of(&thousand[..999], 99.9), Some(999.0));
        assert_eq!(of(&[7.0], 99.9), Some(7.0));
        assert_eq!(of(&[], 50.0), None);
    }

    #[test]
    fn high_percentiles_are_the_same() {
        let scattered: Vec<f64> = (0..50_000_u64).map(|i| (i * i * 7919 % 10_007) as f64 / 10.0).collect();
        let rising: Vec<f64> = (0..50_000).map(f64::from).collect();
        // What the sample sees of these is not what there is.
        let misleading: Vec<f64> =
            (0..50_000).map(|i| if i % 64 == 0 { 90.0 } else { f64::from(i % 7) }).collect();
        let equal = vec![3.0; 50_000];
        for numbers in [scattered, rising, misleading, equal] {
            for length in [0, 1, 2, 63, 64, 65, 2_100, 4_000, 50_000] {
                for percent in [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0] {
                    let numbers = &numbers[..length];
                    let expected = percentile(&mut numbers.to_vec(), percent);
                    let parts = numbers.split_at(length / 3);
                    let found = high_percentile(&[parts.0, parts.1], 1.0, |_| true, percent, 0);
                    assert_eq!(found, expected, "{percent} of {length}");
                    // Of some, from above.
                    let counts = |number: f64| number != 3.0;
                    let some = numbers.iter().filter(|number| counts(**number)).map(|number| -number);
                    let mut some: Vec<f64> = some.collect();
                    let (count, expected) = (some.len(), percentile(&mut some, percent));
                    assert_eq!(high_percentile(&[numbers], -1.0, counts, percent, count), expected);
                    assert_eq!(high_percentile(&[numbers], -1.0, counts, percent, count + 1), None);
                }
            }
        }
    }

    #[test]
    fn deviations_are_from_the_median() {
        assert_eq!(median_and_deviation(&mut [1010.0, 1000.0, 1013.0, 1012.0, 1011.0]), Some((1011.0, 1.0)));
        assert_eq!(median_and_deviation(&mut [3.0; 4]), Some((3.0, 0.0)));
        assert_eq!(median_and_deviation(&mut []), None);
    }
}
