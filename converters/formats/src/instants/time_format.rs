//! Texts in a format that the user names: a text in, microseconds since 1970 (UTC) out.

use chrono::format::{Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveDateTime, NaiveTime};

use super::in_range;

/// A format of times that the user names, in the letters of `strftime`, such as `%d.%m.%Y %H:%M`.
#[derive(Debug, Clone)]
pub struct TimeFormat {
    format: String,
}

impl TimeFormat {
    /// The format of a text such as `%d.%m.%Y %H:%M`.
    ///
    /// # Errors
    /// A text with a letter after `%` that means nothing, or without a date.
    pub fn new(format: &str) -> Result<Self, String> {
        let new = Self { format: format.to_owned() };
        let sample = DateTime::UNIX_EPOCH;
        let known = StrftimeItems::new(format).parse().is_ok();
        let written = known.then(|| sample.format(format).to_string());
        match written.and_then(|text| new.micros(&text).ok()) {
            Some(_) => Ok(new),
            None => Err(format!(
                "the time format is {format:?}, expected one of a date in the letters of strftime, such as %d.%m.%Y %H:%M"
            )),
        }
    }

    /// Microseconds since 1970 of a text, or of the digits of a number. What the format does not have of a time of day is 0;
    /// without an offset, times are UTC.
    ///
    /// # Errors
    /// A text that is not of the format, or a time outside the years 1600 to 2199.
    pub fn micros(&self, text: &str) -> Result<i64, String> {
        let micros = self.parsed(text).and_then(in_range);
        micros.ok_or_else(|| {
            format!("timestamp is {text:?}, expected a time as --time-format {:?} writes it", self.format)
        })
    }

    fn parsed(&self, text: &str) -> Option<i64> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text.trim(), StrftimeItems::new(&self.format)).ok()?;
        if let Ok(time) = parsed.to_datetime() {
            return Some(time.timestamp_micros());
        }
        let offset = parsed.offset().unwrap_or(0);
        if let Ok(time) = parsed.to_naive_datetime_with_offset(offset) {
            return Some(time.and_utc().timestamp_micros() - i64::from(offset) * 1_000_000);
        }
        // A date alone, or a time of day without minutes.
        let date = parsed.to_naive_date().ok()?;
        let has_hour = parsed.hour_mod_12().is_some();
        if has_hour && parsed.minute().is_none() {
            parsed.set_minute(0).ok()?;
        }
        let time = if has_hour { parsed.to_naive_time().ok()? } else { NaiveTime::MIN };
        Some(NaiveDateTime::new(date, time).and_utc().timestamp_micros() - i64::from(offset) * 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isd_dataset::time::iso8601;

    #[test]
    fn formats_of_times() {
        let of = |format: &str, text: &str| TimeFormat::new(format).unwrap().micros(text).map(iso8601);
        assert_eq!(of("%d.%m.%Y %H:%M", "31.01.2017 06:30").unwrap(), "2017-01-31T06:30:00Z");
        assert_eq!(of("%Y%m%d%H", "2017013106").unwrap(), "2017-01-31T06:00:00Z");
        assert_eq!(of("%m/%d/%Y", "01/31/2017").unwrap(), "2017-01-31T00:00:00Z");
        assert_eq!(of("%d/%m/%y %I %p", "31/01/17 11 PM").unwrap(), "2017-01-31T23:00:00Z");
        assert_eq!(
            of("%Y-%m-%d %H:%M:%S%.f %z", "2017-01-31 06:30:00.5 +0100").unwrap(),
            "2017-01-31T05:30:00.500Z"
        );
        assert_eq!(of("%Y-%m-%d %H:%M %z", "2017-01-31 06:30 +0100").unwrap(), "2017-01-31T05:30:00Z");
        assert_eq!(of("%Y %j", "2017 031").unwrap(), "2017-01-31T00:00:00Z");
        assert_eq!(of("%s", "1485849600").unwrap(), "2017-01-31T08:00:00Z");
        assert!(of("%d.%m.%Y", "2017-01-31").unwrap_err().contains("--time-format"));
        assert!(of("%Y-%m-%d", "0017-01-31").is_err());
        for format in ["", "%Q", "%H:%M", "%"] {
            assert!(TimeFormat::new(format).unwrap_err().contains("expected"), "{format}");
        }
    }
}
