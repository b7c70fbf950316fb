//! Outliers in weather station archives.

pub mod cli;
pub mod synth;
