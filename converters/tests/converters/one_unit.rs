//! Numbers of several magnitudes in one column of times: none of them becomes a day of 1970.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use isd_converters::{Input, ReadOptions, TimeUnit, open};
use parquet::arrow::ArrowWriter;
use rust_hdf5::H5File;
use tempfile::TempDir;

use crate::archives::read_rows;
use crate::samples::{input, options, try_read};

/// 2017-01-01T00:00:00Z in Unix hours.
const START: i64 = 412_008;

fn hours(count: i64, from: i64, unit: i64) -> Vec<i64> {
    (from..from + count).map(|hour| hour * 3600 * unit).collect()
}

fn csv(times: &[i64]) -> Input {
    let lines = times.iter().map(|time| format!("A,{time},5.1\n"));
    input(format!("station_id,timestamp,t\n{}", lines.collect::<String>()))
}

fn parquet(times: &[i64], floats: bool) -> Input {
    let times: ArrayRef = if floats {
        Arc::new(times.iter().map(|&time| Some(time as f64)).collect::<Float64Array>())
    } else {
        Arc::new(Int64Array::from(times.to_vec()))
    };
    let rows = times.len();
    let columns: [(&str, ArrayRef); 3] = [
        ("station_id", Arc::new(StringArray::from(vec!["A"; rows]))),
        ("timestamp", times),
        ("t", Arc::new(Float64Array::from(vec![5.1; rows]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    input(bytes)
}

fn hdf5(path: &Path, times: &[i64]) {
    let file = H5File::create(path).unwrap();
    let stations = vec![10_010_i64; times.len()];
    let values = vec![5.1; times.len()];
    file.new_dataset::<i64>()
        .shape([times.len()])
        .create("station_usaf")
        .unwrap()
        .write_raw(&stations)
        .unwrap();
    file.new_dataset::<i64>().shape([times.len()]).create("timestamp").unwrap().write_raw(times).unwrap();
    let dataset = file.new_dataset::<f64>().shape([times.len()]).create("air_temperature").unwrap();
    dataset.write_raw(&values).unwrap();
    file.close().unwrap();
}

/// The times in seconds since 1970 that every kind of source reads alike, or the error and the hint of each.
fn read(times: &[i64], options: &ReadOptions) -> Result<Vec<i64>, Vec<(String, String)>> {
    let home = TempDir::new().unwrap();
    let path = home.path().join("a.hdf5");
    hdf5(&path, times);
    let mut found = Vec::new();
    for input in [csv(times), parquet(times, false), parquet(times, true)] {
        found.push(try_read(&input, options).map(|read| read.all.timestamps));
    }
    found.push(open(&path, options).and_then(|mut source| Ok(read_rows(source.as_mut())?.timestamps)));
    let first = found.first().unwrap().as_ref().ok().cloned();
    if let Some(first) = first {
        for other in found {
            assert!(other.unwrap_or_else(|error| panic!("{error}")) == first);
        }
        return Ok(first.iter().map(|micros| micros / 1_000_000).collect());
    }
    let errors = found.into_iter().map(|found| found.map(|times| times.len()).unwrap_err());
    Err(errors.map(|error| (error.to_string(), error.hint().unwrap_or_default())).collect())
}

/// Makes sure that the numbers are refused, naming that one and its row, by every kind of source.
fn refused(times: &[i64], row: usize) {
    let errors = read(times, &options()).unwrap_err();
    for (place, (message, hint)) in [row + 2, row, row, row].into_iter().zip(errors) {
        let named = [format!("line {place}: "), format!("row {place}: ")];
        assert!(named.iter().any(|named| message.contains(named)), "{message}");
        assert!(message.contains("timestamp is "), "{message}");
        assert!(format!("{message} {hint}").contains("--time-unit"), "{message} {hint}");
    }
}

#[test]
fn one_number_of_another_unit_is_refused_wherever_it_stands() {
    for (unit, other) in
        [(1000, 1), (1_000_000, 1), (1_000_000, 1000), (1_000_000_000, 1), (1_000_000_000, 1_000_000)]
    {
        for row in [0, 7, 2499] {
            // Beyond the rows that decide what the column is, too.
            let mut times = hours(2500, START, unit);
            times[row] = (START + 5) * 3600 * other;
            refused(&times, row);
        }
    }
    // Coarser ones lie beyond the year 2200.
    let mut times = hours(2500, START, 1);
    times[2000] *= 1000;
    refused(&times, 2000);
}

#[test]
fn digits_of_a_date_among_counts_are_refused() {
    for unit in [1, 1000, 1_000_000, 1_000_000_000] {
        for date in [20_170_101, 2_017_010_106, 201_701_010_600, 20_170_101_060_000] {
            let mut times = hours(50, START, unit);
            times[20] = date;
            refused(&times, 20);
        }
    }
}

#[test]
fn halves_that_differ_are_refused() {
    let (seconds, milliseconds) = (hours(20, START, 1), hours(20, START + 20, 1000));
    refused(&[&*seconds, &milliseconds].concat(), 20);
    refused(&[&*milliseconds, &seconds].concat(), 0);
    let dates: Vec<i64> = (20_170_101..20_170_121).collect();
    refused(&[&*seconds, &dates].concat(), 20);
    refused(&[&*dates, &seconds].concat(), 0);
    refused(&[START * 3600, 20_170_101], 1);
    // Dates of days and of hours.
    let hours: Vec<i64> = (2_017_010_100..2_017_010_120).collect();
    assert!(read(&[&*dates, &hours].concat(), &options()).is_err());
}

#[test]
fn a_record_that_passes_through_1970_is_one() {
    let (first, last) = (-24 * 200, 24 * 400);
    for unit in [1, 1000, 1_000_000, 1_000_000_000] {
        // The times of spring 1970 are numbers of the magnitude of a coarser unit, and of dates.
        let mut times: Vec<i64> = hours(24, START, unit).into_iter().cycle().take(3000).collect();
        times.extend((first..last).step_by(6).map(|hour| hour * 3600 * unit));
        let expected: Vec<i64> = times.iter().map(|time| time / unit).collect();
        assert_eq!(read(&times, &options()).unwrap(), expected, "{unit}");
        times.reverse();
        assert!(read(&times, &options()).is_ok(), "the order does not matter");
    }
    // Every minute of the months in which seconds look like dates.
    let minutes: Vec<i64> = (270_000..430_000).map(|minute| minute * 60).collect();
    assert_eq!(read(&minutes, &options()).unwrap(), minutes);
}

#[test]
fn what_the_user_says_holds_for_all_rows() {
    let mut times = hours(50, START, 1000);
    times[7] = (START + 5) * 3600;
    let said = ReadOptions { time_unit: Some(TimeUnit::Milliseconds), ..options() };
    let read = read(&times, &said).unwrap();
    assert_eq!((read[6], read[7]), ((START + 6) * 3600, times[7] / 1000));
}
