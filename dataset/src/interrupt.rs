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
