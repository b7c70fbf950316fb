//! Faults: reports in; the reports with spikes, stuck sensors and missing values, and a list of the planted values, out.

use crate::synth::options::SynthOptions;
use crate::synth::planted::pattern;
use crate::synth::planted::{Planted, PlantedKind};
use crate::synth::random::{Purpose, Rng, chance, generator, log_uniform, spacing, uniform};
use crate::synth::schedule::Schedule;
use crate::synth::weather::{
    AIR_TEMPERATURE, DEW_POINT, MEASUREMENTS, MISSING, PRESSURE, RAIN_1H, RAIN_6H, Reports, SKY,
    WIND_DIRECTION, WIND_SPEED,
};

/// Rows from one gross error to the next on average, for each of [`GROSS`].
const ROWS_PER_GROSS_ERROR: f64 = 20_000.0;

/// Rows from the end of one stuck run to the start of the next on average, for each of [`STUCK`].
const ROWS_PER_STUCK_RUN: f64 = 50_000.0;

/// Rows that a sensor is stuck, least and most.
const STUCK_ROWS: (usize, usize) = (12, 200);

/// Measurements with gross errors.
const GROSS: [usize; 5] = [AIR_TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED, RAIN_1H];

/// Measurements whose sensor sticks.
const STUCK: [usize; 4] = [AIR_TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED];

/// Plants the faults of the station at `index` and removes what it did not report. Returns the planted values that are
/// still there, those of `weather` included, one entry a value, sorted by row and measurement.
pub(in crate::synth) fn spoil(
    reports: &mut Reports,
    weather: Vec<Planted>,
    schedule: &Schedule,
    options: &SynthOptions,
    index: usize,
) -> Vec<Planted> {
    let mut planted = weather;
    for measurement in GROSS {
        let mut rng = generator(options.seed, Purpose::Faults(measurement), index);
        let column = &mut reports.columns[measurement];
        let calm = |value: i16| measurement == WIND_SPEED && value == 0;
        let mut note = |row, kind, event| planted.push(Planted { row, measurement, kind, event });
        if STUCK.contains(&measurement) && options.plants(PlantedKind::Stuck) {
            stick(column, calm, &mut rng, &mut note);
        }
        if options.plants(PlantedKind::GrossError) {
            gross_errors(column, measurement, &mut rng, &mut note);
        }
    }
    pattern::plant(reports, &mut planted, schedule, options, index);
    let [_, _, _, directions, speeds, ..] = &mut reports.columns;
    for (direction, &speed) in directions.iter_mut().zip(speeds.iter()) {
        // Where a fault made a wind out of a calm, its direction is not known.
        if *direction == 0 && speed != 0 {
            *direction = MISSING;
        }
    }
    for (measurement, (column, habits)) in reports.columns.iter_mut().zip(&HABITS).enumerate() {
        lose(column, habits, &mut generator(options.seed, Purpose::Missing(measurement), index));
    }
    let [temperatures, dew_points, _, directions, speeds, ..] = &mut reports.columns;
    lose_with(dew_points, temperatures);
    lose_with(directions, speeds);

    planted.retain(|p| reports.columns[p.measurement][p.row] != MISSING);
    planted.sort_unstable();
    // The order is by row, measurement and kind: a value shows the last of its kinds.
    planted.reverse();
    planted.dedup_by_key(|p| (p.row, p.measurement));
    planted.reverse();
    planted
}

/// Plants runs that repeat the value at their start. `calm` says which values are a calm.
fn stick(
    column: &mut [i16],
    calm: impl Fn(i16) -> bool,
    rng: &mut Rng,
    note: &mut impl FnMut(usize, PlantedKind, usize),
) {
    let (mut row, mut event) = (spacing(rng, ROWS_PER_STUCK_RUN), 0);
    loop {
        let rows = log_uniform(rng, STUCK_ROWS.0, STUCK_ROWS.1);
        // An anemometer that is stuck in a calm could not be told from a calm.
        let Some(skipped) = column.get(row..).and_then(|rest| rest.iter().position(|&value| !calm(value)))
        else {
            return;
        };
        row += skipped;
        let end = column.len().min(row + rows);
        if end - row < STUCK_ROWS.0 {
            return;
        }
        let value = column[row];
        column[row..end].fill(value);
        (row..end).for_each(|row| note(row, PlantedKind::Stuck, event));
        event += 1;
        row = end + spacing(rng, ROWS_PER_STUCK_RUN);
    }
}

