//! GHCNh as Parquet: the same as its text, in the types that copies of it have, and damaged files.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, NullArray, RecordBatch, StringArray};
use arrow::array::{TimestampMillisecondArray, new_null_array};
use arrow::datatypes::DataType;
use isd_converters::{Error, Input, Quality, ReadOptions, Tally};
use isd_dataset::time::iso8601;
use parquet::arrow::ArrowWriter;

use crate::ghcnh::{COLUMNS, line_1_0, psv};
use crate::mutations::Random;
use crate::samples::{Read, input, options, read_all, try_read};
use crate::texts::{gzip, shared};

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn a_published_parquet_file() {
    let path = shared("ghcnh/DUM00000001.pqt");
    let read = read_all(&Input::file(&path), &options());
    let rows: Vec<_> = (0..read.rows()).map(|row| read.row(row)).collect();
    assert_eq!((read.layout, read.names()), ("GHCNh Parquet", COLUMNS.to_vec()));
    assert_eq!((read.known_rows, rows.len(), read.stations()), (Some(3107), 3107, vec!["DUM00000001"]));
    assert_eq!(iso8601(read.all.timestamps[0]), "1942-10-09T12:00:00Z");
    assert_eq!(rows[0]["air_temperature"], 29.6);
    let count = |column: &str| rows.iter().filter(|row| row.contains_key(column)).count();
    let expected =
        [3107, 3107, 3105, 3106, 0, 0, 0, 0, 0, 3107, 0, 0, 3107, 0, 1029, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(COLUMNS.map(count), expected);
    // Four calms, and one direction of 999 without a code.
    assert_eq!(rows.iter().filter(|row| row.get("wind_direction") == Some(&0.0)).count(), 4);
    assert_eq!(read.tally, Tally::default());
    // The same within an archive.
    assert_eq!(try_read(&input(fs::read(path).unwrap()), &options()).unwrap(), read);
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn texts(texts: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn doubles(numbers: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(numbers.to_vec()))
}

fn integers(numbers: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(numbers.to_vec()))
}

/// The same observations as text and as Parquet, with the types that tools by way of pandas leave.
#[test]
fn text_and_parquet_say_the_same() {
    let text = psv(&[
        line_1_0(
            "USW00013967",
            "2023 01 12 08 50",
            &[
                ("temperature", "4.0", "", "5", "343"),
                ("wind_direction", "VRB", "V", "1", "343"),
                ("precipitation", "0.0", "T", "1", "343"),
                ("visibility", "16", "", "", ""),
            ],
        ),
        line_1_0(
            "USW00026442",
            "2023 01 12 08 55",
            &[
                ("temperature", "-9999", "", "5", "343"),
                ("wind_direction", "999", "C", "1", "343"),
                ("precipitation", "1.5", "", "2", "343"),
                ("visibility", "9", "", "", ""),
            ],
        ),
    ]);
    let columns = || {
        vec![
            ("ELEVATION", integers(&[3, 3])),
            ("Latitude", texts(&[Some("1.0"), Some("1")])),
            ("Longitude", doubles(&[Some(2.0), Some(2.0)])),
            ("Station_name", texts(&[Some("SOMEWHERE "), Some("SOMEWHERE")])),
            ("temperature", doubles(&[Some(4.0), Some(-9999.0)])),
            ("temperature_Quality_Code", integers(&[5, 5])),
            ("temperature_Source_Code", doubles(&[Some(343.0), Some(343.0)])),
            ("wind_direction", texts(&[Some("VRB"), Some("999")])),
            ("wind_direction_Measurement_Code", texts(&[Some("V"), Some("C")])),
            ("wind_direction_Quality_Code", texts(&[Some("1"), Some("1")])),
            ("wind_speed", Arc::new(NullArray::new(2)) as ArrayRef),
            ("wind_speed_Quality_Code", Arc::new(NullArray::new(2))),
            ("precipitation", doubles(&[Some(0.0), Some(1.5)])),
            ("precipitation_Measurement_Code", texts(&[Some("T"), None])),
            ("precipitation_Quality_Code", doubles(&[Some(1.0), Some(2.0)])),
            ("precipitation_Source_Code", texts(&[Some("343"), Some("343")])),
            ("visibility", integers(&[16, 9])),
        ]
    };
    let station = || ("STATION", texts(&[Some("USW00013967"), Some("USW00026442")]));
    let date = || ("DATE", texts(&[Some("2023-01-12T08:50:00"), Some("2023-01-12T08:55:00")]));
    let parts = || {
        [("Year", 2023), ("MONTH", 1), ("Day", 12), ("Hour", 8)]
            .map(|(name, value)| (name, integers(&[value, value])))
            .into_iter()
            .chain([("Minute", integers(&[50, 55]))])
    };
    let stamps = Arc::new(TimestampMillisecondArray::from(vec![1_673_513_400_000, 1_673_513_700_000]));
    for keep in [Quality::Drop, Quality::Keep] {
        let options = ReadOptions { quality: keep, ..options() };
        let expected = read_all(&input(&text), &options);
        assert_eq!(expected.row(1).contains_key("liquid_precipitation_1h"), keep == Quality::Keep);
        for times in [
            vec![date()],
            parts().collect(),
            parts().chain([date()]).collect(),
            vec![("date", stamps.clone() as ArrayRef)],
        ] {
            let names: Vec<&str> = times.iter().map(|(name, _)| *name).collect();
            let file = parquet([station()].into_iter().chain(times.clone()).chain(columns()).collect());
            let found = read_all(&input(file), &options);
            assert_eq!(Read { layout: "GHCNh", known_rows: None, ..found }, expected, "{names:?}");
        }
    }
}

#[test]
fn parquet_files_that_cannot_be_read_are_refused() {
    let station = || ("STATION", texts(&[Some("A"), Some("B")]));
    let date = || ("DATE", texts(&[Some("2023-01-12T08:50:00"), Some("2023-01-12T08:55:00")]));
    let temperature = || ("temperature", doubles(&[Some(1.0), None]));
    let lists = new_null_array(&DataType::new_list(DataType::Int8, true), 2);
    // Where the format is not named, it is read as any other table.
    let named = ReadOptions { format: Some("ghcnh".into()), ..options() };
    let failure = |columns| try_read(&input(parquet(columns)), &named).unwrap_err();

    for columns in [vec![station(), date()], vec![station(), temperature()], vec![date(), temperature()]] {
        let error = failure(columns);
        assert!(error.to_string().ends_with("is a Parquet file with other columns than GHCNh's"), "{error}");
        assert!(error.hint().unwrap().contains("isd-detect reads any Parquet file"), "{error}");
    }
    let error = failure(vec![station(), date(), ("temperature", lists)]);
    assert!(
        matches!(&error, Error::Column { column, found, .. } if column == "temperature" && found.contains("List")),
        "{error}"
    );
    for (columns, expected) in [
        (vec![station(), ("DATE", texts(&[Some("2023-01-12"), None])), temperature()], "has the time \"\""),
        (vec![("STATION", texts(&[Some("A"), None])), date(), temperature()], "has no station"),
        (vec![station(), date(), ("temperature", texts(&[Some("1.5"), Some("x")]))], "temperature is \"x\""),
    ] {
        match failure(columns) {
            Error::Row { row: 1, found, .. } => assert!(found.contains(expected), "{found}"),
            other => panic!("{other}"),
        }
    }
    let whole = parquet(vec![station(), date(), temperature()]);
    let error = try_read(&input(&whole[..whole.len() - 9]), &options()).unwrap_err();
    assert!(error.to_string().contains("is a damaged Parquet file"), "{error}");
    let error = try_read(&input(gzip(&whole)), &options()).unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("unpack it with `gunzip` first"));
}

/// Damages a file in many ways. Text is damaged elsewhere, with that of the other formats.
fn damage(content: &[u8], rounds: usize) {
    let mut random = Random(18_730_101);
    for _ in 0..rounds {
        let mut damaged = content.to_vec();
        for _ in 0..=random.below(4) {
            let at = random.below(damaged.len().max(1));
            match random.below(8) {
                0 => damaged.truncate(at),
                1 => drop(damaged.drain(at..(at + 9).min(damaged.len()))),
                _ => damaged.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            }
        }
        let _ = try_read(&input(damaged), &ReadOptions { format: Some("ghcnh".into()), ..options() });
    }
}

#[test]
fn damaged_files_give_an_error_or_rows() {
    let small = parquet(vec![
        ("STATION", texts(&[Some("A"); 100])),
        ("DATE", texts(&[Some("2023-01-12T08:50:00"); 100])),
        ("temperature", doubles(&[Some(1.5); 100])),
        ("temperature_Quality_Code", texts(&[Some("1"); 100])),
    ]);
    damage(&small, 4000);
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn a_damaged_published_file_gives_an_error_or_rows() {
    damage(&fs::read(shared("ghcnh/DUM00000001.pqt")).unwrap(), 200);
}
