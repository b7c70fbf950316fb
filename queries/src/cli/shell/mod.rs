//! In: statements and commands typed at a prompt; out: their answers, one after the other.

mod command;
mod complete;
mod editor;
mod history;
mod lines;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use self::command::{Command, HELP};
use self::editor::Editor;
use super::arguments::Rows;
use super::run::{Destination, Ended, KeptFile, Runner, screen};
use super::{list, report};
use isd_dataset::output_file::OutputFile;
use isd_queries::named::NamedQueries;
use isd_queries::output::Format;
use isd_queries::{Error, Session};
use tokio::sync::Mutex;

/// A prompt with its tables and settings.
pub struct Shell<'a> {
    runner: &'a Runner,
    session: Arc<Session>,
    named_queries: &'a NamedQueries,
    format: Format,
    /// How many rows of a result the screen shows.
    rows: Rows,
    /// Where results go instead of the screen.
    output: Option<Arc<Mutex<KeptFile>>>,
    timing: bool,
}

impl<'a> Shell<'a> {
    /// A prompt that has not asked yet.
    pub fn new(
        runner: &'a Runner,
        session: Arc<Session>,
        named_queries: &'a NamedQueries,
        format: Format,
        rows: Rows,
    ) -> Self {
        Self { runner, session, named_queries, format, rows, output: None, timing: true }
    }

    /// The prompt, whose results go to a file, where one is given. Errors: it cannot be made.
    pub fn with_output(mut self, path: Option<PathBuf>) -> Result<Self, Error> {
        let file = path.map(|path| KeptFile::create(path, self.format)).transpose()?;
        self.output = file.map(|file| Arc::new(Mutex::new(file)));
        Ok(self)
    }

    /// Reads and answers until the input ends or `.quit`.
    pub fn run(mut self) -> Result<(), Error> {
        say(&format!("tables: {}. SQL ends with `;`, .help lists commands\n", self.table_names()));
        let mut editor =
            if io::stdout().is_terminal() { Editor::open(&self.session, self.named_queries) } else { None };
        while let Some(text) = match &mut editor {
            Some(editor) => editor.next(self.runner.interrupt())?,
            None => lines::next(self.runner.interrupt())?,
        } {
            match self.answer(&text) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.is_closed_pipe() => return Err(error),
                Err(error) => report(&error.to_string(), error.hint()),
            }
        }
        self.finish_output()
    }

    /// Puts the file that results went to in place.
    fn finish_output(&mut self) -> Result<(), Error> {
        // A query that was stopped and has not noticed yet may still hold it; its results are not wanted.
        match self.output.take().map(Arc::try_unwrap) {
            Some(Ok(file)) => file.into_inner().finish(),
            Some(Err(_)) => {
                Err(Error::Run { found: "a query that was stopped holds the file".into(), hint: None })
            }
            None => Ok(()),
        }
    }

    /// Carries out what was typed; false when that ends the session.
    fn answer(&mut self, text: &str) -> Result<bool, Error> {
        match Command::parse(text) {
            Ok(Some(Command::Quit)) => return Ok(false),
            Ok(Some(command)) => self.carry_out(command)?,
            Ok(None) => self.query(text)?,
            Err(found) => report(&found, Some(".help lists the commands")),
        }
        Ok(true)
    }

    fn carry_out(&mut self, command: Command) -> Result<(), Error> {
        match command {
            Command::Help => print(HELP),
            Command::Tables => {
                let lines: Vec<String> = self
                    .session
                    .tables()
                    .iter()
                    .map(|(name, columns)| format!("{name}: {}\n", columns.join(", ")))
                    .collect();
                print(&lines.concat())
            }
            Command::Schema(Some(table)) => {
                self.query(&format!("describe \"{}\"", table.replace('"', "\"\"")))
            }
            Command::Schema(None) => self.query(
                "select table_name, column_name, data_type, is_nullable from information_schema.columns
                     where table_schema = 'public' order by table_name, ordinal_position",
            ),
            Command::Queries => print(&list::text(self.named_queries)),
            Command::Timing(on) => {
                self.timing = on.unwrap_or(!self.timing);
                print(&format!("timing is {}\n", if self.timing { "on" } else { "off" }))
            }
            Command::Mode(Some(format)) => {
                self.format = format;
                Ok(())
            }
            Command::Mode(None) => print(&format!("{}\n", self.format.name())),
            Command::Rows(rows) => {
                self.rows = rows;
                Ok(())
            }
            Command::Output(path) => {
                self.finish_output()?;
                let Some(path) = path else { return Ok(()) };
                self.session.check_output(&path)?;
                // The extension says how; a name without one takes the mode.
                let file = KeptFile::create(path.clone(), Format::of(&path).unwrap_or(self.format))?;
                self.output = Some(Arc::new(Mutex::new(file)));
                Ok(())
            }
            Command::Save(path) => {
                let views = self.session.views();
                self.session.check_output(&path)?;
                if views.is_empty() {
                    return print("there are no views: `create view NAME as select ...` makes one\n");
                }
                let file = OutputFile::create(&path)?;
                file.file().write_all(views.concat().as_bytes())?;
                file.finish()?;
                let count = views.len();
                print(&format!("{count} view{} in {}\n", if count == 1 { "" } else { "s" }, path.display()))
            }
            Command::Read(path) => {
                let sql = super::input::read_file(&path)?;
                self.query(&sql)
            }
            Command::Named { name, params } => {
                let query = self.named_queries.find(&name)?;
                match self.runner.wait(self.session.complete(query, &params)) {
                    Some(values) => self.query(&query.bind(&values?)?),
                    None => Ok(()),
                }
            }
            Command::Quit => Ok(()),
        }
    }

    fn query(&mut self, sql: &str) -> Result<(), Error> {
        let statements = self.session.parse(&self.named_queries.expand(sql)?)?;
        let destination = match &self.output {
            // The extension says how; a name without one takes the mode.
            Some(file) => Destination::Kept(Arc::clone(file)),
            None => Destination::Stdout { format: self.format, screen: screen(self.rows, ".rows all") },
        };
        if statements.len() > 1 && destination.holds_one_result() {
            let found = format!("{} statements, but the output holds one result", statements.len());
            report(&found, Some("give one statement at a time"));
            return Ok(());
        }
        if matches!(&destination, Destination::Stdout { format, .. } if format.is_binary()) {
            report("a terminal cannot show this format", Some(".output FILE writes it to a file"));
            return Ok(());
        }
        let started = Instant::now();
        match self.runner.run(&self.session, statements, destination)? {
            Ended::Rows(rows) if self.timing => {
                let plural = if rows == 1 { "" } else { "s" };
                say(&format!("{rows} row{plural}, {:.2} s\n", started.elapsed().as_secs_f64()));
            }
            Ended::Rows(_) => {}
            Ended::Stopped => say("\nstopped\n"),
        }
        Ok(())
    }

    fn table_names(&self) -> String {
        let names: Vec<String> = self.session.tables().into_iter().map(|(name, _)| name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

/// Writes to standard output.
fn print(text: &str) -> Result<(), Error> {
    io::stdout().write_all(text.as_bytes()).map_err(Error::from)
}

/// Says on standard error what the user should know.
fn note(text: &str) {
    say(&format!("note: {text}\n"));
}

/// Writes to standard error.
fn say(text: &str) {
    // Nobody listens to standard error: nothing is lost.
    let _ = io::stderr().write_all(text.as_bytes());
}
