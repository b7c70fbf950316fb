//! Prefix sums: integers of 32 or 64 bits in, the running sums of them and of their squares out.
//!
//! A processor works on twice as many integers of 32 bits at a time as of 64. The sum of the squares of a long window does
//! not fit 32 bits, but the amount does by which it differs from that of one of the next few rows. So prefix sums of
//! squares are kept by their lowest 32 bits, and all 64 bits of every 64th are kept beside them, from which those of any
//! other follow.

use std::fmt::Debug;

use num_traits::{Float, WrappingAdd, WrappingMul, WrappingSub};

#[cfg(target_arch = "x86_64")]
use crate::cpu::InstructionSet;

/// Added to a double of magnitude below 2^51, this rounds it to an integer, which is in the low bits of the sum.
pub(crate) const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Every so many prefix sums of squares there is one of which all bits are kept.
pub(crate) const SPACING: usize = 64;

/// Prefix sums of squares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Squares<'a, I> {
    /// The lowest bits of each sum, as many as `I` has.
    pub low: &'a [I],
    /// All bits of every [`SPACING`]th sum, from the first on. Empty if `low` holds all bits.
    pub marks: &'a [i64],
}

impl<I: SumInteger> Squares<'_, I> {
    /// The sum of the squares of the values `begin..end`.
    #[inline]
    pub fn between(self, begin: usize, end: usize) -> i64 {
        I::total(self, end).wrapping_sub(I::total(self, begin))
    }
}

/// An integer that prefix sums are computed in: `i32` or `i64`.
///
/// Sums wrap, but the sum of a window, as the difference of two of them, is right as long as it fits: that is so if no
/// integer of the window is larger than [`SumInteger::largest`].
pub(crate) trait SumInteger:
    Copy + Default + Debug + Ord + Into<i64> + WrappingAdd + WrappingMul + WrappingSub + 'static
{
    /// The float that the rule-out test computes with.
    type Float: Float + Debug;
    /// The rule-out test is easier to pass than the exact test by this share of the threshold's square: far more than the
    /// rounding of its own operations.
    const MARGIN: f64;
    /// The rule-out test multiplies n Q by this, which is a little less than 1, before it takes off S^2. The difference is
    /// then no larger than n Q - S^2 is, whatever the rounding of the two products.
    const ROUNDED_DOWN: Self::Float;
    /// Whether a pass goes on, in 128 bits, where an integer is larger than [`SumInteger::largest`].
    const WIDENS: bool;

    /// The largest magnitude of an integer for which the rule-out test may use the sums of windows of `n` integers.
    fn largest(n: f64) -> f64;

    /// The lowest bits of an integer, as many as `Self` has.
    fn truncated(integer: i64) -> Self;

    /// The integer `distance`, whose lowest bits are those of `shifted - base`. A distance that `Self` does not hold gives
    /// the nearest integer that it does hold; for a type that widens, a distance beyond 2^51 gives any integer.
    fn from_distance(distance: f64, shifted: i64, base: i64) -> Self;

    /// Integers of 32 bits as integers of this type, if the two are the same type.
    fn from_i32s(integers: &[i32]) -> Option<&[Self]>;

    /// A number as a float of the rule-out test.
    fn float(number: f64) -> Self::Float;

    /// The integer as a float of the rule-out test, correctly rounded.
    fn to_float(self) -> Self::Float;

    /// `|n x - S|`, rounded once.
    fn deviation(n: Self, x: Self, sum: Self) -> Self::Float;

    /// Splits a window's sum of squares into what [`SumInteger::square`] takes for other windows near by: its lowest bits,
    /// and a float that is no larger than the sum.
    fn near(square: i64) -> (Self, Self::Float);

    /// A window's sum of squares as a float, or a little less: `low` is by how much the sum exceeds, in its lowest bits,
    /// that of a window near by, and `near` is the float of that other window.
    fn square(low: Self, near: Self::Float) -> Self::Float;

    /// All bits of the prefix sum of squares at a position.
    fn total(squares: Squares<'_, Self>, at: usize) -> i64;

    /// Extends the marks of [`Squares`] over the prefix sums after position `from`.
    fn mark(low: &[Self], marks: &mut Vec<i64>, from: usize);

    /// Replaces the marks by those of the prefix sums without the first `by` of them.
    fn move_marks(low: &[Self], marks: &mut Vec<i64>, by: usize);

    /// Computes prefix sums of integers and of their squares. The first slot of either output holds where it begins, and
    /// each has one slot more than there are integers. The sums wrap.
    fn accumulate(integers: &[Self], sums: &mut [Self], squares: &mut [Self]) {
        #[cfg(target_arch = "x86_64")]
        if InstructionSet::chosen() == InstructionSet::Avx512 {
            #[allow(
                unsafe_code,
                reason = "a function for a processor's extension may only be called where it has that"
            )]
            // SAFETY: the processor has the chosen instruction set.
            return unsafe { Self::accumulate_with_avx512(integers, sums, squares) };
        }
        accumulate_plain(integers, sums, squares);
    }

    /// Computes what [`SumInteger::accumulate`] computes, in vectors of 512 bits.
    ///
    /// # Safety
    /// The processor must have AVX-512 F and DQ.
    #[cfg(target_arch = "x86_64")]
    #[allow(
        unsafe_code,
        reason = "a function for a processor's extension may only be called where it has that"
    )]
    unsafe fn accumulate_with_avx512(integers: &[Self], sums: &mut [Self], squares: &mut [Self]);
}

