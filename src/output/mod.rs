//! The outliers table on its way out: record batches in, a file, a partitioned directory or text out.
//!
//! Whatever is written is written beside its final name and renamed when complete.

mod append;
mod error;
mod file_type;
mod parquet;
mod partitioned;
mod table_file;
mod text;

pub use append::Existing;
pub use error::OutputError;
pub use file_type::FileType;
pub use partitioned::{PartitionedOutput, Written, YEAR};
pub use table_file::{Batches, KeptTable, TableFile};
pub use text::{write_csv, write_table};
