//! The tools as they are run from a shell: what a failure looks like, for the tests of every one of them.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Names of what lies in a directory, hidden files included.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All rows of a Parquet file.
pub fn parquet(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// Runs a tool in a directory to its end.
pub fn run(tool: &str, home: &Path, arguments: &[&str]) -> Output {
    Command::new(tool).args(arguments).current_dir(home).output().unwrap()
}

/// Asserts a failure with that status: one error line with `message`, at most one hint, no output and no new file.
/// Gives the hint, if there is one.
pub fn fails(tool: &str, home: &Path, arguments: &[&str], status: i32, message: &str) -> Option<String> {
    let before = names(home);
    let output = run(tool, home, arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines[0].starts_with("error: ") && lines[0].contains(message), "{arguments:?}: {stderr}");
    assert!(lines.len() <= 2, "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(names(home), before, "{arguments:?}");
    lines.get(1).map(|hint| hint.strip_prefix("hint: ").unwrap_or_else(|| panic!("{stderr}")).to_owned())
}
