//! The integers that a pass keeps its sums in: of 32 bits, of which a processor takes twice as many at a time, or of 64.
//!
//! 32 bits do not hold the sum of the squares of a long window, but they do hold by how much it differs from that of one of
//! the next few rows. Of the prefix sums of squares they hold the lowest bits; all bits of every 64th are kept beside them,
//! from which those of any other follow.

use std::fmt::Debug;

use num_traits::{Float, WrappingAdd, WrappingMul, WrappingSub};

use crate::cpu::has_avx512;

/// Adding it to a double of magnitude below 2^51 rounds that to an integer, in the low bits of the sum.
pub(crate) const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// How far apart those prefix sums of squares are of which all bits are kept.
pub(crate) const SPACING: usize = 64;

/// Prefix sums of squares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Squares<'a, L> {
    /// The lowest bits of each.
    pub low: &'a [L],
    /// All bits of every [`SPACING`]th, from the first on; none for lanes that hold them anyway.
    pub marks: &'a [i64],
}

impl<L: Lane> Squares<'_, L> {
    /// The sum of the squares of a window.
    #[inline]
    pub fn between(self, begin: usize, end: usize) -> i64 {
        L::total(self, end).wrapping_sub(L::total(self, begin))
    }
}

/// An integer in a lane. Sums of them wrap; a window's own fit as long as its integers are no larger than
/// [`Lane::largest`].
pub(crate) trait Lane:
    Copy + Default + Debug + Ord + Into<i64> + WrappingAdd + WrappingMul + WrappingSub + 'static
{
    /// What the cheap test computes with.
    type Real: Float + Debug;
    /// Relative width by which the cheap test is made easier to pass than the exact one: far more than its rounding.
    const MARGIN: f64;
    /// What n Q is taken less by than it is, relative to it: more than what rounding n Q and S^2 may add, so that it makes
    /// v no larger than it is.
    const LESS: Self::Real;
    /// Whether the pass goes on where integers are larger than [`Lane::largest`], in 128 bits.
    const WIDENS: bool;

    /// Magnitude up to which the cheap test takes the sums of windows of `n` integers.
    fn largest(n: f64) -> f64;

    /// The integer, of which the lowest bits are kept.
    fn of(integer: i64) -> Self;

    /// The integer that is `distance`, which lies in the lowest bits of `shifted` where `base` is taken off: the nearest
    /// that there is, or, for lanes that widen, any where the distance is beyond 2^51.
    fn nearest(distance: f64, shifted: i64, base: i64) -> Self;

    /// Integers of 32 bits, if these are as wide.
    fn same(integers: &[i32]) -> Option<&[Self]>;

    /// A number of the cheap test.
    fn real(number: f64) -> Self::Real;

    /// The integer as one of the cheap test's numbers, correctly rounded.
    fn to_real(self) -> Self::Real;

    /// `|n x - S|`, rounded once.
    fn deviation(n: Self, x: Self, sum: Self) -> Self::Real;

    /// A sum of squares for others near by: its lowest bits, and itself as one of the cheap test's numbers.
    fn near(square: i64) -> (Self, Self::Real);

    /// The sum of squares of a window which in its lowest bits is `low` more than that of a window near by, and as a number
    /// `near` more; or a little less.
    fn square(low: Self, near: Self::Real) -> Self::Real;

    /// A prefix sum of squares.
    fn total(squares: Squares<'_, Self>, at: usize) -> i64;

    /// Continues the marks over the prefix sums behind `from`.
    fn mark(low: &[Self], marks: &mut Vec<i64>, from: usize);

    /// Puts the marks where they are to be once the first `by` prefix sums are gone.
    fn move_marks(low: &[Self], marks: &mut Vec<i64>, by: usize);

    /// Continues prefix sums of integers and of their squares, from the first slot on. They wrap.
    fn accumulate(units: &[Self], sums: &mut [Self], squares: &mut [Self]) {
        #[cfg(target_arch = "x86_64")]
        if has_avx512() {
            #[allow(
                unsafe_code,
                reason = "a function for a processor's extension may only be called where it has that"
            )]
            // SAFETY: the processor has these extensions.
            return unsafe { Self::accumulate_with_avx512(units, sums, squares) };
        }
        accumulate_plain(units, sums, squares);
    }

    /// The same.
    ///
    /// # Safety
    /// The processor must have AVX-512 F and DQ.
    #[cfg(target_arch = "x86_64")]
    #[allow(
        unsafe_code,
        reason = "a function for a processor's extension may only be called where it has that"
    )]
    unsafe fn accumulate_with_avx512(units: &[Self], sums: &mut [Self], squares: &mut [Self]);
}

