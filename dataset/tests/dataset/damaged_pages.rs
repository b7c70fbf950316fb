//! Damaged pages, read by us and by the library: whatever is wrong with a page, it must not become other values.

use std::fs;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Float64Type;
use isd_dataset::StationRun;
use isd_dataset::read::Dataset;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use tempfile::TempDir;

use crate::support::{draws, write_groups};

const ROWS: usize = 3000;
const PAGE_ROWS: usize = 512;
/// Changes to each file.
const CASES: usize = 150;

/// A column row by row, as texts that no two values share.
type Cells = Vec<Option<String>>;

fn texts_of(values: &Float64Array) -> Cells {
    values.iter().map(|value| value.map(|value| format!("{value} {:x}", value.to_bits()))).collect()
}

/// The cells of the column at `place` as the library reads them; `None` where it fails or panics.
fn read_by_library(path: &Path, place: usize) -> Option<Cells> {
    let read = || -> Option<Cells> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
        let mask = ProjectionMask::leaves(reader.parquet_schema(), [place]);
        let mut cells = Vec::new();
        for batch in reader.with_projection(mask).build().ok()? {
            let batch = batch.ok()?;
            if let Some(values) = batch.column(0).as_primitive_opt::<Float64Type>() {
                cells.extend(texts_of(values));
            } else {
                let ids = batch.column(0).as_string::<i32>().iter();
                cells.extend(ids.map(|id| id.map(str::to_owned)));
            }
        }
        (cells.len() == ROWS).then_some(cells)
    };
    catch_unwind(AssertUnwindSafe(read)).ok().flatten()
}

/// The cells of the column at `place` as we read them.
fn read(path: &Path, place: usize) -> Option<Cells> {
    let group = Dataset::open(path).unwrap().row_groups().swap_remove(0);
    if place > 0 {
        return group.values("wind_speed_rate").ok().map(|values| texts_of(&values));
    }
    let repeated = |run: StationRun| std::iter::repeat_n(Some(run.station_id.to_string()), run.rows);
    Some(group.stations().ok()?.into_iter().flat_map(repeated).collect())
}

fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(64)
}

/// Files with these rows: ours, and of other writers' encodings.
fn files(
    directory: &Path,
    stations: &[StationRun],
    values: &Float64Array,
    nullable: bool,
) -> Vec<(String, PathBuf)> {
    let times: Vec<i64> = (0..ROWS as i64).collect();
    let ours = write_groups(&directory.join("observations"), 1, stations, &times, values);
    let names = stations.iter().flat_map(|run| std::iter::repeat_n(&*run.station_id, run.rows));
    let ids: ArrayRef = Arc::new(names.map(Some).collect::<StringArray>());
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(times));
    let values: ArrayRef = Arc::new(values.clone());
    let columns =
        [("station_id", ids, nullable), ("timestamp", times, false), ("wind_speed_rate", values, nullable)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut files = vec![("ours".to_owned(), ours)];
    let mut write = |name: String, properties: WriterProperties| {
        let path = directory.join(format!("{}.parquet", files.len()));
        let file = fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        files.push((name, path));
    };
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [Compression::UNCOMPRESSED, zstd, Compression::SNAPPY, Compression::LZ4_RAW] {
            let properties = properties().set_writer_version(version).set_compression(compression).build();
            write(format!("{version:?}, {compression:?}, nullable {nullable}"), properties);
        }
    }
    // A dictionary that does not hold all values.
    write("overflowing".to_owned(), properties().set_dictionary_page_size_limit(64).build());
    files
}

/// Changes one byte of a column's pages, again and again, and compares what we read and what the library reads.
fn damage(path: &Path, place: usize, name: &str) {
    let original = read_by_library(path, place).unwrap();
    assert_eq!(read(path, place).as_ref(), Some(&original), "{name}");
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let (start, length) = reader.metadata().row_group(0).column(place).byte_range();
    let pages: Range<usize> = start as usize..(start + length) as usize;
    let mut bytes = fs::read(path).unwrap();
    let mut draw = draws();
    for case in 0..CASES {
        // Every other time among the first bytes, where headers and the dictionary are.
        let length = if case % 2 == 0 { pages.len() } else { pages.len().min(64) };
        let at = pages.start + draw(length);
        let change = if draw(2) == 0 { 1 << draw(8) } else { 1 + draw(255) } as u8;
        bytes[at] ^= change;
        fs::write(path, &bytes).unwrap();
        let (here, there) = (read(path, place), read_by_library(path, place));
        bytes[at] ^= change;
        // What the library refuses may still hold all values, such as where a header has another size.
        let Some(here) = here else { continue };
        let expected = there.as_ref().unwrap_or(&original);
        if let Some(row) = (0..ROWS).find(|row| here[*row] != expected[*row]) {
            panic!(
                "{name}, {} ^ {change} at {at} of {pages:?}: row {row} is {:?}, not {:?}, read by the library: {}",
                bytes[at],
                here[row],
                expected[row],
                there.is_some()
            );
        }
    }
}

#[test]
fn damaged_values_are_those_of_the_library_or_none() {
    let value = |row: usize| f64::from((row * row % 300) as u32) / 10.0;
    // Runs of nulls and of equal values, and others that take turns.
    let some: Float64Array = (0..ROWS)
        .map(|row| match row {
            700..1300 => None,
            1300..1600 => Some(7.5),
            _ => (row % 7 > 1).then_some(value(row)),
        })
        .collect();
    let all: Float64Array = (0..ROWS).map(|row| Some(value(row))).collect();
    let stations = [StationRun { station_id: "010010-99999".into(), rows: ROWS }];
    for (values, nullable) in [(&some, true), (&all, true), (&all, false)] {
        let directory = TempDir::new().unwrap();
        for (name, path) in files(directory.path(), &stations, values, nullable) {
            damage(&path, 2, &name);
        }
    }
}

#[test]
fn damaged_stations_are_those_of_the_library_or_none() {
    let lengths = [700, 64, 200, 1000, 36, 1000].into_iter().enumerate();
    let station =
        |(number, rows): (usize, usize)| StationRun { station_id: format!("{number:06}-é").into(), rows };
    let stations: Vec<StationRun> = lengths.map(station).collect();
    let values: Float64Array = (0..ROWS).map(|row| Some((row % 9) as f64)).collect();
    for nullable in [false, true] {
        let directory = TempDir::new().unwrap();
        for (name, path) in files(directory.path(), &stations, &values, nullable) {
            damage(&path, 0, &name);
        }
    }
}
