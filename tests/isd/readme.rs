//! The session of the README: its commands are run, and print what it shows, but for times and rates.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const README: &str = include_str!("../../README.md");

/// The lines of the console block after the mark `session`.
fn session() -> Vec<&'static str> {
    let (_, after) = README.split_once("<!-- session -->\n```console\n").expect("the README has a session");
    let (block, _) = after.split_once("\n```").expect("the session ends");
    block.lines().collect()
}

/// The line without what differs from run to run: the number before `s` or `rows/s`.
fn without_times(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let is_unit = |word: &str| ["s", "rows/s"].contains(&word.trim_end_matches([',', ';', ')']));
    let shown = words.iter().enumerate().map(|(index, word)| {
        let is_timed = words.get(index + 1).is_some_and(|next| is_unit(next));
        if is_timed && word.contains(|c: char| c.is_ascii_digit()) { "N" } else { word }
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_session_of_the_readme_is_what_the_tools_print() {
    let home = TempDir::new().unwrap();
    let tools = Path::new(env!("CARGO_BIN_EXE_isd-detect")).parent().unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut lines = session().into_iter().peekable();
    let mut commands = 0;
    while let Some(line) = lines.next() {
        let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("expected a command: {line}"));
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
            expected.push(without_times(line));
        }
        // Both streams in the order of a terminal.
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {command} ; }} 2>&1")])
            .current_dir(home.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed: Vec<String> = printed.lines().map(without_times).collect();
        assert_eq!(printed, expected, "{command}");
        assert!(output.status.success(), "{command}");
        commands += 1;
    }
    assert_eq!(commands, 6);
}

#[test]
fn times_and_rates_are_no_part_of_the_comparison() {
    assert_eq!(without_times("736,928 rows in 0.03 s (23,100,000 rows/s)"), "736,928 rows in N s N rows/s)");
    assert_eq!(without_times("wrote o.csv (575 rows, 55.66 KiB)"), "wrote o.csv (575 rows, 55.66 KiB)");
}
