//! In: the text at the prompt and the place of the cursor; out: the words that could stand there.

mod tokens;

use std::collections::BTreeSet;

use isd_queries::named::{Kind, NamedQueries};
use isd_queries::output::Format;

use self::tokens::{Class, Token};
use super::command::NAMES;

/// Keywords of queries: a column of that name needs quotes. The parser knows hundreds more that hardly anyone types.
const KEYWORDS: [&str; 88] = [
    "all",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "copy",
    "create",
    "cross",
    "current",
    "desc",
    "describe",
    "distinct",
    "else",
    "end",
    "escape",
    "except",
    "exists",
    "explain",
    "false",
    "fetch",
    "filter",
    "first",
    "following",
    "for",
    "from",
    "full",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "inner",
    "intersect",
    "interval",
    "is",
    "join",
    "last",
    "lateral",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "nulls",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "preceding",
    "qualify",
    "range",
    "recursive",
    "right",
    "rollup",
    "row",
    "rows",
    "select",
    "set",
    "sets",
    "show",
    "similar",
    "table",
    "tables",
    "then",
    "to",
    "true",
    "unbounded",
    "union",
    "unnest",
    "using",
    "values",
    "view",
    "when",
    "where",
    "window",
    "with",
    "within",
    "without",
    "year",
    "zone",
];

/// Names of types, which columns may have, too.
const TYPES: [&str; 10] =
    ["bigint", "boolean", "date", "double", "integer", "real", "smallint", "time", "timestamp", "varchar"];

/// Keywords that a table follows.
const BEFORE_TABLES: [&str; 4] = ["describe", "from", "into", "join"];

/// The names that there are.
#[derive(Debug)]
pub struct Vocabulary {
    /// Tables with their columns.
    pub tables: Vec<(String, Vec<String>)>,
    /// Functions, in lower case.
    pub functions: Vec<String>,
    /// Named queries.
    pub named_queries: NamedQueries,
}

impl Vocabulary {
    /// Completes the word that ends at the byte `at` of `text`: returns the byte where it begins, and the words that could
    /// stand there instead, sorted.
    pub fn complete(&self, text: &str, at: usize) -> (usize, Vec<String>) {
        let Some(before) = text.get(..at) else { return (at, Vec::new()) };
        let typed = before.trim_start();
        let (start, mut words) = if typed.starts_with('.') {
            self.complete_command(typed)
        } else if typed.starts_with('@') {
            self.complete_query(typed)
        } else {
            return self.complete_sql(text, at);
        };
        words.sort_unstable();
        (at - typed.len() + start, words)
    }

    /// A command or its argument; `typed` begins with the command's dot.
    fn complete_command(&self, typed: &str) -> (usize, Vec<String>) {
        let Some((name, rest)) = typed.split_once(char::is_whitespace) else {
            return (0, beginning_with(typed, NAMES));
        };
        let argument = rest.trim_start();
        let words = match name {
            ".mode" => beginning_with(argument, Format::ALL.map(Format::name)),
            ".schema" => beginning_with(argument, self.tables.iter().map(|(name, _)| name.as_str())),
            ".timing" => beginning_with(argument, ["off", "on"]),
            _ => Vec::new(),
        };
        (typed.len() - argument.len(), words)
    }

    /// A named query or a parameter of it; `typed` begins with the query's `@`.
    fn complete_query(&self, typed: &str) -> (usize, Vec<String>) {
        let Some((name, rest)) = typed.split_once(char::is_whitespace) else {
            let names: Vec<String> =
                self.named_queries.queries().iter().map(|query| format!("@{}", query.name)).collect();
            return (0, beginning_with(typed, names.iter().map(String::as_str)));
        };
        let word = rest.rsplit(char::is_whitespace).next().unwrap_or(rest);
        let start = typed.len() - word.len();
        let Ok(query) = self.named_queries.find(name.trim_start_matches('@')) else {
            return (start, Vec::new());
        };
        if let Some((name, _)) = word.split_once('=') {
            let is_column = query.parameters.iter().any(|p| p.name == name && p.kind == Kind::Column);
            let columns = self.tables.iter().flat_map(|(_, columns)| columns).filter(|_| is_column);
            let values: BTreeSet<String> = columns.map(|column| format!("{name}={column}")).collect();
            return (start, beginning_with(word, values.iter().map(String::as_str)));
        }
        let given =
            |name: &str| rest.split_whitespace().any(|w| w.split_once('=').is_some_and(|w| w.0 == name));
        let open = query.parameters.iter().filter(|p| !given(&p.name));
        let names: Vec<String> = open.map(|p| format!("{}=", p.name)).collect();
        (start, beginning_with(word, names.iter().map(String::as_str)))
    }