/// Plants single values far out of range.
fn gross_errors(
    column: &mut [i16],
    measurement: usize,
    rng: &mut Rng,
    note: &mut impl FnMut(usize, PlantedKind, usize),
) {
    let (mut row, mut event) = (spacing(rng, ROWS_PER_GROSS_ERROR), 0);
    while let Some(value) = column.get_mut(row) {
        if *value != MISSING {
            *value = gross_value(*value, measurement, rng);
            note(row, PlantedKind::GrossError, event);
            event += 1;
        }
        row += spacing(rng, ROWS_PER_GROSS_ERROR);
    }
}

/// A wrong value in place of `value`, within what ISD's format document allows.
fn gross_value(value: i16, measurement: usize, rng: &mut Rng) -> i16 {
    let mut between = |low: f64, high: f64| uniform(rng, low, high) as i16;
    match measurement {
        WIND_SPEED => between(500.0, 900.0),
        RAIN_1H => between(900.0, 2_000.0),
        PRESSURE => {
            // Away from 1010 hPa, so that it is far out of range in any weather.
            let off = between(550.0, 1_200.0);
            if value < 10_100 { (value - off).max(8_600) } else { (value + off).min(10_900) }
        }
        DEW_POINT => (value - between(250.0, 500.0)).max(-982),
        _ => {
            let off = between(250.0, 450.0);
            if value < 150 { (value - off).max(-932) } else { (value + off).min(618) }
        }
    }
}

/// How often a station does not report a measurement.
struct Habits {
    /// Probability that the station has no instrument for it.
    never: f64,
    /// Probability that the instrument came months or years into the series.
    late: f64,
    /// Share of single values missing.
    single: f64,
    /// Rows from one missing run to the next on average.
    run_spacing: f64,
}

const fn habits(never: f64, late: f64, single: f64, run_spacing: f64) -> Habits {
    Habits { never, late, single, run_spacing }
}

/// One a measurement.
const HABITS: [Habits; MEASUREMENTS] = {
    let mut all = [const { habits(0.0, 0.0, 0.0, 0.0) }; MEASUREMENTS];
    all[AIR_TEMPERATURE] = habits(0.0, 0.03, 0.003, 20_000.0);
    all[DEW_POINT] = habits(0.0, 0.05, 0.006, 15_000.0);
    all[PRESSURE] = habits(0.02, 0.05, 0.015, 12_000.0);
    all[WIND_DIRECTION] = habits(0.0, 0.02, 0.03, 20_000.0);
    all[WIND_SPEED] = habits(0.0, 0.14, 0.012, 5_000.0);
    all[SKY] = habits(0.2, 0.1, 0.12, 5_000.0);
    all[RAIN_1H] = habits(0.5, 0.15, 0.05, 5_000.0);
    all[RAIN_6H] = habits(0.6, 0.15, 0.02, 10_000.0);
    all
};

/// Rows that a missing run has, least and most.
const RUN_ROWS: (usize, usize) = (3, 500);

/// Makes values missing as `habits` say.
fn lose(column: &mut [i16], habits: &Habits, rng: &mut Rng) {
    if chance(rng, habits.never) {
        column.fill(MISSING);
        return;
    }
    if chance(rng, habits.late) {
        let rows = (uniform(rng, 0.05, 0.6) * column.len() as f64) as usize;
        column[..rows].fill(MISSING);
    }
    let mut row = spacing(rng, habits.run_spacing);
    while row < column.len() {
        let end = column.len().min(row + log_uniform(rng, RUN_ROWS.0, RUN_ROWS.1));
        column[row..end].fill(MISSING);
        row = end + spacing(rng, habits.run_spacing);
    }
    let mean = 1.0 / habits.single;
    let mut row = spacing(rng, mean) - 1;
    while let Some(value) = column.get_mut(row) {
        *value = MISSING;
        row += spacing(rng, mean);
    }
}

/// Makes the values of `column` missing where those of `other` are.
fn lose_with(column: &mut [i16], other: &[i16]) {
    for (value, &other) in column.iter_mut().zip(other) {
        if other == MISSING {
            *value = MISSING;
        }
    }
}
