//! Makes a synthetic weather station archive with planted outliers.

use std::process::ExitCode;

use isd::cli::synth::SynthArgs;

fn main() -> ExitCode {
    isd::cli::run::<SynthArgs>()
}
