//! Days that repeat the day before them.

use super::Lengths;
use crate::qc::finding::Verdict;
use crate::qc::test::Run;

/// What a day has in common with the one before it.
struct Repeat {
    rows: std::ops::Range<usize>,
    changes: usize,
}

pub(super) fn find(run: &mut Run<'_>, measurement: usize, rows: &[u32], lengths: &Lengths) {
    let (station, values) = (run.station, run.values(measurement));
    let moments = station.moments();
    let mut starts: Vec<usize> = vec![0];
    starts.extend((1..rows.len()).filter(|&at| moments[rows[at] as usize].day != moments[rows[at - 1] as usize].day));
    starts.push(rows.len());
    let days: Vec<&[u32]> = starts.windows(2).map(|ends| &rows[ends[0]..ends[1]]).collect();
    let mut repeats: Vec<Repeat> = Vec::new();
    let flush = |repeats: &mut Vec<Repeat>, run: &mut Run<'_>| {
        let changes: usize = repeats.iter().map(|repeat| repeat.changes).sum();
        if changes as f64 >= lengths.repeated_changes {
            for row in repeats.iter().flat_map(|repeat| repeat.rows.clone()).map(|at| rows[at] as usize) {
                let limits = (f64::NAN, lengths.repeated_changes);
                run.find(measurement, row, Verdict::Erroneous, changes as f64, limits, "repeats the day before");
            }
        }
        repeats.clear();
    };
    for (at, pair) in days.windows(2).enumerate() {
        match changes_in_common(pair[0], pair[1], values, |row| moments[row as usize]) {
            Some(changes) => repeats.push(Repeat { rows: starts[at + 1]..starts[at + 2], changes }),
            None => flush(&mut repeats, run),
        }
    }
    flush(&mut repeats, run);
}

/// Counts the changes among the values that a day has in common with the day before; `None` where any of them differs, the days
/// are not consecutive, or fewer than half of the values of either have the same hour.
fn changes_in_common(
    before: &[u32],
    day: &[u32],
    values: &[f64],
    moment: impl Fn(u32) -> crate::qc::calendar::Moment,
) -> Option<usize> {
    let next = moment(*before.first()?).day + 1 == moment(*day.first()?).day;
    if !next {
        return None;
    }
    let (mut i, mut j, mut common, mut changes) = (0, 0, 0, 0);
    let mut last = f64::NAN;
    while let (Some(&a), Some(&b)) = (before.get(i), day.get(j)) {
        match moment(a).minute.cmp(&moment(b).minute) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                let value = values[b as usize];
                if values[a as usize] != value {
                    return None;
                }
                common += 1;
                changes += usize::from(!last.is_nan() && value != last);
                last = value;
                i += 1;
                j += 1;
            }
        }
    }
    (common * 2 >= before.len().max(day.len())).then_some(changes)
}
