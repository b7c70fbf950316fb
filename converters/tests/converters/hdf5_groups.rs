//! HDF5 files whose groups are archives: one a station, and pandas frames in the fixed format.

use isd_converters::{ReadOptions, open};
use rust_hdf5::format::messages::datatype::DatatypeMessage;
use rust_hdf5::{H5Dataset, H5File, H5Type, VarLenUnicode};

use crate::archives::{fixed_text, fixture, read_path, refusal, survives_flipped_bits, text};

fn column<T: H5Type>(file: &H5File, group: &str, name: &str, values: &[T]) -> H5Dataset {
    let group = file.root_group().group(group).unwrap();
    let dataset = group.new_dataset::<T>().shape([values.len()]).create(name).unwrap();
    dataset.write_raw(values).unwrap();
    dataset
}

fn hours(from: usize, count: usize) -> Vec<f64> {
    (from..from + count).map(|hour| 3600.0 * hour as f64).collect()
}

#[test]
fn a_group_a_station() {
    let archive = fixture(|file| {
        for group in ["010010-99999", "A00001-99999", "724940-23234", "empty", "about"] {
            file.create_group(group).unwrap();
        }
        column(file, "A00001-99999", "timestamp", &hours(0, 3));
        column(file, "A00001-99999", "wind_speed_rate", &[1.0, f64::NAN, 3.0]);
        column(file, "724940-23234", "timestamp", &hours(5, 2));
        column(file, "724940-23234", "visibility", &[7_i32, 8]);
        column(file, "724940-23234", "wind_speed_rate", &[4.0, 5.0]);
        column(file, "010010-99999", "timestamp", &hours(9, 1));
        column(file, "010010-99999", "air_temperature", &[-3.5]);
        let empty = file.root_group().group("empty").unwrap();
        empty.new_dataset::<f64>().shape([0]).chunk(&[16]).resizable().create("timestamp").unwrap();
        column(file, "about", "version", &[1.0]);
    });
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    let stations: Vec<(&str, usize)> = all.stations.iter().map(|(id, rows)| (id.as_str(), *rows)).collect();
    assert_eq!(stations, [("010010-99999", 1), ("724940-23234", 2), ("A00001-99999", 3)]);
    assert_eq!(all.timestamps, [9, 5, 6, 0, 1, 2].map(|hour| hour * 3_600_000_000_i64));
    let some = |values: [f64; 6]| values.map(|v| Some(v).filter(|v| !v.is_nan())).to_vec();
    let nan = f64::NAN;
    assert_eq!(all.columns[0], ("air_temperature".into(), some([-3.5, nan, nan, nan, nan, nan])));
    assert_eq!(all.columns[1], ("wind_speed_rate".into(), some([nan, 4.0, 5.0, 1.0, nan, 3.0])));
    assert_eq!(all.columns[2], ("visibility".into(), some([nan, 7.0, 8.0, nan, nan, nan])));
    assert_eq!(all.columns.len(), 3);
    let source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(source.info().layout, "HDF5 with a group for each station");
    let said = |words: &str| source.info().notes.iter().any(|note| note.contains(words));
    assert!(said("named after the groups"), "{:?}", source.info().notes);
    assert!(said("groups left out") && said("empty"), "{:?}", source.info().notes);

    let one = ReadOptions { measurements: vec!["visibility".into()], ..ReadOptions::default() };
    let one = read_path(&archive.path, &one).unwrap();
    assert_eq!(one.timestamps, all.timestamps, "the rows are the same whichever columns are asked for");
    assert_eq!(one.columns, [all.columns[2].clone()]);
    let wrong = ReadOptions { measurements: vec!["visibilty".into()], ..ReadOptions::default() };
    let (error, message) = refusal(&archive.path, &wrong);
    assert!(message.contains("does not exist in any group"), "{message}");
    assert_eq!(error.hint().unwrap(), "did you mean visibility?");
}

