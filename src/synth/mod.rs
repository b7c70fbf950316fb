//! Synthetic archives: options in; an HDF5 archive, a list of what was planted in it and its station list out.
//!
//! The files depend on the [`SynthOptions`] alone, and the bytes of the archive on its [`Storage`] too: the same seed
//! gives the same bytes, whatever the number of threads. Values are ISD's stored integers: tenths, except for direction
//! and sky condition. A missing value is NaN. The layout is that of the archives that `isd-convert` reads.
//!
//! ```
//! use isd::synth::{Length, Storage, SynthOptions, Targets, write_archive};
//!
//! let directory = tempfile::tempdir()?;
//! let options = SynthOptions { stations: 3, length: Length::Rows(100), ..SynthOptions::default() };
//! let targets = Targets { archive: directory.path().join("archive.hdf5"), ..Targets::default() };
//! let summary = write_archive(&options, Storage::default(), &targets, 2, &mut |_written, _all| {})?;
//! assert_eq!(summary.rows, 300);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod archive;
mod climate;
mod error;
mod network;
mod options;
mod output;
mod planted;
mod random;
mod region;
mod schedule;
mod series;
mod station_list;
mod time;
mod weather;
mod write;

pub use error::{Result, SynthError};
pub use network::{Station, station};
pub use options::{Compression, Length, Storage, SynthOptions};
pub use output::Targets;
pub use planted::PlantedKind;
pub use write::{ArchiveSummary, write_archive};
