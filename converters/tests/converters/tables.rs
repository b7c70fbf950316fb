//! Parquet and Arrow IPC of any writer: keys by their usual names, values of any type, units, order.

use std::fs;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int16Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StructArray, Time32SecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int8Type};
use arrow::ipc::writer::{FileWriter, StreamWriter};
use isd_converters::{Input, ReadOptions, SourceInfo, TimeUnit, open_input};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::archives::{isd, read_rows};
use crate::samples::{input, options, read_all, try_read};
use crate::texts::seconds;

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn arrow_file(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn arrow_stream(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn hours(hours: &[i64]) -> ArrayRef {
    let start = seconds("2017-01-01 00:00:00");
    Arc::new(TimestampMicrosecondArray::from_iter_values(
        hours.iter().map(|hour| (start + hour * 3600) * 1_000_000),
    ))
}

/// Three rows with values of that type under that name.
fn with(name: &str, values: ArrayRef) -> RecordBatch {
    table(vec![("station_id", texts(&["b", "a", "b"])), ("timestamp", hours(&[1, 0, 0])), (name, values)])
}

fn mapped(columns: &[(&str, &str)], units: &[(&str, &str)]) -> ReadOptions {
    let owned =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    ReadOptions { column_paths: owned(columns), units: owned(units), ..ReadOptions::default() }
}

fn column(batch: &RecordBatch, options: &ReadOptions, name: &str) -> Vec<Option<f64>> {
    let read = read_all(&input(parquet(batch)), options);
    let found = read.all.columns.into_iter().find(|(column, _)| column == name);
    found.unwrap_or_else(|| panic!("no column {name}")).1
}

fn info(content: Vec<u8>, options: &ReadOptions) -> SourceInfo {
    open_input(&input(content), options).unwrap().info().clone()
}

fn refusal(batch: &RecordBatch, options: &ReadOptions) -> String {
    let error = try_read(&input(parquet(batch)), options).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("archive.tar") && !message.contains('\n'), "{message}");
    message
}

#[test]
fn values_of_every_type_are_numbers() {
    let dictionary: DictionaryArray<Int8Type> = [Some("5.1"), None, Some("-0.3")].into_iter().collect();
    let arrays: [(ArrayRef, [Option<f64>; 3]); 10] = [
        (Arc::new(Float64Array::from(vec![Some(5.1), None, Some(f64::NAN)])), [Some(5.1), None, None]),
        (Arc::new(Float32Array::from(vec![5.1, f32::INFINITY, -0.3])), [Some(5.1), None, Some(-0.3)]),
        (Arc::new(Int16Array::from(vec![Some(250), None, Some(-9999)])), [Some(250.0), None, None]),
        (Arc::new(UInt64Array::from(vec![0, 1, 250])), [Some(0.0), Some(1.0), Some(250.0)]),
        (Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), [Some(1.0), None, Some(0.0)]),
        (
            Arc::new(Decimal128Array::from(vec![51, 0, -3]).with_precision_and_scale(9, 1).unwrap()),
            [Some(5.1), Some(0.0), Some(-0.3)],
        ),
        (texts(&["5.1", "M", " -0.3 "]), [Some(5.1), None, Some(-0.3)]),
        (texts(&["5,1", "", "NA"]), [Some(5.1), None, None]),
        (Arc::new(LargeStringArray::from(vec!["1e3", "-", "null"])), [Some(1000.0), None, None]),
        (Arc::new(dictionary), [Some(5.1), None, Some(-0.3)]),
    ];
    for (array, expected) in arrays {
        let kind = array.data_type().clone();
        for name in ["air_temperature", "visibility"] {
            let batch = with(name, array.clone());
            let options = ReadOptions { measurements: vec![name.into()], ..options() };
            assert_eq!(column(&batch, &options, name), expected, "{kind}");
            let read = read_all(&input(parquet(&batch)), &options);
            for other in [arrow_file(&batch), arrow_stream(&batch)] {
                assert_eq!(read_all(&input(other), &options).all, read.all, "{kind}");
            }
        }
    }
}

