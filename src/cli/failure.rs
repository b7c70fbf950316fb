//! Why a tool stops: errors in, a message, a hint and the exit status out.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use isd_kernel::OptionsError;

use crate::detect::DetectError;
use crate::output::OutputError;
use crate::plan::error::HINT;

/// Why a tool ends otherwise than by having done all that it was asked to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// Something to tell the user about.
    Report(Report),
    /// The reader of standard output has closed it, having seen enough: exit status 0.
    ClosedPipe,
    /// There are outliers, and the user asked for a status that says so: exit status 5, and not a word.
    Found,
    /// The program that embeds the tool has cancelled it.
    Cancelled,
}

/// What the user is told.
#[derive(Debug)]
pub struct Report {
    /// What kind of failure it is.
    pub kind: Kind,
    /// What went wrong. It is printed as one line, whatever line breaks it has.
    pub message: String,
    /// What to do about it. Printed as one line too.
    pub hint: Option<String>,
    /// The file or directory that it is about, where there is one.
    pub path: Option<PathBuf>,
}

/// Kinds of failure, each with an exit status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The tool could not do what it was asked to: exit status 1.
    Failed,
    /// The arguments make no sense: exit status 2.
    Usage,
    /// The tool is done, but for sources that it could not read and left out: exit status 3.
    LeftOut,
    /// Another run is writing what this one would write: exit status 4.
    Held,
}

impl Kind {
    /// The exit status.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::LeftOut => 3,
            Self::Held => 4,
        }
    }
}

impl Failure {
    fn report(kind: Kind, message: impl Into<String>) -> Self {
        Self::Report(Report { kind, message: message.into(), hint: None, path: None })
    }

    /// A failure with that message.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self::report(Kind::Failed, message)
    }

    /// A mistake in the arguments that the parser could not see.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::report(Kind::Usage, message)
    }

    /// Everything is done but for sources that were left out.
    #[must_use]
    pub fn left_out(message: impl Into<String>) -> Self {
        Self::report(Kind::LeftOut, message)
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
        if let Self::Report(report) = &mut self {
            report.hint = Some(text.into());
        }
        self
    }

    /// Says which file or directory the failure is about.
    #[must_use]
    pub fn about(mut self, path: Option<&Path>) -> Self {
        if let Self::Report(report) = &mut self {
            report.path = path.map(Path::to_owned);
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
        let mut failure = Self::chain(&error).maybe_hint(error.hint()).about(error.path());
        if let (isd_dataset::Error::Held { .. }, Self::Report(report)) = (&error, &mut failure) {
            report.kind = Kind::Held;
        }
        failure
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
            OutputError::Extension(ref path) => return Self::usage(error.to_string()).about(Some(path)),
            OutputError::Directory(error) => return error.into(),
            OutputError::NoMetadata(ref path) => {
                return Self::usage(error.to_string()).about(Some(path)).hint("give -o such a name");
            }
            OutputError::Io { ref path, .. }
            | OutputError::Read { ref path, .. }
            | OutputError::Write { ref path, .. } => Self::chain(&error).about(Some(path)),
            OutputError::Append { ref path, .. } => {
                Self::chain(&error).about(Some(path)).hint("give another -o, or leave --append out")
            }
        };
        match &error {
            OutputError::Io { source, .. } if isd_stores::hint(source).is_some() => {
                failure.maybe_hint(isd_stores::hint(source).map(str::to_owned))
            }
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
            DetectError::Split { ref path, .. } => Self::chain(&error)
                .hint("a row group must hold whole stations: convert the archive with isd-convert")
                .about(Some(path)),
            DetectError::Unsorted { ref path, .. } => Self::chain(&error)
                .hint("rows must be sorted by station_id and timestamp, each key once")
                .about(Some(path)),
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
