//! In: what is typed so far; out: whether it is complete, and how the word could go on.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use isd_queries::Session;
use isd_queries::named::Library;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Helper};

use super::command;

/// The keywords of queries; the parser knows hundreds more that would only be in the way.
const KEYWORDS: &str = "all and any as asc between by case cast cross current date desc describe distinct else end \
    except exists explain false filter first following from full group grouping having ilike in inner intersect \
    interval is join last lateral left like limit natural not null nulls offset on or order outer over partition \
    preceding qualify range recursive right rollup row rows select sets show tables then timestamp true unbounded \
    union unnest using values when where window with within";

/// Names that a word can be completed to, in lower case but for columns and tables that are not.
#[derive(Debug, Default)]
pub struct Words(BTreeSet<String>);

impl Words {
    /// Keywords, commands, and the names of tables, columns, functions and queries.
    pub fn of(session: &Session, library: &Library) -> Self {
        let mut words: BTreeSet<String> = KEYWORDS.split_whitespace().map(str::to_owned).collect();
        words.extend(command::NAMES.map(str::to_owned));
        for (table, columns) in session.tables() {
            words.insert(table.to_owned());
            words.extend(columns.iter().cloned());
        }
        words.extend(session.functions());
        words.extend(library.queries().iter().map(|query| format!("@{}", query.name)));
        Self(words)
    }

    /// What the word before the cursor could become, and where it starts.
    fn complete(&self, line: &str) -> (usize, Vec<String>) {
        let after = |found: Option<(usize, &str)>| found.map_or(0, |(at, c)| at + c.len());
        let word = after(line.rmatch_indices(|c: char| !(c.is_alphanumeric() || c == '_')).next());
        let blank = after(line.rmatch_indices(char::is_whitespace).next());
        let start = if line[blank..].starts_with('@') {
            // The names of queries have hyphens.
            blank
        } else if line.trim_start().starts_with('.') && line.trim_start().len() == line[word..].len() + 1 {
            // A dot at the start is that of a command; elsewhere it follows a table.
            word - 1
        } else {
            word
        };
        let typed = &line[start..];
        if typed.is_empty() {
            return (start, Vec::new());
        }
        let lower = typed.to_lowercase();
        let found = self.0.iter().filter(|word| word.to_lowercase().starts_with(&lower));
        (start, found.cloned().collect())
    }
}

/// Completion by Tab, and lines that go on until `;`.
#[derive(Debug)]
pub struct Complete(Words);

impl Complete {
    pub fn new(words: Words) -> Self {
        Self(words)
    }
}

impl Completer for Complete {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.0.complete(line.get(..at).unwrap_or(line)))
    }
}

impl Validator for Complete {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let complete = is_complete(context.input());
        Ok(if complete { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Hinter for Complete {
    type Hint = String;
}

impl Highlighter for Complete {}

impl Helper for Complete {}

/// Whether a text is a command, or SQL up to a `;` that is not within quotes or a comment.
fn is_complete(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() || text.starts_with(['.', '@']) {
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
        for text in
            ["select 1;", "select ';';", "select 1; -- done", ".tables", "@runs least=5", "", "select 1;\n"]
        {
            assert!(is_complete(text), "{text}");
        }
        for text in ["select 1", "select ';'", "select 'a;", "select 1 -- ;", "select /* ; "] {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn words_are_completed_wherever_they_stand() {
        let words =
            Words(["select", "station_id", "stations", ".schema", "@storms"].map(str::to_owned).into());
        let complete = |line: &str| words.complete(line);
        assert_eq!(complete("sel"), (0, vec!["select".to_owned()]));
        assert_eq!(complete("select STAT"), (7, vec!["station_id".to_owned(), "stations".to_owned()]));
        assert_eq!(complete("select o.station_"), (9, vec!["station_id".to_owned()]));
        assert_eq!(complete(".sch"), (0, vec![".schema".to_owned()]));
        assert_eq!(complete("@st"), (0, vec!["@storms".to_owned()]));
        assert_eq!(complete("where é=sel"), (9, vec!["select".to_owned()]));
        assert_eq!(complete("select "), (7, Vec::new()));
    }
}
