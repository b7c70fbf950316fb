//! Panics, which are bugs: one of a tool's threads in, one line that asks for a report out.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

use super::failure::Failure;

thread_local! {
    /// Whether this thread works for a tool within another program.
    static IS_TOOLS: Cell<bool> = const { Cell::new(false) };
}

/// Whether the whole process is a tool's.
static IS_TOOLS_PROCESS: AtomicBool = AtomicBool::new(false);

/// What the first panic said.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Says that all threads of the process work for a tool.
pub(super) fn take_process() {
    IS_TOOLS_PROCESS.store(true, Ordering::Relaxed);
}

/// Says that this thread works for a tool, from now on.
pub(super) fn take_thread() {
    IS_TOOLS.set(true);
}

/// Turns a panic into a failure: a bug is reported in one line too, and never by a backtrace. Panics of the threads of another
/// program go where they went before.
pub(super) fn catch_panic(tool: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if IS_TOOLS_PROCESS.load(Ordering::Relaxed) || IS_TOOLS.get() {
                remember(panic);
            } else {
                others(panic);
            }
        }));
    });
    catch_unwind(AssertUnwindSafe(tool)).unwrap_or_else(|_| {
        let text = PANIC.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(Failure::error(text.unwrap_or_else(|| "internal: panic".into()))
            .hint("this is a bug: please report it with the command that shows it"))
    })
}

fn remember(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("panic");
    let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
    let text = format!("internal: {message}{}", place.unwrap_or_default());
    // The first panic is the cause; others follow from it.
    PANIC.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    #[test]
    fn panics_of_other_threads_are_not_taken() {
        let told = Arc::new(AtomicUsize::new(0));
        let (before, count) = (take_hook(), Arc::clone(&told));
        // The message is known: other tests' panics are theirs.
        set_hook(Box::new(move |panic| match panic.payload_as_str() {
            Some("of another") => drop(count.fetch_add(1, Ordering::SeqCst)),
            _ => before(panic),
        }));
        let failure = thread::spawn(|| {
            take_thread();
            catch_panic(|| panic!("of a tool"))
        });
        let Err(Failure::Report(report)) = failure.join().unwrap() else { panic!("no failure") };
        assert!(report.message.starts_with("internal: of a tool (src/cli/panics.rs:"), "{}", report.message);
        assert!(thread::spawn(|| panic!("of another")).join().is_err());
        assert_eq!(told.load(Ordering::SeqCst), 1);
        assert!(PANIC.lock().unwrap().is_none());
    }
}
