//! Faults that show in how values follow each other: reports in; the same with faults, and a list of the planted values,
//! out.
//!
//! Each is planted where nothing else is, so that none hides another. How long and how large they are is what the tests of
//! quality control promise to find.

use std::collections::HashMap;
use std::ops::Range;

use chrono::Datelike as _;
use rand::RngExt as _;

use crate::synth::options::SynthOptions;
use crate::synth::planted::{Planted, PlantedKind};
use crate::synth::random::{Purpose, Rng, chance, generator, spacing, uniform};
use crate::synth::schedule::Schedule;
use crate::synth::time::utc;
use crate::synth::weather::{
    AIR_TEMPERATURE, DEW_POINT, MISSING, PRESSURE, Reports, SKY, WIND_DIRECTION, WIND_SPEED,
};

/// Rows of a station from one fault to the next on average, for each kind; spikes for each measurement.
const ROWS_PER_FAULT: [(PlantedKind, f64); 9] = [
    (PlantedKind::Clock, 150_000.0),
    (PlantedKind::DuplicateMonth, 100_000.0),
    (PlantedKind::RepeatedDay, 60_000.0),
    (PlantedKind::SameHour, 60_000.0),
    (PlantedKind::Fahrenheit, 60_000.0),
    (PlantedKind::DewPoint, 15_000.0),
    (PlantedKind::ShiftedDecimal, 15_000.0),
    (PlantedKind::Spike, 6_000.0),
    // Last, since it goes around all others.
    (PlantedKind::FrequentValue, 150_000.0),
];

/// What a report holds but for precipitation.
const REPORTED: [usize; 6] = [AIR_TEMPERATURE, DEW_POINT, PRESSURE, WIND_DIRECTION, WIND_SPEED, SKY];
/// Measurements with spikes.
const SPIKED: [usize; 4] = [AIR_TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED];
/// Share of the reports of a span that must be there for a fault to be planted in it.
const LEAST_SHARE: f64 = 0.8;
/// Warmest temperature, in tenths, that is still one of the Earth when it is taken for degrees Fahrenheit.
const WARMEST_FAHRENHEIT: i16 = 165;
/// Rows among which a value can be frequent, at least.
const FREQUENT_ROWS: usize = 1_000;
/// Hours that a clock is off, at most.
const CLOCK_HOURS: i32 = 12;

/// Plants the faults of the station at `index`, around those that are planted already.
pub(in crate::synth) fn plant(
    reports: &mut Reports,
    planted: &mut Vec<Planted>,
    schedule: &Schedule,
    options: &SynthOptions,
    index: usize,
) {
    let mut taken = vec![false; reports.hours.len()];
    for entry in planted.iter().filter(|entry| !entry.kind.is_weather()) {
        taken[entry.row] = true;
    }
    let mut faults = Faults { reports, planted, taken, step_hours: schedule.step_hours };
    let mut rng = generator(options.seed, Purpose::Patterns(PlantedKind::IsolatedCluster), index);
    for (event, run) in schedule.isolated.iter().enumerate() {
        faults.isolated_cluster(run.first_hour, run.rows, event, &mut rng);
    }
    for (kind, mean) in ROWS_PER_FAULT {
        if !options.plants(kind) {
            continue;
        }
        let mut rng = generator(options.seed, Purpose::Patterns(kind), index);
        let (mut row, mut event) = (spacing(&mut rng, mean), 0);
        while row < faults.taken.len() {
            if faults.fault(kind, row, event, &mut rng).is_some() {
                event += 1;
            }
            row += spacing(&mut rng, mean);
        }
    }
}

/// A station's reports while faults are planted in them.
struct Faults<'a> {
    reports: &'a mut Reports,
    planted: &'a mut Vec<Planted>,
    /// The rows in which there is a fault.
    taken: Vec<bool>,
    step_hours: i32,
}

