use isd_converters::{ReadOptions, Scale, open};
use rust_hdf5::H5File;
use rust_hdf5::format::messages::datatype::{CompoundMember, DatatypeMessage};

use crate::archives::{Fixture, fixed_text, fixture, read_path, refusal};

const ROWS: usize = 500;

fn member(name: &str, offset: u32, datatype: DatatypeMessage) -> CompoundMember {
    CompoundMember { name: name.into(), offset, datatype }
}

fn table(
    file: &H5File,
    at: &str,
    members: Vec<CompoundMember>,
    record: impl Fn(usize) -> Vec<u8>,
) -> rust_hdf5::H5Dataset {
    let size = record(0).len();
    let bytes: Vec<u8> = (0..ROWS).flat_map(record).collect();
    let group = file.create_group(at).unwrap();
    let dataset = group
        .new_dataset::<u8>()
        .datatype(DatatypeMessage::compound(size as u32, members))
        .shape([ROWS])
        .chunk(&[64])
        .shuffle_deflate(4)
        .create("table")
        .unwrap();
    dataset.write_raw_bytes(&bytes).unwrap();
    dataset
}

fn stored(row: usize) -> f64 {
    if row % 9 == 4 { f64::NAN } else { row as f64 - 100.0 }
}

fn expected() -> Vec<Option<f64>> {
    (0..ROWS).map(|row| Some(stored(row)).filter(|v| !v.is_nan())).collect()
}

/// One column a member: `data_columns=True`.
fn by_column(at: &'static str) -> Fixture {
    fixture(|file| {
        let members = vec![
            member("index", 0, DatatypeMessage::i64_type()),
            member("wind_speed_rate", 8, DatatypeMessage::f64_type()),
            member("station_usaf", 16, DatatypeMessage::i64_type()),
            member("timestamp", 24, DatatypeMessage::f64_type()),
            member("air_temperature", 32, DatatypeMessage::f64_type()),
        ];
        let dataset = table(file, at, members, |row| {
            let numbers = [stored(row), 0.0, 3600.0 * row as f64, 1.5];
            let mut record = (row as i64).to_le_bytes().to_vec();
            record.extend(numbers.iter().flat_map(|v| v.to_le_bytes()));
            record[16..24].copy_from_slice(&(10_i64 + row as i64 / 250).to_le_bytes());
            record
        });
        fixed_text(&dataset, "index_kind", "integer");
        fixed_text(&dataset, "wind_speed_rate_kind", "(lp0\nVwind_speed_rate\np1\na.");
    })
}

#[test]
fn members_are_columns_and_the_row_label_is_none() {
    for at in ["isdlite", "somewhere"] {
        let archive = by_column(at);
        let source = open(&archive.path, &ReadOptions::default()).unwrap();
        assert_eq!(source.info().layout, "pandas table in HDF5");
        let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
        assert_eq!(all.stations, [("000010".to_owned(), 250), ("000011".to_owned(), 250)]);
        assert_eq!(all.timestamps[499], 499 * 3_600_000_000);
        let names: Vec<&str> = all.columns.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["air_temperature", "wind_speed_rate"]);
        assert_eq!(all.columns[0].1, vec![Some(1.5); ROWS]);
        assert_eq!(all.columns[1].1, expected());
        let scaled = ReadOptions { scale: Scale::Isd, ..ReadOptions::default() };
        assert_eq!(read_path(&archive.path, &scaled).unwrap().columns[0].1[0], Some(0.15));
    }
}

