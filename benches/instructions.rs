//! Instructions that the kernel takes for a value: counted by valgrind, compared with bounds.
//!
//! `cargo bench -p isd-kernel --bench instructions` fails where a case takes more than its bound. A count is the same on an
//! idle and on a busy machine, so that CI can tell a slower kernel without timing it. Counted are the loops as compiled
//! for plain x86-64, which every such processor runs, in a run of two repetitions less those of a run of one: what it
//! takes to start and to make the input is in both. Without `--bench`, as under `cargo test --benches`, each case runs
//! once, uncounted.

use std::env;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use isd_kernel::{
    Decimal, InstructionSet, Outcome, Outlier, RollingTest, Scratch, Window, rolling_outliers,
    use_instruction_set,
};

mod inputs;

use inputs::{Input, ROWS, SPIKES, Values};

/// What is counted.
struct Case {
    name: &'static str,
    values: Values,
    /// Missing values in a hundred.
    null_share: u64,
    window: usize,
    /// Instructions that a value may take: an eighth more than it took when the bound was set. Compilers differ by less,
    /// and a loop that is no longer vectorised takes twice as many.
    bound: f64,
}

const CASES: [Case; 5] = [
    Case { name: "tenths", values: Values::Tenths, null_share: 0, window: 30, bound: 37.5 },
    Case { name: "tenths-missing", values: Values::Tenths, null_share: 8, window: 30, bound: 40.5 },
    Case { name: "tenths-long", values: Values::Tenths, null_share: 0, window: 10_000, bound: 42.0 },
    Case { name: "arbitrary", values: Values::Arbitrary, null_share: 0, window: 30, bound: 70.0 },
    Case { name: "arbitrary-missing", values: Values::Arbitrary, null_share: 8, window: 720, bound: 83.0 },
];

/// Names the case and the repetitions to the process that valgrind runs.
const RUN: &str = "--run";

/// Tests the case's series some times over.
fn run(case: &Case, repetitions: usize) -> Result<(), String> {
    use_instruction_set(InstructionSet::Plain);
    let input = Input::new(1, case.null_share, case.values);
    let test = RollingTest::builder().window(Window::Rows(case.window)).threshold(Decimal::whole(6));
    let test = test.build().map_err(|error| error.to_string())?;
    let mut scratch = Scratch::default();
    let mut found: Vec<Outlier> = Vec::new();
    for _ in 0..repetitions {
        found.clear();
        let series = input.series().map_err(|error| error.to_string())?;
        let outcome = rolling_outliers(black_box(series), black_box(&test), &mut scratch, &mut found);
        assert_eq!(outcome, Outcome::Tested);
        assert!(found.iter().map(|outlier| outlier.row).eq(SPIKES), "the planted spikes and nothing else");
    }
    Ok(())
}

/// Instructions of a process that runs the case so many times.
fn count(case: &Case, repetitions: usize) -> Result<f64, String> {
    let program = env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(program)
        .args([RUN, case.name, &repetitions.to_string()])
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}; install it to count instructions"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let counted =
        report.lines().find_map(|line| line.split_once("refs:")).map(|(_, count)| count.replace(',', ""));
    match counted.and_then(|count| count.trim().parse().ok()) {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("valgrind counted nothing:\n{report}")),
    }
}

/// Counts every case; whether all are within their bounds.
fn compare() -> Result<bool, String> {
    println!("| case              | nulls | window | instructions a value | bound |");
    println!("|-------------------|------:|-------:|---------------------:|------:|");
    let mut within = true;
    for case in &CASES {
        let per_value = (count(case, 2)? - count(case, 1)?) / ROWS as f64;
        within &= per_value <= case.bound;
        println!(
            "| {:<17} | {:>3} % | {:>6} | {per_value:>20.2} | {:>5.1} |",
            case.name, case.null_share, case.window, case.bound
        );
    }
    Ok(within)
}

fn start() -> Result<bool, String> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == RUN) {
        let case = CASES.iter().find(|case| arguments.get(at + 1).is_some_and(|name| name == case.name));
        let repetitions = arguments.get(at + 2).and_then(|number| number.parse().ok());
        let (Some(case), Some(repetitions)) = (case, repetitions) else {
            return Err(format!("{RUN}: expected a case and a number of repetitions"));
        };
        return run(case, repetitions).map(|()| true);
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        for case in &CASES {
            run(case, 1)?;
        }
        return Ok(true);
    }
    if !cfg!(target_arch = "x86_64") {
        println!("not counted: the bounds are for x86-64");
        return Ok(true);
    }
    compare()
}

fn main() -> ExitCode {
    match start() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("error: the kernel takes more instructions than its bound");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
