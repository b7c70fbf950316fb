//! The command-line tools: from arguments to an exit status, with one error line and at most one hint.

mod common;
pub mod convert;
pub mod detect;
mod duration;
pub mod embedded;
pub mod events;
mod failure;
mod interrupt;
mod numbers;
mod panics;
mod progress;
pub mod qc;
mod selection;
mod source;
mod stdout_table;
mod streams;
pub mod synth;
mod tool;
mod wait;

pub use common::CommonArgs;
pub use failure::{Failure, Kind, Report};
pub use tool::{Tool, leave, run, run_with};
