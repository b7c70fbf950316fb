//! The CF conventions: attributes of stored numbers in, physical values and times out.
//!
//! `scale_factor`, `add_offset`, `_FillValue` and `missing_value` become an [`Unpacking`], `units` of times
//! [`TimeUnits`], and `units` of measurements a conversion that joins the unpacking.

mod exact_decimal;
mod fills;
mod time;
pub mod units;
mod unpacking;

pub use exact_decimal::ExactDecimal;
pub use fills::{default_fill, is_byte};
pub use time::TimeUnits;
pub use unpacking::{Transform, Unpacking, ValidRange};
