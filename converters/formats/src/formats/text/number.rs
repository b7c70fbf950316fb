//! Numbers of text formats: their characters in, the doubles nearest them out.

use super::time;

/// Powers of ten that are doubles exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// All integers up to this magnitude are doubles.
const EXACT_INTEGERS: i64 = 1 << 53;
/// Digits that fit an `i64` whatever they are.
const DIGITS: usize = 18;

/// The integer in a field of fixed width: blanks, a sign where there is one, digits to the end of the field; `None` of
/// anything else, and of more than 18 characters.
#[inline]
#[must_use]
pub fn integer(field: &[u8]) -> Option<i64> {
    if field.len() > DIGITS {
        return None;
    }
    let start = field.iter().position(|&byte| byte != b' ')?;
    let (negative, digits) = sign(field.get(start..)?);
    let value = time::digits(digits)?;
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

/// The double nearest a number as CSV files hold it (`51`, `-0.5`, `1e3`), times 10^-`shift`.
///
/// `None` of anything else, and of `NaN` and infinities.
#[must_use]
pub fn decimal(field: &[u8], shift: u32) -> Option<f64> {
    plain_decimal(field, shift).or_else(|| any_decimal(field, shift))
}

/// A number of up to 18 digits and a point whose integer and power of ten are doubles, so that their quotient is rounded
/// once; `None` of others.
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
    let decimals = point.map_or(0, |point| digits - point) + shift as usize;
    let value = mantissa as f64 / POWERS_OF_TEN.get(decimals)?;
    Some(if negative { -value } else { value })
}

/// A number with an exponent or more digits than a double has; `None` of what is none.
#[cold]
fn any_decimal(field: &[u8], shift: u32) -> Option<f64> {
    // Rust would also read "inf" and "NaN", which are no numbers here.
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
