//! In: a pattern of times, as `to_char` takes it in most databases; out: the same pattern as `strftime` writes it.

/// Numbers in a pattern, in capital or small letters, longer ones before what they begin with; and what `strftime` writes.
const NUMBERS: [(&str, &str); 14] = [
    ("YYYY", "%Y"),
    ("IYYY", "%G"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("MI", "%M"),
    ("MS", "%3f"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%I"),
    ("SS", "%S"),
    ("US", "%6f"),
    ("IW", "%V"),
];

/// Names in a pattern, whose letters say how the name is written.
const NAMES: [(&str, &str); 10] = [
    ("FMMonth", "%B"),
    ("Month", "%B"),
    ("Mon", "%b"),
    ("FMDay", "%A"),
    ("Day", "%A"),
    ("Dy", "%a"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
];

/// Translates a pattern. Unlike there, a name such as `Month` is not filled up with blanks to the length of the longest.
///
/// # Errors
/// The letters that stand for nothing known.
pub(super) fn strftime_pattern(pattern: &str) -> Result<String, String> {
    let mut written = String::new();
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (literal, after) = quoted.split_once('"').unwrap_or((quoted, ""));
            written.push_str(literal);
            rest = after;
        } else if !next.is_alphanumeric() {
            written.push(next);
            rest = &rest[next.len_utf8()..];
        } else if let Some((known, meaning)) = known(rest) {
            written.push_str(meaning);
            rest = &rest[known.len()..];
        } else {
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            return Err(rest[..end].to_owned());
        }
    }
    Ok(written)
}

/// The pattern that a text begins with.
fn known(text: &str) -> Option<(&'static str, &'static str)> {
    let begins = |known: &str| text.starts_with(known);
    NAMES
        .into_iter()
        .find(|(name, _)| begins(name))
        .or_else(|| NUMBERS.into_iter().find(|(number, _)| begins(number) || begins(&number.to_lowercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_postgresql_are_read() {
        for (written, read) in [
            ("YYYY-MM-DD HH24:MI:SS", "%Y-%m-%d %H:%M:%S"),
            ("YYYY-MM-DD\"T\"HH24:MI\"Z\"", "%Y-%m-%dT%H:%MZ"),
            ("dd.mm.yy", "%d.%m.%y"),
            ("FMDay, DD Mon YYYY", "%A, %d %b %Y"),
            ("HH12 AM am", "%I %p %P"),
            ("DDD IYYY-IW", "%j %G-%V"),
            ("SS.MS US", "%S.%3f %6f"),
            ("", ""),
        ] {
            assert_eq!(strftime_pattern(written).as_deref(), Ok(read), "{written}");
        }
        assert_eq!(strftime_pattern("YYYY-Q"), Err("Q".into()));
        assert_eq!(strftime_pattern("week IW"), Err("week".into()));
        assert_eq!(strftime_pattern("FMMM"), Err("FMMM".into()));
        assert_eq!(strftime_pattern("MONTH"), Err("MONTH".into()));
        assert_eq!(strftime_pattern("\"open"), Ok("open".into()));
    }
}
