//! Ctrl-C and other requests to end: half-written files are removed, and one line says so.

use std::io;

/// Ends the process, whatever it is doing, when one of SIGINT, SIGTERM and SIGHUP comes: removes unfinished files and
/// directories first, prints one line and `hint`, which says what can be done then, and gives the exit status that shells
/// give for the signal. A signal that the process was started to ignore, as by `nohup`, stays ignored. On a system
/// without such signals nothing changes.
///
/// # Errors
/// The system does not allow it.
pub fn watch(hint: Option<&'static str>) -> io::Result<()> {
    #[cfg(unix)]
    {
        use isd_dataset::interrupt::is_ignored;
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        // Where it is not known whether SIGHUP is ignored, it must not end what nohup started.
        let is_watched = |signal: &i32| !is_ignored(*signal).unwrap_or(*signal == SIGHUP);
        let watched = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(is_watched);
        let mut signals = signal_hook::iterator::Signals::new(watched)?;
        std::thread::Builder::new().name("interrupt".into()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                isd_dataset::unfinished::remove_all();
                let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
                super::streams::say(&format!("error: interrupted\n{hint}"));
                // Other threads are still at work, so that nothing they use is taken down.
                signal_hook::low_level::exit(128 + signal);
            }
        })?;
    }
    #[cfg(not(unix))]
    let _ = hint;
    Ok(())
}
