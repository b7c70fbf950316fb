use std::path::{Path, PathBuf};

use isd_converters::{Batch, Error, ReadOptions, Result, Scale, Source, open};
use rust_hdf5::format::messages::datatype::DatatypeMessage;
use rust_hdf5::{H5Dataset, H5File, H5Type, VarLenUnicode};
use tempfile::TempDir;

/// How the datasets of a fixture are stored.
#[derive(Clone, Copy, Debug)]
enum Storage {
    Contiguous,
    Chunked(usize),
    Gzip(usize),
}

const STORAGES: [Storage; 5] =
    [Storage::Contiguous, Storage::Chunked(7), Storage::Gzip(64), Storage::Gzip(100), Storage::Gzip(ROWS)];

const ROWS: usize = 1_000;

fn dataset<T: H5Type>(file: &H5File, name: &str, values: &[T], storage: Storage) -> H5Dataset {
    let builder = file.new_dataset::<T>().shape([values.len()]);
    let builder = match storage {
        Storage::Contiguous => builder,
        Storage::Chunked(rows) => builder.chunk(&[rows]),
        Storage::Gzip(rows) => builder.chunk(&[rows]).shuffle_deflate(4),
    };
    let dataset = builder.create(name).unwrap();
    dataset.write_raw(values).unwrap();
    dataset
}

fn number<T: H5Type>(dataset: &H5Dataset, name: &str, value: T) {
    dataset.new_attr::<T>().shape(()).create(name).unwrap().write_numeric(&value).unwrap();
}

fn text(dataset: &H5Dataset, name: &str, value: &str) {
    dataset.new_attr::<VarLenUnicode>().shape(()).create(name).unwrap().write_string(value).unwrap();
}

/// Three stations of an hour a row, as the tests below expect them.
fn keys(file: &H5File, storage: Storage) {
    let usaf: Vec<i64> = (0..ROWS).map(|row| [10_010, 720_000, 999_999][row * 3 / ROWS]).collect();
    let wban: Vec<i64> = (0..ROWS).map(|row| if row < ROWS / 2 { 99_999 } else { 12 }).collect();
    dataset(file, "station_usaf", &usaf, storage);
    dataset(file, "station_wban", &wban, storage);
    dataset(file, "timestamp", &times(), storage);
}

fn times() -> Vec<f64> {
    (0..ROWS).map(|row| 1_420_070_400.0 + 3600.0 * row as f64).collect()
}

/// Tenths as stored, with the two kinds of missing value.
fn tenths() -> Vec<f64> {
    (0..ROWS)
        .map(|row| match row % 50 {
            7 => f64::NAN,
            9 => -9999.0,
            _ => row as f64 - 300.0,
        })
        .collect()
}

pub struct Fixture {
    _directory: TempDir,
    pub path: PathBuf,
}

pub fn fixture(write: impl FnOnce(&H5File)) -> Fixture {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("archive.h5");
    let file = H5File::create(&path).unwrap();
    write(&file);
    file.close().unwrap();
    Fixture { _directory: directory, path }
}

fn archive(storage: Storage) -> Fixture {
    fixture(|file| {
        keys(file, storage);
        dataset(file, "air_temperature", &tenths(), storage);
        dataset(file, "wind_speed_rate", &tenths(), storage);
    })
}

/// Everything that a source yields, its batches joined.
#[derive(Debug, PartialEq)]
pub struct Everything {
    pub stations: Vec<(String, usize)>,
    pub timestamps: Vec<i64>,
    pub columns: Vec<(String, Vec<Option<f64>>)>,
}

pub fn read(source: &mut dyn Source) -> Result<Everything> {
    let names: Vec<String> = source.columns().iter().map(|column| column.name.clone()).collect();
    let mut all = Everything {
        stations: Vec::new(),
        timestamps: Vec::new(),
        columns: names.into_iter().map(|name| (name, Vec::new())).collect(),
    };
    while let Some(batch) = source.next_batch()? {
        check(&batch, all.timestamps.len(), all.columns.len());
        all.timestamps.extend(&batch.timestamps);
        for run in &batch.stations {
            match all.stations.last_mut() {
                Some((id, rows)) if **id == *run.station_id => *rows += run.rows,
                _ => all.stations.push((run.station_id.to_string(), run.rows)),
            }
        }
        for ((_, values), column) in all.columns.iter_mut().zip(&batch.columns) {
            values.extend(column.iter());
        }
    }
    assert_eq!(source.rows(), Some(all.timestamps.len() as u64));
    Ok(all)
}

