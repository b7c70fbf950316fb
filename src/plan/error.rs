//! Errors on their way through Polars, which hands on a text: an error of a dataset in, a Polars error out.

use isd_dataset::Error;
use polars::prelude::PolarsError;

/// What separates the message from the hint in the text of a Polars error.
pub(crate) const HINT: &str = "\nhint: ";

/// Turns an error of a dataset into one of Polars, whose text keeps the hint.
pub(crate) fn to_polars(error: &Error) -> PolarsError {
    let hint = error.hint().map(|hint| format!("{HINT}{hint}")).unwrap_or_default();
    PolarsError::ComputeError(format!("{error}{hint}").into())
}

/// A broken promise of this crate's own code, as an error of Polars.
pub(crate) fn internal(what: impl Into<String>) -> PolarsError {
    to_polars(&Error::internal(what))
}
