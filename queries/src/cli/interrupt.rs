//! In: Ctrl-C; out: the end of the query that runs, not of the process.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::{Either, select};
use isd_queries::Error;
use tokio::sync::Notify;

/// Knows whether Ctrl-C was pressed and nothing was done about it yet, and tells whoever waits.
#[derive(Clone, Default)]
pub struct Interrupt {
    waiting: Arc<Notify>,
    is_pressed: Arc<AtomicBool>,
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
                    watched.is_pressed.store(true, Ordering::SeqCst);
                    watched.waiting.notify_waiters();
                }
            });
        }
        Ok(interrupt)
    }

    /// Whether it was pressed since this was last asked.
    pub fn take(&self) -> bool {
        self.is_pressed.swap(false, Ordering::SeqCst)
    }

    /// The work's result, or none when Ctrl-C comes first, or came already: the work is dropped then.
    pub async fn unless_pressed<F: Future + Unpin>(&self, work: F) -> Option<F::Output> {
        let mut pressed = pin!(self.waiting.notified());
        // From here on it is told; what was pressed before is known.
        pressed.as_mut().enable();
        if self.take() {
            return None;
        }
        match select(work, pressed).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => {
                self.take();
                None
            }
        }
    }
}
