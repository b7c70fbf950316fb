//! Statistics of one window in pairs of doubles: sums as integers in, the doubles nearest the exact values out, or `None`
//! where pairs do not tell which those are.

use super::double_double::DoubleDouble;
use super::{Statistics, TestedWindow, Unit};
use crate::RollingTest;

/// Doubles hold all integers up to this magnitude.
const EXACT: u128 = 1 << 53;

impl TestedWindow<i64> {
    /// The mean of integers of which `factor` make a unit.
    pub fn mean_in_pairs(&self, factor: i128) -> Option<f64> {
        let n = self.n as i128;
        let (total, divisor) = (i128::from(self.sum) + n * i128::from(self.origin), n * factor);
        if total.unsigned_abs() <= EXACT && divisor.unsigned_abs() <= EXACT {
            return Some(total as i64 as f64 / divisor as i64 as f64);
        }
        DoubleDouble::of(total).over(DoubleDouble::of(divisor)).nearest(0.0)
    }

    /// The standard deviation of integers of which `factor` make a unit, with `ddof` degrees of freedom taken off.
    pub fn std_in_pairs(&self, factor: i128, ddof: usize) -> Option<f64> {
        let n = self.n as i128;
        let spread = self.spread();
        if spread == 0 {
            return Some(0.0);
        }
        let divisor = (n * (n - ddof as i128)).checked_mul(factor.pow(2))?;
        DoubleDouble::of(spread).over(DoubleDouble::of(divisor)).root().nearest(0.0)
    }

    /// The statistics of an outlier on a decimal grid; `None`, too, where the test sets a `min_std`.
    pub fn statistics_in_pairs(&self, unit: Unit, test: &RollingTest) -> Option<Statistics> {
        let Unit::TenToMinus(decimals) = unit else { return None };
        if !test.min_std().is_zero() {
            return None;
        }
        let factor = 10_i128.pow(decimals);
        let n = self.n as i128;
        let (deviation, spread) = (self.deviation(), self.spread());
        let magnitude = if spread == 0 {
            f64::INFINITY
        } else {
            let numerator = deviation.checked_pow(2)?.checked_mul(n - test.ddof() as i128)?;
            let divisor = DoubleDouble::of(n.checked_mul(spread)?);
            DoubleDouble::of(numerator).over(divisor).root().nearest(0.0)?
        };
        Some(Statistics {
            mean: self.mean_in_pairs(factor)?,
            std: self.std_in_pairs(factor, test.ddof())?,
            zscore: if deviation < 0 { -magnitude } else { magnitude },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decimal, Window};

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
            let window = TestedWindow {
                n,
                sum: values.iter().sum(),
                squares: values.iter().map(|v| v * v).sum(),
                x: next(range) - next(range),
                origin: next(1 << 30) - (1 << 29),
            };
            let test = RollingTest::builder()
                .window(Window::Rows(n))
                .threshold(Decimal::ZERO)
                .ddof(ddof)
                .build()
                .unwrap();
            let unit = Unit::TenToMinus((round % 4) as u32);
            let Some(exact) = window.widen().decide(unit, &test) else { continue };
            outliers += 1;
            if let Some(in_pairs) = window.statistics_in_pairs(unit, &test) {
                decided += 1;
                assert_eq!(in_pairs, exact, "{window:?} {unit:?} {ddof}");
            }
        }
        assert!(outliers > 19_000 && decided * 1000 > outliers * 999, "{decided} of {outliers}");
    }
}
