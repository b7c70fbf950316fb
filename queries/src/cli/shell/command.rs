//! In: a line that begins with a dot or `@`; out: the command that it is.

use std::path::PathBuf;

use isd_queries::output::Format;

/// What `.help` prints.
pub const HELP: &str = "\
.tables            the tables and their columns
.schema [TABLE]    the columns of a table, or of all, with their types
.queries           the named queries; @NAME param=value … runs one
.mode [FORMAT]     table, csv, tsv, json, ndjson or markdown
.output [FILE]     write results to a file, by its extension; without FILE to the screen again
.read FILE         run the SQL in a file
.timing [on|off]   say how many rows there were, and how long it took
.help              this text
.quit              leave; so does Ctrl-D
Anything else is SQL, over as many lines as it takes, up to a `;`. Ctrl-C stops a query, or drops what was typed.
Tab completes names, commands and keywords; the arrow keys bring back what was typed before, Ctrl-R searches it.
";

/// Names of the commands.
pub const NAMES: [&str; 9] =
    [".help", ".mode", ".output", ".queries", ".quit", ".read", ".schema", ".tables", ".timing"];

/// A command of the shell.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Tables,
    Schema(Option<String>),
    Queries,
    Timing(Option<bool>),
    Mode(Option<Format>),
    Output(Option<PathBuf>),
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
            (".output", path) => Self::Output(path.map(PathBuf::from)),
            (".read", Some(path)) => Self::Read(path.into()),
            (".read", None) => return Err(".read needs a file".into()),
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
