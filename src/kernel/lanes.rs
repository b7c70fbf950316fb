//! The loops of the grid pass that run in independent lanes: slices in, verdicts out.
//!
//! Each is compiled for plain processors and for wider ones, and the widest that the processor has is chosen at run
//! time. All give the same: no operation is fused, reordered or approximated.
#![allow(
    clippy::inline_always,
    reason = "a loop is compiled for an instruction set by being inlined into its function"
)]

use std::sync::atomic::{AtomicBool, Ordering};

/// Adding it to a double of magnitude below 2^51 rounds that to an integer, in the low bits of the sum.
pub(super) const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Rows whose verdicts are combined before the first look at one of them, as many as there are bits in a word.
pub(super) const LANES: usize = 64;

/// Whether loops run as compiled for plain processors, whatever the processor has.
static PLAIN: AtomicBool = AtomicBool::new(false);

/// Has the kernel's loops run, in this process and from now on, as they are compiled for plain processors: to compare
/// results and to count instructions, which must not depend on the machine.
pub fn use_plain_instructions() {
    PLAIN.store(true, Ordering::Relaxed);
}

/// Defines a function that is another one, compiled once for each instruction set.
macro_rules! in_lanes {
    ($name:ident = $plain:ident($($argument:ident: $kind:ty),*) -> $result:ty) => {
        #[allow(unsafe_code, reason = "a function for a processor's extension may only be called where it has that")]
        pub(super) fn $name($($argument: $kind),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            if !PLAIN.load(Ordering::Relaxed) {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn with_avx512($($argument: $kind),*) -> $result {
                    $plain($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn with_avx2($($argument: $kind),*) -> $result {
                    $plain($($argument),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    // SAFETY: the processor has these extensions.
                    return unsafe { with_avx512($($argument),*) };
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has this extension.
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            $plain($($argument),*)
        }
    };
}

/// Where the integers of a series lie: see [`to_units`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    /// `10^decimals`.
    pub factor: f64,
    /// Integer that all others are taken about, of magnitude below 2^50.
    pub origin: f64,
    /// Largest distance from it for which a window's sums fit a double, at most 2^25.
    pub narrow: f64,
    /// Largest distance for which they fit 64 bits, below 2^32.
    pub wide: f64,
}

/// What a look at some values found, missing ones among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub on_grid: bool,
    pub beyond_narrow: bool,
    pub beyond_wide: bool,
}

/// Takes each value as its integer on the grid less the origin. What stands where a value is off the grid or beyond
/// `wide` means nothing.
pub(super) fn to_units(values: &[f64], grid: &Grid, units: &mut [i64]) -> Seen {
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

in_lanes!(to_units_by_products = to_units_by_products_plain(values: &[f64], grid: &Grid, units: &mut [i64]) -> Seen);
in_lanes!(to_units_by_division = to_units_by_division_plain(values: &[f64], grid: &Grid, units: &mut [i64]) -> Seen);

/// The same without a division a value, which takes as long as all else.
///
/// Of a factor f up to 1000 take the reciprocal as a sum: h of 27 bits, and the rest l, below 2^-26 h. For an integer k
/// up to 2^26, `k h` is exact and `k l` off by less than 2^-52 of itself, so that their sum is off by 2^-78 k / f before it is
/// rounded. A number between two doubles, halfway, is no k / f, and is 2^-64 k / f or more away from all of them: the sum
/// is rounded to the double nearest k / f.
#[inline(always)]
fn to_units_by_products_plain(values: &[f64], grid: &Grid, units: &mut [i64]) -> Seen {
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
        *unit = (shifted.to_bits() as i64).wrapping_sub(base);
    }
    Seen { on_grid: off_grid == 0, beyond_narrow: beyond_narrow != 0, beyond_wide: false }
}

#[inline(always)]
fn to_units_by_division_plain(values: &[f64], grid: &Grid, units: &mut [i64]) -> Seen {
    let Grid { factor, origin, narrow, wide } = *grid;
    let base = (ROUNDER + origin).to_bits() as i64;
    let (mut off_grid, mut beyond_narrow, mut beyond_wide) = (0_u64, 0_u64, 0_u64);
    for (value, unit) in values.iter().zip(units) {
        let shifted = value * factor + ROUNDER;
        let integer = shifted - ROUNDER;
        // One division of two integers that doubles hold: the double nearest the decimal.
        off_grid |= u64::from(integer / factor != *value);
        let distance = (integer - origin).abs();
        beyond_narrow |= u64::from(distance > narrow);
        beyond_wide |= u64::from(distance > wide);
        *unit = (shifted.to_bits() as i64).wrapping_sub(base);
    }
    Seen { on_grid: off_grid == 0, beyond_narrow: beyond_narrow != 0, beyond_wide: beyond_wide != 0 }
}

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

/// Continues prefix sums of integers and of their squares, from the first slot on. They wrap modulo 2^64.
pub(super) fn accumulate(units: &[i64], sums: &mut [i64], squares: &mut [i64]) {
    #[cfg(target_arch = "x86_64")]
    if !PLAIN.load(Ordering::Relaxed)
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
    {
        #[allow(
            unsafe_code,
            reason = "a function for a processor's extension may only be called where it has that"
        )]
        // SAFETY: the processor has these extensions.
        return unsafe { accumulate_with_avx512(units, sums, squares) };
    }
    accumulate_plain(units, sums, squares);
}

fn accumulate_plain(units: &[i64], sums: &mut [i64], squares: &mut [i64]) {
    let (mut sum, mut square) = (sums[0], squares[0]);
    for ((unit, s), q) in units.iter().zip(&mut sums[1..]).zip(&mut squares[1..]) {
        sum = sum.wrapping_add(*unit);
        square = square.wrapping_add(unit.wrapping_mul(*unit));
        *s = sum;
        *q = square;
    }
}

/// Each sum depends on the one before it, which no compiler turns into lanes: eight integers are added up in three steps,
/// to the one before, to the pair before, and to the four before (Hillis & Steele 1986).
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq")]
#[allow(unsafe_code, reason = "a vector and an array are the same bits, but there is no other conversion")]
fn accumulate_with_avx512(units: &[i64], sums: &mut [i64], squares: &mut [i64]) {
    use std::arch::x86_64::{
        __m512i, _mm512_add_epi64, _mm512_alignr_epi64, _mm512_mullo_epi64, _mm512_permutexvar_epi64,
        _mm512_set1_epi64, _mm512_setzero_si512,
    };
    // SAFETY: any bits are eight integers, and a vector.
    let (vector, array) = unsafe {
        (
            |integers: [i64; 8]| std::mem::transmute::<[i64; 8], __m512i>(integers),
            |vector: __m512i| std::mem::transmute::<__m512i, [i64; 8]>(vector),
        )
    };
    let (none, last) = (_mm512_setzero_si512(), _mm512_set1_epi64(7));
    let add_up = |x: __m512i| {
        let pairs = _mm512_add_epi64(x, _mm512_alignr_epi64::<7>(x, none));
        let fours = _mm512_add_epi64(pairs, _mm512_alignr_epi64::<6>(pairs, none));
        _mm512_add_epi64(fours, _mm512_alignr_epi64::<4>(fours, none))
    };
    let (eights, rest) = units.as_chunks();
    let (mut sum, mut square) = (_mm512_set1_epi64(sums[0]), _mm512_set1_epi64(squares[0]));
    for ((units, s), q) in eights.iter().zip(sums[1..].as_chunks_mut().0).zip(squares[1..].as_chunks_mut().0)
    {
        let x = vector(*units);
        let (more, more_squares) = (add_up(x), add_up(_mm512_mullo_epi64(x, x)));
        *s = array(_mm512_add_epi64(sum, more));
        *q = array(_mm512_add_epi64(square, more_squares));
        // Not from what was stored: the next eight wait for one addition only.
        sum = _mm512_add_epi64(sum, _mm512_permutexvar_epi64(last, more));
        square = _mm512_add_epi64(square, _mm512_permutexvar_epi64(last, more_squares));
    }
    let done = units.len() - rest.len();
    accumulate_plain(rest, &mut sums[done..], &mut squares[done..]);
}

/// What n Q is taken less by than it is, relative to it: eight times what rounding a product may add, so that no rounding
/// of n Q or S^2 makes v larger than it is.
const LESS: f64 = 1.0 - 8.0 * (f64::EPSILON / 2.0);

/// The cheap test for a window of `n` values, on `a = |n x - S| + slack` and `v = n Q - S^2`, or a little less:
/// a row passes if `a^2 > factor v` and `a^2 > floor`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub n: f64,
    pub factor: f64,
    pub floor: f64,
    pub slack: f64,
}

