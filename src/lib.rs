//! Outliers in weather station archives: exact rolling statistics over hundreds of millions of observations.
//!
//! From an archive to its outliers, as the tools `isd-synth`, `isd-convert` and `isd-detect` do it:
//!
//! ```
//! use isd::converters::archive::Archive;
//! use isd::dataset::read::Dataset;
//! use isd::converters::{ConvertOptions, ReadOptions, convert};
//! use isd::detect::detect;
//! use isd::plan::OutlierOptions;
//! use isd::synth::{Layout, Length, Options, Targets, write_archive};
//!
//! let directory = tempfile::tempdir()?;
//! let archive = directory.path().join("archive.hdf5");
//! let options = Options { stations: 5, length: Length::Rows(2000), ..Options::default() };
//! let targets = Targets { archive: archive.clone(), ..Targets::default() };
//! write_archive(&options, Layout::default(), &targets, 2, &mut |_rows, _of| {})?;
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
//! Data flows one way: source -> batch -> dataset -> plan -> outliers.
//!
//! | module | takes | gives |
//! |---|---|---|
//! | [`converters`] | archives | batches, and from them the dataset |
//! | [`dataset`] | whole stations | Parquet row groups, written and read |
//! | [`kernel`] | a series as slices or arrow-rs arrays | its outlying rows |
//! | [`plan`] | any sorted `LazyFrame` of observations | a `LazyFrame` of outliers, by the kernel as an expression |
//! | [`detect`] | a dataset or an archive | the outliers table and an account of what was tested |
//! | [`stations`] | NOAA's station list | columns beside the outliers |
//! | [`output`] | the outliers table | Parquet (by year too), CSV, Arrow or NDJSON |
//! | [`synth`] | a seed | a synthetic archive with planted outliers |
//! | [`cli`] | arguments | an exit status: what the binaries share |
//!
//! # What an outlier is
//! A series is filled forward; a value that was observed is an outlier if it lies more than 6 standard deviations from
//! the mean of the 30 filled values before it. [`kernel::RollingTest`] has the options. The decision is exact: on a
//! decimal grid, as weather is, in integers; elsewhere on the binary fractions that doubles are. It depends on the data
//! and the options alone.

pub use isd_converters as converters;
pub use isd_dataset as dataset;
pub use isd_kernel as kernel;

pub mod cli;
pub mod detect;
pub mod output;
pub mod plan;
pub mod stations;
pub mod synth;
