//! The isd dataset: its layout, its reader and its writer, and what all isd crates share.
//!
//! ```text
//! SeriesGroup --write--> observations/block=72/part-00000.parquet --read--> RowGroup
//! ```
//!
//! The dataset:
//!
//! | module | what it holds |
//! |---|---|
//! | [`layout`] | names of directories, files, columns and metadata keys; which block a station lies in |
//! | [`manifest`] | `_isd.json`: what a dataset holds and how it was made |
//! | [`block`] | the record of one block's files |
//! | [`series_group`] | rows of whole stations in memory, which become a row group |
//! | [`write`](mod@write) | row groups to Parquet files, in a directory that appears when it is complete |
//! | [`read`] | a directory of Parquet files to row groups, column by column |
//! | `pages` | Parquet pages that are written and read by hand, and why |
//! | `time_steps` | a short list of the times of a row group, for reading single ones |
//!
//! What all crates share:
//!
//! | module | what it holds |
//! |---|---|
//! | [`error`](mod@error) | the error type, and what to do about an error |
//! | [`column`](mod@column), [`measurement`] | what is known of a value column; ISD's eight measurements |
//! | [`station_list`], [`station_table`] | NOAA's list of stations as a table; `_stations.csv`, the stations of a dataset |
//! | [`place`], [`geography`] | where a station stands, as its rows say it; distances, and what is near |
//! | [`output_file`], [`unfinished`] | a file that appears when it is complete; what to remove when a run is interrupted |
//! | [`storage`] | what a path names, a local file or an object in a store, read alike |
//! | [`interrupt`] | which signals the process was started to ignore |
//! | [`selection`] | a choice of stations and times |
//! | [`tally`] | counts of what was left out of a source |
//! | [`names`], [`time`] | names and times in messages |
//! | [`threads`] | how many threads a machine can use |
//! | [`guard`] | calls of other crates' readers that may panic |

pub mod block;
pub mod column;
pub mod error;
pub mod geography;
pub mod guard;
pub mod interrupt;
pub mod layout;
pub mod manifest;
pub mod measurement;
pub mod names;
pub mod output_file;
mod pages;
pub mod place;
pub mod read;
pub mod result_file;
pub mod selection;
pub mod series_group;
pub mod station_list;
pub mod station_table;
pub mod storage;
pub mod tally;
pub mod threads;
pub mod time;
mod time_steps;
pub mod unfinished;
mod varint;
pub mod write;

pub use column::ColumnInfo;
pub use error::{Error, Result};
pub use measurement::{MEASUREMENTS, Measurement};
pub use series_group::StationRun;
pub use tally::Tally;
