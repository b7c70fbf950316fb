use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGHUP;

fn is_empty(directory: &Path) -> bool {
    directory.read_dir().unwrap().next().is_none()
}

/// Whether a file lies in the directory or below it.
fn holds_file(directory: &Path) -> bool {
    directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        // It may be gone by now.
        path.is_file() || (path.is_dir() && path.read_dir().is_ok() && holds_file(&path))
    })
}

/// Starts a query that writes temporary files, sends it a signal then, and compares its status and standard error.
fn interrupt(signal: &str, status: i32, expected: &str) {
    let (spills, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sql = "select value * 7919 % 1000003 as a, value from generate_series(1, 400000000) order by 1, 2";
    let query = Command::new(env!("CARGO_BIN_EXE_isd-query"))
        .args(["-o", "out.csv", "--memory-limit", "64MiB", sql])
        .current_dir(&home)
        .env("TMPDIR", spills.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !holds_file(spills.path()) {
        assert!(started.elapsed() < Duration::from_mins(1), "it writes no temporary file");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!is_empty(home.path()), "the output file is being written");
    assert!(Command::new("kill").args([signal, &query.id().to_string()]).status().unwrap().success());
    let output = query.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), expected, "{signal}");
    assert_eq!(output.status.code(), Some(status), "{signal}");
    assert!(is_empty(spills.path()) && is_empty(home.path()), "{signal} leaves files");
}

#[test]
fn an_interrupted_query_leaves_neither_temporary_files_nor_output() {
    interrupt("-INT", 130, "");
}

#[test]
fn a_query_that_is_told_to_end_leaves_neither_temporary_files_nor_output() {
    interrupt("-TERM", 143, "error: interrupted\n");
    // Under `nohup` the tests, and so the query, ignore it.
    if isd_dataset::interrupt::is_ignored(SIGHUP) != Some(true) {
        interrupt("-HUP", 129, "error: interrupted\n");
    }
}
