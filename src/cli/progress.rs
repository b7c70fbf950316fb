//! The progress bar: from a count of rows to a line on the terminal, if standard error is one.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Rows done, rate and time left. Removed from the terminal on drop.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar of `total` rows, or without an end where that is not known; hidden if `quiet` or if
    /// standard error is no terminal.
    #[must_use]
    pub fn rows(total: Option<u64>, quiet: bool) -> Self {
        let template = if total.is_some() {
            "{bar:40} {human_pos}/{human_len} rows, {per_sec}, {eta} left"
        } else {
            "{spinner} {human_pos} rows, {per_sec}, {elapsed}"
        };
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(total, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// So many rows are done by now. May be called from any thread.
    pub fn set(&self, rows: u64) {
        self.0.set_position(rows);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
