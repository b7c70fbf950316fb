//! Weather station archives in, the isd dataset out: formats, archives, whole series, and the conversion.
//!
//! Data flows one way: a [`Format`] opens a file as a [`Source`], an [`archive`] reads many of them as one stream of
//! [`Batch`]es, [`series`] makes whole series of these, and [`convert`](convert()) writes them as a dataset.

pub mod archive;
mod batch;
pub mod compression;
mod convert;
mod format;
pub mod formats;
mod input;
pub mod instants;
pub mod keys;
pub mod series;
mod source;
mod text_encoding;

pub use archive::{InspectedColumn, Inspection, inspect};
pub use batch::Batch;
pub use convert::{Conversion, ConvertOptions, Course, JOURNAL, check_target, convert};
pub use format::Format;
pub use formats::{FORMATS, format_names, format_of, open, open_input};
pub use input::{Head, Input};
pub use instants::TimeUnit;
pub use isd_dataset::manifest::{Duplicates, Quality};
pub use isd_dataset::{ColumnInfo, Error, MEASUREMENTS, Measurement, Result, StationRun, Tally};
pub use series::{SeriesOptions, SeriesReport, Sink, read_series};
pub use source::{Hdf5Reader, ReadOptions, Scale, Source, SourceInfo};
