//! Tables of other writers, and several datasets, as they are given to `isd-convert` and `isd-detect` from a shell.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow::datatypes::{DataType, Field};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;

use crate::shell::{ISD_CONVERT, ISD_DETECT, ISD_QC, fails, fails_each, succeeds};

/// Hours of every series; one of them is a spike.
const HOURS: usize = 60;
/// 2017-01-01T00:00:00Z in Unix hours.
const START: i64 = 412_008;
const SPIKE: usize = 50;

/// The rows (station, hour, degrees) of two stations, that of `B` a degree warmer.
fn rows() -> Vec<(&'static str, usize, f64)> {
    let value = |hour: usize| if hour == SPIKE { 25.0 } else { 5.0 + (hour % 3) as f64 / 10.0 };
    let both = [("A", 0.0), ("B", 1.0)].into_iter();
    both.flat_map(|(station, warmer)| (0..HOURS).map(move |hour| (station, hour, value(hour) + warmer)))
        .collect()
}

fn texts(rows: &[(&str, usize, f64)], text: impl Fn(&(&str, usize, f64)) -> String) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(text)))
}

fn values(rows: &[(&str, usize, f64)]) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2)))
}

/// Writes rows with those values as other writers do, in row groups of 7.
fn write(path: &Path, rows: &[(&str, usize, f64)], value: Field, values: ArrayRef) {
    let times = rows.iter().map(|row| (START + row.1 as i64) * 3_600_000);
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(times));
    let columns = [("station_id", texts(rows, |row| row.0.to_owned())), ("timestamp", times)];
    let keys = RecordBatch::try_from_iter(columns).unwrap();
    let mut fields: Vec<_> = keys.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(value));
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let batch = RecordBatch::try_new(schema, [keys.columns(), &[values]].concat()).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(7)).build();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn number() -> Field {
    Field::new("air_temperature", DataType::Float64, true)
}

const OUTLIERS: &str =
    "station_id,timestamp,value\nA,2017-01-03T02:00:00Z,25.0\nB,2017-01-03T02:00:00Z,26.0\n";

/// Checks that the outliers are those of the table, straight from `source` and from its dataset.
fn check(home: &Path, source: &str, options: &[&str]) {
    let columns = ["-m", "air_temperature", "--columns", "station_id,timestamp,value"];
    let (straight, said) = succeeds(ISD_DETECT, home, &[&[source], &columns[..], options].concat());
    assert_eq!(straight, OUTLIERS, "{source}: {said}");
    succeeds(ISD_CONVERT, home, &[&[source, "-o", "obs", "--overwrite"], options].concat());
    let (converted, said) = succeeds(ISD_DETECT, home, &[&["obs"], &columns[..]].concat());
    assert_eq!(converted, OUTLIERS, "{source} converted: {said}");
}

#[test]
fn two_columns_of_one_name_are_refused_straight_through_too() {
    let home = TempDir::new().unwrap();
    let values = || Arc::new(Float64Array::from(vec![1.0; HOURS])) as ArrayRef;
    let times = (0..HOURS as i64).map(|hour| (START + hour) * 3_600_000);
    let columns: [(&str, ArrayRef); 4] = [
        ("station_id", Arc::new(StringArray::from(vec!["A"; HOURS]))),
        ("timestamp", Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))),
        ("air_temperature", values()),
        ("air_temperature", values()),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.map(|(_, column)| column).to_vec()).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(home.path().join("twice.parquet")).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let refused = fails(ISD_DETECT, home.path(), &["twice.parquet", "--all"], 1);
    assert!(refused.contains("twice.parquet: holds two columns called air_temperature"), "{refused}");
}

#[test]
fn a_unit_of_a_column_that_is_not_there_is_refused() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let csv = "station,timestamp,wind_speed_kt\nA,2017-01-01T00:00,25\n";
    fs::write(home.join("own.csv"), csv).unwrap();
    let column = ["own.csv", "-o", "obs", "--column", "wind_speed_rate=wind_speed_kt"];
    let refused = fails(ISD_CONVERT, home, &[&column[..], &["--unit", "wind_speed_kt=knots"]].concat(), 2);
    assert!(refused.contains("error: --unit wind_speed_kt: the source has no such column"), "{refused}");
    assert!(refused.contains("hint: its columns are called wind_speed_rate"), "{refused}");
    succeeds(ISD_CONVERT, home, &[&column[..], &["--unit", "wind_speed_rate=knots"]].concat());
}

