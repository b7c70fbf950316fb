//! Outliers in weather station archives.

pub mod kernel;
pub mod plan;
pub mod scan;
