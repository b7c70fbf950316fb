//! One run of a tool: from the command line to an exit status.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use clap::error::ErrorKind;

use super::common::CommonArgs;
use super::failure::Failure;
use super::interrupt;
use super::streams::say;

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

/// Runs a tool: parses the command line, does what it asks for, and reports how it went. To be called by `main`, before
/// any thread is started.
///
/// The exit status is 0 for success, `--help`, `--version` and a reader that closed the pipe, 2 for arguments that make
/// no sense, 3 where sources were left out, and 1 for every other failure, a bug in this program included. A tool that is interrupted removes
/// half-written files.
#[must_use]
pub fn run<T: Tool>() -> ExitCode {
    let tool = match T::try_parse() {
        Ok(tool) => tool,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // A reader that closed the pipe has read what it wanted of it.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return report(&error.into()),
    };
    // Before the first thread is started: the one that waits for signals.
    limit_polars(tool.common().usable_threads());
    // A system that does not allow it ends the process in its own way.
    let _ = interrupt::watch(T::WHEN_INTERRUPTED);
    match catch_panic(|| tool.run()) {
        Ok(()) => leave(),
        Err(failure) => report(&failure),
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

/// Turns a panic into a failure: a bug is reported in one line too, and never by a backtrace.
fn catch_panic(tool: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    static PANIC: Mutex<Option<String>> = Mutex::new(None);
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("panic");
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let text = format!("internal: {message}{}", place.unwrap_or_default());
        // The first panic is the cause; others follow from it.
        PANIC.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }));
    catch_unwind(AssertUnwindSafe(tool)).unwrap_or_else(|_| {
        let text = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(Failure::error(text.unwrap_or_else(|| "internal: panic".into()))
            .hint("this is a bug: please report it with the command that shows it"))
    })
}

/// Prints the error line and the hint to standard error; returns the exit status.
fn report(failure: &Failure) -> ExitCode {
    let (message, hint, status) = match failure {
        Failure::Error { message, hint } => (message, hint, ExitCode::from(1)),
        Failure::Usage { message, hint } => (message, hint, ExitCode::from(2)),
        Failure::LeftOut { message, hint } => (message, hint, ExitCode::from(3)),
        Failure::ClosedPipe => return ExitCode::SUCCESS,
    };
    let hint = hint.as_ref().map(|hint| format!("hint: {}\n", one_line(hint))).unwrap_or_default();
    say(&format!("error: {}\n{hint}", one_line(message)));
    status
}

/// The text in one line: messages of libraries may have line breaks, with blanks around them.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