#[test]
fn stations_in_a_column_are_not_merged_into_one_of_the_group() {
    for (group, name) in
        [("obs2017", "station"), ("OBS", "Station_ID"), ("isd2017", "USAF"), ("y2017", "site")]
    {
        let archive = fixture(|file| {
            file.create_group(group).unwrap();
            column(file, group, "timestamp", &hours(0, 4));
            column(file, group, name, &[725_300_i32, 725_301, 725_300, 725_301]);
            column(file, group, "air_temperature", &[1.0, 2.0, 3.0, 4.0]);
        });
        let (error, message) = refusal(&archive.path, &ReadOptions::default());
        assert!(message.contains(&format!("{group}/{name}: may name the stations of rows")), "{message}");
        assert_eq!(error.hint().unwrap(), format!("name it with --column station_id={name}"));
        let named =
            ReadOptions { column_paths: vec![("station_id".into(), name.into())], ..ReadOptions::default() };
        let all = read_path(&archive.path, &named).unwrap();
        let rows: Vec<&str> = all.stations.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(rows, ["725300", "725301", "725300", "725301"]);
    }
    // A number called id is that of the row.
    let archive = fixture(|file| {
        file.create_group("KJFK").unwrap();
        column(file, "KJFK", "timestamp", &hours(0, 2));
        column(file, "KJFK", "id", &[0_i32, 1]);
        column(file, "KJFK", "air_temperature", &[1.0, 2.0]);
    });
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("KJFK".to_owned(), 2)]);
}

#[test]
fn groups_within_groups_and_columns_under_other_names() {
    let archive = fixture(|file| {
        file.create_group("de").unwrap();
        file.create_group("nl").unwrap();
        for group in ["de/station_1", "nl/station_1", "nl/station_2"] {
            let (country, name) = group.split_once('/').unwrap();
            file.root_group().group(country).unwrap().create_group(name).unwrap();
            let time = column(file, group, "t", &[1_i64, 2]);
            text(&time, "units", "hours since 2000-01-01");
            column(file, group, "ff", &[1.5, 2.5]);
        }
    });
    let options = ReadOptions {
        column_paths: vec![("timestamp".into(), "t".into()), ("wind_speed_rate".into(), "ff".into())],
        ..ReadOptions::default()
    };
    let all = read_path(&archive.path, &options).unwrap();
    let stations: Vec<&str> = all.stations.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(stations, ["de-station_1", "nl-station_1", "nl-station_2"]);
    assert_eq!(all.timestamps[0], 946_688_400_000_000);
    assert_eq!(
        all.columns[0],
        ("wind_speed_rate".into(), [1.5, 2.5].repeat(3).into_iter().map(Some).collect())
    );
}

#[test]
fn groups_must_agree_on_units() {
    let archive = fixture(|file| {
        for (group, units) in [("a", "km"), ("b", "m")] {
            file.create_group(group).unwrap();
            column(file, group, "timestamp", &hours(0, 2));
            text(&column(file, group, "visibility", &[1.0, 2.0]), "units", units);
        }
    });
    let (error, message) = refusal(&archive.path, &ReadOptions::default());
    assert!(message.contains("b/visibility: is in m, but in km in the groups before"), "{message}");
    assert!(error.hint().is_some());
}

/// Many small groups make one batch; a damaged one is named.
#[test]
fn thousands_of_groups() {
    let archive = fixture(|file| {
        for station in 0..2000 {
            let name = format!("{station:06}-99999");
            file.create_group(&name).unwrap();
            column(file, &name, "timestamp", &hours(station, 3));
            column(file, &name, "wind_speed_rate", &[station as f64, 1.0, 2.0]);
        }
    });
    let mut source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(source.info().rows, Some(6000));
    let mut batches = 0;
    while let Some(batch) = source.next_batch().unwrap() {
        batches += 1;
        assert!(batch.rows() > 1000);
    }
    assert_eq!(batches, 2);
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations.len(), 2000);
    assert_eq!(all.stations[1234], ("001234-99999".to_owned(), 3));
    assert_eq!(all.columns[0].1[3 * 1234], Some(1234.0));
}

/// A frame as pandas writes it in the fixed format, by blocks of columns.
fn frame(file: &H5File, key: &str, index: &[i64], kind: &str, blocks: &[(&[&str], &[f64])]) {
    // What PyTables pickles None to.
    indexed_frame(file, key, ("N.", index), kind, blocks);
}