/// What every batch promises.
fn check(batch: &Batch, first_row: usize, columns: usize) {
    assert_eq!(batch.first_row, first_row as u64);
    assert_eq!(batch.columns.len(), columns);
    assert_eq!(batch.stations.iter().map(|run| run.rows).sum::<usize>(), batch.rows());
    assert!(batch.stations.iter().all(|run| run.rows > 0));
    for column in &batch.columns {
        assert_eq!(column.len(), batch.rows());
        assert!(column.iter().flatten().all(f64::is_finite));
    }
}

/// Reads a file; where the C library is compiled in, it must read the same, or refuse it too.
pub fn read_path(path: &Path, options: &ReadOptions) -> Result<Everything> {
    let native = open(path, options).and_then(|mut source| read(source.as_mut()));
    #[cfg(feature = "libhdf5")]
    {
        let options = ReadOptions { hdf5_reader: isd_converters::Hdf5Reader::Libhdf5, ..options.clone() };
        let library = open(path, &options).and_then(|mut source| read(source.as_mut()));
        match (&native, &library) {
            (Ok(native), Ok(library)) => assert_eq!(native, library, "{}", path.display()),
            (Err(_), Err(_)) => {}
            (native, library) => panic!(
                "{}: the readers differ: {:?} and {:?}",
                path.display(),
                native.as_ref().map(|_| ()),
                library.as_ref().map(|_| ())
            ),
        }
    }
    native
}

/// The one-line message of the error that opening or reading gives.
pub fn refusal(path: &Path, options: &ReadOptions) -> (Error, String) {
    let error = read_path(path, options).expect_err("the file should be refused");
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    (error, message)
}

fn isd() -> ReadOptions {
    ReadOptions { scale: Scale::Isd, ..ReadOptions::default() }
}

#[test]
fn every_storage_reads_the_same() {
    let stations = [
        ("010010-99999".to_owned(), 334),
        ("720000-99999".to_owned(), 166),
        ("720000-00012".to_owned(), 167),
        ("999999-00012".to_owned(), 333),
    ];
    let expected: Vec<Option<f64>> =
        tenths().iter().map(|&v| (v.is_finite() && v != -9999.0).then_some(v)).collect();
    for storage in STORAGES {
        let archive = archive(storage);
        let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
        assert_eq!(all.stations, stations, "{storage:?}");
        assert_eq!(all.timestamps[1], 1_420_070_400_000_000 + 3_600_000_000);
        assert_eq!(all.columns.len(), 2);
        for (name, values) in &all.columns {
            assert_eq!(values, &expected, "{storage:?} {name}");
        }
        let scaled = read_path(&archive.path, &isd()).unwrap();
        let nearest = |v: f64| format!("{v}e-1").parse::<f64>().unwrap();
        assert_eq!(scaled.columns[0].1, expected.iter().map(|v| v.map(nearest)).collect::<Vec<_>>());
    }
}

#[test]
fn unscaled_measurements_are_noted_and_isd_scale_is_described() {
    let archive = archive(Storage::Contiguous);
    let source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(source.layout(), "flat HDF5");
    assert!(source.notes()[0].contains("air_temperature, wind_speed_rate have no scale_factor"));
    assert!(source.notes()[0].contains("--scale isd"));
    assert_eq!(source.columns()[0].units, None);
    let source = open(&archive.path, &isd()).unwrap();
    assert!(source.notes().is_empty());
    let column = &source.columns()[1];
    assert_eq!((column.units.as_deref(), column.resolution.as_deref()), (Some("m s-1"), Some("0.1")));
}