#[test]
fn columns_of_a_block_and_an_index_of_times() {
    let write = |kind: &'static str| {
        fixture(move |file| {
            let members = vec![
                member("index", 0, DatatypeMessage::i64_type()),
                member("values_block_0", 8, DatatypeMessage::array(vec![2], DatatypeMessage::f64_type())),
                member("station_id", 24, DatatypeMessage::fixed_string(4)),
            ];
            let dataset = table(file, "obs", members, |row| {
                let mut record = (3_600_000_000_000 * row as i64).to_le_bytes().to_vec();
                record.extend([stored(row), 2.0].iter().flat_map(|v| v.to_le_bytes()));
                record.extend(if row < 100 { b"ab\0\0" } else { b"abcd" });
                record
            });
            fixed_text(&dataset, "index_kind", "datetime64[ns]");
            fixed_text(&dataset, "values_block_0_kind", kind);
        })
    };
    let archive = write("(lp0\nVwind_speed_rate\np1\naVsky_condition\np2\na.");
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("ab".to_owned(), 100), ("abcd".to_owned(), 400)]);
    assert_eq!(all.timestamps[1], 3_600_000_000);
    assert_eq!(all.columns[0], ("wind_speed_rate".to_owned(), expected()));
    assert_eq!(all.columns[1].1, vec![Some(2.0); ROWS]);

    let (_, message) = refusal(&write("(lp0\nVwind_speed_rate\np1\na.").path, &ReadOptions::default());
    assert!(message.contains("values_block_0"), "{message}");
    let (error, message) = refusal(&write("\u{80}\u{4}pickle").path, &ReadOptions::default());
    assert!(message.contains("has no list of column names"), "{message}");
    assert!(error.hint().unwrap().contains("data_columns=True"));
}

#[test]
fn members_beyond_their_record_are_refused() {
    let archive = fixture(|file| {
        let members = vec![
            member("timestamp", 0, DatatypeMessage::f64_type()),
            member("wind_speed_rate", 12, DatatypeMessage::f64_type()),
        ];
        table(file, "isdlite", members, |_| vec![0; 16]);
    });
    assert!(open(&archive.path, &ReadOptions::default()).is_err());
}

/// The integers of a pandas category number its categories: they are no stations and no values.
#[test]
fn the_codes_of_a_pandas_category_are_not_taken_for_values() {
    let write = |categories: [&'static str; 2]| {
        fixture(move |file| {
            let members = vec![
                member("station_id", 0, DatatypeMessage::i64_type()),
                member("timestamp", 8, DatatypeMessage::f64_type()),
                member("wind_speed_rate", 16, DatatypeMessage::f64_type()),
                member("quality", 24, DatatypeMessage::i64_type()),
            ];
            let dataset = table(file, "isdlite", members, |row| {
                let mut record = (row as i64 / 250).to_le_bytes().to_vec();
                record.extend([3600.0 * row as f64, 1.0].iter().flat_map(|v| v.to_le_bytes()));
                record.extend(1_i64.to_le_bytes());
                record
            });
            for name in categories {
                fixed_text(&dataset, &format!("{name}_meta"), "category");
            }
        })
    };
    let (error, message) = refusal(&write(["station_id", "quality"]).path, &ReadOptions::default());
    assert!(message.contains("station_id: is a pandas category"), "{message}");
    assert!(error.hint().unwrap().contains("plain strings"));
    let archive = write(["quality", "other"]);
    let mut source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert!(source.info().notes.iter().any(|note| note.contains("quality (a pandas category")));
    assert_eq!(crate::archives::read(source.as_mut()).unwrap().columns.len(), 1);
}

#[test]
fn a_nat_is_no_time_of_1677() {
    let archive = fixture(|file| {
        let members = vec![
            member("station_id", 0, DatatypeMessage::i64_type()),
            member("timestamp", 8, DatatypeMessage::i64_type()),
            member("wind_speed_rate", 16, DatatypeMessage::f64_type()),
        ];
        let dataset = table(file, "isdlite", members, |row| {
            let mut record = 1_i64.to_le_bytes().to_vec();
            let time = if row == 0 { i64::MIN } else { 3_600_000_000_000 * row as i64 };
            record.extend(time.to_le_bytes());
            record.extend(1_f64.to_le_bytes());
            record
        });
        fixed_text(&dataset, "timestamp_dtype", "datetime64[ns]");
    });
    let (_, message) = refusal(&archive.path, &ReadOptions::default());
    assert!(message.contains("row 0: timestamp is the fill value"), "{message}");
}

