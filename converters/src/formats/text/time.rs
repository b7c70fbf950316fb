//! Times of text formats: fields of a civil date in, microseconds since 1970 (UTC) out.

/// Days before each month of a year that begins in March.
const MONTH_DAYS: [i64; 12] = [306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275];
const MONTH_LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Microseconds since 1970-01-01T00:00:00Z of a date and time of the Gregorian calendar; `None` where there is no
/// such date or time.
///
/// Hour 24 is none: what means the midnight after a day says so by the next date.
#[must_use]
pub fn civil_micros(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let index = usize::try_from(month - 1).ok()?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = MONTH_LENGTHS.get(index)? + i64::from(leap && month == 2);
    if !(0..=9999).contains(&year)
        || !(1..=length).contains(&day)
        || !(0..24).contains(&hour)
        || !(0..60).contains(&minute)
        || !(0..60).contains(&second)
    {
        return None;
    }
    // Years that begin in March end with the leap day, so that it shifts nothing.
    let y = if month <= 2 { year - 1 } else { year };
    let days =
        365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + MONTH_DAYS.get(index)? + day
            - 1
            - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000)
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
    Some(local + fraction_micros(fraction)? - offset_micros(offset)?)
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

/// Microseconds of the digits behind a point.
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

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveDate};

    use super::*;

    #[test]
    fn every_day_of_two_centuries_is_chronos() {
        let mut date = NaiveDate::from_ymd_opt(1899, 12, 31).unwrap();
        let end = NaiveDate::from_ymd_opt(2101, 3, 2).unwrap();
        while date < end {
            use chrono::Datelike;
            let time = date.and_hms_opt(23, 59, 58).unwrap().and_utc();
            let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            assert_eq!(civil_micros(year, month, day, 23, 59, 58), Some(time.timestamp_micros()), "{date}");
            date = date.checked_add_days(Days::new(1)).unwrap();
        }
    }

    #[test]
    fn times_of_iso_8601_and_sql() {
        let newyear = civil_micros(2017, 1, 1, 0, 0, 0).unwrap();
        let hour = 3_600_000_000;
        for (text, expected) in [
            ("2017-01-01", 0),
            ("2017-01-01 01:00", hour),
            ("2017-01-01T01:00:00", hour),
            ("2017-01-01 01:00:00Z", hour),
            ("2017-01-01t01:00:00.25z", hour + 250_000),
            ("2017-01-01 01:00:00.123456789 UTC", hour + 123_456),
            ("2017-01-01 01:00:00+00", hour),
            ("2017-01-01T01:00:00+01:00", 0),
            ("2017-01-01T01:00-0330", 4 * hour + hour / 2),
        ] {
            assert_eq!(iso_micros(text.as_bytes()), Some(newyear + expected), "{text}");
        }
        for text in [
            "",
            "2017",
            "2017-1-1 00:00:00",
            "2017-01-32",
            "2017-01-01T",
            "2017-01-01T24:00:00",
            "2017-01-01 01",
            "2017-01-01 01:00:00.",
            "2017-01-01 01:00:00+24",
            "2017-01-01 01:00:00 CET",
            "2017-01-01 01:00:00 1",
            "01/02/2017 00:00",
        ] {
            assert_eq!(iso_micros(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn unix_seconds() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1483228800", Some(1_483_228_800_000_000)),
            ("1483228800.0", Some(1_483_228_800_000_000)),
            ("-0.25", Some(-250_000)),
            ("1.1234567", Some(1_123_456)),
            ("", None),
            ("-", None),
            (".5", None),
            ("1e9", None),
            ("1.2.3", None),
            ("99999999999999999", None),
        ] {
            assert_eq!(unix_micros(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for (y, m, d, hour, minute) in [
            (2017, 2, 29, 0, 0),
            (1900, 2, 29, 0, 0),
            (2017, 13, 1, 0, 0),
            (2017, 0, 1, 0, 0),
            (2017, 1, 0, 0, 0),
            (2017, 1, 1, 24, 0),
            (2017, 1, 1, 0, 60),
        ] {
            assert_eq!(civil_micros(y, m, d, hour, minute, 0), None, "{y}-{m}-{d} {hour}:{minute}");
        }
        assert!(civil_micros(2000, 2, 29, 0, 0, 0).is_some());
        assert_eq!(
            (digits(b"0042"), digits(b"4x"), digits(b"-4"), digits(b"")),
            (Some(42), None, None, None)
        );
    }
}
