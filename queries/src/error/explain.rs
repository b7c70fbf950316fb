//! In: an error of the SQL engine, the tables and the statement; out: the same in our words, with its place and a hint.

use std::ops::ControlFlow;
use std::path::PathBuf;

use arrow::error::ArrowError;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::common::{Column, DataFusionError, Diagnostic, SchemaError};
use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Expr, Ident, visit_expressions};

use super::{Error, Position};

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

/// What an engine error can be explained with.
pub(crate) struct Known<'a> {
    /// The tables of the session.
    pub tables: &'a [Registered],
    /// What it was asked, where that could be parsed.
    pub statement: Option<&'a Statement>,
}

impl Known<'_> {
    /// The engine's error in our words.
    pub(crate) fn explain(&self, error: &DataFusionError) -> Error {
        let position = error.diagnostic().and_then(position_of);
        match innermost(error) {
            DataFusionError::SchemaError(schema, _) => self.explain_schema(schema, position),
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

    fn explain_schema(&self, error: &SchemaError, position: Option<Position>) -> Error {
        let field = match error {
            SchemaError::FieldNotFound { field, .. } | SchemaError::AmbiguousReference { field } => {
                Some(field)
            }
            _ => None,
        };
        // Of ORDER BY, HAVING and others the engine does not say where.
        let position = position.or_else(|| place_of(field?, self.statement?));
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

    fn hint_table(&self, wanted: &str) -> String {
        let given = self.statement.map(common_tables).unwrap_or_default();
        let names = self.tables.iter().map(|table| &table.name).chain(&given).map(String::as_str);
        let names = names.collect::<Vec<_>>();
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
        // Nothing but what a query spills is written while it runs.
        if found.contains(NO_ROOM) {
            return explain_full_disk(&found);
        }
        // Of several tables the engine does not say which one it was reading.
        match self.tables {
            [only] if in_data => Error::Table {
                path: only.path.clone(),
                found: explain_field(&found, &only.columns).unwrap_or(found),
                hint: Some("correct the file, or write it again".into()),
            },
            several if in_data => {
                let paths = several.iter().map(|table| table.path.display().to_string()).collect::<Vec<_>>();
                let hint =
                    format!("it is in a file of {}: query one at a time to see which", paths.join(" or "));
                Error::Run { found: format!("a file cannot be read: {found}"), hint: Some(hint) }
            }
            _ => Error::Run { found, hint: None },
        }
    }
}

/// Memory or room on disk ran out; the engine counts its own bytes and says which operator asked for them.
fn explain_exhausted(text: &str) -> Error {
    let text = one_line(text);
    if text.contains("disk") {
        return explain_full_disk(&text);
    }
    let text = explain_allocation(&text).unwrap_or(text);
    Error::Run {
        found: format!("the query needs more memory than it may use: {text}"),
        hint: Some("raise --memory-limit, use fewer --threads, or select fewer columns or rows".into()),
    }
}

/// What systems say of a full disk.
const NO_ROOM: &str = "No space left";

fn explain_full_disk(text: &str) -> Error {
    let hint = Some("free disk space, set TMPDIR to another disk, or select fewer rows".into());
    Error::Run { found: format!("no room for what memory does not hold: {text}"), hint }
}

/// Who asked for how much, of `Failed to allocate additional 5 MB for Sort[0] with 1 MB already allocated for this
/// reservation - 2 MB remain available for the total memory pool: fair(pool_size: 8 MB)`.
fn explain_allocation(text: &str) -> Option<String> {
    let (_, text) = text.split_once("Failed to allocate additional ")?;
    let (more, text) = text.split_once(" for ")?;
    let (operator, text) = text.split_once(" with ")?;
    let (held, text) = text.split_once(" already allocated for this reservation - ")?;
    let (free, text) = text.split_once(" remain available ")?;
    let (_, limit) = text.rsplit_once("pool_size: ")?;
    let operator = operator.split('[').next()?;
    let limit = limit.trim_end_matches(')');
    Some(format!("{operator} asks for {more} above its {held}, and {free} of {limit} are left"))
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

/// Where a statement names a column, if it does so once.
fn place_of(field: &Column, statement: &Statement) -> Option<Position> {
    let mut places = Vec::new();
    let mut note = |expression: &Expr| {
        let parts: &[Ident] = match expression {
            Expr::Identifier(name) => std::slice::from_ref(name),
            Expr::CompoundIdentifier(parts) => parts,
            _ => &[],
        };
        if let (Some(first), Some(last)) = (parts.first(), parts.last())
            && last.value.eq_ignore_ascii_case(&field.name)
        {
            places.push(Position { line: first.span.start.line, column: first.span.start.column });
        }
        ControlFlow::<()>::Continue(())
    };
    let mut statement = statement;
    while let Statement::Explain(explained) = statement {
        statement = &explained.statement;
    }
    // It is gone through to its end: nothing breaks off.
    let _: ControlFlow<()> = match statement {
        Statement::Statement(statement) => visit_expressions(statement.as_ref(), &mut note),
        Statement::CopyTo(copy) => match &copy.source {
            CopyToSource::Query(query) => visit_expressions(query.as_ref(), &mut note),
            CopyToSource::Relation(_) => return None,
        },
        _ => return None,
    };
    match places.as_slice() {
        [only] if only.line > 0 => Some(*only),
        _ => None,
    }
}

/// The tables that a statement makes for itself, by WITH.
fn common_tables(statement: &Statement) -> Vec<String> {
    let (_, given) = resolve_table_references(statement, true).unwrap_or_default();
    given.iter().map(|table| table.table().to_owned()).collect()
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
    if let Some(relation) = &field.relation
        && !valid.iter().any(|column| column.relation.as_ref().is_some_and(|r| r.resolved_eq(relation)))
        && let Some(other) = valid.iter().find(|column| column.name == field.name)
    {
        return Some(format!("no table is called `{relation}` here: write `{}`", other.flat_name()));
    }
    let mut columns: Vec<&str> = Vec::with_capacity(valid.len());
    for column in valid {
        // Both sides of a join, or the output and the input of a SELECT, may have it.
        if !columns.contains(&column.name.as_str()) {
            columns.push(&column.name);
        }
    }
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
