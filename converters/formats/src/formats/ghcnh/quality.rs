//! Quality control of GHCNh: a value's code and source in, the check that it failed out.
//!
//! GHCNh's own checks write letters, which changed between versions, three of them their meaning; anything else is a code of
//! the source, which is given by its number, and means something else in each source.

use crate::formats::text::digits;

/// Codes of sources by which failures are counted: digits and capital letters, each at its own place.
const CODES: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// Columns of a file of version 1.0, and of version 1.1.
const COLUMNS: [(usize, Letters); 2] = [(238, Letters::V1_0), (329, Letters::V1_1)];

/// Which letters GHCNh's own checks write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letters {
    /// Those of version 1.0, of both cases.
    V1_0,
    /// Those of version 1.1, lower-case ones.
    V1_1,
}

impl Letters {
    /// The letters of a file of so many columns. Where it is a selection of columns, `old_station`, whether the station is
    /// called `Station_ID` and not `STATION`, tells the versions apart.
    pub fn of_file(columns: usize, old_station: bool) -> Self {
        let known = COLUMNS.iter().find(|(count, _)| *count == columns).map(|(_, letters)| *letters);
        known.unwrap_or(if old_station { Self::V1_0 } else { Self::V1_1 })
    }

    /// Name of the check whose failure a letter says; `None` of information, and of what is no such letter.
    fn check(self, letter: u8) -> Option<&'static str> {
        match self {
            Self::V1_0 => Some(match letter {
                b'L' => "logic",
                b'o' => "isolated cluster",
                b'F' => "frequent value",
                b'U' => "diurnal cycle",
                b'D' => "distribution of months",
                b'd' => "distribution of values",
                b'W' => "world record",
                b'K' => "streak",
                b'x' => "excess of streaks",
                b'y' => "repeated day",
                b'C' => "climatology",
                b'T' => "time stamp",
                b'n' => "precision",
                b'S' => "spike",
                b'h' => "humidity",
                b'V' => "variance",
                b'w' => "wind",
                b'N' => "neighbours",
                b'E' => "clean-up",
                b'p' => "pressure",
                b'H' => "high flag rate",
                _ => return None,
            }),
            Self::V1_1 => Some(match letter {
                b'l' => "logic",
                b'o' => "isolated cluster",
                b'f' => "frequent value",
                b'u' => "diurnal cycle",
                b'd' => "distribution of months",
                b'b' => "distribution of values",
                b'r' => "world record",
                b'k' => "streak",
                b'x' => "excess of streaks",
                b'a' => "repeated day",
                b'c' => "climatology",
                b't' => "time stamp",
                b'i' => "precision",
                b's' => "spike",
                b'm' => "humidity",
                b'v' => "variance",
                b'p' => "pressure",
                b'w' => "wind",
                b'h' => "high flag rate",
                b'n' => "neighbours",
                b'e' => "clean-up",
                _ => return None,
            }),
        }
    }
}

/// What a variable is, as far as its codes depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// An amount of precipitation.
    Precipitation,
    /// Humidity or wet bulb temperature, derived from other variables.
    Derived,
    /// Anything else.
    Other,
}

/// What failed, of a value with that code: the name of GHCNh's check, or the code of the source; `None` of a value that
/// passed, or was not checked. A code of several characters fails where one of them does.
pub fn failed(code: &[u8], source: &[u8], checked: Checked, letters: Letters) -> Option<&'static str> {
    let source = Source::of(source);
    if let (Source::Isd, [b'A' | b'C' | b'I' | b'M' | b'P' | b'R' | b'U']) = (source, code) {
        // ISD's own: accepted, or replaced.
        return None;
    }
    code.iter().find_map(|&code| {
        let by_source = source.failing(checked).contains(&code);
        if by_source {
            let at = CODES.bytes().position(|other| other == code)?;
            return CODES.get(at..=at);
        }
        match (checked, code) {
            (Checked::Derived, b'o') => Some("out of range"),
            (Checked::Derived, b'f') => Some("flagged input"),
            _ => letters.check(code),
        }
    })
}

/// An archive that values come from, as far as its codes are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// One that has ISD's codes.
    Isd,
    /// 220 to 223, 347 and 348.
    TwoThreeFive,
    /// 345.
    OneThree,
    /// 382.
    Cooperative,
    Unknown,
}

