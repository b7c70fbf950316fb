//! In: Ctrl-C; out: the end of the query that runs, not of the process.

use std::future::Future;
use std::sync::Arc;

use futures::future::{Either, select};
use isd_queries::Error;
use tokio::sync::Notify;

/// Tells whoever waits that Ctrl-C was pressed.
#[derive(Clone)]
pub struct Interrupt(Arc<Notify>);

impl Interrupt {
    /// Takes Ctrl-C over from the system, which would end the process; to be called once.
    ///
    /// # Errors
    /// [`Error::Engine`] when the system does not allow it.
    pub fn install() -> Result<Self, Error> {
        let notify = Arc::new(Notify::new());
        let pressed = notify.clone();
        // Where nobody waits, the next query must not be stopped: nothing is stored.
        ctrlc::set_handler(move || pressed.notify_waiters())
            .map_err(|e| Error::Engine(format!("cannot watch for Ctrl-C: {e}")))?;
        Ok(Self(notify))
    }

    /// The work's result, or none when Ctrl-C came first: the work is dropped then.
    pub async fn unless_pressed<F: Future + Unpin>(&self, work: F) -> Option<F::Output> {
        let pressed = std::pin::pin!(self.0.notified());
        match select(work, pressed).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }
}
