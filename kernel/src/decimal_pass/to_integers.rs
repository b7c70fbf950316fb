//! The loops that make integers of values, in independent lanes: slices in, slices out.
//!
//! Each loop, here and in [`crate::sieve`], is compiled for plain processors and for wider ones, and the widest that the processor has is chosen at run
//! time. All give the same: no operation is fused, reordered or approximated.
#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for an instruction set by being inlined into its function"
)]

use crate::cpu::in_lanes;
use crate::prefix::sums::{Lane, ROUNDER};

/// Where the integers of a series lie: see [`to_units`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    /// `10^decimals`.
    pub factor: f64,
    /// Integer that all others are taken about, of magnitude below 2^50.
    pub origin: f64,
    /// Largest distance from it for which the cheap test takes a window's sums, at most 2^25: see [`Lane::largest`].
    pub narrow: f64,
    /// Largest distance for which they fit 64 bits, below 2^32.
    pub wide: f64,
}

/// What a look at some values found, missing ones among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub on_grid: bool,
    pub beyond_narrow: bool,
    pub beyond_wide: bool,
}

/// Takes each value as its integer on the grid less the origin. What stands where a value is off the grid or beyond
/// `wide` means nothing.
///
/// An integer that a lane does not hold is another one that is beyond `narrow`, too.
pub(crate) fn to_units<L: Lane>(values: &[f64], grid: &Grid, units: &mut [L]) -> Seen {
    if grid.origin.abs() <= MOST_BY_PRODUCTS / 2.0 {
        let seen = to_units_by_products(values, grid, units);
        if !seen.beyond_narrow {
            return seen;
        }
    }
    to_units_by_division(values, grid, units)
}

/// Magnitude of the integers whose quotients products tell: see [`to_units_by_products`].
const MOST_BY_PRODUCTS: f64 = 67_108_864.0;

in_lanes!(to_units_by_products<L> = to_units_by_products_plain(values: &[f64], grid: &Grid, units: &mut [L]) -> Seen);
in_lanes!(to_units_by_division<L> = to_units_by_division_plain(values: &[f64], grid: &Grid, units: &mut [L]) -> Seen);

/// The same without a division a value, which takes as long as all else.
///
/// Of a factor f up to 1000 take the reciprocal as a sum: h of 27 bits, and the rest l, below 2^-26 h. For an integer k
/// up to 2^26, `k h` is exact and `k l` off by less than 2^-52 of itself, so that their sum is off by 2^-78 k / f before it is
/// rounded. A number between two doubles, halfway, is no k / f, and is 2^-64 k / f or more away from all of them: the sum
/// is rounded to the double nearest k / f.
#[inline(always)]
fn to_units_by_products_plain<L: Lane>(values: &[f64], grid: &Grid, units: &mut [L]) -> Seen {
    let Grid { factor, origin, narrow, .. } = *grid;
    let high = f64::from_bits((1.0 / factor).to_bits() & !((1 << 26) - 1));
    let low = (1.0 - high * factor) / factor;
    let base = (ROUNDER + origin).to_bits() as i64;
    let (mut off_grid, mut beyond_narrow) = (0_u64, 0_u64);
    for (value, unit) in values.iter().zip(units) {
        let shifted = value * factor + ROUNDER;
        let integer = shifted - ROUNDER;
        off_grid |= u64::from(integer * high + integer * low != *value);
        beyond_narrow |= u64::from((integer - origin).abs() > narrow);
        *unit = L::of((shifted.to_bits() as i64).wrapping_sub(base));
    }
    Seen { on_grid: off_grid == 0, beyond_narrow: beyond_narrow != 0, beyond_wide: false }
}

#[inline(always)]
fn to_units_by_division_plain<L: Lane>(values: &[f64], grid: &Grid, units: &mut [L]) -> Seen {
    let Grid { factor, origin, narrow, wide } = *grid;
    let base = (ROUNDER + origin).to_bits() as i64;
    let (mut off_grid, mut beyond_narrow, mut beyond_wide) = (0_u64, 0_u64, 0_u64);
    for (value, unit) in values.iter().zip(units) {
        let shifted = value * factor + ROUNDER;
        let integer = shifted - ROUNDER;
        // One division of two integers that doubles hold: the double nearest the decimal.
        off_grid |= u64::from(integer / factor != *value);
        let distance = integer - origin;
        beyond_narrow |= u64::from(distance.abs() > narrow);
        beyond_wide |= u64::from(distance.abs() > wide);
        *unit = L::nearest(distance, shifted.to_bits() as i64, base);
    }
    Seen { on_grid: off_grid == 0, beyond_narrow: beyond_narrow != 0, beyond_wide: beyond_wide != 0 }
}

/// Takes packed integers, which lie on the grid but for their offset, less the origin, as [`to_units`] does values.
pub(crate) fn shift<L: Lane>(integers: &[i32], offset: i32, grid: &Grid, units: &mut [L]) -> Seen {
    let Grid { narrow, wide, .. } = *grid;
    let origin = grid.origin - f64::from(offset);
    if origin.abs() < f64::from(i32::MAX) && all_near(integers, origin as i32, narrow, units) {
        return Seen { on_grid: true, beyond_narrow: false, beyond_wide: false };
    }
    let mut seen = Seen { on_grid: true, beyond_narrow: false, beyond_wide: false };
    for (integer, unit) in integers.iter().zip(units) {
        let distance = f64::from(*integer) - origin;
        seen.beyond_narrow |= distance.abs() > narrow;
        seen.beyond_wide |= distance.abs() > wide;
        *unit = L::nearest(distance, distance as i64, 0);
    }
    seen
}

