//! From archives to the isd dataset and back: sources, batches, and the dataset's layout, writer and reader.
//!
//! Data flows one way: a [`Source`] yields [`Batch`]es, which become a [`dataset`].

mod batch;
mod cf;
mod cf_time;
mod convert;
pub mod dataset;
mod error;
pub mod hdf5;
mod measurement;
mod names;
mod open;
mod source;

pub use batch::{Batch, ColumnInfo, StationRun};
pub use convert::{Conversion, ConvertOptions, convert};
pub use error::{Error, Result};
pub use measurement::{MEASUREMENTS, Measurement};
pub use open::open;
pub use source::{Hdf5Reader, ReadOptions, Scale, Source};
