//! In: a number of threads that the user asks for; out: as many as this machine can use.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// More threads than any machine has: whoever asks for more has mistyped.
const MOST: usize = 4096;

/// Threads for each core that are started when more are asked for. One keeps a core busy; a few more do no harm, and show
/// that results do not depend on their number.
const FOR_EACH_CORE: usize = 4;

/// Parses a number of threads from 1 to 4096.
///
/// # Errors
/// What was expected, for the error of a command line.
pub fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<NonZeroUsize>() {
        Ok(threads) if threads.get() <= MOST => Ok(threads),
        _ => Err(format!("expected a number from 1 to {MOST}")),
    }
}

/// The threads to start where `asked` are wanted: at most four for each core that the process may use. Where that is fewer,
/// there is a sentence for the user, too.
#[must_use]
pub fn usable_threads(asked: NonZeroUsize) -> (NonZeroUsize, Option<String>) {
    let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let most = cores.saturating_mul(NonZeroUsize::MIN.saturating_add(FOR_EACH_CORE - 1));
    if asked <= most {
        return (asked, None);
    }
    let plural = if cores.get() == 1 { "" } else { "s" };
    let note = format!("{most} threads instead of {asked}: this machine has {cores} core{plural}");
    (most, Some(note))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_numbers_are_refused_and_large_ones_are_cut() {
        assert!(["0", "-1", "4097", "100000", "1e3", ""].iter().all(|text| parse_threads(text).is_err()));
        let (threads, note) = usable_threads(parse_threads("4096").unwrap());
        assert_eq!(threads.get(), (4 * available_parallelism().unwrap().get()).min(4096));
        assert!(note.unwrap().starts_with(&format!("{threads} threads instead of 4096: this machine has ")));
        assert_eq!(usable_threads(NonZeroUsize::MIN), (NonZeroUsize::MIN, None));
    }
}
