//! Seeded randomness: a seed, a purpose and an index in, independent generators and processes out.

use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus, rand_core::Rng as _};

use super::planted::PlantedKind;

pub(super) type Rng = Xoshiro256PlusPlus;

/// What a generator is for. Each purpose draws numbers of its own, so that a change to one leaves the others as they
/// were, and each can be repeated alone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Cluster,
    Station,
    Storms,
    Schedule,
    Weather,
    Spells,
    /// Clusters of reports within outages.
    Clusters,
    /// Faults of a kind that shows in how values follow each other.
    Patterns(PlantedKind),
    /// Faults of the measurement at this index.
    Faults(usize),
    /// Missing values of the measurement at this index.
    Missing(usize),
}

impl Purpose {
    /// A number that no other purpose has.
    fn stream(self) -> u64 {
        match self {
            Self::Cluster => 1,
            Self::Station => 2,
            Self::Storms => 3,
            Self::Schedule => 4,
            Self::Weather => 5,
            Self::Spells => 6,
            Self::Clusters => 7,
            Self::Patterns(kind) => 0x300 + kind as u64,
            Self::Faults(measurement) => 0x100 + measurement as u64,
            Self::Missing(measurement) => 0x200 + measurement as u64,
        }
    }
}

/// The generator for a seed, a purpose and the index of a station or cluster.
pub(super) fn generator(seed: u64, purpose: Purpose, index: usize) -> Rng {
    let mut mixed = seed;
    for part in [purpose.stream(), index as u64] {
        mixed = SplitMix64::seed_from_u64(mixed ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next_u64();
    }
    Rng::seed_from_u64(mixed)
}

/// Draws a number that is uniform from `low` to below `high`.
pub(super) fn uniform(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// Draws a standard normal number.
pub(super) fn normal(rng: &mut Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Draws an exponential number of that mean.
pub(super) fn exponential(rng: &mut Rng, mean: f64) -> f64 {
    let unit: f64 = Exp1.sample(rng);
    mean * unit
}

/// Whether an event of that probability happens.
pub(super) fn chance(rng: &mut Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

/// Draws a whole number from `low` to `high`, both included, with a density that falls as 1/x.
pub(super) fn log_uniform(rng: &mut Rng, low: usize, high: usize) -> usize {
    let (a, b) = ((low as f64).ln(), (high as f64 + 1.0).ln());
    (uniform(rng, a, b).exp() as usize).clamp(low, high)
}

/// Draws the number of rows to the next event, at least 1, where events are `mean` rows apart on average.
pub(super) fn spacing(rng: &mut Rng, mean: f64) -> usize {
    1 + exponential(rng, mean) as usize
}

/// Gaussian AR(1) process of mean 0 and variance 1: x' = φ x + sqrt(1 − φ²) ε.
#[derive(Debug, Clone)]
pub(super) struct Ar1 {
    phi: f64,
    innovation: f64,
    state: f64,
}

impl Ar1 {
    /// A process with an autocorrelation of `hourly_phi` at one hour and a step every `step_hours`, which starts from its
    /// stationary distribution.
    pub(super) fn new(hourly_phi: f64, step_hours: i32, rng: &mut Rng) -> Self {
        let phi = hourly_phi.powi(step_hours);
        Self { phi, innovation: (1.0 - phi * phi).sqrt(), state: normal(rng) }
    }

    /// The value one step on.
    pub(super) fn step(&mut self, rng: &mut Rng) -> f64 {
        self.state = self.phi * self.state + self.innovation * normal(rng);
        self.state
    }
}

/// AR(1) noise after a second filter of the same φ, with mean 0 and variance 1: as slow as the AR(1) process, but smooth
/// from hour to hour, as synoptic waves are.
#[derive(Debug, Clone)]
pub(super) struct SmoothWave {
    driver: Ar1,
    gain: f64,
    state: f64,
}

impl SmoothWave {
    /// A process of which the noise has the parameters of [`Ar1::new`].
    pub(super) fn new(hourly_phi: f64, step_hours: i32, rng: &mut Rng) -> Self {
        let driver = Ar1::new(hourly_phi, step_hours, rng);
        let square = driver.phi * driver.phi;
        // Stationary variance of y' = φ y + g x with x an AR(1) of the same φ: g² (1 + φ²) / (1 − φ²)².
        let gain = (1.0 - square) / (1.0 + square).sqrt();
        let state = normal(rng);
        Self { driver, gain, state }
    }

    /// The value one step on.
    pub(super) fn step(&mut self, rng: &mut Rng) -> f64 {
        self.state = self.driver.phi * self.state + self.gain * self.driver.step(rng);
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f64]) -> (f64, f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        let lag = values.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum::<f64>() / n / variance;
        (mean, variance, lag)
    }

    #[test]
    fn ar1_has_its_variance_and_autocorrelation_at_either_step() {
        for (step, expected) in [(1, 0.9), (3, 0.729)] {
            let mut rng = generator(7, Purpose::Weather, 0);
            let mut process = Ar1::new(0.9, step, &mut rng);
            let values: Vec<f64> = (0..200_000).map(|_| process.step(&mut rng)).collect();
            let (mean, variance, lag) = moments(&values);
            assert!(mean.abs() < 0.05, "{mean}");
            assert!((variance - 1.0).abs() < 0.05, "{variance}");
            assert!((lag - expected).abs() < 0.01, "{lag}");
        }
    }

    #[test]
    fn smooth_waves_have_unit_variance_and_small_steps() {
        let mut rng = generator(7, Purpose::Weather, 1);
        let mut process = SmoothWave::new(0.97, 1, &mut rng);
        let values: Vec<f64> = (0..400_000).map(|_| process.step(&mut rng)).collect();
        let (mean, variance, lag) = moments(&values);
        assert!(mean.abs() < 0.1, "{mean}");
        assert!((variance - 1.0).abs() < 0.1, "{variance}");
        assert!(lag > 0.998, "{lag}");
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let mut firsts: Vec<u64> = Vec::new();
        for seed in 0..4 {
            for purpose in [Purpose::Cluster, Purpose::Weather, Purpose::Faults(0), Purpose::Missing(0)] {
                firsts.extend((0..50).map(|index| generator(seed, purpose, index).next_u64()));
            }
        }
        let count = firsts.len();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), count);
    }

    #[test]
    fn log_uniform_reaches_both_ends_and_no_further() {
        let mut rng = generator(1, Purpose::Schedule, 0);
        let draws: Vec<usize> = (0..20_000).map(|_| log_uniform(&mut rng, 12, 200)).collect();
        assert_eq!(draws.iter().min(), Some(&12));
        assert_eq!(draws.iter().max(), Some(&200));
    }
}
