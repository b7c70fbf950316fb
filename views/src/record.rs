//! A station's record: a dataset and the name of a station in, its times and values out.

use std::path::Path;

use isd_dataset::layout::{BLOCK, block_directory, block_of};
use isd_dataset::names::{list, nearest};
use isd_dataset::read::Dataset;
use isd_dataset::station_table::StationTable;

use crate::failure::Failure;

/// All rows of one station in order of time.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Record {
    /// The time of each row, in microseconds since 1970 UTC, strictly ascending.
    pub times: Vec<i64>,
    /// For each measurement that was asked for, in that order, a value a row in the dataset's unit; NaN where it is missing.
    pub values: Vec<Vec<f64>>,
}

impl Record {
    /// Reads the record of a station of the dataset; no rows where it has none.
    ///
    /// # Errors
    /// Files that cannot be read, a measurement that the dataset does not have, or rows that are not in order of time.
    pub fn read(dataset: &Dataset, station_id: &str, measurements: &[String]) -> Result<Self, Failure> {
        check_measurements(dataset, measurements)?;
        let mut record = Self { times: Vec::new(), values: vec![Vec::new(); measurements.len()] };
        let block = block_directory(&block_of(station_id));
        for group in dataset.row_groups().iter().filter(|group| may_hold(group.path(), &block)) {
            let mut first = 0;
            for run in group.stations()? {
                let rows = first..first + run.rows;
                first = rows.end;
                if *run.station_id == *station_id {
                    let times = group.timestamps()?;
                    record.times.extend_from_slice(&times.values()[rows.clone()]);
                    let group = group.limited_to(std::slice::from_ref(&rows));
                    let mut all = Vec::new();
                    for (measurement, values) in measurements.iter().zip(&mut record.values) {
                        group.numbers_into(measurement, &mut all)?;
                        values.extend_from_slice(&all[rows.clone()]);
                    }
                }
            }
        }
        if record.times.windows(2).any(|pair| pair[0] >= pair[1]) {
            let message = format!("{}: the rows of {station_id} are not in order", dataset.path().display());
            return Err(Failure::error(message).hint("convert the archive with isd-convert"));
        }
        Ok(record)
    }
}

/// Whether a file may hold stations of a block: only one in the directory of another cannot.
fn may_hold(file: &Path, block: &str) -> bool {
    let key = format!("{BLOCK}=");
    let mut directories = file.components().filter_map(|part| part.as_os_str().to_str());
    directories.rfind(|name| name.starts_with(&key)).is_none_or(|found| found == block)
}

/// Checks that the dataset has these measurements.
///
/// # Errors
/// The first that it does not have, with the nearest that it has.
pub fn check_measurements(dataset: &Dataset, measurements: &[String]) -> Result<(), Failure> {
    let names: Vec<String> = dataset.columns().iter().map(|column| column.name.clone()).collect();
    match measurements.iter().find(|name| !names.contains(name)) {
        None => Ok(()),
        Some(absent) => {
            let message = format!("{}: holds no measurement {absent}", dataset.path().display());
            let hint = match nearest(absent, names.iter().map(String::as_str)) {
                Some(nearest) => format!("did you mean {nearest}?"),
                None => format!("it holds {}", list(&names)),
            };
            Err(Failure::error(message).hint(hint))
        }
    }
}

/// The full id of the station that `asked` names: its id, or the beginning of one alone.
///
/// # Errors
/// No such station, with the nearest; a beginning of several; files that cannot be read.
pub fn find_station(dataset: &Dataset, table: &StationTable, asked: &str) -> Result<String, Failure> {
    let mut ids: Vec<String> =
        table.stations().iter().map(|station| station.record.station_id.clone()).collect();
    if ids.is_empty() {
        for group in dataset.row_groups() {
            ids.extend(group.stations()?.iter().map(|run| run.station_id.to_string()));
        }
        ids.dedup();
    }
    if ids.iter().any(|id| id == asked) {
        return Ok(asked.to_owned());
    }
    let begun: Vec<String> =
        ids.iter().filter(|id| !asked.is_empty() && id.starts_with(asked)).cloned().collect();
    if let [only] = begun.as_slice() {
        return Ok(only.clone());
    }
    if !begun.is_empty() {
        return Err(
            Failure::error(format!("--station {asked}: it may be {}", list(&begun))).hint("name one of them")
        );
    }
    let failure = Failure::error(format!("{}: holds no station {asked}", dataset.path().display()));
    Err(match nearest(asked, ids.iter().map(String::as_str)) {
        Some(nearest) => failure.hint(format!("the nearest is {nearest}")),
        None => failure.hint("ids are those of station_id, such as 722020-12839, or how they begin"),
    })
}
