//! In: outliers files and datasets, and SQL; out: a stream of record batches, and text of it.
//!
//! A [`Session`] holds named tables; [`Session::run`] plans one statement and returns its [`Answer`], which
//! reads the files as its batches are asked for. [`output`] writes an answer in one of nine formats; [`named`] has the
//! queries that are part of the tool.
//!
//! ```
//! # use isd_queries::{Session, SessionOptions};
//! # let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
//! # runtime.block_on(async {
//! let session = Session::new(&SessionOptions::default())?;
//! let mut answer = session.run("select 6 * 7 as answer").await?;
//! let batch = answer.next().await.transpose()?;
//! assert_eq!(batch.map(|b| b.num_rows()), Some(1));
//! # Ok::<(), isd_queries::Error>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffered_merges;
mod copied_file;
mod error;
mod functions;
pub mod named;
mod named_tables;
pub mod output;
mod session;
mod station_aggregates;
mod stations_meant;
mod tables;
mod yielding_joins;

pub use error::{Error, Position, Result};
pub use session::{Answer, Session, SessionOptions, Statement};
pub use tables::{Storage, TableSource};