/// The same, its index of that name.
fn indexed_frame(
    file: &H5File,
    key: &str,
    (index_name, index): (&str, &[i64]),
    kind: &str,
    blocks: &[(&[&str], &[f64])],
) {
    let group = file.create_group(key).unwrap();
    let names = |name: &str, texts: &[&str]| {
        let bytes: Vec<u8> = texts.iter().flat_map(|text| format!("{text:\0<16}").into_bytes()).collect();
        let builder = group.new_dataset::<u8>().datatype(DatatypeMessage::fixed_string(16));
        let dataset = builder.shape([texts.len()]).chunk(&[texts.len()]).create(name).unwrap();
        dataset.write_raw_bytes(&bytes).unwrap();
    };
    let all: Vec<&str> = blocks.iter().flat_map(|(names, _)| names.iter().copied()).collect();
    names("axis0", &all);
    let axis = group.new_dataset::<i64>().shape([index.len()]).create("axis1").unwrap();
    axis.write_raw(index).unwrap();
    fixed_text(&axis, "kind", kind);
    fixed_text(&axis, "name", index_name);
    for (i, (block, values)) in blocks.iter().enumerate() {
        names(&format!("block{i}_items"), block);
        let builder = group.new_dataset::<f64>().shape([index.len(), block.len()]);
        builder.create(&format!("block{i}_values")).unwrap().write_raw(values).unwrap();
    }
}

#[test]
fn pandas_frames_in_the_fixed_format() {
    let hour = 3_600_000_000_000;
    let archive = fixture(|file| {
        let first: &[&str] = &["wind_speed_rate", "humidity"];
        frame(
            file,
            "weather",
            &[0, hour, 2 * hour],
            "datetime64",
            &[(first, &[1.5, 80.0, f64::NAN, 81.0, 3.5, 82.0]), (&["air_temperature"], &[-1.0, -2.0, -3.0])],
        );
    });
    let source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(source.info().layout, "pandas frame in HDF5");
    assert!(
        source
            .info()
            .notes
            .iter()
            .any(|note| note.ends_with("named after the groups that hold them: weather"))
    );
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("weather".to_owned(), 3)]);
    assert_eq!(all.timestamps, [0, 3_600_000_000, 7_200_000_000]);
    assert_eq!(all.columns[0], ("air_temperature".into(), [-1.0, -2.0, -3.0].map(Some).to_vec()));
    assert_eq!(all.columns[1], ("wind_speed_rate".into(), vec![Some(1.5), None, Some(3.5)]));
    assert_eq!(all.columns[2], ("humidity".into(), [80.0, 81.0, 82.0].map(Some).to_vec()));
}

#[test]
fn a_frame_with_stations_and_one_a_station() {
    let archive = fixture(|file| {
        let names: &[&str] = &["station_usaf", "timestamp", "wind_speed_rate"];
        let values = [10.0, 0.0, 1.5, 10.0, 3600.0, 2.5, 20.0, 0.0, 3.5];
        frame(file, "isdlite", &[0, 1, 2], "integer", &[(names, &values)]);
    });
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("000010".to_owned(), 2), ("000020".to_owned(), 1)]);
    assert_eq!(all.columns[0].1, [1.5, 2.5, 3.5].map(Some));
    let several = fixture(|file| {
        for (key, value) in [("KSFO", 1.0), ("KJFK", 2.0)] {
            frame(
                file,
                key,
                &[0, 3_600_000_000],
                "datetime64[us]",
                &[(&["wind_speed_rate"], &[value, value])],
            );
        }
    });
    let all = read_path(&several.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("KJFK".to_owned(), 2), ("KSFO".to_owned(), 2)]);
    assert_eq!(all.timestamps[1], 3_600_000_000);
    assert_eq!(all.columns[0].1, [2.0, 2.0, 1.0, 1.0].map(Some));
}

/// Adds a block to a frame of which pandas pickled the values.
fn pickled(file: &H5File, key: &str, block: usize, name: &str) {
    let group = file.root_group().group(key).unwrap();
    let items = group.new_dataset::<u8>().datatype(DatatypeMessage::fixed_string(name.len() as u32));
    let items = items.shape([1]).create(&format!("block{block}_items")).unwrap();
    items.write_raw_bytes(name.as_bytes()).unwrap();
    let values = group.new_dataset::<u8>().datatype(DatatypeMessage::fixed_string(3));
    values.shape([1]).create(&format!("block{block}_values")).unwrap().write_raw_bytes(b"\x80\x05.").unwrap();
}

