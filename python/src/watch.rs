//! Long work while Python waits: work in, its result out, or the exception of Ctrl-C or of a callback.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use isd::cli::Failure;
use pyo3::prelude::*;

use crate::errors::exception;

/// Time between two looks at signals and progress.
const PAUSE: Duration = Duration::from_millis(50);

/// Does `work` on a thread of its own, without the interpreter; meanwhile Ctrl-C is looked for and `tick` is called. Where
/// either raises an exception, `cancel` is called, and the exception is raised once the work has ended.
///
/// # Errors
/// Those exceptions, or that no thread can be started.
pub fn watched<R: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> R + Send,
    cancel: impl Fn() + Sync,
    mut tick: impl FnMut(Python<'_>) -> PyResult<()>,
) -> PyResult<R> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        let spawned = thread::Builder::new().name("isdtools".into()).spawn_scoped(scope, move || {
            // Nobody is left to be told if the receiver is gone.
            let _ = catch_unwind(AssertUnwindSafe(work)).map(|result| sender.send(result));
        });
        if let Err(error) = spawned {
            return Err(exception(py, Failure::error(format!("cannot start a thread: {error}"))));
        }
        let lost = || exception(py, Failure::error("internal: the work ended without a result"));
        // What is lent without the interpreter must be of use to any thread.
        let receiver: Mutex<Receiver<R>> = Mutex::new(receiver);
        let receive = |pause| receiver.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(pause);
        loop {
            match py.detach(|| receive(PAUSE)) {
                Ok(result) => return Ok(result),
                Err(RecvTimeoutError::Disconnected) => return Err(lost()),
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(error) = py.check_signals().and_then(|()| tick(py)) {
                        cancel();
                        py.detach(|| while matches!(receive(PAUSE), Err(RecvTimeoutError::Timeout)) {});
                        return Err(error);
                    }
                }
            }
        }
    })
}
