//! Converts a weather station archive into an isd dataset.

use std::process::ExitCode;

use isd::cli::convert::ConvertArgs;

// The buffers of a row group go back and forth between threads: glibc would map and unmap each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    isd::cli::run::<ConvertArgs>()
}
