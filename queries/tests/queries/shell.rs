//! The prompt as a person meets it: on a pseudo-terminal that `script` of util-linux makes.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use crate::support::outliers_file;

/// What the terminal shows for these lines typed at the prompt; none where there is no `script`.
fn typed(arguments: &str, lines: &[&str]) -> Option<String> {
    use std::io::Write;
    let command = format!("{} {arguments}", env!("CARGO_BIN_EXE_isd-query"));
    let child = Command::new("script")
        .args(["-q", "-e", "-c", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("skipped: there is no `script` to make a terminal with");
        return None;
    };
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn statements_and_commands_are_answered_at_the_prompt() {
    let (_directory, path) = outliers_file();
    let lines = [
        "select count(*) as n",
        "from outliers;",
        ".tables",
        ".mode markdown",
        "@top-stations n=1",
        "select nothing from outliers;",
        ".nonsense",
        ".quit",
    ];
    let Some(screen) = typed(path.to_str().unwrap(), &lines) else { return };
    assert!(screen.contains("tables: outliers."), "{screen}");
    assert!(screen.contains("n\r\n-\r\n5\r\n"), "{screen}");
    assert!(screen.contains("outliers: station_id, timestamp, measurement, "), "{screen}");
    assert!(screen.contains("| 722010-12836 | 3 | 1 |"), "{screen}");
    assert!(screen.contains("there is no column `nothing`"), "{screen}");
    assert!(screen.contains("there is no command `.nonsense`"), "{screen}");
}

#[test]
fn results_go_to_a_file_and_back_to_the_screen() {
    let (directory, path) = outliers_file();
    let file = directory.path().join("counted.csv");
    let output = format!(".output {}", file.display());
    let lines =
        [&output, "select count(*) as n from outliers;", ".output", "select 6 * 7 as answer;", ".quit"];
    let Some(screen) = typed(path.to_str().unwrap(), &lines) else { return };
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "n\n5\n");
    assert!(screen.contains("answer\r\n------\r\n    42\r\n"), "{screen}");
}
