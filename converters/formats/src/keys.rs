//! The station of a row: a text in, the station that it names out, or that it names none.

use crate::formats::text::shown;

/// What programs write where a station is missing, whatever the case of the letters.
const MISSING: [&str; 9] = ["", "nan", "na", "n/a", "<na>", "none", "null", "nat", "nil"];

/// Whether a text says that a key is missing: it is blank, or `nan`, `NA`, `N/A`, `<NA>`, `None`, `null`, `NaT` or `nil`.
#[must_use]
pub fn is_missing(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    // Longer ones are most.
    text.len() <= 4 && MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing.as_bytes()))
}

/// The station of a row, without blanks around it.
///
/// # Errors
/// A text that says that the station is missing, or that is not UTF-8.
pub fn station(text: &[u8]) -> Result<&str, String> {
    let text = text.trim_ascii();
    if is_missing(text) {
        return Err(match text {
            [] => "has no station_id, expected a station in every row".to_owned(),
            text => format!(
                "has the station_id {}, which says that there is none; expected a station in every row",
                shown(text)
            ),
        });
    }
    str::from_utf8(text).map_err(|_| format!("has the station_id {}, expected text in UTF-8", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_stations_are_none() {
        for text in ["", " ", "nan", "NaN", "NA", "N/A", "<NA>", "None", "null", "NULL", "NaT", " nan "] {
            assert!(station(text.as_bytes()).is_err(), "{text}");
        }
        assert!(station(b"nan").unwrap_err().contains("\"nan\""));
        assert!(station(b"\xff").is_err());
        for text in ["0", "NAN1", "725300-94846", "Nancy", "non", "Čáslav"] {
            assert_eq!(station(format!(" {text} ").as_bytes()).unwrap(), text);
        }
    }
}
