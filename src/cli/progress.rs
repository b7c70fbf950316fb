//! The progress bar: from counts to a line on the terminal, if standard error is one.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use isd_converters::archive::ReadProgress;

use super::numbers::HumanCount;

/// A bar with what is done, the rate and the time left. It is removed from the terminal when it is dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    reading: Option<Arc<ReadProgress>>,
}

impl Progress {
    /// A bar of `total` rows, or without an end where their number is not known. It is hidden if `quiet`, or if standard
    /// error is no terminal.
    #[must_use]
    pub fn rows(total: Option<u64>, quiet: bool) -> Self {
        let template = if total.is_some() {
            "{bar:40} {human_pos}/{human_len} rows, {rate}, {eta} left"
        } else {
            "{spinner} {human_pos} rows, {rate}, {elapsed}"
        };
        Self { bar: bar(total, template, quiet), reading: None }
    }

    /// A bar of the bytes and files of an archive that is being read, hidden as that of [`Progress::rows`].
    #[must_use]
    pub fn reading(reading: Arc<ReadProgress>, quiet: bool) -> Self {
        let template = "{bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left; {msg}";
        Self { bar: bar(Some(0), template, quiet), reading: Some(reading) }
    }

    /// Shows that `rows` rows are done by now. May be called from any thread.
    pub fn update(&self, rows: u64) {
        let Some(reading) = self.reading.as_ref().filter(|_| !self.bar.is_hidden()) else {
            self.bar.set_position(rows);
            return;
        };
        let ((bytes, all_bytes), (files, all_files)) = (reading.bytes(), reading.files());
        self.bar.set_length(all_bytes);
        self.bar.set_position(bytes);
        let mut message = format!("{} rows", HumanCount(rows));
        // Writing to a String cannot fail.
        if all_files > 1 {
            let _ = write!(message, ", {}/{} files", HumanCount(files), HumanCount(all_files));
        }
        if reading.passes() > 1 {
            message.push_str(", read again to sort");
        }
        self.bar.set_message(message);
    }
}

/// A bar with that template of indicatif.
fn bar(total: Option<u64>, template: &str, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(total, target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A bar that cannot be drawn is no failure.
            let _ = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
        };
        bar.set_style(style.with_key("rate", rate));
    }
    bar
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
