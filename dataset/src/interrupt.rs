//! Signals that ask the process to stop: what the process was started with.

/// Whether the process was started to ignore a signal, as `nohup` has it with SIGHUP; none where the system does not say.
///
/// To be asked before the process takes the signal over.
#[must_use]
pub fn is_ignored(signal: i32) -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    // The first signal is in the lowest bit.
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask.checked_shr(u32::try_from(signal).ok()?.checked_sub(1)?)? & 1 == 1)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_known() {
        // Rust has every program ignore SIGPIPE; nobody can ignore SIGKILL.
        assert_eq!(is_ignored(13), Some(true));
        assert_eq!(is_ignored(9), Some(false));
        assert_eq!(is_ignored(0), None);
    }
}