#[test]
fn packed_integers_are_unpacked_exactly() {
    let stored: Vec<i16> =
        (0..ROWS).map(|row| if row % 10 == 3 { -32_768 } else { row as i16 - 300 }).collect();
    let archive = fixture(|file| {
        keys(file, Storage::Gzip(64));
        let air = dataset(file, "air_temperature", &stored, Storage::Gzip(64));
        number(&air, "scale_factor", 0.1_f32);
        number(&air, "_FillValue", -32_768_i16);
        text(&air, "units", "degC");
        text(&air, "long_name", "dry bulb");
        let wind = dataset(file, "wind_speed_rate", &stored, Storage::Gzip(64));
        number(&wind, "scale_factor", 0.01_f64);
        number(&wind, "add_offset", 5.0_f64);
        wind.new_attr::<i16>()
            .shape([2])
            .create("missing_value")
            .unwrap()
            .write_array(&[-32_768_i16, 0])
            .unwrap();
        dataset(file, "sky_condition", &stored, Storage::Gzip(64));
    });
    let mut source = open(&archive.path, &ReadOptions::default()).unwrap();
    let air = &source.columns()[0];
    assert_eq!((air.units.as_deref(), air.long_name.as_deref()), (Some("degC"), Some("dry bulb")));
    assert_eq!(air.resolution.as_deref(), Some("0.1"));
    assert_eq!(source.columns()[1].resolution.as_deref(), Some("0.01"));
    assert_eq!(source.columns()[2].resolution.as_deref(), Some("1"));
    let all = read(source.as_mut()).unwrap();
    for (row, &stored) in stored.iter().enumerate() {
        let air = (stored != -32_768).then(|| format!("{stored}e-1").parse::<f64>().unwrap());
        assert_eq!(all.columns[0].1[row], air, "row {row}");
        let wind = (stored != -32_768 && stored != 0)
            .then(|| format!("{}e-2", i32::from(stored) + 500).parse::<f64>().unwrap());
        assert_eq!(all.columns[1].1[row], wind, "row {row}");
    }
}

/// The reader fills unwritten chunks with the bytes of `_FillValue`, whatever its type is.
#[test]
fn unwritten_rows_are_missing_or_refused() {
    let hole = |wide: bool| {
        fixture(move |file| {
            keys(file, Storage::Contiguous);
            let air =
                file.new_dataset::<i16>().shape([ROWS]).chunk(&[100]).create("air_temperature").unwrap();
            air.write_chunk(0, &[7, 0].repeat(100)).unwrap();
            if wide {
                number(&air, "_FillValue", -9999_i64);
            } else {
                number(&air, "_FillValue", -9999_i16);
            }
        })
    };
    let native =
        |path: &Path| open(path, &ReadOptions::default()).and_then(|mut source| read(source.as_mut()));
    let air = native(&hole(false).path).unwrap().columns.remove(0).1;
    assert!(air[..100].iter().all(|&v| v == Some(7.0)));
    assert!(air[100..].iter().all(|v| v.is_none() || *v == Some(0.0)));
    match native(&hole(true).path) {
        Err(error) => assert!(error.to_string().contains("rows 100 to 199 were never written"), "{error}"),
        Ok(all) => assert!(all.columns[0].1[100..].iter().all(|v| *v == Some(0.0))),
    }
}

#[test]
fn extra_columns_follow_and_measurements_limit() {
    let archive = fixture(|file| {
        keys(file, Storage::Contiguous);
        dataset(file, "visibility", &vec![1_i32; ROWS], Storage::Contiguous);
        dataset(file, "wind_speed_rate", &tenths(), Storage::Contiguous);
        dataset(file, "lookup", &[1.0_f64; 3], Storage::Contiguous);
        dataset(file, "t2m", &tenths(), Storage::Contiguous);
    });
    let names = |options: &ReadOptions| {
        let source = open(&archive.path, options).unwrap();
        source.columns().iter().map(|column| column.name.clone()).collect::<Vec<_>>()
    };
    let all = names(&ReadOptions::default());
    assert_eq!(all[0], "wind_speed_rate");
    assert_eq!(all.len(), 3);
    let mapped = ReadOptions {
        column_paths: vec![("air_temperature".into(), "/t2m".into())],
        ..ReadOptions::default()
    };
    assert_eq!(names(&mapped), ["air_temperature", "wind_speed_rate", "visibility"]);
    let limited =
        ReadOptions { measurements: vec!["visibility".into(), "wind_speed_rate".into()], ..mapped.clone() };
    assert_eq!(names(&limited), ["wind_speed_rate", "visibility"]);
    let wrong = ReadOptions { measurements: vec!["wind_sped_rate".into()], ..ReadOptions::default() };
    let (error, message) = refusal(&archive.path, &wrong);
    assert!(message.contains("visibility"), "{message}");
    assert_eq!(error.hint().unwrap(), "did you mean wind_speed_rate?");
    let lookup = ReadOptions { measurements: vec!["lookup".into()], ..ReadOptions::default() };
    let (_, message) = refusal(&archive.path, &lookup);
    assert!(
        message.contains("lookup") && message.contains("3 rows") && message.contains("1000"),
        "{message}"
    );
}

