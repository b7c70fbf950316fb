//! A tool within another program, such as a Python interpreter: arguments in, what it prints, its progress and how it ended
//! out. Nothing is printed, no signal is taken over, and the process goes on afterwards.

use std::cell::RefCell;
use std::ffi::OsString;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::error::ErrorKind;
use serde::Serialize;

use super::failure::Failure;
use super::panics::catch_panic;
use super::tool::Tool;
use crate::output::{Batches, KeptTable, TableFile};

thread_local! {
    /// The run that this thread works for. Tools print, and begin to show progress, on the thread that they were started on.
    static RUN: RefCell<Option<Arc<EmbeddedRun>>> = const { RefCell::new(None) };
}

/// A run of a tool within another program, which watches it from another thread.
#[derive(Debug, Default)]
pub struct EmbeddedRun {
    printed: Mutex<Printed>,
    progress: Mutex<Option<Counts>>,
    cancelled: AtomicBool,
    /// Takes the table that the tool would write to `-o`, if that is asked for.
    table: Option<KeptTable>,
}

/// What a tool printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printed {
    /// To standard output: with `--json`, the summary.
    pub stdout: String,
    /// To standard error.
    pub stderr: String,
}

/// How far a run is. All but the rows is `None` where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Counts {
    /// Rows that are done.
    pub rows: u64,
    /// Rows that will be.
    pub rows_total: Option<u64>,
    /// Bytes of an archive that are read.
    pub bytes: Option<u64>,
    /// Bytes of the archive.
    pub bytes_total: Option<u64>,
    /// Files of an archive that are read.
    pub files: Option<u64>,
    /// Files of the archive.
    pub files_total: Option<u64>,
    /// Seconds since the work began.
    pub seconds: f64,
}

/// What a cancelled run unwinds with.
struct Cancelled;

impl EmbeddedRun {
    /// A run whose table, without `-o`, is kept for [`EmbeddedRun::table`].
    #[must_use]
    pub fn for_table() -> Self {
        Self { table: Some(KeptTable::default()), ..Self::default() }
    }

    /// Takes out the table that the run has written, if one was asked for.
    #[must_use]
    pub fn table(&self) -> Option<Batches> {
        self.table.as_ref()?.take()
    }

    /// Runs a tool with arguments, the first of which is its name, on threads of its own. What it prints is in
    /// [`EmbeddedRun::printed`] afterwards.
    ///
    /// # Errors
    /// What keeps the tool from what it was asked to; [`Failure::Cancelled`] after [`EmbeddedRun::cancel`].
    pub fn run<T: Tool + Send>(
        self: &Arc<Self>,
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<(), Failure> {
        let tool = match T::try_parse_from(arguments) {
            Ok(tool) => tool,
            Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                self.lock().stdout.push_str(&error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let pool = tool.common().thread_pool()?;
        let result = pool.install(|| {
            RUN.set(Some(Arc::clone(self)));
            let result = catch_panic(|| tool.run());
            RUN.take();
            result
        });
        // Once it is cancelled, any failure may follow from that.
        if self.cancelled.load(Ordering::Relaxed) && result.is_err() {
            return Err(Failure::Cancelled);
        }
        result
    }

    /// Asks the run to stop: it unwinds when it next says how far it is, and removes what is half-written.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// How far the run is; `None` before it has said so.
    #[must_use]
    pub fn progress(&self) -> Option<Counts> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the tool printed so far.
    #[must_use]
    pub fn printed(&self) -> Printed {
        self.lock().clone()
    }

    /// Takes note of how far the run is. A run that is cancelled ends here.
    pub(super) fn update(&self, counts: Counts) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(counts);
        if self.cancelled.load(Ordering::Relaxed) {
            // Not a panic: no hook is called. All that is half-written is removed when it goes out of scope.
            resume_unwind(Box::new(Cancelled));
        }
    }

    /// Keeps what the tool prints.
    pub(super) fn print(&self, write: impl FnOnce(&mut Printed)) {
        write(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The run that the current thread works for, if another program started it.
pub(super) fn current() -> Option<Arc<EmbeddedRun>> {
    RUN.with_borrow(Clone::clone)
}

/// Where the table of the current run goes, if another program asked for it.
pub(super) fn table_file() -> Option<TableFile> {
    current()?.table.as_ref().map(TableFile::in_memory)
}
