//! The loops that make integers of values on a decimal grid: slices in, slices out.
#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for an instruction set by being inlined into its function"
)]

use crate::cpu::for_each_instruction_set;
use crate::prefix::sums::{ROUNDER, SumInteger};

/// Where the integers of a series lie: see [`to_integers`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// `10^decimals`.
    pub factor: f64,
    /// The integer on the grid that all others count from, of magnitude below 2^50.
    pub origin: f64,
    /// Largest distance from the origin for which the rule-out test takes a window's sums, at most 2^25: see
    /// [`SumInteger::largest`].
    pub narrow: f64,
    /// Largest distance from the origin for which a window's sums fit 64 bits, below 2^32.
    pub wide: f64,
}

/// What is known of some values once they are integers. The slots of missing values count, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether all are on the grid.
    pub on_grid: bool,
    /// Whether any is farther from the origin than `narrow`.
    pub beyond_narrow: bool,
    /// Whether any is farther from the origin than `wide`.
    pub beyond_wide: bool,
}

/// Writes for each value its integer on the grid less the origin. What is written for a value that is off the grid or
/// beyond `wide` means nothing.
///
/// An integer that `I` does not hold is replaced by another one that is beyond `narrow`, too.
pub(super) fn to_integers<I: SumInteger>(values: &[f64], grid: &Grid, integers: &mut [I]) -> Seen {
    if grid.origin.abs() <= MOST_BY_PRODUCTS / 2.0 {
        let seen = to_integers_by_products(values, grid, integers);
        if !seen.beyond_narrow {
            return seen;
        }
    }
    to_integers_by_division(values, grid, integers)
}

/// Largest magnitude of an integer whose quotient by the factor [`to_integers_by_products`] tells.
const MOST_BY_PRODUCTS: f64 = 67_108_864.0;

for_each_instruction_set!(to_integers_by_products<I> = to_integers_by_products_plain(values: &[f64], grid: &Grid, integers: &mut [I]) -> Seen);
for_each_instruction_set!(to_integers_by_division<I> = to_integers_by_division_plain(values: &[f64], grid: &Grid, integers: &mut [I]) -> Seen);

/// Writes what [`to_integers`] writes, for integers that are narrow and up to 2^26, without a division for each value, which
/// takes as long as all else.
///
/// The reciprocal of the factor f, which is at most 1000, is taken as a sum: h of 27 bits, and the rest l, below 2^-26 h.
/// For an integer k up to 2^26, `k h` is exact and `k l` off by less than 2^-52 of itself, so that their sum is off by
/// 2^-78 k / f before it is rounded. A number halfway between two doubles is no k / f, and is 2^-64 k / f or more away from
/// all of them: the sum is rounded to the double nearest k / f.
#[inline(always)]
fn to_integers_by_products_plain<I: SumInteger>(values: &[f64], grid: &Grid, integers: &mut [I]) -> Seen {
    let Grid { factor, origin, narrow, .. } = *grid;
    let high = f64::from_bits((1.0 / factor).to_bits() & !((1 << 26) - 1));
    let low = (1.0 - high * factor) / factor;
    let base = (ROUNDER + origin).to_bits() as i64;
    let (mut off_grid, mut beyond_narrow) = (0_u64, 0_u64);
    for (value, slot) in values.iter().zip(integers) {
        let shifted = value * factor + ROUNDER;
        let integer = shifted - ROUNDER;
        off_grid |= u64::from(integer * high + integer * low != *value);
        beyond_narrow |= u64::from((integer - origin).abs() > narrow);
        *slot = I::truncated((shifted.to_bits() as i64).wrapping_sub(base));
    }
    Seen { on_grid: off_grid == 0, beyond_narrow: beyond_narrow != 0, beyond_wide: false }
}

/// Writes what [`to_integers`] writes, for all integers.
#[inline(always)]
fn to_integers_by_division_plain<I: SumInteger>(values: &[f64], grid: &Grid, integers: &mut [I]) -> Seen {
    let Grid { factor, origin, narrow, wide } = *grid;
    let base = (ROUNDER + origin).to_bits() as i64;
    let (mut off_grid, mut beyond_narrow, mut beyond_wide) = (0_u64, 0_u64, 0_u64);
    for (value, slot) in values.iter().zip(integers) {
        let shifted = value * factor + ROUNDER;
        let integer = shifted - ROUNDER;
        // One division of two integers that doubles hold: the double nearest the decimal.
        off_grid |= u64::from(integer / factor != *value);
        let distance = integer - origin;
        beyond_narrow |= u64::from(distance.abs() > narrow);
        beyond_wide |= u64::from(distance.abs() > wide);
        *slot = I::from_distance(distance, shifted.to_bits() as i64, base);
    }
    Seen { on_grid: off_grid == 0, beyond_narrow: beyond_narrow != 0, beyond_wide: beyond_wide != 0 }
}

/// Writes for each packed integer, which lies on the grid but for its offset, the integer that counts from the origin, as
/// [`to_integers`] does for values.
pub(super) fn shift<I: SumInteger>(packed: &[i32], offset: i32, grid: &Grid, integers: &mut [I]) -> Seen {
    let Grid { narrow, wide, .. } = *grid;
    let origin = grid.origin - f64::from(offset);
    if origin.abs() < f64::from(i32::MAX) && all_near(packed, origin as i32, narrow, integers) {
        return Seen { on_grid: true, beyond_narrow: false, beyond_wide: false };
    }
    let mut seen = Seen { on_grid: true, beyond_narrow: false, beyond_wide: false };
    for (packed, slot) in packed.iter().zip(integers) {
        let distance = f64::from(*packed) - origin;
        seen.beyond_narrow |= distance.abs() > narrow;
        seen.beyond_wide |= distance.abs() > wide;
        *slot = I::from_distance(distance, distance as i64, 0);
    }
    seen
}