    /// A name or keyword of a statement; `at` is the cursor's byte in the text.
    fn complete_sql(&self, text: &str, at: usize) -> (usize, Vec<String>) {
        let tokens = tokens::of(text);
        let word = tokens.iter().find(|token| token.holds(at));
        let typed = match word.map(|token| (token.class, &text[token.start..at])) {
            None => "",
            Some((Class::Word, typed)) => typed,
            Some((Class::Quoted { open: true }, typed)) => typed.trim_start_matches('"'),
            // Within a text, a comment or a name that is complete there is nothing to add.
            Some(_) => return (at, Vec::new()),
        };
        let start = word.map_or(at, |token| token.start);
        let quoted = word.is_some_and(|token| token.class != Class::Word);

        // The tokens between the last `;` before the word and the next one after it.
        let first = tokens.iter().rposition(|token| token.text == ";" && token.end() <= start);
        let rest = &tokens[first.map_or(0, |semicolon| semicolon + 1)..];
        let statement: Vec<&Token<'_>> = rest
            .iter()
            .take_while(|token| token.text != ";")
            .filter(|token| token.start != start && token.class != Class::Text)
            .collect();
        let before = &statement[..statement.partition_point(|token| token.start < start)];
        let scope = Scope::new(&statement, &self.tables);
        let fits = |name: &&str| begins_with(name, typed);
        let named = |name: &str| written(name, quoted);

        if let Some(qualifier) = tokens::qualifier(before, start) {
            let columns: BTreeSet<String> =
                self.columns(&scope, Some(&qualifier)).filter(fits).map(named).collect();
            return (start, columns.into_iter().collect());
        }
        let tables = self.tables.iter().map(|(name, _)| name).chain(&scope.given).map(String::as_str);
        let mut found: BTreeSet<String> = tables.filter(fits).map(named).collect();
        let previous = before.last().map_or("", |token| token.text);
        if BEFORE_TABLES.iter().any(|keyword| previous.eq_ignore_ascii_case(keyword)) && !found.is_empty() {
            return (start, found.into_iter().collect());
        }
        if typed.is_empty() {
            // Every name would fit.
            return (start, Vec::new());
        }
        found.extend(self.columns(&scope, None).filter(fits).map(named));
        if !quoted {
            let shouted = typed.chars().all(|c| !c.is_lowercase());
            let spelt = |word: &str| if shouted { word.to_uppercase() } else { word.to_owned() };
            found.extend(KEYWORDS.into_iter().chain(TYPES).filter(fits).map(spelt));
            let bracket = if text[at..].starts_with('(') { "" } else { "(" };
            let functions = self.functions.iter().map(String::as_str).filter(fits);
            found.extend(functions.map(|name| spelt(name) + bracket));
        }
        (start, found.into_iter().collect())
    }

    /// The columns of the table that the statement calls `qualifier`; without a qualifier, or where it is a subquery, those
    /// of all tables that the statement names; where it names none yet, those of all tables.
    fn columns<'a>(
        &'a self,
        scope: &Scope<'a>,
        qualifier: Option<&str>,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let called = scope.tables.iter().filter(|(name, _)| qualifier.is_some_and(|q| q == name));
        let mut tables: Vec<&'a [String]> = called.map(|(_, columns)| *columns).collect();
        if tables.is_empty() {
            tables = scope.tables.iter().map(|(_, columns)| *columns).collect();
        }
        if tables.is_empty() {
            tables = self.tables.iter().map(|(_, columns)| columns.as_slice()).collect();
        }
        tables.into_iter().flatten().map(String::as_str)
    }
}

/// The path that is being typed at the end of a text, where that is a command that takes a path.
pub fn path_typed(before: &str) -> Option<&str> {
    let (name, rest) = before.trim_start().split_once(char::is_whitespace)?;
    [".output", ".read"].contains(&name).then(|| rest.trim_start())
}

/// The names in a statement.
struct Scope<'a> {
    /// Its tables with their columns, by their own names and by the names that it gives them.
    tables: Vec<(String, &'a [String])>,
    /// The names that it gives to columns, subqueries and tables.
    given: Vec<String>,
}

