use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use isd_dataset::manifest::{FORMAT_VERSION, Manifest, ManifestOptions};
use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::{StationRun, Tally};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::{ReadOptionsBuilder, SerializedFileReader};
use tempfile::TempDir;

use crate::support::{Row, hourly, write};

#[test]
fn what_was_written_is_read() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    let rows = hourly(&[("010010-99999", 50), ("010020-99999", 700), ("020010-99999", 1)]);
    write(&rows, 100, &target);
    let dataset = Dataset::open(&target).unwrap();
    assert_eq!(dataset.rows(), 751);
    assert_eq!(dataset.columns().len(), 1);
    let groups = dataset.row_groups();
    assert_eq!(groups.iter().map(RowGroup::rows).collect::<Vec<_>>(), [50, 700, 1]);
    let stations = groups.iter().flat_map(|group| group.stations().unwrap());
    let stations: Vec<_> =
        stations.map(|StationRun { station_id, rows }| (station_id.to_string(), rows)).collect();
    let expected = [("010010-99999", 50), ("010020-99999", 700), ("020010-99999", 1)];
    assert_eq!(stations, expected.map(|(id, rows)| (id.to_owned(), rows)));
    let times: Vec<i64> =
        groups.iter().flat_map(|group| group.timestamps().unwrap().values().to_vec()).collect();
    assert_eq!(times, rows.iter().map(|row| row.1).collect::<Vec<_>>());
    let values: Vec<Option<f64>> = groups
        .iter()
        .flat_map(|group| group.values("wind_speed_rate").unwrap().iter().collect::<Vec<_>>())
        .collect();
    assert_eq!(values, rows.iter().map(|row| row.2).collect::<Vec<_>>());
    let error = groups[0].values("gust").unwrap_err().to_string();
    assert!(
        error.ends_with("gust: no such column; the file holds station_id, timestamp, wind_speed_rate"),
        "{error}"
    );
}

/// What is read of a dataset that is open is of that one, whatever takes its name.
#[test]
fn a_dataset_that_is_replaced_is_read_on() {
    let directory = TempDir::new().unwrap();
    let (target, aside) = (directory.path().join("observations"), directory.path().join("aside"));
    let rows = hourly(&[("010010-99999", 50)]);
    write(&rows, 100, &target);
    let dataset = Dataset::open(&target).unwrap();
    fs::rename(&target, &aside).unwrap();
    write(&hourly(&[("010010-99999", 60)]), 100, &target);
    fs::remove_dir_all(&aside).unwrap();
    let values = dataset.row_groups()[0].values("wind_speed_rate").unwrap();
    assert_eq!(values.iter().collect::<Vec<_>>(), rows.iter().map(|row| row.2).collect::<Vec<_>>());
    assert_eq!(Dataset::open(&target).unwrap().rows(), 60);
}

/// Not every file of a dataset of very many is kept open: one that was replaced is not taken for the one that was there.
#[test]
fn a_file_of_very_many_that_is_replaced_is_an_error() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    let stations: Vec<String> =
        (0..300).map(|number| format!("{}{number:04}", ["a", "b"][number % 2])).collect();
    fs::create_dir(&target).unwrap();
    for (number, station) in stations.iter().enumerate() {
        write(&hourly(&[(station, 3)]), 100, &target.join(format!("{number:03}")));
    }
    let dataset = Dataset::open(&target).unwrap();
    let last = dataset.row_groups().pop().unwrap();
    assert_eq!(last.values("wind_speed_rate").unwrap().len(), 3);
    fs::remove_dir_all(target.join("299")).unwrap();
    write(&hourly(&[(&stations[299], 4)]), 100, &target.join("299"));
    let error = last.values("wind_speed_rate").unwrap_err();
    assert!(error.to_string().contains("was replaced while it was read"), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn values_are_translated_once_a_distinct_value() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    let rows = hourly(&[("010010-99999", 2000)]);
    write(&rows, 5000, &target);
    let group = &Dataset::open(&target).unwrap().row_groups()[0];
    let (mut tenths, mut distinct) = (vec![7; 3], 0);
    let translate = |values: Vec<f64>| {
        distinct = values.len();
        Some(values.iter().map(|value| (value * 10.0).round() as i32).collect())
    };
    let nulls = group.translated_into("wind_speed_rate", translate, &mut tenths).unwrap();
    assert_eq!((distinct, tenths.len(), nulls.len()), (250, 2000, 2000));
    let mut last = 0;
    for (row, (_, _, value)) in rows.iter().enumerate() {
        last = value.map_or(last, |value| (value * 10.0).round() as i32);
        assert_eq!((nulls.is_valid(row), tenths[row]), (value.is_some(), last), "row {row}");
    }
    assert!(group.translated_into("wind_speed_rate", |_| None::<Vec<i32>>, &mut tenths).is_none());
    assert!(group.translated_into("timestamp", Some, &mut Vec::new()).is_none());
}

