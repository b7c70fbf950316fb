//! Numbers of about 104 bits, kept as the sum of two doubles: integers in, the double nearest the exact value of a quotient
//! or a root out, or `None` where 104 bits do not tell which that is.
//!
//! Sums and products of doubles are exact by Knuth's and Dekker's algorithms (Dekker 1971, "A floating-point technique for
//! extending the available precision"); quotient and root take one step of Newton's iteration from the double's own.

/// Bound of the relative error of a few operations below, each of which errs by less than 2^-100.
const ERROR: f64 = 1.0 / (1_u128 << 95) as f64;

/// `high + low`, where `low` is at most half a unit in the last place of `high`. Neither may over- or underflow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DoubleDouble {
    high: f64,
    low: f64,
}

impl DoubleDouble {
    /// Zero.
    pub const ZERO: Self = Self { high: 0.0, low: 0.0 };

    /// The sum of two doubles, exactly (Knuth).
    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let rest = high - a;
        Self { high, low: (a - (high - rest)) + (b - rest) }
    }

    /// The product of two doubles, exactly (Dekker, Veltkamp).
    fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        let split = |x: f64| {
            let far = x * 134_217_729.0;
            let upper = far - (far - x);
            (upper, x - upper)
        };
        let ((a_upper, a_lower), (b_upper, b_lower)) = (split(a), split(b));
        let low = ((a_upper * b_upper - high) + a_upper * b_lower + a_lower * b_upper) + a_lower * b_lower;
        Self { high, low }
    }

    /// An integer; exact if it is below 2^106.
    pub fn of(integer: i128) -> Self {
        // Processors convert 64 bits; 128 are a function of a library, and most integers have no more than these.
        if integer.unsigned_abs() < 1 << 62 {
            let integer = integer as i64;
            let high = integer as f64;
            return Self { high, low: (integer - high as i64) as f64 };
        }
        let high = integer as f64;
        // What is left fits, unless the integer rounds up to 2^127.
        let low = integer.wrapping_sub(high as i128) as f64;
        Self::sum(high, low)
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Self {
        let Self { high, low } = Self::sum(self.high, other.high);
        let lower = Self::sum(self.low, other.low);
        let Self { high, low } = Self::sum(high, low + lower.high);
        Self::sum(high, low + lower.low)
    }

    /// The product.
    pub fn times(self, other: Self) -> Self {
        let Self { high, low } = Self::product(self.high, other.high);
        Self::sum(high, low + (self.high * other.low + self.low * other.high))
    }

    /// The product with a power of two, exactly.
    pub fn scaled(self, power: f64) -> Self {
        Self { high: self.high * power, low: self.low * power }
    }

    /// The number with the other sign.
    pub fn negated(self) -> Self {
        self.scaled(-1.0)
    }

    /// The quotient by a divisor that is not 0.
    pub fn over(self, divisor: Self) -> Self {
        let quotient = self.high / divisor.high;
        let product = Self::product(quotient, divisor.high);
        let rest = ((self.high - product.high) - product.low) + (self.low - quotient * divisor.low);
        Self::sum(quotient, rest / divisor.high)
    }

    /// The square root of a positive number.
    pub fn root(self) -> Self {
        let root = self.high.sqrt();
        let square = Self::product(root, root);
        let rest = ((self.high - square.high) - square.low) + self.low;
        Self::sum(root, rest / (2.0 * root))
    }

    /// The magnitude, rounded to a double.
    pub fn magnitude(self) -> f64 {
        self.high.abs()
    }

    /// Whether the number is larger than 0.
    pub fn is_positive(self) -> bool {
        self.high > 0.0
    }

    /// The double nearest the exact value, given that this number is off by at most the share `more` of itself and by the
    /// error of a few operations; `None` where two doubles are so near that either may be the nearest.
    pub fn nearest(self, more: f64) -> Option<f64> {
        let Self { high, low } = self;
        let gap = (high.next_up() - high).min(high - high.next_down());
        (low.abs() + high.abs() * (ERROR + more) < gap / 2.0).then_some(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_the_nearest_double_or_none() {
        let of = DoubleDouble::of;
        assert_eq!(of(51).over(of(10)).nearest(0.0), Some(5.1));
        assert_eq!(of(2).root().nearest(0.0), Some(2_f64.sqrt()));
        assert_eq!(of(1 << 80).nearest(0.0), Some(2_f64.powi(80)));
        for integer in [(1 << 62) - 1, 1 << 62, (1 << 62) + 1, (1 << 62) - (1 << 8), 1 - (1 << 62), -7, 0] {
            let DoubleDouble { high, low } = of(integer);
            assert_eq!((high, high as i128 + low as i128), (integer as f64, integer));
        }
        assert_eq!(of((3 << 53) + 1).nearest(0.0), Some(3.0 * 2_f64.powi(53)));
        // Halfway between two doubles, and too near to that.
        assert_eq!(of((3 << 53) + 2).nearest(0.0), None);
        assert_eq!(of((3 << 53) + 1).nearest(1e-16), None);
        // 3^67 needs 107 bits; its root's square, 3^66, is exact in a pair, and so is what is left over.
        let power = 3_i128.pow(66);
        assert_eq!(of(power).root().nearest(0.0), Some(3_f64.powi(33)));
        let (a, b) = (of(power), of(1 << 100));
        assert_eq!(a.plus(b).plus(b.negated()), a);
        assert_eq!(of(3_i128.pow(33)).times(of(3_i128.pow(33))), a);
        assert_eq!(DoubleDouble::ZERO.plus(a), a);
    }
}
