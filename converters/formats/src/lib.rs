//! The formats of weather station archives: one file in, batches of observations out.
//!
//! Data flows one way: an [`Input`] is recognised by a [`Format`], which opens it as a [`Source`] of [`Batch`]es. Names,
//! times and missing values follow the same rules in all formats: [`keys`], [`instants`].

mod batch;
pub mod compression;
mod format;
pub mod formats;
mod input;
pub mod instants;
pub mod keys;
mod source;
mod text_encoding;

pub use batch::Batch;
pub use format::Format;
pub use formats::{FORMATS, format_names, format_of, open, open_input};
pub use input::{Head, Input};
pub use instants::TimeUnit;
pub use isd_dataset::manifest::{Duplicates, Quality};
pub use isd_dataset::{ColumnInfo, Error, MEASUREMENTS, Measurement, Result, StationRun, Tally};
pub use source::{Hdf5Reader, ReadOptions, Scale, Source, SourceInfo, did_you_mean, in_canonical_order};
