//! Robust statistics of a sample: values in any order in, a median, a spread or a limit out.
//!
//! Samples hold no NaN. Each function reorders the sample that it is given; its result does not depend on the order.

/// What the median absolute deviation of a normal distribution is multiplied by to give its standard deviation.
pub const MAD_TO_SIGMA: f64 = 1.4826;
/// What the interquartile range of a normal distribution is divided by to give its standard deviation.
pub const IQR_TO_SIGMA: f64 = 1.349;

/// Values of a sample that is sorted, where of a larger one the values are only divided at a rank.
const FEW: usize = 16;

/// The integer that stands for a value in the order of `f64::total_cmp`, and, since it is its own inverse on bits, the bits of
/// the value that an integer stands for. Integers are compared in one step, and sorted without branches.
const fn order_key(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// What `statistic` says of the order keys of a sample, which is left in the order that they are left in.
fn of_keys<S>(sample: &mut [f64], statistic: impl FnOnce(&mut [i64]) -> S) -> S {
    let keys: &mut [i64] = bytemuck::must_cast_slice_mut(sample);
    for key in keys.iter_mut() {
        *key = order_key(*key);
    }
    let found = statistic(keys);
    for key in keys.iter_mut() {
        *key = order_key(*key);
    }
    found
}

/// The value that a key stands for.
fn value_of(key: i64) -> f64 {
    f64::from_bits(order_key(key).cast_unsigned())
}

/// The key of that rank, 0 for the least, with lesser ones before it. `None` for a rank that there is not.
fn ranked(keys: &mut [i64], rank: usize) -> Option<i64> {
    // By insertion: the standard library's functions do as much before they begin.
    if keys.len() <= FEW {
        for end in 1..keys.len() {
            let mut at = end;
            while at > 0 && keys[at - 1] > keys[at] {
                keys.swap(at - 1, at);
                at -= 1;
            }
        }
        return keys.get(rank).copied();
    }
    (rank < keys.len()).then(|| *keys.select_nth_unstable(rank).1)
}

fn median_of_keys(keys: &mut [i64]) -> Option<f64> {
    let middle = keys.len() / 2;
    let upper = ranked(keys, middle)?;
    if keys.len() % 2 == 1 {
        return Some(value_of(upper));
    }
    let lower = *keys[..middle].iter().max()?;
    Some(f64::midpoint(value_of(lower), value_of(upper)))
}

/// The value of that rank, 0 for the least. `None` for a rank that the sample does not have.
#[must_use]
pub fn at_rank(sample: &mut [f64], rank: usize) -> Option<f64> {
    of_keys(sample, |keys| ranked(keys, rank)).map(value_of)
}

/// Sorts a sample.
pub fn sort(sample: &mut [f64]) {
    of_keys(sample, <[i64]>::sort_unstable);
}

/// The median: the mean of the two middle values of an even number. `None` for an empty sample.
#[must_use]
pub fn median(sample: &mut [f64]) -> Option<f64> {
    of_keys(sample, median_of_keys)
}

/// The interquartile range as `HadISD` defines it: of n sorted values, that of rank n - r less that of rank r, with r = n / 4
/// rounded half up. `None` for an empty sample.
#[must_use]
pub fn iqr(sample: &mut [f64]) -> Option<f64> {
    let (lower, upper) = quarters(sample.len())?;
    of_keys(sample, |keys| {
        let high = ranked(keys, upper)?;
        // The lesser ones stand before it.
        let low = ranked(&mut keys[..=upper], lower)?;
        Some(value_of(high) - value_of(low))
    })
}

/// The same of a sample that is sorted.
#[must_use]
pub fn iqr_of_sorted(sorted: &[f64]) -> Option<f64> {
    let (lower, upper) = quarters(sorted.len())?;
    Some(sorted.get(upper)? - sorted.get(lower)?)
}

/// The ranks that the interquartile range lies between; `None` for an empty sample.
fn quarters(count: usize) -> Option<(usize, usize)> {
    let quarter = (count + 2) / 4;
    Some((quarter, (count - quarter).min(count.checked_sub(1)?)))
}

/// The median absolute deviation from `center`. `None` for an empty sample, whose values become their deviations.
#[must_use]
pub fn mad(sample: &mut [f64], center: f64) -> Option<f64> {
    for value in &mut *sample {
        *value = (*value - center).abs();
    }
    median(sample)
}

/// A few finite values in order, of at most `N`.
#[derive(Debug, Clone, Copy)]
pub struct Sorted<const N: usize> {
    /// The values in ascending order, then infinities.
    values: [f64; N],
    count: usize,
}

/// What is left of a few values in order without one of them.
#[derive(Debug, Clone, Copy)]
pub struct WithoutOne {
    /// The values from which the lower and the upper one of the two middle ones are chosen: the same one where only one is in
    /// the middle.
    middle: [[f64; 2]; 2],
}

impl<const N: usize> Sorted<N> {
    /// The values that are not NaN.
    #[must_use]
    pub fn new(values: [f64; N]) -> Self {
        let count = values.iter().filter(|value| !value.is_nan()).count();
        let mut values = values.map(|value| if value.is_nan() { f64::INFINITY } else { value });
        // By exchanges that do not depend on the values, and hence without branches.
        for round in 0..N {
            for at in (round % 2..N - 1).step_by(2) {
                let (a, b) = (values[at], values[at + 1]);
                values[at] = if a < b { a } else { b };
                values[at + 1] = if a < b { b } else { a };
            }
        }
        Self { values, count }
    }

    /// Number of values.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The median: the mean of the two middle values of an even number. `None` where there is no value.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        let lower = self.count.checked_sub(1)? / 2;
        Some(f64::midpoint(self.values[lower], self.values[self.count / 2]))
    }

    /// What is left without one of the values, of which there are at least two.
    #[must_use]
    pub fn without_one(&self) -> WithoutOne {
        let others = self.count.saturating_sub(1).max(1);
        let at = |rank: usize| [self.values[rank], self.values[(rank + 1).min(N - 1)]];
        WithoutOne { middle: [at((others - 1) / 2), at(others / 2)] }
    }
}

