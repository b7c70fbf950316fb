//! The flags that every tool has, and what they do: threads, and where the summary goes.

use std::num::NonZeroUsize;

use serde::Serialize;

use super::failure::Failure;
use super::streams::{print, say};

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
    /// Number of threads as thread pools take it: 0 for one a core.
    #[must_use]
    pub fn thread_count(&self) -> usize {
        self.threads.map_or(0, NonZeroUsize::get)
    }

    /// Starts the global thread pool, on which everything parallel runs; to be called once. The calling thread is one of
    /// its threads: what another thread hands to the pool while this one waits for something else is left undone.
    ///
    /// # Errors
    /// The operating system refuses the threads.
    pub fn start_threads(&self) -> Result<(), Failure> {
        // The calling thread is part of the pool, so that nothing is handed over where one step of the work follows another.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(self.thread_count()).use_current_thread();
        pool.build_global().map_err(|error| {
            Failure::error(format!("cannot start the threads: {error}")).hint("try --threads 1")
        })
    }

    /// Prints the summary: `json` to standard output with `--json`, else `text` to standard error unless `--quiet`.
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

/// Parses a number of threads.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a number, 1 or more".to_owned())
}
