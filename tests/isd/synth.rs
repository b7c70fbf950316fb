//! Synthetic archives from outside: what is written is read back by another implementation of HDF5.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hdf5_reader::Hdf5File;
use isd::synth::{
    ArchiveSummary, Compression, Length, Storage, SynthError, SynthOptions, Targets, write_archive,
};

use crate::shell::names;

const MEASUREMENTS: [&str; 8] = [
    "air_temperature",
    "dew_point_temperature",
    "sea_level_pressure",
    "wind_direction",
    "wind_speed_rate",
    "sky_condition",
    "liquid_precipitation_1h",
    "liquid_precipitation_6h",
];

const GZIP: Storage = Storage { compression: Compression::Gzip(4), chunk_rows: Some(1_000) };

fn options(stations: usize, rows: u32) -> SynthOptions {
    SynthOptions { stations, length: Length::Rows(rows), ..SynthOptions::default() }
}

fn targets(directory: &Path, name: &str) -> Targets {
    Targets {
        archive: directory.join(format!("{name}.hdf5")),
        truth: Some(directory.join(format!("{name}-truth.csv"))),
        station_list: Some(directory.join(format!("{name}-stations.csv"))),
        overwrite: false,
    }
}

fn make(options: &SynthOptions, storage: Storage, targets: &Targets, threads: usize) -> ArchiveSummary {
    write_archive(options, storage, targets, threads, &mut |_, _| {}).unwrap()
}

/// An archive as another reader sees it.
struct Archive {
    keys: Vec<(i64, i64, i64)>,
    columns: BTreeMap<&'static str, Vec<f64>>,
}

impl Archive {
    fn read(path: &Path) -> Self {
        let file = Hdf5File::open(path).unwrap();
        let integers = |name| file.dataset(name).unwrap().read_array::<i64>().unwrap();
        let doubles = |name| -> Vec<f64> {
            file.dataset(name).unwrap().read_array::<f64>().unwrap().iter().copied().collect()
        };
        let (usaf, wban) = (integers("station_usaf"), integers("station_wban"));
        let times = doubles("timestamp");
        assert!(times.iter().all(|time| time.fract() == 0.0));
        let keys = usaf
            .iter()
            .zip(&wban)
            .zip(&times)
            .map(|((&usaf, &wban), &time)| (usaf, wban, time as i64))
            .collect();
        let columns = MEASUREMENTS.into_iter().map(|name| (name, doubles(name))).collect();
        Self { keys, columns }
    }
}

#[test]
fn the_same_seed_makes_the_same_bytes_on_any_number_of_threads() {
    let directory = tempfile::tempdir().unwrap();
    for (name, storage) in [
        ("contiguous", Storage::default()),
        ("chunked", Storage { compression: Compression::None, chunk_rows: Some(777) }),
        ("gzip", GZIP),
    ] {
        let (one, two) = (format!("{name}1"), format!("{name}2"));
        let (one, two) = (targets(directory.path(), &one), targets(directory.path(), &two));
        make(&options(23, 1_500), storage, &one, 1);
        make(&options(23, 1_500), storage, &two, 2);
        let same = |a: &Path, b: &Path| fs::read(a).unwrap() == fs::read(b).unwrap();
        assert!(same(&one.archive, &two.archive), "{name}: archive");
        assert!(same(one.truth.as_ref().unwrap(), two.truth.as_ref().unwrap()), "{name}: truth");
        assert!(same(one.station_list.as_ref().unwrap(), two.station_list.as_ref().unwrap()), "{name}: list");
    }
    let other = targets(directory.path(), "other");
    make(&SynthOptions { seed: 2, ..options(23, 1_500) }, GZIP, &other, 2);
    assert_ne!(fs::read(directory.path().join("gzip1.hdf5")).unwrap(), fs::read(&other.archive).unwrap());
}

