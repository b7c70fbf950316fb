//! In: the words of the command line and standard input; out: which of them are tables and what the SQL is.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use isd_queries::named::NamedQueries;
use isd_queries::{Error, Session};
use isd_stores::is_address;

use super::Stop;
use super::arguments::Arguments;

const EXAMPLE: &str = "isd-query TABLE \"select count(*) from outliers\"";

/// The statements to run, and their tables.
#[derive(Debug)]
pub struct Input {
    /// Paths, with names where the user gave them.
    pub tables: Vec<(Option<String>, PathBuf)>,
    text: Text,
}

/// What the command line gives to run.
#[derive(Debug)]
enum Text {
    /// Statements.
    Sql(String),
    /// The name of a query.
    Named(String),
    /// Nothing: on a terminal it is asked for.
    Ask,
}

impl Input {
    /// Tells tables from SQL: a word that is a file or an address is a table; another one with blanks, brackets or `;` is SQL. Reads the SQL from
    /// a file or standard input where the command line does not hold it.
    /// Errors: words after the SQL, SQL given twice, none or that cannot be read, and parameters without a named query.
    pub fn from_arguments(arguments: &Arguments) -> Result<Self, Stop> {
        let mut tables: Vec<(Option<String>, PathBuf)> =
            arguments.tables.iter().map(|(name, path)| (Some(name.clone()), path.into())).collect();
        let mut words = arguments.words.iter();
        let mut text = None;
        for word in words.by_ref() {
            let path = Path::new(word);
            if is_address(path) || path.exists() || !(word.starts_with('@') || is_sql(word)) {
                tables.push((None, word.into()));
                continue;
            }
            text = Some(match word.strip_prefix('@') {
                Some(name) => Text::Named(name.to_owned()),
                None => Text::Sql(word.clone()),
            });
            break;
        }
        if let Some(extra) = words.next() {
            return Err(Stop::usage(format!("`{extra}` comes after the SQL"), "tables come first, then SQL"));
        }
        let text = match (text, &arguments.file) {
            (Some(_), Some(_)) => {
                return Err(Stop::usage("SQL is given twice, in words and by --file", "leave one out"));
            }
            (Some(text), None) => text,
            (None, Some(path)) => Text::Sql(read_file(path)?),
            (None, None) if io::stdin().is_terminal() => Text::Ask,
            (None, None) if tables.iter().any(|(_, path)| path == Path::new("-")) => {
                return Err(Stop::usage(
                    "standard input is a table, so that no SQL can come from it",
                    EXAMPLE,
                ));
            }
            (None, None) => Text::Sql(read_stdin()?),
        };
        if !arguments.params.is_empty() && !matches!(text, Text::Named(_)) {
            return Err(Stop::usage("--param is for named queries", "isd-query --list shows them"));
        }
        match &text {
            Text::Sql(sql) if sql.trim().is_empty() => Err(Stop::usage("the SQL is empty", EXAMPLE)),
            _ => Ok(Self { tables, text }),
        }
    }

    /// The SQL, with the values of its parameters; none where it is to be asked for.
    /// Errors: [`Error::Parameter`] for a query that is not there, and for a value that is missing or does not fit.
    pub async fn statements(
        &self,
        session: &Session,
        named_queries: &NamedQueries,
        params: &[(String, String)],
    ) -> Result<Option<String>, Error> {
        match &self.text {
            Text::Sql(sql) => named_queries.expand(sql).map(Some),
            Text::Named(name) => {
                let query = named_queries.find(name)?;
                query.bind(&session.complete(query, params).await?).map(Some)
            }
            Text::Ask => Ok(None),
        }
    }
}

fn is_sql(word: &str) -> bool {
    word.trim().is_empty() || word.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ';'))
}

/// The text of a file with SQL. Errors: [`Error::File`] when it cannot be read as UTF-8.
pub fn read_file(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        action: "cannot read SQL",
        source,
    })
}

fn read_stdin() -> Result<String, Stop> {
    let mut sql = String::new();
    match io::stdin().read_to_string(&mut sql) {
        Ok(_) => Ok(sql),
        Err(error) => Err(Stop::usage(
            format!("cannot read SQL from standard input: {error}"),
            "give SQL as UTF-8 text",
        )),
    }
}