impl WithoutOne {
    /// The median of the values without `value`, one of them.
    #[must_use]
    pub fn median(&self, value: f64) -> f64 {
        // Those after it move forward by one. Whichever of equal values is left out, the others are the same.
        let [lower, upper] = self.middle.map(|[before, after]| if value <= before { after } else { before });
        f64::midpoint(lower, upper)
    }
}

/// The quantile of that share by the inverse of the empirical distribution function: the least value that at least `share`
/// of the sample does not exceed (type 1 of Hyndman and Fan 1996). `None` for an empty sample.
#[must_use]
pub fn quantile(sample: &mut [f64], share: f64) -> Option<f64> {
    let rank = (share * sample.len() as f64).ceil() as usize;
    at_rank(sample, rank.saturating_sub(1))
}

/// How far from the centre a normal distribution of `count` values with standard deviation `sigma` has, in a bin of width
/// `bin`, less than 0.1 values. It is 0 where no bin has as many.
#[must_use]
pub fn normal_limit(count: usize, bin: f64, sigma: f64) -> f64 {
    let peak = count as f64 * bin / (sigma * (2.0 * std::f64::consts::PI).sqrt());
    sigma * (2.0 * (peak / 0.1).max(1.0).ln()).sqrt()
}

/// The last of some distances before a gap of at least `gap` beyond `limit`, or the limit where none lies between. Without a gap
/// it is the greatest distance.
fn last_within(distances: impl Iterator<Item = f64>, limit: f64, gap: f64) -> f64 {
    let mut beyond: Vec<f64> = distances.filter(|&distance| distance > limit).collect();
    beyond.sort_unstable_by(f64::total_cmp);
    let mut last = limit;
    for distance in beyond {
        if distance - last >= gap {
            break;
        }
        last = distance;
    }
    last
}

/// How far distances reach below and above a centre beyond `limit`, until a gap of at least `gap` separates the rest: to the last
/// one before the gap, or the limit where none lies between, and half the gap more, so that rounding finds nothing.
#[must_use]
pub fn reach(distances: impl Iterator<Item = f64>, limit: f64, gap: f64) -> (f64, f64) {
    let beyond: Vec<f64> = distances.filter(|distance| distance.abs() > limit).collect();
    let side = |sign: f64| last_within(beyond.iter().map(|distance| sign * distance), limit, gap) + gap / 2.0;
    (side(-1.0), side(1.0))
}

