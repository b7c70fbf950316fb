//! Failures as Python exceptions: those of the tools in; `ValueError`, `TypeError` and `isdtools.IsdError` out.

use isd::cli::{Failure, Kind, Report};
use pyo3::exceptions::{PyKeyboardInterrupt, PyTypeError, PyValueError};
use pyo3::prelude::*;

/// Why observations in memory cannot be worked on.
#[derive(Debug)]
pub enum Refusal {
    /// A column of another type: `TypeError`.
    Type(String),
    /// Anything else about the data: `ValueError`, with what can be done about it.
    Value(String, Option<String>),
}

impl Refusal {
    /// A fault of the data.
    pub fn value(message: impl Into<String>) -> Self {
        Self::Value(message.into(), None)
    }

    /// With what can be done about it, where it is a fault of the data.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        match self {
            Self::Value(message, _) => Self::Value(message, Some(hint.into())),
            other @ Self::Type(_) => other,
        }
    }
}

impl From<Refusal> for PyErr {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Type(message) => PyTypeError::new_err(message),
            Refusal::Value(message, hint) => PyValueError::new_err(with_hint(message, hint)),
        }
    }
}

/// The exception that stands for a failure of a tool: bad arguments are a `ValueError`, all else an `IsdError`.
pub fn exception(py: Python<'_>, failure: Failure) -> PyErr {
    match failure {
        Failure::Report(Report { kind: Kind::Usage, message, hint, .. }) => {
            PyValueError::new_err(with_hint(message, hint))
        }
        Failure::Report(Report { message, hint, path, .. }) => {
            let path = path.map(|path| path.display().to_string());
            let error = py
                .import("isdtools._errors")
                .and_then(|module| module.getattr("IsdError")?.call1((message, path, hint)));
            error.map_or_else(|error| error, PyErr::from_value)
        }
        // A run is cancelled where Python has an exception of its own to raise.
        _ => PyKeyboardInterrupt::new_err(()),
    }
}

/// The exception that stands for a failure that is the caller's mistake, whatever kind the tool makes of it.
pub fn value_error(failure: Failure) -> PyErr {
    let Failure::Report(Report { message, hint, .. }) = failure else { return PyValueError::new_err(()) };
    PyValueError::new_err(with_hint(message, hint))
}

pub fn with_hint(message: String, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{message}\nhint: {hint}"),
        None => message,
    }
}