impl SumInteger for i64 {
    type Float = f64;
    const MARGIN: f64 = 1e-12;
    const ROUNDED_DOWN: f64 = 1.0 - 8.0 * (f64::EPSILON / 2.0);
    const WIDENS: bool = true;

    /// n times its square stays below 2^50: the sums, and the deviation n x - S of twice the size, fit a double.
    fn largest(n: f64) -> f64 {
        (2_f64.powi(50) / n).sqrt()
    }

    #[inline]
    fn truncated(integer: i64) -> Self {
        integer
    }

    #[inline]
    fn from_distance(_distance: f64, shifted: i64, base: i64) -> Self {
        shifted.wrapping_sub(base)
    }

    fn from_i32s(_integers: &[i32]) -> Option<&[Self]> {
        None
    }

    #[inline]
    fn float(number: f64) -> f64 {
        number
    }

    /// Takes a magnitude below 2^51, in operations that every processor has for whole vectors.
    #[inline]
    fn to_float(self) -> f64 {
        f64::from_bits((self.wrapping_add(ROUNDER.to_bits() as i64)) as u64) - ROUNDER
    }

    /// All numbers are below 2^51, so that nothing is rounded.
    #[inline]
    fn deviation(n: Self, x: Self, sum: Self) -> f64 {
        (n.to_float() * x.to_float() - sum.to_float()).abs()
    }

    /// The lowest bits are all bits: an empty window serves as the one near by.
    #[inline]
    fn near(_square: i64) -> (Self, f64) {
        (0, 0.0)
    }

    #[inline]
    fn square(low: Self, _near: f64) -> f64 {
        low.to_float()
    }

    #[inline]
    fn total(squares: Squares<'_, Self>, at: usize) -> i64 {
        squares.low[at]
    }

    fn mark(_low: &[Self], _marks: &mut Vec<i64>, _from: usize) {}

    fn move_marks(_low: &[Self], _marks: &mut Vec<i64>, _by: usize) {}

    #[cfg(target_arch = "x86_64")]
    #[allow(
        unsafe_code,
        reason = "a function for a processor's extension may only be called where it has that"
    )]
    unsafe fn accumulate_with_avx512(integers: &[Self], sums: &mut [Self], squares: &mut [Self]) {
        // SAFETY: the caller has made sure that the processor has these extensions.
        unsafe { avx512::accumulate_64(integers, sums, squares) }
    }
}

impl SumInteger for i32 {
    type Float = f32;
    const MARGIN: f64 = 1e-5;
    const ROUNDED_DOWN: f32 = 1.0 - 16.0 * (f32::EPSILON / 2.0);
    const WIDENS: bool = false;

