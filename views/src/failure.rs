//! Why the tool stops: errors in, one line, a hint and an exit status out.

use clap::error::ErrorKind;
use isd_dataset::names::one_line;
use isd_kernel::OptionsError;

/// What the user is told of a run that drew nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// 1 for what could not be done, 2 for arguments that make no sense.
    pub status: u8,
    /// What went wrong, in one line.
    pub message: String,
    /// What to do about it, in one line.
    pub hint: Option<String>,
}

impl Failure {
    /// Something that could not be done.
    pub fn error(message: impl Into<String>) -> Self {
        Self { status: 1, message: message.into(), hint: None }
    }

    /// Arguments that make no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { status: 2, ..Self::error(message) }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The lines that are printed: whatever a file or an argument holds, it ends no line and moves no cursor.
    #[must_use]
    pub fn lines(&self) -> String {
        let hint = self.hint.as_ref().map(|hint| format!("hint: {}\n", one_line(hint)));
        format!("error: {}\n{}", one_line(&self.message), hint.unwrap_or_default())
    }
}

impl From<isd_dataset::Error> for Failure {
    fn from(error: isd_dataset::Error) -> Self {
        Self { hint: error.hint(), ..Self::error(error.to_string()) }
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        Self { hint: error.hint(), ..Self::usage(error.to_string()) }
    }
}

impl From<clap::Error> for Failure {
    /// The first paragraph of clap's message; its tips become the hint.
    fn from(error: clap::Error) -> Self {
        let text = error.to_string();
        let lines = || text.lines().map(str::trim);
        let first: Vec<&str> = lines().take_while(|line| !line.is_empty()).collect();
        let message = first.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        let tips: Vec<&str> = lines().filter_map(|line| line.strip_prefix("tip: ")).collect();
        let failure = Self::usage(message);
        match error.kind() {
            _ if !tips.is_empty() => failure.hint(tips.join("; ")),
            ErrorKind::InvalidValue if first.len() > 1 => failure,
            _ => failure.hint("--help lists the arguments"),
        }
    }
}