#[test]
fn keys_have_their_usual_names_and_any_type() {
    let start = seconds("2017-01-01 00:00:00");
    let times: [(&str, ArrayRef); 9] = [
        ("timestamp", Arc::new(TimestampSecondArray::from(vec![start]).with_timezone("Europe/Berlin"))),
        ("time", Arc::new(TimestampMillisecondArray::from(vec![start * 1000]))),
        ("date", Arc::new(TimestampNanosecondArray::from(vec![start * 1_000_000_000 + 999]))),
        ("valid", texts(&["2017-01-01 00:00"])),
        ("datetime", texts(&["2017-01-01T01:00:00+01:00"])),
        ("Timestamp", Arc::new(Int64Array::from(vec![start * 1000]))),
        ("DATE", Arc::new(Date32Array::from(vec![(start / 86_400) as i32]))),
        ("time", texts(&["20170101"])),
        ("time", Arc::new(Float64Array::from(vec![start as f64]))),
    ];
    for (name, time) in times {
        for station in ["station_id", "station", "id", "STATION"] {
            let batch = table(vec![
                (station, texts(&["x"])),
                (name, time.clone()),
                ("wind_speed_rate", Arc::new(Float64Array::from(vec![5.1]))),
            ]);
            let read = read_all(&input(parquet(&batch)), &options());
            assert_eq!(read.all.timestamps, [start * 1_000_000], "{name} of {}", time.data_type());
            assert_eq!(read.stations(), ["x"]);
            assert_eq!(read.names(), ["wind_speed_rate"]);
        }
    }
    let batch = table(vec![
        ("site", Arc::new(Int64Array::from(vec![725_300])) as ArrayRef),
        ("when", hours(&[0])),
        ("tmpf", Arc::new(Int64Array::from(vec![50]))),
    ]);
    let message = refusal(&batch, &options());
    assert!(message.ends_with("timestamp: does not exist; the file has site, when, tmpf"), "{message}");
    let keys = [("station_id", "site"), ("timestamp", "when"), ("air_temperature", "tmpf")];
    let read = read_all(&input(parquet(&batch)), &mapped(&keys, &[("air_temperature", "degF")]));
    assert_eq!((read.stations(), read.names()), (vec!["725300"], vec!["air_temperature"]));
    assert_eq!(read.row(0)["air_temperature"], 10.0);
}

