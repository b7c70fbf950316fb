//! In: a statement, and the column or diagnostic of an error; out: its line and column in the statement.

use std::fmt;
use std::ops::ControlFlow;

use datafusion::common::{Column, Diagnostic};
use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{Expr, Ident, visit_expressions};

/// A place in a statement; both numbers count from 1.
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

/// The place that the engine gives for an error. Its lines count from 1; line 0 is that of a part which the parser made up,
/// and no place.
pub(super) fn place_of_diagnostic(diagnostic: &Diagnostic) -> Option<Position> {
    let start = diagnostic.span?.start;
    (start.line > 0).then_some(Position { line: start.line, column: start.column })
}

/// The place where a statement names a column; none where it does so more than once.
pub(super) fn place_of_column(column: &Column, statement: &Statement) -> Option<Position> {
    let mut places = Vec::new();
    let mut note = |expression: &Expr| {
        let parts: &[Ident] = match expression {
            Expr::Identifier(name) => std::slice::from_ref(name),
            Expr::CompoundIdentifier(parts) => parts,
            _ => &[],
        };
        if let (Some(first), Some(last)) = (parts.first(), parts.last())
            && last.value.eq_ignore_ascii_case(&column.name)
        {
            places.push(Position { line: first.span.start.line, column: first.span.start.column });
        }
        ControlFlow::<()>::Continue(())
    };
    let mut statement = statement;
    while let Statement::Explain(explained) = statement {
        statement = &explained.statement;
    }
    // `note` never breaks off: there is no result to look at.
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
