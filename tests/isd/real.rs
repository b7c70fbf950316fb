//! The published rows: the outliers that exact arithmetic found in them, from either archive, however it is cut.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampMicrosecondType;
use isd::detect::table::outliers_schema;
use isd::detect::{Detection, detect, detect_archive};
use isd::plan::{Engine, OutlierOptions};
use isd_converters::archive::{Archive, discover};
use isd_converters::{ConvertOptions, ReadOptions, Scale, SeriesOptions, convert};
use isd_dataset::read::Dataset;
use isd_kernel::{RollingTest, RollingTestBuilder, Window};
use tempfile::TempDir;

const MEASUREMENTS: [&str; 4] =
    ["wind_speed_rate", "air_temperature", "sea_level_pressure", "dew_point_temperature"];

/// Windows, and how many outliers of each measurement they find.
const FOUND: [(usize, [usize; 4]); 3] =
    [(30, [451, 169, 85, 845]), (84, [209, 26, 24, 276]), (720, [102, 10, 30, 186])];

fn published(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name)
}

fn converted(source: &Path, target: &Path, scale: Scale, row_group_rows: Option<usize>) -> Dataset {
    let mut options = ConvertOptions::default();
    options.row_group_rows = row_group_rows.unwrap_or(options.row_group_rows);
    let read = ReadOptions { scale, ..ReadOptions::default() };
    let mut archive = Archive::open(&[source.to_owned()], &read, true).unwrap();
    convert(&mut archive, target, &options, &|_| ()).unwrap();
    Dataset::open(target).unwrap()
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn isd_lite_text_is_its_hdf5_twin_and_needs_no_dataset() {
    let (hdf5, text) = (published("hdf5/isdlite.hdf5"), published("isd-lite"));
    let home = TempDir::new().unwrap();
    let twin = converted(&hdf5, &home.path().join("hdf5"), Scale::Isd, None);
    let open = || {
        let files = discover(std::slice::from_ref(&text), &mut "".as_bytes()).unwrap().files;
        assert_eq!(files.len(), 117);
        Archive::open(&files, &ReadOptions::default(), true).unwrap()
    };
    convert(&mut open(), &home.path().join("text"), &ConvertOptions::default(), &|_| ()).unwrap();
    let dataset = Dataset::open(&home.path().join("text")).unwrap();
    let (left, right) = (dataset.row_groups(), twin.row_groups());
    assert_eq!(left.len(), right.len());
    for (a, b) in left.iter().zip(&right) {
        assert_eq!(a.stations().unwrap(), b.stations().unwrap());
        assert_eq!(a.timestamps().unwrap(), b.timestamps().unwrap());
        for column in twin.columns() {
            assert_eq!(a.values(&column.name).unwrap(), b.values(&column.name).unwrap(), "{}", column.name);
        }
    }

    let expected = table(&found(&twin, &MEASUREMENTS, test(30, "6"), Engine::Kernel, 2));
    assert_eq!(table(&found(&dataset, &MEASUREMENTS, test(30, "6"), Engine::Kernel, 2)), expected);
    let options = OutlierOptions::new(MEASUREMENTS);
    let series_options = SeriesOptions::new(home.path().join("scratch"));
    let straight = detect_archive(&mut open(), &options, &series_options, &|_| ()).unwrap();
    assert_eq!(table(&straight), expected);
}

fn builder(window: usize, threshold: &str) -> RollingTestBuilder {
    RollingTest::builder().window(Window::Rows(window)).threshold(threshold.parse().unwrap())
}

fn test(window: usize, threshold: &str) -> RollingTest {
    builder(window, threshold).build().unwrap()
}

fn found(
    dataset: &Dataset,
    measurements: &[&str],
    test: RollingTest,
    engine: Engine,
    threads: usize,
) -> Detection {
    let options = OutlierOptions { test, engine, ..OutlierOptions::new(measurements.iter().copied()) };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| detect(dataset, &options, &|_| ())).unwrap()
}