impl Source {
    /// The source of a number. Parquet copies made by way of floating point have `343.0`.
    fn of(number: &[u8]) -> Self {
        match digits(number.strip_suffix(b".0").unwrap_or(number)) {
            Some(313..=315 | 322 | 335 | 343 | 344 | 346) => Self::Isd,
            Some(220..=223 | 347 | 348) => Self::TwoThreeFive,
            Some(345) => Self::OneThree,
            Some(382) => Self::Cooperative,
            _ => Self::Unknown,
        }
    }

    /// The source's own codes that mean failure.
    fn failing(self, checked: Checked) -> &'static [u8] {
        match self {
            Self::Isd => b"2367",
            Self::TwoThreeFive => b"235",
            Self::OneThree => b"13",
            Self::Cooperative if checked == Checked::Precipitation => b"XNYKGOZQD",
            Self::Cooperative | Self::Unknown => b"",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(letters: Letters, source: &str, checked: Checked) -> String {
        let codes = (b'0'..=b'9').chain(b'A'..=b'Z').chain(b'a'..=b'z');
        let failing = codes.filter(|code| failed(&[*code], source.as_bytes(), checked, letters).is_some());
        String::from_utf8(failing.collect()).unwrap()
    }

    #[test]
    fn letters_mean_what_their_version_says() {
        assert_eq!(failing(Letters::V1_0, "", Checked::Other), "CDEFHKLNSTUVWdhnopwxy");
        assert_eq!(failing(Letters::V1_1, "", Checked::Other), "abcdefhiklmnoprstuvwx");
        for (letter, old, new) in [
            (b'd', "distribution of values", "distribution of months"),
            (b'n', "precision", "neighbours"),
            (b'h', "humidity", "high flag rate"),
        ] {
            assert_eq!(failed(&[letter], b"", Checked::Other, Letters::V1_0), Some(old));
            assert_eq!(failed(&[letter], b"", Checked::Other, Letters::V1_1), Some(new));
        }
        assert_eq!(Letters::of_file(238, false), Letters::V1_0);
        assert_eq!(Letters::of_file(329, true), Letters::V1_1);
        assert_eq!(Letters::of_file(12, true), Letters::V1_0);
        assert_eq!(Letters::of_file(12, false), Letters::V1_1);
    }

    #[test]
    fn sources_of_isd_have_letters_of_their_own() {
        for source in ["313", "314", "315", "322", "335", "343", "344", "346", "343.0"] {
            assert_eq!(failing(Letters::V1_0, source, Checked::Other), "2367DEFHKLNSTVWdhnopwxy", "{source}");
            assert_eq!(failing(Letters::V1_1, source, Checked::Other), "2367abcdefhiklmnoprstuvwx");
            // A letter beside another code is GHCNh's.
            assert_eq!(failed(b"1C", source.as_bytes(), Checked::Other, Letters::V1_0), Some("climatology"));
        }
        assert_eq!(failed(b"C", b"220", Checked::Other, Letters::V1_0), Some("climatology"));
    }

    #[test]
    fn digits_mean_what_their_source_says() {
        let of_source =
            |source, checked| failing(Letters::V1_1, source, checked).replace("abcdefhiklmnoprstuvwx", "");
        for source in ["220", "221", "222", "223", "347", "348"] {
            assert_eq!(of_source(source, Checked::Other), "235", "{source}");
        }
        assert_eq!(of_source("345", Checked::Other), "13");
        assert_eq!(of_source("382", Checked::Precipitation), "DGKNOQXYZ");
        assert_eq!(failed(b"N", b"382", Checked::Precipitation, Letters::V1_0), Some("N"));
        for source in ["382", "393", "316", "219", "224", "", "x"] {
            assert_eq!(of_source(source, Checked::Other), "", "{source}");
        }
    }

    #[test]
    fn derived_variables_have_meanings_of_their_own() {
        for letters in [Letters::V1_0, Letters::V1_1] {
            assert_eq!(failed(b"o", b"", Checked::Derived, letters), Some("out of range"));
            assert_eq!(failed(b"f", b"343", Checked::Derived, letters), Some("flagged input"));
        }
        assert_eq!(failed(b"o", b"", Checked::Other, Letters::V1_1), Some("isolated cluster"));
    }

    #[test]
    fn codes_of_several_characters() {
        assert_eq!(failed(b"5f", b"343", Checked::Other, Letters::V1_1), Some("frequent value"));
        assert_eq!(failed(b"2.0", b"343.0", Checked::Other, Letters::V1_1), Some("2"));
        assert_eq!(failed(b"1;", b"223", Checked::Other, Letters::V1_1), None);
    }
}
