//! Synthetic archives: options in, an HDF5 archive, the list of what was planted in it and its station list out.
//!
//! Every file is a function of the [`Options`] (and the archive of the [`Layout`]) alone: the same seed
//! gives the same bytes, whatever the number of threads. Values are ISD's stored integers (tenths but for
//! direction and sky condition), missing ones NaN, in the layout of the archives that `isd-convert` reads.
//!
//! ```
//! use isd::synth::{Layout, Length, Options, Targets, write_archive};
//!
//! let directory = tempfile::tempdir()?;
//! let options = Options { stations: 3, length: Length::Rows(100), ..Options::default() };
//! let targets = Targets { archive: directory.path().join("archive.hdf5"), ..Targets::default() };
//! let summary = write_archive(&options, Layout::default(), &targets, 2, &mut |_rows, _of| {})?;
//! assert_eq!(summary.rows, 300);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod climate;
mod error;
mod fault;
mod network;
mod options;
mod output;
mod random;
mod region;
mod schedule;
mod series;
mod station_list;
mod storm;
mod truth;
mod weather;
mod write;

#[cfg(test)]
mod series_tests;

pub use error::{Error, Result};
pub use network::{Station, station};
pub use options::{Compression, Layout, Length, Options};
pub use output::Targets;
pub use write::{Summary, write_archive};
