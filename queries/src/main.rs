//! In: the command line of `isd-query`; out: the answer on standard output, an exit status.

use std::io::{self, IsTerminal, Read, Write};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use isd_queries::output::{Format, ResultWriter};
use isd_queries::{Error, Session, SessionOptions, TableSource};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Address space of a worker's stack, of which only the part in use takes memory. The engine guards most of
/// its recursions, but not all: 2 MiB end a sum of 3,000 terms.
const STACK_BYTES: usize = 64 << 20;

/// SQL on outliers and datasets.
///
/// A file is the table `outliers`, a dataset directory the table `observations`.
#[derive(Debug, Parser)]
#[command(name = "isd-query", version, after_help = EXAMPLES)]
struct Arguments {
    /// Outliers file (.parquet, .csv, .arrow, .ndjson) or dataset directory
    table: PathBuf,
    /// One SQL statement; read from standard input when it is not given
    sql: Option<String>,
    /// Output format [default: table on a terminal, csv otherwise]
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Do not say on standard error how many rows there were
    #[arg(long, short)]
    quiet: bool,
}

const EXAMPLES: &str = "Examples:
  isd-query outliers.parquet \"select station_id, count(*) as n from outliers group by 1 order by n desc\"
  isd-query observations/ \"select max(wind_speed_rate) from observations where block = '72'\"
  isd-query outliers.parquet --format ndjson < monthly.sql";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// Aligned columns
    Table,
    /// A header and comma-separated values
    Csv,
    /// One JSON object a line
    Ndjson,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Table => Self::Table,
            FormatName::Csv => Self::Csv,
            FormatName::Ndjson => Self::Ndjson,
        }
    }
}

/// Why a run ends without an answer.
enum Stop {
    /// The command line does not say what to do: status 2.
    Usage { found: String, hint: String },
    /// It could not be done: status 1.
    Failure(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failure(error)
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    // A panic in the engine is reported as one line by the run that it ended.
    std::panic::set_hook(Box::new(|_| {}));
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failure(error)) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(Stop::Failure(error)) => {
            report(&error.to_string(), error.hint());
            ExitCode::from(1)
        }
        Err(Stop::Usage { found, hint }) => {
            report(&found, Some(&hint));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Stop> {
    let sql = statement(arguments.sql)?;
    let format = arguments
        .format
        .map_or_else(|| if io::stdout().is_terminal() { Format::Table } else { Format::Csv }, Format::from);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.thread_stack_size(STACK_BYTES);
    if let Some(threads) = arguments.threads {
        runtime.worker_threads(threads.get());
    }
    let runtime = runtime.build().map_err(|e| Error::Engine(e.to_string()))?;
    let options = SessionOptions::default().with_threads(arguments.threads);
    let started = Instant::now();
    let query = runtime.spawn(query(arguments.table, sql, format, options));
    let rows = match runtime.block_on(query) {
        Ok(result) => result?,
        Err(error) => return Err(Error::Engine(error.to_string()).into()),
    };
    if !arguments.quiet {
        let plural = if rows == 1 { "" } else { "s" };
        // Nobody listens to standard error: nothing is lost.
        let _ = writeln!(io::stderr(), "{rows} row{plural}, {:.2} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}

async fn query(table: PathBuf, sql: String, format: Format, options: SessionOptions) -> Result<u64, Error> {
    let source = TableSource::detect(table)?;
    let mut session = Session::new(&options);
    session.register(None, &source).await?;
    let mut answer = session.run(&sql).await?;
    let mut writer = ResultWriter::new(io::stdout(), answer.schema(), format)?;
    while let Some(batch) = answer.next().await {
        writer.write(&batch?)?;
    }
    writer.finish()
}

/// The statement given, or that on standard input.
fn statement(given: Option<String>) -> Result<String, Stop> {
    let usage = |found: &str, hint: &str| Stop::Usage { found: found.into(), hint: hint.into() };
    let sql = match given {
        Some(sql) => sql,
        None if io::stdin().is_terminal() => {
            return Err(usage("no SQL given", "isd-query TABLE \"select count(*) from outliers\""));
        }
        None => {
            let mut sql = String::new();
            let read = io::stdin().read_to_string(&mut sql);
            read.map_err(|e| {
                usage(&format!("cannot read SQL from standard input: {e}"), "give SQL as UTF-8 text")
            })?;
            sql
        }
    };
    if sql.trim().is_empty() {
        return Err(usage("the SQL is empty", "isd-query TABLE \"select count(*) from outliers\""));
    }
    Ok(sql)
}

/// Help and version as clap writes them; a usage error as our one line and hint.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Help into a closed pipe is no failure either.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let found = fold(paragraphs.next().unwrap_or_default().trim_start_matches("error: "));
    let tip = paragraphs.map(fold).find_map(|p| p.strip_prefix("tip: ").map(str::to_owned));
    report(&found, Some(tip.as_deref().unwrap_or("isd-query --help lists what can be given")));
    ExitCode::from(2)
}

fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn report(found: &str, hint: Option<&str>) {
    let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    // There is nowhere else to say it.
    let _ = write!(io::stderr(), "error: {found}\n{hint}");
}
