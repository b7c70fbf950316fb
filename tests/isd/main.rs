//! Integration tests of the tools and the library, one binary.

/// `isd-convert` as it is run from a shell: exit status, error lines, what is left behind.
mod convert;
/// Synthetic archives: the same bytes from the same seed, and what was planted is what is there.
mod synth;