/// The bounds of each row of some windows.
pub(super) trait Counts: Copy {
    /// Those of the rows `from..to`.
    fn slice(self, from: usize, to: usize) -> Self;
    /// Those of row `i`.
    fn bounds(&self, i: usize) -> Bounds;
}

/// Windows of one size.
impl Counts for Bounds {
    #[inline(always)]
    fn slice(self, _from: usize, _to: usize) -> Self {
        self
    }

    #[inline(always)]
    fn bounds(&self, _i: usize) -> Bounds {
        *self
    }
}

/// Windows of any sizes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Varying<'a> {
    /// Size of each window.
    pub n: &'a [f64],
    /// The factor of each; NaN where its row cannot pass.
    pub factor: &'a [f64],
    /// The floor of a window of one value, of which the floor of n is n^2 times.
    pub floor: f64,
    /// The slack of a window of one value, of which the slack of n is n times.
    pub slack: f64,
}

impl Counts for Varying<'_> {
    #[inline(always)]
    fn slice(self, from: usize, to: usize) -> Self {
        Self { n: &self.n[from..to], factor: &self.factor[from..to], ..self }
    }

    #[inline(always)]
    fn bounds(&self, i: usize) -> Bounds {
        let n = self.n[i];
        Bounds { n, factor: self.factor[i], floor: n * n * self.floor, slack: n * self.slack }
    }
}

