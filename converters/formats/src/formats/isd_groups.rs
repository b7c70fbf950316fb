//! What raw ISD records and Global Hourly CSV have in common: numbers with quality codes in, the values of an
//! observation out, and counts of what was left out of it.
//!
//! Codes: Federal Climate Complex Data Documentation for Integrated Surface Data (NCEI, 2018).

use crate::formats::text::Rows;
use crate::{MEASUREMENTS, Quality};

/// Indexes of [`MEASUREMENTS`].
pub const AIR_TEMPERATURE: usize = 0;
pub const DEW_POINT_TEMPERATURE: usize = 1;
pub const SEA_LEVEL_PRESSURE: usize = 2;
pub const WIND_DIRECTION: usize = 3;
pub const WIND_SPEED_RATE: usize = 4;
pub const SKY_CONDITION: usize = 5;
pub const LIQUID_PRECIPITATION_1H: usize = 6;
pub const LIQUID_PRECIPITATION_6H: usize = 7;

/// What USAF and WBAN are in reports of stations without a number, of which there may be many.
pub const NO_STATION: &[u8] = b"99999999999";
/// What such reports are counted as.
pub const UNNUMBERED: &str = "reports without a station number";

/// What a report is counted as that is a summary and no observation; `None` of an observation.
///
/// Summaries repeat extremes and sums of a day or month under the time of its end.
#[must_use]
pub fn summary(report_type: &[u8]) -> Option<&'static str> {
    match report_type.trim_ascii() {
        b"SOD" => Some("summaries of a day (SOD)"),
        b"COOPD" => Some("summaries of a day (COOPD)"),
        b"SOM" => Some("summaries of a month (SOM)"),
        _ => None,
    }
}

/// The values of one observation while they are taken from a record.
#[derive(Debug)]
pub struct Observation {
    /// By [`MEASUREMENTS`], NaN where missing.
    pub values: [f64; MEASUREMENTS.len()],
    quality: Quality,
}

impl Observation {
    /// An observation without values, whose values that failed quality control are dropped or kept as `quality` says.
    #[must_use]
    pub fn new(quality: Quality) -> Self {
        Self { values: [f64::NAN; MEASUREMENTS.len()], quality }
    }

    /// Takes a value as stored (tenths or whole units; `None` where missing), or counts it where it failed quality
    /// control: codes 2 and 6 mark suspect, 3 and 7 erroneous values. All others passed, were corrected, or were never
    /// checked.
    ///
    /// A value that is there already stays.
    #[inline]
    pub fn take(&mut self, column: usize, stored: Option<i64>, code: u8, rows: &mut Rows) {
        let (Some(stored), Some(measurement)) = (stored, MEASUREMENTS.get(column)) else { return };
        let Some(value) = self.values.get_mut(column).filter(|value| value.is_nan()) else { return };
        if self.quality == Quality::Drop && matches!(code, b'2' | b'3' | b'6' | b'7') {
            rows.reject(measurement.name, char::from(code).encode_utf8(&mut [0; 4]));
            return;
        }
        *value = if measurement.isd_decimals == 1 { stored as f64 / 10.0 } else { stored as f64 };
    }

    /// Takes direction (`None` where missing or variable) and speed (tenths), each with its quality code.
    ///
    /// In calm air the direction is 0, as in ISD-Lite: where the type code says `C`, or nothing (`9`), and the speed is
    /// 0. Where the speed is missing, `C` does not mean calm: reports without any wind have it.
    pub fn wind(
        &mut self,
        (direction, direction_code): (Option<i64>, u8),
        kind: u8,
        (speed, speed_code): (Option<i64>, u8),
        rows: &mut Rows,
    ) {
        self.take(WIND_SPEED_RATE, speed, speed_code, rows);
        let calm = matches!(kind, b'C' | b'9') && self.values[WIND_SPEED_RATE] == 0.0;
        match direction {
            None if calm => self.values[WIND_DIRECTION] = 0.0,
            direction => self.take(WIND_DIRECTION, direction, direction_code, rows),
        }
    }

    /// Takes the liquid precipitation of one group `AA1` to `AA4`: hours and depth in tenths (`None` where missing), and
    /// the codes of condition and quality.
    ///
    /// Amounts of 1 and of 6 hours are measurements, the first of several groups with a value counts; other periods
    /// are not taken. Under condition 2, a trace too small to measure, the amount is 0, and counted.
    pub fn precipitation(
        &mut self,
        hours: Option<i64>,
        depth: Option<i64>,
        condition: u8,
        code: u8,
        rows: &mut Rows,
    ) {
        let column = match hours {
            Some(1) => LIQUID_PRECIPITATION_1H,
            Some(6) => LIQUID_PRECIPITATION_6H,
            _ => return,
        };
        let known = !self.values[column].is_nan();
        let trace = condition == b'2' && depth.is_none_or(|depth| depth == 0);
        self.take(column, if trace { Some(0) } else { depth }, code, rows);
        if trace && !known && self.values[column] == 0.0 {
            rows.trace(MEASUREMENTS[column].name);
        }
    }
}

/// `USAF-WBAN`, in `text`: both padded with zeros at the front to 6 and 5 characters. `None` where one is empty, longer, or
/// has other characters than digits and capital letters.
#[inline]
pub fn station_id<'a>(usaf: &[u8], wban: &[u8], text: &'a mut [u8; 12]) -> Option<&'a str> {
    text[6] = b'-';
    (pad(&mut text[..6], usaf) && pad(&mut text[7..], wban)).then(|| str::from_utf8(text).ok())?
}

/// Fills `out` with an identifier and zeros before it; `false` where it is empty, longer, or has other characters than
/// digits and capital letters.
#[inline]
pub fn pad(out: &mut [u8], field: &[u8]) -> bool {
    let valid = !field.is_empty() && field.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let Some(zeros) = out.len().checked_sub(field.len()).filter(|_| valid) else { return false };
    let (zeros, rest) = out.split_at_mut(zeros);
    zeros.fill(b'0');
    rest.copy_from_slice(field);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_those_of_the_measurements() {
        for (index, name) in [
            (AIR_TEMPERATURE, "air_temperature"),
            (DEW_POINT_TEMPERATURE, "dew_point_temperature"),
            (SEA_LEVEL_PRESSURE, "sea_level_pressure"),
            (WIND_DIRECTION, "wind_direction"),
            (WIND_SPEED_RATE, "wind_speed_rate"),
            (SKY_CONDITION, "sky_condition"),
            (LIQUID_PRECIPITATION_1H, "liquid_precipitation_1h"),
            (LIQUID_PRECIPITATION_6H, "liquid_precipitation_6h"),
        ] {
            assert_eq!(MEASUREMENTS[index].name, name);
        }
    }
}
