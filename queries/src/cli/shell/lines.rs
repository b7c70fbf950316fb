//! In: the lines of a plain terminal; out: commands and statements, over as many lines as they take.

use std::io::{self, BufRead, Write};

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::command::is_word;
use crate::cli::interrupt::Interrupt;

/// What asks for a statement or a command.
pub const PROMPT: &str = "isd> ";
/// What asks for the next line of a statement.
pub const CONTINUED: &str = "...> ";

/// Asks for the next command or statement; none at the end of the input (Ctrl-D). Ctrl-C drops what was begun.
/// Errors: standard input cannot be read, or standard error not be written.
pub fn next(interrupt: &Interrupt) -> io::Result<Option<String>> {
    let mut text = String::new();
    loop {
        interrupt.take();
        let prompt = if text.is_empty() { PROMPT } else { CONTINUED };
        write!(io::stderr(), "{prompt}")?;
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            writeln!(io::stderr())?;
            // The text is empty or a statement without its end, which nobody asked to run.
            return Ok(None);
        }
        if interrupt.take() {
            text.clear();
        }
        text.push_str(&line);
        if text.trim().is_empty() {
            text.clear();
        } else if is_complete(&text) {
            return Ok(Some(text.trim().to_owned()));
        }
    }
}

/// Whether a text is a command, or SQL up to a `;` that is not within quotes or a comment.
pub fn is_complete(text: &str) -> bool {
    let text = text.trim();
    if text.starts_with(['.', '@']) || is_word(text) {
        return true;
    }
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, text).tokenize() else {
        // An open quote or comment.
        return false;
    };
    let last = tokens.iter().rev().find(|token| !matches!(token, Token::Whitespace(_)));
    last == Some(&Token::SemiColon)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_goes_on_until_its_semicolon() {
        for text in [
            "select 1;",
            "select ';';",
            "select 1; -- done",
            ".tables",
            "@runs least=5",
            "select 1;\n",
            "exit",
            "\\q",
        ] {
            assert!(is_complete(text), "{text}");
        }
        for text in ["select 1", "select ';'", "select 'a;", "select 1 -- ;", "select /* ; "] {
            assert!(!is_complete(text), "{text}");
        }
    }
}
