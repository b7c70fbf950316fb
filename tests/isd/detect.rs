//! The detector on datasets: the same outliers however they are cut, stored and read.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Float64Array, Int32Array, LargeStringArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampSecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use isd::detect::table::outliers_schema;
use isd::detect::{DetectError, Detection, MeasurementCount, detect};
use isd::plan::{Engine, OutlierOptions};
use isd::synth::{Compression, Length, Storage, SynthOptions, Targets, write_archive};
use isd_converters::archive::Archive;
use isd_converters::{ConvertOptions, ReadOptions, convert};
use isd_dataset::read::Dataset;
use isd_kernel::arrow::rolling_outliers;
use isd_kernel::{FillLimit, RollingTest};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use crate::memory::{HOUR, Row, dataset, weather};

const COLUMNS: [&str; 2] = ["air_temperature", "wind_speed_rate"];

fn options(measurements: &[&str]) -> OutlierOptions {
    OutlierOptions::new(measurements.iter().copied())
}

fn found(dataset: &Dataset, options: &OutlierOptions) -> Detection {
    detect(dataset, options, &|_| ()).unwrap()
}

/// The outliers in one batch.
fn table(detection: &Detection) -> RecordBatch {
    let batches: Vec<RecordBatch> = detection.outliers.batches().map(Result::unwrap).collect();
    concat_batches(&outliers_schema(), &batches).unwrap()
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// (station, time, measurement) of each outlier.
fn keys(table: &RecordBatch) -> Vec<(String, i64, String)> {
    let strings = |name| table.column_by_name(name).unwrap().as_string::<i32>();
    let (stations, measurements) = (strings("station_id"), strings("measurement"));
    let times = table.column_by_name("timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
    let row = |at: usize| (stations.value(at).to_owned(), times.value(at), measurements.value(at).to_owned());
    (0..table.num_rows()).map(row).collect()
}

/// What the kernel finds on the rows themselves: (station, time, measurement), sorted.
fn expected(rows: &[Row], test: &RollingTest) -> Vec<(String, i64, String)> {
    let lengths: Vec<usize> = rows.chunk_by(|a, b| a.0 == b.0).map(<[Row]>::len).collect();
    let times: TimestampMicrosecondArray = rows.iter().map(|row| Some(row.1)).collect();
    let mut expected = Vec::new();
    for (at, name) in COLUMNS.iter().enumerate() {
        let values: Float64Array = rows.iter().map(|row| row.2[at]).collect();
        let mut found = Vec::new();
        rolling_outliers(&values, Some(&times), &lengths, test, &mut found).unwrap();
        expected.extend(found.iter().map(|o| (rows[o.row].0.clone(), rows[o.row].1, (*name).to_owned())));
    }
    expected.sort();
    expected
}

#[test]
fn layout_threads_and_storage_do_not_change_the_outliers() {
    let home = TempDir::new().unwrap();
    let rows = weather(2);
    let layouts = [
        ("whole", ConvertOptions::default()),
        ("stations", ConvertOptions { row_group_rows: 1, ..ConvertOptions::default() }),
        ("some", ConvertOptions { row_group_rows: 700, ..ConvertOptions::default() }),
        ("float32", ConvertOptions { float32: true, row_group_rows: 900, ..ConvertOptions::default() }),
    ];
    let options = options(&COLUMNS);
    let expected = expected(&rows, &options.test);
    assert!(expected.len() > 20, "{} outliers are too few to compare", expected.len());
    let mut first: Option<RecordBatch> = None;
    for (name, layout) in layouts {
        let dataset = dataset(&home.path().join(name), &COLUMNS, &rows, &layout);
        for threads in [1, 2, 5] {
            let detection = with_threads(threads, || found(&dataset, &options));
            let table = table(&detection);
            assert_eq!(keys(&table), expected, "{name}, {threads} threads");
            assert_eq!(*first.get_or_insert_with(|| table.clone()), table, "{name}, {threads} threads");
            assert_eq!((detection.rows, detection.stations), (29 * 200 + 25, 30), "{name}");
        }
    }
}

#[test]
fn the_account_says_what_was_tested() {
    let home = TempDir::new().unwrap();
    let rows = weather(2);
    for (name, row_group_rows) in [("one", 1), ("all", 1 << 20)] {
        let layout = ConvertOptions { row_group_rows, ..ConvertOptions::default() };
        let dataset = dataset(&home.path().join(name), &COLUMNS, &rows, &layout);
        for engine in [Engine::Kernel, Engine::Expressions] {
            // In another order than the dataset's.
            let options = OutlierOptions { engine, ..options(&["wind_speed_rate", "air_temperature"]) };
            let detection = found(&dataset, &options);
            let keys = keys(&table(&detection));
            let expected = options.measurements.iter().map(|measurement| {
                let of = || keys.iter().filter(|key| key.2 == *measurement);
                let mut stations: Vec<&String> = of().map(|key| &key.0).collect();
                stations.dedup();
                MeasurementCount {
                    measurement: measurement.clone(),
                    tested: 29,
                    too_short: 1,
                    outliers: of().count(),
                    stations: stations.len(),
                }
            });
            assert_eq!(detection.measurements, expected.collect::<Vec<_>>(), "{name} {engine:?}");
        }
    }
}

#[test]
fn progress_ends_at_the_number_of_rows() {
    let home = TempDir::new().unwrap();
    let layout = ConvertOptions { row_group_rows: 500, ..ConvertOptions::default() };
    let dataset = dataset(&home.path().join("d"), &COLUMNS, &weather(2), &layout);
    let most = std::sync::atomic::AtomicU64::new(0);
    let progress = |rows| {
        most.fetch_max(rows, std::sync::atomic::Ordering::Relaxed);
    };
    detect(&dataset, &options(&COLUMNS), &progress).unwrap();
    assert_eq!(most.into_inner(), dataset.rows());
}

#[test]
fn a_fill_limit_in_time_goes_by_the_timestamps() {
    let home = TempDir::new().unwrap();
    // Twenty values, a gap that is longer in time than in rows, and a spike after it.
    let mut rows: Vec<Row> =
        (0..20).map(|i| ("a".to_owned(), i * HOUR, vec![Some((i % 3) as f64)])).collect();
    rows.extend(
        [(26, None), (27, None), (50, None), (51, Some(80.0))]
            .map(|(hour, value)| ("a".to_owned(), hour * HOUR, vec![value])),
    );
    let dataset = dataset(&home.path().join("d"), &["wind_speed_rate"], &rows, &ConvertOptions::default());
    for engine in [Engine::Kernel, Engine::Expressions] {
        for (limit, count, filled) in [
            (None, 23, 3),
            (Some(FillLimit::Micros(6 * HOUR)), 20, 0),
            (Some(FillLimit::Micros(7 * HOUR)), 21, 1),
            (Some(FillLimit::Micros(8 * HOUR)), 22, 2),
            (Some(FillLimit::Micros(31 * HOUR)), 23, 3),
            (Some(FillLimit::Rows(1)), 21, 1),
        ] {
            let test = RollingTest::builder().min_periods(10).fill_limit(limit).build().unwrap();
            let options = OutlierOptions { engine, test, ..options(&["wind_speed_rate"]) };
            let table = table(&found(&dataset, &options));
            let counts = table.column_by_name("window_count").unwrap().as_primitive::<Int64Type>();
            assert_eq!(counts.values().to_vec(), [count], "{engine:?} {limit:?}");
            let counts = table.column_by_name("window_filled").unwrap().as_primitive::<Int64Type>();
            assert_eq!(counts.values().to_vec(), [filled], "{engine:?} {limit:?}");
        }
    }
}

#[test]
fn both_engines_find_the_same_in_a_synthetic_archive() {
    let home = TempDir::new().unwrap();
    let archive = home.path().join("archive.hdf5");
    let targets = Targets { archive: archive.clone(), truth: None, station_list: None, overwrite: false };
    let size = SynthOptions { stations: 12, length: Length::Rows(3000), ..SynthOptions::default() };
    let storage = Storage { compression: Compression::None, chunk_rows: None };
    write_archive(&size, storage, &targets, 2, &mut |_, _| {}).unwrap();
    let mut archive = Archive::open(&[archive], &ReadOptions::default(), true).unwrap();
    let path = home.path().join("d");
    convert(&mut archive, &path, &ConvertOptions::default(), &|_| ()).unwrap();
    let dataset = Dataset::open(&path).unwrap();

    let measurements = ["air_temperature", "sea_level_pressure", "wind_speed_rate"];
    let [kernel, expressions] = [Engine::Kernel, Engine::Expressions].map(|engine| {
        let detection = found(&dataset, &OutlierOptions { engine, ..options(&measurements) });
        assert!(detection.measurements.iter().all(|m| m.outliers > 0), "{:?}", detection.measurements);
        (keys(&table(&detection)), detection)
    });
    // A row in ten thousand may lie within rounding of the threshold.
    let missed: Vec<_> = kernel.0.iter().filter(|key| !expressions.0.contains(key)).collect();
    let added: Vec<_> = expressions.0.iter().filter(|key| !kernel.0.contains(key)).collect();
    assert!(
        missed.len() + added.len() <= 1,
        "missed {missed:?}, added {added:?} {:?}",
        table(&expressions.1)
    );
    let tested = |d: &Detection| d.measurements.iter().map(|m| (m.tested, m.too_short)).collect::<Vec<_>>();
    assert_eq!(tested(&kernel.1), tested(&expressions.1));
}

/// Writes one Parquet file with the columns given, in row groups of at most `rows`.
fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>, rows: usize) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows)).build();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Two stations of 40 hours; the 36th of each is a spike.
fn ids() -> Vec<&'static str> {
    ["72000", "94000"].iter().flat_map(|id| [*id; 40]).collect()
}

