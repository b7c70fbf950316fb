//! Times of text formats: dates and times of day in, microseconds since 1970 (UTC) out.

use chrono::NaiveDate;

use crate::instants::in_range;

/// Microseconds since 1970-01-01T00:00:00Z of a date and time of the Gregorian calendar in the years 1600 to 2199, as
/// observations are; `None` where there is no such date or time.
///
/// There is no hour 24: the midnight that ends a day has the next date.
#[must_use]
pub fn civil_micros(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let part = |number: i64| u32::try_from(number).ok();
    let year = i32::try_from(year).ok().filter(|year| (1600..2200).contains(year))?;
    let date = NaiveDate::from_ymd_opt(year, part(month)?, part(day)?)?;
    Some(date.and_hms_opt(part(hour)?, part(minute)?, part(second)?)?.and_utc().timestamp_micros())
}

/// An unsigned number of digits alone, such as a field of a date; `None` of anything else.
#[must_use]
pub fn digits(field: &[u8]) -> Option<i64> {
    if field.is_empty() || field.len() > 18 {
        return None;
    }
    field.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// Microseconds since 1970-01-01T00:00:00Z of a time in ISO 8601's extended form or SQL's (`2017-01-01T00:00:00Z`,
/// `2017-01-01 00:00`, `2017-01-01`, with a fraction of a second, with an offset such as `+01:00`); `None` of anything
/// else. A time without an offset is UTC. What a fraction has beyond microseconds is cut off.
#[must_use]
pub fn iso_micros(field: &[u8]) -> Option<i64> {
    let (date, time) = field.split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let (year, month, day) = (digits(&[y1, y2, y3, y4])?, digits(&[m1, m2])?, digits(&[d1, d2])?);
    let (clock, offset) = match time {
        [] => return civil_micros(year, month, day, 0, 0, 0),
        [b'T' | b't' | b' ', clock @ ..] => {
            let end = clock.iter().position(|byte| !byte.is_ascii_digit() && !b":.".contains(byte));
            clock.split_at_checked(end.unwrap_or(clock.len()))?
        }
        _ => return None,
    };
    let (hour, minute, second, fraction) = match *clock {
        [h1, h2, b':', m1, m2] => ([h1, h2], [m1, m2], [b'0', b'0'], [].as_slice()),
        [h1, h2, b':', m1, m2, b':', s1, s2] => ([h1, h2], [m1, m2], [s1, s2], [].as_slice()),
        [h1, h2, b':', m1, m2, b':', s1, s2, b'.', ref fraction @ ..] if !fraction.is_empty() => {
            ([h1, h2], [m1, m2], [s1, s2], fraction)
        }
        _ => return None,
    };
    let local = civil_micros(year, month, day, digits(&hour)?, digits(&minute)?, digits(&second)?)?;
    in_range(local + fraction_micros(fraction)? - offset_micros(offset)?)
}

/// Microseconds since 1970-01-01T00:00:00Z of Unix seconds in decimals, such as `1483228800` or `-0.25`; `None` of
/// anything else. What a fraction has beyond microseconds is cut off.
#[must_use]
pub fn unix_micros(field: &[u8]) -> Option<i64> {
    let (negative, seconds) = match field.strip_prefix(b"-") {
        Some(seconds) => (true, seconds),
        None => (false, field),
    };
    let point = seconds.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = seconds.split_at_checked(point.unwrap_or(seconds.len()))?;
    let fraction = fraction_micros(fraction.strip_prefix(b".").unwrap_or(fraction))?;
    let micros = digits(whole)?.checked_mul(1_000_000)?.checked_add(fraction)?;
    Some(if negative { -micros } else { micros })
}

/// Microseconds of the digits after a decimal point; those beyond microseconds are cut off.
fn fraction_micros(fraction: &[u8]) -> Option<i64> {
    let mut micros = 0;
    let mut unit = 100_000;
    for byte in fraction {
        micros += digits(&[*byte])? * unit;
        unit /= 10;
    }
    Some(micros)
}

/// Microseconds that local time is ahead of UTC by an offset of ISO 8601; nothing and `Z` mean UTC.
fn offset_micros(offset: &[u8]) -> Option<i64> {
    let offset = offset.trim_ascii_start();
    let (sign, hours, minutes) = match *offset {
        [] | [b'Z' | b'z'] => return Some(0),
        _ if offset.eq_ignore_ascii_case(b"UTC") => return Some(0),
        [sign, h1, h2] => (sign, [h1, h2], [b'0', b'0']),
        [sign, h1, h2, m1, m2] | [sign, h1, h2, b':', m1, m2] => (sign, [h1, h2], [m1, m2]),
        _ => return None,
    };
    let (hours, minutes) = (digits(&hours)?, digits(&minutes)?);
    if hours >= 24 || minutes >= 60 {
        return None;
    }
    let micros = (hours * 60 + minutes) * 60_000_000;
    match sign {
        b'+' => Some(micros),
        b'-' => Some(-micros),
        _ => None,
    }
}
