//! Waiting for another run that is writing the same target.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::duration::duration;

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// Whether to wait for another run.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct WaitArgs {
    /// Where another run is writing the target, wait until it has ended, or for TIME at most (30s, 10m, 2h) [default: end
    /// with status 4]
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, value_parser = duration)]
    #[allow(clippy::option_option, reason = "not given, given alone, given with a time")]
    wait: Option<Option<Duration>>,
}

impl WaitArgs {
    /// Calls `attempt` until it ends otherwise than by an error that says that another run holds the target, for as long as
    /// the user wants to wait.
    ///
    /// # Errors
    /// Those of the last attempt.
    pub fn wait<T, E>(
        self,
        is_held: impl Fn(&E) -> bool,
        mut attempt: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let start = Instant::now();
        loop {
            let result = attempt();
            let waits = match self.wait {
                None => false,
                Some(None) => true,
                Some(Some(limit)) => start.elapsed() < limit,
            };
            if !(waits && result.as_ref().is_err_and(&is_held)) {
                return result;
            }
            sleep(PAUSE);
        }
    }
}
