//! Decimal grids: how many decimals a value has, and values packed as integers on one grid.

/// The most decimals that a decimal grid has.
pub(crate) const MAX_GRID_DECIMALS: u32 = 3;

/// `10^0` to `10^3`: what a value on a grid of 0 to 3 decimals is multiplied with to be an integer.
pub(crate) const GRID_FACTORS: [f64; MAX_GRID_DECIMALS as usize + 1] = [1.0, 10.0, 100.0, 1000.0];

/// What packed integers stand for: each one for the value `(integer + offset) / 10^decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    decimals: u32,
    offset: i32,
    largest: u32,
}

impl Packing {
    /// The packing of integers, none of which is farther from 0 than `largest`; `decimals` is at most
    /// [`MAX_GRID_DECIMALS`].
    pub(crate) fn new(decimals: u32, offset: i32, largest: u32) -> Self {
        debug_assert!(decimals <= MAX_GRID_DECIMALS, "a grid of {decimals} decimals");
        Self { decimals, offset, largest }
    }

    /// Number of decimals of the grid, 0 to 3.
    #[must_use]
    pub fn decimals(&self) -> u32 {
        self.decimals
    }

    /// What is added to each integer for the value in units of `10^-decimals`.
    #[must_use]
    pub fn offset(&self) -> i32 {
        self.offset
    }

    /// The largest magnitude of an integer, in units of `10^-decimals`.
    #[inline]
    #[must_use]
    pub fn largest(&self) -> u32 {
        self.largest
    }

    /// The double nearest the decimal that an integer stands for.
    #[inline]
    #[must_use]
    pub fn value(&self, integer: i32) -> f64 {
        (f64::from(integer) + f64::from(self.offset)) / GRID_FACTORS[self.decimals as usize]
    }
}

/// How many decimals `value` has, if it is the double nearest a decimal number of at most three.
///
/// The text of the value is consulted only where the integer would not be exact in a double.
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

/// Packs values as integers on the coarsest decimal grid that holds all of them, about the middle of their range: an
/// integer for each value, and what the integers stand for.
///
/// `None` if a value is NaN, infinite or no double nearest a decimal of at most three decimals, or if an integer on the
/// grid has more than 32 bits. Nulls are the caller's: see [`Series::packed`](crate::Series::packed) for what stands in
/// their slots.
///
/// ```
/// use isd_kernel::pack;
///
/// let (integers, packing) = pack(&[5.1, -0.2, 7.3]).ok_or("not on a decimal grid")?;
/// assert_eq!(integers, [16, -37, 38]);
/// assert_eq!((packing.decimals(), packing.offset(), packing.largest()), (1, 35, 38));
/// assert_eq!(packing.value(16), 5.1);
/// assert_eq!(pack(&[0.1 + 0.2]), None);
/// # Ok::<(), &str>(())
/// ```
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
    let (Some(&least), Some(&most)) = (integers.iter().min(), integers.iter().max()) else {
        return Some((integers, Packing::new(0, 0, 0)));
    };
    let offset = least.midpoint(most);
    for integer in &mut integers {
        *integer -= offset;
    }
    let largest = offset.abs_diff(least).max(offset.abs_diff(most));
    Some((integers, Packing::new(decimals, offset, largest)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
