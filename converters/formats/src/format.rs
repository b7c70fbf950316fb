//! What a format is: the beginning of a file in, whether it is of the format and the [`Source`] that reads it out.

use crate::{Head, Input, ReadOptions, Result, Source};

/// A format of observations. Each has a module of its own in [`formats`](crate::formats), and a place in
/// [`FORMATS`](crate::FORMATS).
pub trait Format: Sync {
    /// What `--format` calls it, such as `isd-lite`.
    fn name(&self) -> &'static str;

    /// Other names that `--format` takes for it but no list of formats shows.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a file that begins so is text, whose first lines can be read by themselves.
    fn is_text(&self, _head: &Head) -> bool {
        true
    }

    /// Whether a file that begins so is of this format.
    fn recognises(&self, head: &Head) -> bool;

    /// Whether a file that begins so is of this format where it is read by these options, which may name its columns.
    fn recognises_with(&self, head: &Head, _options: &ReadOptions) -> bool {
        self.recognises(head)
    }

    /// Opens a file to read its rows.
    ///
    /// # Errors
    /// A file that cannot be read, or that is not of this format after all.
    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>>;
}