#[test]
fn missing_numbers_are_named_and_a_column_has_one_name() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let row = |hour| format!("A,2017-01-{:02}T{:02}:00,{}\n", 1 + hour / 24, hour % 24, hour % 3);
    let rows = (0..40).map(row).collect::<Vec<_>>().concat();
    fs::write(home.join("own.csv"), format!("station,timestamp,ff\n{rows}A,2017-01-03T00:00,-999\n"))
        .unwrap();
    let column = ["own.csv", "-m", "wind_speed_rate", "--column", "wind_speed_rate=ff"];
    let (found, said) = succeeds(ISD_DETECT, home, &column);
    assert!(found.contains("-999"), "{found}");
    let expected =
        "wind_speed_rate: -999 (1 time) is taken as a value; --missing wind_speed_rate=-999 makes it missing";
    assert!(said.contains(expected), "{said}");
    for missing in ["-999", "wind_speed_rate=-999"] {
        let (found, said) = succeeds(ISD_DETECT, home, &[&column[..], &["--missing", missing]].concat());
        assert!(!found.contains("-999") && !said.contains("taken as a value"), "{found}\n{said}");
    }
    let whole = ["own.csv", "--column", "wind_speed_rate=ff", "-o", "obs", "--missing", "ff=-999"];
    let refused = fails(ISD_CONVERT, home, &whole, 2);
    assert!(refused.contains("error: --missing ff: the source has no such column"), "{refused}");
    let refused = fails(ISD_DETECT, home, &[&column[..], &["--missing", "none"]].concat(), 2);
    assert!(refused.contains("expected NUMBER or NAME=NUMBER"), "{refused}");
    // What a dataset holds was settled when it was made.
    succeeds(ISD_CONVERT, home, &["own.csv", "-o", "obs", "--column", "wind_speed_rate=ff"]);
    for option in [&["--missing", "-999"][..], &["--column", "wind_speed_rate=ff"], &["--quality", "keep"]] {
        for (tool, rest) in [(ISD_DETECT, &["-m", "wind_speed_rate"][..]), (ISD_QC, &[])] {
            let refused = fails(tool, home, &[&["obs"], option, rest].concat(), 2);
            let expected =
                format!("error: {}: obs is a dataset, whose values are read as they are", option[0]);
            assert!(refused.contains(&expected), "{refused}");
        }
    }
    let twice = ["--column", "gust=ff", "-m", "gust"];
    let refused = fails(ISD_DETECT, home, &[&column[..], &twice].concat(), 2);
    assert!(refused.contains("error: --column: ff is to be both wind_speed_rate and gust"), "{refused}");
}

#[test]
fn tables_of_other_writers_are_tested_as_they_are() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let in_order = rows();
    write(&home.join("row-groups.parquet"), &in_order, number(), values(&in_order));
    check(home, "row-groups.parquet", &[]);

    let backwards: Vec<_> = in_order.iter().rev().copied().collect();
    write(&home.join("backwards.parquet"), &backwards, number(), values(&backwards));
    check(home, "backwards.parquet", &[]);

    let mut interleaved = in_order.clone();
    interleaved.sort_by_key(|row| row.1);
    write(&home.join("interleaved.parquet"), &interleaved, number(), values(&interleaved));
    check(home, "interleaved.parquet", &[]);

    let (early, late): (Vec<_>, Vec<_>) = in_order.iter().copied().partition(|row| row.1 < HOURS / 2);
    for (year, part) in [("year=2017", early), ("year=2018", late)] {
        write(&home.join("hive").join(year).join("a.parquet"), &part, number(), values(&part));
    }
    check(home, "hive", &[]);

    let text = Field::new("air_temperature", DataType::Utf8, true);
    write(&home.join("texts.parquet"), &in_order, text, texts(&in_order, |row| format!("{}", row.2)));
    check(home, "texts.parquet", &[]);

    let members = vec![number()].into();
    let nested = Field::new("obs", DataType::Struct(members), true);
    let DataType::Struct(members) = nested.data_type().clone() else { unreachable!() };
    let structs: ArrayRef = Arc::new(StructArray::new(members, vec![values(&in_order)], None));
    write(&home.join("structs.parquet"), &in_order, nested, structs);
    check(home, "structs.parquet", &["--column", "air_temperature=obs.air_temperature"]);
}

/// Whole series in order are read as a dataset is, but not where that would give other values than converting them.
#[test]
fn what_a_converter_would_change_is_changed_straight_through_too() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let station: Vec<_> = rows().into_iter().filter(|row| row.0 == "A").collect();
    let write = |name: &str, value: Field, change: &dyn Fn(usize, f64) -> f64| {
        let changed: Vec<_> = station.iter().map(|row| (row.0, row.1, change(row.1, row.2))).collect();
        write(&home.join(name), &changed, value, values(&changed));
    };
    let kelvin = number().with_metadata([("units".to_owned(), "K".to_owned())].into());
    write("kelvin.parquet", kelvin, &|_, value| value + 273.15);
    write("missing.parquet", number(), &|hour, value| if hour == 3 { -9999.0 } else { value });
    let columns = ["-m", "air_temperature", "--columns", "station_id,timestamp,value"];
    for name in ["kelvin.parquet", "missing.parquet"] {
        let (found, said) = succeeds(ISD_DETECT, home, &[&[name], &columns[..]].concat());
        let expected: Vec<&str> = OUTLIERS.lines().take(2).collect();
        let value = |line: &str| line.rsplit(',').next().unwrap().parse::<f64>().unwrap();
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines.len(), 2, "{name}: {found}{said}");
        assert!(lines[1].starts_with("A,2017-01-03T02:00:00Z,"), "{name}: {found}");
        assert!((value(lines[1]) - value(expected[1])).abs() < 1e-9, "{name}: {found}");
    }
}

