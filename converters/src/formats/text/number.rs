//! Numbers of text formats: their characters in, the doubles nearest them out.

/// Powers of ten that are doubles exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// Integers up to this magnitude are doubles without a neighbour in between.
const EXACT_INTEGERS: i64 = 1 << 53;
/// Digits that fit an `i64` whatever they are.
const DIGITS: usize = 18;

/// An integer of a fixed-width field: blanks, a sign where there is one, digits to the end of the field; `None` of
/// anything else, and of more than 18 characters.
#[inline]
#[must_use]
pub fn integer(field: &[u8]) -> Option<i64> {
    if field.len() > DIGITS {
        return None;
    }
    let start = field.iter().position(|&byte| byte != b' ')?;
    let (negative, digits) = sign(field.get(start..)?);
    let value = super::digits(digits)?;
    Some(if negative { -value } else { value })
}

/// Whether a number is negative, and what follows its sign.
#[inline]
fn sign(field: &[u8]) -> (bool, &[u8]) {
    match field.split_first() {
        Some((b'-', number)) => (true, number),
        Some((b'+', number)) => (false, number),
        _ => (false, field),
    }
}

/// A number as CSV files hold it (`51`, `-0.5`, `1e3`), times 10^-`shift`: the double nearest that decimal.
///
/// `None` of anything else, and of `NaN` and infinities.
#[must_use]
pub fn decimal(field: &[u8], shift: u32) -> Option<f64> {
    plain_decimal(field, shift).or_else(|| any_decimal(field, shift))
}

/// Up to 18 digits and a point, whose integer and power of ten are doubles: their quotient is rounded once.
#[inline]
fn plain_decimal(field: &[u8], shift: u32) -> Option<f64> {
    let (negative, number) = sign(field);
    if number.len() > DIGITS {
        return None;
    }
    let mut mantissa = 0_i64;
    let mut digits = 0_usize;
    let mut point = None;
    for &byte in number {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa * 10 + i64::from(byte - b'0');
                digits += 1;
            }
            b'.' if point.is_none() => point = Some(digits),
            _ => return None,
        }
    }
    if digits == 0 || mantissa > EXACT_INTEGERS {
        return None;
    }
    let behind = point.map_or(0, |point| digits - point) + shift as usize;
    let value = mantissa as f64 / POWERS_OF_TEN.get(behind)?;
    Some(if negative { -value } else { value })
}

/// Exponents and more digits than a double has.
#[cold]
fn any_decimal(field: &[u8], shift: u32) -> Option<f64> {
    // What Rust reads besides, "inf" and "NaN", is no number here.
    if !field.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte)) {
        return None;
    }
    let text = str::from_utf8(field).ok()?;
    let value: f64 = match shift {
        0 => text.parse().ok()?,
        _ if text.contains(['e', 'E']) => text.parse::<f64>().ok()? / POWERS_OF_TEN.get(shift as usize)?,
        _ => format!("{text}e-{shift}").parse().ok()?,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_fixed_width() {
        for (field, expected) in [
            ("   -35", Some(-35)),
            ("-9999", Some(-9999)),
            ("+0073", Some(73)),
            (" 10296", Some(10_296)),
            ("     0", Some(0)),
            ("      ", None),
            ("    - ", None),
            ("     -", None),
            ("12 345", None),
            ("  --35", None),
            ("1.5", None),
            ("", None),
            ("1234567890123456789", None),
        ] {
            assert_eq!(integer(field.as_bytes()), expected, "{field:?}");
        }
    }

    #[test]
    fn decimals_are_the_nearest_doubles() {
        for text in ["0", "-0", "5.1", "-0.5", ".5", "5.", "+12.8", "1e3", "1.5E-2", "0.1234567890123456789"]
        {
            assert_eq!(decimal(text.as_bytes(), 0), Some(text.parse().unwrap()), "{text}");
        }
        for tenths in -20_000..=20_000 {
            let nearest: f64 = format!("{tenths}e-1").parse().unwrap();
            assert_eq!(decimal(format!("{tenths}").as_bytes(), 1), Some(nearest), "{tenths}");
            assert_eq!(decimal(format!("{tenths}.0").as_bytes(), 1), Some(nearest), "{tenths}.0");
        }
        assert_eq!(decimal(b"123456789012345678901", 1), Some(12_345_678_901_234_567_890.1));
        assert_eq!(decimal(b"5.1e1", 1), Some(5.1));
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "-", ".", "1.2.3", "1 2", "nan", "inf", "0x10", "1e999", "1,5", "--1", "e5"] {
            assert_eq!(decimal(text.as_bytes(), 0), None, "{text:?}");
        }
    }
}
