//! Why a detection fails.

use std::path::PathBuf;

use arrow::error::ArrowError;
use polars::prelude::PolarsError;

/// Why a detection fails. Every message is one line that names the file, where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DetectError {
    /// The dataset or archive cannot be read.
    #[error(transparent)]
    Dataset(#[from] isd_dataset::Error),
    /// The plan fails; its text may hold a hint after a line break.
    #[error("{0}")]
    Plan(#[from] PolarsError),
    /// The outliers cannot be made a table, or not be read back from their temporary file.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// A station has rows in two row groups, so that neither holds its series.
    #[error("{}: station {station} is split across row groups, or row groups overlap", path.display())]
    Split {
        /// File of the later row group.
        path: PathBuf,
        /// The station.
        station: String,
    },
    /// The rows of a station are not in the order of their times.
    #[error("{}: station {station}: {time} follows a row that is not earlier", path.display())]
    Unsorted {
        /// The file.
        path: PathBuf,
        /// The station.
        station: String,
        /// Time of the row that is out of order, ISO 8601 in UTC.
        time: String,
    },
}