#[test]
fn pickled_stations_are_refused_and_not_merged() {
    let options = ReadOptions::default();
    let mapped =
        ReadOptions { column_paths: vec![("station_id".into(), "stn".into())], ..ReadOptions::default() };
    for (name, options) in [("station_id", &options), ("station_usaf", &options), ("stn", &mapped)] {
        let archive = fixture(|file| {
            let values = [0.0, 1.0, 3600.0, 2.0, 7200.0, 3.0];
            frame(file, "isdlite", &[0, 1, 2], "integer", &[(&["timestamp", "wind_speed_rate"], &values)]);
            pickled(file, "isdlite", 1, name);
        });
        let (error, message) = refusal(&archive.path, options);
        let found =
            format!("{name}: is a column of objects that pandas pickled, expected numbers or strings");
        assert!(message.contains(&found), "{message}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("format='table'") && hint.contains("--column station_id="), "{hint}");
    }
    // One that nobody knows to be of stations is no obstacle to a single series.
    let archive = fixture(|file| {
        let values = [0.0, 1.0, 3600.0, 2.0, 7200.0, 3.0];
        frame(file, "KSFO", &[0, 1, 2], "integer", &[(&["timestamp", "wind_speed_rate"], &values)]);
        pickled(file, "KSFO", 1, "remarks");
    });
    let source = open(&archive.path, &options).unwrap();
    assert!(source.info().notes.contains(&"left out, since pandas pickled them: remarks".to_owned()));
    assert_eq!(read_path(&archive.path, &options).unwrap().stations, [("KSFO".to_owned(), 3)]);
}

#[test]
fn a_group_names_a_station_only_where_its_rows_are_one_series() {
    let options = ReadOptions::default();
    // Two stations, at the same times or one behind the other, whose column has a name of its own.
    for times in [[0.0, 3600.0, 0.0, 3600.0], [0.0, 0.0, 3600.0, 3600.0]] {
        let archive = fixture(|file| {
            let names: &[&str] = &["stn", "timestamp", "wind_speed_rate"];
            let values: Vec<f64> = (0..4).flat_map(|row| [(row / 2) as f64, times[row], 1.5]).collect();
            frame(file, "isdlite", &[0, 1, 2, 3], "integer", &[(names, &values)]);
        });
        let (error, message) = refusal(&archive.path, &options);
        let found =
            "station_usaf: does not exist, nor does station_id; the file has stn, timestamp, wind_speed";
        assert!(
            message.contains(found) && message.contains("isdlite cannot be the name of one"),
            "{message}"
        );
        assert!(error.hint().unwrap().contains("--column station_id=PATH"));
        let mapped =
            ReadOptions { column_paths: vec![("station_id".into(), "stn".into())], ..options.clone() };
        let all = read_path(&archive.path, &mapped).unwrap();
        assert_eq!(all.stations, [("000000".to_owned(), 2), ("000001".to_owned(), 2)]);
        assert_eq!(all.columns.len(), 1, "stations are no measurement");
    }
    // Plain datasets as well; but a name that only a station has is believed.
    for (group, refused) in [("all", true), ("010010-99999", false)] {
        let archive = fixture(|file| {
            file.create_group(group).unwrap();
            column(file, group, "timestamp", &[0.0, 3600.0, 3600.0]);
            column(file, group, "wind_speed_rate", &[1.0, 2.0, 3.0]);
        });
        let all = read_path(&archive.path, &options);
        assert_eq!(all.is_err(), refused, "{group}: {all:?}");
    }
}

/// Two stations one after the other in time look like one series: only a name says that they are one.
#[test]
fn a_word_is_no_station_unless_the_user_says_so() {
    let write = |group: &'static str| {
        fixture(move |file| {
            file.create_group(group).unwrap();
            column(file, group, "timestamp", &hours(0, 4));
            column(file, group, "wind_speed_rate", &[1.0, 2.0, 8.0, 9.0]);
        })
    };
    for (group, named) in [("obs", false), ("weather", false), ("EHAM", true), ("station_7", true)] {
        let archive = write(group);
        let all = read_path(&archive.path, &ReadOptions::default());
        assert_eq!(all.is_ok(), named, "{group}: {all:?}");
    }
    let (error, message) = refusal(&write("obs").path, &ReadOptions::default());
    assert!(message.contains("obs cannot be the name of one station for all rows"), "{message}");
    assert!(error.hint().unwrap().contains("--column station_id==NAME"));
    let options =
        ReadOptions { column_paths: vec![("station_id".into(), "=06240".into())], ..ReadOptions::default() };
    let all = read_path(&write("obs").path, &options).unwrap();
    assert_eq!(all.stations, [("06240".to_owned(), 4)]);
}

