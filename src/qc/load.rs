//! Stations in memory: a row group of a dataset in, its stations out.

use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::station_table::StationTable;
use isd_dataset::{Error, MEASUREMENTS, Result, StationRun};

use crate::qc::station::Station;

/// The column of the pressure at the station.
pub const STATION_PRESSURE: &str = "station_level_pressure";

/// The names of the value columns that tests can judge: a column in other units than its measurement's is left out.
#[must_use]
pub fn judged_columns(dataset: &Dataset) -> Vec<String> {
    let columns = dataset.columns().iter().filter(|column| column.is_in_usual_units());
    columns.map(|column| column.name.clone()).collect()
}

/// The stations of a row group with the measurements `wanted` that the dataset has. `columns` are the names of all its value
/// columns.
///
/// # Errors
/// Rows that cannot be read.
pub fn stations(
    group: &RowGroup,
    columns: &[String],
    wanted: &[usize],
    table: &StationTable,
) -> Result<Vec<Station>> {
    let runs = group.stations()?;
    let times = group.timestamps()?;
    let mut rest: &[i64] = times.values();
    let mut stations = Vec::with_capacity(runs.len());
    for run in &runs {
        let (own, later) = rest.split_at_checked(run.rows).ok_or_else(|| too_few(run))?;
        rest = later;
        let position = table.get(&run.station_id).and_then(|station| station.place.position);
        stations.push(Station::new(run.station_id.clone(), position, own.to_vec()));
    }
    let mut values = Vec::new();
    for &measurement in wanted {
        let name = MEASUREMENTS[measurement].name;
        if columns.iter().any(|column| column == name) {
            read_column(group, name, &mut values)?;
            split(&runs, &values, &mut stations, |station, own| station.with(measurement, own))?;
        }
    }
    if columns.iter().any(|column| column == STATION_PRESSURE) {
        read_column(group, STATION_PRESSURE, &mut values)?;
        split(&runs, &values, &mut stations, Station::with_station_pressure)?;
    }
    Ok(stations)
}

/// Replaces the contents of `values` by a column, NaN where there is no value.
pub(super) fn read_column(group: &RowGroup, name: &str, values: &mut Vec<f64>) -> Result<()> {
    group.numbers_into(name, values)?;
    // Nothing is infinite in the weather.
    values.iter_mut().filter(|value| value.is_infinite()).for_each(|value| *value = f64::NAN);
    Ok(())
}

/// Hands each station its values of a column.
fn split(
    runs: &[StationRun],
    values: &[f64],
    stations: &mut Vec<Station>,
    hand: impl Fn(Station, Vec<f64>) -> Station,
) -> Result<()> {
    let mut rest = values;
    let with = |(station, run): (Station, &StationRun)| {
        let (own, later) = rest.split_at_checked(run.rows).ok_or_else(|| too_few(run))?;
        rest = later;
        Ok(hand(station, own.to_vec()))
    };
    *stations = std::mem::take(stations).into_iter().zip(runs).map(with).collect::<Result<_>>()?;
    Ok(())
}

fn too_few(run: &StationRun) -> Error {
    Error::internal(format!("fewer values than rows at station {}", run.station_id))
}
