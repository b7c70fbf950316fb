//! Damaged inputs by the million: in, seeds and a time; out, the inputs that a reader panics on, hangs on, or reads as rows
//! that break a promise.
//!
//! Each target takes bytes and may do with them what it likes, but for a panic. Seeds are valid inputs; what is tried are
//! mutations of them, and of those mutations that led to an outcome not seen before.

mod mutate;
#[cfg(feature = "queries")]
mod queries;
mod seeds;
mod targets;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::Parser;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::mutate::mutate;
use crate::targets::{TARGETS, Target};

/// An input that takes longer than this is reported: the seeds take milliseconds.
const SLOW: Duration = Duration::from_secs(10);
/// Inputs kept of each target for further mutations, beside its seeds.
const MOST_KEPT: usize = 2000;

/// Tries damaged inputs on the readers, for a time.
#[derive(Debug, Parser)]
struct Arguments {
    /// Targets to try [default: all, one after the other]
    targets: Vec<String>,
    /// Seconds for each target
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Number that the mutations follow from
    #[arg(long, default_value_t = 20_170_910)]
    seed: u64,
    /// Directory of further seeds, taken by all targets
    #[arg(long, value_name = "DIR")]
    seeds: Vec<PathBuf>,
    /// Directory for the inputs that fail
    #[arg(long, value_name = "DIR", default_value = "fuzz-failures")]
    keep: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failures) => {
            eprintln!("{failures} inputs failed: they are in {}", arguments.keep.display());
            ExitCode::FAILURE
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

/// Tries the targets; returns how many inputs failed.
fn run(arguments: &Arguments) -> Result<usize, String> {
    let unknown = arguments.targets.iter().find(|name| TARGETS.iter().all(|target| target.name != **name));
    if let Some(name) = unknown {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        return Err(format!("there is no target {name}; the targets are {}", names.join(", ")));
    }
    let mut further = Vec::new();
    for directory in &arguments.seeds {
        further
            .extend(seeds::read_directory(directory).map_err(|e| format!("{}: {e}", directory.display()))?);
    }
    let mut failures = 0;
    let mut executions = 0;
    for target in TARGETS {
        if arguments.targets.is_empty() || arguments.targets.iter().any(|name| name == target.name) {
            let mut seeds =
                seeds::of_target(target.name).map_err(|e| format!("seeds of {}: {e}", target.name))?;
            seeds.extend(further.iter().cloned());
            let tried = Trial::new(target, seeds, arguments).run()?;
            failures += tried.failures;
            executions += tried.executions;
        }
    }
    println!("{executions} executions, {failures} failures");
    Ok(failures)
}

/// What became of one target.
struct Tried {
    executions: u64,
    failures: usize,
}

/// The trial of one target.
struct Trial<'a> {
    target: &'a Target,
    random: Xoshiro256PlusPlus,
    /// Seeds, and inputs that led to an outcome not seen before.
    inputs: Vec<Vec<u8>>,
    outcomes: HashSet<String>,
    end: Instant,
    keep: &'a Path,
    most: usize,
}

/// Where the last panic was, which its hook writes down.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

impl<'a> Trial<'a> {
    fn new(target: &'a Target, inputs: Vec<Vec<u8>>, arguments: &'a Arguments) -> Self {
        Self {
            target,
            random: Xoshiro256PlusPlus::seed_from_u64(arguments.seed),
            most: inputs.len() + MOST_KEPT,
            inputs,
            outcomes: HashSet::new(),
            end: Instant::now() + Duration::from_secs(arguments.seconds),
            keep: &arguments.keep,
        }
    }

    /// Tries until the time is over: first the seeds, then mutations.
    fn run(mut self) -> Result<Tried, String> {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line()));
            let text =
                format!("{} at {}", panic.payload_as_str().unwrap_or("a panic"), place.unwrap_or_default());
            if let Ok(mut last) = PANIC.lock() {
                *last = Some(text);
            }
        }));
        let (mut executions, mut failed) = (0, HashSet::new());
        let seeds = self.inputs.clone();
        let mut seeds = seeds.into_iter();
        while Instant::now() < self.end {
            let input = match seeds.next() {
                Some(seed) => seed,
                None => mutate(&self.inputs, &mut self.random),
            };
            let start = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| (self.target.run)(&input)));
            executions += 1;
            let wrong = match outcome {
                Ok(outcome) if start.elapsed() < SLOW => {
                    // Numbers and names differ from input to input: what is left is the kind of outcome.
                    let kind = outcome.chars().filter(|c| !c.is_ascii_digit()).take(200).collect();
                    if self.outcomes.insert(kind) && self.inputs.len() < self.most {
                        self.inputs.push(input);
                    }
                    continue;
                }
                Ok(_) => format!("took {:.1} s", start.elapsed().as_secs_f64()),
                Err(_) => PANIC.lock().ok().and_then(|mut last| last.take()).unwrap_or_default(),
            };
            // One input for each place of a panic is enough, and one that is slow.
            let place = wrong.rsplit_once(" at ").map_or("slow", |(_, place)| place);
            if failed.insert(place.to_owned()) {
                let name = format!("{}-{executions}", self.target.name);
                let kept = std::fs::create_dir_all(self.keep)
                    .and_then(|()| std::fs::write(self.keep.join(&name), &input));
                kept.map_err(|e| format!("{}: {e}", self.keep.display()))?;
                println!("{name}: {wrong}");
            }
        }
        let (name, kinds) = (self.target.name, self.outcomes.len());
        println!("{name}: {executions} executions, {kinds} kinds of outcome, {} failures", failed.len());
        Ok(Tried { executions, failures: failed.len() })
    }
}
