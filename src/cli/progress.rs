//! Progress: from counts to a bar on the terminal, if standard error is one, or to lines of JSON.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use isd_converters::archive::ReadProgress;
use serde::Serialize;

use super::common::to_json;
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
}

/// What a line of JSON says. All but the rows is null where it is not known.
#[derive(Debug, Clone, Copy, Serialize)]
struct Counts {
    rows: u64,
    rows_total: Option<u64>,
    bytes: Option<u64>,
    bytes_total: Option<u64>,
    files: Option<u64>,
    files_total: Option<u64>,
    seconds: f64,
}

/// Lines of JSON on standard error.
#[derive(Debug)]
struct Lines {
    start: Instant,
    rows_total: Option<u64>,
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
        Self { bar: bar(total, template, shown), reading: None, lines: Lines::new(total, shown) }
    }

    /// Progress in bytes and files of an archive that is being read.
    #[must_use]
    pub fn reading(reading: Arc<ReadProgress>, shown: Shown) -> Self {
        let template = "{bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left; {msg}";
        let (bar, lines) = (bar(Some(0), template, shown), Lines::new(None, shown));
        Self { bar, reading: Some(reading), lines }
    }

    /// Shows that `rows` rows are done by now. May be called from any thread.
    pub fn update(&self, rows: u64) {
        if let Some(lines) = &self.lines {
            lines.update(rows, self.reading.as_deref());
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
    fn new(rows_total: Option<u64>, shown: Shown) -> Option<Self> {
        (shown == Shown::Json).then(|| Self {
            start: Instant::now(),
            rows_total,
            latest: Mutex::new((0, None)),
        })
    }

    /// Prints a line, unless the last one is younger than [`INTERVAL`].
    fn update(&self, rows: u64, reading: Option<&ReadProgress>) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.0 = rows;
        if latest.1.is_none_or(|last| last.elapsed() >= INTERVAL) {
            latest.1 = Some(Instant::now());
            self.print(rows, reading);
        }
    }

    fn print(&self, rows: u64, reading: Option<&ReadProgress>) {
        #[derive(Serialize)]
        struct Line {
            progress: Counts,
        }
        let (bytes, files) = (reading.map(ReadProgress::bytes), reading.map(ReadProgress::files));
        let progress = Counts {
            rows,
            rows_total: self.rows_total,
            bytes: bytes.map(|(read, _)| read),
            bytes_total: bytes.map(|(_, all)| all),
            files: files.map(|(read, _)| read),
            files_total: files.map(|(_, all)| all),
            seconds: self.start.elapsed().as_secs_f64(),
        };
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
            lines.print(rows, self.reading.as_deref());
        }
        self.bar.finish_and_clear();
    }
}
