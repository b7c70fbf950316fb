//! In: a line that begins with a dot or `@`; out: the command that it is.

use std::path::PathBuf;

use isd_queries::output::Format;

use crate::cli::arguments::{Rows, rows};

/// What `.help` prints.
pub const HELP: &str = "\
.tables            the tables and their columns
.schema [TABLE]    the columns of a table, or of all, with their types
.queries           the named queries; @NAME param=value … runs one
.mode [FORMAT]     table, csv, tsv, json, ndjson, markdown or latex
.rows [N|all]      how many rows of a result are shown; without a number as many as fit
.output [FILE]     write all results to a file, by its extension; without FILE to the screen again
.read FILE         run the SQL in a file
.save FILE         write the views that were made to a file; .open FILE makes them again
.timing [on|off]   say how many rows there were, and how long it took
.help              this text; so do help and \\?
.quit              leave; so do exit, quit, \\q and Ctrl-D
Anything else is SQL, over as many lines as it takes, up to a `;`. Ctrl-C stops a query, or drops what was typed.
Tab completes names, commands and keywords; the arrow keys bring back what was typed before, Ctrl-R searches it.
";

/// Names of the commands.
pub const NAMES: [&str; 12] = [
    ".help", ".mode", ".open", ".output", ".queries", ".quit", ".read", ".rows", ".save", ".schema",
    ".tables", ".timing",
];

/// Whether a text is a word that other prompts know, such as `exit`, in place of a command.
pub fn is_word(text: &str) -> bool {
    let text = text.trim().trim_end_matches(';').trim_end();
    text.starts_with('\\') || ["help", "exit", "quit", "?"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A command of the shell.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Tables,
    Schema(Option<String>),
    Queries,
    Timing(Option<bool>),
    Mode(Option<Format>),
    Rows(Rows),
    Output(Option<PathBuf>),
    Save(PathBuf),
    Read(PathBuf),
    Named { name: String, params: Vec<(String, String)> },
    Quit,
}

impl Command {
    /// The command in a text; none where the text is SQL. Errors: a sentence that says what is wrong with the command.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let text = text.trim().trim_end_matches(';').trim_end();
        if let Some(named) = text.strip_prefix('@') {
            return Self::named(named).map(Some);
        }
        if is_word(text) {
            return match text.to_ascii_lowercase().as_str() {
                "help" | "?" | "\\?" | "\\h" => Ok(Some(Self::Help)),
                "exit" | "quit" | "\\q" => Ok(Some(Self::Quit)),
                "\\d" | "\\dt" => Ok(Some(Self::Tables)),
                unknown => Err(format!("there is no command `{unknown}`")),
            };
        }
        if !text.starts_with('.') {
            return Ok(None);
        }
        let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let argument = Some(argument.trim()).filter(|argument| !argument.is_empty());
        let command = match (name, argument) {
            (".help", None) => Self::Help,
            (".tables", None) => Self::Tables,
            (".schema", table) => Self::Schema(table.map(str::to_owned)),
            (".queries", None) => Self::Queries,
            (".timing", None) => Self::Timing(None),
            (".timing", Some("on")) => Self::Timing(Some(true)),
            (".timing", Some("off")) => Self::Timing(Some(false)),
            (".timing", Some(_)) => return Err(".timing is on or off".into()),
            (".mode", None) => Self::Mode(None),
            (".mode", Some(format)) => match Format::named(format) {
                Some(format) => Self::Mode(Some(format)),
                None => return Err(format!("there is no mode `{format}`")),
            },
            (".rows", None) => Self::Rows(Rows::Fitting),
            (".rows", Some(text)) => Self::Rows(rows(text)?),
            (".save", Some(path)) => Self::Save(path.into()),
            (".output", path) => Self::Output(path.map(PathBuf::from)),
            (".read" | ".open", Some(path)) => Self::Read(path.into()),
            (".read" | ".open" | ".save", None) => return Err(format!("{name} needs a file")),
            (".quit" | ".exit", None) => Self::Quit,
            (known, Some(_)) if NAMES.contains(&known) => return Err(format!("{known} takes nothing")),
            (unknown, _) => return Err(format!("there is no command `{unknown}`")),
        };
        Ok(Some(command))
    }

    /// The command in `top-stations n=5`, the text after an `@`.
    fn named(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let name = words.next().ok_or("@ needs the name of a query")?.to_owned();
        let params = words.map(|word| match word.split_once('=') {
            Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
            None => Err(format!("`{word}` is no parameter=value")),
        });
        Ok(Self::Named { name, params: params.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_sql() {
        assert_eq!(Command::parse("select 1;"), Ok(None));
        assert_eq!(Command::parse(".5 + 1"), Err("there is no command `.5`".into()));
        assert_eq!(Command::parse(".tables;"), Ok(Some(Command::Tables)));
        assert_eq!(Command::parse(".schema  outliers"), Ok(Some(Command::Schema(Some("outliers".into())))));
        assert_eq!(Command::parse(".mode csv"), Ok(Some(Command::Mode(Some(Format::Csv)))));
        assert_eq!(Command::parse(".output a b.csv"), Ok(Some(Command::Output(Some("a b.csv".into())))));
        assert_eq!(Command::parse(".rows all"), Ok(Some(Command::Rows(Rows::All))));
        assert_eq!(Command::parse(".rows 7"), Ok(Some(Command::Rows(Rows::First(7)))));
        for (word, command) in [
            ("exit;", Command::Quit),
            ("QUIT", Command::Quit),
            ("\\q", Command::Quit),
            ("help", Command::Help),
        ] {
            assert_eq!(Command::parse(word), Ok(Some(command)), "{word}");
        }
        assert!(Command::parse("\\x").is_err() && Command::parse(".rows 0").is_err());
        assert!(Command::parse(".mode xml").is_err());
        assert!(Command::parse(".tables x").is_err());
        let params = vec![("n".to_owned(), "5".to_owned())];
        assert_eq!(Command::parse("@top n=5;"), Ok(Some(Command::Named { name: "top".into(), params })));
        assert!(Command::parse("@top 5").is_err());
    }

    #[test]
    fn help_names_every_command() {
        for name in NAMES {
            assert!(HELP.contains(name), "{name}");
        }
    }
}
