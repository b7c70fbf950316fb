//! Threads for work on stations: items in, their results in the same order out.

use isd::cli::{CommonArgs, Failure};
use rayon::ThreadPool;
use rayon::prelude::*;

/// Rows for which it pays to start threads.
const MANY: usize = 100_000;

/// Threads of a call; the calling thread alone where there is little to do.
pub struct Threads(Option<ThreadPool>);

impl Threads {
    /// As many as `common` asks for, for so many rows.
    ///
    /// # Errors
    /// The operating system refuses the threads.
    pub fn new(common: &CommonArgs, rows: usize) -> Result<Self, Failure> {
        let alone = rows < MANY || common.usable_threads().is_some_and(|threads| threads.get() == 1);
        Ok(Self(if alone { None } else { Some(common.thread_pool()?) }))
    }

    /// Calls `work` for each item; it gets what `buffers` makes, to reuse.
    ///
    /// # Errors
    /// The first one of `work`.
    pub fn map<T: Sync, B, R: Send, E: Send>(
        &self,
        items: &[T],
        buffers: impl Fn() -> B + Sync + Send,
        work: impl Fn(&mut B, &T) -> Result<R, E> + Sync + Send,
    ) -> Result<Vec<R>, E> {
        let Some(pool) = &self.0 else {
            let mut buffers = buffers();
            return items.iter().map(|item| work(&mut buffers, item)).collect();
        };
        pool.install(|| items.par_iter().map_init(buffers, work).collect())
    }
}
