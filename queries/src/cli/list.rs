//! In: named queries; out: a list of them for people.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use isd_queries::Error;
use isd_queries::named::NamedQueries;

/// Writes each query with its parameters to standard output. Errors: [`Error::Output`] when it cannot be written.
pub fn write(named_queries: &NamedQueries) -> Result<(), Error> {
    io::stdout().write_all(text(named_queries).as_bytes()).map_err(Error::from)
}

/// Each query with its parameters.
pub fn text(named_queries: &NamedQueries) -> String {
    let mut text = String::new();
    for query in named_queries.queries() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "@{:<15} {}", query.name, query.description);
        for parameter in &query.parameters {
            let default = parameter.default.as_ref().map_or_else(String::new, |value| format!("={value}"));
            let head = format!("{}{default}", parameter.name);
            let _ = writeln!(text, "    {head:<28} {}, {}", parameter.kind.name(), parameter.description);
        }
    }
    text
}
