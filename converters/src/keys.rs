//! Keys that are none: the text of a key in, whether it only says that there is none out.

/// What other software writes for a value that is not there.
const NOTHING: [&str; 9] = ["nan", "na", "n/a", "none", "null", "nil", "nat", "<na>", "#n/a"];

/// Whether a text that should be a key, such as a station's name, says that there is none: it is blank, or what pandas,
/// R, SQL and spreadsheets write for a missing value, in capitals or not.
#[must_use]
pub fn is_missing(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    text.is_empty() || NOTHING.iter().any(|nothing| text.eq_ignore_ascii_case(nothing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_none() {
        for none in ["", "  ", "\0\0", "nan", "NaN", "NA", "n/a", "None", " null ", "NaT", "<NA>"] {
            assert!(is_missing(none), "{none:?}");
        }
        for station in ["0", "NAN1", "NANTES", "725300-94846", "NONE-1", "-"] {
            assert!(!is_missing(station), "{station}");
        }
    }
}
