//! Progress: from counts to a bar on the terminal, if standard error is one, or to lines of JSON.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use isd_converters::archive::ReadProgress;
use serde::Serialize;

use super::common::to_json;
use super::embedded::{self, Counts, EmbeddedRun};
use super::numbers::HumanCount;
use super::streams::say;

/// Time between two lines of JSON.
const INTERVAL: Duration = Duration::from_secs(1);

/// How progress is shown on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Not at all.
    No,
    /// As a bar, on a terminal only.
    Bar,
    /// As a JSON object a line: the first at once, then one a second, and one at the end.
    Json,
}

/// A bar with what is done, the rate and the time left, or lines of JSON with the same. A bar is removed from the terminal
/// when it is dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    reading: Option<Arc<ReadProgress>>,
    lines: Option<Lines>,
    start: Instant,
    rows_total: Option<u64>,
    /// The program that is told instead.
    embedded: Option<Arc<EmbeddedRun>>,
}

/// Lines of JSON on standard error.
#[derive(Debug)]
struct Lines {
    /// The latest number of rows, and when the last line was printed.
    latest: Mutex<(u64, Option<Instant>)>,
}

impl Progress {
    /// Progress towards `total` rows, or without an end where their number is not known.
    #[must_use]
    pub fn rows(total: Option<u64>, shown: Shown) -> Self {
        let template = if total.is_some() {
            "{bar:40} {human_pos}/{human_len} rows, {rate}, {eta} left"
        } else {
            "{spinner} {human_pos} rows, {rate}, {elapsed}"
        };
        Self::new(bar(total, template, shown), None, total, shown)
    }

    /// Progress in bytes and files of an archive that is being read.
    #[must_use]
    pub fn reading(reading: Arc<ReadProgress>, shown: Shown) -> Self {
        let template = "{bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left; {msg}";
        Self::new(bar(Some(0), template, shown), Some(reading), None, shown)
    }

    fn new(
        bar: ProgressBar,
        reading: Option<Arc<ReadProgress>>,
        rows_total: Option<u64>,
        shown: Shown,
    ) -> Self {
        let lines = (shown == Shown::Json).then(|| Lines { latest: Mutex::new((0, None)) });
        Self { bar, reading, lines, start: Instant::now(), rows_total, embedded: embedded::current() }
    }

    /// What is done, with `rows` rows.
    fn counts(&self, rows: u64) -> Counts {
        let (bytes, files) =
            (self.reading.as_ref().map(|r| r.bytes()), self.reading.as_ref().map(|r| r.files()));
        Counts {
            rows,
            rows_total: self.rows_total,
            bytes: bytes.map(|(read, _)| read),
            bytes_total: bytes.map(|(_, all)| all),
            files: files.map(|(read, _)| read),
            files_total: files.map(|(_, all)| all),
            seconds: self.start.elapsed().as_secs_f64(),
        }
    }

    /// Shows that `rows` rows are done by now. May be called from any thread.
    pub fn update(&self, rows: u64) {
        if let Some(run) = &self.embedded {
            return run.update(self.counts(rows));
        }
        if let Some(lines) = &self.lines {
            lines.update(rows, || self.counts(rows));
        }
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

impl Lines {
    /// Prints a line, unless the last one is younger than [`INTERVAL`].
    fn update(&self, rows: u64, counts: impl FnOnce() -> Counts) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.0 = rows;
        if latest.1.is_none_or(|last| last.elapsed() >= INTERVAL) {
            latest.1 = Some(Instant::now());
            Self::print(counts());
        }
    }

    fn print(progress: Counts) {
        #[derive(Serialize)]
        struct Line {
            progress: Counts,
        }
        // Progress that cannot be shown is no failure.
        if let Ok(line) = to_json(&Line { progress }) {
            say(&line);
        }
    }
}

/// A bar with that template of indicatif.
fn bar(total: Option<u64>, template: &str, shown: Shown) -> ProgressBar {
    let target =
        if shown == Shown::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
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
        if let Some(lines) = &self.lines {
            let rows = lines.latest.lock().unwrap_or_else(PoisonError::into_inner).0;
            Lines::print(self.counts(rows));
        }
        self.bar.finish_and_clear();
    }
}
