//! The same value at the same hour of the day.

use super::Lengths;
use crate::qc::finding::Verdict;
use crate::qc::test::{Run, TEMPERATURE};

/// Values that the other hours of these days have for each of the streak's at least, so that it is the hour that repeats.
const OTHERS: usize = 1;

pub(super) fn find(run: &mut Run<'_>, measurement: usize, rows: &[u32], lengths: &Lengths) {
    let (station, values) = (run.station, run.values(measurement));
    let moments = station.moments();
    let mut hours: Vec<Vec<u32>> = vec![Vec::new(); 24];
    for &row in rows {
        hours[moments[row as usize].hour()].push(row);
    }
    for hour in hours {
        let same = |&a: &u32, &b: &u32| {
            let days = moments[b as usize].day - moments[a as usize].day;
            values[a as usize] == values[b as usize] && days <= 2
        };
        for streak in hour.chunk_by(same) {
            let (first, last) = (streak[0] as usize, streak[streak.len() - 1] as usize);
            let days = f64::from(moments[last].day - moments[first].day + 1);
            let value = values[first];
            let enough = streak.len() as f64 >= lengths.same_hour_days && days >= lengths.same_hour_days;
            // Snow melts at 0.0 degC for weeks.
            let melting = measurement == TEMPERATURE && value == 0.0;
            if !enough || value <= lengths.calm || melting {
                continue;
            }
            let others =
                values[first..=last].iter().filter(|other| !other.is_nan() && **other != value).count();
            if others < OTHERS * streak.len() {
                continue;
            }
            for &row in streak {
                let limits = (f64::NAN, lengths.same_hour_days);
                run.find(
                    measurement,
                    row as usize,
                    Verdict::Erroneous,
                    days,
                    limits,
                    "the same at this hour of each day",
                );
            }
        }
    }
}