#[test]
fn station_strings_and_other_paths() {
    let ids: Vec<String> = (0..ROWS).map(|row| format!("N{:03}", row / 100)).collect();
    let fixed: Vec<u8> = ids.iter().flat_map(|id| format!("{id:\0<8}").into_bytes()).collect();
    let archive = fixture(|file| {
        file.write_vlen_strings("station_id", &ids.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let names = file
            .new_dataset::<u64>()
            .datatype(DatatypeMessage::fixed_string(8))
            .shape([ROWS])
            .create("names")
            .unwrap();
        let words: Vec<u64> =
            fixed.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        names.write_raw(&words).unwrap();
        let time = dataset(file, "timestamp", &(0..ROWS as i32).collect::<Vec<_>>(), Storage::Gzip(64));
        text(&time, "units", "hours since 2000-01-01 00:00:00");
        dataset(file, "wind_speed_rate", &tenths(), Storage::Gzip(64));
    });
    let variable = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(variable.stations.len(), 10);
    assert_eq!(variable.stations[1], ("N001".to_owned(), 100));
    assert_eq!(variable.timestamps[1] - variable.timestamps[0], 3_600_000_000);
    assert_eq!(variable.timestamps[0], 946_684_800_000_000);
    let options = ReadOptions {
        column_paths: vec![("station_id".into(), "/names".into())],
        measurements: vec!["wind_speed_rate".into()],
        ..ReadOptions::default()
    };
    assert_eq!(read_path(&archive.path, &options).unwrap(), variable);
}

#[test]
fn columns_that_are_wrong_are_named() {
    let without = |name: &'static str| {
        fixture(move |file| {
            let usaf = vec![1_i64; ROWS];
            for key in ["station_usaf", "station_wban"] {
                if key != name {
                    dataset(file, key, &usaf, Storage::Contiguous);
                }
            }
            if name != "timestamp" {
                dataset(file, "timestamp", &times(), Storage::Contiguous);
            }
            dataset(file, "wind_speed_rate", &tenths(), Storage::Contiguous);
        })
    };
    let (error, message) = refusal(&without("timestamp").path, &ReadOptions::default());
    assert!(message.contains("timestamp: does not exist; the file has"), "{message}");
    assert!(error.hint().unwrap().contains("--column timestamp="));
    let (_, message) = refusal(&without("station_usaf").path, &ReadOptions::default());
    assert!(message.contains("station_usaf: does not exist, nor does station_id"), "{message}");
    let no_wban = read_path(&without("station_wban").path, &ReadOptions::default()).unwrap();
    assert_eq!(no_wban.stations, [("000001".to_owned(), ROWS)]);

    let strings = fixture(|file| {
        keys(file, Storage::Contiguous);
        file.write_vlen_strings("air_temperature", &["warm"; ROWS]).unwrap();
    });
    let (_, message) = refusal(&strings.path, &ReadOptions::default());
    assert!(message.contains("air_temperature") && message.contains("expected numbers"), "{message}");

    let short = fixture(|file| {
        keys(file, Storage::Contiguous);
        dataset(file, "air_temperature", &[1.0; ROWS - 1], Storage::Gzip(64));
    });
    let (_, message) = refusal(&short.path, &ReadOptions::default());
    assert!(message.contains("air_temperature: has 999 rows, but timestamp has 1000"), "{message}");

    let square = fixture(|file| {
        keys(file, Storage::Contiguous);
        let builder = file.new_dataset::<f64>().shape([ROWS, 2]);
        builder.create("air_temperature").unwrap().write_raw(&[0.0; 2 * ROWS]).unwrap();
    });
    let (_, message) = refusal(&square.path, &ReadOptions::default());
    assert!(message.contains("air_temperature") && message.contains("[1000, 2]"), "{message}");

    let nothing = fixture(|file| keys(file, Storage::Contiguous));
    assert!(refusal(&nothing.path, &ReadOptions::default()).1.contains("holds no measurement"));
    let other = fixture(|file| {
        dataset(file, "something", &[1.0], Storage::Contiguous);
    });
    assert!(refusal(&other.path, &ReadOptions::default()).1.contains("is no archive known here"));
    let empty = fixture(|file| {
        for name in ["station_usaf", "timestamp", "air_temperature"] {
            file.new_dataset::<f64>().shape([0]).chunk(&[16]).resizable().create(name).unwrap();
        }
    });
    assert!(refusal(&empty.path, &ReadOptions::default()).1.contains("holds no rows"));
}

