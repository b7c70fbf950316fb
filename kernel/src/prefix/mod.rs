//! Prefix sums of integers, the windows that lie in them, and the loop that rules rows out by those.

pub(crate) mod rule_out;
pub(crate) mod sums;
pub(crate) mod windows;
