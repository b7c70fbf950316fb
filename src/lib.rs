//! Outliers in weather station archives: exact rolling statistics over hundreds of millions of observations.
//!
//! This is the way from an archive to its outliers, as the tools `isd-synth`, `isd-convert` and `isd-detect` go it:
//!
//! ```
//! use isd::converters::archive::Archive;
//! use isd::converters::{ConvertOptions, ReadOptions, convert};
//! use isd::dataset::read::Dataset;
//! use isd::detect::detect;
//! use isd::plan::OutlierOptions;
//! use isd::synth::{Length, Storage, SynthOptions, Targets, write_archive};
//!
//! let directory = tempfile::tempdir()?;
//! let archive = directory.path().join("archive.hdf5");
//! let options = SynthOptions { stations: 5, length: Length::Rows(2000), ..SynthOptions::default() };
//! let targets = Targets { archive: archive.clone(), ..Targets::default() };
//! write_archive(&options, Storage::default(), &targets, 2, &mut |_written, _all| {})?;
//!
//! let observations = directory.path().join("observations");
//! let mut archive = Archive::open(&[archive], &ReadOptions::default(), true)?;
//! convert(&mut archive, &observations, &ConvertOptions::default(), &|_rows| {})?;
//!
//! let dataset = Dataset::open(&observations)?;
//! let found = detect(&dataset, &OutlierOptions::new(["air_temperature", "wind_speed_rate"]), &|_rows| {})?;
//! assert_eq!(found.rows, 10_000);
//! assert_eq!(found.measurements[1].tested, 5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The parts
//! Data flows one way: source -> batch -> series -> dataset -> plan -> outliers.
//!
//! | module | takes | gives |
//! |---|---|---|
//! | [`converters`] | archives | batches, whole series, and from these a dataset |
//! | [`dataset`] | whole series | Parquet row groups, written and read |
//! | [`kernel`] | a series as slices or arrow-rs arrays | its outlying rows |
//! | [`plan`] | any sorted Polars `LazyFrame` of observations | a `LazyFrame` of outliers; the kernel as Polars expressions |
//! | [`detect`] | a dataset or an archive | the outliers table and an account of what was tested |
//! | [`qc`] | a dataset and its stations | which values are erroneous or suspect, by which test |
//! | [`events`] | a dataset, its stations and flags of quality control | extreme weather events |
//! | [`stations`] | a station list, or a dataset's own | columns beside the outliers |
//! | [`output`] | the outliers table | Parquet (by year too), CSV, Arrow or NDJSON |
//! | [`synth`] | a seed | a synthetic archive with planted outliers |
//! | [`cli`] | arguments | an exit status: the command-line tools |
//!
//! # What an outlier is
//! Each missing value of a series is filled with the last one before it. An observed value is an outlier if it lies more
//! than 6 standard deviations from the mean of the 30 filled values before it. [`kernel::RollingTest`] has the options.
//! The decision is exact: values with few decimals, as weather has, are compared as integers, others as the binary
//! fractions that doubles are. It depends on the data and the options alone.

pub use isd_converters as converters;
pub use isd_dataset as dataset;
pub use isd_kernel as kernel;

pub mod cli;
pub mod detect;
pub mod events;
pub mod output;
pub mod plan;
pub mod qc;
pub mod stations;
pub mod synth;
