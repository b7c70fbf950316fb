//! In: Ctrl-C; out: the end of the query that runs, not of the process.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::{Either, select};
use isd_queries::Error;
use tokio::sync::Notify;

/// Counts how often Ctrl-C was pressed, and tells whoever waits.
#[derive(Clone, Default)]
pub struct Interrupt {
    waiting: Arc<Notify>,
    pressed: Arc<AtomicU64>,
}

impl Interrupt {
    /// Takes Ctrl-C over from the system, which would end the process; to be called once. Where the system has no
    /// signals, it stays as it is.
    ///
    /// # Errors
    /// [`Error::Engine`] when the system does not allow it.
    pub fn install() -> Result<Self, Error> {
        let interrupt = Self::default();
        #[cfg(unix)]
        {
            let mut signals = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT])
                .map_err(|e| Error::Engine(format!("cannot watch for Ctrl-C: {e}")))?;
            let watched = interrupt.clone();
            std::thread::spawn(move || {
                for _ in signals.forever() {
                    watched.pressed.fetch_add(1, Ordering::Relaxed);
                    // Where nobody waits, the next query must not be stopped: nothing is stored.
                    watched.waiting.notify_waiters();
                }
            });
        }
        Ok(interrupt)
    }

    /// How often it was pressed so far.
    pub fn count(&self) -> u64 {
        self.pressed.load(Ordering::Relaxed)
    }

    /// The work's result, or none when Ctrl-C came first: the work is dropped then.
    pub async fn unless_pressed<F: Future + Unpin>(&self, work: F) -> Option<F::Output> {
        let pressed = pin!(self.waiting.notified());
        match select(work, pressed).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }
}
