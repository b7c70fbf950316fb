//! In: an error of DataFusion, the SQL engine, with the tables and the statement that it is about; out: an [`Error`] of one
//! line, with its place in the statement and a hint.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Diagnostic, SchemaError};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::parser::ParserError;
use isd_stores::is_address;

use super::Error;
use super::english::{self, MissingFunction, Problem};
use super::hints::{nearest, of_columns, of_tables};
use crate::tables::first_damaged;

use super::place::{Position, place_of_column, place_of_diagnostic};

/// A table of a session, as errors speak of it.
#[derive(Debug, Clone)]
pub(crate) struct RegisteredTable {
    /// Its name in SQL.
    pub name: String,
    /// The file, directory or pattern.
    pub path: PathBuf,
    /// The directory, or the files.
    pub parts: Vec<PathBuf>,
    /// Names of the columns, in the order of the file.
    pub columns: Vec<String>,
}

/// What an error of the engine is about.
pub(crate) struct Subject<'a> {
    /// The tables of the session.
    pub tables: &'a [RegisteredTable],
    /// The statement, where it could be parsed and is still at hand.
    pub statement: Option<&'a Statement>,
}

impl Subject<'_> {
    /// Turns the engine's error into ours. A message that is not known stays as it is, folded into one line.
    pub(crate) fn explain(&self, error: &DataFusionError) -> Error {
        let diagnostic = error.diagnostic();
        let position = diagnostic.and_then(place_of_diagnostic);
        match error.find_root() {
            DataFusionError::SchemaError(schema, _) => self.explain_schema(schema, position),
            DataFusionError::SQL(parser, _) => explain_syntax(parser),
            DataFusionError::Plan(text) => self.explain_plan(text, diagnostic, position),
            DataFusionError::NotImplemented(text) => {
                Error::Sql { position, found: format!("not supported: {}", one_line(text)), hint: None }
            }
            DataFusionError::Internal(text) => {
                Error::Run { found: format!("the SQL engine failed: {}", one_line(text)), hint: None }
            }
            DataFusionError::ResourcesExhausted(text) => explain_memory(&one_line(text)),
            other => self.explain_reading(other),
        }
    }

    /// Explains a panic, of which nothing is known but the tables that were read.
    pub(crate) fn explain_panic(&self) -> Error {
        let found = "the reader gave up on it (a panic)".to_owned();
        let hint = Some("a file is damaged, or this is a bug: please report it".to_owned());
        if let Some(path) = self.damaged_file() {
            return Error::Table { path, found, hint };
        }
        match self.tables {
            [only] => Error::Table { path: only.path.clone(), found, hint },
            _ => {
                Error::Run { found: format!("the query engine gave up (a panic) on {}", self.paths()), hint }
            }
        }
    }

    /// The first Parquet file of the tables that cannot be read to its end; `None` where there is just one file anyway. All
    /// files are read for it.
    fn damaged_file(&self) -> Option<PathBuf> {
        if let [only] = self.tables
            && only.parts.as_slice() == [only.path.as_path()]
            && only.path.is_file()
        {
            return None;
        }
        self.tables.iter().find_map(|table| first_damaged(&table.parts))
    }

    /// The paths of all tables, for a sentence.
    fn paths(&self) -> String {
        let paths = self.tables.iter().map(|table| table.path.display().to_string());
        paths.collect::<Vec<_>>().join(" or ")
    }

    /// Explains why a statement cannot be planned: it names a table or function that does not exist, or its parts do not
    /// fit together.
    fn explain_plan(&self, text: &str, diagnostic: Option<&Diagnostic>, position: Option<Position>) -> Error {
        let sql = |found: String, hint: Option<String>| Error::Sql { position, found, hint };
        if let Some(name) = english::missing_table(text) {
            let tables = self.tables.iter().map(|table| table.name.as_str());
            let hint = of_tables(name, tables, self.statement);
            return sql(format!("there is no table `{name}`"), Some(hint));
        }
        if let Some(MissingFunction { found, name, nearest: suggested }) = english::missing_function(text) {
            // The engine suggests a function however much its name differs.
            let hint = match nearest(name, &[suggested]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`show functions` lists what there is".into(),
            };
            return sql(lower_first(&one_line(found)), Some(hint));
        }
        if let Some((call, candidates)) = english::refused_call(text) {
            let hint = match candidates {
                Some(list) => format!("there is {}; cast the arguments to such types", one_line(list)),
                None => "DESCRIBE shows the types of a table's columns".into(),
            };
            return sql(format!("no function takes these arguments: {call}"), Some(hint));
        }
        let help = diagnostic.and_then(|d| d.helps.first()).map(|help| lower_first(&one_line(&help.message)));
        sql(lower_first(&one_line(text)), help)
    }

    /// Explains that a column does not exist, or that a name stands for several columns.
    fn explain_schema(&self, error: &SchemaError, position: Option<Position>) -> Error {
        let column = match error {
            SchemaError::FieldNotFound { field, .. } | SchemaError::AmbiguousReference { field } => {
                Some(field)
            }
            _ => None,
        };
        // The engine gives no place for a column in ORDER BY, HAVING and others.
        let position = position.or_else(|| place_of_column(column?, self.statement?));
        let (found, hint) = match error {
            SchemaError::FieldNotFound { field, valid_fields } => {
                (format!("there is no column `{}`", field.flat_name()), of_columns(field, valid_fields))
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

    /// Explains a failure while a statement runs; where the data are to blame, it names their file.
    fn explain_reading(&self, error: &DataFusionError) -> Error {
        let remote = self.tables.iter().find(|table| is_address(&table.path));
        if let (Some(table), Some(failed)) = (remote, isd_stores::of_store(error)) {
            let hint = isd_stores::hint(&failed).map(str::to_owned);
            return Error::Table { path: table.path.clone(), found: format!("cannot read: {failed}"), hint };
        }
        let found = one_line(&error.message());
        // Only temporary files and the files of COPY are written while a query runs.
        if is_full_disk(error) {
            return Error::Run {
                found: format!("no room for what memory does not hold: {found}"),
                hint: Some("free disk space, set TMPDIR to another disk, or select fewer rows".into()),
            };
        }
        if !blames_data(error) {
            return Error::Run { found, hint: None };
        }
        let hint = Some("correct the file, or write it again".to_owned());
        if let Some(path) = self.damaged_file() {
            return Error::Table { path, found, hint };
        }
        let is_text = |path: &PathBuf| {
            let name = path.to_string_lossy().to_lowercase();
            [".csv", ".tsv", ".csv.gz", ".tsv.gz"].iter().any(|extension| name.ends_with(extension))
        };
        let has_fields = english::bad_field(&found).is_some();
        let suspects: Vec<&RegisteredTable> =
            self.tables.iter().filter(|table| !has_fields || table.parts.iter().any(is_text)).collect();
        match suspects.as_slice() {
            [only] => {
                Error::Table { path: only.path.clone(), found: bad_field(error, only).unwrap_or(found), hint }
            }
            [] => Error::Run { found: format!("a file cannot be read: {found}"), hint: None },
            // The engine does not say which of them it was reading.
            _ => {
                let hint = format!("it is in a file of {}: query one at a time to see which", self.paths());
                Error::Run { found: format!("a file cannot be read: {found}"), hint: Some(hint) }
            }
        }
    }
}

/// Describes a CSV field that is not of its column's type, by line and column; none for another error.
fn bad_field(error: &DataFusionError, table: &RegisteredTable) -> Option<String> {
    let DataFusionError::ArrowError(error, _) = error else { return None };
    let ArrowError::ParseError(text) = error.as_ref() else { return None };
    let text = one_line(text);
    let field = english::bad_field(&text)?;
    let column = table.columns.get(field.column)?;
    let problem = match field.problem {
        Problem::Type { value, expected } => format!("found `{value}`, expected {expected}"),
        Problem::Other(sentence) => sentence.to_owned(),
    };
    Some(format!("line {}, column {column}: {problem}", field.line))
}

/// Whether the data are to blame for an error, rather than the statement.
fn blames_data(error: &DataFusionError) -> bool {
    match error {
        DataFusionError::ParquetError(_) | DataFusionError::ObjectStore(_) => true,
        DataFusionError::IoError(io) => is_of_system(io),
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            ArrowError::CsvError(_)
            | ArrowError::JsonError(_)
            | ArrowError::IpcError(_)
            | ArrowError::ParquetError(_) => true,
            ArrowError::IoError(_, io) => is_of_system(io),
            // A cast in the statement is told from a CSV field by the line that only the latter has.
            ArrowError::ParseError(text) => english::bad_field(&one_line(text)).is_some(),
            _ => false,
        },
        _ => false,
    }
}

/// Whether an error comes from the system or from a reader of files. Others the engine makes itself, such as that its
/// temporary files have reached the size that it was allowed.
fn is_of_system(error: &io::Error) -> bool {
    error.kind() != ErrorKind::Other
}

/// Whether the disk is full, or the user may write no more to it.
fn is_full_disk(error: &DataFusionError) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        {
            return true;
        }
        next = error.source();
    }
    false
}

