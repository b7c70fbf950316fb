//! The isd dataset: its layout, its reader and its writer, and what all isd crates share.
//!
//! ```text
//! SeriesGroup --write--> observations/block=72/part-00000.parquet --read--> RowGroup
//! ```
//!
//! | module | what is there |
//! |---|---|
//! | [`layout`] | names of directories, files, columns and metadata keys; which block a station lies in |
//! | [`manifest`] | `_isd.json`: what a dataset holds and how it was made |
//! | [`block`] | the account of one block's files |
//! | [`series_group`] | rows of whole stations in memory, which become a row group |
//! | [`read`] | a directory of Parquet files to row groups, column by column |
//! | [`write`](mod@write) | row groups to Parquet files; a directory that appears when it is complete |
//! | [`column`], [`measurement`], [`time`], [`tally`], [`error`], [`names`], [`guard`], [`interrupt`], [`unfinished`] | what all crates share |

pub mod block;
pub mod column;
pub mod error;
pub mod guard;
pub mod interrupt;
pub mod layout;
pub mod manifest;
pub mod measurement;
pub mod names;
pub mod output_file;
mod pages;
pub mod read;
pub mod series_group;
pub mod station_list;
pub mod tally;
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
