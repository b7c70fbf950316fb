//! In: what the SQL engine, a file or the output says went wrong; out: one line, and a hint where there is one.

use std::fmt;
use std::path::PathBuf;

use arrow::error::ArrowError;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::common::{Column, DataFusionError, Diagnostic, SchemaError};

/// Result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a table could not be opened, a statement not be run or a result not be written.
///
/// Every message is one line; [`Error::hint`] says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory that should be a table could not be read.
    #[error("{}: {found}", path.display())]
    Table {
        /// The file or directory.
        path: PathBuf,
        /// What was found and what was expected.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A statement is not valid SQL, or names what does not exist.
    #[error("SQL{}: {found}", position.map(|p| format!(" {p}")).unwrap_or_default())]
    Sql {
        /// Where in the statement, if the engine says.
        position: Option<Position>,
        /// What is wrong there.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A valid statement failed while it ran.
    #[error("{found}")]
    Run {
        /// What failed.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A result has a column that the output format cannot hold.
    #[error("column {column}: {found}")]
    Format {
        /// The column of the result.
        column: String,
        /// Why it does not fit.
        found: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The output could not be written.
    #[error("cannot write the result: {0}")]
    Output(#[from] std::io::Error),
    /// An output file could not be made.
    #[error("{}: {action}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file is no named query.
    #[error("{}: line {line}: {found}", path.display())]
    Query {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was found.
        found: String,
        /// How a named query begins.
        hint: &'static str,
    },
    /// A named query, or a parameter of one, is not there or has no value.
    #[error("@{query}: {found}")]
    Parameter {
        /// The query's name.
        query: String,
        /// What is wrong.
        found: String,
        /// What to do about it.
        hint: String,
    },
    /// The engine did not start, or a bug in it ended the statement.
    #[error("the SQL engine failed: {0}")]
    Engine(String),
}

/// A place in a statement; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The character within the line.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

impl Error {
    /// What the user can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Table { hint, .. }
            | Self::Sql { hint, .. }
            | Self::Run { hint, .. }
            | Self::Format { hint, .. } => hint.as_deref(),
            Self::Query { hint, .. } => Some(hint),
            Self::Parameter { hint, .. } => Some(hint),
            Self::Output(_) | Self::File { .. } | Self::Engine(_) => None,
        }
    }

    /// Whether the reader of the output went away, which is no failure.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// A table of a session, as far as an engine error can be explained with it.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    /// Its name in SQL.
    pub name: String,
    /// The file or directory.
    pub path: PathBuf,
    /// Names of the columns, in the order of the file.
    pub columns: Vec<String>,
}

/// What an engine error can be explained with: the tables of the session.
pub(crate) struct Known<'a>(pub &'a [Registered]);

impl Known<'_> {
    /// The engine's error in our words.
    pub(crate) fn explain(&self, error: &DataFusionError) -> Error {
        let position = error.diagnostic().and_then(position_of);
        match innermost(error) {
            DataFusionError::SchemaError(schema, _) => explain_schema(schema, position),
            DataFusionError::SQL(parser, _) => explain_syntax(&parser.to_string()),
            DataFusionError::Plan(text) => self.explain_plan(text, error.diagnostic(), position),
            DataFusionError::NotImplemented(text) => {
                Error::Sql { position, found: format!("not supported: {}", one_line(text)), hint: None }
            }
            DataFusionError::Internal(text) => {
                Error::Run { found: format!("the SQL engine failed: {}", one_line(text)), hint: None }
            }
            DataFusionError::ResourcesExhausted(text) => explain_exhausted(text),
            other => self.explain_data(other),
        }
    }

    fn explain_plan(&self, text: &str, diagnostic: Option<&Diagnostic>, position: Option<Position>) -> Error {
        if let Some(table) = text.strip_prefix("table '").and_then(|rest| rest.split_once("' not found")) {
            // The engine puts its catalog and schema before the name.
            let name = table.0.rsplit('.').next().unwrap_or(table.0);
            return Error::Sql {
                position,
                found: format!("there is no table `{name}`"),
                hint: Some(self.hint_table(name)),
            };
        }
        if let Some((found, suggestion)) = text.split_once(".\nDid you mean ") {
            // The engine always suggests something, near or not.
            let suggestion = suggestion.trim_matches(|c: char| !c.is_alphanumeric());
            let wanted = found.trim_end_matches('\'').rsplit('\'').next().unwrap_or_default();
            let near = nearest(wanted, &[suggestion]);
            return Error::Sql {
                position,
                found: lower_first(&one_line(found)),
                hint: Some(near.map_or_else(
                    || "`show functions` lists what there is".into(),
                    |near| format!("did you mean `{near}`?"),
                )),
            };
        }
        if let Some((_, call)) = text.split_once("No function matches the given name and argument types '")
            && let Some((call, rest)) = call.split_once('\'')
        {
            let candidates = rest.split_once("Candidate functions:").map(|(_, list)| one_line(list));
            return Error::Sql {
                position,
                found: format!("no function takes these arguments: {call}"),
                // Of a function that checks its arguments itself there is no list.
                hint: Some(match candidates.filter(|list| !list.contains("UserDefined")) {
                    Some(list) => format!("there is {list}; cast the arguments to such types"),
                    None => "DESCRIBE shows the types of a table's columns".into(),
                }),
            };
        }
        let help = diagnostic.and_then(|d| d.helps.first()).map(|help| lower_first(&one_line(&help.message)));
        Error::Sql { position, found: lower_first(&one_line(text)), hint: help }
    }

    fn hint_table(&self, wanted: &str) -> String {
        let names = self.0.iter().map(|t| t.name.as_str()).collect::<Vec<_>>();
        if let Some(exact) = names.iter().find(|name| name.eq_ignore_ascii_case(wanted) && **name != wanted) {
            return format!("write \"{exact}\", in double quotes");
        }
        let known = match (names.as_slice(), nearest(wanted, &names)) {
            ([], _) => "there are no tables".into(),
            ([only], _) => format!("the table is called `{only}`"),
            (names, Some(near)) => format!("did you mean `{near}`? tables: {}", names.join(", ")),
            (names, None) => format!("tables: {}", names.join(", ")),
        };
        match wanted {
            "stations" => format!("{known}; name NOAA's list too: isd-history.csv"),
            "observations" => format!("{known}; name the dataset too"),
            "outliers" if names.len() > 1 => format!("{known}; name the outliers file too"),
            _ => known,
        }
    }

    /// Failures while reading: those that lie in the data name the file.
    fn explain_data(&self, error: &DataFusionError) -> Error {
        let (found, in_data) = match error {
            DataFusionError::ArrowError(arrow, _) => (arrow.to_string(), arrow_blames_data(arrow)),
            DataFusionError::ParquetError(parquet) => (parquet.to_string(), true),
            DataFusionError::ObjectStore(store) => (store.to_string(), true),
            DataFusionError::IoError(io) => (io.to_string(), true),
            other => (other.message().into_owned(), false),
        };
        let found = one_line(&found);
        // Of several tables the engine does not say which one it was reading.
        match self.0 {
            [only] if in_data => Error::Table {
                path: only.path.clone(),
                found: explain_field(&found, &only.columns).unwrap_or(found),
                hint: Some("correct the file, or write it again".into()),
            },
            _ => Error::Run { found, hint: None },
        }
    }
}

