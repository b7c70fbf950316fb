//! Statistics of one window in pairs of doubles: integer moments in, the doubles nearest the exact values out, or word
//! that pairs do not decide which those are.

use crate::RollingTest;
use crate::decide::double_double::Pair;
use crate::decide::{Statistics, Unit, Window};

/// Integers that doubles hold.
const EXACT: u128 = 1 << 53;

impl Window<i64> {
    /// The mean, of integers of which `factor` make a unit.
    pub fn quick_mean(&self, factor: i128) -> Option<f64> {
        let n = self.n as i128;
        let (total, divisor) = (i128::from(self.sum) + n * i128::from(self.origin), n * factor);
        if total.unsigned_abs() <= EXACT && divisor.unsigned_abs() <= EXACT {
            return Some(total as i64 as f64 / divisor as i64 as f64);
        }
        Pair::of(total).over(Pair::of(divisor)).nearest(0.0)
    }

    /// The standard deviation with `ddof` degrees of freedom taken off, of integers of which `factor` make a unit.
    pub fn quick_std(&self, factor: i128, ddof: usize) -> Option<f64> {
        let n = self.n as i128;
        let spread = self.spread();
        if spread == 0 {
            return Some(0.0);
        }
        let divisor = (n * (n - ddof as i128)).checked_mul(factor.pow(2))?;
        Pair::of(spread).over(Pair::of(divisor)).root().nearest(0.0)
    }

    /// The statistics of an outlier, unless a floor under the deviation is set.
    pub fn quick_statistics(&self, unit: Unit, test: &RollingTest) -> Option<Statistics> {
        let Unit::Decimal(decimals) = unit else { return None };
        if !test.floor().is_zero() {
            return None;
        }
        let factor = 10_i128.pow(decimals);
        let n = self.n as i128;
        let (deviation, spread) = (self.deviation(), self.spread());
        let magnitude = if spread == 0 {
            f64::INFINITY
        } else {
            let numerator = deviation.checked_pow(2)?.checked_mul(n - test.freedom() as i128)?;
            Pair::of(numerator).over(Pair::of(n.checked_mul(spread)?)).root().nearest(0.0)?
        };
        Some(Statistics {
            mean: self.quick_mean(factor)?,
            std: self.quick_std(factor, test.freedom())?,
            zscore: if deviation < 0 { -magnitude } else { magnitude },
        })
    }

    /// `n x - S`.
    pub fn deviation(&self) -> i128 {
        self.n as i128 * i128::from(self.x) - i128::from(self.sum)
    }

    /// `n Q - S^2`, which is `n^2` times the population variance.
    pub fn spread(&self) -> i128 {
        self.n as i128 * i128::from(self.squares) - i128::from(self.sum).pow(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decimal;

    #[test]
    fn statistics_in_pairs_are_the_exact_ones() {
        let mut state = 1_u64;
        let mut next = |below: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64 % below
        };
        let (mut outliers, mut decided) = (0, 0);
        for round in 0..20_000 {
            let (n, ddof) = (2 + next(60) as usize, next(2) as usize);
            let range = 1 << (1 + next(28));
            let values: Vec<i64> = (0..n).map(|_| next(range)).collect();
            let window = Window {
                n,
                sum: values.iter().sum(),
                squares: values.iter().map(|v| v * v).sum(),
                x: next(range) - next(range),
                origin: next(1 << 30) - (1 << 29),
            };
            let test = RollingTest::new(n, Decimal::whole(0)).expect("a window").ddof(ddof);
            let unit = Unit::Decimal((round % 4) as u32);
            let Some(exact) = window.widen().decide(unit, &test) else { continue };
            outliers += 1;
            if let Some(quick) = window.quick_statistics(unit, &test) {
                decided += 1;
                assert_eq!(quick, exact, "{window:?} {unit:?} {ddof}");
            }
        }
        assert!(outliers > 19_000 && decided * 1000 > outliers * 999, "{decided} of {outliers}");
    }
}
