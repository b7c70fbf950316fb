//! Days that repeat the day before them.

use std::ops::Range;

use super::Lengths;
use crate::qc::calendar::DAY;
use crate::qc::finding::Verdict;
use crate::qc::test::Run;

/// Finds the spans of a measurement that repeat the day before, and returns them as rows of the station.
pub(super) fn find(
    run: &mut Run<'_>,
    measurement: usize,
    rows: &[u32],
    lengths: &Lengths,
) -> Vec<Range<usize>> {
    let spans = spans(run, measurement, rows, lengths);
    for span in &spans {
        mark(run, measurement, span, lengths.repeated_changes);
    }
    spans
}

/// Finds a measurement without streaks of its own in a span in which others repeat the day before, if all its values do.
pub(super) fn follow(run: &mut Run<'_>, measurement: usize, rows: &[u32], span: &Range<usize>) {
    let (from, to) = (
        rows.partition_point(|&row| (row as usize) < span.start),
        rows.partition_point(|&row| (row as usize) < span.end),
    );
    let rows = &rows[from..to];
    let before = day_before(run, measurement, rows);
    // The first day of the span repeats nothing.
    let first = run.station.times()[span.start] + DAY;
    let mut later = rows.iter().zip(&before).filter(|(row, _)| run.station.times()[**row as usize] >= first);
    let repeats =
        later.try_fold(false, |repeats, (_, same)| same.map_or(Some(repeats), |same| same.then_some(true)));
    if repeats == Some(true) {
        mark(run, measurement, span, 0.0);
    }
}

fn mark(run: &mut Run<'_>, measurement: usize, span: &Range<usize>, limit: f64) {
    let days = run.station.hours_between(span.start, span.end - 1) / 24.0;
    for row in span.clone() {
        if run.station.value(measurement, row).is_some() {
            run.find(measurement, row, Verdict::Erroneous, days, (f64::NAN, limit), "repeats the day before");
        }
    }
}

/// Whether each observed value equals that of 24 hours before; `None` where there is none.
fn day_before(run: &Run<'_>, measurement: usize, rows: &[u32]) -> Vec<Option<bool>> {
    let (times, values) = (run.station.times(), run.values(measurement));
    let mut at = 0;
    let same = |&row: &u32| {
        let before = times[row as usize] - DAY;
        while times[rows[at] as usize] < before {
            at += 1;
        }
        (times[rows[at] as usize] == before).then(|| values[rows[at] as usize] == values[row as usize])
    };
    rows.iter().map(same).collect()
}

/// Spans of a day and more in which every value that can be compared equals that of 24 hours before, with enough changes from
/// value to value, and the day before them.
fn spans(run: &Run<'_>, measurement: usize, rows: &[u32], lengths: &Lengths) -> Vec<Range<usize>> {
    let (station, values) = (run.station, run.values(measurement));
    let same = day_before(run, measurement, rows);
    let mut spans = Vec::new();
    let mut start = 0;
    for part in same.chunk_by(|a, b| (*a == Some(false)) == (*b == Some(false))) {
        let range = start..start + part.len();
        start = range.end;
        let Some(first) = part.iter().position(|same| *same == Some(true)) else { continue };
        let Some(last) = part.iter().rposition(|same| *same == Some(true)) else { continue };
        let (first, last) = (range.start + first, range.start + last);
        let compared = same[first..=last].iter().flatten().count();
        let whole_day = station.hours_between(rows[first] as usize, rows[last] as usize) >= 23.0;
        let changes =
            rows[first..=last].windows(2).filter(|pair| values[pair[0] as usize] != values[pair[1] as usize]);
        if 2 * compared < last - first + 1
            || !whole_day
            || (changes.count() as f64) < lengths.repeated_changes
        {
            continue;
        }
        let before = station.times()[rows[first] as usize] - DAY;
        let begin = station.times().partition_point(|&time| time < before);
        spans.push(begin..rows[last] as usize + 1);
    }
    spans
}
