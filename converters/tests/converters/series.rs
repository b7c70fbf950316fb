use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::Array;
use isd_converters::archive::Archive;
use isd_converters::{
    ConvertOptions, Duplicates, Error, Result, SeriesOptions, SeriesReport, Sink, convert, read_series,
};
use isd_dataset::layout::block_of;
use isd_dataset::read::Dataset;
use isd_dataset::series_group::SeriesGroup;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::dataset::{read, write};
use crate::memory::{MemorySource, Row, hourly};

/// Everything taken, row group by row group.
#[derive(Default)]
struct Taken {
    groups: Vec<Vec<Row>>,
    duplicates: u64,
    identical: u64,
    resets: usize,
    /// Number of the row group that is refused.
    refuses: Option<usize>,
}

impl Sink for Taken {
    fn take(&mut self, group: SeriesGroup) -> Result<()> {
        if self.refuses == Some(self.groups.len()) {
            return Err(Error::Format { path: "sink".into(), found: "is full".into(), hint: None });
        }
        let (times, columns) = (group.timestamps(), [group.values(0), group.values(1)]);
        assert_eq!(
            (times.len(), columns[0].len(), columns[1].len()),
            (group.rows(), group.rows(), group.rows())
        );
        let mut rows = Vec::new();
        for run in group.stations() {
            assert_eq!(block_of(&run.station_id), group.block);
            for _ in 0..run.rows {
                let row = rows.len();
                let values = columns.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
                rows.push((run.station_id.to_string(), times.value(row), values.collect()));
            }
        }
        self.duplicates += group.dropped.duplicates;
        self.identical += group.dropped.identical;
        self.groups.push(rows);
        Ok(())
    }

    fn reset(&mut self) -> Result<()> {
        *self = Self { resets: self.resets + 1, refuses: self.refuses, ..Self::default() };
        Ok(())
    }
}

fn archive(rows: Vec<Row>, batch_rows: usize) -> Archive {
    MemorySource::new(&["a", "b"], rows, batch_rows).archive()
}

/// Takes the series of these rows; nothing may be left in the scratch directory.
fn series_of(rows: &[Row], batch_rows: usize, options: &SeriesOptions) -> Result<(Taken, SeriesReport)> {
    let home = TempDir::new().unwrap();
    let options = SeriesOptions { scratch: home.path().join("runs"), ..options.clone() };
    let mut taken = Taken::default();
    let result = read_series(&mut archive(rows.to_vec(), batch_rows), &options, &mut taken, &|_| ());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "runs are left");
    result.map(|report| (taken, report))
}

/// The rows that stay, rows that differ from the one that stayed, and rows that say the same.
fn expected(rows: &[Row], duplicates: Duplicates) -> (Vec<Row>, u64, u64) {
    let mut keys: BTreeMap<(String, i64), Row> = BTreeMap::new();
    let (mut differing, mut identical) = (0, 0);
    for row in rows {
        match keys.get_mut(&(row.0.clone(), row.1)) {
            None => {
                keys.insert((row.0.clone(), row.1), row.clone());
            }
            Some(staying) if staying == row => identical += 1,
            Some(staying) => {
                differing += 1;
                if duplicates == Duplicates::Last {
                    staying.clone_from(row);
                }
            }
        }
    }
    (keys.into_values().collect(), differing, identical)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let station = prop::sample::select(vec!["0100", "0101", "01", "0200", "a/b", "é=", "99"]);
    let value = prop::option::weighted(0.8, (0..3_i32).prop_map(|tenths| f64::from(tenths) / 10.0));
    let row = (station, -3..12_i64, value.clone(), value);
    prop::collection::vec(row.prop_map(|(id, time, a, b)| (id.to_owned(), time, vec![a, b])), 1..120)
}

