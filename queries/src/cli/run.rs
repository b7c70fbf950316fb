//! In: statements and a session; out: their results on standard output or in a file.

use std::future::Future;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use isd_queries::output::{Format, OutputFile, ResultWriter};
use isd_queries::{Answer, Error, Session, Statement};
use tokio::runtime::Runtime;

/// Address space of a worker's stack, of which only the part in use takes memory. The engine guards most of
/// its recursions, but not all: 2 MiB end a sum of 3,000 terms.
const STACK_BYTES: usize = 64 << 20;

/// Where results go.
#[derive(Debug, Clone)]
pub enum Target {
    /// To standard output, a table cut to that many characters a line.
    Stdout { format: Format, screen: Option<usize> },
    /// Into a file.
    File { path: PathBuf, format: Format },
}

impl Target {
    /// Whether a second result would not fit behind the first.
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

/// The threads that queries run on.
pub struct Engine(Runtime);

impl Engine {
    pub fn start(threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.thread_stack_size(STACK_BYTES);
        if let Some(threads) = threads {
            runtime.worker_threads(threads.get());
        }
        runtime.build().map(Self).map_err(|e| Error::Engine(e.to_string()))
    }

    /// Waits for what needs no deep stack.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.block_on(work)
    }

    /// Runs statements one after the other; returns the rows of all results.
    pub fn run(&self, session: Session, statements: Vec<Statement>, target: Target) -> Result<u64, Error> {
        let work = self.0.spawn(async move {
            let mut rows = 0;
            for (index, statement) in statements.into_iter().enumerate() {
                rows += answer(&session, statement, &target, index > 0).await?;
            }
            Ok(rows)
        });
        self.0.block_on(work).unwrap_or_else(|error| Err(Error::Engine(error.to_string())))
    }
}

async fn answer(
    session: &Session,
    statement: Statement,
    target: &Target,
    follows: bool,
) -> Result<u64, Error> {
    let answer = session.execute(statement).await?;
    match target {
        Target::Stdout { format, screen } => {
            let mut out = io::stdout();
            if follows && *format != Format::Ndjson && !answer.schema().fields().is_empty() {
                out.write_all(b"\n")?;
            }
            write(answer, out, *format, *screen).await
        }
        Target::File { path, format } => {
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
