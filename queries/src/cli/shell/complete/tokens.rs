//! In: SQL that may end anywhere; out: its words, quoted names, texts and signs, with their places.
//!
//! The engine's own tokenizer refuses a text with an open quote, which is where a completion may be wanted.

/// A piece of a text, without blanks.
#[derive(Debug)]
pub struct Token<'a> {
    /// As it is written.
    pub text: &'a str,
    /// The byte where it begins.
    pub start: usize,
    pub class: Class,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A name, a keyword or a number.
    Word,
    /// A name in double quotes; open where the second quote is missing.
    Quoted { open: bool },
    /// A text in single quotes, or a comment.
    Text,
    /// Anything else, one character.
    Sign,
}

impl Token<'_> {
    /// The byte after its last.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether what is typed at that byte becomes a part of it.
    pub fn holds(&self, at: usize) -> bool {
        let goes_on = match self.class {
            Class::Word | Class::Quoted { open: true } => true,
            Class::Text => match self.text.as_bytes() {
                [b'\'', .., b'\''] | [b'/', b'*', .., b'*', b'/'] => false,
                _ => !self.text.ends_with('\n'),
            },
            Class::Quoted { open: false } | Class::Sign => false,
        };
        self.start < at && (at < self.end() || (at == self.end() && goes_on))
    }

    /// What it names, in lower case unless it is in quotes; none for a text or a sign.
    pub fn name(&self) -> Option<String> {
        match self.class {
            Class::Word => Some(self.text.to_lowercase()),
            Class::Quoted { .. } => Some(self.text.trim_matches('"').to_owned()),
            Class::Text | Class::Sign => None,
        }
    }
}

/// The tokens of a text.
pub fn of(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        // Bytes up to and with what ends the token.
        let through = |end: &str, from: usize| rest[from..].find(end).map(|at| from + at + end.len());
        let (class, length) = match first {
            blank if blank.is_whitespace() => {
                start += blank.len_utf8();
                continue;
            }
            '\'' => (Class::Text, through("'", 1).unwrap_or(rest.len())),
            '"' => {
                let end = through("\"", 1);
                (Class::Quoted { open: end.is_none() }, end.unwrap_or(rest.len()))
            }
            '-' if rest.starts_with("--") => (Class::Text, through("\n", 2).unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (Class::Text, through("*/", 2).unwrap_or(rest.len())),
            letter if is_word_character(letter) => {
                (Class::Word, rest.find(|c| !is_word_character(c)).unwrap_or(rest.len()))
            }
            sign => (Class::Sign, sign.len_utf8()),
        };
        tokens.push(Token { text: &rest[..length], start, class });
        start += length;
    }
    tokens
}

/// The name before the dot that ends at the byte `start`, if the tokens end in a name and that dot.
pub fn qualifier(before: &[&Token<'_>], start: usize) -> Option<String> {
    match before {
        [.., name, dot] if dot.text == "." && dot.end() == start && name.end() == dot.start => {
            // Not the dot of a number.
            name.name().filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()))
        }
        _ => None,
    }
}

/// Whether a character is a letter, a digit or `_`.
fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cover_all_but_blanks() {
        let text = "select s.\"El (m)\", 'it''s' -- done\n/* x */ from é where \"op";
        let tokens = of(text);
        let written: Vec<&str> = tokens.iter().map(|token| token.text).collect();
        let expected = [
            "select",
            "s",
            ".",
            "\"El (m)\"",
            ",",
            "'it'",
            "'s'",
            "-- done\n",
            "/* x */",
            "from",
            "é",
            "where",
            "\"op",
        ];
        assert_eq!(written, expected);
        for token in &tokens {
            assert_eq!(&text[token.start..token.end()], token.text);
        }
        assert_eq!(tokens.last().map(|token| token.class), Some(Class::Quoted { open: true }));
    }

    #[test]
    fn open_texts_and_comments_hold_what_follows() {
        for (text, holds) in [
            ("'a", true),
            ("'a'", false),
            ("-- a", true),
            ("-- a\n", false),
            ("/* a", true),
            ("/* a */", false),
        ] {
            assert_eq!(of(text)[0].holds(text.len()), holds, "{text}");
        }
        assert!(of("'")[0].holds(1), "a quote alone is open");
    }
}
