//! In: a query that runs; out: a line on a terminal that says so, after a while, until it ends.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use isd_queries::Session;

/// How often the line is written anew; a query that ends before the second time shows none.
const STEP: Duration = Duration::from_secs(1);

/// A line that is there until this is dropped.
pub struct Progress {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins to watch a session's statement, where standard error is a terminal.
    pub fn watch(session: &Arc<Session>) -> Self {
        if !io::stderr().is_terminal() {
            return Self { stop: None, thread: None };
        }
        let session = Arc::clone(session);
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let started = Instant::now();
            let mut is_shown = false;
            while stopped.recv_timeout(STEP) == Err(RecvTimeoutError::Timeout) {
                let (seconds, rows) = (started.elapsed().as_secs(), session.rows_read());
                if seconds > 1 {
                    is_shown = true;
                    say(&format!("\r{seconds} s, {rows} rows read; Ctrl-C stops\x1b[K"));
                }
            }
            if is_shown {
                say("\r\x1b[K");
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.take();
        // The line is gone before anything else is written; its thread has no result.
        self.thread.take().map(JoinHandle::join);
    }
}

/// Writes to standard error.
fn say(text: &str) {
    // Nobody listens to standard error: nothing is lost.
    let _ = io::stderr().write_all(text.as_bytes());
}
