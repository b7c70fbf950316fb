use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use isd_dataset::read::Dataset;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use tempfile::TempDir;

/// Polars and pandas write large strings or string views, older writers strings that are not marked as
/// such: to read those was a panic.
#[test]
fn station_ids_of_other_writers_are_read() {
    let directory = TempDir::new().unwrap();
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a", "a", "b"]));
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![0, 1, 0]));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::LargeUtf8));
    for kind in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, DataType::Binary, dictionary] {
        let path = directory.path().join("part.parquet");
        let station = cast(&ids, &kind).unwrap();
        let batch =
            RecordBatch::try_from_iter([("station_id", station), ("timestamp", Arc::clone(&times))]).unwrap();
        for properties in properties() {
            let file = File::create(&path).unwrap();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            let stations = Dataset::open(&path).and_then(|dataset| dataset.row_groups()[0].stations());
            let stations = stations.unwrap_or_else(|error| panic!("{kind}: {error}"));
            let runs: Vec<_> = stations.iter().map(|run| (&*run.station_id, run.rows)).collect();
            assert_eq!(runs, [("a", 2), ("b", 1)], "{kind}");
        }
    }
}

/// Pages of both versions, with and without a dictionary, and with one that does not hold all strings.
fn properties() -> [WriterProperties; 4] {
    let version = |version| WriterProperties::builder().set_writer_version(version);
    [
        version(WriterVersion::PARQUET_1_0).build(),
        version(WriterVersion::PARQUET_2_0).build(),
        version(WriterVersion::PARQUET_2_0).set_dictionary_enabled(false).build(),
        version(WriterVersion::PARQUET_1_0).set_dictionary_page_size_limit(1).set_write_batch_size(1).build(),
    ]
}

/// Stations of any length, one row among them, come back as the runs that were written, from pages of any size.
#[test]
fn stored_runs_are_those_of_the_rows() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("part.parquet");
    let lengths = [1, 7, 8, 9, 1, 1, 3, 1000, 2, 64, 1, 500, 255, 256, 257, 512, 3];
    let names: Vec<String> = (0..lengths.len()).map(|station| format!("{station:06}")).collect();
    let runs: Vec<(&str, usize)> = names.iter().map(String::as_str).zip(lengths).collect();
    let rows: Vec<&str> = runs.iter().flat_map(|(name, rows)| std::iter::repeat_n(*name, *rows)).collect();
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(0..rows.len() as i64));
    for nullable in [false, true] {
        let station: ArrayRef = Arc::new(StringArray::from(rows.clone()));
        let columns = [("station_id", station, nullable), ("timestamp", Arc::clone(&times), false)];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        for properties in properties() {
            for page_rows in [10, 100, 10_000] {
                let properties = properties.clone().into_builder();
                let properties =
                    properties.set_data_page_row_count_limit(page_rows).set_write_batch_size(5).build();
                let file = File::create(&path).unwrap();
                let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
                writer.write(&batch).unwrap();
                writer.close().unwrap();
                let stations = Dataset::open(&path).unwrap().row_groups()[0].stations().unwrap();
                let found: Vec<_> = stations.iter().map(|run| (&*run.station_id, run.rows)).collect();
                assert_eq!(found, runs, "nullable {nullable}, pages of {page_rows}");
            }
        }
    }
}

/// A column of doubles as it is read by way of its dictionary; `None` where it has none that holds all values.
fn translated(values: &Float64Array, nullable: bool, properties: WriterProperties) -> Option<Float64Array> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("part.parquet");
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["a"; values.len()]));
    let times: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(0..values.len() as i64));
    let columns = [
        ("station_id", ids, false),
        ("timestamp", times, false),
        ("value", Arc::new(values.clone()), nullable),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mut found = Vec::new();
    let nulls = Dataset::open(&path).unwrap().row_groups()[0].translated_into("value", Some, &mut found)?;
    Some(Float64Array::new(found.into(), Some(nulls)))
}

#[test]
fn dictionaries_of_the_library_are_read_in_both_versions() {
    let value = |row: u32| f64::from(row * row % 900) / 10.0;
    let some: Float64Array = (0..5000).map(|row| (row % 7 > 1).then_some(value(row))).collect();
    let all: Float64Array = (0..5000).map(|row| Some(value(row / 9))).collect();
    let none = Float64Array::new_null(2500);
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [Compression::UNCOMPRESSED, Compression::ZSTD(ZstdLevel::default())] {
            let properties = WriterProperties::builder().set_writer_version(version);
            let properties = properties.set_compression(compression).set_data_page_row_count_limit(1000);
            let read = |values, nullable| translated(values, nullable, properties.clone().build());
            assert_eq!(read(&some, true).as_ref(), Some(&some), "{version:?}");
            assert_eq!(read(&all, true).as_ref(), Some(&all), "{version:?}");
            assert_eq!(read(&all, false).as_ref(), Some(&all), "{version:?}");
            assert_eq!(read(&none, true).as_ref(), Some(&none), "{version:?}");
            let plain = properties.clone().set_dictionary_enabled(false).build();
            assert_eq!(translated(&some, true, plain), None, "no dictionary");
        }
    }
}