#[test]
fn times_that_may_stand_for_others_are_refused() {
    let of = |times: ArrayRef| {
        table(vec![
            ("station_id", texts(&["x", "x"])),
            ("timestamp", times),
            ("t", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
        ])
    };
    let start = seconds("2017-01-01 00:00:00");
    let single = |numbers: [f32; 2]| of(Arc::new(Float32Array::from(numbers.to_vec())));
    // The nearest singles: 128 s apart.
    let message = refusal(&single([start as f32, (start + 3600) as f32]), &options());
    assert!(message.contains("row 1: timestamp is 1483232400 in single precision"), "{message}");
    let message = refusal(&single([20_170_104.0, 20_170_106.0]), &options());
    assert!(message.contains("row 0: timestamp is 20170104 in single precision"), "{message}");
    let hours = ReadOptions { time_unit: Some(TimeUnit::Hours), ..options() };
    let read = read_all(&input(parquet(&single([412_008.0, 412_008.5]))), &hours);
    assert_eq!(read.all.timestamps, [start * 1_000_000, (start + 1800) * 1_000_000]);
    // NumPy's NaT, as a time and as a number.
    let nat = vec![start * 1_000_000_000, i64::MIN];
    let message = refusal(&of(Arc::new(TimestampNanosecondArray::from(nat.clone()))), &options());
    assert!(message.contains("row 1: holds no time, expected one"), "{message}");
    let message = refusal(&of(Arc::new(Int64Array::from(nat))), &options());
    assert!(message.contains("row 1: holds no time, expected one"), "{message}");
}

#[test]
fn minutes_in_a_third_column_are_refused() {
    let numbers = |numbers: [i64; 2]| Arc::new(Int64Array::from(numbers.to_vec())) as ArrayRef;
    let batch = table(vec![
        ("station_id", texts(&["x", "x"])),
        ("date", texts(&["2017-01-01", "2017-01-01"])),
        ("hour", numbers([1, 1])),
        ("minute", numbers([10, 40])),
        ("t", numbers([1, 2])),
    ]);
    let message = refusal(&batch, &options());
    assert!(message.contains("minute: holds minutes beside a column of hours"), "{message}");
    let named = mapped(&[("timestamp", "date+hour")], &[]);
    let hour = seconds("2017-01-01 01:00:00") * 1_000_000;
    assert_eq!(read_all(&input(parquet(&batch)), &named).all.timestamps, [hour; 2]);
}

#[test]
fn two_columns_of_one_name_are_refused_where_it_is_read() {
    let celsius = |values: [f64; 1]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    let batch = table(vec![
        ("station_id", texts(&["x"])),
        ("timestamp", hours(&[0])),
        ("air_temperature", celsius([1.0])),
        ("air_temperature", celsius([2.0])),
        ("t", celsius([3.0])),
    ]);
    let asked = |name: &str| ReadOptions { measurements: vec![name.into()], ..options() };
    for options in [options(), asked("air_temperature")] {
        let message = refusal(&batch, &options);
        assert!(message.ends_with("air_temperature: two value columns of this name"), "{message}");
    }
    assert_eq!(column(&batch, &asked("t"), "t"), [Some(3.0)]);
}

#[test]
fn usaf_and_wban_name_a_station_together() {
    let batch = table(vec![
        ("station_usaf", Arc::new(Int64Array::from(vec![10_010, 725_300])) as ArrayRef),
        ("station_wban", Arc::new(Float64Array::from(vec![None, Some(94_846.0)]))),
        ("timestamp", hours(&[0, 0])),
        ("air_temperature", Arc::new(Int64Array::from(vec![51, -9999]))),
    ]);
    let read = read_all(&input(parquet(&batch)), &isd());
    assert_eq!(read.stations(), ["010010-99999", "725300-94846"]);
    assert_eq!(read.all.columns[0].1, [Some(5.1), None]);
    let notes = info(parquet(&batch), &options()).notes;
    assert!(notes.iter().any(|note| note.contains("--scale isd")), "{notes:?}");
}

#[test]
fn members_of_structs_have_dotted_paths() {
    let fields = vec![
        Field::new("air_temperature", DataType::Float64, true),
        Field::new("flag", DataType::Utf8, true),
    ];
    let members: Vec<ArrayRef> =
        vec![Arc::new(Float64Array::from(vec![5.1, 5.2, 5.3])), texts(&["x", "y", "z"])];
    let nulls = Some(vec![true, false, true].into());
    let batch = with("obs", Arc::new(StructArray::new(fields.into(), members, nulls)));
    let expected = [Some(5.1), None, Some(5.3)];
    assert_eq!(column(&batch, &options(), "obs.air_temperature"), expected);
    let renamed = mapped(&[("air_temperature", "obs.air_temperature")], &[]);
    assert_eq!(column(&batch, &renamed, "air_temperature"), expected);
    let asked = ReadOptions { measurements: vec!["air_temperature".into()], ..options() };
    let message = refusal(&batch, &asked);
    assert!(
        message.ends_with("air_temperature: does not exist; the format has obs.air_temperature"),
        "{message}"
    );
    let stream = read_all(&input(arrow_stream(&batch)), &renamed);
    assert_eq!(stream.all.columns[0].1, expected);
}

#[test]
fn units_are_the_sources_or_the_users() {
    let said = |unit: &str| {
        let field = Field::new("air_temperature", DataType::Float64, true);
        let field = field.with_metadata([("units".to_owned(), unit.to_owned())].into());
        let batch = with("air_temperature", Arc::new(Float64Array::from(vec![273.15, 300.0, 250.5])));
        let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
        fields[2] = Arc::new(field);
        RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), batch.columns().to_vec())
            .unwrap()
    };
    let celsius = [Some(0.0), Some(26.85), Some(-22.65)];
    assert_eq!(column(&said("K"), &options(), "air_temperature"), celsius);
    assert_eq!(
        column(&said("K"), &mapped(&[], &[("air_temperature", "kelvin")]), "air_temperature"),
        celsius
    );
    let message = refusal(&said("K"), &mapped(&[], &[("air_temperature", "degF")]));
    assert!(message.contains("air_temperature: is in K, but to be in degF"), "{message}");
    let unknown = mapped(&[], &[("air_temperature", "furlong")]);
    let message = refusal(&said("K"), &unknown);
    assert!(
        message.contains("is to be in furlong, which has no known conversion to degC; expected degC, k, f"),
        "{message}"
    );
    let info = info(parquet(&said("K")), &options());
    assert_eq!(info.columns[0].units.as_deref(), Some("degC"));
    assert!(
        info.notes.contains(&"units were converted: air_temperature from K to degC".to_owned()),
        "{:?}",
        info.notes
    );
}