impl<'a> Scope<'a> {
    fn new(statement: &[&Token<'_>], known: &'a [(String, Vec<String>)]) -> Self {
        let mut scope = Self { tables: Vec::new(), given: Vec::new() };
        for (index, token) in statement.iter().enumerate() {
            let rest = &statement[index + 1..];
            let is_as = |token: &&Token<'_>| token.text.eq_ignore_ascii_case("as");
            let as_follows = rest.first().is_some_and(is_as);
            let alias = rest.get(usize::from(as_follows)).and_then(|token| given_name(token));
            if let Some((name, columns)) = token.name().and_then(|n| known.iter().find(|(k, _)| *k == n)) {
                scope.tables.push((name.clone(), columns));
                if let Some(alias) = alias {
                    scope.tables.push((alias.clone(), columns));
                    scope.given.push(alias);
                }
            } else if is_as(token) {
                // `expression as name` and `with name as (…)`.
                let named = rest.first().and_then(|token| given_name(token));
                let before = index.checked_sub(1).and_then(|i| statement.get(i));
                let common = before.filter(|_| rest.first().is_some_and(|token| token.text == "("));
                scope.given.extend(named.or_else(|| common.and_then(|token| given_name(token))));
            }
        }
        scope
    }
}

/// The name that a token is, where it is no keyword.
fn given_name(token: &Token<'_>) -> Option<String> {
    token.name().filter(|name| token.class != Class::Word || !is_keyword(name))
}

fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// Whether a name begins with what is typed, in upper or lower case.
fn begins_with(name: &str, typed: &str) -> bool {
    name.to_lowercase().starts_with(&typed.to_lowercase())
}

/// The names that begin with what is typed.
fn beginning_with<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    names.into_iter().filter(|name| begins_with(name, typed)).map(str::to_owned).collect()
}

