//! The detector: a dataset or an archive in, its outliers and an account of what was tested out.
//!
//! Each row group holds whole stations, so that it is worked on by itself: one lazy plan a row group, in parallel.

mod archive;
mod counts;
mod dataset;
mod detection;
mod error;
mod group;
pub mod parts;
pub mod spool;
pub mod table;
pub(crate) mod threads;
mod wanted;

pub use archive::{detect_archive, detect_wanted_of_archive};
pub use dataset::{detect, detect_part, detect_wanted};
pub use detection::{Detection, MeasurementCount, TestedRowGroup, order_row_groups};
pub use error::DetectError;
pub(crate) use group::plan;
pub(crate) use threads::on_threads;
pub use wanted::{LatestTimes, Wanted};
