//! From archives to the isd dataset and back: sources, batches, and the dataset's layout, writer and reader.
//!
//! Data flows one way: a [`Source`] yields [`Batch`]es, which become a [`dataset`].

pub mod archive;
mod batch;
mod cf;
mod cf_time;
mod convert;
pub mod dataset;
mod error;
mod format;
pub mod ghcnh;
mod global_hourly;
mod guard;
pub mod hdf5;
mod ingest;
mod input;
mod inspect;
mod isd_groups;
mod isd_lite;
mod isd_raw;
mod measurement;
mod names;
mod source;
mod talk_csv;
pub mod text;
mod units;

pub use batch::{Batch, ColumnInfo, StationRun};
pub use convert::{Conversion, ConvertOptions, Course, check_target, convert};
pub use dataset::gather::Duplicates;
pub use error::{Error, Result};
pub use format::{FORMATS, Format, format_names, format_of, open, open_input};
pub use ingest::{IngestOptions, Ingested, Sink, ingest};
pub use input::{Head, Input};
pub use inspect::{InspectedColumn, Inspection, inspect};
pub use measurement::{MEASUREMENTS, Measurement};

pub use source::{Hdf5Reader, Quality, ReadOptions, Scale, Source, Tally};