impl Lane for i64 {
    type Real = f64;
    const MARGIN: f64 = 1e-12;
    const LESS: f64 = 1.0 - 8.0 * (f64::EPSILON / 2.0);
    const WIDENS: bool = true;

    /// n times its square stays below 2^50: the sums, and the deviation n x - S of twice the size, fit a double.
    fn largest(n: f64) -> f64 {
        (2_f64.powi(50) / n).sqrt()
    }

    #[inline]
    fn of(integer: i64) -> Self {
        integer
    }

    #[inline]
    fn nearest(_distance: f64, shifted: i64, base: i64) -> Self {
        shifted.wrapping_sub(base)
    }

    fn same(_integers: &[i32]) -> Option<&[Self]> {
        None
    }

    #[inline]
    fn real(number: f64) -> f64 {
        number
    }

    /// Of a magnitude below 2^51, in operations that every processor has for many lanes.
    #[inline]
    fn to_real(self) -> f64 {
        f64::from_bits((self.wrapping_add(ROUNDER.to_bits() as i64)) as u64) - ROUNDER
    }

    /// All are below 2^51, so that nothing is rounded.
    #[inline]
    fn deviation(n: Self, x: Self, sum: Self) -> f64 {
        (n.to_real() * x.to_real() - sum.to_real()).abs()
    }

    /// All bits are there: the window near by is an empty one.
    #[inline]
    fn near(_square: i64) -> (Self, f64) {
        (0, 0.0)
    }

    #[inline]
    fn square(low: Self, _near: f64) -> f64 {
        low.to_real()
    }

    #[inline]
    fn total(squares: Squares<'_, Self>, at: usize) -> i64 {
        squares.low[at]
    }

    fn mark(_low: &[Self], _marks: &mut Vec<i64>, _from: usize) {}

    fn move_marks(_low: &[Self], _marks: &mut Vec<i64>, _by: usize) {}

    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "as declared")]
    unsafe fn accumulate_with_avx512(units: &[Self], sums: &mut [Self], squares: &mut [Self]) {
        // SAFETY: the processor has these extensions.
        unsafe { avx512::accumulate_64(units, sums, squares) }
    }
}

impl Lane for i32 {
    type Real = f32;
    const MARGIN: f64 = 1e-5;
    const LESS: f32 = 1.0 - 16.0 * (f32::EPSILON / 2.0);
    const WIDENS: bool = false;

    /// The deviation n x - S stays below 2^31, and so do 64 squares, by which sums of rows that follow each other differ.
    fn largest(n: f64) -> f64 {
        let squares = (2_f64.powi(31) / SPACING as f64).sqrt();
        squares.min(2_f64.powi(30) / n).ceil() - 1.0
    }

    #[inline]
    fn of(integer: i64) -> Self {
        integer as i32
    }

    #[inline]
    fn nearest(distance: f64, _shifted: i64, _base: i64) -> Self {
        distance as i32
    }

    fn same(integers: &[i32]) -> Option<&[Self]> {
        Some(integers)
    }

    #[inline]
    fn real(number: f64) -> f32 {
        number as f32
    }

    #[inline]
    fn to_real(self) -> f32 {
        self as f32
    }

    #[inline]
    fn deviation(n: Self, x: Self, sum: Self) -> f32 {
        (n.wrapping_mul(x).wrapping_sub(sum) as f32).abs()
    }

    /// Less by more than what rounding it, and adding to it, may add to it.
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
            // Never behind what is read next.
            marks[mark] = Self::total(Squares { low, marks }, by + mark * SPACING);
        }
        marks.truncate(left);
    }

    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "as declared")]
    unsafe fn accumulate_with_avx512(units: &[Self], sums: &mut [Self], squares: &mut [Self]) {
        // SAFETY: the processor has these extensions.
        unsafe { avx512::accumulate_32(units, sums, squares) }
    }
}

