//! Times for people: microseconds since 1970 in, ISO 8601 out.

use chrono::{DateTime, SecondsFormat};

/// Microseconds since 1970 as ISO 8601 in UTC, with as many decimals as it takes:
/// `2017-09-10T12:00:00Z`.
#[must_use]
pub fn iso8601(timestamp_us: i64) -> String {
    DateTime::from_timestamp_micros(timestamp_us).map_or_else(
        || format!("{timestamp_us} us since 1970"),
        |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    )
}
