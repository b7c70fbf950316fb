//! Converts a weather station archive into an isd dataset.

use std::process::ExitCode;

// The buffers of a row group go back and forth between threads: glibc would map and unmap each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    isd::cli::run(isd::cli::convert::convert, Some("--resume goes on where it stopped"))
}
