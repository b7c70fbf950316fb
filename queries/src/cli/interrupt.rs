//! In: Ctrl-C and other signals that ask the process to stop; out: the end of the query that runs, or of the process.

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
    /// Takes signals over from the system, which would end the process; to be called once.
    ///
    /// From then on Ctrl-C (SIGINT) ends [`Interrupt::unless_pressed`]. SIGTERM and SIGHUP remove unfinished files and end
    /// the process with the shell's status for them; one that the process was started to ignore, as `nohup` has it with
    /// SIGHUP, stays ignored. Where the system has no such signals, nothing changes.
    /// Errors: [`Error::Engine`] when the system does not allow it.
    pub fn install() -> Result<Self, Error> {
        let interrupt = Self::default();
        #[cfg(unix)]
        {
            use isd_dataset::interrupt::is_ignored;
            use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
            // Where the system does not say whether SIGHUP is ignored, it is left alone: nohup may have started this.
            let ends = |signal: &i32| !is_ignored(*signal).unwrap_or(*signal == SIGHUP);
            let ending = [SIGTERM, SIGHUP].into_iter().filter(ends);
            let mut signals = signal_hook::iterator::Signals::new(ending.chain([SIGINT]))
                .map_err(|e| Error::Engine(format!("cannot watch for Ctrl-C: {e}")))?;
            let watched = interrupt.clone();
            std::thread::spawn(move || {
                for signal in signals.forever() {
                    if signal != SIGINT {
                        isd_dataset::unfinished::remove_all();
                        super::report("interrupted", None);
                        // Queries may still run: nothing that they use is taken down.
                        signal_hook::low_level::exit(128 + signal);
                    }
                    watched.is_pressed.store(true, Ordering::SeqCst);
                    watched.waiting.notify_waiters();
                }
            });
        }
        Ok(interrupt)
    }

    /// Whether Ctrl-C was pressed since this was last asked.
    pub fn take(&self) -> bool {
        self.is_pressed.swap(false, Ordering::SeqCst)
    }

    /// The work's result, or none when Ctrl-C comes first, or came already: the work is dropped then.
    pub async fn unless_pressed<F: Future + Unpin>(&self, work: F) -> Option<F::Output> {
        let mut pressed = pin!(self.waiting.notified());
        // A press from here on wakes the waiting; one before is in the flag.
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