/// Tables of compounds of any writer and name.
fn beside(file: &H5File, name: &str, members: &[(&str, DatatypeMessage)], record: &[u8]) {
    let mut offset = 0;
    let mut all = Vec::new();
    for (name, datatype) in members {
        all.push(member(name, offset, datatype.clone()));
        offset += datatype.element_size();
    }
    let builder = file.new_dataset::<u8>().datatype(DatatypeMessage::compound(offset, all));
    builder.shape([2]).create(name).unwrap().write_raw_bytes(&record.repeat(2)).unwrap();
}

fn observation(station: &str) -> Vec<u8> {
    let mut record = format!("{station:\0<12}").into_bytes();
    record.extend([1_483_228_800.0, 5.5_f64].iter().flat_map(|v| v.to_le_bytes()));
    record
}

fn observations(file: &H5File, name: &str, station: &str) {
    let members = [
        ("station_id", DatatypeMessage::fixed_string(12)),
        ("timestamp", DatatypeMessage::f64_type()),
        ("air_temperature", DatatypeMessage::f64_type()),
    ];
    beside(file, name, &members, &observation(station));
}

#[test]
fn compounds_of_any_name_are_tables_and_lists_beside_are_left_out() {
    let archive = fixture(|file| {
        observations(file, "obs", "725300-94846");
        let members =
            [("station_id", DatatypeMessage::fixed_string(12)), ("lat", DatatypeMessage::f64_type())];
        let mut record = b"725300-94846".to_vec();
        record.extend(41.9_f64.to_le_bytes());
        beside(file, "stations", &members, &record);
        let times = [("timestamp", DatatypeMessage::f64_type()), ("level", DatatypeMessage::f64_type())];
        beside(file, "log", &times, &[0; 16]);
    });
    let source = open(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(source.info().layout, "table in HDF5");
    let notes = &source.info().notes;
    for note in ["left out, since they have no times: stations", "left out, since they have no stations: log"]
    {
        assert!(notes.contains(&note.to_owned()), "{notes:?}");
    }
    let all = read_path(&archive.path, &ReadOptions::default()).unwrap();
    assert_eq!(all.stations, [("725300-94846".to_owned(), 2)]);
    assert_eq!(all.columns, [("air_temperature".to_owned(), vec![Some(5.5); 2])]);
}

#[test]
fn of_several_tables_the_user_chooses_one() {
    let archive = fixture(|file| {
        observations(file, "first", "A");
        observations(file, "second", "B");
    });
    let (error, message) = refusal(&archive.path, &ReadOptions::default());
    assert!(message.contains("holds several tables, expected one: first, second"), "{message}");
    assert!(error.hint().unwrap().contains("--column timestamp=/first/timestamp"), "{:?}", error.hint());
    for path in ["/second/timestamp", "second/timestamp"] {
        let options =
            ReadOptions { column_paths: vec![("timestamp".into(), path.into())], ..ReadOptions::default() };
        assert_eq!(read_path(&archive.path, &options).unwrap().stations, [("B".to_owned(), 2)]);
    }
}

#[test]
fn a_missing_station_is_no_station_and_latin_1_keeps_names_apart() {
    for missing in ["nan", "NA", "None", "", "NaT"] {
        let archive = fixture(|file| observations(file, "obs", missing));
        let (_, message) = refusal(&archive.path, &ReadOptions::default());
        assert!(message.contains("row 0: station_id is"), "{message}");
    }
    let stations = [b"M\xe4rz", b"M\xfcrz"].map(|name| {
        let archive = fixture(|file| {
            let bytes = name.repeat(2);
            let builder = file.new_dataset::<u8>().datatype(DatatypeMessage::fixed_string(4));
            builder.shape([2]).create("station_id").unwrap().write_raw_bytes(&bytes).unwrap();
            file.new_dataset::<f64>()
                .shape([2])
                .create("timestamp")
                .unwrap()
                .write_raw(&[0.0, 3600.0])
                .unwrap();
            let air = file.new_dataset::<f64>().shape([2]).create("air_temperature").unwrap();
            air.write_raw(&[1.0, 2.0]).unwrap();
        });
        read_path(&archive.path, &ReadOptions::default()).unwrap().stations.remove(0).0
    });
    assert_eq!(stations, ["März", "Mürz"]);
}
