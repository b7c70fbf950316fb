//! Rows: the columns that were found in, batches of observations out.

pub mod fields;
pub mod grid;
mod one_series;
pub mod parts;
pub mod plan;
pub mod reader;
pub mod stored;
pub mod traces;
