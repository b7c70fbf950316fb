use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use isd_dataset::StationRun;
use isd_dataset::read::{Dataset, RowGroup};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::{HOUR, hourly, write, write_groups};

/// The times of every third row, as the reader looks them up.
fn looked_up(dataset: &Path) -> Vec<i64> {
    let groups = Dataset::open(dataset).unwrap().row_groups();
    let third = |group: &RowGroup| {
        let times = group.timestamps_at(&(1..group.rows()).step_by(3).collect::<Vec<_>>()).unwrap();
        let all = group.timestamps().unwrap();
        assert_eq!(all.len(), group.rows());
        assert!(all.values().iter().skip(1).step_by(3).eq(times.values()));
        times.values().to_vec()
    };
    groups.iter().flat_map(third).collect()
}

/// A file of two row groups, each a station of so many hours, with the gaps of a day that `gaps` makes.
fn two_stations(target: &Path, gap: impl Fn(usize) -> i64) -> (PathBuf, Vec<i64>) {
    let mut rows = hourly(&[("010010-99999", 3000), ("010020-99999", 3000)]);
    rows.iter_mut().enumerate().for_each(|(row, (_, time, _))| *time += gap(row) * 86_400_000_000);
    let times = rows.chunks(3000).flat_map(|rows| rows.iter().map(|row| row.1).skip(1).step_by(3)).collect();
    write(&rows, 3000, target);
    assert_eq!(Dataset::open(target).unwrap().row_groups().len(), 2);
    (target.join("block=01").join("part-00000.parquet"), times)
}

/// Where the lists of steps lie, and the text that says so.
fn lists(path: &Path) -> (Vec<Option<Range<usize>>>, String) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap().clone();
    let text = pairs.into_iter().find(|pair| pair.key == "isd.time_steps").unwrap().value.unwrap();
    let places: Vec<Option<(usize, usize)>> = serde_json::from_str(&text).unwrap();
    (places.into_iter().map(|place| place.map(|(start, length)| start..start + length)).collect(), text)
}

#[test]
fn single_times_come_from_the_list_of_steps_or_from_the_column() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    let (path, times) = two_stations(&target, |row| row as i64 / 200);
    assert_eq!(looked_up(&target), times);
    let whole = fs::read(&path).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let ruin = |bytes: &mut [u8]| bytes.iter_mut().for_each(|byte| *byte ^= 0x55);

    let mut without_columns = whole.clone();
    for group in reader.metadata().row_groups() {
        let (start, length) = group.column(1).byte_range();
        ruin(&mut without_columns[start as usize..][..length as usize]);
    }
    fs::write(&path, without_columns).unwrap();
    assert_eq!(looked_up(&target), times);

    let (places, text) = lists(&path);
    let places: Vec<Range<usize>> = places.into_iter().map(Option::unwrap).collect();
    assert!(places.iter().all(|place| place.len() < 80), "{places:?}");
    for byte in places.iter().flat_map(Clone::clone) {
        let mut without_list = whole.clone();
        ruin(&mut without_list[byte..=byte]);
        fs::write(&path, without_list).unwrap();
        assert_eq!(looked_up(&target), times, "without byte {byte}");
    }

    // As if the file had been written anew, and the key kept: a list, but of other rows.
    let other =
        format!("[[{},{}],[{},{}]]", places[1].start, places[1].len(), places[0].start, places[0].len());
    let place = whole.windows(text.len()).position(|bytes| bytes == text.as_bytes()).unwrap();
    assert_eq!(other.len(), text.len());
    let mut swapped = whole.clone();
    swapped[place..][..other.len()].copy_from_slice(other.as_bytes());
    fs::write(&path, swapped).unwrap();
    assert_eq!(lists(&path).1, other);
    assert_eq!(looked_up(&target), times);
}

#[test]
fn times_of_any_steps_have_no_list() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    let (path, times) = two_stations(&target, |row| (row + row % 3) as i64);
    assert_eq!(lists(&path).0, [None, None]);
    assert_eq!(looked_up(&target), times);
}

#[test]
fn row_groups_with_and_without_a_list_share_a_file() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    let (path, times) = two_stations(&target, |row| if row < 3000 { (row + row % 3) as i64 } else { 1 });
    assert!(matches!(lists(&path).0[..], [None, Some(_)]));
    assert_eq!(looked_up(&target), times);
}

