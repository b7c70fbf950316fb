//! The kernel alone: synthetic series as slices in, a table of millions of values a second out.
//!
//! `cargo bench --bench kernel` measures; without `--bench`, as under `cargo test --benches`, each case runs once.
//! The outliers of every series are planted, and every repetition must find exactly those.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use isd::kernel::{
    Decimal, OptionsError, Outcome, Outlier, RollingTest, Scratch, Series, Validity, rolling_outliers,
};

/// Windows, in values.
const WINDOWS: [usize; 3] = [30, 720, 10_000];

/// Missing values in a hundred.
const NULL_SHARES: [u64; 2] = [0, 8];

/// Series in a case: 8 MB of values, more than the second-level cache, as a row group is.
const SERIES: u64 = 16;

/// Rows of a series: seven and a half years, hourly.
const ROWS: usize = 65_000;

/// Repetitions of a case, of which the median counts.
const REPETITIONS: usize = 15;

/// Rows of planted spikes: behind the first full window of any size, and farther apart than the largest, so that no
/// spike widens the window of another.
const SPIKES: [usize; 4] = [12_000, 28_000, 44_000, 60_000];

/// What a spike adds, in tenths: twenty times the six standard deviations of the rest.
const SPIKE_TENTHS: i64 = 1500;

/// What the values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    /// Tenths, as nearly all weather is.
    Tenths,
    /// Doubles of full precision.
    Arbitrary,
}

impl Values {
    fn name(self) -> &'static str {
        match self {
            Self::Tenths => "tenths",
            Self::Arbitrary => "arbitrary",
        }
    }
}

/// One series and its validity bitmap.
struct Input {
    values: Vec<f64>,
    bitmap: Option<Vec<u8>>,
}

impl Input {
    /// A daily cycle under uniform noise, whose values stay within 2.5 standard deviations.
    fn new(seed: u64, null_share: u64, kind: Values) -> Self {
        let mut random = SplitMix(seed);
        let mut bitmap = vec![u8::MAX; ROWS.div_ceil(8)];
        let mut values = Vec::with_capacity(ROWS);
        for row in 0..ROWS {
            let spike = SPIKES.contains(&row);
            let afternoon = 12 - (row as i64 % 24 - 12).abs();
            let tenths = 100 + afternoon + random.below(41) as i64 + if spike { SPIKE_TENTHS } else { 0 };
            let missing = random.below(100) < null_share && row > 0 && !spike;
            if missing {
                bitmap[row / 8] &= !(1 << (row % 8));
            }
            values.push(match kind {
                // Arrow leaves zeros in the slots of missing values.
                _ if missing => 0.0,
                Values::Tenths => tenths as f64 / 10.0,
                Values::Arbitrary => (tenths as f64 + random.unit()) / 9.8,
            });
        }
        Self { values, bitmap: (null_share > 0).then_some(bitmap) }
    }

    fn series(&self) -> Option<Series<'_>> {
        let validity = match &self.bitmap {
            Some(bitmap) => Some(Validity::new(bitmap, 0, self.values.len())?),
            None => None,
        };
        Series::new(&self.values).with_validity(validity).ok()
    }
}

/// Vigna's splitmix64: the same data everywhere.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer below `bound`, which is small: the bias is negligible.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A double in [0, 1) of 53 random bits.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / 2_f64.powi(53)
    }
}

/// Seconds of each repetition, ascending.
fn measure(inputs: &[Input], test: &RollingTest, repetitions: usize) -> Vec<f64> {
    let mut scratch = Scratch::default();
    let mut found: Vec<Outlier> = Vec::new();
    let mut seconds: Vec<f64> = (0..=repetitions)
        .map(|_| {
            let mut elapsed = 0.0;
            for input in inputs {
                found.clear();
                let series = input.series();
                assert!(series.is_some(), "a bitmap as long as the values");
                let Some(series) = series else { continue };
                let start = Instant::now();
                let outcome = rolling_outliers(black_box(series), black_box(test), &mut scratch, &mut found);
                elapsed += start.elapsed().as_secs_f64();
                assert_eq!(outcome, Outcome::Tested);
                let rows: Vec<usize> = found.iter().map(|outlier| outlier.row).collect();
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

fn run(repetitions: usize) -> Result<(), OptionsError> {
    println!(
        "One core; {SERIES} series of {ROWS} rows; median, slowest and fastest of {repetitions} repetitions.\n"
    );
    println!("| values    | nulls | window | M values/s | slowest | fastest |");
    println!("|-----------|------:|-------:|-----------:|--------:|--------:|");
    for kind in [Values::Tenths, Values::Arbitrary] {
        for null_share in NULL_SHARES {
            let inputs: Vec<Input> = (1..=SERIES).map(|seed| Input::new(seed, null_share, kind)).collect();
            for window in WINDOWS {
                let test = RollingTest::new(window, Decimal::whole(6))?.validated()?;
                let seconds = measure(&inputs, &test, repetitions);
                let rate = |seconds: f64| (SERIES as usize * ROWS) as f64 / seconds / 1e6;
                println!(
                    "| {:<9} | {null_share:>3} % | {window:>6} | {:>10.0} | {:>7.0} | {:>7.0} |",
                    kind.name(),
                    rate(seconds[seconds.len() / 2]),
                    rate(seconds[seconds.len() - 1]),
                    rate(seconds[0]),
                );
            }
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    match run(if measuring { REPETITIONS } else { 1 }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
