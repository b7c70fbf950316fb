//! Heat waves and cold spells: a cluster and a span of time in, and by how much they warm its stations at an hour.

use crate::synth::options::SynthOptions;
use crate::synth::planted::PlantedKind;
use crate::synth::random::{Purpose, chance, exponential, generator, uniform};

/// Mean of the days between spells of one cluster that come on top of [`MIN_DAYS_BETWEEN`].
const MEAN_DAYS_BETWEEN: f64 = 150.0;
/// Fewest days from one spell to the next.
const MIN_DAYS_BETWEEN: f64 = 15.0;
/// Hours that a spell takes to come and to go.
const RAMP_HOURS: f64 = 12.0;
/// Departure from the usual temperature from which a row is listed.
pub(in crate::synth) const LISTED_DEPARTURE_K: f64 = 5.0;

/// Some days that are warmer or colder than usual, alike at all stations of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::synth) struct Spell {
    /// Its number within the cluster, from 0.
    pub number: usize,
    /// Hours since 1970 when it begins and ends.
    hours: (f64, f64),
    /// By how much it is warmer than usual at its height.
    departure_k: f64,
}

impl Spell {
    /// The spells of a cluster from hour `first` to hour `last`, both since 1970, in order of time and apart.
    pub(in crate::synth) fn of_cluster(
        options: &SynthOptions,
        cluster: usize,
        first: i32,
        last: i32,
    ) -> Vec<Self> {
        let mut rng = generator(options.seed, Purpose::Spells, cluster);
        let mut spells = Vec::new();
        let mut begin = f64::from(first);
        loop {
            begin += 24.0 * (MIN_DAYS_BETWEEN + exponential(&mut rng, MEAN_DAYS_BETWEEN));
            if begin > f64::from(last) {
                return spells;
            }
            let end = begin + 24.0 * uniform(&mut rng, 3.0, 8.0);
            let size = uniform(&mut rng, 10.0, 15.0);
            let departure_k = if chance(&mut rng, 0.5) { size } else { -size };
            let spell = Self { number: spells.len(), hours: (begin, end), departure_k };
            if options.plants(spell.kind()) {
                spells.push(spell);
            }
            begin = end;
        }
    }

    /// Whether it is a heat wave or a cold spell.
    pub(in crate::synth) fn kind(&self) -> PlantedKind {
        if self.departure_k > 0.0 { PlantedKind::HeatWave } else { PlantedKind::ColdSpell }
    }

    /// By how much an hour since 1970 is warmer than usual; 0 outside the spell.
    fn departure_k(&self, hour: f64) -> f64 {
        let (begin, end) = self.hours;
        let share = (hour - begin).min(end - hour) / RAMP_HOURS;
        self.departure_k * share.clamp(0.0, 1.0)
    }
}

/// The spells of a cluster, hour by hour.
pub(in crate::synth) struct Spells<'a> {
    spells: &'a [Spell],
    /// The first of them that is not over.
    next: usize,
}

impl<'a> Spells<'a> {
    pub(in crate::synth) fn new(spells: &'a [Spell]) -> Self {
        Self { spells, next: 0 }
    }

    /// The spell at that hour since 1970, which must not be before the last one asked for, and its departure.
    pub(in crate::synth) fn at(&mut self, hour: i32) -> Option<(&'a Spell, f64)> {
        let hour = f64::from(hour);
        while self.spells.get(self.next).is_some_and(|spell| spell.hours.1 < hour) {
            self.next += 1;
        }
        let spell = self.spells.get(self.next)?;
        let departure_k = spell.departure_k(hour);
        (departure_k != 0.0).then_some((spell, departure_k))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_come_and_go_within_half_a_day() {
        let options = SynthOptions::default();
        let spells = Spell::of_cluster(&options, 0, 0, 10 * 8_766);
        assert!((10..40).contains(&spells.len()), "{}", spells.len());
        assert!(spells.iter().any(|spell| spell.departure_k > 0.0));
        assert!(spells.iter().any(|spell| spell.departure_k < 0.0));
        for spell in &spells {
            let (begin, end) = spell.hours;
            let at = |hour: f64| spell.departure_k(hour) / spell.departure_k;
            assert_eq!([at(begin - 1.0), at(end + 1.0)], [0.0, 0.0]);
            assert!((at(begin + 6.0) - 0.5).abs() < 1e-9 && (at(end - 12.0) - 1.0).abs() < 1e-9);
        }
        let mut hours = Spells::new(&spells);
        let found = (0..10 * 8_766).filter_map(|hour| hours.at(hour)).map(|(spell, _)| spell.number);
        let mut found: Vec<_> = found.collect();
        found.dedup();
        assert!(found.iter().copied().eq(0..spells.len()));
    }
}