#[test]
fn false_places_of_lists_do_no_harm() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("part.parquet");
    let stations: ArrayRef = Arc::new(StringArray::from(vec!["a"; 5000]));
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values((0..5000).map(|i| i * i)));
    let batch = RecordBatch::try_from_iter([("station_id", stations), ("timestamp", times)]).unwrap();
    let vast = format!("[[4,{}]]", u64::MAX);
    for places in ["[[4,40]]", "[[4,99999999999999]]", &vast, "[[-1,4]]", "[[4]]", "[null]", "[]", "x", ""] {
        let pair = KeyValue::new("isd.time_steps".to_owned(), places.to_owned());
        let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![pair])).build();
        let file = File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let expected: Vec<i64> = (1..5000).step_by(3).map(|i| i * i).collect();
        assert_eq!(looked_up(&path), expected, "{places}");
    }
}

/// Writes these times as one station's, looks some of them up, from the list alone if there is one, and returns the list's
/// bytes.
fn list_of(times: &[i64]) -> Option<usize> {
    let directory = TempDir::new().unwrap();
    let stations = [StationRun { station_id: "010010-99999".into(), rows: times.len() }];
    let values = Float64Array::new_null(times.len());
    let path = write_groups(&directory.path().join("observations"), 1, &stations, times, &values);
    let list = lists(&path).0.swap_remove(0).map(|place| place.len());
    if list.is_some() {
        let mut bytes = fs::read(&path).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let (start, length) = reader.metadata().row_group(0).column(1).byte_range();
        bytes[start as usize..][..length as usize].fill(0x55);
        fs::write(&path, bytes).unwrap();
    }
    let group = &Dataset::open(&path).unwrap().row_groups()[0];
    assert_eq!(group.timestamps().unwrap().values(), times);
    for step in [1, 2, 7, 100, 4000] {
        let rows: Vec<usize> = (step / 2..times.len()).step_by(step).collect();
        let expected: Vec<i64> = rows.iter().map(|row| times[*row]).collect();
        let found = group.timestamps_at(&rows).unwrap();
        assert_eq!(found.values(), &expected[..], "each {step}th of {}", times.len());
    }
    list
}

#[test]
fn hourly_times_take_some_bytes_a_gap() {
    // Two stations of a year each, with a gap every six days.
    let year: Vec<i64> = (0..8700_i64).map(|i| (i + i / 150 * 7) * HOUR).collect();
    let bytes = list_of(&[&year[..], &year[..]].concat()).unwrap();
    assert!(bytes < 4 * (2 * 58 + 1) + 24, "{bytes} bytes");
}

#[test]
fn stations_of_other_steps_take_no_more() {
    let every = |hours: i64| (0..5000_i64).map(move |i| i * hours * HOUR);
    let times: Vec<i64> = [1, 3, 1, 6].into_iter().flat_map(every).collect();
    let bytes = list_of(&times).unwrap();
    assert!(bytes < 64, "{bytes} bytes");
}

#[test]
fn extremes_come_back() {
    for times in [&[7][..], &[i64::MIN], &[5, 5], &[i64::MIN; 40], &[0, i64::MIN, 0, i64::MIN]] {
        list_of(times);
    }
    let mut times: Vec<i64> = (0..200).map(|i| i * HOUR).collect();
    (times[50], times[51], times[120]) = (i64::MIN, i64::MAX, i64::MIN);
    assert!(list_of(&times).is_some());
    let times: Vec<i64> = (0..200_i64).map(|i| if i % 2 == 0 { 0 } else { i64::MIN }).collect();
    assert!(list_of(&times).is_some());
}

#[test]
fn the_longest_list_is_read() {
    // As many steps as there may be, none of them twice in a row, all of as many bytes as there are.
    let time = |i: i64| if i < 61 { i64::MAX / 3 * (i % 3) + i * i } else { i << 40 };
    let bytes = list_of(&(0..1000).map(time).collect::<Vec<_>>()).unwrap();
    assert!(bytes > 60 * 10, "{bytes}");
}

proptest! {
    #[test]
    fn the_times_of_a_list_are_those_it_is_of(
        stretches in prop::collection::vec((0..200_usize, any::<i64>(), 0..3), 0..20),
        usual in prop_oneof![Just(HOUR), -5..5_i64, any::<i64>()],
        first in any::<i64>(),
    ) {
        let mut times = vec![first];
        for (length, other, kind) in stretches {
            let step = |step: i64, times: &mut Vec<i64>| times.push(times[times.len() - 1].wrapping_add(step));
            (0..length).for_each(|_| step(usual, &mut times));
            step(if kind == 0 { other } else { usual.wrapping_mul(other % 100) }, &mut times);
        }
        list_of(&times);
    }
}