/// What has no times or stations is left out beside what has, and named.
#[test]
fn frames_without_times_are_left_out() {
    let archive = fixture(|file| {
        for key in ["s725300_94846", "s725301_94846"] {
            frame(file, key, &[0, 3_600_000_000], "datetime64[us]", &[(&["wind_speed_rate"], &[1.0, 2.0])]);
        }
        frame(file, "params", &[0, 1], "integer", &[(&["value"], &[3.0, 4.0])]);
    });
    let source = open(&archive.path, &ReadOptions::default()).unwrap();
    let notes = &source.info().notes;
    assert!(notes.contains(&"left out, since they have no times: params".to_owned()), "{notes:?}");
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("s725300_94846".to_owned(), 2), ("s725301_94846".to_owned(), 2)]);
}

#[test]
fn an_index_of_stations_names_them() {
    let archive = fixture(|file| {
        let names: &[&str] = &["timestamp", "wind_speed_rate"];
        let blocks: [(&[&str], &[f64]); 1] = [(names, &[0.0, 1.5, 3600.0, 2.5])];
        indexed_frame(file, "isdlite", ("station_id", &[10, 20]), "integer", &blocks);
    });
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("000010".to_owned(), 1), ("000020".to_owned(), 1)]);
}

#[test]
fn a_frame_without_times_says_what_to_do() {
    let archive =
        fixture(|file| frame(file, "x", &[0, 1], "integer", &[(&["wind_speed_rate"], &[1.0, 2.0])]));
    let (error, message) = refusal(&archive.path, &ReadOptions::default());
    assert!(message.contains("timestamp: does not exist; the file has wind_speed_rate"), "{message}");
    assert!(error.hint().unwrap().contains("--column timestamp="));
    let levels = fixture(|file| {
        let group = file.create_group("x").unwrap();
        for name in ["axis0", "axis1_level0", "axis1_label0"] {
            group.new_dataset::<i64>().shape([1]).create(name).unwrap().write_raw(&[0_i64]).unwrap();
        }
    });
    let (error, message) = refusal(&levels.path, &ReadOptions::default());
    assert!(message.contains("x is a pandas frame with an index of several levels"), "{message}");
    assert!(error.hint().unwrap().contains("reset_index"));
}

#[test]
fn flipped_bits_in_groups_and_frames_never_panic() {
    let frames = fixture(|file| {
        for key in ["KSFO", "KJFK"] {
            frame(file, key, &[0, 3_600_000_000], "datetime64[us]", &[(&["wind_speed_rate"], &[1.0, 2.0])]);
        }
        file.create_group("KBOS").unwrap();
        column(file, "KBOS", "timestamp", &hours(0, 3));
        column(file, "KBOS", "wind_speed_rate", &[1.0, f64::NAN, 3.0]);
    });
    survives_flipped_bits(&frames.path, 200);
}

/// Attributes of a group may name its station.
#[test]
fn netcdf_groups() {
    let archive = fixture(|file| {
        for (group, station) in [("g1", Some("KSFO")), ("g2", None)] {
            let created = file.create_group(group).unwrap();
            if let Some(station) = station {
                created.set_attr_string("station_id", station).unwrap();
            }
            let time = column(file, group, "time", &[0.0, 1.0]);
            time.new_attr::<VarLenUnicode>()
                .shape(())
                .create("units")
                .unwrap()
                .write_string("days since 1970-01-01")
                .unwrap();
            let air = column(file, group, "t2m", &[273.15_f32, 274.15]);
            text(&air, "standard_name", "air_temperature");
            text(&air, "units", "K");
        }
    });
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    let mut stations: Vec<&str> = all.stations.iter().map(|(id, _)| id.as_str()).collect();
    stations.sort_unstable();
    assert_eq!(stations, ["KSFO", "g2"]);
    assert_eq!(all.columns[0], ("air_temperature".into(), [0.0, 1.0, 0.0, 1.0].map(Some).to_vec()));
}