impl Faults<'_> {
    /// Plants a fault at a row; `None` where it cannot be planted there.
    fn fault(&mut self, kind: PlantedKind, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        match kind {
            PlantedKind::Clock => self.clock(row, event, rng),
            PlantedKind::DuplicateMonth => self.duplicate_month(row, event, rng),
            PlantedKind::RepeatedDay => self.repeated_day(row, event, rng),
            PlantedKind::SameHour => self.same_hour(row, event, rng),
            PlantedKind::Fahrenheit => self.fahrenheit(row, event, rng),
            PlantedKind::DewPoint => self.dew_point(row, event, rng),
            PlantedKind::ShiftedDecimal => self.shifted_decimal(row, event, rng),
            PlantedKind::Spike => self.spike(row, event, rng),
            PlantedKind::FrequentValue => self.frequent_value(row, event, rng),
            _ => None,
        }
    }

    /// The rows of that many hours from a row on; `None` where they hold another fault or too few reports.
    fn span(&self, row: usize, hours: i32) -> Option<Range<usize>> {
        let first = *self.reports.hours.get(row)?;
        let rows = row..row + self.reports.hours[row..].partition_point(|&hour| hour < first + hours);
        let expected = f64::from(hours) / f64::from(self.step_hours);
        let free = !self.taken[rows.clone()].contains(&true);
        (free && rows.len() as f64 >= LEAST_SHARE * expected).then_some(rows)
    }

    /// So many rows without an absent report from a row on.
    fn run(&self, row: usize, rows: usize) -> Option<Range<usize>> {
        let run = self.span(row, self.step_hours * i32::try_from(rows).ok()?)?;
        (run.len() == rows).then_some(run)
    }

    fn value(&mut self, measurement: usize, row: usize) -> &mut i16 {
        &mut self.reports.columns[measurement][row]
    }

    fn note(&mut self, kind: PlantedKind, measurement: usize, row: usize, event: usize) {
        self.taken[row] = true;
        self.planted.push(Planted { row, measurement, kind, event });
    }

    /// Puts reports that are wrong in the place of those of a cluster.
    fn isolated_cluster(&mut self, first_hour: i32, rows: usize, event: usize, rng: &mut Rng) {
        let first = self.reports.hours.partition_point(|&hour| hour < first_hour);
        // Neither so warm nor so cold that it may not be stored.
        let temperatures = &self.reports.columns[AIR_TEMPERATURE][first..first + rows];
        let warmest = temperatures.iter().max().copied().unwrap_or(0);
        let sign = if (chance(rng, 0.5) && warmest < 160) || warmest < -600 { 1.0 } else { -1.0 };
        let warmer = (sign * uniform(rng, 120.0, 200.0)) as i16;
        let higher = (sign * uniform(rng, 200.0, 400.0)) as i16;
        for row in first..first + rows {
            for (measurement, offset) in [(AIR_TEMPERATURE, warmer), (DEW_POINT, warmer), (PRESSURE, higher)]
            {
                let value = self.value(measurement, row);
                *value += offset;
                self.note(PlantedKind::IsolatedCluster, measurement, row, event);
            }
        }
    }

    fn clock(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        let off = 3 * rng.random_range(1..=CLOCK_HOURS / 3) * if chance(rng, 0.5) { 1 } else { -1 };
        let rows = self.span(row, 24 * rng.random_range(15..=40))?;
        // Where the values come from is free as well.
        let hours = &self.reports.hours;
        let (first, last) = (hours[rows.start] - CLOCK_HOURS, hours[rows.end - 1] + CLOCK_HOURS);
        let around = hours.partition_point(|&hour| hour < first)..hours.partition_point(|&hour| hour <= last);
        if self.taken[around.clone()].contains(&true) {
            return None;
        }
        let before: Vec<[i16; REPORTED.len()]> =
            around.clone().map(|row| REPORTED.map(|of| self.reports.columns[of][row])).collect();
        for row in rows {
            let source = self.reports.hours[around.clone()].binary_search(&(self.reports.hours[row] - off));
            for (place, measurement) in REPORTED.into_iter().enumerate() {
                *self.value(measurement, row) = source.map_or(MISSING, |source| before[source][place]);
                self.note(PlantedKind::Clock, measurement, row, event);
            }
        }
        Some(())
    }

    fn duplicate_month(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        let copy = self.month(row)?;
        let original = self.month(rng.random_range(0..self.taken.len()))?;
        if copy == original {
            return None;
        }
        let key = |hour: i32| (utc(hour).day(), hour.rem_euclid(24));
        let rows: HashMap<_, _> = original.map(|row| (key(self.reports.hours[row]), row)).collect();
        for row in copy {
            let Some(&source) = rows.get(&key(self.reports.hours[row])) else { continue };
            for measurement in REPORTED {
                *self.value(measurement, row) = self.reports.columns[measurement][source];
                self.note(PlantedKind::DuplicateMonth, measurement, row, event);
                self.note(PlantedKind::DuplicateMonth, measurement, source, event);
            }
        }
        Some(())
    }

    /// The rows of the calendar month of a row, if it is whole and free.
    fn month(&self, row: usize) -> Option<Range<usize>> {
        let hours = &self.reports.hours;
        let month = |hour: i32| (utc(hour).year(), utc(hour).month());
        let of_row = month(*hours.get(row)?);
        let first = hours.partition_point(|&hour| month(hour) < of_row);
        let rows = self.span(first, 24 * 28)?;
        let end = rows.end + hours[rows.end..].partition_point(|&hour| month(hour) <= of_row);
        (!self.taken[rows.end..end].contains(&true)).then_some(first..end)
    }

    fn repeated_day(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        let per_day = usize::try_from(24 / self.step_hours).ok()?;
        let first_day = self.run(row, per_day)?;
        let rows = self.span(row, 24 * rng.random_range(12..=17))?;
        let source = |hour: i32, hours: &[i32]| {
            let hours_of_day = hours[first_day.clone()].iter().map(|first| first.rem_euclid(24));
            hours_of_day.into_iter().position(|of_day| of_day == hour.rem_euclid(24))
        };
        for row in rows {
            let source = first_day.start + source(self.reports.hours[row], &self.reports.hours)?;
            for measurement in REPORTED {
                *self.value(measurement, row) = self.reports.columns[measurement][source];
                self.note(PlantedKind::RepeatedDay, measurement, row, event);
            }
        }
        Some(())
    }

    fn same_hour(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        let rows = self.span(row, 24 * rng.random_range(28..=45))?;
        let (hour, value) = (self.reports.hours[row], *self.value(AIR_TEMPERATURE, row));
        for row in rows {
            if (self.reports.hours[row] - hour) % 24 == 0 {
                *self.value(AIR_TEMPERATURE, row) = value;
                let dew_point = self.value(DEW_POINT, row);
                *dew_point = value.min(*dew_point);
                self.note(PlantedKind::SameHour, AIR_TEMPERATURE, row, event);
            }
        }
        Some(())
    }

    fn fahrenheit(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        let rows = self.span(row, 24 * rng.random_range(14..=35))?;
        if self.reports.columns[AIR_TEMPERATURE][rows.clone()].iter().any(|&value| value > WARMEST_FAHRENHEIT)
        {
            return None;
        }
        for row in rows {
            for measurement in [AIR_TEMPERATURE, DEW_POINT] {
                let value = self.value(measurement, row);
                *value = (f64::from(*value) * 1.8 + 320.0).round() as i16;
                self.note(PlantedKind::Fahrenheit, measurement, row, event);
            }
        }
        Some(())
    }

    fn dew_point(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        let rows = self.run(row, rng.random_range(1..=12))?;
        // Above it, a dew point is no longer one that may be stored.
        if self.reports.columns[AIR_TEMPERATURE][rows.clone()].iter().any(|&value| value > 318) {
            return None;
        }
        for row in rows {
            *self.value(DEW_POINT, row) = *self.value(AIR_TEMPERATURE, row) + uniform(rng, 10.0, 50.0) as i16;
            self.note(PlantedKind::DewPoint, DEW_POINT, row, event);
        }
        Some(())
    }

    fn shifted_decimal(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        self.run(row, 1)?;
        let measurement = [AIR_TEMPERATURE, WIND_SPEED][rng.random_range(0..2)];
        let value = self.value(measurement, row);
        *value = match (measurement, *value) {
            // Ten times as much, where that is still a value that may be stored, or else a tenth.
            (AIR_TEMPERATURE, 15..=61 | -61..=-15) | (WIND_SPEED, 20..=89) => 10 * *value,
            (AIR_TEMPERATURE, 90.. | -900..=-90) => *value / 10,
            _ => return None,
        };
        self.note(PlantedKind::ShiftedDecimal, measurement, row, event);
        Some(())
    }

    fn spike(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        let measurement = SPIKED[rng.random_range(0..SPIKED.len())];
        let rows = self.run(row, rng.random_range(1..=3))?;
        let up = chance(rng, 0.5);
        let column = &self.reports.columns[measurement][rows.clone()];
        let (low, high) = (*column.iter().min()?, *column.iter().max()?);
        let mut size = |from: f64, to: f64| uniform(rng, from, to) as i16;
        let offset = match measurement {
            AIR_TEMPERATURE if (up && high < 380) || low < -600 => size(120.0, 220.0),
            // A dew point stays below its temperature, and that above its dew point is another fault.
            AIR_TEMPERATURE | DEW_POINT if low > -700 => -size(120.0, 220.0),
            PRESSURE if up && high < 10_500 => size(120.0, 300.0),
            PRESSURE if low > 9_000 => -size(120.0, 300.0),
            WIND_SPEED if high < 150 => size(150.0, 250.0),
            _ => return None,
        };
        for row in rows {
            *self.value(measurement, row) += offset;
            if measurement == AIR_TEMPERATURE && offset < 0 {
                let temperature = *self.value(AIR_TEMPERATURE, row);
                let dew_point = self.value(DEW_POINT, row);
                *dew_point = temperature.min(*dew_point);
            }
            self.note(PlantedKind::Spike, measurement, row, event);
        }
        Some(())
    }

    fn frequent_value(&mut self, row: usize, event: usize, rng: &mut Rng) -> Option<()> {
        let first = self.reports.hours[row];
        let end = row + self.reports.hours[row..].partition_point(|&hour| hour < first + 24 * 366);
        if end - row < FREQUENT_ROWS {
            return None;
        }
        let frequent = *self.value(AIR_TEMPERATURE, row);
        for row in row..end {
            let near = (*self.value(AIR_TEMPERATURE, row) - frequent).abs() <= 15;
            if near && !self.taken[row] && chance(rng, 0.75) {
                *self.value(AIR_TEMPERATURE, row) = frequent;
                let dew_point = self.value(DEW_POINT, row);
                *dew_point = frequent.min(*dew_point);
                self.note(PlantedKind::FrequentValue, AIR_TEMPERATURE, row, event);
            }
        }
        Some(())
    }
}
