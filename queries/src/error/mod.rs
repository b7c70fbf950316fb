//! In: a failure of a table, a statement or the output; out: one line that says so, and a hint where there is one.

mod english;
mod explain;
mod hints;
mod place;

use std::path::{Path, PathBuf};

pub(crate) use self::explain::{RegisteredTable, Subject, one_line};
pub(crate) use self::hints::nearest;
pub use self::place::Position;

/// Result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a table could not be opened, a statement could not run or a result could not be written.
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
    /// The program contradicts itself: what its own code promised did not hold.
    #[error("internal error: {what}")]
    Internal {
        /// The promise that was broken.
        what: String,
    },
}

impl Error {
    /// The file or directory that it is about, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Table { path, .. } | Self::File { path, .. } | Self::Query { path, .. } => Some(path),
            _ => None,
        }
    }

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
            Self::Internal { .. } => Some("this is a bug: please report it"),
            Self::Output(source) | Self::File { source, .. } => isd_stores::hint(source),
            Self::Engine(_) => None,
        }
    }

    /// The same error of a table, about another path.
    pub(crate) fn about(self, path: &std::path::Path) -> Self {
        match self {
            Self::Table { found, hint, .. } => Self::Table { path: path.to_owned(), found, hint },
            other => other,
        }
    }

    /// Whether the reader of the output went away, which is no failure.
    #[must_use]
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl From<isd_dataset::Error> for Error {
    /// The error of an output file; the dataset's own errors do not get here.
    fn from(error: isd_dataset::Error) -> Self {
        match error {
            isd_dataset::Error::Io { path, action, source } => Self::File { path, action, source },
            other => Self::Internal { what: other.to_string() },
        }
    }
}
