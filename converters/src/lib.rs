//! Weather station archives in, the isd dataset out: many files as one, whole series, and the conversion.
//!
//! Data flows one way: a [`Format`] opens a file as a [`Source`], an [`archive`] reads many of them as one stream of
//! [`Batch`]es, [`series`] makes whole series of these, and [`convert`](convert()) writes them as a dataset.

pub mod archive;
mod convert;
pub mod series;

pub use archive::{InspectedColumn, Inspection, inspect};
pub use convert::{
    Conversion, ConvertOptions, Course, FileChanges, JOURNAL, RowChanges, check_target, convert,
};
pub use isd_dataset::manifest::{Duplicates, Quality};
pub use isd_dataset::{ColumnInfo, Error, MEASUREMENTS, Measurement, Result, StationRun, Tally};
pub use isd_formats::{
    Batch, FORMATS, Format, Hdf5Reader, Head, Input, ReadOptions, Scale, Source, SourceInfo, TimeUnit,
    compression, format_names, format_of, formats, instants, keys, open, open_input,
};
pub use series::{SeriesOptions, SeriesReport, Sink, read_series};
