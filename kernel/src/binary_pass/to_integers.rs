//! The loops that round any values to integers of a unit that suits them: slices in, slices out.
#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for an instruction set by being inlined into its function"
)]

use crate::cpu::in_lanes;
use crate::prefix::sums::ROUNDER;

in_lanes!(range_of = range_of_plain(values: &[f64]) -> (f64, f64));

/// The least and the largest of finite values.
#[inline(always)]
fn range_of_plain(values: &[f64]) -> (f64, f64) {
    let mut least = [f64::INFINITY; 16];
    let mut largest = [f64::NEG_INFINITY; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    let mut take = |lane: usize, value: f64| {
        least[lane] = if value < least[lane] { value } else { least[lane] };
        largest[lane] = if value > largest[lane] { value } else { largest[lane] };
    };
    for chunk in chunks {
        chunk.iter().enumerate().for_each(|(lane, value)| take(lane, *value));
    }
    for value in rest {
        take(0, *value);
    }
    (least.into_iter().fold(f64::INFINITY, f64::min), largest.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

in_lanes!(quantise = quantise_plain(values: &[f64], center: f64, per_unit: f64, units: &mut [i64]) -> ());

/// Takes each value as the integer nearest its distance from the center, of which there are `per_unit` in a unit; below
/// 2^51.
#[inline(always)]
fn quantise_plain(values: &[f64], center: f64, per_unit: f64, units: &mut [i64]) {
    for (value, unit) in values.iter().zip(units) {
        let shifted = (value - center) * per_unit + ROUNDER;
        *unit = (shifted.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_what_the_plain_one_gives() {
        for len in [0, 1, 2, 7, 63, 64, 65, 1000] {
            let finite: Vec<f64> = (0..len).map(|i| f64::from(i * 37 % 211) / 10.0).collect();
            assert_eq!(range_of(&finite), range_of_plain(&finite));
            let least = finite.iter().copied().fold(f64::INFINITY, f64::min);
            assert_eq!(range_of(&finite).0, least);
            let (mut fast, mut plain) = (vec![0; finite.len()], vec![0; finite.len()]);
            quantise(&finite, 5.0, 100.0, &mut fast);
            quantise_plain(&finite, 5.0, 100.0, &mut plain);
            assert_eq!(fast, plain);
            for (value, unit) in finite.iter().zip(fast) {
                assert!(((value - 5.0) * 100.0 - unit as f64).abs() <= 0.500_01);
            }
        }
    }
}
