//! Why a tool stops: from an error to its line, its hint and the exit status.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::say;
use crate::detect::DetectError;
use isd_kernel::OptionsError;
use crate::output::OutputError;

/// Why a tool stops.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It could not do what it was asked: exit status 1.
    Error {
        /// What went wrong, in one line.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// What it was asked makes no sense: exit status 2.
    Usage {
        /// What is wrong with the arguments, in one line.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Whoever read standard output has seen enough: exit status 0.
    ClosedPipe,
}

impl Failure {
    /// A failure with that message.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), hint: None }
    }

    /// A mistake in the arguments that the parser could not see.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: None }
    }

    /// A failure whose message is the error's and those of its sources that it does not repeat.
    #[must_use]
    pub fn chain(error: &(dyn Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = error.source();
        }
        Self::error(message)
    }

    /// A failure to write to standard output.
    #[must_use]
    pub fn stdout(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::error(format!("cannot write to standard output: {error}")),
        }
    }

    /// The same with something to do about it.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Error { hint, .. } | Self::Usage { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// Prints the line and the hint to standard error; gives the exit status.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        let (message, hint, status) = match self {
            Self::Error { message, hint } => (message, hint, ExitCode::from(1)),
            Self::Usage { message, hint } => (message, hint, ExitCode::from(2)),
            Self::ClosedPipe => return ExitCode::SUCCESS,
        };
        let hint = hint.as_ref().map(|hint| format!("hint: {}\n", one_line(hint))).unwrap_or_default();
        say(&format!("error: {}\n{hint}", one_line(message)));
        status
    }
}

impl From<isd_converters::Error> for Failure {
    fn from(error: isd_converters::Error) -> Self {
        let failure = Self::chain(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<clap::Error> for Failure {
    /// The first paragraph of clap's message; its tips and possible values become the hint.
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        let first: Vec<&str> = text
            .lines()
            .take_while(|line| !line.trim().is_empty())
            .filter(|line| !line.trim_start().starts_with("[possible values"))
            .collect();
        let message = first.join("\n");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        let mut hints: Vec<String> =
            text.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).map(str::to_owned).collect();
        if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue) {
            hints.push(format!("it may be {}", values.join(" or ")));
        }
        if error.kind() == ErrorKind::MissingRequiredArgument && message.contains("--measurement") {
            hints.push("-m wind_speed_rate names one, --all takes all".to_owned());
        }
        if hints.is_empty() {
            hints.push("--help lists the arguments".to_owned());
        }
        Self::usage(message).hint(hints.join("; "))
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        let failure = Self::usage(error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        let failure = match error {
            OutputError::Extension(_) => return Self::usage(error.to_string()),
            OutputError::Directory(error) => return error.into(),
            _ => Self::chain(&error),
        };
        match &error {
            OutputError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                failure.hint("make the directory first")
            }
            OutputError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                failure.hint("check who may write there")
            }
            OutputError::Write { reason, .. } if reason.contains("No space left") => {
                failure.hint("free disk space, or give another -o")
            }
            _ => failure,
        }
    }
}

impl From<DetectError> for Failure {
    fn from(error: DetectError) -> Self {
        match error {
            DetectError::Dataset(error) => error.into(),
            DetectError::Split { .. } => Self::chain(&error)
                .hint("a row group must hold whole stations: convert the archive with isd-convert"),
            DetectError::Unsorted { .. } => {
                Self::chain(&error).hint("rows must be sorted by station_id and timestamp, each key once")
            }
            // The plan's source hands its hint on behind a line break.
            DetectError::Plan(error) => {
                let text = error.to_string();
                match text.split_once("\nhint: ") {
                    Some((message, hint)) => Self::error(message).hint(hint),
                    None => Self::error(text),
                }
            }
            DetectError::Arrow(_) => Self::chain(&error),
        }
    }
}

/// Messages of libraries may have line breaks and runs of blanks; an error is one line.
fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
