use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use isd_converters::{Conversion, ConvertOptions, Duplicates, Error, convert};
use isd_dataset::layout::{MANIFEST, block_of, column_info};
use isd_dataset::manifest::Manifest;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::statistics::Statistics;
use tempfile::TempDir;

use crate::memory::{MemorySource, Row, SOURCE_PATH, hourly};

pub fn tiny(row_group_rows: usize) -> ConvertOptions {
    ConvertOptions { row_group_rows, ..ConvertOptions::default() }
}

pub fn write(
    rows: Vec<Row>,
    batch_rows: usize,
    target: &Path,
    options: &ConvertOptions,
) -> Result<Conversion, Error> {
    let mut archive = MemorySource::new(&["wind_speed_rate"], rows, batch_rows).archive();
    convert(&mut archive, target, options, &|_| ())
}

/// The dataset's Parquet files, in order of their paths.
fn files(dataset: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dataset)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|block| fs::read_dir(block).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>())
        .collect();
    files.sort();
    files
}

fn metadata(path: &Path) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(&File::open(path).unwrap())
        .unwrap()
}

fn read_row_group(path: &Path, row_group: usize) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap())
        .unwrap()
        .with_row_groups(vec![row_group])
        .build()
        .unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Rows and distinct stations of each row group in the dataset's order, and all rows.
pub fn read(dataset: &Path) -> (Vec<Vec<String>>, Vec<Row>) {
    let (mut groups, mut rows) = (Vec::new(), Vec::new());
    for path in files(dataset) {
        for row_group in 0..metadata(&path).num_row_groups() {
            let batch = read_row_group(&path, row_group);
            let ids = batch.column(0).as_string::<i32>();
            let times = batch.column(1).as_primitive::<TimestampMicrosecondType>();
            let values = batch.column(2).as_primitive::<Float64Type>();
            let mut stations: Vec<String> = ids.iter().flatten().map(str::to_owned).collect();
            for row in 0..batch.num_rows() {
                let value = values.is_valid(row).then(|| values.value(row));
                rows.push((ids.value(row).to_owned(), times.value(row), vec![value]));
            }
            stations.dedup();
            groups.push(stations);
        }
    }
    (groups, rows)
}

#[test]
fn rows_come_back_as_they_went_in() {
    let home = TempDir::new().unwrap();
    let rows =
        hourly(&[("010010-99999", 50), ("010020-99999", 1), ("724940-23234", 77), ("A00001-99999", 9)]);
    // Batches that end within stations, at their ends, and hold several.
    for (at, batch_rows) in [1, 7, 50, 51, 1000].into_iter().enumerate() {
        for row_group_rows in [1, 60, 1000] {
            let target = home.path().join(format!("{at}-{row_group_rows}"));
            let conversion = write(rows.clone(), batch_rows, &target, &tiny(row_group_rows)).unwrap();
            assert_eq!(read(&target).1, rows, "batches of {batch_rows}, row groups of {row_group_rows}");
            assert_eq!(conversion.manifest.rows, 137);
            assert_eq!(conversion.manifest.stations, 4);
            let nulls = rows.iter().filter(|row| row.2[0].is_none()).count() as u64;
            assert_eq!(conversion.manifest.columns[0].nulls, nulls);
        }
    }
}

#[test]
fn no_station_is_split() {
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    // The third is larger than a row group; the last is of another block.
    let stations = [("0100", 4), ("0101", 4), ("0102", 25), ("0103", 3), ("0104", 7), ("0200", 1)];
    let conversion = write(hourly(&stations), 5, &target, &tiny(10)).unwrap();
    let expected: [&[&str]; 4] = [&["0100", "0101"], &["0102"], &["0103", "0104"], &["0200"]];
    assert_eq!(read(&target).0, expected);
    assert_eq!(conversion.manifest.row_groups, 4);
    assert_eq!(conversion.manifest.files, 2);
}

#[test]
fn a_full_file_is_followed_by_another_part() {
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    let names: Vec<String> = (0..70).map(|n| format!("01{n:04}")).collect();
    let stations: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 2)).collect();
    write(hourly(&stations), 1000, &target, &tiny(2)).unwrap();
    let files = files(&target);
    assert_eq!(
        files,
        [target.join("block=01/part-00000.parquet"), target.join("block=01/part-00001.parquet")]
    );
    assert_eq!(files.iter().map(|path| metadata(path).num_row_groups()).collect::<Vec<_>>(), [64, 6]);
    assert_eq!(read(&target).1, hourly(&stations));
}

