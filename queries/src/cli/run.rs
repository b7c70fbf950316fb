//! In: statements and a session; out: their results on standard output or in a file.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isd_dataset::output_file::OutputFile;
use isd_queries::output::{Format, ResultWriter};
use isd_queries::{Answer, Error, Session, Statement};
use tokio::runtime::Runtime;

use super::interrupt::Interrupt;

/// Bytes of address space for a worker's stack, of which only the part in use takes memory. The engine guards most of its
/// recursions, but not all: a sum of 3,000 terms overflows 2 MiB.
const STACK_BYTES: usize = 64 << 20;

/// How long a query that is stopped may take to notice before its threads are left to it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where results go.
#[derive(Debug, Clone)]
pub enum Destination {
    /// To standard output, a table cut to that many characters a line.
    Stdout { format: Format, screen: Option<usize> },
    /// Into a file.
    File { path: PathBuf, format: Format },
}

impl Destination {
    /// Whether a second result cannot follow the first.
    pub fn holds_one_result(&self) -> bool {
        match self {
            Self::Stdout { format, .. } => format.is_binary() || *format == Format::Json,
            Self::File { .. } => true,
        }
    }
}

/// Characters in a line of the terminal that standard output is.
pub fn screen() -> Option<usize> {
    io::stdout()
        .is_terminal()
        .then(terminal_size::terminal_size)
        .flatten()
        .map(|(width, _)| usize::from(width.0))
}

/// How a run of statements ended.
pub enum Ended {
    /// All results were written; they had so many rows together.
    Rows(u64),
    /// By Ctrl-C.
    Stopped,
}

/// The threads that queries run on.
pub struct Runner {
    /// Never dropped: that would wait for a query that was stopped to notice.
    runtime: ManuallyDrop<RefCell<Runtime>>,
    threads: Option<NonZeroUsize>,
    interrupt: Interrupt,
}

impl Runner {
    /// Starts the threads, and from here on watches for Ctrl-C; to be called once.
    /// Errors: [`Error::Engine`] when the system does not allow it.
    pub fn start(threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        let runtime = ManuallyDrop::new(RefCell::new(runtime(threads)?));
        Ok(Self { runtime, threads, interrupt: Interrupt::install()? })
    }

    /// What knows of Ctrl-C.
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// Waits for work that needs no deep stack; none where Ctrl-C came first.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let work = std::pin::pin!(work);
        self.runtime.borrow().block_on(self.interrupt.unless_pressed(work))
    }

    /// Runs statements one after the other.
    /// Errors: that of the first statement that fails; the results before it are written.
    pub fn run(
        &self,
        session: &Arc<Session>,
        statements: Vec<Statement>,
        destination: Destination,
    ) -> Result<Ended, Error> {
        let runtime = self.runtime.borrow();
        let shared = session.clone();
        let mut work = runtime.spawn(async move {
            let mut rows = 0;
            let mut written = false;
            for statement in statements {
                let answer = shared.execute(statement).await?;
                // Some statements, such as that which makes a view, have no result.
                let has_columns = !answer.schema().fields().is_empty();
                rows += write_to(&destination, answer, written && has_columns).await?;
                written |= has_columns;
            }
            Ok(rows)
        });
        if let Some(result) = runtime.block_on(self.interrupt.unless_pressed(&mut work)) {
            let rows = result.unwrap_or_else(|_| Err(session.after_panic()));
            return rows.map(Ended::Rows);
        }
        drop(runtime);
        work.abort();
        let asked = Instant::now();
        // Until the file that it began to write is gone.
        while !work.is_finished() {
            if asked.elapsed() > PATIENCE {
                // It is within a batch that takes its time: it may keep its threads, the next query gets others.
                self.runtime.replace(self::runtime(self.threads)?).shutdown_background();
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(Ended::Stopped)
    }
}

/// The threads of a runner.
fn runtime(threads: Option<NonZeroUsize>) -> Result<Runtime, Error> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.thread_stack_size(STACK_BYTES);
    if let Some(threads) = threads {
        builder.worker_threads(threads.get());
    }
    builder.build().map_err(|e| Error::Engine(e.to_string()))
}

/// Writes an answer, after an empty line where it follows another; returns its number of rows.
async fn write_to(destination: &Destination, answer: Answer, follows: bool) -> Result<u64, Error> {
    match destination {
        Destination::Stdout { format, screen } => {
            let mut out = io::stdout();
            if follows && *format != Format::Ndjson {
                out.write_all(b"\n")?;
            }
            write(answer, out, *format, *screen).await
        }
        Destination::File { path, format } => {
            let file = OutputFile::create(path)?;
            let rows = write(answer, BufWriter::new(file.file()), *format, None).await?;
            file.finish()?;
            Ok(rows)
        }
    }
}

async fn write<W: Write + Send>(
    mut answer: Answer,
    out: W,
    format: Format,
    screen: Option<usize>,
) -> Result<u64, Error> {
    let mut writer = ResultWriter::new(out, &answer.schema(), format, screen)?;
    while let Some(batch) = answer.next().await {
        writer.write(&batch?)?;
    }
    writer.finish()
}
