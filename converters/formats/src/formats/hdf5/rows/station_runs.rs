//! The stations of consecutive rows: stored numbers or strings in, station names and how many rows each has out.

use std::sync::Arc;

use super::unpack::RowReason;
use crate::StationRun;
use crate::formats::hdf5::layouts::StationPart;
use crate::formats::hdf5::library::number::{Stored, with_values};
use crate::formats::hdf5::library::{FieldBytes, Number, StoredNumbers};
use crate::text_encoding::decoded;

/// Texts, and how many consecutive rows have each.
pub type Runs = Vec<(Arc<str>, usize)>;

/// The station part of each row of numbers.
pub fn number_runs(part: StationPart, stored: StoredNumbers<'_>) -> Result<Runs, RowReason> {
    fn of_values<T: Stored>(
        values: impl ExactSizeIterator<Item = T> + Clone,
        part: StationPart,
    ) -> Result<Runs, RowReason> {
        collect_runs(values, |value| part.of_number(value.to_number()))
    }
    with_values!(stored, |values| of_values(values, part))
}

/// The station part of each row of fixed strings, which end at their first zero byte.
pub fn fixed_text_runs(part: StationPart, field: FieldBytes<'_>) -> Result<Runs, RowReason> {
    let texts = field.rows().map(|text| {
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        &text[..end]
    });
    collect_runs(texts, |bytes| part.of_text(&decoded(bytes)))
}

/// The station part of each string.
pub fn text_runs(part: StationPart, texts: &[String]) -> Result<Runs, RowReason> {
    collect_runs(texts.iter().map(String::as_str), |text| part.of_text(text))
}

/// The station of each row, whose number points to it: that of the first station is `first`.
pub fn indexed_runs(
    stored: StoredNumbers<'_>,
    first: i128,
    stations: &[Arc<str>],
) -> Result<Runs, RowReason> {
    fn of_values<T: Stored>(
        values: impl ExactSizeIterator<Item = T> + Clone,
        first: i128,
        stations: &[Arc<str>],
    ) -> Result<Runs, RowReason> {
        collect_runs(values, |value| {
            let index = match value.to_number() {
                Number::Int(index) => usize::try_from(index - first).ok(),
                _ => None,
            };
            index.and_then(|index| stations.get(index)).cloned().ok_or_else(|| {
                format!("station index is {}, but there are {} stations", value.to_f64(), stations.len())
            })
        })
    }
    with_values!(stored, |values| of_values(values, first, stations))
}

/// Values that are compared at a time.
const STEP: usize = 64;

/// The text of each value, which is made once for equal neighbours.
fn collect_runs<T: Copy + PartialEq>(
    mut values: impl ExactSizeIterator<Item = T> + Clone,
    format: impl Fn(T) -> Result<Arc<str>, String>,
) -> Result<Runs, RowReason> {
    let rows = values.len();
    let mut runs = Runs::new();
    while let Some(value) = values.next() {
        let start = rows - values.len() - 1;
        // Counted without an early end, so that it is compiled for vectors: nearly all rows have the station of the row before.
        let others = |next: std::iter::Take<_>| next.filter(|&other| other != value).count();
        while values.len() >= STEP && others(values.clone().take(STEP)) == 0 {
            values.nth(STEP - 1);
        }
        let mut rest = values.clone();
        while rest.next().is_some_and(|other| other == value) {
            values = rest.clone();
        }
        let text = format(value).map_err(|reason| (start, reason))?;
        runs.push((text, rows - values.len() - start));
    }
    Ok(runs)
}

/// The stations of the rows from `start` to `end`, out of those of all rows.
pub fn cut_runs(runs: &[(Arc<str>, u64)], start: u64, end: u64) -> Vec<StationRun> {
    let mut from = 0;
    let mut cut = Vec::new();
    for (station_id, rows) in runs {
        let to = from + rows;
        let shared = to.min(end).saturating_sub(from.max(start));
        if shared > 0 {
            cut.push(StationRun { station_id: Arc::clone(station_id), rows: shared as usize });
        }
        from = to;
    }
    cut
}

/// The stations of rows whose names come in parts: `USAF-WBAN` where there are both, else the only part.
pub fn stations(mut parts: Vec<(StationPart, Runs)>) -> Vec<StationRun> {
    parts.sort_by_key(|(part, _)| *part != StationPart::Usaf);
    let mut parts = parts.into_iter().map(|(_, runs)| runs);
    let Some(mut names) = parts.next() else { return Vec::new() };
    if let Some(wbans) = parts.next() {
        let mut wbans = wbans.into_iter();
        let mut current = wbans.next();
        let mut joined = Runs::new();
        for (usaf, mut rows) in names {
            while let Some((wban, left)) = &mut current
                && rows > 0
            {
                let shared = rows.min(*left);
                if shared > 0 {
                    joined.push((format!("{usaf}-{wban}").into(), shared));
                }
                rows -= shared;
                *left -= shared;
                if *left == 0 {
                    current = wbans.next();
                }
            }
        }
        names = joined;
    }
    merged(names.into_iter())
}

/// Runs with equal neighbours made one.
fn merged(runs: impl Iterator<Item = (Arc<str>, usize)>) -> Vec<StationRun> {
    let mut merged: Vec<StationRun> = Vec::new();
    for (station_id, rows) in runs {
        match merged.last_mut() {
            Some(last) if last.station_id == station_id => last.rows += rows,
            _ => merged.push(StationRun { station_id, rows }),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(runs: &[(&str, usize)]) -> Runs {
        runs.iter().map(|&(text, rows)| (text.into(), rows)).collect()
    }

    #[test]
    fn station_parts_are_joined_row_by_row() {
        let usaf = runs(&[("010010", 3), ("010020", 2), ("010020", 4)]);
        let wban = runs(&[("99999", 2), ("00001", 1), ("00001", 6)]);
        let joined = stations(vec![(StationPart::Wban, wban), (StationPart::Usaf, usaf)]);
        let joined: Vec<_> = joined.iter().map(|run| (run.station_id.as_ref(), run.rows)).collect();
        assert_eq!(joined, [("010010-99999", 2), ("010010-00001", 1), ("010020-00001", 6)]);
        let alone = stations(vec![(StationPart::Id, runs(&[("a", 1), ("a", 2), ("b", 1)]))]);
        assert_eq!(alone.len(), 2);
    }

    #[test]
    fn runs_of_any_length_are_counted() {
        for lengths in [vec![1], vec![63, 1, 64, 65, 1, 200], vec![64, 128], vec![300]] {
            let values: Vec<usize> =
                lengths.iter().enumerate().flat_map(|(value, &rows)| vec![value; rows]).collect();
            let found = collect_runs(values.iter().copied(), |value| Ok(value.to_string().into())).unwrap();
            let expected: Runs =
                lengths.iter().enumerate().map(|(value, &rows)| (value.to_string().into(), rows)).collect();
            assert_eq!(found, expected);
            let last = lengths.len() - 1;
            let refused = collect_runs(values.iter().copied(), |value| match value {
                value if value == last => Err("it is the last".into()),
                value => Ok(value.to_string().into()),
            });
            assert_eq!(refused.unwrap_err().0, values.len() - lengths[last]);
        }
        assert_eq!(collect_runs([0_u8; 0].into_iter(), |_| Ok("".into())).unwrap(), []);
    }
}
