//! The kernel as Polars expressions: columns in, a column or a struct of one row an outlier out.
//!
//! The expressions are groupwise: each sees the whole of its columns at once, in any engine. An expression that saw the
//! rows in parts would lose the values before the start of each part.

mod adapter;
mod boundaries;
mod columns;
mod outliers;

pub use boundaries::Boundaries;
pub use columns::{forward_fill, rolling_mean, rolling_std};
pub use outliers::{
    Carried, Columns, FIELDS, LookUp, SeriesCount, SeriesCounts, TestedColumn, rolling_outliers,
};
