//! The station of a row: a text in, the station that it names out, or that it names none.

use crate::formats::text::shown;

/// What programs write where a station is missing, whatever the case of the letters: data frames, databases, and ISD.
const MISSING: [&str; 13] =
    ["", "nan", "na", "n/a", "<na>", "none", "null", "nat", "nil", "\\n", "-", "-9999", "-9999.0"];
/// Bytes of the longest of them.
const LONGEST_MISSING: usize = 7;

/// Whether a text says that a key is missing: it is blank, or `nan`, `NA`, `N/A`, `<NA>`, `None`, `null`, `NaT`, `nil`,
/// `\N`, `-`, `-9999` or `-9999.0`.
#[must_use]
pub fn is_missing(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.len() <= LONGEST_MISSING
        && MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing.as_bytes()))
}

/// The station of a row, without blanks around it.
///
/// # Errors
/// A text that says that the station is missing, that is not UTF-8, or that holds a control character.
pub fn station(text: &[u8]) -> Result<&str, String> {
    let refused = |text: &[u8], expected: &str| format!("has the station_id {}, {expected}", shown(text));
    // Characters such as the no-break space are blanks, too.
    let text = match str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => return Err(refused(text.trim_ascii(), "expected text in UTF-8")),
    };
    if is_missing(text) {
        return Err(match text {
            [] => "has no station_id, expected a station in every row".to_owned(),
            text => refused(text, "which says that there is none; expected a station in every row"),
        });
    }
    match str::from_utf8(text) {
        Ok(text) if !text.contains(char::is_control) => Ok(text),
        _ => Err(refused(text, "expected text without control characters")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_stations_are_none() {
        for text in [
            "", " ", "nan", "NaN", "NA", "N/A", "<NA>", "None", "null", "NULL", "NaT", " nan ", "\u{a0}",
            "\t", "-9999", "-9999.0", "-", "\\N",
        ] {
            assert!(station(text.as_bytes()).is_err(), "{text}");
        }
        assert!(station(b"nan").unwrap_err().contains("\"nan\""));
        assert!(station(b"\xff").is_err());
        for text in ["\0", "a\u{1}b", "\u{1b}[31mA", "a\tb", "\u{85}x\u{7f}"] {
            assert!(station(text.as_bytes()).unwrap_err().contains("control characters"), "{text:?}");
        }
        for text in ["0", "9999", "-1", "NAN1", "725300-94846", "Nancy", "non", "Čáslav"] {
            assert_eq!(station(format!(" {text} ").as_bytes()).unwrap(), text);
        }
    }
}
