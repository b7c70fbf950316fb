//! SQL on outliers and datasets.