    /// The deviation n x - S stays below 2^31, and so do 64 squares, by which sums of rows that follow each other differ.
    fn largest(n: f64) -> f64 {
        let squares = (2_f64.powi(31) / SPACING as f64).sqrt();
        squares.min(2_f64.powi(30) / n).ceil() - 1.0
    }

    #[inline]
    fn truncated(integer: i64) -> Self {
        integer as i32
    }

    #[inline]
    fn from_distance(distance: f64, _shifted: i64, _base: i64) -> Self {
        distance as i32
    }

    fn from_i32s(integers: &[i32]) -> Option<&[Self]> {
        Some(integers)
    }

    #[inline]
    fn float(number: f64) -> f32 {
        number as f32
    }

    #[inline]
    fn to_float(self) -> f32 {
        self as f32
    }

    #[inline]
    fn deviation(n: Self, x: Self, sum: Self) -> f32 {
        (n.wrapping_mul(x).wrapping_sub(sum) as f32).abs()
    }

    /// The float is less than the sum by more than what rounding it, and adding to it, may add to it.
    #[inline]
    fn near(square: i64) -> (Self, f32) {
        (square as i32, (square as f64 * (1.0 - 8.0 * f64::from(f32::EPSILON / 2.0))) as f32)
    }

    #[inline]
    fn square(low: Self, near: f32) -> f32 {
        low as f32 + near
    }

    #[inline]
    fn total(squares: Squares<'_, Self>, at: usize) -> i64 {
        let (mark, low) = (at / SPACING, squares.low);
        let more = low[at].wrapping_sub(low[mark * SPACING]);
        squares.marks[mark].wrapping_add(i64::from(more as u32))
    }

    fn mark(low: &[Self], marks: &mut Vec<i64>, from: usize) {
        marks.truncate(from / SPACING + 1);
        while marks.len() * SPACING < low.len() {
            let last = (marks.len() - 1) * SPACING;
            let more = low[last + SPACING].wrapping_sub(low[last]);
            marks.push(marks[marks.len() - 1].wrapping_add(i64::from(more as u32)));
        }
    }

    fn move_marks(low: &[Self], marks: &mut Vec<i64>, by: usize) {
        let left = (low.len() - 1 - by) / SPACING + 1;
        for mark in 0..left {
            // Reads marks at this place or later ones only, which have not been overwritten yet.
            marks[mark] = Self::total(Squares { low, marks }, by + mark * SPACING);
        }
        marks.truncate(left);
    }

    #[cfg(target_arch = "x86_64")]
    #[allow(
        unsafe_code,
        reason = "a function for a processor's extension may only be called where it has that"
    )]
    unsafe fn accumulate_with_avx512(integers: &[Self], sums: &mut [Self], squares: &mut [Self]) {
        // SAFETY: the caller has made sure that the processor has these extensions.
        unsafe { avx512::accumulate_32(integers, sums, squares) }
    }
}

/// Computes what [`SumInteger::accumulate`] computes, one integer after the other.
fn accumulate_plain<I: SumInteger>(integers: &[I], sums: &mut [I], squares: &mut [I]) {
    let (mut sum, mut square) = (sums[0], squares[0]);
    for ((integer, s), q) in integers.iter().zip(&mut sums[1..]).zip(&mut squares[1..]) {
        sum = sum.wrapping_add(integer);
        square = square.wrapping_add(&integer.wrapping_mul(integer));
        *s = sum;
        *q = square;
    }
}