#[test]
fn pages_without_a_wanted_row_are_not_read() {
    let directory = TempDir::new().unwrap();
    // Three pages of 20,480 rows, and one of the rest.
    let rows = hourly(&[("010010-99999", 40_000), ("010020-99999", 30_000)]);
    for dictionary in [true, false] {
        let target = directory.path().join(format!("dictionary-{dictionary}"));
        if dictionary {
            write(&rows, 100_000, &target);
        } else {
            fs::create_dir(&target).unwrap();
            write_plain(&rows, &target.join("a.parquet"));
        }
        let group = Dataset::open(&target).unwrap().row_groups().swap_remove(0);
        damage_page(group.path(), "wind_speed_rate", 1);
        assert!(group.values("wind_speed_rate").is_err());
        for wanted in
            [vec![0..9, 9..20_480], vec![3..5, 40_960..70_000], vec![69_998..69_999, 69_999..70_000]]
        {
            let mut values = vec![1.5; 3];
            let nulls =
                group.limited_to(&wanted).values_into("wind_speed_rate", &mut values).unwrap().unwrap();
            assert_eq!((values.len(), nulls.len()), (70_000, 70_000));
            for row in wanted.into_iter().flatten() {
                assert_eq!(nulls.is_valid(row).then(|| values[row]), rows[row].2, "row {row}, {dictionary}");
            }
        }
        let stations: Vec<usize> =
            group.limited_to(&[0..1, 2..3]).stations().unwrap().iter().map(|run| run.rows).collect();
        assert_eq!(stations, [40_000, 30_000]);
    }
}

/// Writes rows as other writers do, without dictionaries, in pages as those of a dataset.
fn write_plain(rows: &[Row], path: &Path) {
    let times =
        TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1)).with_timezone("UTC");
    let columns: [(&str, ArrayRef); 3] = [
        ("station_id", Arc::new(rows.iter().map(|row| Some(row.0.as_str())).collect::<StringArray>())),
        ("timestamp", Arc::new(times)),
        ("wind_speed_rate", Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>())),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_data_page_row_count_limit(20_480)
        .set_write_batch_size(1024);
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Fills a data page of a column with ones.
fn damage_page(path: &Path, column: &str, page: usize) {
    let options = ReadOptionsBuilder::new().with_page_index().build();
    let reader = SerializedFileReader::new_with_options(File::open(path).unwrap(), options).unwrap();
    let names = reader.metadata().file_metadata().schema_descr().columns();
    let place = names.iter().position(|name| name.name() == column).unwrap();
    let location = &reader.metadata().offset_index().unwrap()[0][place].page_locations()[page];
    let mut bytes = fs::read(path).unwrap();
    let start = location.offset as usize;
    bytes[start..start + location.compressed_page_size as usize].fill(0xff);
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, bytes).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
#[cfg(unix)]
fn a_link_back_does_not_double_the_dataset() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    write(&hourly(&[("010010-99999", 5), ("020010-99999", 5)]), 4, &target);
    std::os::unix::fs::symlink(&target, target.join("block=01").join("again")).unwrap();
    assert_eq!(Dataset::open(&target).unwrap().rows(), 10);
    // A link elsewhere is followed: a dataset may lie on several disks.
    let other = directory.path().join("linked");
    fs::create_dir(&other).unwrap();
    std::os::unix::fs::symlink(target.join("block=02"), other.join("block=02")).unwrap();
    assert_eq!(Dataset::open(&other).unwrap().rows(), 5);
}

/// Statistics hold the first bytes of long ids alone: two stations may look like one.
#[test]
fn long_station_ids_are_told_apart() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    let ids = [format!("{:x<100}a", ""), format!("{:x<100}b", "")];
    write(&hourly(&[(&ids[0], 5), (&ids[1], 6)]), 100, &target);
    let groups = Dataset::open(&target).unwrap().row_groups();
    let stations = groups[0].stations().unwrap();
    let runs: Vec<_> = stations.iter().map(|run| (run.station_id.to_string(), run.rows)).collect();
    assert_eq!(runs, [(ids[0].clone(), 5), (ids[1].clone(), 6)]);
}

#[test]
fn a_dataset_that_has_lost_a_file_is_refused() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    write(&hourly(&[("010010-99999", 5), ("020010-99999", 6)]), 4, &target);
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        tool: "a test".into(),
        sources: Vec::new(),
        layout: "rows".into(),
        options: ManifestOptions::default(),
        rows: 11,
        stations: 2,
        files: 2,
        row_groups: 2,
        first_timestamp: "2020-01-01T00:00:00Z".into(),
        last_timestamp: "2020-01-01T05:00:00Z".into(),
        columns: Vec::new(),
        duplicates: 0,
        identical: 0,
        tally: Tally::default(),
        source_files: 1,
        failed_files: 0,
        retained_files: 0,
        notes: Vec::new(),
    };
    fs::write(target.join("_isd.json"), manifest.to_json().unwrap()).unwrap();
    assert_eq!(Dataset::open(&target).unwrap().manifest(), Some(&manifest));
    fs::remove_dir_all(target.join("block=02")).unwrap();
    let error = Dataset::open(&target).unwrap_err();
    assert!(error.to_string().contains("holds 5 rows, but its _isd.json says 11"), "{error}");
    assert!(error.hint().is_some());
    fs::remove_dir_all(target.join("block=01")).unwrap();
    let error = Dataset::open(&target).unwrap_err().to_string();
    assert!(error.ends_with("a directory without Parquet files"), "{error}");
}
