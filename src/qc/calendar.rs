//! When an observation was made, as the tests need it: times in microseconds in, days, hours and months out.

/// Microseconds of an hour.
pub const HOUR: i64 = 3_600_000_000;
/// Hours of the day of the twelve calendar months.
pub const HOURS_OF_MONTHS: usize = 12 * 24;
/// Microseconds of a day.
pub const DAY: i64 = 24 * HOUR;

/// The date and hour of an observation, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Days since 1970-01-01.
    pub day: i32,
    /// Minute of the day.
    pub minute: u16,
    /// Calendar month, 0 for January.
    pub month: u8,
    /// Day of the month, 1 for the first.
    pub day_of_month: u8,
    /// Year of the Gregorian calendar.
    pub year: i32,
}

impl Moment {
    /// Hour of the day, 0 to 23.
    #[must_use]
    pub fn hour(&self) -> usize {
        usize::from(self.minute / 60)
    }

    /// Calendar month and hour of the day as one number below [`HOURS_OF_MONTHS`], month by month.
    #[must_use]
    pub fn hour_of_month(&self) -> u16 {
        u16::from(self.month) * 24 + self.minute / 60
    }

    /// Months since the year 0: one number for each month of each year.
    #[must_use]
    pub fn month_of_record(&self) -> i32 {
        self.year * 12 + i32::from(self.month)
    }
}

/// The moments of ascending times, in microseconds since 1970.
#[must_use]
pub fn moments(times: &[i64]) -> Vec<Moment> {
    let mut last: Option<Moment> = None;
    let moment = |&time: &i64| {
        let day = time.div_euclid(DAY) as i32;
        let minute = (time.rem_euclid(DAY) / 60_000_000) as u16;
        let date = match last {
            Some(same) if same.day == day => same,
            _ => date(day),
        };
        let moment = Moment { minute, ..date };
        last = Some(moment);
        moment
    };
    times.iter().map(moment).collect()
}

/// The date of a day since 1970, at midnight. The algorithm counts in eras of 400 years that begin in March (Howard
/// Hinnant, `civil_from_days`).
fn date(day: i32) -> Moment {
    let shifted = i64::from(day) + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = (day_of_year - (153 * from_march + 2) / 5 + 1) as u8;
    let month = ((from_march + 2) % 12) as u8;
    let year = (year_of_era + era * 400) as i32 + i32::from(month < 2);
    Moment { day, minute: 0, month, day_of_month, year }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Datelike, Timelike};

    use super::*;

    #[test]
    fn moments_are_those_of_chrono() {
        let times: Vec<i64> = (-4000..9000).map(|n| n * 97 * HOUR + n * 60_000_000).collect();
        for (time, moment) in times.iter().zip(moments(&times)) {
            let expected = DateTime::from_timestamp_micros(*time).expect("a known year");
            assert_eq!(moment.year, expected.year());
            assert_eq!(u32::from(moment.month), expected.month0());
            assert_eq!(u32::from(moment.day_of_month), expected.day());
            assert_eq!(moment.hour() as u32, expected.hour());
            assert_eq!(u32::from(moment.minute) % 60, expected.minute());
        }
    }
}
