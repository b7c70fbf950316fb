//! The command line: arguments in, a picture in a file and an exit status out.

mod arguments;
mod pictures;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use isd_dataset::Error;
use isd_dataset::output_file::OutputFile;

use crate::failure::Failure;
use arguments::{FileType, ViewArgs};

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
    match draw(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn report(failure: &Failure) -> ExitCode {
    say(&failure.lines());
    ExitCode::from(failure.status)
}

/// Writes to standard error. Where that is impossible, nothing happens.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Draws what the arguments ask for, and puts it into the file when it is complete.
fn draw(args: &ViewArgs) -> Result<(), Failure> {
    args.check()?;
    let file_type = args.file_type()?;
    let picture = pictures::picture(args)?;
    let text = match file_type {
        FileType::Svg => picture.svg(),
        FileType::Html => picture.html(),
    };
    let output = OutputFile::create(&args.output)?;
    let written = output.file().write_all(text.as_bytes());
    written.map_err(|source| Error::io(&args.output, "cannot write", source))?;
    let bytes = output.finish()?;
    if !args.quiet {
        say(&format!("wrote {} ({:.1} KiB)\n", args.output.display(), bytes as f64 / 1024.0));
    }
    Ok(())
}
