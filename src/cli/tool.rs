//! One run of a tool: from the command line to an exit status.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use isd_stores::without_secrets;
use serde::Serialize;

use super::common::{CommonArgs, to_json};
use super::failure::{Failure, Kind, Report};
use super::interrupt;
use super::panics::{catch_panic, take_process};
use super::streams::{print, say};

/// The arguments of a command-line tool, and what it does with them.
pub trait Tool: Parser {
    /// What the user can do after an interruption.
    const WHEN_INTERRUPTED: Option<&'static str> = None;

    /// The flags that every tool has.
    fn common(&self) -> &CommonArgs;

    /// Does what the arguments ask for.
    ///
    /// # Errors
    /// Whatever keeps it from that.
    fn run(self) -> Result<(), Failure>;
}

/// Runs a tool with the process's own arguments: see [`run_with`].
#[must_use]
pub fn run<T: Tool>() -> ExitCode {
    run_with::<T>(&std::env::args_os().collect::<Vec<_>>())
}

/// Runs a tool: parses the arguments, the first of which is its name, does what they ask for, and reports how it went. To be
/// called by `main`, before any thread is started.
///
/// The exit status is 0 for success, `--help`, `--version` and a reader that closed the pipe, that of [`Kind`] for what is
/// reported, a bug in this program included, and 5 for [`Failure::Found`]. A tool that is interrupted removes half-written
/// files. With `--json`, a failure is one JSON object on standard output, too.
#[must_use]
pub fn run_with<T: Tool>(arguments: &[OsString]) -> ExitCode {
    let tool = match T::try_parse_from(arguments) {
        Ok(tool) => tool,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // A reader that closed the pipe has read what it wanted of it.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return report(&error.into(), arguments.iter().any(|argument| argument == "--json")),
    };
    let json = tool.common().json;
    take_process();
    // Before the first thread is started: the one that waits for signals.
    limit_polars(tool.common().usable_threads());
    // A system that does not allow it ends the process in its own way.
    let _ = interrupt::watch(T::WHEN_INTERRUPTED);
    match catch_panic(|| tool.run()) {
        Ok(()) => leave(),
        Err(failure) => report(&failure, json),
    }
}

/// Ends the process with success, once everything is written and temporary files are removed. The system takes back all
/// memory at once; the allocator would first return it piece by piece.
#[must_use]
pub fn leave() -> ExitCode {
    #[cfg(unix)]
    signal_hook::low_level::exit(0);
    #[cfg(not(unix))]
    ExitCode::SUCCESS
}

/// Limits the threads of Polars, which has a pool of its own, sized by an environment variable alone. To be called while
/// the process has one thread.
fn limit_polars(threads: Option<NonZeroUsize>) {
    let Some(threads) = threads else { return };
    #[allow(unsafe_code, reason = "the only way to size Polars' thread pool is its environment variable")]
    // SAFETY: `run` has started no thread yet, so that no other one can read the environment meanwhile.
    unsafe {
        std::env::set_var("POLARS_MAX_THREADS", threads.to_string());
    }
}

/// What `--json` prints of a failure.
#[derive(Serialize)]
struct FailureSummary {
    error: JsonError,
}

/// A failure, or why a file was left out, as summaries in JSON have it.
#[derive(Debug, Serialize)]
pub struct JsonError {
    /// The file or directory that it is about.
    pub path: Option<String>,
    /// What went wrong, in one line.
    pub message: String,
    /// What to do about it, in one line.
    pub hint: Option<String>,
}

/// Prints the error line and the hint to standard error, with `json` to standard output, too; returns the exit status.
fn report(failure: &Failure, json: bool) -> ExitCode {
    let Report { kind, message, hint, path } = match failure {
        Failure::Report(report) => report,
        Failure::ClosedPipe => return ExitCode::SUCCESS,
        Failure::Found => return ExitCode::from(5),
        // Only the program that embeds a tool can cancel it.
        Failure::Cancelled => return ExitCode::FAILURE,
    };
    let (message, hint) = (without_secrets(&one_line(message)), hint.as_deref().map(one_line));
    let hint_line = hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    say(&format!("error: {message}\n{hint_line}"));
    // What was left out stands in the summary, which is printed already.
    if json && *kind != Kind::LeftOut {
        let path = path.as_ref().map(|path| without_secrets(&path.display().to_string()));
        // Where standard output cannot be written, the line on standard error has said what there is to say.
        let _ = to_json(&FailureSummary { error: JsonError { path, message, hint } })
            .and_then(|json| print(&json));
    }
    ExitCode::from(kind.status())
}

/// The text in one line: messages of libraries may have line breaks, with blanks around them.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