#[test]
fn rows_without_a_key_are_named() {
    let broken = |column: &'static str, row: usize, value: f64| {
        fixture(move |file| {
            for name in ["station_usaf", "station_wban", "timestamp"] {
                let mut values = vec![1.0; ROWS];
                if name == column {
                    values[row] = value;
                }
                dataset(file, name, &values, Storage::Gzip(100));
            }
            dataset(file, "wind_speed_rate", &tenths(), Storage::Gzip(100));
        })
    };
    for (column, row, value, expected) in [
        ("timestamp", 0, f64::NAN, "row 0: timestamp is NaN"),
        ("timestamp", 777, 1e12, "row 777: timestamp is 1000000000000, outside the years"),
        ("station_usaf", 500, f64::NAN, "row 500: station_usaf is NaN"),
        ("station_usaf", 999, -1.0, "row 999: station_usaf is -1"),
        ("station_wban", 321, 100_000.0, "row 321: station_wban is 100000, expected at most 5 digits"),
    ] {
        let (error, message) = refusal(&broken(column, row, value).path, &ReadOptions::default());
        assert!(message.contains(expected), "{message}");
        assert!(matches!(error, Error::Row { .. }));
    }
}

#[test]
fn what_is_not_hdf5_is_named() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("input");
    for (bytes, expected) in [
        (b"".as_slice(), "is empty"),
        (b"station,time,wind\n", "is not an HDF5 file"),
        (b"CDF\x01\0\0\0\0", "is a classic netCDF-3 file"),
        (b"CDF\x05\0\0\0\0", "is a classic netCDF-3 file"),
        (b"PAR1", "is a Parquet file"),
        (b"\x89HDF\r\n\x1a\n", "is cut short within the superblock"),
        (b"\x89HDF\r\n\x1a\n\x09\0\0\0", "superblock of version 9"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let (error, message) = refusal(&path, &ReadOptions::default());
        assert!(message.contains(expected), "{message}");
        assert!(matches!(error, Error::Format { .. }));
    }
    assert!(refusal(directory.path(), &ReadOptions::default()).1.contains("is a directory"));
    let missing = refusal(&directory.path().join("missing"), &ReadOptions::default());
    assert!(matches!(missing.0, Error::Io { .. }));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for storage in STORAGES {
        let archive = archive(storage);
        let bytes = std::fs::read(&archive.path).unwrap();
        let cuts = (0..40).map(|i| bytes.len() * i / 40).chain([bytes.len() - 1]);
        for cut in cuts {
            std::fs::write(&archive.path, &bytes[..cut]).unwrap();
            refusal(&archive.path, &ReadOptions::default());
        }
        std::fs::write(&archive.path, &bytes).unwrap();
        read_path(&archive.path, &ReadOptions::default()).unwrap();
    }
}

#[test]
fn a_user_block_in_front_changes_nothing() {
    let archive = archive(Storage::Gzip(64));
    let expected = read_path(&archive.path, &ReadOptions::default()).unwrap();
    let bytes = std::fs::read(&archive.path).unwrap();
    let with_block = [vec![b'#'; 1024], bytes].concat();
    std::fs::write(&archive.path, &with_block).unwrap();
    assert_eq!(read_path(&archive.path, &ReadOptions::default()).unwrap(), expected);
    std::fs::write(&archive.path, &with_block[..with_block.len() - 1]).unwrap();
    assert!(refusal(&archive.path, &ReadOptions::default()).1.contains("is cut short"));
}

#[test]
fn flipped_bits_never_panic() {
    // xorshift64, so that the same bits are flipped in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for storage in STORAGES {
        let archive = archive(storage);
        let bytes = std::fs::read(&archive.path).unwrap();
        for round in 0..150 {
            let mut broken = bytes.clone();
            // Mostly in the metadata, most of which lies in front or behind.
            for _ in 0..=round % 3 {
                let at = match round % 4 {
                    0 => random(bytes.len()),
                    1 => bytes.len() - 1 - random(bytes.len().min(2048)),
                    _ => random(bytes.len().min(4096)),
                };
                broken[at] ^= 1 << random(8);
            }
            std::fs::write(&archive.path, &broken).unwrap();
            // Data without a checksum may read differently; it must only not panic or hang.
            let _ = open(&archive.path, &ReadOptions::default()).and_then(|mut source| read(source.as_mut()));
        }
    }
}