fn seconds() -> Vec<i64> {
    (0..80).map(|i| i % 40 * 3600).collect()
}

fn tenths() -> Vec<i32> {
    (0..80).map(|i| if i % 40 == 35 { 900 } else { i % 7 }).collect()
}

fn spikes(path: &Path, measurement: &str) -> Vec<(String, i64, f64)> {
    let table = table(&found(&Dataset::open(path).unwrap(), &options(&[measurement])));
    let values = table.column_by_name("value").unwrap().as_primitive::<Float64Type>();
    keys(&table)
        .into_iter()
        .zip(values.values())
        .map(|((station, time, _), value)| (station, time, *value))
        .collect()
}

#[test]
fn parquet_files_by_others_are_datasets_too() {
    let home = TempDir::new().unwrap();
    let naive: ArrayRef = Arc::new(TimestampSecondArray::from(seconds()));
    let micros = seconds().into_iter().map(|s| s * 1_000_000).collect::<Vec<_>>();
    let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("Europe/Berlin"));
    let large: ArrayRef = Arc::new(LargeStringArray::from(ids()));
    let dictionary: ArrayRef = Arc::new(ids().into_iter().collect::<DictionaryArray<Int32Type>>());
    let plain: ArrayRef = Arc::new(StringArray::from(ids()));
    let text: ArrayRef = Arc::clone(&plain);
    let ints: ArrayRef = Arc::new(Int32Array::from(tenths()));
    let expected = ["72000", "94000"].map(|id| (id.to_owned(), 35 * HOUR, 900.0));
    for (name, id, time) in [
        ("large", large, Arc::clone(&naive)),
        ("dictionary", dictionary, Arc::clone(&micros)),
        ("plain", plain, Arc::clone(&naive)),
    ] {
        for rows in [40, 80] {
            let path = home.path().join(format!("{name}-{rows}.parquet"));
            let columns = vec![
                ("gust", Arc::clone(&ints)),
                ("timestamp", Arc::clone(&time)),
                ("remark", Arc::clone(&text)),
                ("station_id", Arc::clone(&id)),
            ];
            parquet(&path, columns, rows);
            assert_eq!(spikes(&path, "gust"), expected, "{name}, row groups of {rows}");
        }
    }
    // The directory holds the two stations in many files.
    let error = detect(&Dataset::open(home.path()).unwrap(), &options(&["gust"]), &|_| ()).unwrap_err();
    assert!(matches!(error, DetectError::Split { .. }), "{error}");
}

