//! Times in messages: from microseconds since 1970 to ISO 8601.

use chrono::{DateTime, SecondsFormat};

/// Writes a time, in microseconds since 1970 UTC, as ISO 8601 with as many decimals of a second as it takes (none, three or
/// six): `2017-09-10T12:00:00Z`. A time too far away for a calendar is written as the number that it is.
#[must_use]
pub fn iso8601(timestamp_us: i64) -> String {
    DateTime::from_timestamp_micros(timestamp_us).map_or_else(
        || format!("{timestamp_us} us since 1970"),
        |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    )
}
