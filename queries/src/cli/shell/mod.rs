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
use super::run::{Destination, Ended, Runner, screen};
use super::{list, report};
use isd_queries::named::NamedQueries;
use isd_queries::output::Format;
use isd_queries::{Error, Session};

/// A prompt with its tables and settings.
pub struct Shell<'a> {
    runner: &'a Runner,
    session: Arc<Session>,
    named_queries: &'a NamedQueries,
    format: Format,
    /// Where results go instead of the screen.
    output: Option<PathBuf>,
    timing: bool,
}

impl<'a> Shell<'a> {
    /// A prompt that has not asked yet; results go to `output`, where given, as `format` says.
    pub fn new(
        runner: &'a Runner,
        session: Arc<Session>,
        named_queries: &'a NamedQueries,
        format: Format,
        output: Option<PathBuf>,
    ) -> Self {
        Self { runner, session, named_queries, format, output, timing: true }
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
        Ok(())
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
            Command::Output(path) => {
                self.output = path;
                Ok(())
            }
            Command::Read(path) => {
                let sql = super::input::read_file(&path)?;
                self.query(&sql)
            }
            Command::Named { name, params } => {
                let sql = self.named_queries.find(&name)?.bind(&params)?;
                self.query(&sql)
            }
            Command::Quit => Ok(()),
        }
    }

    fn query(&mut self, sql: &str) -> Result<(), Error> {
        let statements = self.session.parse(sql)?;
        let destination = match &self.output {
            // The extension says how; a name without one takes the mode.
            Some(path) => {
                Destination::File { path: path.clone(), format: Format::of(path).unwrap_or(self.format) }
            }
            None => Destination::Stdout { format: self.format, screen: screen() },
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
        let names: Vec<&str> = self.session.tables().map(|(name, _)| name).collect();
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
