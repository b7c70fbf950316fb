//! What the kernel's benchmarks run on: weather of a given share of missing values, with planted spikes.

use std::fmt;

use isd_kernel::{LengthError, Series, Validity};

/// Rows of a series: seven and a half years, hourly.
pub const ROWS: usize = 65_000;

/// Rows of planted spikes: after the first full window of any size, and farther apart than the largest, so that no
/// spike widens the window of another.
pub const SPIKES: [usize; 4] = [12_000, 28_000, 44_000, 60_000];

/// What a spike adds, in tenths: twenty times the six standard deviations of the rest.
const SPIKE_TENTHS: i64 = 1500;

/// What the values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Tenths, as nearly all weather is.
    Tenths,
    /// Doubles of full precision.
    Arbitrary,
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tenths => "tenths",
            Self::Arbitrary => "arbitrary",
        })
    }
}

/// One series and its validity bitmap.
pub struct Input {
    pub values: Vec<f64>,
    pub bitmap: Option<Vec<u8>>,
}

impl Input {
    /// A daily cycle under uniform noise, whose values stay within 2.5 standard deviations.
    pub fn new(seed: u64, null_share: u64, kind: Values) -> Self {
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

    /// The series as the kernel takes it.
    ///
    /// # Errors
    /// A bitmap of another length than the values.
    pub fn series(&self) -> Result<Series<'_>, LengthError> {
        let bitmap = self.bitmap.as_ref();
        let validity = bitmap.map(|bitmap| Validity::new(bitmap, 0, self.values.len())).transpose()?;
        Series::new(&self.values).with_validity(validity)
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
