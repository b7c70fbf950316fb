//! Synthetic archives from outside: what is written is read back by another implementation of HDF5.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use hdf5_reader::Hdf5File;
use isd::synth::{
    ArchiveSummary, Compression, Length, PlantedKind, Station, Storage, SynthError, SynthOptions, Targets,
    station, write_archive,
};

use crate::shell::names;

pub const MEASUREMENTS: [&str; 8] = [
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

pub fn targets(directory: &Path, name: &str) -> Targets {
    Targets {
        archive: directory.join(format!("{name}.hdf5")),
        truth: Some(directory.join(format!("{name}-truth.csv"))),
        station_list: Some(directory.join(format!("{name}-stations.csv"))),
        overwrite: false,
    }
}

pub fn make(options: &SynthOptions, storage: Storage, targets: &Targets, threads: usize) -> ArchiveSummary {
    write_archive(options, storage, targets, threads, &mut |_, _| {}).unwrap()
}

/// An archive as another reader sees it.
pub struct Archive {
    /// USAF and WBAN number and seconds since 1970 of each row.
    pub keys: Vec<(i64, i64, i64)>,
    /// Stored numbers; a missing value is NaN.
    pub columns: BTreeMap<&'static str, Vec<f64>>,
}

impl Archive {
    pub fn read(path: &Path) -> Self {
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
        assert_eq!(value, format!("{:.decimals$}", stored / 10_f64.powi(decimals as i32)), "{line}");
        let written = chrono::DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%dT%H:00:00Z");
        assert_eq!(time, written.to_string());
        *kinds.entry(kind.into()).or_default() += 1;
        if kind == "storm" {
            storms.entry(event.into()).or_default().insert(station.into());
        }
        keys.push((station.to_string(), seconds, measurement.to_string()));
    }
    assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "sorted, one line a value");
    let counted: BTreeMap<String, u64> =
        summary.planted.iter().map(|(kind, values)| (kind.to_string(), *values)).collect();
    assert_eq!(kinds, counted);
    assert!(storms.values().any(|stations| stations.len() >= 4), "{storms:?}");
}

#[test]
fn only_the_kinds_that_are_asked_for_are_planted() {
    let directory = tempfile::tempdir().unwrap();
    let kinds = [PlantedKind::Storm, PlantedKind::Stuck, PlantedKind::GrossError];
    let planted = |name: &str, plants: &[PlantedKind]| {
        let options = SynthOptions { plants: plants.to_vec(), length: Length::Years(1), ..options(30, 1) };
        let targets = targets(directory.path(), name);
        let summary = make(&options, GZIP, &targets, 2);
        (summary.planted, Archive::read(&targets.archive))
    };
    let (all, _) = planted("all", &PlantedKind::ALL);
    let (some, with) = planted("some", &kinds);
    assert!(some.keys().copied().eq(kinds) && all.len() > 10, "{some:?} {all:?}");
    // What is planted changes nothing else.
    let (storms, without) = planted("storms", &kinds[..1]);
    assert_eq!(storms.len(), 1, "{storms:?}");
    assert!(planted("none", &[]).0.is_empty());
    assert_eq!(with.keys, without.keys);
    let pairs = with.columns["wind_speed_rate"].iter().zip(&without.columns["wind_speed_rate"]);
    let changed = pairs.filter(|(one, other)| one.to_bits() != other.to_bits()).count();
    assert!(changed > 100 && changed * 50 < with.keys.len(), "{changed} of {}", with.keys.len());
}

#[test]
fn the_station_list_names_the_stations_of_the_archive_and_their_days() {
    let directory = tempfile::tempdir().unwrap();
    let targets = targets(directory.path(), "a");
    let options = SynthOptions { stations: 60, ..SynthOptions::default() };
    make(&options, Storage::default(), &targets, 2);
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
        let [usaf, wban, name, in_country, in_state, "", latitude, longitude, elevation, begin, end] =
            fields[..]
        else {
            panic!("{line}")
        };
        assert_eq!((usaf.len(), wban.len()), (6, 5), "{line}");
        for (number, length, most) in [(latitude, 7, 80.0), (longitude, 8, 180.0), (elevation, 7, 4_000.0)] {
            assert!(number.starts_with(['+', '-']) && number.len() == length, "{line}");
            assert!(number.parse::<f64>().unwrap().abs() <= most, "{line}");
        }
        let Station { latitude_deg, longitude_deg, elevation_m, country, state, .. } =
            station(&options, listed.len());
        assert_eq!(
            [latitude, longitude, elevation].map(|number| number.parse::<f64>().unwrap()),
            [latitude_deg, longitude_deg, elevation_m]
        );
        assert_eq!(
            (name, in_country, in_state),
            (&*format!("SYNTHETIC {country} {}", &usaf[..5]), country, state),
            "{line}"
        );
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

#[test]
fn values_out_of_range_are_refused_by_their_flag() {
    let bad = [
        (SynthOptions { stations: 0, ..SynthOptions::default() }, "--stations"),
        (SynthOptions { stations: 200_001, ..SynthOptions::default() }, "--stations"),
        (SynthOptions { length: Length::Rows(0), ..SynthOptions::default() }, "--rows-per-station"),
        (SynthOptions { length: Length::Years(201), ..SynthOptions::default() }, "--years"),
        (SynthOptions { start_year: 1700, ..SynthOptions::default() }, "--start"),
    ];
    for (options, flag) in bad {
        let message = options.validate().unwrap_err().to_string();
        assert!(message.contains(flag), "{message}");
    }
    assert!(SynthOptions::default().validate().is_ok());
    assert!(Storage { compression: Compression::Gzip(10), chunk_rows: None }.validate().is_err());
    assert!(Storage { compression: Compression::None, chunk_rows: Some(0) }.validate().is_err());
}

#[test]
fn only_uncompressed_archives_without_a_chunk_size_are_contiguous() {
    let directory = tempfile::tempdir().unwrap();
    for (number, (compression, chunk_rows, expected)) in [
        (Compression::None, None, None),
        (Compression::None, Some(100), Some(vec![100])),
        (Compression::Gzip(4), None, Some(vec![65_536])),
        (Compression::Gzip(4), Some(7), Some(vec![7])),
    ]
    .into_iter()
    .enumerate()
    {
        let targets = targets(directory.path(), &number.to_string());
        make(&options(1, 70_000), Storage { compression, chunk_rows }, &targets, 1);
        let file = Hdf5File::open(&targets.archive).unwrap();
        assert_eq!(file.dataset("timestamp").unwrap().chunks(), expected);
    }
}
