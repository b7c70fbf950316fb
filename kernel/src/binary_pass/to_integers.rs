//! The loops that round the values of a block to integers of a unit that suits them: slices in, slices out.
#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for an instruction set by being inlined into its function"
)]

use crate::cpu::for_each_instruction_set;
use crate::prefix::sums::ROUNDER;

for_each_instruction_set!(range_of = range_of_plain(values: &[f64]) -> (f64, f64));

/// The least and the largest of finite values; (∞, -∞) of no values.
#[inline(always)]
fn range_of_plain(values: &[f64]) -> (f64, f64) {
    // Every 16th value is compared with the others of its column only, so that 16 comparisons do not wait for each other.
    let mut least = [f64::INFINITY; 16];
    let mut largest = [f64::NEG_INFINITY; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    let mut take = |column: usize, value: f64| {
        least[column] = if value < least[column] { value } else { least[column] };
        largest[column] = if value > largest[column] { value } else { largest[column] };
    };
    for chunk in chunks {
        chunk.iter().enumerate().for_each(|(column, value)| take(column, *value));
    }
    for value in rest {
        take(0, *value);
    }
    (least.into_iter().fold(f64::INFINITY, f64::min), largest.into_iter().fold(f64::NEG_INFINITY, f64::max))
}

for_each_instruction_set!(to_integers = to_integers_plain(values: &[f64], center: f64, per_unit: f64, integers: &mut [i64]) -> ());

/// Writes for each value the integer nearest its distance from the center, of which there are `per_unit` in a unit of the
/// values; below 2^51.
#[inline(always)]
fn to_integers_plain(values: &[f64], center: f64, per_unit: f64, integers: &mut [i64]) {
    for (value, integer) in values.iter().zip(integers) {
        let shifted = (value - center) * per_unit + ROUNDER;
        *integer = (shifted.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::with_each_instruction_set;

    /// Values with one that is not like the others.
    fn values(len: u32, at: usize, special: f64) -> Vec<f64> {
        let mut values: Vec<f64> = (0..len).map(|i| f64::from(i * 37 % 211) / 10.0).collect();
        if let Some(value) = values.get_mut(at) {
            *value = special;
        }
        values
    }

    #[test]
    fn every_instruction_set_gives_what_the_plain_one_gives() {
        with_each_instruction_set(|set| {
            for len in [0, 1, 2, 7, 63, 64, 65, 1000] {
                for (at, special) in [(0, 0.1), (5, 0.05), (3, 600.0), (8, 1e12), (4, -0.0)] {
                    let values = values(len, at, special);
                    assert_eq!(range_of(&values), range_of_plain(&values), "{set}");
                    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    assert_eq!(range_of(&values), (least, largest));
                    let (mut found, mut plain) = (vec![0; values.len()], vec![0; values.len()]);
                    to_integers(&values, 5.0, 100.0, &mut found);
                    to_integers_plain(&values, 5.0, 100.0, &mut plain);
                    assert_eq!(found, plain, "{set}");
                    for (value, integer) in values.iter().zip(found) {
                        assert!(((value - 5.0) * 100.0 - integer as f64).abs() <= 0.500_01);
                    }
                }
            }
        });
    }
}