/// Tested integers, and the prefix sums at the begin and end of each one's window. All of one length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Windows<'a> {
    pub units: &'a [i64],
    pub sums: (&'a [i64], &'a [i64]),
    pub squares: (&'a [i64], &'a [i64]),
}

impl<'a> Windows<'a> {
    #[inline(always)]
    fn slice(self, from: usize, to: usize) -> Windows<'a> {
        Self {
            units: &self.units[from..to],
            sums: (&self.sums.0[from..to], &self.sums.1[from..to]),
            squares: (&self.squares.0[from..to], &self.squares.1[from..to]),
        }
    }

    /// Those of the [`LANES`] rows from `start` on, fewer at the end.
    #[inline(always)]
    fn lanes(self, start: usize) -> Windows<'a> {
        self.slice(start, (start + LANES).min(self.units.len()))
    }
}

in_lanes!(next_passing_of_one_size = next_passing_plain(windows: Windows<'_>, counts: Bounds, from: usize) -> Option<(usize, u64)>);
in_lanes!(next_passing_of_any_size = next_passing_plain(windows: Windows<'_>, counts: Varying<'_>, from: usize) -> Option<(usize, u64)>);

/// The next [`LANES`] rows of which any passes: the first of them, and a bit for each that passes. `from` is where others
/// end.
///
/// All integers stay below 2^51, which [`to_double`] takes.
#[inline(always)]
fn next_passing_plain<C: Counts>(windows: Windows<'_>, counts: C, from: usize) -> Option<(usize, u64)> {
    let mut start = from;
    while start < windows.units.len() {
        let lanes = windows.lanes(start);
        let counts = counts.slice(start, start + lanes.units.len());
        // To know whether any does takes less than to know which.
        let mut any = 0_u64;
        for i in 0..lanes.units.len() {
            any |= passes(&lanes, &counts, i);
        }
        if any != 0 {
            let mut each = [0_u8; LANES];
            for (i, passed) in (0..lanes.units.len()).zip(&mut each) {
                *passed = passes(&lanes, &counts, i) as u8;
            }
            let bits = each.iter().rev().fold(0, |bits, passed| bits << 1 | u64::from(*passed));
            return Some((start, bits));
        }
        start += LANES;
    }
    None
}

/// 1 if row `i` passes, else 0.
#[inline(always)]
fn passes<C: Counts>(windows: &Windows<'_>, counts: &C, i: usize) -> u64 {
    let Bounds { n, factor, floor, slack } = counts.bounds(i);
    let sum = to_double(windows.sums.1[i].wrapping_sub(windows.sums.0[i]));
    let square = to_double(windows.squares.1[i].wrapping_sub(windows.squares.0[i]));
    let deviation = (n * to_double(windows.units[i]) - sum).abs() + slack;
    let spread = n * LESS * square - sum * sum;
    let deviation = deviation * deviation;
    u64::from(deviation > factor * spread) & u64::from(deviation > floor)
}

/// The double that equals an integer of magnitude below 2^51, in operations that every processor has for many lanes.
#[inline(always)]
fn to_double(integer: i64) -> f64 {
    f64::from_bits((integer.wrapping_add(ROUNDER.to_bits() as i64)) as u64) - ROUNDER
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
            let mut units = vec![0; values.len()];
            assert!(to_units_by_products_plain(&values, &grid, &mut units).on_grid);
            for value in values.iter().step_by(101) {
                for next in [f64::from_bits(value.to_bits() + 1), f64::from_bits(value.to_bits().max(1) - 1)]
                {
                    let mut unit = [0];
                    let seen = to_units_by_products_plain(&[next], &grid, &mut unit);
                    let expected = to_units_by_division_plain(&[next], &grid, &mut unit);
                    assert_eq!(seen, expected, "{next}");
                }
            }
        }
    }

    #[test]
    fn prefix_sums_are_those_of_one_integer_after_the_other() {
        for len in [0, 1, 7, 8, 9, 16, 63, 1000, 1024] {
            for size in [1, 1000, 1 << 31, i64::MAX / 3] {
                let units: Vec<i64> = (0..len).map(|i: i64| (i * 37 % 101 - 50).wrapping_mul(size)).collect();
                let slots = || (vec![i64::MAX - 9; units.len() + 1], vec![-3; units.len() + 1]);
                let (mut sums, mut squares) = slots();
                accumulate(&units, &mut sums, &mut squares);
                let (mut expected, mut expected_squares) = slots();
                accumulate_plain(&units, &mut expected, &mut expected_squares);
                assert_eq!((sums, squares), (expected, expected_squares), "{len} of {size}");
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_what_the_plain_one_gives() {
        let grid = Grid { factor: 10.0, origin: 57.0, narrow: 5000.0, wide: 2e9 };
        for len in [0, 1, 2, 7, 63, 64, 65, 1000] {
            for (at, special) in
                [(0, 0.1), (5, 0.05), (2, f64::NAN), (9, f64::INFINITY), (3, 600.0), (8, 1e12), (4, -0.0)]
            {
                let mut values: Vec<f64> = (0..len).map(|i| f64::from(i * 37 % 211) / 10.0).collect();
                if let Some(value) = values.get_mut(at) {
                    *value = special;
                }
                let (mut fast, mut plain) = (vec![0; values.len()], vec![0; values.len()]);
                let seen = to_units(&values, &grid, &mut fast);
                assert_eq!(seen, to_units_by_division_plain(&values, &grid, &mut plain));
                assert_eq!(fast, plain);
                if !seen.beyond_narrow {
                    assert_eq!(seen, to_units_by_products_plain(&values, &grid, &mut plain));
                    assert_eq!(fast, plain);
                }
                let expected = values.iter().all(|v| (v * 10.0).round() / 10.0 == *v);
                assert_eq!(seen.on_grid, expected, "{values:?}");
                let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
                assert_eq!(range_of(&finite), range_of_plain(&finite));
                let least = finite.iter().copied().fold(f64::INFINITY, f64::min);
                assert_eq!(range_of(&finite).0, least);
                let (mut fast_units, mut plain_units) = (vec![0; finite.len()], vec![0; finite.len()]);
                quantise(&finite, 5.0, 100.0, &mut fast_units);
                quantise_plain(&finite, 5.0, 100.0, &mut plain_units);
                assert_eq!(fast_units, plain_units);
                for (value, unit) in finite.iter().zip(fast_units) {
                    assert!(((value - 5.0) * 100.0 - unit as f64).abs() <= 0.500_01);
                }

                let sums: Vec<i64> = (0..=plain.len() as i64).map(|i| i * i % 777).collect();
                let squares: Vec<i64> = (0..=plain.len() as i64).map(|i| i * 1_000_003 % 99_991).collect();
                let (from, to) = (plain.len(), 1);
                let units: Vec<i64> = plain.iter().map(|unit| unit % 4000).collect();
                let windows = Windows {
                    units: &units,
                    sums: (&sums[..from], &sums[to..]),
                    squares: (&squares[..from], &squares[to..]),
                };
                for factor in [0.0, 1.0, 1e6, f64::NAN] {
                    let n: Vec<f64> = (0..units.len()).map(|i| (i % 40) as f64).collect();
                    let varying = Varying { n: &n, factor: &vec![factor; n.len()], floor: 0.25, slack: 0.5 };
                    let bounds = Bounds { n: 30.0, factor, floor: 0.0, slack: 0.5 };
                    let mut start = 0;
                    while start < units.len() {
                        let found = next_passing_of_one_size(windows, bounds, start);
                        assert_eq!(found, next_passing_plain(windows, bounds, start));
                        let of_any_size = next_passing_of_any_size(windows, varying, start);
                        assert_eq!(of_any_size, next_passing_plain(windows, varying, start));

                        let (at, bits) = found.unwrap_or((units.len(), 0));
                        let passing = (start..units.len()).filter(|i| passes(&windows, &bounds, *i) == 1);
                        let passing: Vec<usize> = passing.take_while(|i| *i < at + LANES).collect();
                        let expected = (0..LANES).filter(|i| bits >> i & 1 == 1).map(|i| at + i);
                        assert!(expected.eq(passing));
                        start = at + LANES;
                    }
                }
            }
        }
    }
}