/// Whole series in order are refused, too, where a station has no name: by the row, as a conversion refuses them.
#[test]
fn stations_without_a_name_are_refused_by_both_tools() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    for (name, shown) in [
        ("nan", "has the station_id \"nan\", which says that there is none"),
        ("NA", "has the station_id \"NA\", which says that there is none"),
        ("", "has no station_id"),
        ("-9999", "has the station_id \"-9999\", which says that there is none"),
        ("\u{1}", "has the station_id \"\\u{1}\", expected text without control characters"),
    ] {
        let mut rows = rows();
        for row in rows.iter_mut().filter(|row| row.0 == "B") {
            row.0 = name;
        }
        rows.sort_by_key(|row| (row.0, row.1));
        let row = rows.iter().position(|row| row.0 == name).unwrap();
        let path = home.join("a.parquet");
        write(&path, &rows, number(), values(&rows));
        let detect = ["a.parquet", "-m", "air_temperature"];
        let convert = ["a.parquet", "-o", "obs"];
        for said in [fails(ISD_DETECT, home, &detect, 1), fails(ISD_CONVERT, home, &convert, 1)] {
            assert!(said.contains(&format!("a.parquet: row {row}: {shown}")), "{said}");
        }
    }
}

#[test]
fn infinities_are_missing_and_counted_straight_through_too() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let mut rows = rows();
    rows[3].2 = f64::INFINITY;
    write(&home.join("a.parquet"), &rows, number(), values(&rows));
    let (_, said) = succeeds(ISD_DETECT, home, &["a.parquet", "-m", "air_temperature"]);
    assert!(said.contains("missing values are written as inf: 1"), "{said}");
}

#[test]
fn measurements_may_be_named_with_blanks_and_capitals() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    write(&home.join("a.parquet"), &rows(), number(), values(&rows()));
    for name in ["AIR_TEMPERATURE", " air_temperature", "air_temperature, air_temperature"] {
        let (found, _) =
            succeeds(ISD_DETECT, home, &["a.parquet", "-m", name, "--columns", "station_id,timestamp,value"]);
        assert_eq!(found, OUTLIERS, "{name}");
    }
    let said = fails(ISD_CONVERT, home, &["a.parquet", "-o", "obs", "-m", "temperature"], 1);
    assert!(said.contains("hint: did you mean air_temperature?"), "{said}");
}

#[test]
fn several_datasets_and_tables_are_tested_together() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let (early, late): (Vec<_>, Vec<_>) = rows().into_iter().partition(|row| row.1 < HOURS / 2);
    write(&home.join("early.parquet"), &early, number(), values(&early));
    write(&home.join("late.parquet"), &late, number(), values(&late));
    for name in ["early", "late"] {
        succeeds(ISD_CONVERT, home, &[&format!("{name}.parquet"), "-o", name]);
    }
    let columns = ["-m", "air_temperature", "--columns", "station_id,timestamp,value"];
    for sources in [["early", "late"], ["early", "late.parquet"], ["early.parquet", "late.parquet"]] {
        let (found, said) = succeeds(ISD_DETECT, home, &[&sources, &columns[..]].concat());
        assert_eq!(found, OUTLIERS, "{sources:?}: {said}");
    }
}

#[test]
fn a_table_of_unknown_names_says_what_to_do() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    fs::write(home.join("a.csv"), "site;MESS_DATUM;TT\n1;2017010100;5,1\n").unwrap();
    let found = fails_each(ISD_CONVERT, home, &[&["a.csv", "-o", "obs"]], 1);
    insta::assert_snapshot!(found, @r"
    > a.csv -o obs
    [stderr]
    error: a.csv: is a table without a column known as station_id and timestamp; it has site, MESS_DATUM, TT
    hint: name them with --column station_id=NAME --column timestamp=NAME
    [status 1]
    ");
    fs::write(home.join("b.csv"), "time,TT\n2017-01-01,5.1\n").unwrap();
    let found = fails_each(ISD_CONVERT, home, &[&["b.csv", "-o", "obs"]], 1);
    insta::assert_snapshot!(found, @r"
    > b.csv -o obs
    [stderr]
    error: b.csv: is a table without a column known as station_id; it has time, TT
    hint: name it with --column station_id=NAME, ISD's two numbers with --column station_usaf=NAME --column station_wban=NAME, or the only station with --column station_id==STATION
    [status 1]
    ");
    let only = ["b.csv", "-o", "one", "--column", "station_id==Oslo"];
    assert!(succeeds(ISD_CONVERT, home, &only).1.contains("1 row, 1 station"));
    let mapped =
        ["--column", "station_id=site", "--column", "timestamp=MESS_DATUM", "--column", "air_temperature=TT"];
    let (_, said) = succeeds(ISD_CONVERT, home, &[&["a.csv", "-o", "obs"], &mapped[..]].concat());
    assert!(said.contains("note: timestamp is read as dates, YYYYMMDDHH"), "{said}");
    assert!(said.contains("note: air_temperature is taken to be in degC"), "{said}");
}
