//! Quality control of GHCNh: a value's code and source in, whether it failed out.

use crate::formats::text::digits;

/// Whether a value with that code failed quality control.
///
/// A lower-case letter is the result of GHCNh's own checks; anything else is a code of the source, which is given by its
/// number, and means something else in each source. A code of several characters fails where one of them does.
pub fn failed(code: &[u8], source: &[u8], precipitation: bool) -> bool {
    code.iter().any(|&code| {
        matches!(code, b'a'..=b'f' | b'h' | b'i' | b'k'..=b'p' | b'r'..=b'x' | b'z')
            || failed_by_source(source_number(source), precipitation).contains(&code)
    })
}

/// The codes of a source that mean failure.
fn failed_by_source(source: Option<i64>, precipitation: bool) -> &'static [u8] {
    match source {
        Some(313..=315 | 322 | 335 | 343 | 344 | 346) => b"2367",
        Some(220..=223 | 347 | 348) => b"235",
        Some(345) => b"13",
        Some(382) if precipitation => b"XNYKGOZ",
        _ => b"",
    }
}

/// The number of a source; `None` where there is none. Parquet copies made by way of floating point have `343.0`.
fn source_number(source: &[u8]) -> Option<i64> {
    digits(source.strip_suffix(b".0").unwrap_or(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_fail_whatever_the_source() {
        let failing: Vec<u8> = (b'a'..=b'z').filter(|letter| failed(&[*letter], b"", false)).collect();
        assert_eq!(failing, b"abcdefhiklmnoprstuvwxz");
        assert!(failed(b"w", b"314", false));
        assert!(!failed(b"A", b"343", false));
    }

    #[test]
    fn digits_mean_what_their_source_says() {
        let failing = |source: &str, precipitation| {
            let codes: Vec<u8> = (b'0'..=b'9').chain(b'A'..=b'Z').collect();
            let failing = codes.into_iter().filter(|c| failed(&[*c], source.as_bytes(), precipitation));
            String::from_utf8(failing.collect()).unwrap()
        };
        for source in ["313", "314", "315", "322", "335", "343", "344", "346", "343.0"] {
            assert_eq!(failing(source, true), "2367", "{source}");
        }
        for source in ["220", "221", "222", "223", "347", "348"] {
            assert_eq!(failing(source, false), "235", "{source}");
        }
        assert_eq!(failing("345", false), "13");
        assert_eq!(failing("382", true), "GKNOXYZ");
        for source in ["382", "393", "316", "219", "224", "", "x"] {
            assert_eq!(failing(source, false), "", "{source}");
        }
    }

    #[test]
    fn codes_of_several_characters() {
        assert!(failed(b"5f", b"343", false));
        assert!(failed(b"2.0", b"343.0", false));
        assert!(!failed(b"1;", b"223", false));
    }
}