fn counts(detection: &Detection) -> Vec<usize> {
    detection.measurements.iter().map(|m| m.outliers).collect()
}

fn table(detection: &Detection) -> RecordBatch {
    let batches: Vec<RecordBatch> = detection.outliers.batches().map(Result::unwrap).collect();
    concat_batches(&outliers_schema(), &batches).unwrap()
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn the_published_archive_holds_the_outliers_that_exact_arithmetic_found() {
    let archive = published("hdf5/isdlite.hdf5");
    let home = TempDir::new().unwrap();
    let datasets = [
        ("stored", Scale::Attributes, None),
        ("scaled", Scale::Isd, None),
        ("stations", Scale::Attributes, Some(1)),
    ]
    .map(|(name, scale, rows)| (name, converted(&archive, &home.path().join(name), scale, rows)));
    let mut wind: Option<RecordBatch> = None;
    for (name, dataset) in &datasets {
        assert_eq!(dataset.rows(), 993_786);
        for threads in [1, 2] {
            for (window, expected) in FOUND {
                let detection = found(dataset, &MEASUREMENTS, test(window, "6"), Engine::Kernel, threads);
                assert_eq!(detection.stations, 63);
                assert_eq!(counts(&detection), expected, "{name}, {threads} threads, window {window}");
            }
            let one = |test| found(dataset, &["wind_speed_rate"], test, Engine::Kernel, threads);
            let including = builder(84, "6").include_current(true).build().unwrap();
            assert_eq!(counts(&one(including)), [38], "{name}: window included");
            let detection = one(test(30, "6.5"));
            assert_eq!(counts(&detection), [312], "{name}: 6.5 sigma");
            if *name != "scaled" {
                let table = table(&detection);
                assert_eq!(*wind.get_or_insert_with(|| table.clone()), table, "{name}, {threads} threads");
            }
        }
    }
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn the_expressions_find_as_many() {
    let archive = published("hdf5/isdlite.hdf5");
    let home = TempDir::new().unwrap();
    let dataset = converted(&archive, &home.path().join("d"), Scale::Attributes, None);
    for (window, expected) in FOUND {
        let [kernel, expressions] = [Engine::Kernel, Engine::Expressions]
            .map(|engine| found(&dataset, &MEASUREMENTS, test(window, "6"), engine, 2));
        assert_eq!(counts(&expressions), expected, "window {window}");
        let tested =
            |d: &Detection| d.measurements.iter().map(|m| (m.tested, m.too_short)).collect::<Vec<_>>();
        assert_eq!(tested(&kernel), tested(&expressions), "window {window}");
    }
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn the_pandas_table_holds_the_outliers_of_its_stations() {
    let (flat, table_file) = (published("hdf5/isdlite.hdf5"), published("hdf5/isdlite-pandas-table.h5"));
    let home = TempDir::new().unwrap();
    let flat = converted(&flat, &home.path().join("flat"), Scale::Attributes, None);
    let six = converted(&table_file, &home.path().join("table"), Scale::Attributes, None);
    let stations: BTreeSet<String> = six
        .row_groups()
        .iter()
        .flat_map(|group| group.stations().unwrap())
        .map(|run| run.station_id.to_string())
        .collect();
    assert_eq!((six.rows(), stations.len()), (52_346, 6));
    let rows = |dataset: &Dataset| -> Vec<(String, i64, String)> {
        let table = table(&found(dataset, &MEASUREMENTS, test(30, "6"), Engine::Kernel, 2));
        let strings = |name| table.column_by_name(name).unwrap().as_string::<i32>();
        let times = table.column_by_name("timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
        (0..table.num_rows())
            .map(|at| {
                let station = strings("station_id").value(at).to_owned();
                (station, times.value(at), strings("measurement").value(at).to_owned())
            })
            .filter(|row| stations.contains(&row.0))
            .collect()
    };
    let (expected, found) = (rows(&flat), rows(&six));
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
}
