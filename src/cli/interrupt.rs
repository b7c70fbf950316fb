//! Ctrl-C and requests to end: what is half-written is removed, and one line says so.

use std::io;

/// Ends the process with the shell's status for the signal when one of SIGINT, SIGTERM and SIGHUP comes, whatever it is
/// doing: files in the making are removed first. `hint` says what can be done then. A signal that the process was
/// started to ignore, as `nohup` has it, stays ignored. Where the system has no such signals, nothing changes.
///
/// # Errors
/// The system does not allow it.
pub fn watch(hint: Option<&'static str>) -> io::Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let watched: Vec<i32> = match ignored() {
            Some(ignored) => [SIGHUP, SIGINT, SIGTERM]
                .into_iter()
                .filter(|signal| ignored >> (signal - 1) & 1 == 0)
                .collect(),
            // Not to know of SIGHUP must not end what nohup started.
            None => vec![SIGINT, SIGTERM],
        };
        let mut signals = signal_hook::iterator::Signals::new(watched)?;
        std::thread::Builder::new().name("interrupt".into()).spawn(move || {
            if let Some(signal) = signals.forever().next() {
                isd_dataset::unfinished::remove_all();
                let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
                super::say(&format!("error: interrupted\n{hint}"));
                // Others work on: nothing is taken down under them.
                signal_hook::low_level::exit(128 + signal);
            }
        })?;
    }
    #[cfg(not(unix))]
    let _ = hint;
    Ok(())
}

/// Signals that the process ignores, the first in the lowest bit, where the system says so.
#[cfg(unix)]
fn ignored() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}