#[test]
fn every_storage_holds_the_same_rows_sorted_and_unique() {
    let directory = tempfile::tempdir().unwrap();
    let mut first: Option<Archive> = None;
    // One chunk, whole chunks, a last chunk in part, chunks shorter than a station, one larger than the archive.
    for (number, (compression, chunk_rows)) in [
        (Compression::None, None),
        (Compression::None, Some(6_000)),
        (Compression::None, Some(1_024)),
        (Compression::Gzip(1), Some(2_000)),
        (Compression::Gzip(9), Some(999)),
        (Compression::Gzip(4), None),
    ]
    .into_iter()
    .enumerate()
    {
        let targets = targets(directory.path(), &number.to_string());
        let summary = make(&options(12, 500), Storage { compression, chunk_rows }, &targets, 2);
        assert_eq!((summary.rows, summary.stations), (6_000, 12));
        assert_eq!(summary.bytes, fs::metadata(&targets.archive).unwrap().len());
        let archive = Archive::read(&targets.archive);
        assert_eq!(archive.keys.len(), 6_000);
        assert!(archive.keys.windows(2).all(|pair| pair[0] < pair[1]), "storage {number}");
        if let Some(first) = &first {
            assert_eq!(first.keys, archive.keys, "storage {number}");
            for (name, values) in &first.columns {
                let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(values), bits(&archive.columns[name]), "storage {number}: {name}");
            }
        } else {
            first = Some(archive);
        }
    }
}

#[test]
fn attributes_say_how_values_are_stored() {
    let directory = tempfile::tempdir().unwrap();
    let targets = targets(directory.path(), "a");
    make(&options(1, 10), Storage::default(), &targets, 1);
    let file = Hdf5File::open(&targets.archive).unwrap();
    for name in MEASUREMENTS {
        let dataset = file.dataset(name).unwrap();
        let number = |attribute| dataset.attribute(attribute).unwrap().read_scalar::<f64>().unwrap();
        let tenths = !["wind_direction", "sky_condition"].contains(&name);
        assert_eq!(number("scale_factor"), if tenths { 0.1 } else { 1.0 }, "{name}");
        assert!(number("missing_value").is_nan(), "{name}");
        assert!(!dataset.attribute("units").unwrap().read_string().unwrap().is_empty(), "{name}");
    }
    let time = file.dataset("timestamp").unwrap();
    assert!(time.attribute("units").unwrap().read_string().unwrap().starts_with("seconds since 1970-01-01"));
}

#[test]
fn every_listed_value_is_the_one_in_the_archive() {
    let directory = tempfile::tempdir().unwrap();
    let targets = targets(directory.path(), "a");
    let options = SynthOptions { length: Length::Years(2), ..options(20, 1) };
    let summary = make(&options, GZIP, &targets, 2);
    let archive = Archive::read(&targets.archive);
    let rows: BTreeMap<(i64, i64, i64), usize> =
        archive.keys.iter().enumerate().map(|(row, &key)| (key, row)).collect();

    let text = fs::read_to_string(targets.truth.unwrap()).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("station_id,timestamp,measurement,value,kind,event"));
    let mut kinds = BTreeMap::<String, u64>::new();
    let mut storms = BTreeMap::<String, BTreeSet<String>>::new();
    let mut keys = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let [station, time, measurement, value, kind, event] = fields[..] else { panic!("{line}") };
        let (usaf, wban) = station.split_once('-').unwrap();
        let seconds = chrono::DateTime::parse_from_rfc3339(time).unwrap().timestamp();
        let row = rows[&(usaf.parse().unwrap(), wban.parse().unwrap(), seconds)];
        let stored = archive.columns[measurement][row];
        let decimals = value.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        assert_eq!(value.parse::<f64>().unwrap(), stored / 10_f64.powi(decimals as i32), "{line}");
        *kinds.entry(kind.into()).or_default() += 1;
        if kind == "storm" {
            storms.entry(event.into()).or_default().insert(station.into());
        }
        keys.push((station.to_string(), seconds, measurement.to_string()));
    }
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "sorted, one line a value");
    assert_eq!(kinds.remove("gross_error"), Some(summary.gross_errors));
    assert_eq!(kinds.remove("stuck"), Some(summary.stuck_values));
    assert_eq!(kinds.remove("storm"), Some(summary.storm_values));
    assert!(kinds.is_empty());
    assert!(storms.values().any(|stations| stations.len() >= 4), "{storms:?}");
}

