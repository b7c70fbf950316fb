//! The detector: a dataset or an archive in, its outliers and an account of what was tested out.
//!
//! Each row group holds whole stations, so that it is worked on by itself: one lazy plan a row group, in parallel.

mod archive;
mod counts;
mod dataset;
mod detection;
mod error;
mod group;
pub mod spool;
pub mod table;
pub(crate) mod threads;

pub use archive::detect_archive;
pub use dataset::detect;
pub use detection::{Detection, MeasurementCount};
pub use error::DetectError;
pub(crate) use group::plan;
pub(crate) use threads::on_threads;
