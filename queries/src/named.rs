//! In: SQL files with a description and parameters in their first lines; out: statements with values filled in.
//!
//! ```sql
//! -- Stations with the most outliers.
//! -- $n integer = 20: how many stations
//! select station_id, count(*) as outliers from outliers group by 1 order by 2 desc limit $n
//! ```
//!
//! A parameter without `=` has to be given. Kinds are `integer`, `number`, `text`, `time` and `column`; a value
//! enters the statement as a literal or quoted name of its kind, so that it cannot be anything else.

use std::path::Path;

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::error::{Error, Result, nearest};

/// The queries that are part of `isd-query`, sorted by name.
const BUILT_IN: [(&str, &str); 12] = [
    ("above", include_str!("../sql/above.sql")),
    ("around", include_str!("../sql/around.sql")),
    ("by-hour", include_str!("../sql/by-hour.sql")),
    ("by-month", include_str!("../sql/by-month.sql")),
    ("by-year", include_str!("../sql/by-year.sql")),
    ("event", include_str!("../sql/event.sql")),
    ("events", include_str!("../sql/events.sql")),
    ("extremes", include_str!("../sql/extremes.sql")),
    ("flag-rates", include_str!("../sql/flag-rates.sql")),
    ("runs", include_str!("../sql/runs.sql")),
    ("stations-with-errors", include_str!("../sql/stations-with-errors.sql")),
    ("top-stations", include_str!("../sql/top-stations.sql")),
];

/// What a parameter's value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Any text.
    Text,
    /// A time, in UTC unless it says otherwise.
    Time,
    /// The name of a column.
    Column,
}

/// A value that a query leaves open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, without `$`.
    pub name: String,
    /// What it may be.
    pub kind: Kind,
    /// What it is when it is not given; without one it has to be.
    pub default: Option<String>,
    /// What it means.
    pub description: String,
}

/// A query with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedQuery {
    /// Its name: that of its file.
    pub name: String,
    /// One line.
    pub description: String,
    /// What it leaves open.
    pub parameters: Vec<Parameter>,
    sql: String,
}

/// Named queries, sorted by name.
#[derive(Debug, Clone)]
pub struct NamedQueries(Vec<NamedQuery>);

impl Kind {
    const ALL: [Self; 5] = [Self::Integer, Self::Number, Self::Text, Self::Time, Self::Column];

    /// What the kind is called in a file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "text",
            Self::Time => "time",
            Self::Column => "column",
        }
    }

    /// What a value must be, for messages.
    fn expected(self) -> &'static str {
        match self {
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Text => "text",
            Self::Time => "a time such as 2017-09-10T12:00:00Z",
            Self::Column => "the name of a column",
        }
    }

    /// The value as SQL: a literal or a quoted name; none if it is not of this kind.
    fn literal(self, value: &str) -> Option<String> {
        // Two minus signs in a row would begin a comment.
        let signed = |text: String| if text.starts_with('-') { format!("({text})") } else { text };
        match self {
            Self::Integer => value.parse::<i64>().ok().map(|number| signed(number.to_string())),
            Self::Number => {
                let number = value.parse::<f64>().ok().filter(|number| number.is_finite())?;
                Some(signed(format!("{number:?}")))
            }
            Self::Text => Some(format!("'{}'", value.replace('\'', "''"))),
            Self::Time => {
                string_to_timestamp_nanos(value).ok()?;
                let text = value.replace('\'', "''");
                Some(format!("arrow_cast('{text}', 'Timestamp(Microsecond, Some(\"UTC\"))')"))
            }
            Self::Column => Some(format!("\"{}\"", value.replace('"', "\"\""))),
        }
    }
}

impl NamedQuery {
    /// Reads a query of that name from the text of its file; `path` is for errors.
    /// Errors: [`Error::Query`] for a line that describes neither the query nor a parameter, for a default of another
    /// kind, and for a parameter that is used but not described; [`Error::Sql`] for text that is no SQL.
    fn parse(name: &str, path: &Path, text: &str) -> Result<Self> {
        let refuse = |line: usize, found: String| Error::Query {
            path: path.to_owned(),
            line,
            found,
            hint: "first lines: `-- what it answers`, then `-- $name kind = default: what it means`",
        };
        let mut lines = text.lines().enumerate().peekable();
        let description = match lines.next().and_then(|(_, line)| line.strip_prefix("-- ")) {
            Some(line) if !line.starts_with('$') => line.trim().to_owned(),
            _ => return Err(refuse(1, "expected a description".into())),
        };
        let mut parameters = Vec::new();
        while let Some((index, line)) = lines.next_if(|(_, line)| line.starts_with("-- $")) {
            let parameter = parameter(line.trim_start_matches("-- $"))
                .ok_or_else(|| refuse(index + 1, format!("not a parameter: `{line}`")))?;
            if parameter.default.as_deref().is_some_and(|value| parameter.kind.literal(value).is_none()) {
                return Err(refuse(
                    index + 1,
                    format!("the default is no {}: `{line}`", parameter.kind.name()),
                ));
            }
            parameters.push(parameter);
        }
        let query = Self { name: name.to_owned(), description, parameters, sql: text.to_owned() };
        for token in query.tokens()? {
            if let Some(used) = placeholder(&token)
                && !query.parameters.iter().any(|p| p.name == used)
            {
                return Err(refuse(1, format!("`${used}` is used but not described")));
            }
        }
        Ok(query)
    }

