//! Decimal grids, and values packed as integers on one.

/// What packed values stand for: an integer for `(integer + offset) / 10^decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// At most three.
    pub decimals: u32,
    /// What is added to an integer.
    pub offset: i32,
    /// No integer, in a missing slot or elsewhere, is farther from 0.
    pub largest: u32,
}

/// Digits behind the point that a decimal grid has at most.
pub(crate) const MAX_GRID_DECIMALS: u32 = 3;

/// `10^0` to `10^3` as doubles: what a value of 0 to 3 decimals is multiplied with.
pub(crate) const GRID_FACTORS: [f64; MAX_GRID_DECIMALS as usize + 1] = [1.0, 10.0, 100.0, 1000.0];

/// How many decimals `value` has, if it is the double nearest a decimal of at most three.
///
/// The text is consulted only where the integer would not be exact in a double.
pub(crate) fn grid_decimals(value: f64) -> Option<u32> {
    for (decimals, factor) in GRID_FACTORS.iter().enumerate() {
        let integer = (value * factor).round();
        if integer.abs() >= 9_007_199_254_740_992.0 {
            let text = value.to_string();
            let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len()) as u32;
            return (fraction <= MAX_GRID_DECIMALS).then_some(fraction);
        }
        if integer / factor == value {
            return Some(decimals as u32);
        }
    }
    None
}

/// The finite values packed as integers on the coarsest decimal grid that holds all of them, about the middle of their
/// range; `None` if there is no such grid, or if an integer on it has more than 32 bits.
#[must_use]
pub fn pack(values: &[f64]) -> Option<(Vec<i32>, Packing)> {
    let decimals =
        values.iter().try_fold(0, |decimals: u32, value| Some(grid_decimals(*value)?.max(decimals)))?;
    let factor = GRID_FACTORS[decimals as usize];
    let integer = |value: &f64| {
        let integer = (value * factor).round();
        (integer.abs() <= f64::from(i32::MAX)).then_some(integer as i32)
    };
    let mut integers: Vec<i32> = values.iter().map(integer).collect::<Option<_>>()?;
    let least = integers.iter().copied().min().unwrap_or_default();
    let most = integers.iter().copied().max().unwrap_or_default();
    let offset = least.midpoint(most);
    for integer in &mut integers {
        *integer -= offset;
    }
    let largest = offset.abs_diff(least).max(offset.abs_diff(most));
    Some((integers, Packing { decimals, offset, largest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_on_one_grid_are_packed_about_their_middle() {
        let packed = |integers: &[i32], decimals, offset, largest| {
            Some((integers.to_vec(), Packing { decimals, offset, largest }))
        };
        assert_eq!(pack(&[5.1, -0.0, -12.0]), packed(&[85, 34, -86], 1, -34, 86));
        assert_eq!(pack(&[1013.125, 0.5]), packed(&[506_313, -506_312], 3, 506_812, 506_313));
        assert_eq!(pack(&[7.0]), packed(&[0], 0, 7, 0));
        assert_eq!(pack(&[]), packed(&[], 0, 0, 0));
        let most = i32::MAX;
        assert_eq!(pack(&[214_748_364.7, -214_748_364.7]), packed(&[most, -most], 1, 0, most as u32));
        assert_eq!(pack(&[214_748_364.7, 214_748_364.6]), packed(&[1, 0], 1, most - 1, 1));
        for off in [0.1 + 0.2, 0.000_1, 214_748_364.8, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(pack(&[0.1, off]), None, "{off}");
        }
    }

    #[test]
    fn a_value_is_on_the_grid_if_it_is_the_double_nearest_its_decimal() {
        assert_eq!(grid_decimals(5.0), Some(0));
        assert_eq!(grid_decimals(5.1), Some(1));
        assert_eq!(grid_decimals(-0.07), Some(2));
        assert_eq!(grid_decimals(1013.125), Some(3));
        assert_eq!(grid_decimals(5.100_000_000_000_000_5), None);
        assert_eq!(grid_decimals(0.1 + 0.2), None);
        assert_eq!(grid_decimals(0.000_1), None);
        assert_eq!(grid_decimals(1.3e17), Some(0));
        assert_eq!(grid_decimals(2_251_799_813_685_248.5), Some(1));
        assert_eq!(grid_decimals(1e300), Some(0));
        assert_eq!(grid_decimals(-0.0), Some(0));
    }
}
