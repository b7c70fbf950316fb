//! Prefix sums of integers: the sums themselves, the windows that are differences of two of them, and the loop that rules
//! rows out by those.

mod rule_out;
pub(crate) mod sums;
pub(crate) mod windows;
