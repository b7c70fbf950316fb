//! The page of the documentation: its list of tests is that of the catalogue.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use isd::qc::{CATALOGUE, Needs};
use isd_dataset::MEASUREMENTS;

const BEGIN: &str = "<!-- tests: written by UPDATE_DOCS=1 cargo test -p isd --test isd qc::page -->\n";
const END: &str = "<!-- end of tests -->\n";

/// The tests in Markdown.
fn tests() -> String {
    let mut text = String::new();
    for about in CATALOGUE.iter().map(|test| test.about()) {
        let needs = match about.needs {
            Needs::Series => "the series alone",
            Needs::Variables => "other variables of the station",
            Needs::Climatology => "years of record",
            Needs::Neighbours => "neighbouring stations",
        };
        let off = if about.by_default { "" } else { " Off by default." };
        let released = if about.released_by_neighbours { " Neighbours may release it." } else { "" };
        let all = about.measurements.len() == MEASUREMENTS.len();
        let names: Vec<String> =
            about.measurements.iter().map(|&m| format!("`{}`", MEASUREMENTS[m].name)).collect();
        let names = if all { "all measurements".to_owned() } else { names.join(", ") };
        writeln!(text, "### {}\n{}\n", about.name, about.definition).unwrap();
        writeln!(text, "Judges {names}; needs {needs}.{off}{released} Source: {}.\n", about.source).unwrap();
        writeln!(text, "| parameter | default | |\n|---|---|---|").unwrap();
        for parameter in about.parameters {
            let own =
                parameter.own.iter().map(|(m, value)| format!("; {value} for `{}`", MEASUREMENTS[*m].name));
            let own: String = own.collect();
            let units = match parameter.units {
                "" => String::new(),
                "value" => " in the measurement's units".to_owned(),
                units => format!(" {units}"),
            };
            let default = parameter.default;
            // What every measurement has of its own has no default.
            let (default, own) = if default.is_infinite() || default < -1e6 {
                ("none".to_owned(), own)
            } else {
                (format!("{}{units}", (default * 100.0).round() / 100.0), own)
            };
            writeln!(text, "| `{}` | {default}{own} | {} |", parameter.name, parameter.meaning).unwrap();
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_page_lists_the_tests_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quality-control.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a list of tests");
    let (listed, after) = rest.split_once(END).expect("the list ends");
    let tests = tests();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, [before, BEGIN, &tests, END, after].concat()).unwrap();
    } else {
        assert_eq!(listed, tests, "UPDATE_DOCS=1 writes the list anew");
    }
}
