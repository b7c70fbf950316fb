//! Makes a synthetic weather station archive with planted outliers.

use std::process::ExitCode;

fn main() -> ExitCode {
    isd::cli::run(isd::cli::synth::synth, None)
}
