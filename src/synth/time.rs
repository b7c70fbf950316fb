//! Times: hours since 1970 in, calendar times out.

use chrono::{DateTime, TimeDelta, Utc};

/// The time of an hour since 1970-01-01T00:00Z; that of any 32-bit number is within the calendar's range.
pub(super) fn utc(hour: i32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hour.into())
}

#[cfg(test)]
mod tests {
    use chrono::Datelike as _;

    use super::*;

    #[test]
    fn every_hour_has_a_time() {
        for (hour, year) in [(i32::MIN, -243_014), (-1, 1969), (262_968, 2000), (i32::MAX, 246_953)] {
            assert_eq!(utc(hour).year(), year);
        }
    }
}
