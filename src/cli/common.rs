//! The flags that every tool has, and what they do: threads, and where the summary goes.

use std::num::NonZeroUsize;

use clap::ValueEnum;
use isd_dataset::threads::{parse_threads, usable_threads};
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use serde::Serialize;

use super::embedded;
use super::failure::Failure;
use super::panics::take_thread;
use super::progress::Shown;
use super::streams::{print, say};

/// Version of what `--json` prints: fields are added under the same number, and never renamed or given another type.
const SCHEMA: u32 = 1;

/// Flags that every tool has.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Running")]
pub struct CommonArgs {
    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = parse_threads, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,
    /// No progress bar and no summary: errors only
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the summary, or why there is none, as one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// How progress is shown on standard error [default: a bar on a terminal]
    #[arg(long, value_enum, value_name = "HOW", conflicts_with = "quiet")]
    progress: Option<ProgressArg>,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProgressArg {
    /// A bar, on a terminal only
    Bar,
    /// A JSON object a line, once a second
    Json,
}

impl CommonArgs {
    /// Number of threads that were asked for, as far as the machine can use them.
    #[must_use]
    pub fn usable_threads(&self) -> Option<NonZeroUsize> {
        self.threads.map(|asked| usable_threads(asked).0)
    }

    /// Number of threads as thread pools take it: 0 for one a core.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.usable_threads().map_or(0, NonZeroUsize::get)
    }

    /// How progress is shown.
    #[must_use]
    pub fn progress(&self) -> Shown {
        match self.progress {
            Some(ProgressArg::Json) => Shown::Json,
            _ if self.quiet => Shown::No,
            _ => Shown::Bar,
        }
    }

    /// Starts the global thread pool, on which everything parallel runs; to be called once. The calling thread is one of
    /// its threads: what another thread hands to the pool while this one waits for something else is left undone. A tool
    /// within another program is on a thread of [`CommonArgs::thread_pool`] already.
    ///
    /// # Errors
    /// The operating system refuses the threads.
    pub fn start_threads(&self) -> Result<(), Failure> {
        if let (false, Some(note)) = (self.quiet, self.threads.and_then(|asked| usable_threads(asked).1)) {
            say(&format!("note: {note}\n"));
        }
        if embedded::current().is_some() {
            return Ok(());
        }
        // The calling thread is part of the pool, so that nothing is handed over where one step of the work follows another.
        let pool = ThreadPoolBuilder::new().num_threads(self.thread_count()).use_current_thread();
        pool.build_global().map_err(|error| cannot_start(&error))
    }

    /// Threads of their own for a tool within another program, as many as were asked for.
    ///
    /// # Errors
    /// The operating system refuses the threads.
    pub fn thread_pool(&self) -> Result<ThreadPool, Failure> {
        let pool = ThreadPoolBuilder::new().num_threads(self.thread_count());
        let pool = pool.start_handler(|_| take_thread()).build();
        pool.map_err(|error| cannot_start(&error))
    }

    /// Prints the summary: `json` to standard output with `--json`, else `text` to standard error unless `--quiet`.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn summarize(&self, json: &impl Serialize, text: &str) -> Result<(), Failure> {
        if self.json {
            print(&to_json(json)?)?;
        } else if !self.quiet {
            say(text);
        }
        Ok(())
    }
}

fn cannot_start(error: &ThreadPoolBuildError) -> Failure {
    Failure::error(format!("cannot start the threads: {error}")).hint("try --threads 1")
}

/// A summary as one line of JSON, with the version of its fields.
///
/// # Errors
/// A summary that is no JSON object.
pub fn to_json(summary: &impl Serialize) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Versioned<'a, T> {
        schema: u32,
        #[serde(flatten)]
        summary: &'a T,
    }
    serde_json::to_string(&Versioned { schema: SCHEMA, summary })
        .map(|json| json + "\n")
        .map_err(|error| Failure::error(format!("cannot write the summary: {error}")))
}