#[test]
fn the_station_list_names_the_stations_of_the_archive_and_their_days() {
    let directory = tempfile::tempdir().unwrap();
    let targets = targets(directory.path(), "a");
    make(&SynthOptions { stations: 60, ..SynthOptions::default() }, Storage::default(), &targets, 2);
    let archive = Archive::read(&targets.archive);
    let mut spans = BTreeMap::<(i64, i64), (i64, i64)>::new();
    for &(usaf, wban, time) in &archive.keys {
        spans.entry((usaf, wban)).or_insert((time, time)).1 = time;
    }
    let text = fs::read_to_string(targets.station_list.unwrap()).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some(
            "\"USAF\",\"WBAN\",\"STATION NAME\",\"CTRY\",\"STATE\",\"ICAO\",\"LAT\",\"LON\",\"ELEV(M)\",\"BEGIN\",\"END\""
        )
    );
    let mut listed = Vec::new();
    for line in lines {
        let fields: Vec<&str> =
            line.strip_prefix('"').unwrap().strip_suffix('"').unwrap().split("\",\"").collect();
        let [usaf, wban, _, _, _, _, latitude, longitude, elevation, begin, end] = fields[..] else {
            panic!("{line}")
        };
        assert!(latitude.parse::<f64>().unwrap().abs() < 80.0 && latitude.len() == 7, "{line}");
        assert!(longitude.parse::<f64>().unwrap().abs() <= 180.0 && longitude.len() == 8, "{line}");
        assert!((0.0..4_000.0).contains(&elevation.parse::<f64>().unwrap()), "{line}");
        let key = (usaf.parse().unwrap(), wban.parse().unwrap());
        let day = |time| chrono::DateTime::from_timestamp(time, 0).unwrap().format("%Y%m%d").to_string();
        assert_eq!((begin, end), (&*day(spans[&key].0), &*day(spans[&key].1)), "{line}");
        listed.push(key);
    }
    assert!(listed.iter().eq(spans.keys()));
}

#[test]
fn an_existing_target_is_replaced_only_on_request() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.hdf5", "a-truth.csv", "a-stations.csv"] {
        fs::write(directory.path().join(name), "precious").unwrap();
        let mut targets = targets(directory.path(), "a");
        let refused = write_archive(&options(2, 10), Storage::default(), &targets, 1, &mut |_, _| {});
        let error = refused.unwrap_err();
        assert!(matches!(&error, SynthError::Exists { path } if path.ends_with(name)), "{error}");
        assert!(error.hint().unwrap().contains("--overwrite"));
        assert_eq!(fs::read(directory.path().join(name)).unwrap(), b"precious");
        assert_eq!(names(directory.path()), [name]);

        targets.overwrite = true;
        make(&options(2, 10), Storage::default(), &targets, 1);
        assert_ne!(fs::read(directory.path().join(name)).unwrap(), b"precious");
        for name in names(directory.path()) {
            fs::remove_file(directory.path().join(name)).unwrap();
        }
    }
}

#[test]
fn nothing_is_left_behind_by_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    let fail = |targets: &Targets| {
        write_archive(&options(2, 10), Storage::default(), targets, 1, &mut |_, _| {}).unwrap_err()
    };
    let mut missing = targets(directory.path(), "a");
    missing.truth = Some(directory.path().join("nowhere/truth.csv"));
    let error = fail(&missing);
    assert!(error.to_string().contains("nowhere") && !error.to_string().contains('\n'), "{error}");
    assert!(error.hint().is_some());

    let mut twice = targets(directory.path(), "a");
    twice.truth = Some(twice.archive.clone());
    assert!(matches!(fail(&twice), SynthError::SameTarget { .. }));

    let mut is_directory = targets(directory.path(), "a");
    is_directory.station_list = Some(directory.path().to_path_buf());
    is_directory.overwrite = true;
    assert!(matches!(fail(&is_directory), SynthError::Exists { .. }));
    assert!(names(directory.path()).is_empty(), "{:?}", names(directory.path()));
}
