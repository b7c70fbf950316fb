//! Equal consecutive values.

use super::{Lengths, is_natural};
use crate::qc::finding::Verdict;
use crate::qc::test::{DEW_POINT, PRESSURE, Run, TEMPERATURE, WIND_SPEED};

/// Range of another variable that shows that the weather changes, by measurement.
const CHANGE: [(usize, f64); 4] = [(TEMPERATURE, 3.0), (DEW_POINT, 3.0), (PRESSURE, 4.0), (WIND_SPEED, 3.0)];

pub(super) fn find(run: &mut Run<'_>, measurement: usize, rows: &[u32], lengths: &Lengths) {
    let (station, values) = (run.station, run.values(measurement));
    let same = |&a: &u32, &b: &u32| {
        values[a as usize] == values[b as usize]
            && station.hours_between(a as usize, b as usize) <= lengths.gap
    };
    for streak in rows.chunk_by(same) {
        // Most series have no two equal values for long: what costs time comes after this.
        if (streak.len() as f64) < lengths.values.min(8.0) || values[streak[0] as usize] <= lengths.calm {
            continue;
        }
        let (first, last) = (streak[0] as usize, streak[streak.len() - 1] as usize);
        let days = station.hours_between(first, last) / 24.0;
        let long = days >= lengths.days;
        if (streak.len() as f64) < lengths.values && !long {
            continue;
        }
        let natural = streak.iter().filter(|&&row| is_natural(station, measurement, row as usize)).count();
        if natural * 2 > streak.len() {
            continue;
        }
        let changes = |&(other, range): &(usize, f64)| {
            let values = (first..=last).filter_map(|row| station.value(other, row));
            let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
            other != measurement && most - least >= range
        };
        let sure = long || streak.len() as f64 >= 2.0 * lengths.values || CHANGE.iter().any(changes);
        let verdict = if sure { Verdict::Erroneous } else { Verdict::Suspect };
        for &row in streak {
            let limits = (f64::NAN, lengths.values);
            run.find(
                measurement,
                row as usize,
                verdict,
                streak.len() as f64,
                limits,
                "equal consecutive values",
            );
        }
    }
}
