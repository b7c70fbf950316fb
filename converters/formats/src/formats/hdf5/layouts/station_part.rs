//! Names of stations: a stored number or string in, the part of the name that it stands for out.

use std::sync::Arc;

use crate::formats::hdf5::library::Number;
use crate::keys;

/// Which part of a station's name a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StationPart {
    /// `station_usaf`: six digits, or letters and digits.
    Usaf,
    /// `station_wban`: five digits.
    Wban,
    /// `station_id`: the whole name, as the source has it.
    Id,
}

impl StationPart {
    /// Name of the column.
    pub fn column(self) -> &'static str {
        match self {
            Self::Usaf => "station_usaf",
            Self::Wban => "station_wban",
            Self::Id => "station_id",
        }
    }

    /// Digits to which a number is padded with zeros, and whether it may have more.
    fn digits(self) -> (usize, bool) {
        match self {
            Self::Usaf => (6, false),
            Self::Wban => (5, false),
            Self::Id => (6, true),
        }
    }

    /// The part that a number stands for, padded with zeros.
    ///
    /// # Errors
    /// What is wrong with a number that is negative, no integer or too large.
    pub fn of_number(self, number: Number) -> Result<Arc<str>, String> {
        let column = self.column();
        let (digits, longer) = self.digits();
        let expected = if longer { "a number from 0".into() } else { format!("at most {digits} digits") };
        let id = match number {
            Number::Int(v) => u64::try_from(v).ok(),
            float => {
                let v = float.to_f64();
                (v >= 0.0 && v.trunc() == v && v < 9.0e15).then_some(v as u64)
            }
        };
        let found = match number {
            Number::Int(v) => v.to_string(),
            float => float.to_f64().to_string(),
        };
        let id = id.ok_or_else(|| format!("{column} is {found}, expected {expected}"))?;
        if !longer && id >= 10_u64.pow(digits as u32) {
            return Err(format!("{column} is {found}, expected {expected}"));
        }
        Ok(format!("{id:0digits$}").into())
    }

    /// The part that a string holds, without its padding.
    ///
    /// # Errors
    /// What is wrong with a text that is blank, too long or has other characters than the part may have.
    pub fn of_text(self, text: &str) -> Result<Arc<str>, String> {
        let column = self.column();
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        let (digits, longer) = self.digits();
        if keys::is_missing(text.as_bytes()) {
            return Err(format!("{column} is {text:?}, which names no station"));
        }
        if text.chars().any(char::is_control) {
            return Err(format!("{column} is {text:?}, expected a station"));
        }
        if longer {
            return Ok(text.into());
        }
        if text.len() > digits || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("{column} is {text:?}, expected at most {digits} digits or letters"));
        }
        Ok(if text.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{text:0>digits$}").into()
        } else {
            text.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn station_parts() {
        let usaf = |number| StationPart::Usaf.of_number(number).map(|text| text.to_string());
        assert_eq!(usaf(Number::Int(10)).unwrap(), "000010");
        assert_eq!(usaf(Number::F64(999_999.0)).unwrap(), "999999");
        for bad in [Number::Int(-1), Number::Int(1_000_000), Number::F64(f64::NAN), Number::F64(1.5)] {
            assert!(usaf(bad).is_err(), "{bad:?}");
        }
        let text = |part: StationPart, text| part.of_text(text).map(|text| text.to_string());
        assert_eq!(text(StationPart::Usaf, "A00001").unwrap(), "A00001");
        assert_eq!(text(StationPart::Wban, " 123 ").unwrap(), "00123");
        assert_eq!(text(StationPart::Id, "KJFK \0").unwrap(), "KJFK");
        assert_eq!(text(StationPart::Id, "010010-99999").unwrap(), "010010-99999");
        assert_eq!(StationPart::Id.of_number(Number::Int(72_503_014_732)).unwrap().as_ref(), "72503014732");
        assert!(text(StationPart::Usaf, "1234567").is_err() && text(StationPart::Id, " ").is_err());
    }
}
