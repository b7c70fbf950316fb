//! Spans of time on the command line: texts such as `90m` or `7d` in, microseconds or numbers of rows out.

use std::time::Duration;

/// A whole number of minutes, hours, days or weeks, such as `90m`, `24h`, `7d` or `2w`, in microseconds. `None` for any other
/// text, and for a span that is too long.
#[must_use]
pub fn micros(text: &str) -> Option<i64> {
    let (number, minutes) = match text.split_at_checked(text.len().checked_sub(1)?)? {
        (number, "m") => (number, 1),
        (number, "h") => (number, 60),
        (number, "d") => (number, 24 * 60),
        (number, "w") => (number, 7 * 24 * 60),
        _ => return None,
    };
    let number: i64 = number.parse().ok()?;
    number.checked_mul(minutes * 60_000_000)
}

/// Parses an argument that is such a span, or a whole number of seconds with `s`.
///
/// # Errors
/// A text that is neither, or a negative one.
pub fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok()).map(Duration::from_secs);
    let micros = || micros(text).and_then(|micros| u64::try_from(micros).ok()).map(Duration::from_micros);
    seconds.or_else(micros).ok_or_else(|| "expected a time such as 30s, 90m, 24h, 7d or 2w".to_owned())
}

/// Parses an argument that is such a span as microseconds.
///
/// # Errors
/// What is expected, for any other text.
pub fn span(text: &str) -> Result<i64, String> {
    micros(text).ok_or_else(|| "expected a time such as 90m, 6h, 10d or 2w".to_owned())
}

/// Parses a whole number as `rows`, or a span of time as `time`: microseconds. `None` for any other text, and for a span
/// that is too long.
#[must_use]
pub fn rows_or_time<T>(text: &str, rows: fn(usize) -> T, time: fn(i64) -> T) -> Option<T> {
    if text.ends_with(|last: char| last.is_ascii_digit()) {
        return text.parse().ok().map(rows);
    }
    micros(text).map(time)
}
