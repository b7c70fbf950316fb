//! What the command-line tools share: from arguments to an exit status, with one error line and at most one hint.

pub mod convert;
pub mod detect;
mod detect_summary;
mod failure;
mod inspect;
mod interrupt;
mod observations;
mod progress;
mod source;
pub mod synth;

use std::io::{self, Write as _};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::Parser;
use clap::error::ErrorKind;
use serde::Serialize;

pub use failure::Failure;
pub use indicatif::{HumanBytes, HumanCount};
pub use progress::Progress;

/// Flags that every tool has.
#[derive(Debug, Clone, clap::Args)]
pub struct CommonArgs {
    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
    /// No progress bar and no summary: errors only
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the summary as one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

impl CommonArgs {
    /// Starts the thread pool that everything parallel runs on, of which the calling thread is one; to be called once,
    /// before it. Other threads get nothing done by that pool while this one waits for something else.
    ///
    /// # Errors
    /// The operating system refuses the threads.
    pub fn start_threads(&self) -> Result<(), Failure> {
        let threads = self.threads.map_or(0, NonZeroUsize::get);
        if threads > 0 {
            // Polars has a pool of its own, whose size can only be said here.
            #[allow(
                unsafe_code,
                reason = "the only way to size Polars' thread pool is its environment variable"
            )]
            // SAFETY: the process has no other thread yet that could read the environment.
            unsafe {
                std::env::set_var("POLARS_MAX_THREADS", threads.to_string());
            }
        }
        // The calling thread is one of them, so that nothing is handed over where one part of the work follows another.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread();
        pool.build_global().map_err(|error| {
            Failure::error(format!("cannot start the threads: {error}")).hint("try --threads 1")
        })
    }

    /// Prints the summary: `json` to standard output with `--json`, else `text` to standard error
    /// unless `--quiet`.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn summarize(&self, json: &impl Serialize, text: &str) -> Result<(), Failure> {
        if self.json {
            let json = serde_json::to_string(json)
                .map_err(|error| Failure::error(format!("cannot write the summary: {error}")))?;
            print(&(json + "\n"))?;
        } else if !self.quiet {
            say(text);
        }
        Ok(())
    }
}

/// Runs a tool: parses the arguments, calls `tool`, and reports how it went.
///
/// The exit status is 0 for success, `--help`, `--version` and a reader that closed the pipe, 2
/// for arguments that make no sense, and 1 for every other failure, a bug in this program included.
///
/// An interrupted tool removes what is half-written; `when_interrupted` says what can be done then.
pub fn run<A: Parser>(
    tool: impl FnOnce(A) -> Result<(), Failure>,
    when_interrupted: Option<&'static str>,
) -> ExitCode {
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // Whoever closed the pipe has read what they wanted of it.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return Failure::from(error).report(),
    };
    // A system that does not allow it ends the process its own way.
    let _ = interrupt::watch(when_interrupted);
    match catch_panic(|| tool(arguments)) {
        Ok(()) => leave(),
        Err(failure) => failure.report(),
    }
}

/// Ends the process with success: everything is written, and removed what is to be, by now. The system takes all its
/// memory at once; the allocator would first hand it back piece by piece.
#[must_use]
pub fn leave() -> ExitCode {
    #[cfg(unix)]
    signal_hook::low_level::exit(0);
    #[cfg(not(unix))]
    ExitCode::SUCCESS
}

/// Turns a panic into a failure: a bug is one line too, and never a backtrace.
fn catch_panic(tool: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    static PANIC: Mutex<Option<String>> = Mutex::new(None);
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("panic");
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        let text = format!("internal: {message}{}", place.unwrap_or_default());
        // The first one is the cause; others follow from it.
        PANIC.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }));
    catch_unwind(AssertUnwindSafe(tool)).unwrap_or_else(|_| {
        let text = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(Failure::error(text.unwrap_or_else(|| "internal: panic".into()))
            .hint("this is a bug: please report it with the command that shows it"))
    })
}

/// Writes results to standard output.
///
/// # Errors
/// It cannot be written; [`Failure::ClosedPipe`] if the reader has gone.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| Failure::stdout(&error))
}

/// Writes to standard error, where that is possible.
pub fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// A number of things, as in `1 station` and `3,120,000 rows`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", HumanCount(number), if number == 1 { "" } else { "s" })
}

/// A number of rows a second: `3,120,000 rows/s`.
#[must_use]
pub fn rate(rows: u64, seconds: f64) -> String {
    let per_second = rows as f64 / seconds.max(1e-9);
    // Three digits are what a timing is good for.
    let unit = 10_f64.powi((per_second.max(1.0).log10().floor() as i32 - 2).max(0));
    format!("{} rows/s", HumanCount(((per_second / unit).round() * unit) as u64))
}

/// A number of threads.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a number, 1 or more".to_owned())
}
