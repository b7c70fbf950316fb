//! In: the command line of `isd-view`; out: a picture in a file, an exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    isd_views::cli::run(&std::env::args_os().collect::<Vec<_>>())
}
