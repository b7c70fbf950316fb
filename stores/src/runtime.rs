//! Where requests run: a few threads of their own, for which any other thread can wait.

use std::future::Future;
use std::io;
use std::sync::{OnceLock, mpsc};

use tokio::runtime::{Builder, Runtime};

use crate::error::Failed;

/// Threads that requests run on: they decrypt what comes, and wait most of the time.
const THREADS: usize = 2;

/// What a request that was started will give.
#[derive(Debug)]
pub(crate) struct Pending<T>(mpsc::Receiver<T>);

impl<T> Pending<T> {
    /// Waits for it.
    pub(crate) fn wait(self) -> io::Result<T> {
        self.0
            .recv()
            .map_err(|_| Failed::new(io::ErrorKind::Other, "a request ended without an answer").into())
    }
}

/// Starts a request. Errors: no threads can be started.
///
/// The thread that waits may be one of another runtime, as `isd-query` has: nothing here blocks that runtime's own calls.
pub(crate) fn start<T: Send + 'static>(
    request: impl Future<Output = T> + Send + 'static,
) -> io::Result<Pending<T>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        // Nobody waits any more where the receiver is gone.
        let _ = sender.send(request.await);
    });
    Ok(Pending(receiver))
}

/// Starts a request and waits for it. Errors: those of [`start`].
pub(crate) fn wait<T: Send + 'static>(request: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    start(request)?.wait()
}

fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let make =
        || Builder::new_multi_thread().worker_threads(THREADS).thread_name("stores").enable_all().build();
    RUNTIME
        .get_or_init(|| make().ok())
        .as_ref()
        .ok_or_else(|| Failed::new(io::ErrorKind::Other, "cannot start threads for requests").into())
}
