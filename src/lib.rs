//! Outliers in weather station archives.
