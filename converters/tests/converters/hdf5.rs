use isd_converters::{Error, ReadOptions, open};
use rust_hdf5::format::messages::datatype::DatatypeMessage;
use tempfile::TempDir;

use crate::archives::{
    ROWS, STORAGES, Storage, archive, dataset, fixture, isd, keys, read_path, refusal, survives_flipped_bits,
    tenths, text, times,
};

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

/// The reader fills unwritten chunks with the bytes of `_FillValue`, whatever its type is.
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
        source.info().columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()
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
                let mut values = vec![60.0; ROWS];
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
        ("timestamp", 777, 1e12, "row 777: timestamp is 1000000000000, which as seconds since 1970"),
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
        (b"place,when,wind\n", "is of no format that is known here"),
        (b"CDF\x01\0\0\0\0", "is a classic netCDF-3 file"),
        (b"CDF\x05\0\0\0\0", "is a classic netCDF-3 file"),
        (b"PAR1", "is a damaged Parquet file"),
        (b"\x89HDF\r\n\x1a\n", "is cut short within the superblock"),
        (b"\x89HDF\r\n\x1a\n\x09\0\0\0", "superblock of version 9"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let (error, message) = refusal(&path, &ReadOptions::default());
        assert!(message.contains(expected), "{message}");
        assert!(matches!(error, Error::Format { .. }));
    }
    let error = isd_converters::formats::hdf5::open(directory.path(), &ReadOptions::default()).err().unwrap();
    assert!(error.to_string().contains("is a directory"), "{error}");
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
    for storage in STORAGES {
        survives_flipped_bits(&archive(storage).path, 150);
    }
}
