//! Outliers in weather station archives.

pub mod kernel;
