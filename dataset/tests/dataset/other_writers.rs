use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use isd_dataset::read::Dataset;
use parquet::arrow::ArrowWriter;
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
    let lengths = [1, 7, 8, 9, 1, 1, 3, 1000, 2, 64, 1, 500];
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
