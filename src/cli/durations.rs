//! Durations on the command line: texts such as `7d` in, numbers of rows or microseconds out.

/// Parses a whole number as `rows`, or a whole number with a unit of time as `micros`: microseconds. `None` for any other
/// text, and for a time that is too long.
#[must_use]
pub fn rows_or_time<T>(text: &str, rows: fn(usize) -> T, micros: fn(i64) -> T) -> Option<T> {
    let Some(unit) = text.chars().last().filter(|unit| !unit.is_ascii_digit()) else {
        return text.parse().ok().map(rows);
    };
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return None,
    };
    let number: i64 = text[..text.len() - 1].parse().ok()?;
    number.checked_mul(minutes * 60_000_000).map(micros)
}

/// Parses a time with its unit as microseconds.
///
/// # Errors
/// What is expected, for any other text.
pub fn micros(text: &str) -> Result<i64, String> {
    rows_or_time(text, |_| None, Some)
        .flatten()
        .ok_or_else(|| "expected a time such as 90m, 6h, 10d or 2w".to_owned())
}