/// Memory or room on disk ran out; the engine counts its own bytes and says which operator asked for them.
fn explain_exhausted(text: &str) -> Error {
    let text = one_line(text);
    if text.contains("disk") {
        let hint = Some("free disk space, set TMPDIR to another disk, or select fewer rows".into());
        return Error::Run { found: format!("no room for what memory does not hold: {text}"), hint };
    }
    Error::Run {
        found: format!("the query needs more memory than it may use: {text}"),
        hint: Some("raise --memory-limit, use fewer --threads, or select fewer columns or rows".into()),
    }
}

/// A field of a CSV file that is not of its column's type, told by line and column.
///
/// Arrow counts rows from 1 below the header, and columns from 0.
fn explain_field(found: &str, columns: &[String]) -> Option<String> {
    let text = found.strip_prefix("Parser error: ")?;
    let (before, after) = text.split_once(" at line ")?;
    let (what, index) = before.rsplit_once("column ")?;
    let column = columns.get(index.parse::<usize>().ok()?)?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    let line = digits.parse::<u64>().ok()?.checked_add(1)?;
    let problem = match what.strip_prefix("Error while parsing value '") {
        Some(value) => {
            let (value, expected) = value.split_once("' as type '")?;
            format!("found `{value}`, expected {}", expected.trim_end_matches("' for "))
        }
        None => after.split_once(": ")?.1.to_owned(),
    };
    Some(format!("line {line}, column {column}: {problem}"))
}

/// Whether an Arrow error lies in what was read rather than in what was asked of it.
fn arrow_blames_data(error: &ArrowError) -> bool {
    match error {
        ArrowError::CsvError(_)
        | ArrowError::JsonError(_)
        | ArrowError::IpcError(_)
        | ArrowError::IoError(..)
        | ArrowError::ParquetError(_) => true,
        // A cast in the statement is told from a CSV field by the line that only the latter has.
        ArrowError::ParseError(text) => text.contains(" at line "),
        ArrowError::ExternalError(source) => source
            .downcast_ref::<DataFusionError>()
            .is_some_and(|e| matches!(e, DataFusionError::ParquetError(_))),
        _ => false,
    }
}

