//! The kernel alone, beside Polars' rolling expressions and the definition taken literally: synthetic series as slices
//! in, a table of millions of values a second out.
//!
//! `cargo bench --bench kernel` measures; without `--bench`, as under `cargo test --benches`, each case runs once.
//! The outliers of every series are planted, and every repetition must find exactly those.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use isd_kernel::{
    Decimal, InstructionSet, OptionsError, Outcome, Outlier, RollingTest, Scratch, Window, rolling_outliers,
    use_instruction_set,
};
use polars::prelude::*;

mod inputs;

use inputs::{Input, ROWS, SPIKES, Values};

/// Windows, in values.
const WINDOWS: [usize; 3] = [30, 720, 10_000];

/// Missing values in a hundred.
const NULL_SHARES: [u64; 2] = [0, 8];

/// Series in a case: 8 MB of values, more than the second-level cache, as a row group is.
const SERIES: u64 = 16;

/// Repetitions of a case, of which the median counts.
const REPETITIONS: usize = 15;

/// Repetitions of Polars, and its series: it takes fifty times as long.
const POLARS: (usize, usize) = (5, 4);

/// Standard deviations that are far.
const THRESHOLD: u32 = 6;

/// Seconds that `find` takes for all inputs, ascending by repetition.
fn measure<I>(inputs: &[I], repetitions: usize, mut find: impl FnMut(&I) -> Vec<usize>) -> Vec<f64> {
    let mut seconds: Vec<f64> = (0..=repetitions)
        .map(|_| {
            let mut elapsed = 0.0;
            for input in inputs {
                let start = Instant::now();
                let rows = find(black_box(input));
                elapsed += start.elapsed().as_secs_f64();
                assert_eq!(rows, SPIKES, "the planted spikes and nothing else");
            }
            elapsed
        })
        .collect();
    // The first one warms up.
    seconds.remove(0);
    seconds.sort_by(f64::total_cmp);
    seconds
}

/// Millions of values a second, of that many series in those seconds.
fn rate(series: usize, seconds: f64) -> f64 {
    (series * ROWS) as f64 / seconds / 1e6
}

/// The kernel: outlying rows.
fn kernel(input: &Input, test: &RollingTest, scratch: &mut Scratch, found: &mut Vec<Outlier>) -> Vec<usize> {
    found.clear();
    let series = input.series();
    assert!(series.is_ok(), "a bitmap as long as the values");
    let outcome = series.map(|series| rolling_outliers(series, black_box(test), scratch, found));
    assert_eq!(outcome, Ok(Outcome::Tested));
    found.iter().map(|outlier| outlier.row).collect()
}

/// Finds the outlying rows by the steps that Polars' expressions `forward_fill`, `shift`, `rolling_mean` and
/// `rolling_std` take, one after another on one thread.
fn polars_steps(series: &Series, window: usize) -> PolarsResult<Vec<usize>> {
    let options = RollingOptionsFixedWindow {
        window_size: window,
        min_periods: window,
        fn_params: Some(RollingFnParams::Var(RollingVarParams { ddof: 0 })),
        ..Default::default()
    };
    let before = series.fill_null(FillNullStrategy::Forward(None))?.shift(1);
    let mean = before.rolling_mean(RollingOptionsFixedWindow { fn_params: None, ..options.clone() })?;
    let spread = before.rolling_std(options)?;
    let (values, mean, spread) = (series.f64()?, mean.f64()?, spread.f64()?);
    let rows = values.iter().zip(mean.iter()).zip(spread.iter()).enumerate();
    let far = rows.filter_map(|(row, ((value, mean), spread))| {
        ((value? - mean?).abs() > f64::from(THRESHOLD) * spread?).then_some(row)
    });
    Ok(far.collect())
}

/// The definition: of each row, the two moments of the window before it, each by a pass over it.
fn naive(input: &Input, window: usize) -> Vec<usize> {
    let missing = |row: usize| input.bitmap.as_ref().is_some_and(|bits| bits[row / 8] >> (row % 8) & 1 == 0);
    let mut filled = input.values.clone();
    for row in 1..filled.len() {
        if missing(row) {
            filled[row] = filled[row - 1];
        }
    }
    let far = |row: &usize| {
        let before = &filled[row - window..*row];
        let mean = before.iter().sum::<f64>() / window as f64;
        let squares = before.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (filled[*row] - mean).abs() > f64::from(THRESHOLD) * (squares / window as f64).sqrt()
    };
    (window..filled.len()).filter(|row| !missing(*row)).filter(far).collect()
}

/// An input as Polars holds it.
fn to_polars(input: &Input) -> Series {
    let valid = |row: usize| input.bitmap.as_ref().is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1);
    let values = input.values.iter().enumerate().map(|(row, value)| valid(row).then_some(*value));
    Series::new("value".into(), values.collect::<Vec<_>>())
}

fn run(measuring: bool) -> Result<(), OptionsError> {
    let repetitions = if measuring { REPETITIONS } else { 1 };
    println!(
        "M values/s on one core; {SERIES} series of {ROWS} rows; median of {repetitions} repetitions.\n"
    );
    println!("| values    | nulls | window | kernel | slowest | fastest | Polars | naive |");
    println!("|-----------|------:|-------:|-------:|--------:|--------:|-------:|------:|");
    for kind in [Values::Tenths, Values::Arbitrary] {
        for null_share in NULL_SHARES {
            let inputs: Vec<Input> = (1..=SERIES).map(|seed| Input::new(seed, null_share, kind)).collect();
            let frames: Vec<Series> = inputs[..POLARS.1].iter().map(to_polars).collect();
            for window in WINDOWS {
                let test = RollingTest::builder().window(Window::Rows(window));
                let test = test.threshold(Decimal::whole(THRESHOLD)).build()?;
                let (mut scratch, mut found) = (Scratch::default(), Vec::new());
                let seconds =
                    measure(&inputs, repetitions, |input| kernel(input, &test, &mut scratch, &mut found));
                let ours = |at: usize| rate(inputs.len(), seconds[at]);
                let polars = measure(&frames, repetitions.min(POLARS.0), |series| {
                    polars_steps(series, window).unwrap_or_default()
                });
                let naive = measure(&inputs[..1], 1, |input| naive(input, window));
                println!(
                    "| {kind:<9} | {null_share:>3} % | {window:>6} | {:>6.0} | {:>7.0} | {:>7.0} | {:>6.1} | {:>5.2} |",
                    ours(seconds.len() / 2),
                    ours(seconds.len() - 1),
                    ours(0),
                    rate(frames.len(), polars[polars.len() / 2]),
                    rate(1, naive[0]),
                );
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--plain") {
        use_instruction_set(InstructionSet::Plain);
    }
    match run(arguments.iter().any(|argument| argument == "--bench")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
