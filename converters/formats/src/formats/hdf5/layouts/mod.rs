//! The layouts of an archive: an open HDF5 file in, the catalog of its columns out, or the groups
//! that are archives of their own.

mod candidates;
mod catalog;
mod fixed;
mod meaning;
mod netcdf;
mod pickle;
mod station_part;
mod table;
mod texts;
mod variables;

use std::sync::Arc;

pub use catalog::{Catalog, Entry, Extent, KEYS, Scope, Stations};
use fixed::Frame;
use netcdf::NetCdf;
pub use station_part::StationPart;
use table::{PANDAS_TABLE, Table};

use crate::Result;
use crate::formats::hdf5::library::{Element, Hdf5Dataset};

/// What a file holds.
pub enum Layout {
    /// One archive.
    One(Box<dyn Catalog>),
    /// Groups or tables that are archives.
    Groups {
        /// Each with the name of its station, which counts unless its columns name stations.
        groups: Vec<(Scope, String)>,
        /// What the user should know of what was left out.
        notes: Vec<String>,
    },
}

/// Recognises the layout of a file.
///
/// # Errors
/// What the file holds instead.
pub fn recognise(scope: &Scope) -> Result<Layout> {
    if is_flat(scope)? {
        return Ok(Layout::One(Box::new(Flat::new(scope, None))));
    }
    if let Some(netcdf) = NetCdf::open(scope, None)? {
        return Ok(Layout::One(Box::new(netcdf)));
    }
    for key in KEYS {
        if scope.dataset(scope.name_of(key))?.is_some() {
            return Ok(Layout::One(Box::new(Flat::new(scope, None))));
        }
    }
    candidates::choose(scope)
}

/// Whether a dataset is a table: its elements are compounds, side by side.
fn is_table(dataset: &dyn Hdf5Dataset) -> bool {
    matches!(dataset.element(), Element::Record { .. }) && dataset.shape().len() == 1
}

/// The archive in a group of the file, or `None` where there is none. Its rows are those of `station` unless its columns
/// name stations.
///
/// # Errors
/// A group that is an archive but cannot be read.
pub fn group_catalog(scope: &Scope, station: &str) -> Result<Option<Box<dyn Catalog>>> {
    let has_station = |catalog: &dyn Catalog| -> Result<bool> {
        for key in ["station_usaf", "station_id"] {
            if catalog.find(scope.name_of(key))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let table = scope.table.as_deref().unwrap_or(PANDAS_TABLE);
    if let Some(table) = Table::open(scope, table)? {
        return Ok(Some(Box::new(if has_station(&table)? { table } else { table.of_station(station) })));
    }
    if scope.table.is_some() {
        return Ok(None);
    }
    if let Some(frame) = Frame::open(scope)? {
        return Ok(Some(Box::new(if has_station(&frame)? { frame } else { frame.of_station(station) })));
    }
    if is_flat(scope)? {
        return Ok(Some(Box::new(Flat::new(scope, None))));
    }
    if let Some(netcdf) = NetCdf::open(scope, Some(station))? {
        return Ok(Some(Box::new(netcdf)));
    }
    if scope.dataset(scope.name_of("timestamp"))?.is_some() {
        return Ok(Some(Box::new(Flat::new(scope, Some(station)))));
    }
    Ok(None)
}

/// Whether a group has a time and a station for every row.
fn is_flat(scope: &Scope) -> Result<bool> {
    let Some((_, time)) = scope.dataset(scope.name_of("timestamp"))? else { return Ok(false) };
    let shape = time.shape();
    for key in ["station_usaf", "station_id"] {
        let Some((_, station)) = scope.dataset(scope.name_of(key))? else { continue };
        let scales =
            [time.dimensions(), station.dimensions()].map(|names| names.into_iter().next().flatten());
        // Stations and times may be equally many, along dimensions of their own.
        let apart = matches!(&scales, [Some(a), Some(b)] if a != b);
        return Ok(shape.len() == 1 && texts::dimensions(&*station) == shape && !apart);
    }
    Ok(false)
}

/// Flat 1-D datasets, one a column.
struct Flat {
    scope: Scope,
    stations: Stations,
}

impl Flat {
    fn new(scope: &Scope, station: Option<&str>) -> Self {
        let stations = station.map_or(Stations::Columns, Stations::of_group);
        Self { scope: scope.clone(), stations }
    }

    /// The dataset as long as the times, where netCDF says that it lies along the same dimension.
    fn padded(&self, dataset: Arc<dyn Hdf5Dataset>) -> Arc<dyn Hdf5Dataset> {
        let first = |dataset: &dyn Hdf5Dataset| {
            Some((dataset.dimensions().into_iter().next().flatten()?, *dataset.shape().first()?))
        };
        let time = || Some(self.scope.dataset(self.scope.name_of("timestamp")).ok()??.1);
        let longer = || {
            let (name, rows) = first(&*dataset)?;
            let (other, times) = first(&*time()?)?;
            let shape = std::iter::once(times).chain(dataset.shape().iter().skip(1).copied());
            (name == other && times > rows).then(|| shape.collect())
        };
        match longer() {
            Some(shape) => variables::padded(&dataset, shape),
            None => dataset,
        }
    }
}

impl Catalog for Flat {
    fn layout(&self) -> &'static str {
        "flat HDF5"
    }

    fn find(&self, path: &str) -> Result<Option<Entry>> {
        Ok(self.scope.dataset(path)?.map(|(place, dataset)| {
            let dataset = self.padded(dataset);
            let characters = dataset.shape().iter().skip(texts::dimensions(&*dataset).len()).product();
            let entry = Entry::whole(place, Arc::clone(&dataset));
            let several = dataset.shape().len() > 1;
            Entry { row_elements: if several { characters } else { 1 }, ..entry }
        }))
    }

    fn names(&self) -> Vec<String> {
        self.scope.members().datasets
    }

    fn stations(&self) -> Stations {
        self.stations.clone()
    }
}
