//! Why a tool stops: errors in, a message, a hint and the kind of failure out.

use std::error::Error;
use std::io;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use isd_kernel::OptionsError;

use crate::detect::DetectError;
use crate::output::OutputError;
use crate::plan::error::HINT;

/// Why a tool stops. Messages and hints are printed as one line each, whatever line breaks they have.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The tool could not do what it was asked to: exit status 1.
    Error {
        /// What went wrong.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The arguments make no sense: exit status 2.
    Usage {
        /// What is wrong with the arguments.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Everything is done but for sources that were left out: exit status 3.
    LeftOut {
        /// What was left out.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The reader of standard output has closed it, having seen enough: exit status 0.
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

    /// Everything is done but for sources that were left out.
    #[must_use]
    pub fn left_out(message: impl Into<String>) -> Self {
        Self::LeftOut { message: message.into(), hint: None }
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

    /// Adds what to do about the failure, in place of a hint that it has; a closed pipe has none.
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        if let Self::Error { hint, .. } | Self::Usage { hint, .. } | Self::LeftOut { hint, .. } = &mut self {
            *hint = Some(text.into());
        }
        self
    }

    /// Adds a hint, if there is one.
    pub(super) fn maybe_hint(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

impl From<isd_dataset::Error> for Failure {
    fn from(error: isd_dataset::Error) -> Self {
        Self::chain(&error).maybe_hint(error.hint())
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
        Self::usage(error.to_string()).maybe_hint(error.hint())
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
            DetectError::Plan(error) => {
                let text = error.to_string();
                match text.split_once(HINT) {
                    Some((message, hint)) => Self::error(message).hint(hint),
                    None => Self::error(text),
                }
            }
            DetectError::Arrow(_) => Self::chain(&error),
        }
    }
}