/// How much of an archive is in order: all, but for a few rows, station by station from several files, nothing.
fn disordered(mut rows: Vec<Row>, kind: u8) -> Vec<Row> {
    match kind {
        0 => rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1))),
        1 => {
            rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
            let last = rows.len() - 1;
            rows.swap(last / 2, last);
        }
        2 => {
            let half = rows.len() / 2;
            rows[..half].sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
            rows[half..].sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        }
        3 => rows.sort_by_key(|row| row.1),
        _ => {}
    }
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// However rows come and however little memory there is: sorted, one row a key, whole stations in a row group.
    #[test]
    fn any_rows_come_out_as_the_model_says(
        rows in rows(),
        kind in 0..5_u8,
        batch_rows in 1..40_usize,
        row_group_rows in 1..40_usize,
        // A row takes 32 bytes: from one row at a time to all of them.
        sort_bytes in prop::sample::select(vec![1_usize, 64, 200, 1000, 1 << 20]),
        first in any::<bool>(),
    ) {
        let rows = disordered(rows, kind);
        let duplicates = if first { Duplicates::First } else { Duplicates::Last };
        let options = SeriesOptions {
            duplicates, row_group_rows, sort_bytes, ..SeriesOptions::new(std::path::PathBuf::new())
        };
        let (taken, found) = series_of(&rows, batch_rows, &options).unwrap();
        let (model, differing, identical) = expected(&rows, duplicates);
        prop_assert_eq!(taken.groups.concat(), model);
        prop_assert_eq!((taken.duplicates, taken.identical), (differing, identical));
        prop_assert_eq!(found.sorted, taken.resets == 1);
        prop_assert_eq!(found.sorted, rows.windows(2).any(|w| (&w[0].0, w[0].1) > (&w[1].0, w[1].1)));
        prop_assert_eq!(found.files[0].rows, rows.len() as u64);
        // Stations are whole, and a row group is as full as it can be.
        for (at, group) in taken.groups.iter().enumerate() {
            let Some(next) = taken.groups.get(at + 1) else { continue };
            prop_assert!(group.last().unwrap().0 < next[0].0);
            let station = next.iter().filter(|row| row.0 == next[0].0).count();
            let full = group.len() + station > row_group_rows;
            prop_assert!(full || block_of(&group[0].0) != block_of(&next[0].0));
        }
        for group in &taken.groups {
            prop_assert!(group.len() <= row_group_rows || group.iter().all(|row| row.0 == group[0].0));
        }
    }

    /// Rows that differ are an error that names both, whether they come next to each other or not.
    #[test]
    fn differing_rows_of_a_key_are_named(rows in rows(), kind in 0..5_u8, batch_rows in 1..40_usize) {
        let rows = disordered(rows, kind);
        let options = SeriesOptions {
            duplicates: Duplicates::Error, sort_bytes: 300, ..SeriesOptions::new(std::path::PathBuf::new())
        };
        let (model, differing, identical) = expected(&rows, Duplicates::First);
        match series_of(&rows, batch_rows, &options) {
            Ok((taken, _)) => {
                prop_assert_eq!(differing, 0);
                prop_assert_eq!(taken.identical, identical);
                prop_assert_eq!(taken.groups.concat(), model);
            }
            Err(Error::Row { row, found, .. }) => {
                let first: usize = found.split("first in row ").nth(1).unwrap()
                    .split(';').next().unwrap().parse().unwrap();
                let (first, second) = (&rows[first], &rows[row as usize]);
                prop_assert!((&first.0, first.1) == (&second.0, second.1) && first.2 != second.2);
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

#[test]
fn sorted_rows_are_taken_once_and_spill_nothing() {
    let options = SeriesOptions { sort_bytes: 1, ..SeriesOptions::new(std::path::PathBuf::new()) };
    let mut rows = hourly(&[("0100", 50), ("0200", 50)]);
    for row in &mut rows {
        row.2.push(None);
    }
    let (taken, found) = series_of(&rows, 7, &options).unwrap();
    assert_eq!((taken.resets, found.sorted, found.spilled_bytes), (0, false, 0));
    rows.swap(1, 2);
    let (taken, found) = series_of(&rows, 7, &options).unwrap();
    assert_eq!((taken.resets, found.sorted), (1, true));
    assert!(found.spilled_bytes > 0);
    let (_, found) = series_of(&rows, 7, &SeriesOptions { sort_bytes: 1 << 20, ..options }).unwrap();
    assert!(found.sorted && found.spilled_bytes == 0);
}

#[test]
fn an_error_of_the_sink_is_the_end() {
    let home = TempDir::new().unwrap();
    let options =
        SeriesOptions { row_group_rows: 5, sort_bytes: 100, ..SeriesOptions::new(home.path().join("runs")) };
    let mut rows = hourly(&[("0100", 9), ("0200", 9), ("0300", 9)]);
    for row in &mut rows {
        row.2.push(None);
    }
    for rotated in [0, 3] {
        rows.rotate_left(rotated);
        let mut sink = Taken { refuses: Some(1), ..Taken::default() };
        let error = read_series(&mut archive(rows.clone(), 4), &options, &mut sink, &|_| ()).unwrap_err();
        assert!(error.to_string().contains("is full"), "{error}");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}

/// Runs written to disk, values to the last bit: what a missing value is there must not change any other.
#[test]
fn sorting_on_disk_changes_no_value() {
    let values =
        [0.0, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY, 0.1];
    let rows: Vec<Row> = (0..900_i64)
        .map(|row| {
            let value = values[row as usize % values.len()];
            ("0100".to_owned(), -row, vec![Some(value), (row % 2 == 0).then_some(value)])
        })
        .collect();
    let options = SeriesOptions { sort_bytes: 3200, ..SeriesOptions::new(std::path::PathBuf::new()) };
    let (taken, found) = series_of(&rows, 64, &options).unwrap();
    assert!(found.spilled_bytes > 0);
    let bits = |row: &Row| row.2.iter().map(|value| value.map(f64::to_bits)).collect::<Vec<_>>();
    let sorted: Vec<Row> = rows.into_iter().rev().collect();
    let out = taken.groups.concat();
    assert_eq!(out.iter().map(bits).collect::<Vec<_>>(), sorted.iter().map(bits).collect::<Vec<_>>());
}

#[test]
fn the_dataset_does_not_depend_on_the_order_of_its_rows() {
    let home = TempDir::new().unwrap();
    let sorted = hourly(&[("010010", 900), ("010020", 3000), ("020020", 40)]);
    let mut by_time = sorted.clone();
    by_time.sort_by_key(|row| row.1);
    let mut twice = by_time.clone();
    twice.extend(sorted.iter().cloned());
    let options =
        |sort_bytes| ConvertOptions { row_group_rows: 1000, sort_bytes, ..ConvertOptions::default() };
    let plain = home.path().join("plain");
    write(sorted.clone(), 128, &plain, &options(1 << 20)).unwrap();
    for (at, (rows, identical)) in [(by_time, 0), (twice, 3940)].into_iter().enumerate() {
        for sort_bytes in [10_000, 1 << 20] {
            let target = home.path().join(format!("{at}-{sort_bytes}"));
            let conversion = write(rows.clone(), 77, &target, &options(sort_bytes)).unwrap();
            assert!(conversion.sorted);
            assert_eq!(conversion.spilled_bytes > 0, sort_bytes == 10_000);
            assert_eq!((conversion.manifest.identical, conversion.manifest.duplicates), (identical, 0));
            let files = |path: &std::path::Path| {
                let mut files = crate::dataset::snapshot(path);
                files.retain(|file, _| file.extension().is_some_and(|name| name == "parquet"));
                let mut files: Vec<Vec<u8>> = files.into_values().collect();
                files.sort();
                files
            };
            assert!(files(&target) == files(&plain), "{at} {sort_bytes}");
        }
    }
}

#[test]
fn duplicates_are_counted_in_the_manifest() {
    let home = TempDir::new().unwrap();
    let mut rows = hourly(&[("0100", 3), ("0200", 3)]);
    let value = |row: &Row, value| (row.0.clone(), row.1, vec![Some(value)]);
    rows.insert(2, value(&rows[1], 99.0));
    rows.insert(3, rows[2].clone());
    for (duplicates, stays) in [(Duplicates::First, 0.1), (Duplicates::Last, 99.0)] {
        let target = home.path().join(format!("{duplicates:?}"));
        let options = ConvertOptions { duplicates, ..ConvertOptions::default() };
        let manifest = write(rows.clone(), 2, &target, &options).unwrap().manifest;
        assert_eq!(read(&target).1[1].2, [Some(stays)]);
        assert_eq!(manifest.rows, 6);
        assert_eq!(manifest.options.duplicates, duplicates);
        // With the first, both others differ from it; with the last, the two 99 say the same.
        let counts = (manifest.duplicates, manifest.identical);
        assert_eq!(counts, if duplicates == Duplicates::First { (2, 0) } else { (1, 1) });
        assert_eq!(Dataset::open(&target).unwrap().manifest(), Some(&manifest));
    }
}

#[test]
fn progress_counts_every_row_of_a_pass() {
    let home = TempDir::new().unwrap();
    let rows = hourly(&[("0200", 30), ("0100", 30)]);
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let progress = |rows| seen.lock().unwrap().push(rows);
    let mut archive = MemorySource::new(&["wind_speed_rate"], rows, 10).archive();
    convert(&mut archive, &home.path().join("d"), &ConvertOptions::default(), &progress).unwrap();
    let seen = seen.lock().unwrap();
    // Up to the row that is out of order, everything, and everything again from the sorter.
    assert_eq!(seen[..10], [10, 20, 30, 40, 10, 20, 30, 40, 50, 60]);
    assert_eq!(seen.last(), Some(&60));
}
