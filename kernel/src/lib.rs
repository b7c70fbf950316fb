//! The rolling kernels: a series as slices in, its outlying rows or a column of statistics out.
//!
//! A kernel is a pure function over a slice of doubles and a validity bitmap. [`rolling_outliers`] forward-fills, takes
//! the moments of the window before each row and tests the row in one pass, without an intermediate column;
//! [`forward_fill`], [`rolling_mean`] and [`rolling_std`] are its steps by themselves. [`arrow`] takes
//! and gives arrow-rs arrays.
//!
//! They are exact. A cheap test with a proven margin rules out nearly every row; what is left is decided in integers
//! ([`RollingTest`] says what is decided). Two passes share that scheme:
//! - a series on a decimal grid of up to three decimals (weather is) is turned into integers, whose prefix sums are
//!   exact, so that a window is a difference of two of them;
//! - any other series is rounded to integers block by block, which rule rows out in the same way; what they leave is
//!   decided from sums of the doubles' own integers, which are exact, too.
//!
//! Either way a value that has left the window leaves nothing behind.

pub mod arrow;
mod binary_pass;
mod columns;
mod cpu;
mod decide;
mod decimal;
mod decimal_pass;
mod find;
mod outlier;
mod packing;
mod prefix;
mod series;
mod test;
mod validity;
mod window;

pub use columns::{forward_fill, rolling_mean, rolling_std};
#[doc(hidden)]
pub use cpu::use_plain_instructions;
pub use decimal::{Decimal, ParseDecimalError};
pub use find::{Outcome, Scratch, outliers_of_each, rolling_outliers};
pub use outlier::Outlier;
pub use packing::{Packing, pack};
pub use series::{LengthError, Series, SeriesError};
pub use test::{FillLimit, RollingTest};
pub use validity::Validity;
pub use window::{Extent, MAX_WINDOW, OptionsError, Rolling, TIME_WINDOW_MIN_PERIODS, TimesError};