/// Prefix sums in vectors of 512 bits.
///
/// Each sum depends on the one before it, which no compiler turns into vector instructions. Here the integers of a vector
/// are added up in steps: each to the one before, then to the pair before, then to the four before (Hillis & Steele 1986).
#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi32, _mm512_add_epi64, _mm512_alignr_epi32, _mm512_alignr_epi64,
        _mm512_mullo_epi32, _mm512_mullo_epi64, _mm512_permutexvar_epi32, _mm512_permutexvar_epi64,
        _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512,
    };

    use super::accumulate_plain;

    macro_rules! accumulate {
        ($name:ident($integer:ty, $count:literal): $set:ident, $add:ident, $multiply:ident, $permute:ident, $align:ident by $($shift:literal),*) => {
            #[target_feature(enable = "avx512f,avx512dq")]
            pub(super) fn $name(integers: &[$integer], sums: &mut [$integer], squares: &mut [$integer]) {
                let vector = |integers: [$integer; $count]| -> __m512i { bytemuck::must_cast(integers) };
                let array = |vector: __m512i| -> [$integer; $count] { bytemuck::must_cast(vector) };
                let (none, last) = (_mm512_setzero_si512(), $set($count - 1));
                let add_up = |mut x: __m512i| {
                    $(x = $add(x, $align::<{ $count - $shift }>(x, none));)*
                    x
                };
                let (vectors, rest) = integers.as_chunks();
                let (mut sum, mut square) = ($set(sums[0]), $set(squares[0]));
                let places = sums[1..].as_chunks_mut().0.iter_mut().zip(squares[1..].as_chunks_mut().0);
                for (integers, (s, q)) in vectors.iter().zip(places) {
                    let x = vector(*integers);
                    let (more, more_squares) = (add_up(x), add_up($multiply(x, x)));
                    *s = array($add(sum, more));
                    *q = array($add(square, more_squares));
                    // Computed anew rather than read from what was just written, so that the next vectors wait for one addition
                    // only.
                    sum = $add(sum, $permute(last, more));
                    square = $add(square, $permute(last, more_squares));
                }
                let done = integers.len() - rest.len();
                accumulate_plain(rest, &mut sums[done..], &mut squares[done..]);
            }
        };
    }

    accumulate!(accumulate_64(i64, 8): _mm512_set1_epi64, _mm512_add_epi64, _mm512_mullo_epi64, _mm512_permutexvar_epi64, _mm512_alignr_epi64 by 1, 2, 4);
    accumulate!(accumulate_32(i32, 16): _mm512_set1_epi32, _mm512_add_epi32, _mm512_mullo_epi32, _mm512_permutexvar_epi32, _mm512_alignr_epi32 by 1, 2, 4, 8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::with_each_instruction_set;

    fn check<I: SumInteger>(size: i64, len: i64) {
        let integers: Vec<I> =
            (0..len).map(|i| I::truncated((i * 37 % 101 - 50).wrapping_mul(size))).collect();
        let slots = || {
            (vec![I::truncated(i64::MAX - 9); integers.len() + 1], vec![I::truncated(-3); integers.len() + 1])
        };
        let (mut sums, mut squares) = slots();
        I::accumulate(&integers, &mut sums, &mut squares);
        let (mut expected, mut expected_squares) = slots();
        accumulate_plain(&integers, &mut expected, &mut expected_squares);
        assert_eq!((sums, squares), (expected, expected_squares), "{len} of {size}");
    }

    #[test]
    fn prefix_sums_are_those_of_one_integer_after_the_other() {
        with_each_instruction_set(|_| {
            for len in [0, 1, 7, 8, 9, 15, 16, 17, 63, 1000, 1024] {
                for size in [1, 1000, 1 << 31, i64::MAX / 3] {
                    check::<i64>(size, len);
                    check::<i32>(size, len);
                }
            }
        });
    }

    #[test]
    fn sums_of_the_largest_integers_fit() {
        for n in [1_i64, 2, 3, 29, 30, 31, 10_000, 100_000] {
            let largest = i32::largest(n as f64) as i64;
            let fits = |x: i64| 64 * x.pow(2) < 1 << 31 && 2 * n * x < 1 << 31;
            assert!(fits(largest) && !fits(largest + 1), "{n}: {largest}");
            let (n, x) = (i32::truncated(n), i32::truncated(largest));
            assert_eq!(i32::deviation(n, x, n.wrapping_mul(-x)), 2.0 * n as f32 * x as f32);
        }
    }
}
