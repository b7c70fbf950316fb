//! Ctrl-C and requests to end: what is half-written is removed, and one line says so.

use std::io;

/// Ends the process with the shell's status for the signal when one of SIGINT, SIGTERM and SIGHUP comes, whatever it is
/// doing: files in the making are removed first. `hint` says what can be done then. Where the system has no such
/// signals, it stays as it is.
///
/// # Errors
/// The system does not allow it.
pub fn watch(hint: Option<&'static str>) -> io::Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let mut signals = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        std::thread::Builder::new().name("interrupt".into()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                crate::unfinished::remove_all();
                let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
                super::say(&format!("error: interrupted\n{hint}"));
                std::process::exit(128 + signal);
            }
        })?;
    }
    #[cfg(not(unix))]
    let _ = hint;
    Ok(())
}