/// A name as SQL takes it: in quotes where it would be folded to lower case or taken for something else.
fn written(name: &str, quoted: bool) -> String {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if quoted || !plain || is_keyword(name) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Completes at the `|` of a text: the text before the word, and what could stand there.
    fn complete(marked: &str) -> (String, Vec<String>) {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let vocabulary = Vocabulary {
            tables: vec![
                ("outliers".into(), names(&["station_id", "timestamp", "value", "zscore"])),
                ("stations".into(), names(&["station_id", "name", "Elevation (m)", "order"])),
            ],
            functions: names(&["count", "coalesce", "great_circle_km"]),
            named_queries: NamedQueries::built_in().unwrap(),
        };
        let at = marked.find('|').unwrap();
        let (start, words) = vocabulary.complete(&marked.replacen('|', "", 1), at);
        (marked[..start].to_owned(), words)
    }

    fn words(marked: &str) -> Vec<String> {
        complete(marked).1
    }

    #[test]
    fn commands_and_their_arguments() {
        assert_eq!(complete(".sch|"), (String::new(), vec![".schema".into()]));
        assert_eq!(complete(" .ti|"), (" ".into(), vec![".timing".into()]));
        assert_eq!(complete(".schema  st|"), (".schema  ".into(), vec!["stations".into()]));
        assert_eq!(words(".schema |"), ["outliers", "stations"]);
        assert_eq!(words(".mode m|"), ["markdown"]);
        assert_eq!(words(".mode |").len(), Format::ALL.len());
        assert_eq!(words(".timing o|"), ["off", "on"]);
        assert!(words(".tables |").is_empty() && words(".nonsense x|").is_empty());
        assert_eq!(words(".|").len(), NAMES.len());
    }

    #[test]
    fn paths_are_the_rest_of_two_commands() {
        assert_eq!(path_typed(".read by year/a"), Some("by year/a"));
        assert_eq!(path_typed("  .output  "), Some(""));
        for text in [".read", ".schema a", "select 1", ""] {
            assert_eq!(path_typed(text), None, "{text}");
        }
    }

    #[test]
    fn queries_their_parameters_and_columns() {
        assert_eq!(complete("@top|"), (String::new(), vec!["@top-stations".into()]));
        assert_eq!(
            complete("@events |"),
            ("@events ".into(), vec!["kind=".into(), "n=".into(), "verdict=".into()])
        );
        assert_eq!(words("@events n=100 |"), ["kind=", "verdict="]);
        assert_eq!(complete("@around hours=2 st|"), ("@around hours=2 ".into(), vec!["station=".into()]));
        assert_eq!(words("@above measurement=va|"), ["measurement=value"]);
        assert!(words("@above threshold=4|").is_empty());
        assert!(words("@nonsense x|").is_empty());
    }

    #[test]
    fn after_from_and_join_come_tables() {
        assert_eq!(
            complete("select * from |"),
            ("select * from ".into(), vec!["outliers".into(), "stations".into()])
        );
        assert_eq!(words("select * from outliers JOIN st|"), ["stations"]);
        assert_eq!(words("describe out|"), ["outliers"]);
        assert_eq!(words("with gusts as (select 1) select * from g|"), ["gusts"]);
        // Not every FROM is that of a table.
        assert_eq!(words("select extract(month from time|) from outliers"), ["time", "timestamp"]);
    }

    #[test]
    fn columns_are_those_of_the_tables_named() {
        assert_eq!(words("select stat|"), ["station_id", "stations"]);
        assert_eq!(words("select zs| from outliers"), ["zscore"]);
        assert!(words("select zs| from stations").is_empty());
        assert_eq!(words("select 1 from stations; select zs| from outliers; select 2"), ["zscore"]);
        assert_eq!(words("select 1 from outliers; select zs|").len(), 1);
        assert!(words("select 1 from outliers; select zs| from stations; select 2 from outliers").is_empty());
    }

    #[test]
    fn columns_are_qualified_by_tables_and_their_other_names() {
        assert_eq!(complete("select outliers.v|"), ("select outliers.".into(), vec!["value".into()]));
        assert_eq!(words("select o.| from outliers o"), ["station_id", "timestamp", "value", "zscore"]);
        assert_eq!(words("select s.na| from outliers as o join stations as s using (station_id)"), ["name"]);
        assert!(words("select o.na| from outliers as o join stations as s using (station_id)").is_empty());
        assert_eq!(words("select O.VAL| from outliers o"), ["value"]);
        // The columns of a subquery are most often those of its tables.
        assert_eq!(words("select q.val| from (select * from outliers) q"), ["value"]);
        assert!(words("select 1.|").is_empty());
    }

    #[test]
    fn names_given_in_the_statement_are_offered() {
        assert_eq!(words("select count(*) as gusts from outliers order by gu|"), ["gusts"]);
        assert_eq!(words("select st| from outliers as storm"), ["station_id", "stations", "storm"]);
        assert!(words("select 1 as x; select 2 as ye|").contains(&"year".to_owned()));
    }

    #[test]
    fn keywords_and_functions_are_spelt_as_typed() {
        assert_eq!(words("sel|"), ["select"]);
        assert_eq!(words("SEL|"), ["SELECT"]);
        assert_eq!(words("select * from outliers wher|"), ["where"]);
        assert_eq!(words("select coun|"), ["count("]);
        assert_eq!(words("select COUN|(*)"), ["COUNT"]);
        assert_eq!(words("select GREAT|"), ["GREAT_CIRCLE_KM("]);
    }

    #[test]
    fn names_that_need_quotes_get_them() {
        assert_eq!(
            complete("select elev| from stations"),
            ("select ".into(), vec!["\"Elevation (m)\"".into()])
        );
        assert_eq!(
            complete("select \"El| from stations"),
            ("select ".into(), vec!["\"Elevation (m)\"".into()])
        );
        assert_eq!(words("select s.or| from stations s"), ["\"order\""]);
        assert_eq!(words("select s.\"na| from stations s"), ["\"name\""]);
        assert!(words("select \"sel|").is_empty(), "a keyword is no name");
    }

    #[test]
    fn texts_comments_and_odd_places_offer_nothing() {
        for marked in [
            "|",
            "select |",
            "select 'sel|",
            "select 'sel|'",
            "select 1 -- sel|",
            "select /* sel|",
            "select /* sel| */ 1",
            "select \"val|ue\" from outliers",
            "select 12|",
            "select 'a' |",
            "select é|",
        ] {
            assert!(words(marked).is_empty(), "{marked}: {:?}", words(marked));
        }
        assert_eq!(words("select 'it''s', val|"), ["value", "values"]);
        assert_eq!(complete("where 'é'=sel|").0, "where 'é'=");
        assert_eq!(words("sel|foo"), ["select"]);
        let vocabulary = Vocabulary {
            tables: Vec::new(),
            functions: Vec::new(),
            named_queries: NamedQueries::built_in().unwrap(),
        };
        assert_eq!(vocabulary.complete("é", 1), (1, Vec::new()), "within a character");
        assert_eq!(vocabulary.complete("sel", 9), (9, Vec::new()), "after the end");
    }
}