#[test]
fn what_is_wrong_with_a_table_is_said() {
    let huge: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![0, 9_300_000_000_000_000]));
    let batch = table(vec![
        ("station_id", texts(&["x", "x"])),
        ("timestamp", huge),
        ("wind_speed_rate", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
    ]);
    assert!(refusal(&batch, &options()).contains("row 1: timestamp"));
    let batch = table(vec![
        ("station_id", Arc::new(StringArray::from(vec![Some("x"), None])) as ArrayRef),
        ("timestamp", hours(&[0, 1])),
        ("wind_speed_rate", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
    ]);
    assert!(refusal(&batch, &options()).contains("row 1: has no station_id, expected a station"));
    let batch = with("air_temperature", texts(&["5.1", "warm", "5.3"]));
    assert!(refusal(&batch, &options()).contains("row 1: air_temperature is \"warm\", expected a number"));
    let batch = with("name", texts(&["Oslo", "Bergen", "Oslo"]));
    let message = refusal(&batch, &options());
    assert!(
        message.contains(
            "holds no column of numbers beside station_id and timestamp; it has station_id, timestamp, name"
        ),
        "{message}"
    );
    let mut damaged = parquet(&with("air_temperature", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]))));
    damaged.truncate(damaged.len() / 2);
    let error = try_read(&input(damaged), &options()).unwrap_err().to_string();
    assert!(error.contains("is a damaged Parquet file"), "{error}");
    let feather = try_read(&input(b"FEA1 and so on"), &options()).unwrap_err().to_string();
    assert!(feather.contains("Feather file of version 1"), "{feather}");
}

#[test]
fn compressions_that_are_not_read_are_named() {
    let mut content = parquet(&with("t", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]))));
    // In the footer the codec follows the path of a column: 0 is none, 8 and 6 stand for Brotli's 4 and LZO's 3.
    let codec = content.windows(5).rposition(|window| window == b"\x01t\x15\0\x16").unwrap() + 3;
    for (code, name) in [(8, "Brotli"), (6, "LZO")] {
        content[codec] = code;
        let error = try_read(&input(&content), &options()).unwrap_err();
        assert!(
            error.to_string().ends_with(&format!("is Parquet compressed by {name}, which is not read")),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("compression=\"zstd\""));
    }
}

#[test]
fn infinities_are_counted_as_missing() {
    let values = [f64::INFINITY, 5.1, f64::NEG_INFINITY];
    let floats = values.map(|value| value as f32);
    let arrays: [ArrayRef; 2] =
        [Arc::new(Float64Array::from(values.to_vec())), Arc::new(Float32Array::from(floats.to_vec()))];
    for array in arrays {
        let batch = with("air_temperature", array);
        for content in [parquet(&batch), arrow_file(&batch)] {
            let read = read_all(&input(content), &options());
            assert_eq!(read.all.columns[0].1, [None, Some(5.1), None]);
            let marks = [("-inf", 1), ("inf", 1)].map(|(mark, count)| (mark.to_owned(), count));
            assert_eq!(read.tally.missing, marks.into());
        }
    }
}

#[test]
fn texts_whose_commas_may_separate_thousands_are_refused() {
    let message = refusal(&with("sea_level_pressure", texts(&["990", "1,010", "991"])), &options());
    assert!(
        message.contains("row 1: sea_level_pressure is \"1,010\"") && message.contains("thousands"),
        "{message}"
    );
    let decided = with("sea_level_pressure", texts(&["990,5", "1,010", "991"]));
    assert_eq!(column(&decided, &options(), "sea_level_pressure"), [Some(990.5), Some(1.01), Some(991.0)]);
    let message = refusal(&with("sea_level_pressure", texts(&["990.5", "1,010", "991"])), &options());
    assert!(message.contains("row 1: sea_level_pressure is \"1,010\""), "{message}");
}

