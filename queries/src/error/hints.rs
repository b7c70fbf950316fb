//! In: a name that does not exist and the names that do; out: a hint at the one that the user may have meant.

use datafusion::common::Column;
use datafusion::sql::parser::Statement;
use datafusion::sql::resolve::resolve_table_references;
use isd_dataset::names::least_different;

/// A hint for a table that does not exist: a similar name, or a list of the tables.
pub(super) fn of_tables<'a>(
    wanted: &str,
    tables: impl Iterator<Item = &'a str>,
    statement: Option<&Statement>,
) -> String {
    let given = statement.map_or_else(Vec::new, common_tables);
    let names: Vec<&str> = tables.collect();
    // A name that the statement itself gives may be misspelt; the list has just what all statements know.
    let all: Vec<&str> = names.iter().copied().chain(given.iter().map(String::as_str)).collect();
    if let Some(exact) = all.iter().find(|name| name.eq_ignore_ascii_case(wanted) && **name != wanted) {
        return quoted(exact);
    }
    let known = match (names.as_slice(), nearest(wanted, &all)) {
        ([], None) => "there are no tables".into(),
        ([only], None) => format!("the table is called `{only}`"),
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

/// The tables that a statement makes for itself, by WITH; none where its names cannot be made out.
fn common_tables(statement: &Statement) -> Vec<String> {
    let resolved = resolve_table_references(statement, true);
    let given = resolved.map_or_else(|_| Vec::new(), |(_, given)| given);
    given.iter().map(|table| table.table().to_owned()).collect()
}

/// A hint for a column that does not exist: a similar name, and a list of the columns; none where the engine does not say
/// which columns there are.
pub(super) fn of_columns(wanted: &Column, valid: &[Column]) -> Option<String> {
    if valid.is_empty() {
        return None;
    }
    let exact =
        |column: &&Column| column.name != wanted.name && column.name.eq_ignore_ascii_case(&wanted.name);
    if let Some(exact) = valid.iter().find(exact) {
        return Some(quoted(&exact.name));
    }
    if let Some(relation) = &wanted.relation
        && !valid.iter().any(|column| column.relation.as_ref().is_some_and(|r| r.resolved_eq(relation)))
        && let Some(other) = valid.iter().find(|column| column.name == wanted.name)
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
    Some(match nearest(&wanted.name, &columns) {
        Some(near) => format!("did you mean `{near}`? {list}"),
        None => list,
    })
}

/// A hint to put a name in quotes, without which SQL folds it to lower case.
fn quoted(name: &str) -> String {
    format!("write \"{name}\", in double quotes")
}

/// The candidate that differs least from a name, if that is in two fifths of the longer one's characters at most.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let length = name.chars().count();
    least_different(name, candidates.iter().copied())
        .filter(|(edits, candidate)| edits * 5 <= 2 * length.max(candidate.chars().count()))
        .map(|(_, candidate)| candidate)
}
