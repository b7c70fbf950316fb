//! Work on several threads: items in, their results in the same order out.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Calls `work` for each item, on all threads of the current rayon pool; the results are in the order of the items.
///
/// A thread that waits for another pool, such as Polars' own, meanwhile takes other jobs of its own pool. If each item
/// were a job, it would begin another row group, and another one within that: many more would be in memory than there
/// are threads. So each thread has one job, which takes one item after the other.
/// Errors: the error of the first item, in the items' order, for which `work` failed. No item is begun after a failure.
pub(crate) fn on_threads<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = || {
        let mut done = Vec::new();
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            done.push((index, result));
        }
        done
    };
    let mut results = rayon::broadcast(|_| worker()).into_iter().flatten().collect::<Vec<_>>();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn no_more_items_are_under_way_than_there_are_threads() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let items: Vec<usize> = (0..200).collect();
        let squares = pool.install(|| {
            on_threads(&items, |item| {
                most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // Like a plan of Polars: a thread that waits for its other half would take another item, were items jobs.
                rayon::join(thread::yield_now, thread::yield_now);
                under_way.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, ()>(item * item)
            })
        });
        assert_eq!(squares, Ok(items.iter().map(|item| item * item).collect()));
        assert!(most.into_inner() <= 3);
        let failing = |item: &usize| if item % 50 == 49 { Err(*item) } else { Ok(*item) };
        assert_eq!(pool.install(|| on_threads(&items, failing)), Err(49));
        assert_eq!(on_threads(&[], failing), Ok(Vec::new()));
    }
}
