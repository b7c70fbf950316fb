use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use isd_dataset::read::{Dataset, RowGroup};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use tempfile::TempDir;

use crate::support::{hourly, write};

/// The times of every third row, as the reader looks them up.
fn looked_up(dataset: &Path) -> Vec<i64> {
    let groups = Dataset::open(dataset).unwrap().row_groups();
    let third = |group: &RowGroup| (1..group.rows()).step_by(3).collect::<Vec<_>>();
    groups.iter().flat_map(|group| group.timestamps_at(&third(group)).unwrap().values().to_vec()).collect()
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