/// Whatever order the row groups are worked on in.
#[test]
fn a_split_station_is_named_with_the_later_file() {
    for lengths in [[100, 40], [40, 100]] {
        let home = TempDir::new().unwrap();
        for (name, rows) in ["a.parquet", "b.parquet"].into_iter().zip(lengths) {
            let ids: ArrayRef = Arc::new(StringArray::from(vec!["72000"; rows]));
            let times: ArrayRef =
                Arc::new(TimestampSecondArray::from_iter_values((0..rows as i64).map(|hour| hour * 3600)));
            let gusts: ArrayRef = Arc::new(Int32Array::from(vec![5; rows]));
            parquet(
                &home.path().join(name),
                vec![("station_id", ids), ("timestamp", times), ("gust", gusts)],
                rows,
            );
        }
        let error = detect(&Dataset::open(home.path()).unwrap(), &options(&["gust"]), &|_| ()).unwrap_err();
        let DetectError::Split { path, station } = &error else { panic!("{error}") };
        assert!(path.ends_with("b.parquet") && station == "72000", "{error}");
    }
}

#[test]
fn files_out_of_order_give_a_sorted_table() {
    let home = TempDir::new().unwrap();
    for (name, station) in [("a.parquet", "94000"), ("b.parquet", "72000")] {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("station_id", Arc::new(StringArray::from(vec![station; 40]))),
            ("timestamp", Arc::new(TimestampSecondArray::from(seconds()[..40].to_vec()))),
            ("gust", Arc::new(Int32Array::from(tenths()[..40].to_vec()))),
        ];
        parquet(&home.path().join(name), columns, 40);
    }
    let stations: Vec<String> =
        spikes(home.path(), "gust").into_iter().map(|(station, ..)| station).collect();
    assert_eq!(stations, ["72000", "94000"]);
}

