//! Exact rolling statistics of weather series: a series as slices in, its outlying rows or a column of statistics out.
//!
//! A series is one measurement of one station in time order: a slice of doubles, a validity bitmap for the rows without a
//! value, and times where the window is a length of time ([`Series`]). [`rolling_outliers`] fills the series forward, takes
//! the mean and the standard deviation of the window before each row, and reports the rows that lie too far from that mean
//! ([`RollingTest`] says how far). [`forward_fill`], [`rolling_mean`] and [`rolling_std`] are its steps one by one. [`arrow`]
//! has the same functions for arrow-rs arrays. [`rolling_median_mad`] is their robust relative.
//!
//! ```
//! use isd_kernel::{RollingTest, Scratch, Series, Window, rolling_outliers};
//!
//! let wind = [2.1, 2.3, 2.2, 2.4, 2.1, 2.3, 5.9, 2.2];
//! let test = RollingTest::builder().window(Window::Rows(3)).threshold("6".parse()?).build()?;
//! let mut found = Vec::new();
//! rolling_outliers(Series::new(&wind), &test, &mut Scratch::default(), &mut found);
//!
//! assert_eq!(found.len(), 1);
//! assert_eq!((found[0].row, found[0].value, found[0].mean), (6, 5.9, 68.0 / 30.0));
//! assert!((found[0].zscore - 109.0 / 14_f64.sqrt()).abs() < 1e-14);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The idea
//! Everything is computed in integers, so that nothing is rounded before the result. Weather is reported in decimals: on
//! tenths, 5.9 m/s is the integer 59. The sums of a window follow from prefix sums, which are exact, so that a value has
//! no effect on a window that it is no part of.
//!
//! These are the eight wind speeds of the example, in m/s, with a window of the 3 values before each row and a threshold of
//! 6 standard deviations. The integers count from the first value, 2.1 m/s, to stay small:
//!
//! ```text
//! row                   0     1     2     3     4     5     6     7
//! value               2.1   2.3   2.2   2.4   2.1   2.3   5.9   2.2
//! integer               0     2     1     3     0     2    38     1      tenths, less 21
//! its square            0     4     1     9     0     4  1444     1
//!
//! position           0     1     2     3     4     5     6     7     8
//! sums               0     0     2     3     6     6     8    46    47   of the integers before
//! sums of squares    0     0     4     5    14    14    18  1462  1463
//!                                      |                 |
//! window of row 6                      [  3     0     2  )
//! ```
//!
//! The window of row 6 lies between the positions 3 and 6. Its n = 3 integers have the sum S = 8 - 3 = 5 and the sum of
//! squares Q = 18 - 5 = 13: one subtraction each, whatever the length of the window. Row 6 holds x = 38. Its distance from
//! the mean is x - S / n, and the population variance of the window is Q / n - (S / n)^2. Multiplied by n^2, so that no
//! division is left, the row is an outlier if
//!
//! ```text
//! (n x - S)^2           >  6^2 (n Q - S^2)
//! (3 * 38 - 5)^2        >  36 * (3 * 13 - 5^2)
//! 109^2 = 11881         >  36 * 14 = 504            yes
//! ```
//!
//! Row 7 holds x = 1, and its window 0, 2, 38: (3 * 1 - 40)^2 = 1369 is not above 36 * (3 * 1448 - 40^2) = 98784. Only for
//! the outlier itself are doubles computed: the mean (21 + 5 / 3) / 10 = 2.267 m/s, the standard deviation
//! sqrt(14) / 3 / 10 = 0.125 m/s and the z-score 109 / sqrt(14) = 29.1, each the double nearest the exact number.
//!
//! # The path of a series
//!
//! ```text
//! Series, RollingTest
//!   |
//!   v
//! find               Is the series long enough? Has it the times it needs?
//!   |
//!   |  values on a decimal grid      any other doubles, or values too far apart
//!   v                                  v
//! decimal_pass                       binary_pass
//!   values as integers, filled         values, filled, and for each block of them
//!   |                                  integers of a unit that suits it
//!   v                                  v
//! prefix
//!   sums      the sums of all integers before a position, in 32 or 64 bits
//!   windows   a window as the difference of two of them
//!   rule_out  the test in floats with a margin: it rules out nearly every row
//!   |                                  |
//!   |  rows that are left              |  rows that are left: their windows' sums from the
//!   |                                  |  doubles' own mantissas (binary_pass::exact_sums)
//!   v                                  v
//! decide
//!   the test in integers, of 128 bits or as many as it takes; the statistics, rounded once
//!   |
//!   v
//! Outlier
//! ```
//!
//! A *decimal grid* is the set of the multiples of 1, 0.1, 0.01 or 0.001. A series is on a grid if each of its observed
//! values is the double nearest a number of the grid; the coarsest such grid counts, and it is found for the whole series.
//! The decision is then that about the decimals. For any other series it is that about the binary fractions that the
//! doubles are.
//!
//! The hot loops are compiled for several instruction sets, of which the widest that the processor has is used. Results do
//! not depend on it: they are a function of the series and the options alone.

pub mod arrow;
mod binary_pass;
mod columns;
mod cpu;
mod decide;
mod decimal;
mod decimal_pass;
mod error;
mod find;
mod median;
mod outlier;
mod packing;
mod prefix;
mod series;
mod test;
mod validity;
mod window;

pub use columns::{forward_fill, rolling_mean, rolling_std};
#[doc(hidden)]
pub use cpu::{InstructionSet, use_instruction_set, with_each_instruction_set};
pub use decimal::{Decimal, ParseDecimalError};
pub use error::{LengthError, OptionsError, SeriesError, TimesError};
pub use find::{Outcome, Scratch, outliers_of_each, rolling_outliers};
pub use median::{CenteredWindow, rolling_median_mad};
pub use outlier::Outlier;
pub use packing::{Packing, pack};
pub use series::Series;
pub use test::{DEFAULT_THRESHOLD, FillLimit, RollingTest, RollingTestBuilder};
pub use validity::Validity;
pub use window::{
    DEFAULT_TIME_WINDOW_MIN_PERIODS, DEFAULT_WINDOW, MAX_WINDOW, Rolling, RollingBuilder, Window,
};