#[test]
fn blocks_are_the_first_two_characters_escaped() {
    for (station, block) in
        [("724940-23234", "72"), ("A00001", "A0"), ("7", "7"), ("a/b", "a%2F"), ("é=", "%C3%A9%3D")]
    {
        assert_eq!(block_of(station), block);
    }
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    write(hourly(&[("../../x", 2), ("a/b", 2)]), 10, &target, &tiny(10)).unwrap();
    let names: Vec<PathBuf> = files(&target);
    assert_eq!(
        names,
        [target.join("block=%2E%2E/part-00000.parquet"), target.join("block=a%2F/part-00000.parquet")]
    );
}

#[test]
fn files_have_the_schema_and_encodings_of_the_layout() {
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    write(hourly(&[("010010-99999", 30_000), ("010020-99999", 30_000)]), 9_000, &target, &tiny(100_000))
        .unwrap();
    let path = target.join("block=01/part-00000.parquet");
    let schema =
        ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().schema().clone();
    assert_eq!(schema.field(0).data_type(), &DataType::Utf8);
    assert_eq!(schema.field(1).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(schema.field(2).data_type(), &DataType::Float64);
    let nullable: Vec<bool> = schema.fields().iter().map(|field| field.is_nullable()).collect();
    assert_eq!(nullable, [false, false, true]);
    let column = column_info(schema.field(2));
    assert_eq!(column.units.as_deref(), Some("m s-1"));
    assert_eq!(column.resolution.as_deref(), Some("0.1"));

    let metadata = metadata(&path);
    assert!(metadata.file_metadata().created_by().unwrap().starts_with("isd version "));
    let group = metadata.row_group(0);
    assert_eq!(group.sorting_columns().unwrap().iter().map(|c| c.column_idx).collect::<Vec<_>>(), [0, 1]);
    for (index, dictionary) in [(0, true), (1, false), (2, true)] {
        let column = group.column(index);
        assert!(matches!(column.compression(), Compression::ZSTD(_)));
        assert_eq!(column.dictionary_page_offset().is_some(), dictionary, "column {index}");
        assert!(column.statistics().is_some() && column.column_index_offset().is_some(), "column {index}");
        let pages = metadata.offset_index().unwrap()[0][index].page_locations().len();
        assert!((3..=4).contains(&pages), "{pages} pages of column {index}");
    }
    assert!(group.column(1).encodings().any(|encoding| encoding == Encoding::DELTA_BINARY_PACKED));
    let Some(Statistics::ByteArray(ids)) = group.column(0).statistics() else {
        panic!("no string statistics")
    };
    assert_eq!(ids.min_opt().unwrap().data(), b"010010-99999");
    assert_eq!(ids.max_opt().unwrap().data(), b"010020-99999");
    let Some(Statistics::Double(values)) = group.column(2).statistics() else {
        panic!("no value statistics")
    };
    assert_eq!((values.min_opt(), values.max_opt()), (Some(&0.0), Some(&24.9)));
    assert_eq!(values.null_count_opt(), Some(2 * 4285));
}

#[test]
fn float32_halves_the_values_and_refuses_what_it_cannot_hold() {
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    let options = ConvertOptions { float32: true, ..ConvertOptions::default() };
    write(vec![("01".into(), 0, vec![Some(5.1)]), ("01".into(), 1, vec![None])], 10, &target, &options)
        .unwrap();
    let batch = read_row_group(&target.join("block=01/part-00000.parquet"), 0);
    let values = batch.column(2).as_primitive::<arrow::datatypes::Float32Type>();
    assert_eq!(values.iter().collect::<Vec<_>>(), [Some(5.1_f32), None]);
    assert!(Manifest::read(&target).unwrap().options.float32);

    let other = home.path().join("other");
    let error = write(vec![("01".into(), 0, vec![Some(1e300)])], 10, &other, &options).unwrap_err();
    assert!(error.to_string().contains("wind_speed_rate: the value 1e300 is beyond"), "{error}");
    assert!(!other.exists());
}

#[test]
fn the_manifest_says_what_was_written() {
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    let options = ConvertOptions { sources: vec!["archive.h5".into()], ..ConvertOptions::default() };
    let conversion =
        write(hourly(&[("010010-99999", 24), ("020020-99999", 48)]), 10, &target, &options).unwrap();
    let manifest = Manifest::read(&target).unwrap();
    assert_eq!(manifest, conversion.manifest);
    assert_eq!(manifest.sources, ["archive.h5"]);
    assert_eq!((manifest.rows, manifest.stations, manifest.files), (72, 2, 2));
    assert_eq!(manifest.first_timestamp, "2020-01-01T00:00:00Z");
    assert_eq!(manifest.last_timestamp, "2020-01-02T23:00:00Z");
    assert_eq!(manifest.columns[0].units.as_deref(), Some("m s-1"));
    let on_disk: usize = snapshot(&target).values().map(Vec::len).sum();
    assert_eq!(conversion.bytes_out, on_disk as u64);
}

#[test]
fn a_newer_or_broken_manifest_is_a_clear_error() {
    let home = TempDir::new().unwrap();
    assert_eq!(Manifest::find(home.path()).unwrap(), None);
    assert!(Manifest::read(home.path()).unwrap_err().to_string().contains("is no isd dataset"));
    fs::write(home.path().join(MANIFEST), r#"{"format_version": 99, "everything": "else"}"#).unwrap();
    let error = Manifest::read(home.path()).unwrap_err();
    assert!(error.to_string().contains("format version 99"), "{error}");
    assert!(error.hint().unwrap().contains("newer isd"));
    fs::write(home.path().join(MANIFEST), "{").unwrap();
    let error = Manifest::read(home.path()).unwrap_err();
    assert!(error.to_string().contains("is not the manifest"), "{error}");
}

/// Both within a batch and across a batch's end.
fn row_error(rows: &[Row]) -> String {
    let messages: Vec<String> = [1, 2, 100]
        .into_iter()
        .map(|batch_rows| {
            let home = TempDir::new().unwrap();
            let options = ConvertOptions { duplicates: Duplicates::Error, ..tiny(1) };
            let error = write(rows.to_vec(), batch_rows, &home.path().join("dataset"), &options).unwrap_err();
            assert!(matches!(error, Error::Row { .. }) && error.hint().is_some(), "{error}");
            assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "something is left");
            error.to_string()
        })
        .collect();
    assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
    messages[0].clone()
}

#[test]
fn a_duplicate_key_is_named_with_both_rows_where_it_is_an_error() {
    let mut rows = hourly(&[("0100", 3), ("0200", 3)]);
    rows[5].1 = rows[4].1;
    let message = row_error(&rows);
    assert!(
        message.starts_with(&format!("{SOURCE_PATH}: row 5: station 0200 at 2020-01-01T01:00:00Z")),
        "{message}"
    );
    assert!(message.contains("twice with different values, first in row 4"), "{message}");
    // Sorting made the rows forget where they came from.
    rows.rotate_left(1);
    let message = row_error(&rows);
    assert!(message.starts_with(&format!("{SOURCE_PATH}: row 4: station 0200")), "{message}");
    assert!(message.contains("first in row 3"), "{message}");
}

#[test]
fn a_row_without_a_station_is_refused() {
    let message = row_error(&hourly(&[("", 2), ("0100", 2)]));
    assert!(message.contains("row 0: the station id is empty"), "{message}");
}

#[test]
fn a_source_without_rows_is_refused() {
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    let error = write(Vec::new(), 10, &target, &ConvertOptions::default()).unwrap_err();
    assert!(error.to_string().contains("holds no observations"), "{error}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn columns_that_would_clash_are_refused() {
    for columns in [["wind", "wind"], ["wind", "block"], ["timestamp", "wind"]] {
        let source = MemorySource::new(&columns, vec![("01".into(), 0, vec![None, None])], 10);
        let error = source.try_archive().err().unwrap();
        assert!(matches!(error, Error::Column { .. }), "{error}");
    }
}

/// Every file under a directory with its bytes.
pub fn snapshot(directory: &Path) -> HashMap<PathBuf, Vec<u8>> {
    let mut found = HashMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(snapshot(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_failure_on_the_way_leaves_what_was_there() {
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    write(hourly(&[("0100", 3)]), 10, &target, &tiny(1)).unwrap();
    let before = snapshot(home.path());
    let mut source = MemorySource::new(&["wind_speed_rate"], hourly(&[("0100", 30), ("0200", 30)]), 10);
    source.fails_at = Some(45);
    let options = ConvertOptions { overwrite: true, ..tiny(1) };
    let error = convert(&mut source.archive(), &target, &options, &|_| ()).unwrap_err();
    assert!(error.to_string().contains("is truncated"));
    assert_eq!(snapshot(home.path()), before);
}

#[test]
fn an_existing_dataset_is_replaced_only_when_asked() {
    let home = TempDir::new().unwrap();
    let target = home.path().join("dataset");
    write(hourly(&[("0100", 3)]), 10, &target, &tiny(1)).unwrap();
    let before = snapshot(home.path());
    let again = hourly(&[("0300", 5)]);
    let error = write(again.clone(), 10, &target, &tiny(1)).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }) && error.hint().unwrap().contains("--overwrite"));
    assert_eq!(snapshot(home.path()), before);

    let overwrite = ConvertOptions { overwrite: true, ..tiny(1) };
    write(again.clone(), 10, &target, &overwrite).unwrap();
    assert_eq!(read(&target).1, again);
    // Neither the old block nor the temporary directory is left.
    let mut names: Vec<_> = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["_isd.json", "_journal.ndjson", "_stations.csv", "block=03"]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

#[test]
fn only_a_dataset_is_ever_overwritten() {
    let home = TempDir::new().unwrap();
    let overwrite = ConvertOptions { overwrite: true, ..tiny(1) };
    let rows = || hourly(&[("0100", 3)]);

    let stranger = home.path().join("photos");
    fs::create_dir(&stranger).unwrap();
    fs::write(stranger.join("cat.jpg"), "meow").unwrap();
    let error = write(rows(), 10, &stranger, &overwrite).unwrap_err();
    assert!(error.to_string().contains("is no isd dataset"), "{error}");

    let file = home.path().join("file");
    fs::write(&file, "text").unwrap();
    let error = write(rows(), 10, &file, &overwrite).unwrap_err();
    assert!(error.to_string().contains("is a file"), "{error}");

    let dataset = home.path().join("dataset");
    write(rows(), 10, &dataset, &tiny(1)).unwrap();
    fs::write(dataset.join("thesis.txt"), "years of work").unwrap();
    let error = write(rows(), 10, &dataset, &overwrite).unwrap_err();
    assert!(error.to_string().contains("holds thesis.txt"), "{error}");
    assert!(dataset.join("thesis.txt").exists());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 3);
}

#[test]
fn an_empty_directory_and_missing_parents_will_do() {
    let home = TempDir::new().unwrap();
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    write(hourly(&[("0100", 3)]), 10, &empty, &tiny(1)).unwrap();
    assert!(empty.join(MANIFEST).is_file());

    let deep = home.path().join("a/b/dataset");
    write(hourly(&[("0100", 3)]), 10, &deep, &tiny(1)).unwrap();
    assert!(deep.join(MANIFEST).is_file());

    // Parents made for a conversion that failed go with it.
    let failed = home.path().join("c/d/dataset");
    write(Vec::new(), 10, &failed, &tiny(1)).unwrap_err();
    assert!(!home.path().join("c").exists());

    let below_a_file = deep.join(MANIFEST).join("dataset");
    let error = write(hourly(&[("0100", 3)]), 10, &below_a_file, &tiny(1)).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

#[test]
fn source_and_target_may_not_contain_each_other() {
    let home = TempDir::new().unwrap();
    let dataset = home.path().join("dataset");
    write(hourly(&[("0100", 3)]), 10, &dataset, &tiny(1)).unwrap();
    let inside = dataset.join("block=01").join("part-00000.parquet");
    let options = ConvertOptions { overwrite: true, sources: vec![inside.clone()], ..tiny(1) };
    let error = write(hourly(&[("0100", 3)]), 10, &dataset, &options).unwrap_err();
    assert!(error.to_string().contains("holds the source"), "{error}");
    assert!(inside.is_file());

    let archive = home.path().join("archive");
    fs::create_dir(&archive).unwrap();
    let options = ConvertOptions { sources: vec![archive.clone()], ..tiny(1) };
    let error = write(hourly(&[("0100", 3)]), 10, &archive.join("new"), &options).unwrap_err();
    assert!(error.to_string().contains("lies inside the source"), "{error}");
    assert_eq!(fs::read_dir(&archive).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_stays() {
    let home = TempDir::new().unwrap();
    let (real, link) = (home.path().join("real"), home.path().join("link"));
    write(hourly(&[("0100", 3)]), 10, &real, &tiny(1)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let options = ConvertOptions { overwrite: true, ..tiny(1) };
    write(hourly(&[("0300", 5)]), 10, &link, &options).unwrap();
    assert!(link.is_symlink());
    assert_eq!(read(&real).1, hourly(&[("0300", 5)]));
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_batches() {
    let home = TempDir::new().unwrap();
    let rows = hourly(&[("010010", 900), ("010020", 3000), ("020020", 40)]);
    let mut snapshots = Vec::new();
    for (threads, batch_rows) in [(1, 100), (4, 100), (2, 10_000)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let target = home.path().join("dataset");
        let options = ConvertOptions { overwrite: true, ..tiny(1000) };
        pool.install(|| write(rows.clone(), batch_rows, &target, &options)).unwrap();
        snapshots.push(snapshot(&target));
        assert_eq!(read(&target).1, rows);
    }
    assert_eq!(snapshots[0], snapshots[1]);
    assert_eq!(snapshots[0], snapshots[2]);
}
