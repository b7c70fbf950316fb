//! In: error messages of DataFusion, sqlparser and arrow-rs, in English; out: the names, amounts and places in them.
//!
//! These errors have no fields but their message. Each function returns `None` for a message that it does not know, which
//! is then shown as it is. The tests below make each error with the library itself: they fail when its words change.

use datafusion::sql::sqlparser::parser::ParserError;

use super::place::Position;

/// The name of a table that does not exist, without its catalog and schema.
pub(super) fn missing_table(text: &str) -> Option<&str> {
    let (table, _) = text.strip_prefix("table '")?.split_once("' not found")?;
    table.rsplit('.').next()
}

/// A function that does not exist.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MissingFunction<'a> {
    /// The sentence that says so.
    pub found: &'a str,
    /// Its name in the statement.
    pub name: &'a str,
    /// The function whose name differs least, however much that is.
    pub nearest: &'a str,
}

/// The parts of `Invalid function 'date_trnc'.` and, in a second line, `Did you mean 'date_trunc'?`.
pub(super) fn missing_function(text: &str) -> Option<MissingFunction<'_>> {
    let (found, nearest) = text.split_once(".\nDid you mean '")?;
    let name = found.strip_prefix("Invalid function '")?.strip_suffix('\'')?;
    Some(MissingFunction { found, name, nearest: nearest.strip_suffix("'?")? })
}

/// A call with arguments of types that the function does not take: the call, such as `sum(Utf8)`, and the list of calls that
/// there are, one a line. A function that checks its arguments itself has no list.
pub(super) fn refused_call(text: &str) -> Option<(&str, Option<&str>)> {
    let (_, rest) = text.split_once("No function matches the given name and argument types '")?;
    let (call, rest) = rest.split_once('\'')?;
    let candidates = rest.split_once("Candidate functions:").map(|(_, list)| list);
    Some((call, candidates.filter(|list| !list.contains("UserDefined"))))
}

/// Memory that was refused to a part of a query; amounts are texts such as `1.5 MB`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusedMemory<'a> {
    /// The operator that asked for it, such as `ExternalSorter`.
    pub operator: &'a str,
    /// How much it asked for.
    pub asked: &'a str,
    /// How much it held.
    pub held: &'a str,
    /// How much of the limit was free.
    pub free: &'a str,
    /// How much all operators may hold together.
    pub limit: &'a str,
}

/// The parts of `Failed to allocate additional 5 MB for Sort[0] with 1 MB already allocated for this reservation - 2 MB
/// remain available for the total memory pool: fair(pool_size: 8 MB)`.
pub(super) fn refused_memory(text: &str) -> Option<RefusedMemory<'_>> {
    let (_, rest) = text.split_once("Failed to allocate additional ")?;
    let (asked, rest) = rest.split_once(" for ")?;
    let (operator, rest) = rest.split_once(" with ")?;
    let (held, rest) = rest.split_once(" already allocated for this reservation - ")?;
    let (free, rest) = rest.split_once(" remain available ")?;
    let (_, limit) = rest.rsplit_once("pool_size: ")?;
    // After the operator comes the number of its partition.
    let operator = operator.split_once('[').map_or(operator, |(operator, _)| operator);
    Some(RefusedMemory { operator, asked, held, free, limit: limit.strip_suffix(')')? })
}

/// A field of a CSV file that is not of its column's type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadField<'a> {
    /// The line of the file, from 1, where no field holds a line break: the header is line 1.
    pub line: u64,
    /// The column, from 0.
    pub column: usize,
    /// What is wrong with it.
    pub problem: Problem<'a>,
}

/// What is wrong with a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem<'a> {
    /// Its text is no value of the column's Arrow type.
    Type { value: &'a str, expected: &'a str },
    /// Something else, which a sentence says.
    Other(&'a str),
}

/// The parts of `Error while parsing value 'calm' as type 'Float64' for column 1 at line 2. Row data: …` and of `Error
/// parsing column 1 at line 2: …`, which count lines from 1 after the header.
pub(super) fn bad_field(text: &str) -> Option<BadField<'_>> {
    let (before, after) = text.split_once(" at line ")?;
    let (what, column) = before.rsplit_once("column ")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    let problem = match what.strip_prefix("Error while parsing value '") {
        Some(value) => {
            let (value, expected) = value.split_once("' as type '")?;
            Problem::Type { value, expected: expected.strip_suffix("' for ")? }
        }
        None => Problem::Other(after.split_once(": ")?.1),
    };
    Some(BadField {
        line: digits.parse::<u64>().ok()?.checked_add(1)?,
        column: column.parse().ok()?,
        problem,
    })
}

/// What the parser of SQL says, and where in the statement: its messages end in ` at Line: 1, Column: 8`, but for those about
/// the whole statement.
pub(super) fn syntax(error: &ParserError) -> (&str, Option<Position>) {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => "recursion limit exceeded",
    };
    let placed = text.rsplit_once(" at Line: ").and_then(|(found, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let digits = column.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((found, Position { line: line.parse().ok()?, column: digits.parse().ok()? }))
    });
    placed.map_or((text, None), |(found, position)| (found, Some(position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_are_not_known() {
        assert_eq!(missing_table("a table is missing"), None);
        assert_eq!(missing_function("a function is missing"), None);
        assert_eq!(refused_call("a call is refused"), None);
        assert_eq!(refused_memory("memory is refused"), None);
        assert_eq!(bad_field("a field is bad"), None);
        assert_eq!(syntax(&ParserError::ParserError("no SQL".into())), ("no SQL", None));
    }
}
