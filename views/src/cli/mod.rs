//! The command line: arguments in; a picture in a file, or a page in the browser, and an exit status out.

#[cfg_attr(not(feature = "tool"), allow(dead_code, reason = "options of the page are for the command alone"))]
mod arguments;
#[cfg(feature = "tool")]
mod page;
mod pictures;
#[cfg(feature = "tool")]
mod run;

use std::ffi::OsString;

use clap::Parser;

use crate::drawing::Picture;
use crate::failure::Failure;
use arguments::ViewArgs;

#[cfg(feature = "tool")]
pub use run::run;

/// The picture that `isd-view` draws with these arguments, the first of which is its name, to the file of `-o`, which is not
/// written here.
///
/// # Errors
/// Arguments that make no sense or ask for no picture, and what keeps it from being drawn.
pub fn picture(arguments: &[OsString]) -> Result<Picture, Failure> {
    let args = ViewArgs::try_parse_from(arguments)?;
    args.check()?;
    let plot = args.plot.ok_or_else(|| Failure::usage("--plot: is missing"))?;
    pictures::picture(&args, plot)
}
