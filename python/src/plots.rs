//! Pictures of datasets: options as a command line in, SVG and HTML out.

use std::ffi::OsString;

use isd::cli::Failure;
use isd_views::cli::picture;
use pyo3::prelude::*;

use crate::errors::exception;

/// The picture that `isd-view --plot` draws with these options, as SVG and as a page with it.
///
/// # Errors
/// Options that make no sense, an unreadable dataset or file, or a station or measurement that the dataset does not have.
pub fn plot(py: Python<'_>, options: Vec<OsString>) -> PyResult<(String, String)> {
    let drawn = py.detach(|| {
        let line: Vec<OsString> = std::iter::once("isd-view".into()).chain(options).collect();
        picture(&line).map(|picture| (picture.svg(), picture.html()))
    });
    drawn.map_err(|failure| {
        let usage = failure.status == 2;
        let told = if usage { Failure::usage(failure.message) } else { Failure::error(failure.message) };
        exception(py, failure.hint.into_iter().fold(told, Failure::hint))
    })
}
