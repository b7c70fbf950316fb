//! A query that is told to stop: what it leaves behind.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

#[test]
#[cfg(unix)]
fn an_interrupted_query_leaves_neither_spills_nor_output() {
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
        assert!(started.elapsed() < Duration::from_mins(1), "it puts nothing by");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &query.id().to_string()]).status().unwrap().success());
    let output = query.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(is_empty(spills.path()) && is_empty(home.path()));
}