/// The step that the values `above` a limit are reported in, as `HadISD` estimates it: 1 or 0.5 where at least 3 in 10 are whole,
/// else 0.1. NaN does not count.
#[must_use]
pub fn resolution(values: &[f64], above: f64) -> f64 {
    // From here on doubles have no fractions: to add this and take it off again rounds without a branch, half to even.
    const WHOLE: f64 = (1_u64 << 52) as f64;
    let round = |number: f64| number + WHOLE - WHOLE;
    let (mut count, mut whole, mut half) = (0_u64, 0_u64, 0_u64);
    for &value in values {
        let tenths = value.abs() * 10.0;
        let even = round(tenths);
        let tenths = if tenths - even >= 0.5 { even + 1.0 } else { even };
        let last_digit = tenths - 10.0 * (round(tenths * 0.1 + 0.55) - 1.0);
        let last_digit = if tenths < WHOLE { last_digit } else { 0.0 };
        let counts = u64::from(value > above);
        count += counts;
        whole += counts * u64::from(last_digit == 0.0);
        half += counts * u64::from(last_digit == 5.0);
    }
    match (whole * 10 >= count * 3, half * 100 >= count * 15) {
        (true, false) => 1.0,
        (true, true) => 0.5,
        (false, _) => 0.1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn medians_and_spreads_by_hand() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(mad(&mut [1.0, 2.0, 3.0, 10.0, 2.0], 2.0), Some(1.0));
        assert_eq!(iqr(&mut [1.0]), Some(0.0));
        assert_eq!(iqr(&mut []), None);
        // 8 values: ranks 2 and 6.
        assert_eq!(iqr(&mut [7.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), Some(4.0));
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&mut [4.0, 1.0, 3.0, 2.0], 0.51), Some(3.0));
        assert_eq!(quantile(&mut [], 0.5), None);
    }

    #[test]
    fn a_gap_counts_from_the_limit() {
        let last = |distances: &[f64]| last_within(distances.iter().copied(), 3.0, 2.0);
        assert_eq!(last(&[5.0, 1.0, 2.0]), 3.0);
        assert_eq!(last(&[1.0, 4.9, 2.0]), 4.9);
        assert_eq!(last(&[8.0, 4.0, 5.0, 7.0]), 5.0);
        assert_eq!(last(&[]), 3.0);
    }

    #[test]
    fn the_normal_limit_is_where_a_bin_holds_a_tenth_of_a_value() {
        let (sigma, bin) = (1.3_f64, 0.25);
        let limit = normal_limit(5000, bin, sigma);
        let density =
            (-limit * limit / (2.0 * sigma * sigma)).exp() / (sigma * (2.0 * std::f64::consts::PI).sqrt());
        assert!((5000.0 * bin * density - 0.1).abs() < 1e-9);
        assert_eq!(normal_limit(0, bin, sigma), 0.0);
    }

    #[test]
    fn resolutions() {
        let resolution = |values: &[f64]| super::resolution(values, f64::NEG_INFINITY);
        assert_eq!(resolution(&[1.0, 2.0, -3.0, f64::NAN]), 1.0);
        assert_eq!(resolution(&[1.0, 2.5, 3.0, -3.5]), 0.5);
        assert_eq!(resolution(&[1.1, 2.3, 3.0, 3.9]), 0.1);
        // Ten times the number before 0.05 is less than half, though half more than that is 1.
        assert_eq!(resolution(&[0.05_f64.next_down(); 9]), 1.0);
        // Numbers of which doubles hold no tenths are whole.
        assert_eq!(resolution(&[0.05, 0.1, 0.2, f64::MAX]), 0.1);
        assert_eq!(resolution(&[0.05, 0.1, f64::MAX]), 1.0);
        assert!((0..64).all(|n| resolution(&[6e14 + f64::from(2 * n)]) == 1.0));
        assert_eq!(super::resolution(&[0.0, 0.0, 1.0, 2.1, 2.2, 2.4], 0.0), 0.1);
        for tenth in 0..30_000 {
            let expected = [1.0, 0.1, 0.1, 0.1, 0.1, 0.5, 0.1, 0.1, 0.1, 0.1][tenth % 10];
            let value = tenth as f64 / 10.0;
            // With as many whole values, a half tells.
            assert_eq!(resolution(&[value, 7.0, -value]), if expected == 0.1 { 1.0 } else { expected });
            assert_eq!(resolution(&[value, value]) == 1.0, tenth % 10 == 0, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_few_values_are_sorted(values in prop::array::uniform6(prop_oneof![-3_i8..3, Just(9)])) {
            // The number 9 stands for NaN.
            let values = values.map(|n| if n == 9 { f64::NAN } else { f64::from(n) });
            let mut rest: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
            let sorted = Sorted::new(values);
            prop_assert_eq!((sorted.count(), sorted.median()), (rest.len(), median(&mut rest.clone())));
            while let Some(value) = rest.pop() {
                if sorted.count() > 1 {
                    let mut others = values.to_vec();
                    others.retain(|value| !value.is_nan());
                    others.remove(others.iter().position(|other| *other == value).unwrap());
                    prop_assert_eq!(Some(sorted.without_one().median(value)), median(&mut others));
                }
            }
        }

        #[test]
        fn medians_are_those_of_the_sorted_sample(mut sample in prop::collection::vec(-50_i32..50, 1..60)) {
            let mut values: Vec<f64> = sample.iter().map(|&n| f64::from(n)).collect();
            sample.sort_unstable();
            let n = sample.len();
            let expected = f64::from(sample[(n - 1) / 2] + sample[n / 2]) / 2.0;
            prop_assert_eq!(median(&mut values), Some(expected));
            let quarter = (n as f64 / 4.0 + 0.5).floor() as usize;
            let spread = f64::from(sample[(n - quarter).min(n - 1)] - sample[quarter]);
            prop_assert_eq!(iqr(&mut values), Some(spread));
            sort(&mut values);
            prop_assert_eq!(iqr_of_sorted(&values), Some(spread));
        }
    }
}