#[test]
fn a_directory_of_hive_may_name_the_station() {
    let directory = tempfile::TempDir::new().unwrap();
    let partition = directory.path().join("station_id=010010%2D99999");
    fs::create_dir(&partition).unwrap();
    let batch =
        table(vec![("timestamp", hours(&[0])), ("wind_speed_rate", Arc::new(Float64Array::from(vec![5.1])))]);
    let path = partition.join("part-0.parquet");
    fs::write(&path, parquet(&batch)).unwrap();
    let mut source = open_input(&Input::file(&path), &options()).unwrap();
    assert_eq!(read_rows(source.as_mut()).unwrap().stations, [("010010-99999".to_owned(), 1)]);
}

#[test]
fn days_and_times_of_day_in_two_columns_are_joined() {
    let start = seconds("2017-01-01 00:00:00");
    let day: ArrayRef = Arc::new(Date32Array::from(vec![(start / 86_400) as i32; 2]));
    let clocks: [ArrayRef; 5] = [
        Arc::new(Int16Array::from(vec![0, 6])),
        texts(&["00", "06"]),
        texts(&["00:00", "06:00"]),
        Arc::new(Float64Array::from(vec![0.0, 600.0])),
        Arc::new(Time32SecondArray::from(vec![0, 6 * 3600])),
    ];
    for clock in clocks {
        for name in ["time", "hour"] {
            let batch = table(vec![
                ("station", texts(&["x", "x"])),
                ("date", day.clone()),
                (name, clock.clone()),
                ("wind_speed_rate", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
            ]);
            let read = read_all(&input(parquet(&batch)), &options());
            assert_eq!(read.all.timestamps, [start * 1_000_000, (start + 6 * 3600) * 1_000_000], "{clock:?}");
            assert_eq!(read.names(), ["wind_speed_rate"]);
        }
    }
    // Whole times beside an hour of their own are not moved.
    let batch = table(vec![
        ("station", texts(&["x"])),
        ("date", hours(&[6])),
        ("hour", Arc::new(Int16Array::from(vec![6]))),
        ("wind_speed_rate", Arc::new(Float64Array::from(vec![1.0]))),
    ]);
    let read = read_all(&input(parquet(&batch)), &options());
    assert_eq!(read.all.timestamps, [(start + 6 * 3600) * 1_000_000]);
}

#[test]
fn an_arrow_schema_that_is_said_to_be_huge_is_refused_before_it_is_read() {
    let stream = [&[0xff; 4][..], &1_000_000_000_i32.to_le_bytes(), b"schema"].concat();
    let error = try_read(&input(stream), &options()).unwrap_err().to_string();
    assert!(error.ends_with("it says of a message that it is longer than it can be"), "{error}");
}

#[test]
fn damaged_arrow_is_read_or_refused_in_one_line() {
    let ids = StringArray::from(vec!["010010"; 9]);
    let times = TimestampMicrosecondArray::from_iter_values((0..9).map(|hour| hour * 3_600_000_000));
    let values: Float64Array = (0..9).map(|value| (value != 4).then_some(f64::from(value))).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("station_id", Arc::new(ids)),
        ("timestamp", Arc::new(times)),
        ("air_temperature", Arc::new(values)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut refused = 0;
    for whole in [arrow_file(&batch), arrow_stream(&batch)] {
        // What begins otherwise is of another format.
        for at in 6..whole.len() {
            for (bytes, flipped) in [(1, 0x80), (1, 0x7f), (4, 0xff), (8, 0x3c)] {
                let mut damaged = whole.clone();
                damaged.iter_mut().skip(at).take(bytes).for_each(|byte| *byte ^= flipped);
                let opened = open_input(&input(damaged), &ReadOptions::default());
                if let Err(error) = opened.and_then(|mut source| read_rows(source.as_mut())) {
                    assert!(!error.to_string().contains('\n'), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}
