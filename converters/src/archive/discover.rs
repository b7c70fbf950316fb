//! From what the user names (files, directories, globs, a list on standard input) to files.

use std::collections::HashSet;
use std::fs;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::{Error, Result};
use isd_dataset::layout::MANIFEST;

/// Stands for a list of paths on standard input, one a line or each ended by a zero byte.
const STANDARD_INPUT: &str = "-";
/// What people keep beside observations: a file of such an extension is not taken for a damaged file of observations.
const BESIDE: [&str; 12] =
    ["txt", "md", "pdf", "html", "htm", "json", "xml", "log", "md5", "sha256", "py", "sh"];
/// NOAA's lists of stations and of what there is, which lie in the directories of its archives.
const LISTS: [&str; 3] = ["isd-history", "isd-inventory", "ghcnh-station-list"];

/// Files that sources stand for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Files, each once, in the order of the sources and by name within a directory or glob.
    pub files: Vec<PathBuf>,
    /// Files in directories that hold no observations, by their names.
    pub passed_over: Vec<PathBuf>,
}

/// Finds the files that `sources` stand for: a file itself, all files below a directory, the files that a pattern
/// such as `2017/*.gz` matches, or, for `-`, what `list` names, one a line or each ended by a zero byte.
///
/// Below a directory, hidden files and directories are none, and files whose names say that they are documentation
/// or lists of stations are passed over.
///
/// # Errors
/// A source that does not exist, a pattern that matches nothing, a directory without files, an isd dataset.
pub fn discover(sources: &[PathBuf], list: &mut dyn BufRead) -> Result<Discovery> {
    let mut found = Discovery::default();
    let several = sources.len() > 1;
    for source in sources {
        if source.as_os_str() == STANDARD_INPUT {
            let io = |source| Error::Io { path: "standard input".into(), action: "cannot read", source };
            let mut text = Vec::new();
            list.read_to_end(&mut text).map_err(io)?;
            // As `find -print0` ends names.
            let end = if text.contains(&0) { 0 } else { b'\n' };
            for name in text.split(|byte| *byte == end) {
                let name = name.strip_suffix(b"\r").unwrap_or(name);
                if !name.is_empty() {
                    find(&path_of(name), true, &mut found)?;
                }
            }
        } else {
            find(source, several, &mut found)?;
        }
    }
    let mut seen = HashSet::new();
    found.files.retain(|path| seen.insert(path.clone()));
    if found.files.is_empty() {
        let path = sources.first().cloned().unwrap_or_default();
        return Err(refused(&path, "no file of observations was named", "name files or directories of them"));
    }
    Ok(found)
}

/// The path that bytes name.
fn path_of(name: &[u8]) -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name));
    #[cfg(not(unix))]
    return PathBuf::from(String::from_utf8_lossy(name).into_owned());
}

/// Adds what one path stands for. One among `several` that does not exist is taken for a file, which will be found not
/// to be readable, like any other.
fn find(source: &Path, several: bool, found: &mut Discovery) -> Result<()> {
    match fs::metadata(source) {
        Ok(metadata) if metadata.is_dir() => {
            if source.join(MANIFEST).exists() {
                return Err(refused(
                    source,
                    "is a dataset already",
                    "isd-detect and isd-query read it as it is",
                ));
            }
            let before = found.files.len();
            walk(source, &mut HashSet::new(), found)?;
            if found.files.len() == before {
                return Err(refused(source, "is a directory without files of observations", "name another"));
            }
            Ok(())
        }
        Ok(_) => {
            found.files.push(source.to_owned());
            Ok(())
        }
        Err(error) => match source.to_str().filter(|text| text.contains(['*', '?', '['])) {
            Some(pattern) => matches(pattern, source, found),
            None if several => {
                found.files.push(source.to_owned());
                Ok(())
            }
            None => Err(Error::Io { path: source.to_owned(), action: "cannot open", source: error }),
        },
    }
}

/// All files below a directory, by name.
fn walk(directory: &Path, seen: &mut HashSet<PathBuf>, found: &mut Discovery) -> Result<()> {
    // A link may lead back to where it lies.
    if !seen.insert(fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned())) {
        return Ok(());
    }
    let cannot = |source| Error::Io { path: directory.to_owned(), action: "cannot list", source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(cannot)? {
        paths.push(entry.map_err(cannot)?.path());
    }
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(&path, seen, found)?;
        } else if is_beside(&path) {
            found.passed_over.push(path);
        } else {
            found.files.push(path);
        }
    }
    Ok(())
}

/// Whether a file's name says that it holds no observations.
pub fn is_beside(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    BESIDE.contains(&extension.as_str())
        || name.starts_with("readme")
        || LISTS.iter().any(|list| name.starts_with(list))
}

fn matches(pattern: &str, source: &Path, found: &mut Discovery) -> Result<()> {
    let paths = glob::glob(pattern)
        .map_err(|error| refused(source, &format!("is no pattern: {error}"), "use * ? and [a-z]"))?;
    let before = found.files.len();
    for path in paths {
        let path = path.map_err(|error| {
            let path = error.path().to_owned();
            Error::Io { path, action: "cannot list", source: error.into() }
        })?;
        find(&path, true, found)?;
    }
    if found.files.len() == before {
        return Err(refused(source, "matches no file", "check the pattern"));
    }
    Ok(())
}

fn refused(path: &Path, found: &str, hint: &str) -> Error {
    Error::Format { path: path.to_owned(), found: found.to_owned(), hint: Some(hint.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_directories_patterns_and_lists() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("2015/.cache")).unwrap();
        for name in
            ["2015/b.gz", "2015/a.gz", "2015/README", "2015/isd-history.csv", "2015/.cache/x", "c.csv"]
        {
            fs::write(root.join(name), "").unwrap();
        }
        let names = |sources: &[PathBuf], list: &str| {
            let found = discover(sources, &mut list.as_bytes()).unwrap();
            let files =
                found.files.iter().map(|p| p.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            (files.collect::<Vec<_>>(), found.passed_over.len())
        };
        assert_eq!(names(&[root.join("2015")], ""), (vec!["2015/a.gz".into(), "2015/b.gz".into()], 2));
        assert_eq!(names(&[root.join("2015/*.gz")], "").0.len(), 2);
        // Each once, however often it is named.
        assert_eq!(names(&[root.join("c.csv"), root.to_owned()], "").0, ["c.csv", "2015/a.gz", "2015/b.gz"]);
        let list = format!("{}\r\n\n{}\n", root.join("c.csv").display(), root.join("2015/a.gz").display());
        assert_eq!(names(&["-".into()], &list).0, ["c.csv", "2015/a.gz"]);
        let list = format!("{}\0{}\0", root.join("c.csv").display(), root.join("2015/a.gz").display());
        assert_eq!(names(&["-".into()], &list).0, ["c.csv", "2015/a.gz"]);
        for (source, expected) in [
            (root.join("absent"), "absent"),
            (root.join("*.hdf5"), "matches no file"),
            (root.join("2015/.cache"), "x"),
            (root.join("[").join("a"), "is no pattern"),
        ] {
            match discover(std::slice::from_ref(&source), &mut "".as_bytes()) {
                Err(error) => assert!(error.to_string().contains(expected), "{error}"),
                Ok(found) => assert!(found.files[0].ends_with(expected), "{found:?}"),
            }
        }
    }
}
