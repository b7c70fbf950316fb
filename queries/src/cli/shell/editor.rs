//! In: the keys pressed at a terminal; out: commands and statements, with history and completion on the way.

use std::io;

use isd_queries::Session;
use isd_queries::named::NamedQueries;
use rustyline::completion::Completer;
use rustyline::config::{BellStyle, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::complete::{Vocabulary, path_typed};
use super::history::{self, HistoryFile};
use super::lines::{CONTINUED, PROMPT, is_complete};
use crate::cli::interrupt::Interrupt;

/// A line editor that knows the tables, and what was typed before.
pub struct Editor {
    editor: rustyline::Editor<Assistant, FileHistory>,
    file: HistoryFile,
}

impl Editor {
    /// An editor on the terminal; none where it cannot work on that terminal, so that plain lines must do.
    pub fn open(session: &Session, named_queries: &NamedQueries) -> Option<Self> {
        // From these rustyline would read plain lines. Our own reader of plain lines knows Ctrl-C.
        let is_plain = |terminal: &str| ["dumb", "cons25", "emacs"].contains(&terminal);
        if std::env::var("TERM").is_ok_and(|terminal| is_plain(&terminal)) {
            return None;
        }
        let config = Config::builder().bell_style(BellStyle::None).max_history_size(history::LENGTH).ok()?;
        let config = config.completion_type(CompletionType::List).build();
        let history = FileHistory::with_config(&config);
        let mut editor = rustyline::Editor::with_history(config, history).ok()?;
        let vocabulary = Vocabulary {
            tables: session.tables(),
            functions: session.functions(),
            named_queries: named_queries.clone(),
        };
        editor.set_helper(Some(Assistant { vocabulary, begun: String::new() }));
        let (file, note) = HistoryFile::load(history::default_path(), editor.history_mut());
        if let Some(note) = note {
            super::note(&note);
        }
        Some(Self { editor, file })
    }

    /// The next command or statement; none at the end of the input (Ctrl-D). Ctrl-C drops what was begun.
    /// Errors: the terminal cannot be read.
    pub fn next(&mut self, interrupt: &Interrupt) -> io::Result<Option<String>> {
        let mut begun = String::new();
        loop {
            // It may have been pressed again for a query that was stopped already.
            interrupt.take();
            if let Some(assistant) = self.editor.helper_mut() {
                assistant.begun.clone_from(&begun);
            }
            let text = match self.editor.readline(if begun.is_empty() { PROMPT } else { CONTINUED }) {
                Ok(line) => begun.clone() + &line,
                Err(ReadlineError::Interrupted) => {
                    begun.clear();
                    continue;
                }
                Err(ReadlineError::Eof) => return Ok(None),
                Err(ReadlineError::Io(error)) => return Err(error),
                Err(other) => return Err(io::Error::other(other.to_string())),
            };
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            if !is_complete(text) {
                begun = format!("{text}\n");
                continue;
            }
            // Written at once: a session may end in other ways than by `.quit`.
            if self.editor.add_history_entry(text).is_ok_and(|is_new| is_new)
                && let Some(note) = self.file.keep(self.editor.history_mut())
            {
                super::note(&note);
            }
            return Ok(Some(text.to_owned()));
        }
    }
}

/// Completes words.
struct Assistant {
    vocabulary: Vocabulary,
    /// The lines of the statement before the one that is typed.
    begun: String,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, text: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let path = text.get(..at).and_then(path_typed);
        Ok(path.map_or_else(
            || {
                let before = self.begun.len();
                let (start, words) = self.vocabulary.complete(&format!("{}{text}", self.begun), before + at);
                (start.saturating_sub(before), words)
            },
            |path| (at - path.len(), paths(path)),
        ))
    }
}

/// The files and directories whose paths begin with what is typed, sorted; hidden ones where the dot is typed.
fn paths(typed: &str) -> Vec<String> {
    // A slash is understood everywhere.
    let (directory, name) = typed.rfind('/').map_or(("", typed), |at| typed.split_at(at + 1));
    let listed = std::fs::read_dir(if directory.is_empty() { "." } else { directory });
    let mut found: Vec<String> = listed
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let file = entry.file_name().into_string().ok()?;
            let is_wanted = file.starts_with(name) && (name.starts_with('.') || !file.starts_with('.'));
            let slash = if entry.path().is_dir() { "/" } else { "" };
            is_wanted.then(|| format!("{directory}{file}{slash}"))
        })
        .collect();
    found.sort_unstable();
    found
}

impl Validator for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {}

impl Helper for Assistant {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_completed_and_directories_go_on() {
        let directory = tempfile::TempDir::new().unwrap();
        for file in ["monthly.sql", "monsoon.sql", ".monitor", "year.sql"] {
            std::fs::write(directory.path().join(file), "").unwrap();
        }
        std::fs::create_dir(directory.path().join("months")).unwrap();
        let root = format!("{}/", directory.path().to_str().unwrap());
        let found = |typed: &str| -> Vec<String> {
            let paths = paths(&format!("{root}{typed}"));
            paths.iter().map(|path| path.strip_prefix(&root).unwrap().to_owned()).collect()
        };
        assert_eq!(found("mon"), ["monsoon.sql", "monthly.sql", "months/"]);
        assert_eq!(found(".m"), [".monitor"]);
        assert_eq!(found("").len(), 4);
        assert!(found("months/").is_empty() && found("nowhere/x").is_empty());
    }
}