fn accumulate_plain<L: Lane>(units: &[L], sums: &mut [L], squares: &mut [L]) {
    let (mut sum, mut square) = (sums[0], squares[0]);
    for ((unit, s), q) in units.iter().zip(&mut sums[1..]).zip(&mut squares[1..]) {
        sum = sum.wrapping_add(unit);
        square = square.wrapping_add(&unit.wrapping_mul(unit));
        *s = sum;
        *q = square;
    }
}

/// Prefix sums in wide lanes.
///
/// Each sum depends on the one before it, which no compiler turns into lanes: the integers of a vector are added up in
/// steps, to the one before, to the pair before, to the four before (Hillis & Steele 1986).
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "a vector and an array are the same bits, but there is no other conversion")]
mod avx512 {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi32, _mm512_add_epi64, _mm512_alignr_epi32, _mm512_alignr_epi64,
        _mm512_mullo_epi32, _mm512_mullo_epi64, _mm512_permutexvar_epi32, _mm512_permutexvar_epi64,
        _mm512_set1_epi32, _mm512_set1_epi64, _mm512_setzero_si512,
    };

    use super::accumulate_plain;

    macro_rules! accumulate {
        ($name:ident($lane:ty, $count:literal): $set:ident, $add:ident, $multiply:ident, $permute:ident, $align:ident by $($shift:literal),*) => {
            #[target_feature(enable = "avx512f,avx512dq")]
            pub(crate) fn $name(units: &[$lane], sums: &mut [$lane], squares: &mut [$lane]) {
                // SAFETY: any bits are so many integers, and a vector.
                let (vector, array) = unsafe {
                    (
                        |integers: [$lane; $count]| std::mem::transmute::<[$lane; $count], __m512i>(integers),
                        |vector: __m512i| std::mem::transmute::<__m512i, [$lane; $count]>(vector),
                    )
                };
                let (none, last) = (_mm512_setzero_si512(), $set($count - 1));
                let add_up = |mut x: __m512i| {
                    $(x = $add(x, $align::<{ $count - $shift }>(x, none));)*
                    x
                };
                let (vectors, rest) = units.as_chunks();
                let (mut sum, mut square) = ($set(sums[0]), $set(squares[0]));
                let places = sums[1..].as_chunks_mut().0.iter_mut().zip(squares[1..].as_chunks_mut().0);
                for (units, (s, q)) in vectors.iter().zip(places) {
                    let x = vector(*units);
                    let (more, more_squares) = (add_up(x), add_up($multiply(x, x)));
                    *s = array($add(sum, more));
                    *q = array($add(square, more_squares));
                    // Not from what was stored: the next ones wait for one addition only.
                    sum = $add(sum, $permute(last, more));
                    square = $add(square, $permute(last, more_squares));
                }
                let done = units.len() - rest.len();
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

    fn check<L: Lane>(size: i64, len: i64) {
        let units: Vec<L> = (0..len).map(|i| L::of((i * 37 % 101 - 50).wrapping_mul(size))).collect();
        let slots = || (vec![L::of(i64::MAX - 9); units.len() + 1], vec![L::of(-3); units.len() + 1]);
        let (mut sums, mut squares) = slots();
        L::accumulate(&units, &mut sums, &mut squares);
        let (mut expected, mut expected_squares) = slots();
        accumulate_plain(&units, &mut expected, &mut expected_squares);
        assert_eq!((sums, squares), (expected, expected_squares), "{len} of {size}");
    }

    #[test]
    fn prefix_sums_are_those_of_one_integer_after_the_other() {
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 63, 1000, 1024] {
            for size in [1, 1000, 1 << 31, i64::MAX / 3] {
                check::<i64>(size, len);
                check::<i32>(size, len);
            }
        }
    }

    #[test]
    fn sums_of_the_largest_integers_fit() {
        for n in [1_i64, 2, 3, 29, 30, 31, 10_000, 100_000] {
            let largest = i32::largest(n as f64) as i64;
            let fits = |x: i64| 64 * x.pow(2) < 1 << 31 && 2 * n * x < 1 << 31;
            assert!(fits(largest) && !fits(largest + 1), "{n}: {largest}");
            let (n, x) = (i32::of(n), i32::of(largest));
            assert_eq!(i32::deviation(n, x, n.wrapping_mul(-x)), 2.0 * n as f32 * x as f32);
        }
    }
}