    /// The statement with the values given, each a name and its text, in place of the parameters; where a name is given
    /// twice, with the last.
    ///
    /// # Errors
    /// [`Error::Parameter`] when a value is missing, of another kind, or of no parameter.
    pub fn bind(&self, given: &[(String, String)]) -> Result<String> {
        let refuse = |found: String, hint: String| Error::Parameter { query: self.name.clone(), found, hint };
        if let Some((unknown, _)) =
            given.iter().find(|(name, _)| self.parameters.iter().all(|p| p.name != *name))
        {
            let names: Vec<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
            let hint = match names.as_slice() {
                [] => "it has none".to_owned(),
                names => format!("its parameters: {}", names.join(", ")),
            };
            return Err(refuse(format!("there is no parameter `{unknown}`"), hint));
        }
        let mut literals = Vec::new();
        for parameter in &self.parameters {
            let Parameter { name, kind, default, description } = parameter;
            // The last one given counts, as with any option.
            let value =
                given.iter().rfind(|(given, _)| given == name).map(|(_, value)| value).or(default.as_ref());
            let Some(value) = value else {
                let hint = format!("give it: --param {name}=…, {description}");
                return Err(refuse(format!("parameter `{name}` is missing"), hint));
            };
            let Some(literal) = kind.literal(value) else {
                let found = format!("parameter `{name}` is `{value}`, expected {}", kind.expected());
                return Err(refuse(found, description.clone()));
            };
            literals.push((name.as_str(), literal));
        }
        let bound = self.tokens()?.into_iter().map(|token| {
            let literal = placeholder(&token)
                .and_then(|used| literals.iter().find(|(name, _)| *name == used))
                .map(|(_, literal)| literal.clone());
            literal.unwrap_or_else(|| token.to_string())
        });
        Ok(bound.collect())
    }

    /// The words and signs of the SQL.
    fn tokens(&self) -> Result<Vec<Token>> {
        Tokenizer::new(&GenericDialect {}, &self.sql).tokenize().map_err(|e| Error::Sql {
            position: None,
            found: format!("query `{}`: {e}", self.name),
            hint: None,
        })
    }
}

impl NamedQueries {
    /// The queries that are part of the tool.
    ///
    /// # Errors
    /// [`Error::Query`] when one of them is broken, which a test rules out.
    pub fn built_in() -> Result<Self> {
        let path = |name: &str| Path::new("sql").join(format!("{name}.sql"));
        BUILT_IN
            .into_iter()
            .map(|(name, sql)| NamedQuery::parse(name, &path(name), sql))
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Adds the `.sql` files of a directory, which replace queries of the same name. A file whose name is not UTF-8 is passed
    /// over: nobody could ask for it.
    ///
    /// # Errors
    /// [`Error::Table`] when the directory cannot be read, [`Error::Query`] for a file that is no named query.
    pub fn with_directory(mut self, directory: &Path) -> Result<Self> {
        let unreadable = |path: &Path, error: &std::io::Error| Error::Table {
            path: path.to_owned(),
            found: format!("cannot open: {error}"),
            hint: Some("--queries takes a directory of .sql files".into()),
        };
        let entries = std::fs::read_dir(directory).map_err(|e| unreadable(directory, &e))?;
        for entry in entries {
            let path = entry.map_err(|e| unreadable(directory, &e))?.path();
            let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
            if path.extension().is_none_or(|extension| extension != "sql") {
                continue;
            }
            let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, &e))?;
            let query = NamedQuery::parse(name, &path, &text)?;
            self.0.retain(|known| known.name != query.name);
            self.0.push(query);
        }
        self.0.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(self)
    }

    /// The queries, by name.
    #[must_use]
    pub fn queries(&self) -> &[NamedQuery] {
        &self.0
    }

    /// The query of that name.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is none.
    pub fn find(&self, name: &str) -> Result<&NamedQuery> {
        self.0.iter().find(|query| query.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.0.iter().map(|query| query.name.as_str()).collect();
            let hint = nearest(name, &names).map_or_else(
                || format!("there are @{}", names.join(", @")),
                |near| format!("did you mean @{near}?"),
            );
            Error::Parameter { query: name.to_owned(), found: "there is no such query".into(), hint }
        })
    }
}

/// The name in `$name`; none for another token.
fn placeholder(token: &Token) -> Option<&str> {
    match token {
        Token::Placeholder(text) => text.strip_prefix('$'),
        _ => None,
    }
}

/// The parameter that a line such as `n integer = 20: how many stations` describes; none if it describes none.
fn parameter(line: &str) -> Option<Parameter> {
    let (head, description) = line.split_once(": ")?;
    let (head, default) = match head.split_once(" = ") {
        Some((head, default)) => (head, Some(default.trim().to_owned())),
        None => (head, None),
    };
    let (name, kind) = head.trim().split_once(' ')?;
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind.trim())?;
    let description = description.trim().to_owned();
    Some(Parameter { name: name.to_owned(), kind, default, description })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_queries_are_sorted_and_use_their_parameters() {
        let named_queries = NamedQueries::built_in().unwrap();
        assert!(named_queries.queries().is_sorted_by(|a, b| a.name < b.name));
        for NamedQuery { name, parameters, sql, .. } in named_queries.queries() {
            assert!(parameters.iter().all(|p| sql.contains(&format!("${}", p.name))), "{name}");
        }
    }
}
