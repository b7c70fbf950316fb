use std::fs::{self, File};
use std::io::Write as _;

use isd_dataset::output_file::OutputFile;
use tempfile::TempDir;

fn names(directory: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_file_has_its_name_once_it_is_finished() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("out.csv");
    fs::write(&path, "before").unwrap();
    let output = OutputFile::create(&path).unwrap();
    output.file().write_all(b"after!!").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"before");
    assert_eq!(output.finish().unwrap(), 7);
    assert_eq!(fs::read(&path).unwrap(), b"after!!");
    assert_eq!(names(&directory), ["out.csv"]);
}

#[test]
fn a_file_that_is_dropped_is_removed() {
    let directory = TempDir::new().unwrap();
    drop(OutputFile::create(&directory.path().join("out.csv")).unwrap());
    assert!(names(&directory).is_empty());
}

#[test]
fn places_where_no_file_can_be_are_refused() {
    let directory = TempDir::new().unwrap();
    for path in [directory.path().to_owned(), directory.path().join("none").join("out.csv")] {
        let error = OutputFile::create(&path).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: cannot create: ", path.display())), "{error}");
    }
}

#[test]
#[cfg(unix)]
fn others_may_read_it_as_they_may_read_any_new_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = TempDir::new().unwrap();
    let (path, other) = (directory.path().join("out.csv"), directory.path().join("other"));
    OutputFile::create(&path).unwrap().finish().unwrap();
    File::create(&other).unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(path), mode(other));
}
