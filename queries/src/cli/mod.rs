//! In: arguments; out: what to run on which tables, and an exit status.

mod arguments;
mod input;
mod interrupt;
mod list;
mod progress;
mod run;
mod shell;

use std::io::{self, IsTerminal, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use isd_dataset::threads::usable_threads;
use isd_queries::named::NamedQueries;
use isd_queries::output::Format;
use isd_queries::{Error, Session, SessionOptions, TableSource};
use isd_stores::without_secrets;
use serde_json::json;

use self::arguments::Arguments;
use self::input::Input;
use self::run::{Destination, Ended, Runner};
use self::shell::Shell;

/// Why a run ends without an answer.
enum Stop {
    /// The command line does not say what to do: status 2.
    Usage { found: String, hint: String },
    /// It could not be done: status 1.
    Failure(Error),
    /// Ctrl-C was pressed: status 130, as shells expect of it.
    Interrupted,
}

impl Stop {
    fn usage(found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { found: found.into(), hint: hint.into() }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failure(error)
    }
}

/// Runs the tool on the arguments of the process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error, std::env::args_os().any(|argument| argument == "--json")),
    };
    // A panic is reported as one line: by the table or the statement that it ended, or below.
    std::panic::set_hook(Box::new(|_| {}));
    let ended = catch_unwind(AssertUnwindSafe(|| run(&arguments)));
    let panicked = || Error::Internal { what: "a panic outside of all statements".into() };
    let status = match ended.unwrap_or_else(|_| Err(panicked().into())) {
        Ok(()) => 0,
        Err(Stop::Failure(error)) if error.is_closed_pipe() => 0,
        Err(Stop::Failure(error)) => {
            fail(&error.to_string(), error.hint(), error.path(), arguments.json);
            1
        }
        Err(Stop::Usage { found, hint }) => {
            fail(&found, Some(&hint), None, arguments.json);
            2
        }
        Err(Stop::Interrupted) => 130,
    };
    // A failure was reported already, or nobody reads standard output.
    let _ = io::stdout().flush();
    // A query that was stopped and has not noticed yet has files in the making.
    isd_dataset::unfinished::remove_all();
    // Its threads may still be within a batch: nothing that they use is taken down.
    signal_hook::low_level::exit(status)
}

