//! In: statements and a session; out: their results on standard output or in a file.

use std::cell::RefCell;
use std::fs::File;
use std::future::Future;
use std::io::{self, BufWriter, IsTerminal, Seek, SeekFrom, Write};
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use isd_dataset::output_file::OutputFile;
use isd_queries::output::{Format, ResultWriter, Screen};
use isd_queries::{Answer, Error, Session, Statement};
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use super::arguments::Rows;
use super::interrupt::Interrupt;
use super::progress::Progress;

/// Bytes of address space for a worker's stack, of which only the part in use takes memory. The engine guards most of its
/// recursions, but not all: a sum of 3,000 terms overflows 2 MiB.
const STACK_BYTES: usize = 64 << 20;

/// How long a query that is stopped may take to notice before its threads are left to it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where results go.
#[derive(Clone)]
pub enum Destination {
    /// To standard output, a table cut to the screen.
    Stdout { format: Format, screen: Option<Screen> },
    /// Into a file, which holds one result.
    File { path: PathBuf, format: Format },
    /// Into a file after those that it has.
    Kept(Arc<Mutex<KeptFile>>),
}

/// A file that takes result after result, and appears when it is complete.
pub struct KeptFile {
    path: PathBuf,
    file: OutputFile,
    format: Format,
    /// Results in the file, and where the last one ends.
    results: usize,
    length: u64,
}

impl KeptFile {
    /// Errors: [`Error::File`] where no file can be made.
    pub fn create(path: PathBuf, format: Format) -> Result<Self, Error> {
        let file = OutputFile::create(&path)?;
        Ok(Self { path, file, format, results: 0, length: 0 })
    }

    /// Puts the file in place; without a result there is none. Errors: [`Error::File`].
    pub fn finish(self) -> Result<(), Error> {
        if self.results > 0 {
            // A result that failed or was stopped may have left its beginning.
            self.file.file().set_len(self.length)?;
            self.file.finish()?;
        }
        Ok(())
    }

    /// Writes an answer after the others. Errors: of the answer, and for a second result where the format holds one.
    async fn add(&mut self, answer: Answer) -> Result<u64, Error> {
        let follows = self.results > 0;
        if follows && !self.format.holds_several_results() {
            return Err(Error::Run {
                found: format!("{} has a result, and its format holds one", self.path.display()),
                hint: Some("`.output FILE` begins another file, `.output` goes back to the screen".into()),
            });
        }
        let mut file = self.file.file();
        file.set_len(self.length)?;
        file.seek(SeekFrom::Start(self.length))?;
        let rows = write_file(answer, file, &self.path, self.format, follows).await?;
        self.length = file.stream_position()?;
        self.results += 1;
        Ok(rows)
    }
}

impl Destination {
    /// Whether a second result cannot follow the first.
    pub fn holds_one_result(&self) -> bool {
        match self {
            Self::Stdout { format, .. } => !format.holds_several_results(),
            Self::File { .. } => true,
            Self::Kept(_) => false,
        }
    }
}

/// Lines of a screen that a result leaves to the header, to notes and to the prompt.
const OTHER_LINES: usize = 6;

/// The terminal that standard output is; of a result it shows `rows`, or as many as fit, and says that `more` shows all.
pub fn screen(rows: Rows, more: &'static str) -> Option<Screen> {
    let (width, height) = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten()?;
    let rows = match rows {
        Rows::Fitting => Some(usize::from(height.0).saturating_sub(OTHER_LINES).max(10)),
        Rows::First(rows) => Some(rows),
        Rows::All => None,
    };
    Some(Screen { width: usize::from(width.0), rows, more })
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
    /// Whether a query that takes long says nothing on a terminal.
    is_quiet: bool,
}

impl Runner {
    /// Starts the threads, and from here on watches for Ctrl-C; to be called once.
    /// Errors: [`Error::Engine`] when the system does not allow it.
    pub fn start(threads: Option<NonZeroUsize>, is_quiet: bool) -> Result<Self, Error> {
        let runtime = ManuallyDrop::new(RefCell::new(runtime(threads)?));
        Ok(Self { runtime, threads, interrupt: Interrupt::install()?, is_quiet })
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
        let progress = (!self.is_quiet).then(|| Progress::watch(session));
        let ended = runtime.block_on(self.interrupt.unless_pressed(&mut work));
        drop(progress);
        if let Some(result) = ended {
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
    // Object stores wait for answers, and before they ask again.
    builder.thread_stack_size(STACK_BYTES).enable_all();
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
            let rows = write_file(answer, file.file(), path, *format, false).await?;
            file.finish()?;
            Ok(rows)
        }
        Destination::Kept(file) => file.lock().await.add(answer).await,
    }
}

/// Writes an answer to a file, compressed where its final path says so.
async fn write_file(
    answer: Answer,
    file: &File,
    path: &Path,
    format: Format,
    follows: bool,
) -> Result<u64, Error> {
    let mut out = BufWriter::new(file);
    let separator: &[u8] = if follows && format != Format::Ndjson { b"\n" } else { b"" };
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
        let mut packed = GzEncoder::new(out, Compression::default());
        packed.write_all(separator)?;
        let rows = write(answer, &mut packed, format, None).await?;
        packed.finish()?.flush()?;
        return Ok(rows);
    }
    out.write_all(separator)?;
    write(answer, out, format, None).await
}

async fn write<W: Write + Send>(
    mut answer: Answer,
    out: W,
    format: Format,
    screen: Option<Screen>,
) -> Result<u64, Error> {
    let mut writer = ResultWriter::new(out, &answer.schema(), format, screen)?;
    while let Some(batch) = answer.next().await {
        writer.write(&batch?)?;
    }
    writer.finish()
}
