//! Times of day in a column beside the one of dates: texts or numbers in, microseconds since midnight out.

use super::names::usual_time;
use crate::formats::text::{digits, iso_micros};

/// Microseconds of a minute.
pub const MINUTE: i64 = 60_000_000;
/// Microseconds of a day.
pub const DAY: i64 = 1440 * MINUTE;

/// How the times of day of one column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Whole hours: `6`, `06`. The hour 24 is the midnight that ends the day.
    Hours,
    /// Hours and minutes without anything between: `630`, `0630`.
    HoursAndMinutes,
    /// Hours, minutes and perhaps seconds between colons: `6:30`, `06:30:00`.
    Colons,
}

impl Clock {
    /// How times of day are written that are all like these; `None` where they are none, or there are none. Digits are
    /// hours unless some have three or four.
    pub fn of_sample<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut fitting = [true; 3];
        let (mut any, mut longest) = (false, 0);
        for text in texts.into_iter().map(<[u8]>::trim_ascii).filter(|text| !text.is_empty()) {
            (any, longest) = (true, longest.max(text.len()));
            let clocks = [Self::Hours, Self::HoursAndMinutes, Self::Colons];
            for (fits, clock) in fitting.iter_mut().zip(clocks) {
                *fits &= clock.micros(text).is_some();
            }
        }
        match fitting {
            _ if !any => None,
            [true, ..] => Some(Self::Hours),
            [_, true, _] if longest > 2 => Some(Self::HoursAndMinutes),
            [_, _, true] => Some(Self::Colons),
            _ => None,
        }
    }

    /// How the times of day in a column of that name are written where the first ones are not written alike; `None` where
    /// the column may hold whole times.
    pub fn otherwise(name: &str) -> Option<Self> {
        usual_time(&[name.to_owned()]).is_none().then_some(Self::Hours)
    }

    /// Microseconds since midnight of a text without blanks around it; `None` where it is no time of day so written.
    pub fn micros(self, text: &[u8]) -> Option<i64> {
        match self {
            Self::Hours if text.len() <= 2 => clock(digits(text)?, 0),
            Self::HoursAndMinutes if text.len() <= 4 => {
                let number = digits(text)?;
                clock(number / 100, number % 100)
            }
            Self::Colons => {
                let hour = text.iter().position(|&byte| byte == b':')?;
                if matches!(text, b"24:00" | b"24:00:00") {
                    return Some(DAY);
                }
                let padding = if hour == 1 { b"0".as_slice() } else { b"" };
                iso_micros(&[b"1970-01-01T", padding, text].concat())
            }
            Self::Hours | Self::HoursAndMinutes => None,
        }
    }
}

fn clock(hours: i64, minutes: i64) -> Option<i64> {
    ((hours < 24 && minutes < 60) || (hours, minutes) == (24, 0)).then(|| (hours * 60 + minutes) * MINUTE)
}

/// What is wrong with a text that is no time of day.
pub fn no_clock(text: &[u8]) -> String {
    format!(
        "the time of day is {:?}, expected one as in the other rows, from 0:00 to 24:00",
        String::from_utf8_lossy(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&str]) -> Option<(Clock, i64)> {
        let clock = Clock::of_sample(texts.iter().map(|text| text.as_bytes()))?;
        Some((clock, clock.micros(texts.last()?.as_bytes())? / MINUTE))
    }

    #[test]
    fn times_of_day_of_every_spelling() {
        assert_eq!(found(&["0", "06", "23"]), Some((Clock::Hours, 23 * 60)));
        assert_eq!(found(&["0", "30", "630"]), Some((Clock::HoursAndMinutes, 390)));
        assert_eq!(found(&["0000", "0630"]), Some((Clock::HoursAndMinutes, 390)));
        assert_eq!(found(&["0:00", "6:30"]), Some((Clock::Colons, 390)));
        assert_eq!(found(&["06:30:00Z"]), Some((Clock::Colons, 390)));
        assert_eq!(found(&["1", "24"]), Some((Clock::Hours, 1440)));
        assert_eq!(found(&["0100", "2400"]), Some((Clock::HoursAndMinutes, 1440)));
        assert_eq!(found(&["24:00:00"]), Some((Clock::Colons, 1440)));
        for none in [
            &[""][..],
            &["25"],
            &["24:01"],
            &["2401"],
            &["2017-01-01 00:00"],
            &["25:00"],
            &["6", "6:30"],
            &["1483228800"],
        ] {
            assert_eq!(found(none), None, "{none:?}");
        }
    }
}