#[test]
fn a_station_that_is_split_across_row_groups_is_refused() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("split.parquet");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("station_id", Arc::new(StringArray::from(ids()))),
        ("timestamp", Arc::new(TimestampSecondArray::from(seconds()))),
        ("gust", Arc::new(Int32Array::from(tenths()))),
    ];
    parquet(&path, columns, 50);
    let error = detect(&Dataset::open(&path).unwrap(), &options(&["gust"]), &|_| ()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("split.parquet") && message.contains("94000"), "{message}");
}

#[test]
fn times_out_of_order_are_refused() {
    let home = TempDir::new().unwrap();
    for (name, change) in [("late", (17, 3 * 3600)), ("twice", (60, 19 * 3600))] {
        let path = home.path().join(format!("{name}.parquet"));
        let mut seconds = seconds();
        seconds[change.0] = change.1;
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("station_id", Arc::new(StringArray::from(ids()))),
            ("timestamp", Arc::new(TimestampSecondArray::from(seconds))),
            ("gust", Arc::new(Int32Array::from(tenths()))),
        ];
        parquet(&path, columns, 80);
        for engine in [Engine::Kernel, Engine::Expressions] {
            let options = OutlierOptions { engine, ..options(&["gust"]) };
            let error = detect(&Dataset::open(&path).unwrap(), &options, &|_| ()).unwrap_err().to_string();
            assert!(error.contains(&format!("{name}.parquet")), "{error}");
            assert!(error.contains(if name == "late" { "72000" } else { "94000" }), "{error}");
        }
    }
}

#[test]
fn keys_that_are_missing_or_none_are_named() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("a.parquet");
    let ids: ArrayRef = Arc::new(StringArray::from(ids()));
    let times: ArrayRef = Arc::new(TimestampSecondArray::from(seconds()));
    let gust: ArrayRef = Arc::new(Int32Array::from(tenths()));
    let error = |columns: Vec<(&str, ArrayRef)>, measurement: &str| {
        parquet(&path, columns, 80);
        let dataset = Dataset::open(&path).map_err(DetectError::from);
        dataset
            .and_then(|dataset| detect(&dataset, &options(&[measurement]), &|_| ()))
            .unwrap_err()
            .to_string()
    };
    let all = || {
        vec![("station_id", Arc::clone(&ids)), ("timestamp", Arc::clone(&times)), ("gust", Arc::clone(&gust))]
    };
    for (at, name) in [(0, "station_id"), (1, "timestamp")] {
        let mut columns = all();
        columns.remove(at);
        let message = error(columns, "gust");
        assert!(message.contains("a.parquet") && message.contains(name), "{message}");

        let mut columns = all();
        columns[at].1 = Arc::new(Float64Array::from(vec![0.5; 80]));
        let message = error(columns, "gust");
        assert!(message.contains("a.parquet") && message.contains(name), "{message}");
    }
    let message = error(all(), "gale");
    assert!(message.contains("a.parquet") && message.contains("gale"), "{message}");

    let mut columns = all();
    let holey: StringArray = (0..80).map(|i| (i != 7).then_some("72000")).collect();
    columns[0].1 = Arc::new(holey);
    let message = error(columns, "gust");
    assert!(message.contains("a.parquet") && message.contains("station_id"), "{message}");
}
