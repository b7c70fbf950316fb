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