fn run(arguments: &Arguments) -> Result<(), Stop> {
    let mut named_queries = NamedQueries::built_in()?;
    if let Some(directory) = &arguments.queries {
        for error in named_queries.add_directory(directory)? {
            let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
            // Nobody listens to standard error: nothing is lost.
            let _ = writeln!(io::stderr(), "note: passed over: {error}{hint}");
        }
    }
    if arguments.list {
        return Ok(list::write(&named_queries)?);
    }
    if arguments.json && arguments.output.is_none() {
        let hint = "give -o FILE, too; --format json prints the rows themselves";
        return Err(Stop::usage("--json without a file for the result", hint));
    }
    let input = Input::from_arguments(arguments)?;
    let destination = destination(arguments)?;
    let threads = arguments.threads.map(usable_threads);
    if let (false, Some((_, Some(note)))) = (arguments.quiet, &threads) {
        // Nobody listens to standard error: nothing is lost.
        let _ = writeln!(io::stderr(), "note: {note}");
    }
    let threads = threads.map(|(threads, _)| threads);
    let runner = Runner::start(threads, arguments.quiet)?;
    let started = Instant::now();

    let options = SessionOptions::default()
        .with_threads(threads)
        .with_memory_limit(arguments.memory_limit.or_else(arguments::default_memory_limit));
    let mut session = Session::new(&options)?;
    register(&runner, &mut session, &input)?;

    if let Destination::File { path, .. } = &destination {
        session.check_output(path)?;
    }
    let session = Arc::new(session);
    let statements = input.statements(&session, &named_queries, &arguments.params);
    let Some(sql) = runner.wait(statements).ok_or(Stop::Interrupted)?? else {
        if arguments.json {
            return Err(Stop::usage(
                "--json at a prompt",
                "give the SQL as the last argument, or with --file",
            ));
        }
        let (format, output) = match destination {
            Destination::File { path, format } => (format, Some(path)),
            Destination::Stdout { format, .. } => (format, None),
            Destination::Kept(_) => {
                return Err(Error::Internal { what: "results kept before a prompt".into() }.into());
            }
        };
        let shell = Shell::new(&runner, session, &named_queries, format, arguments.rows);
        return Ok(shell.with_output(output)?.run()?);
    };
    let statements = session.parse(&sql)?;
    if statements.len() > 1 && destination.holds_one_result() {
        let hint = "give one statement, or another --format into standard output";
        return Err(Stop::usage(
            format!("{} statements, but the output holds one result", statements.len()),
            hint,
        ));
    }
    let Ended::Rows(rows) = runner.run(&session, statements, destination)? else {
        return Err(Stop::Interrupted);
    };
    let seconds = started.elapsed().as_secs_f64();
    if arguments.json {
        print_json(&format!(r#""output":{},"rows":{rows},"seconds":{seconds}"#, json!(arguments.output)))?;
    }
    if !arguments.quiet {
        let plural = if rows == 1 { "" } else { "s" };
        // Nobody listens to standard error: nothing is lost.
        let _ = writeln!(io::stderr(), "{rows} row{plural}, {seconds:.2} s");
    }
    Ok(())
}

/// Where results go, and in which format: a terminal gets tables, a pipe CSV, a file the format of its extension.
fn destination(arguments: &Arguments) -> Result<Destination, Stop> {
    let format = arguments.format;
    if let Some(path) = &arguments.output {
        let hint = "use .csv, .tsv, .json, .ndjson, .md, .txt, .parquet or .arrow, or give --format; text may end in .gz";
        let format = format.or_else(|| Format::of(path));
        let format = format
            .ok_or_else(|| Stop::usage(format!("{}: the extension names no format", path.display()), hint))?;
        return Ok(Destination::File { path: path.clone(), format });
    }
    let terminal = io::stdout().is_terminal();
    let format = format.unwrap_or(if terminal { Format::Table } else { Format::Csv });
    if terminal && format.is_binary() {
        return Err(Stop::usage("a terminal cannot show this format", "write it to a file: -o FILE"));
    }
    Ok(Destination::Stdout { format, screen: run::screen(arguments.rows, "--rows all") })
}

/// Opens the tables that the command line names; two without a name must not get the same.
fn register(runner: &Runner, session: &mut Session, input: &Input) -> Result<(), Stop> {
    let mut unnamed: Vec<(String, &std::path::Path)> = Vec::new();
    for (name, path) in &input.tables {
        let source = TableSource::detect(path)?;
        let registered =
            runner.wait(session.register(name.as_deref(), &source)).ok_or(Stop::Interrupted)??;
        if name.is_some() {
            continue;
        }
        if let Some((_, other)) = unnamed.iter().find(|(known, _)| *known == registered) {
            let found = format!("{} and {} are both `{registered}`", other.display(), path.display());
            return Err(Stop::usage(found, "name one of them: --table NAME=PATH"));
        }
        unnamed.push((registered, path));
    }
    Ok(())
}

/// Prints an object of those fields on a line of standard output, behind the version of what they mean.
/// Errors: [`Error::Output`].
fn print_json(fields: &str) -> Result<(), Error> {
    Ok(writeln!(io::stdout(), r#"{{"schema":1,{fields}}}"#)?)
}

/// Help and version as clap writes them; a usage error as our one line and hint, with `json` as an object, too.
fn refuse(error: &clap::Error, json: bool) -> ExitCode {
    if !error.use_stderr() {
        // Help into a closed pipe is no failure either.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render().to_string();
    let (found, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let found = fold(found.trim_start_matches("error: "));
    let tip = rest.split("\n\n").map(fold).find_map(|p| p.strip_prefix("tip: ").map(str::to_owned));
    fail(&found, Some(tip.as_deref().unwrap_or("isd-query --help lists what can be given")), None, json);
    ExitCode::from(2)
}

/// The text with every run of white space as one space.
fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Ends a run: [`report`], with `json` on standard output, too.
fn fail(found: &str, hint: Option<&str>, path: Option<&Path>, json: bool) {
    let found = &without_secrets(found);
    report(found, hint);
    if json {
        let path = path.map(|path| without_secrets(&path.display().to_string()));
        let (path, found, hint) = (json!(path), json!(found), json!(hint));
        let error = format!(r#"{{"path":{path},"message":{found},"hint":{hint}}}"#);
        // Where standard output cannot be written, the line on standard error has said what there is to say.
        let _ = print_json(&format!(r#""error":{error}"#));
    }
}

/// Says on standard error what went wrong, and what to do about it.
fn report(found: &str, hint: Option<&str>) {
    let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
    // There is nowhere else to say it.
    let _ = write!(io::stderr(), "error: {found}\n{hint}");
}