/// Explains that memory ran out, by the operator that asked for more and the amounts.
fn explain_memory(text: &str) -> Error {
    let refused = english::refused_memory(text).map(|refused| {
        let english::RefusedMemory { operator, asked, held, free, limit } = refused;
        format!("{operator} asks for {asked} above its {held}, and {free} of {limit} are left")
    });
    let found = refused.as_deref().unwrap_or(text);
    Error::Run {
        found: format!("the query needs more memory than it may use: {found}"),
        hint: Some("raise --memory-limit, use fewer --threads, or select fewer columns or rows".into()),
    }
}

fn explain_syntax(error: &ParserError) -> Error {
    let (found, position) = english::syntax(error);
    Error::Sql { position, found: lower_first(&one_line(found)), hint: None }
}

/// Folds every run of white space, line breaks included, into one space, and drops full stops at the end.
pub(crate) fn one_line(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    folded.trim_end_matches('.').to_owned()
}

/// The text with its first letter in lower case, unless it begins with an upper-case word, such as SELECT.
fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().collect::<String>() + chars.as_str()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> RegisteredTable {
        RegisteredTable {
            name: "outliers".into(),
            path: "outliers.csv".into(),
            parts: vec!["outliers.csv".into()],
            columns: vec!["station_id".into(), "value".into()],
        }
    }

    fn explained(error: ArrowError) -> String {
        let error = DataFusionError::ArrowError(Box::new(error), None).context("reading");
        Subject { tables: &[table()], statement: None }.explain(&error).to_string()
    }

    #[test]
    fn full_disk_is_not_the_fault_of_the_file_that_is_read() {
        for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            let told = explained(ArrowError::IoError("full".into(), kind.into()));
            assert_eq!(told, "no room for what memory does not hold: Io error: full");
        }
        let told = explained(ArrowError::IoError("the limit".into(), io::Error::other("the limit")));
        assert_eq!(told, "Io error: the limit");
        let told = explained(ArrowError::IoError("cut".into(), ErrorKind::UnexpectedEof.into()));
        assert_eq!(told, "outliers.csv: Io error: cut");
    }
}
