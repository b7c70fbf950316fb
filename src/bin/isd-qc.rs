//! Finds the errors of weather station observations.

use std::process::ExitCode;

use isd::cli::qc::QcArgs;

// A row group's column is decoded into fresh memory, which glibc would map and unmap each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    isd::cli::run::<QcArgs>()
}
