//! Prints the rows of files as a source reads them: `rows FILE... [--column NAME=PATH] [--unit NAME=UNIT] [-m NAME]`.
//!
//! Columns, notes and what was left out go to standard error; rows go to standard output, sorted by station and time, as
//! station, microseconds since 1970 and a value a column, separated by tabs, missing ones empty.

use std::path::PathBuf;

use arrow::array::Array;
use isd_converters::archive::{Archive, discover};
use isd_converters::{ReadOptions, Result};

fn main() -> Result<()> {
    let mut options = ReadOptions::default();
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut pair = || {
            let value = arguments.next().unwrap_or_default();
            value.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        match argument.as_str() {
            "--column" => options.column_paths.extend(pair()),
            "--unit" => options.units.extend(pair()),
            "--format" => options.format = arguments.next(),
            "-m" => options.measurements.extend(arguments.next()),
            _ => paths.push(argument.into()),
        }
    }
    let files = discover(&paths, &mut std::io::empty())?.files;
    let archive = match Archive::open(&files, &options, true) {
        Ok(archive) => archive,
        Err(error) => {
            eprintln!("error: {error}");
            eprintln!("hint: {}", error.hint().unwrap_or_default());
            std::process::exit(1);
        }
    };
    eprintln!("layout: {}", archive.layout());
    for column in archive.columns() {
        eprintln!("column: {} from {:?} in {:?}", column.name, column.origin, column.units);
    }
    for note in archive.notes() {
        eprintln!("note: {note}");
    }
    let mut rows = Vec::new();
    let mut reader = archive.read(|_, _| true);
    loop {
        let batch = match reader.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(failed) => {
                eprintln!("error: {}", failed.error);
                eprintln!("hint: {}", failed.error.hint().unwrap_or_default());
                std::process::exit(1);
            }
        };
        let stations = batch.stations.iter();
        let stations = stations.flat_map(|run| std::iter::repeat_n(&run.station_id, run.rows));
        for (row, (station, time)) in stations.zip(&batch.timestamps).enumerate() {
            let value = |column: &arrow::array::Float64Array| {
                if column.is_valid(row) { column.value(row).to_string() } else { String::new() }
            };
            let values: Vec<String> = batch.columns.iter().map(value).collect();
            rows.push((station.to_string(), *time, values.join("\t")));
        }
    }
    rows.sort();
    for (station, time, values) in rows {
        println!("{station}\t{time}\t{values}");
    }
    Ok(())
}
