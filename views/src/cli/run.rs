//! A run of `isd-view`, from arguments to an exit status.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};
use isd_dataset::Error;
use isd_dataset::output_file::OutputFile;
use isd_dataset::threads::usable_threads;
use serde_json::{Value, json};

use super::arguments::{FileType, Plot, ViewArgs};
use super::{page, pictures};
use crate::failure::Failure;
use crate::png::png;

/// Runs `isd-view` with these arguments, the first of which is its name. The exit status is 0 for success, `--help` and
/// `--version`, 1 for a failure and 2 for arguments that make no sense; a failure is one line on standard error, and a hint.
#[must_use]
pub fn run(arguments: &[OsString]) -> ExitCode {
    let args = match ViewArgs::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            // A reader that closed the pipe has read what it wanted of it.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return report(&error.into()),
    };
    match carry_out(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn report(failure: &Failure) -> ExitCode {
    say(&failure.lines());
    ExitCode::from(failure.status)
}

/// Writes to standard error. Where that is impossible, nothing happens.
pub(super) fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes to standard output. A reader that closed the pipe has read what it wanted.
pub(super) fn print(text: &str) {
    let mut output = std::io::stdout();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// Does what the arguments ask for.
fn carry_out(args: &ViewArgs) -> Result<(), Failure> {
    args.check()?;
    if let Some(asked) = args.threads {
        let (threads, note) = usable_threads(asked);
        note.iter().filter(|_| !args.quiet).for_each(|note| say(&format!("{note}\n")));
        // Within another program its threads are there already, and are used.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
    }
    match (args.plot, &args.output, &args.export) {
        (Some(plot), Some(output), _) => draw(args, plot, output),
        (_, _, Some(export)) => page::export(args, export),
        _ => page::serve(args),
    }
}

/// Draws a picture, and puts it into the file when it is complete.
fn draw(args: &ViewArgs, plot: Plot, output: &Path) -> Result<(), Failure> {
    let started = Instant::now();
    let file_type = ViewArgs::file_type(output)?;
    let picture = pictures::picture(args, plot)?;
    let drawn = match file_type {
        FileType::Svg => picture.svg().into_bytes(),
        FileType::Png => png(&picture.svg())?,
        FileType::Html => picture.html().into_bytes(),
    };
    let bytes = write(output, &drawn)?;
    let name = plot.to_possible_value().map(|value| value.get_name().to_owned());
    let summary = json!({
        "dataset": args.dataset.display().to_string(),
        "plot": name,
        "files": [output.display().to_string()],
        "bytes": bytes,
        "seconds": started.elapsed().as_secs_f64(),
    });
    summarise(args, &summary, &written(output, bytes));
    Ok(())
}

/// Puts a file there when it is complete. Returns its size.
pub(super) fn write(output: &Path, bytes: &[u8]) -> Result<u64, Failure> {
    let file = OutputFile::create(output)?;
    let written = file.file().write_all(bytes);
    written.map_err(|source| Error::io(output, "cannot write", source))?;
    Ok(file.finish()?)
}

pub(super) fn written(output: &Path, bytes: u64) -> String {
    format!("wrote {} ({:.1} KiB)\n", output.display(), bytes as f64 / 1024.0)
}

/// Tells of a run: as JSON on standard output, and in words on standard error.
pub(super) fn summarise(args: &ViewArgs, summary: &Value, words: &str) {
    if args.json {
        print(&format!("{summary}\n"));
    }
    if !args.quiet {
        say(words);
    }
}
