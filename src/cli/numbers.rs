//! Numbers for people: counts, sizes and rates in, text out.

pub use indicatif::{HumanBytes, HumanCount};

/// A number of things, as in `1 station` and `3,120,000 rows`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", HumanCount(number), if number == 1 { "" } else { "s" })
}

/// A number of rows a second to three digits, which are what a timing is good for: `3,120,000 rows/s`.
#[must_use]
pub fn rate(rows: u64, seconds: f64) -> String {
    let per_second = rows_per_second(rows, seconds);
    let unit = 10_f64.powi((per_second.max(1.0).log10().floor() as i32 - 2).max(0));
    format!("{} rows/s", HumanCount(((per_second / unit).round() * unit) as u64))
}

/// A number of rows a second; a time of 0 counts as a nanosecond.
#[must_use]
pub fn rows_per_second(rows: u64, seconds: f64) -> f64 {
    rows as f64 / seconds.max(1e-9)
}