for_each_instruction_set!(all_near<I> = all_near_plain(packed: &[i32], origin: i32, narrow: f64, integers: &mut [I]) -> bool);

/// Writes for each packed integer its distance from the origin, if all are within `narrow` of it. Returns false if they are
/// not, and then what is written means nothing.
#[inline(always)]
fn all_near_plain<I: SumInteger>(packed: &[i32], origin: i32, narrow: f64, integers: &mut [I]) -> bool {
    let narrow = narrow as u32;
    let mut far = false;
    for (packed, slot) in packed.iter().zip(integers) {
        let distance = packed.wrapping_sub(origin);
        // Too far for 32 bits, it would come back with the other sign.
        let is_wrapped = (packed ^ origin) & (packed ^ distance) < 0;
        far |= (distance.unsigned_abs() > narrow) | is_wrapped;
        *slot = I::truncated(i64::from(distance));
    }
    !far
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::with_each_instruction_set;

    #[test]
    fn products_tell_the_quotients_that_division_tells() {
        for factor in [1.0, 10.0, 100.0, 1000.0] {
            let grid = Grid { factor, origin: 0.0, narrow: f64::INFINITY, wide: f64::INFINITY };
            let most = MOST_BY_PRODUCTS as i64;
            let integers = (0..200_000).chain((200_000..most).step_by(997)).chain(most - 20_000..=most);
            let values: Vec<f64> = integers.flat_map(|k| [k, -k]).map(|k| k as f64 / factor).collect();
            let mut found = vec![0_i64; values.len()];
            assert!(to_integers_by_products_plain(&values, &grid, &mut found).on_grid);
            for value in values.iter().step_by(101) {
                for next in [f64::from_bits(value.to_bits() + 1), f64::from_bits(value.to_bits().max(1) - 1)]
                {
                    let mut integer = [0_i64];
                    let seen = to_integers_by_products_plain(&[next], &grid, &mut integer);
                    let expected = to_integers_by_division_plain(&[next], &grid, &mut integer);
                    assert_eq!(seen, expected, "{next}");
                }
            }
        }
    }

    #[test]
    fn integers_that_32_bits_do_not_hold_are_replaced_by_large_ones() {
        let grid = Grid { factor: 10.0, origin: 57.0, narrow: 5000.0, wide: 2e9 };
        with_each_instruction_set(|_| {
            for value in [429_496_729.6, -429_496_729.6, 1e12, -1e300, f64::INFINITY] {
                let mut found = [0_i32];
                let seen = to_integers(&[value], &grid, &mut found);
                assert!(seen.beyond_narrow && found[0].unsigned_abs() > 5000, "{value}: {found:?}");
            }
        });
    }

    #[test]
    fn packed_integers_are_those_of_their_values() {
        fn check<I: SumInteger>(integers: &[i32], origin: f64) {
            let grid = Grid { factor: 10.0, origin, narrow: 5000.0, wide: 1e9 };
            let values: Vec<f64> = integers.iter().map(|integer| f64::from(*integer) / 10.0).collect();
            let (mut found, mut expected) = (vec![I::default(); 3], vec![I::default(); 3]);
            let expected_seen = to_integers(&values, &grid, &mut expected);
            for offset in [0, 900, -30_000] {
                let packed = integers.iter().map(|integer| integer.checked_sub(offset));
                let Some(packed) = packed.collect::<Option<Vec<i32>>>() else { continue };
                let seen = shift(&packed, offset, &grid, &mut found);
                assert_eq!(seen, expected_seen, "{integers:?} about {origin}");
                if !seen.beyond_wide {
                    assert_eq!(found, expected, "{integers:?} about {origin}");
                }
            }
        }
        with_each_instruction_set(|_| {
            for origin in [0, 57, -3000, 2_000_000_000, -2_000_000_000] {
                for integer in [0, 57, -57, 5057, 5058, -4943, -4944, 999_999_999, i32::MAX, -i32::MAX] {
                    check::<i32>(&[57, integer, 60], f64::from(origin));
                    check::<i64>(&[57, integer, 60], f64::from(origin));
                }
            }
        });
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

    fn check_values<I: SumInteger>(values: &[f64]) {
        let grid = Grid { factor: 10.0, origin: 57.0, narrow: 5000.0, wide: 2e9 };
        let (mut fast, mut plain) = (vec![I::default(); values.len()], vec![I::default(); values.len()]);
        let seen = to_integers(values, &grid, &mut fast);
        assert_eq!(seen, to_integers_by_division_plain(values, &grid, &mut plain));
        let among_finite = |found: &[I]| -> Vec<I> {
            found
                .iter()
                .zip(values)
                .filter(|(_, value)| value.is_finite())
                .map(|(integer, _)| *integer)
                .collect()
        };
        assert_eq!(among_finite(&fast), among_finite(&plain));
        if !seen.beyond_narrow {
            assert_eq!(seen, to_integers_by_products_plain(values, &grid, &mut plain));
            assert_eq!(among_finite(&fast), among_finite(&plain));
        }
        assert_eq!(seen.on_grid, values.iter().all(|v| (v * 10.0).round() / 10.0 == *v), "{values:?}");
    }

    #[test]
    fn every_instruction_set_gives_what_the_plain_one_gives() {
        with_each_instruction_set(|_| {
            for len in [0, 1, 2, 7, 63, 64, 65, 1000] {
                for (at, special) in SPECIAL {
                    let values = values(len, at, special);
                    check_values::<i64>(&values);
                    check_values::<i32>(&values);
                }
            }
        });
    }
}
