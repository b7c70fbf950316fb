//! Outliers in weather station archives.

pub mod cli;
pub mod detect;
pub mod kernel;
pub mod output;
pub mod plan;
pub mod scan;
pub mod synth;
