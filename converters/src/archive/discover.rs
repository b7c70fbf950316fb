//! Finding files: what the user names (files, directories, globs, a list on standard input) in, files out.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use isd_dataset::layout::{MANIFEST, STATIONS, is_dataset, is_version_directory};
use isd_stores::{is_address, is_writable};
use walkdir::WalkDir;

use crate::{Error, Result};

/// Stands for a list of paths on standard input, one a line or each ended by a zero byte.
const STANDARD_INPUT: &str = "-";
/// Extensions of what people keep beside observations: such a file is passed over, not taken for a damaged one.
const BESIDE: [&str; 12] =
    ["txt", "md", "pdf", "html", "htm", "json", "xml", "log", "md5", "sha256", "py", "sh"];
/// How the names of files begin that Spark and its like, and we ourselves, put beside tables.
const BESIDE_TABLES: [&str; 6] =
    ["_success", "_metadata", "_common_metadata", "_committed_", "_started_", STATIONS];
/// How the names of NOAA's lists of stations and of files begin, which lie in the directories of its archives.
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
/// Below a directory, hidden files and directories are ignored, and files whose names say that they are documentation
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
            // `find -print0` ends names by zero bytes.
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
        let path = sources.first().map_or(Path::new(""), |source| source);
        return Err(refused(path, "no file of observations was named", "name files or directories of them"));
    }
    Ok(found)
}

/// The path whose name these bytes are.
pub fn path_of(name: &[u8]) -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name));
    #[cfg(not(unix))]
    return PathBuf::from(String::from_utf8_lossy(name).into_owned());
}

/// Adds the files that one path stands for. A path among `several` that does not exist is added as well, and reading it
/// will fail.
fn find(source: &Path, several: bool, found: &mut Discovery) -> Result<()> {
    if is_address(source) {
        return find_objects(source, several, found);
    }
    match fs::metadata(source) {
        Ok(metadata) if metadata.is_dir() => {
            if is_dataset(source) {
                return Err(refused(
                    source,
                    "is a dataset already",
                    "isd-detect and isd-query read it as it is",
                ));
            }
            let before = found.files.len();
            walk(source, found)?;
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

/// Adds the objects that an address stands for: all below it, those that match it as a pattern, or the one at it.
fn find_objects(source: &Path, several: bool, found: &mut Discovery) -> Result<()> {
    let unreadable = |error| Error::io(source, "cannot list", error);
    // On a web server an address is that of a file.
    if !is_writable(source) {
        found.files.push(source.to_owned());
        return Ok(());
    }
    let text = source.to_string_lossy();
    let before = found.files.len();
    if let Some(special) = text.find(['*', '?', '[']) {
        let pattern = glob::Pattern::new(&text)
            .map_err(|error| refused(source, &format!("is no pattern: {error}"), "use * ? and [a-z]"))?;
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let directory = text[..special].rfind('/').map_or("", |end| &text[..end]);
        let entries = isd_stores::list(Path::new(directory)).map_err(unreadable)?;
        let matching = entries.into_iter().filter(|entry| pattern.matches_path_with(&entry.path, options));
        found.files.extend(matching.map(|entry| entry.path));
        if found.files.len() == before {
            return Err(refused(source, "matches no file", "check the pattern"));
        }
        return Ok(());
    }
    let entries = isd_stores::list(source).map_err(unreadable)?;
    if entries.is_empty() {
        // An object, or nothing at all.
        if !several && !isd_stores::exists(source).map_err(unreadable)? {
            return Err(Error::io(source, "cannot open", isd_stores::not_found()));
        }
        found.files.push(source.to_owned());
        return Ok(());
    }
    if entries.iter().any(|entry| entry.path == source.join(MANIFEST)) {
        return Err(refused(source, "is a dataset already", "isd-detect and isd-query read it as it is"));
    }
    for entry in entries {
        let below = entry.path.strip_prefix(source).unwrap_or(&entry.path);
        // A version of a dataset that no manifest names is not complete.
        let is_left_out =
            |name: &OsStr| is_hidden(Path::new(name)) || is_version_directory(&name.to_string_lossy());
        if below.iter().any(is_left_out) {
            continue;
        }
        if is_beside(&entry.path) { &mut found.passed_over } else { &mut found.files }.push(entry.path);
    }
    if found.files.len() == before {
        return Err(refused(source, "is a directory without files of observations", "name another"));
    }
    Ok(())
}

/// Adds all files below a directory, by name.
fn walk(directory: &Path, found: &mut Discovery) -> Result<()> {
    let mut seen = HashSet::new();
    let entries = WalkDir::new(directory).follow_links(true).sort_by_file_name().into_iter();
    let entries = entries.filter_entry(|entry| {
        let path = entry.path();
        // Several links may lead to one directory.
        let mut is_new = || seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        (entry.depth() == 0 || !is_hidden(path)) && (!entry.file_type().is_dir() || is_new())
    });
    for entry in entries {
        let path = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => entry.into_path(),
            // A link that leads back to a directory in which it lies.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_owned();
                match error.into_io_error() {
                    Some(source) if path.is_dir() => return Err(Error::io(&path, "cannot list", source)),
                    // A link to nothing: the file is named, and reading it will fail.
                    _ => path,
                }
            }
        };
        if is_hidden(&path) {
            continue;
        }
        if is_beside(&path) { &mut found.passed_over } else { &mut found.files }.push(path);
    }
    Ok(())
}

/// Whether a file's name begins with a dot.
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether a file's name says that it holds no observations.
pub fn is_beside(path: &Path) -> bool {
    let lower = |part: Option<&OsStr>| part.map(|part| part.to_string_lossy().to_lowercase());
    lower(path.extension()).is_some_and(|extension| BESIDE.contains(&extension.as_str()))
        || lower(path.file_name()).is_some_and(|name| {
            name.starts_with("readme")
                || LISTS.iter().chain(&BESIDE_TABLES).any(|list| name.starts_with(list))
        })
}

/// Adds the files that a pattern matches.
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