/// The error under its contexts, notes and shared wrappers; of several, the first.
fn innermost(mut error: &DataFusionError) -> &DataFusionError {
    loop {
        error = match error {
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => inner,
            DataFusionError::Shared(inner) => inner,
            DataFusionError::Collection(errors) => match errors.first() {
                Some(first) => first,
                None => return error,
            },
            DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
                ArrowError::ExternalError(source) => match source.downcast_ref() {
                    Some(inner) => inner,
                    None => return error,
                },
                _ => return error,
            },
            DataFusionError::External(source) => match source.downcast_ref() {
                Some(inner) => inner,
                None => return error,
            },
            _ => return error,
        }
    }
}

fn position_of(diagnostic: &Diagnostic) -> Option<Position> {
    let start = diagnostic.span?.start;
    // Zero marks a span that the parser made up.
    (start.line > 0).then_some(Position { line: start.line, column: start.column })
}

fn explain_schema(error: &SchemaError, position: Option<Position>) -> Error {
    let (found, hint) = match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            (format!("there is no column `{}`", field.flat_name()), hint_columns(field, valid_fields))
        }
        SchemaError::AmbiguousReference { field } => (
            format!("column `{}` is in more than one table", field.name),
            Some(format!("name the table too: `table.{}`", field.name)),
        ),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => {
            (format!("two columns are called `{name}`"), Some(format!("rename one: `{name} AS …`")))
        }
    };
    Error::Sql { position, found, hint }
}

fn hint_columns(field: &Column, valid: &[Column]) -> Option<String> {
    if valid.is_empty() {
        return None;
    }
    // An upper-case name in a file needs quotes: unquoted names are folded to lower case.
    if let Some(exact) =
        valid.iter().find(|c| c.name != field.name && c.name.eq_ignore_ascii_case(&field.name))
    {
        return Some(format!("write \"{}\", in double quotes", exact.name));
    }
    let columns = valid.iter().map(|c| c.name.as_str()).collect::<Vec<_>>();
    let list = format!("columns: {}", columns.join(", "));
    Some(match nearest(&field.name, &columns) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    })
}

/// The candidate that the fewest edits lead to, if they are at most two fifths of the longer name.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    candidates
        .iter()
        .map(|candidate| (levenshtein(&wanted, &candidate.to_lowercase()), *candidate))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, candidate)| edits * 5 <= 2 * wanted.chars().count().max(candidate.chars().count()))
        .map(|(_, candidate)| candidate)
}

/// The parser ends its messages with ` at Line: 1, Column: 8`.
fn explain_syntax(text: &str) -> Error {
    let text = text.strip_prefix("sql parser error: ").unwrap_or(text);
    let (found, position) = match text.rsplit_once(" at Line: ") {
        Some((found, place)) => (found, parse_position(place)),
        None => (text, None),
    };
    Error::Sql { position, found: lower_first(&one_line(found)), hint: None }
}

fn parse_position(place: &str) -> Option<Position> {
    let (line, column) = place.split_once(", Column: ")?;
    let digits = column.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Position { line: line.parse().ok()?, column: digits.parse().ok()? })
}

/// Folds every run of white space, line breaks included, into one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while folded.ends_with('.') {
        folded.pop();
    }
    folded
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        // An upper-case word, such as SELECT, stays.
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().collect::<String>() + chars.as_str()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name_is_found_only_when_it_is_near() {
        let columns = ["station_id", "timestamp", "value", "zscore"];
        assert_eq!(nearest("valeu", &columns), Some("value"));
        assert_eq!(nearest("Stationid", &columns), Some("station_id"));
        assert_eq!(nearest("pressure", &columns), None);
        assert_eq!(nearest("x", &[]), None);
    }

    #[test]
    fn field_is_told_by_line_and_column() {
        let columns = ["station_id".to_owned(), "value".to_owned()];
        let number =
            "Parser error: Error while parsing value 'calm' as type 'Float64' for column 1 at line 2. Row";
        let expected = "line 3, column value: found `calm`, expected Float64";
        assert_eq!(explain_field(number, &columns).as_deref(), Some(expected));
        let time = "Parser error: Error parsing column 0 at line 7: error parsing date";
        let expected = "line 8, column station_id: error parsing date";
        assert_eq!(explain_field(time, &columns).as_deref(), Some(expected));
        assert_eq!(explain_field("Parser error: odd", &columns), None);
    }

    #[test]
    fn syntax_error_gives_up_its_position() {
        let error =
            explain_syntax("sql parser error: Expected: an expression,\n found: FROM at Line: 3, Column: 8");
        assert_eq!(error.to_string(), "SQL line 3, column 8: expected: an expression, found: FROM");
        assert_eq!(explain_syntax("Odd").to_string(), "SQL: odd");
    }
}
