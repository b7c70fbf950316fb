//! In: what is typed; out: a file with it, from which the next session takes it.

use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

use rustyline::error::ReadlineError;
use rustyline::history::History;

/// Statements and commands that are kept.
pub const LENGTH: usize = 2_000;

/// The file that a history is kept in. A history is a convenience: where there is no place for it the prompt works
/// without, having said so once.
#[derive(Debug)]
pub struct HistoryFile {
    /// None where nothing is kept, or no longer.
    path: Option<PathBuf>,
}

impl HistoryFile {
    /// Adds what earlier sessions kept to the history; returns with the file what there is to say when that failed.
    pub fn load(path: Option<PathBuf>, history: &mut impl History) -> (Self, Option<String>) {
        let loaded = path.as_deref().map_or(Ok(()), |path| history.load(path));
        let mut file = Self { path };
        // A first session has no file yet.
        let note = loaded.err().filter(|error| !is_not_found(error)).and_then(|error| file.give_up(&error));
        (file, note)
    }

    /// Writes what came to the history since, after what other sessions wrote; returns what there is to say when
    /// that failed.
    pub fn keep(&mut self, history: &mut impl History) -> Option<String> {
        let path = self.path.as_deref()?;
        let kept = make_parent(path).map_err(ReadlineError::Io).and_then(|()| history.append(path));
        kept.err().and_then(|error| self.give_up(&error))
    }

    /// Keeps nothing from here on; returns the note that says why, the first time.
    fn give_up(&mut self, error: &ReadlineError) -> Option<String> {
        let path = self.path.take()?;
        Some(format!("the history is not kept: {}: {error}", path.display()))
    }
}

/// The file that this user's history is kept in: among the state of programs, as the XDG base directory specification has
/// it, on Windows among the local data of applications; none where the user has no home.
pub fn default_path() -> Option<PathBuf> {
    // The specification has relative paths ignored.
    let directory = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = if cfg!(windows) { directory("LOCALAPPDATA") } else { directory("XDG_STATE_HOME") };
    let state = state.or_else(|| Some(std::env::home_dir()?.join(".local").join("state")))?;
    Some(state.join("isd").join("query_history"))
}

fn is_not_found(error: &ReadlineError) -> bool {
    matches!(error, ReadlineError::Io(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Makes the directory of a file for this user alone, as the file itself is.
fn make_parent(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    path.parent().map_or(Ok(()), |parent| builder.create(parent))
}

#[cfg(test)]
mod tests {
    use rustyline::history::FileHistory;
    use tempfile::TempDir;

    use super::*;

    fn loaded(path: &Path) -> (HistoryFile, FileHistory, Option<String>) {
        let mut history = FileHistory::new();
        let (file, note) = HistoryFile::load(Some(path.to_owned()), &mut history);
        (file, history, note)
    }

    fn entries(history: &FileHistory) -> Vec<&str> {
        history.iter().map(String::as_str).collect()
    }

    #[test]
    fn history_comes_back_with_its_lines() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("isd").join("query_history");
        let (mut file, mut history, note) = loaded(&path);
        assert_eq!(note, None, "a file that is not there yet is no failure");
        history.add("select 1,\n  'a\\n'\nfrom outliers;").unwrap();
        assert_eq!(file.keep(&mut history), None);
        // Another session writes at the same time.
        let (mut other_file, mut other, _) = loaded(&path);
        other.add(".tables").unwrap();
        assert_eq!(other_file.keep(&mut other), None);
        history.add(".quit").unwrap();
        assert_eq!(file.keep(&mut history), None);
        let (_, history, note) = loaded(&path);
        assert_eq!(note, None);
        assert_eq!(entries(&history), ["select 1,\n  'a\\n'\nfrom outliers;", ".tables", ".quit"]);
    }

    #[cfg(unix)]
    #[test]
    fn file_and_its_directory_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("isd").join("query_history");
        let (mut file, mut history, _) = loaded(&path);
        history.add("select 1;").unwrap();
        assert_eq!(file.keep(&mut history), None);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }

    #[test]
    fn failure_is_told_once_and_leaves_the_file_alone() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("query_history");
        std::fs::write(&path, b"#V2\nselect 1;\n\xff\xfe\n").unwrap();
        let (mut file, mut history, note) = loaded(&path);
        let note = note.unwrap();
        assert!(note.starts_with("the history is not kept: ") && note.contains("query_history: "), "{note}");
        assert_eq!(entries(&history), ["select 1;"]);
        history.add("select 2;").unwrap();
        assert_eq!(file.keep(&mut history), None);
        assert_eq!(std::fs::read(&path).unwrap(), b"#V2\nselect 1;\n\xff\xfe\n");

        let (mut file, mut history, note) = loaded(&path.join("below a file"));
        let note = note.or_else(|| {
            history.add("select 1;").unwrap();
            file.keep(&mut history)
        });
        assert!(note.is_some());
        assert_eq!(file.keep(&mut history), None);
    }
}