in_lanes!(all_near<L> = all_near_plain(integers: &[i32], origin: i32, narrow: f64, units: &mut [L]) -> bool);

/// The same if all are within `narrow` of the origin; false if not, and then the integers mean nothing.
#[inline(always)]
fn all_near_plain<L: Lane>(integers: &[i32], origin: i32, narrow: f64, units: &mut [L]) -> bool {
    let narrow = narrow as u32;
    let mut far = false;
    for (integer, unit) in integers.iter().zip(units) {
        let distance = integer.wrapping_sub(origin);
        // Too far for 32 bits, it would come back with the other sign.
        let is_wrapped = (integer ^ origin) & (integer ^ distance) < 0;
        far |= (distance.unsigned_abs() > narrow) | is_wrapped;
        *unit = L::of(i64::from(distance));
    }
    !far
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_tell_the_quotients_that_division_tells() {
        for factor in [1.0, 10.0, 100.0, 1000.0] {
            let grid = Grid { factor, origin: 0.0, narrow: f64::INFINITY, wide: f64::INFINITY };
            let most = MOST_BY_PRODUCTS as i64;
            let integers = (0..200_000).chain((200_000..most).step_by(997)).chain(most - 20_000..=most);
            let values: Vec<f64> = integers.flat_map(|k| [k, -k]).map(|k| k as f64 / factor).collect();
            let mut units = vec![0_i64; values.len()];
            assert!(to_units_by_products_plain(&values, &grid, &mut units).on_grid);
            for value in values.iter().step_by(101) {
                for next in [f64::from_bits(value.to_bits() + 1), f64::from_bits(value.to_bits().max(1) - 1)]
                {
                    let mut unit = [0_i64];
                    let seen = to_units_by_products_plain(&[next], &grid, &mut unit);
                    let expected = to_units_by_division_plain(&[next], &grid, &mut unit);
                    assert_eq!(seen, expected, "{next}");
                }
            }
        }
    }

    #[test]
    fn integers_that_a_lane_does_not_hold_are_large_in_it() {
        let grid = Grid { factor: 10.0, origin: 57.0, narrow: 5000.0, wide: 2e9 };
        for value in [429_496_729.6, -429_496_729.6, 1e12, -1e300, f64::INFINITY] {
            let mut units = [0_i32];
            let seen = to_units(&[value], &grid, &mut units);
            assert!(seen.beyond_narrow && units[0].unsigned_abs() > 5000, "{value}: {units:?}");
        }
    }

    #[test]
    fn integers_are_the_units_of_their_values() {
        fn check<L: Lane>(integers: &[i32], origin: f64) {
            let grid = Grid { factor: 10.0, origin, narrow: 5000.0, wide: 1e9 };
            let values: Vec<f64> = integers.iter().map(|integer| f64::from(*integer) / 10.0).collect();
            let (mut units, mut expected) = (vec![L::default(); 3], vec![L::default(); 3]);
            let expected_seen = to_units(&values, &grid, &mut expected);
            for offset in [0, 900, -30_000] {
                let packed = integers.iter().map(|integer| integer.checked_sub(offset));
                let Some(packed) = packed.collect::<Option<Vec<i32>>>() else { continue };
                let seen = shift(&packed, offset, &grid, &mut units);
                assert_eq!(seen, expected_seen, "{integers:?} about {origin}");
                if !seen.beyond_wide {
                    assert_eq!(units, expected, "{integers:?} about {origin}");
                }
            }
        }
        for origin in [0, 57, -3000, 2_000_000_000, -2_000_000_000] {
            for integer in [0, 57, -57, 5057, 5058, -4943, -4944, 999_999_999, i32::MAX, -i32::MAX] {
                check::<i32>(&[57, integer, 60], f64::from(origin));
                check::<i64>(&[57, integer, 60], f64::from(origin));
            }
        }
    }

    /// Values around one that is not like the others.
    fn values(len: u32, at: usize, special: f64) -> Vec<f64> {
        let mut values: Vec<f64> = (0..len).map(|i| f64::from(i * 37 % 211) / 10.0).collect();
        if let Some(value) = values.get_mut(at) {
            *value = special;
        }
        values
    }

    const SPECIAL: [(usize, f64); 7] =
        [(0, 0.1), (5, 0.05), (2, f64::NAN), (9, f64::INFINITY), (3, 600.0), (8, 1e12), (4, -0.0)];

    fn check_units<L: Lane>(values: &[f64]) {
        let grid = Grid { factor: 10.0, origin: 57.0, narrow: 5000.0, wide: 2e9 };
        let (mut fast, mut plain) = (vec![L::default(); values.len()], vec![L::default(); values.len()]);
        let seen = to_units(values, &grid, &mut fast);
        assert_eq!(seen, to_units_by_division_plain(values, &grid, &mut plain));
        let among_finite = |units: &[L]| -> Vec<L> {
            units.iter().zip(values).filter(|(_, value)| value.is_finite()).map(|(unit, _)| *unit).collect()
        };
        assert_eq!(among_finite(&fast), among_finite(&plain));
        if !seen.beyond_narrow {
            assert_eq!(seen, to_units_by_products_plain(values, &grid, &mut plain));
            assert_eq!(among_finite(&fast), among_finite(&plain));
        }
        assert_eq!(seen.on_grid, values.iter().all(|v| (v * 10.0).round() / 10.0 == *v), "{values:?}");
    }

    #[test]
    fn every_instruction_set_gives_what_the_plain_one_gives() {
        for len in [0, 1, 2, 7, 63, 64, 65, 1000] {
            for (at, special) in SPECIAL {
                let values = values(len, at, special);
                check_units::<i64>(&values);
                check_units::<i32>(&values);
            }
        }
    }
}
