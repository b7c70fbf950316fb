//! Pages that the writer makes by hand, beside those that the library makes of the same rows.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use isd_dataset::StationRun;
use isd_dataset::read::Dataset;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelector,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::write_groups;

/// Rows of a page.
const PAGE_ROWS: usize = 20 * 1024;

/// Row groups of a file.
const GROUPS: usize = 2;

fn metadata(file: &File) -> ArrowReaderMetadata {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    ArrowReaderMetadata::load(file, options).unwrap()
}

/// A file of the same row groups, with this column alone, by the library.
fn by_library(column: &ArrayRef) -> ArrowReaderMetadata {
    let nullable = column.data_type() == &DataType::Float64;
    let schema = Arc::new(Schema::new(vec![Field::new("column", column.data_type().clone(), nullable)]));
    let properties = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .build();
    let file = tempfile::tempfile().unwrap();
    let mut writer =
        ArrowWriter::try_new(file.try_clone().unwrap(), Arc::clone(&schema), Some(properties)).unwrap();
    for _ in 0..GROUPS {
        writer.write(&RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(column)]).unwrap()).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    metadata(&file)
}

/// Checks that the footer says of the column at `place` what the library says of the same values, and that the library
/// reads these, from any row on.
fn check(path: &Path, place: usize, column: &ArrayRef, skipped: usize) {
    let file = File::open(path).unwrap();
    let (here, there) = (metadata(&file), by_library(column));
    for group in 0..GROUPS {
        let of = |metadata: &ArrowReaderMetadata, column: usize| {
            let metadata: &ParquetMetaData = metadata.metadata();
            let (chunk, offsets) =
                (metadata.row_group(group).column(column), &metadata.offset_index().unwrap()[group][column]);
            let starts: Vec<i64> = offsets.page_locations().iter().map(|page| page.first_row_index).collect();
            (
                (chunk.statistics().cloned(), chunk.num_values(), chunk.unencoded_byte_array_data_bytes()),
                chunk.definition_level_histogram().cloned(),
                metadata.column_index().unwrap()[group][column].clone(),
                (starts, offsets.unencoded_byte_array_data_bytes().cloned()),
            )
        };
        assert_eq!(of(&here, place), of(&there, 0));
    }
    let rows = GROUPS * column.len();
    let skipped = skipped.min(rows);
    let mask = ProjectionMask::leaves(here.parquet_schema(), [place]);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, here)
        .with_row_selection(vec![RowSelector::skip(skipped), RowSelector::select(rows - skipped)].into())
        .with_projection(mask)
        .build();
    let mut row = skipped;
    for batch in reader.unwrap() {
        let found = Arc::clone(batch.unwrap().column(0));
        for place in 0..found.len() {
            let expected = column.slice((row + place) % column.len(), 1);
            assert!(same(&found.slice(place, 1), &expected), "row {row} + {place}");
        }
        row += found.len();
    }
    assert_eq!(row, rows);
}

/// Whether two columns of one row hold the same bits.
fn same(a: &ArrayRef, b: &ArrayRef) -> bool {
    match (a.as_primitive_opt::<Float64Type>(), b.as_primitive_opt::<Float64Type>()) {
        (Some(a), Some(b)) => bits(a) == bits(b),
        _ => a == b,
    }
}

fn bits(values: &Float64Array) -> Vec<Option<u64>> {
    values.iter().map(|value| value.map(f64::to_bits)).collect()
}

fn stations(rows: &[usize]) -> Vec<StationRun> {
    let station =
        |(number, &rows): (usize, &usize)| StationRun { station_id: format!("{number:04}-é").into(), rows };
    rows.iter().enumerate().map(station).collect()
}

/// Writes a dataset of these stations and values, and reads it again.
fn write_and_read(stations: &[StationRun], values: &Float64Array, directory: &TempDir) -> std::path::PathBuf {
    let times: Vec<i64> = (0..values.len() as i64).collect();
    let path = write_groups(&directory.path().join("observations"), GROUPS, stations, &times, values);
    for group in Dataset::open(&path).unwrap().row_groups() {
        assert_eq!(group.stations().unwrap(), stations);
        assert_eq!(bits(&group.values("wind_speed_rate").unwrap()), bits(values));
    }
    path
}

/// Stretches of values: noise, one value, and missing ones.
fn stretches() -> impl Strategy<Value = Float64Array> {
    let noise = (1_usize..9000, 1_i32..5000, 0_u8..4, any::<u32>()).prop_map(|(rows, spread, gaps, seed)| {
        let mut state = seed | 1;
        let next = move || {
            state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
            let draw = (state >> 8) as i32;
            (draw % 8 >= i32::from(gaps)).then(|| f64::from(draw / 8 % spread - spread / 3) / 10.0)
        };
        std::iter::repeat_with(next).take(rows).collect::<Vec<_>>()
    });
    let values = prop_oneof![Just(0.0), Just(-0.0), Just(-3.7), Just(f64::INFINITY), Just(1e300)];
    let constant = (1_usize..40_000, prop::option::of(values)).prop_map(|(rows, value)| vec![value; rows]);
    prop::collection::vec(prop_oneof![noise, constant], 1..9)
        .prop_map(|stretches| Float64Array::from(stretches.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_pages_of_values_are_those_of_the_library(
        whole in stretches(), start in 0_usize..100, skipped in 0_usize..90_000
    ) {
        // Bits that do not begin at a byte.
        let start = start.min(whole.len() - 1);
        let values = whole.slice(start, whole.len() - start);
        let directory = TempDir::new().unwrap();
        let path = write_and_read(&stations(&[values.len()]), &values, &directory);
        check(&path, 2, &(Arc::new(values) as ArrayRef), skipped);
    }

    #[test]
    fn the_pages_of_stations_are_those_of_the_library(
        rows in prop::collection::vec(
            prop_oneof![64_usize..300, 19_000_usize..22_000, 40_000_usize..70_000, Just(PAGE_ROWS)], 1..12
        ),
        skipped in 0_usize..50_000,
    ) {
        let stations = stations(&rows);
        let directory = TempDir::new().unwrap();
        let path = write_and_read(&stations, &Float64Array::new_null(rows.iter().sum()), &directory);
        let names = stations.iter().flat_map(|run| std::iter::repeat_n(&*run.station_id, run.rows));
        check(&path, 0, &(Arc::new(names.map(Some).collect::<StringArray>()) as ArrayRef), skipped);
    }
}

#[test]
fn a_dictionary_of_any_width_is_read_again() {
    for distinct in [1, 2, 3, 255, 256, 257, 5000, 1 << 16] {
        let values: Float64Array = (0..2 * distinct).map(|i| Some(f64::from(i % distinct) / 10.0)).collect();
        write_and_read(&stations(&[values.len()]), &values, &TempDir::new().unwrap());
    }
    for count in [1, 2, 3, 255, 256, 257] {
        let values = Float64Array::new_null(64 * count);
        write_and_read(&stations(&vec![64; count]), &values, &TempDir::new().unwrap());
    }
}
