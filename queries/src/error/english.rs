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
    use std::sync::Arc;

    use arrow::csv::ReaderBuilder;
    use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
    use arrow::error::ArrowError;
    use datafusion::common::DataFusionError;
    use datafusion::execution::memory_pool::FairSpillPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    /// The error that ends a statement in a session of 1 MiB of memory, with our functions.
    fn failure(sql: &str) -> DataFusionError {
        let pool = Arc::new(FairSpillPool::new(1 << 20));
        let memory = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap();
        let context = SessionContext::new_with_config_rt(SessionConfig::new(), memory);
        crate::functions::register(&context);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().thread_stack_size(64 << 20).build().unwrap();
        let sql = sql.to_owned();
        let answer = runtime.spawn(async move { context.sql(&sql).await?.collect().await });
        runtime.block_on(answer).unwrap().unwrap_err()
    }

    fn message(sql: &str) -> String {
        match failure(sql).find_root() {
            DataFusionError::Plan(text) | DataFusionError::ResourcesExhausted(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn missing_tables_are_known() {
        assert_eq!(missing_table(&message("select * from gusts")), Some("gusts"));
        assert_eq!(missing_table(&message("describe gusts")), Some("gusts"));
        assert_eq!(missing_table(&message("select * from \"A b\".gusts")), Some("gusts"));
        assert_eq!(missing_table("a table is missing"), None);
    }

    #[test]
    fn missing_functions_are_known() {
        let text = message("select date_trnc('month', now())");
        let expected = MissingFunction {
            found: "Invalid function 'date_trnc'",
            name: "date_trnc",
            nearest: "date_trunc",
        };
        assert_eq!(missing_function(&text), Some(expected));
        assert_eq!(missing_function("a function is missing"), None);
    }

    #[test]
    fn refused_calls_are_known() {
        let text = message("select sum('text')");
        let (call, candidates) = refused_call(&text).unwrap();
        assert_eq!(call, "sum(Utf8)");
        assert!(candidates.unwrap().trim_start().starts_with("sum("), "{text}");
        let text = message("select rolling_zscore('text', 5) over ()");
        assert_eq!(refused_call(&text), Some(("rolling_zscore(Utf8, Int64)", None)), "{text}");
        assert_eq!(refused_call("a call is refused"), None);
    }

    #[test]
    fn refused_memory_is_known() {
        let text = message("select string_agg(cast(value as varchar), ',') from generate_series(1, 5000000)");
        let refused = refused_memory(&text).unwrap();
        assert!(refused.operator.chars().all(char::is_alphanumeric), "{text}");
        assert_eq!(refused.limit, "1024.0 KB", "{text}");
        for amount in [refused.asked, refused.held, refused.free] {
            assert!(amount.ends_with('B') && amount.starts_with(|c: char| c.is_ascii_digit()), "{text}");
        }
        assert_eq!(refused_memory("memory is refused"), None);
    }

    #[test]
    fn bad_fields_are_known() {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = [("value", DataType::Float64), ("filled", DataType::Boolean), ("timestamp", time)];
        let schema = Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec()));
        let field = |row: &str| {
            let text = format!("value,filled,timestamp\n1,true,2017-09-10T12:00:00Z\n{row}\n");
            let reader = ReaderBuilder::new(Arc::clone(&schema)).with_header(true).build(text.as_bytes());
            match reader.unwrap().next().unwrap().unwrap_err() {
                ArrowError::ParseError(text) => text,
                other => panic!("{other:?}"),
            }
        };
        let problem = Problem::Type { value: "calm", expected: "Float64" };
        assert_eq!(bad_field(&field("calm,true,")), Some(BadField { line: 3, column: 0, problem }));
        let problem = Problem::Type { value: "no?", expected: "Boolean" };
        assert_eq!(bad_field(&field("1,no?,")), Some(BadField { line: 3, column: 1, problem }));
        let text = field("1,true,noon");
        let BadField { line, column, problem } = bad_field(&text).unwrap();
        assert_eq!((line, column), (3, 2));
        assert!(matches!(problem, Problem::Other(sentence) if sentence.contains("noon")), "{text}");
        assert_eq!(bad_field("a field is bad"), None);
    }

    #[test]
    fn places_of_syntax_errors_are_known() {
        let refused = |sql: &str| match failure(sql).find_root() {
            DataFusionError::SQL(error, _) => error.clone(),
            other => panic!("{other:?}"),
        };
        let error = refused("select *\nfrom outliers\nwhere order by 1");
        let place = Position { line: 3, column: 13 };
        assert_eq!(syntax(&error), ("Expected: end of statement, found: by", Some(place)));
        let error = refused("select 'open");
        let place = Position { line: 1, column: 8 };
        assert_eq!(syntax(&error), ("Unterminated string literal", Some(place)));
        assert_eq!(syntax(&ParserError::ParserError("no SQL".into())), ("no SQL", None));
    }
}
