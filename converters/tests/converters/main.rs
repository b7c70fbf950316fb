//! Integration tests of the converters, one binary, one module a subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "a test binary has no users")]

mod archive_files; // several files, directories and tar archives read as one
mod archives; // HDF5 archives written for a test, and everything read from one
mod compressed; // gzip and other compression, and what is named instead of read
mod csv_dialects; // CSV of any writer: separators, decimal commas, marks, encodings
mod dataset; // writing a dataset: order, whole stations, layout, what is left after an error
mod ghcnh; // GHCNh as text of both versions
mod ghcnh_parquet; // the same as Parquet
mod global_hourly; // NOAA Global Hourly CSV
mod hdf5; // HDF5 archives: storages, stations, columns, and all that can be wrong with a file
mod hdf5_cf; // CF attributes: packing, missing values, times
mod hdf5_conventions; // netCDF's own conventions, space never written, times of unknown units
mod hdf5_filters; // compressed chunks: what is read, and what is refused by name
mod hdf5_groups; // groups that are archives: one a station, pandas frames in the fixed format
mod hdf5_netcdf; // netCDF-4: grids, ragged arrays, single stations, HadISD
mod hdf5_real; // the same on published data and on files of other writers, where they are at hand
mod hdf5_table; // pandas tables in HDF5, as compounds
mod interrupted; // runs that are killed or find the disk full, and what the next one makes of what they left
mod isd_lite; // lines of ISD-Lite, the published files, and what becomes the same as their HDF5 twin
mod isd_raw; // raw ISD: sections, quality codes, precipitation, and published files
mod memory; // a source held in memory, for tests of what comes after a source
mod mutations; // text of every format, cut and damaged anywhere
mod places; // where rows and lists say that stations are, and the table of them
mod samples; // files held in memory, and rows as maps
mod series; // rows in any order, duplicates, sorting within little memory: against a naive model
mod station_csv; // CSV with a header: the talk's tenths and physical values
mod tables; // Parquet and Arrow IPC of any writer
mod tar_entries; // links, sparse files and other entries of tar archives
mod text_fields; // fields, numbers and times of text formats
mod texts; // text files written for a test, and everything read from one
mod update; // datasets brought up to date with their source files: the same as converted anew
