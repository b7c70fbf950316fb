//! The layouts of an archive: an open HDF5 file in, the catalog of its columns out, or the groups
//! that are archives of their own.

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

use rayon::prelude::*;

use isd_dataset::names::list;

pub use catalog::{Catalog, Entry, Extent, KEYS, Scope, Stations};
use fixed::Frame;
use netcdf::NetCdf;
pub use station_part::StationPart;
use table::Table;

use crate::formats::hdf5::library::{Element, Hdf5Dataset};
use crate::{Error, Result};

/// Where the archive of the talk has its table.
const TALK_TABLE: &str = "isdlite/table";
/// Groups within groups that are looked into.
const DEPTH: usize = 6;

/// What a file holds.
pub enum Layout {
    /// One archive.
    One(Box<dyn Catalog>),
    /// Groups that are archives, each with the name of its station, which counts unless its columns name stations.
    Groups(Vec<(Scope, String)>),
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
    if let Some(table) = Table::open(scope, TALK_TABLE)? {
        return Ok(Layout::One(Box::new(table)));
    }
    let groups = groups(scope, DEPTH);
    let kinds: Vec<Result<Option<Kind>>> = groups.par_iter().map(kind).collect();
    let (mut archives, mut tables, mut broken) = (Vec::new(), Vec::new(), None);
    for (group, kind) in groups.into_iter().zip(kinds) {
        match kind {
            Ok(Some(kind)) => {
                if kind == Kind::TableOfStations {
                    tables.push(group.place("table"));
                }
                archives.push(group);
            }
            Ok(None) => {}
            // It is reported only where no group is an archive.
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    if tables.len() > 1 {
        let found = format!("holds several tables, expected one: {}", list(&tables));
        return Err(scope.format_error(found, Some("write the one to convert to a file of its own")));
    }
    if archives.is_empty() {
        return Err(broken.unwrap_or_else(|| unknown(scope)));
    }
    Ok(Layout::Groups(named(archives)))
}

/// All groups below one, also those that hold no archive.
fn groups(scope: &Scope, depth: usize) -> Vec<Scope> {
    let names = scope.members().groups;
    // PyTables keeps the indexes of a table in groups beside it.
    let below = names.iter().filter(|name| !name.starts_with("_i_")).map(|name| scope.below(name));
    below
        .flat_map(|group| {
            let deeper = if depth > 1 { groups(&group, depth - 1) } else { Vec::new() };
            std::iter::once(group).chain(deeper)
        })
        .collect()
}

/// What an archive in a group is.
#[derive(PartialEq, Eq)]
enum Kind {
    TableOfStations,
    Other,
}

/// What the archive in a group is; `None` where it holds none.
fn kind(group: &Scope) -> Result<Option<Kind>> {
    let Some(catalog) = group_catalog(group, "")? else { return Ok(None) };
    let table = matches!(group.dataset("table")?, Some((_, dataset)) if is_compound(&*dataset));
    let of_stations = table && matches!(catalog.stations(), Stations::Columns);
    Ok(Some(if of_stations { Kind::TableOfStations } else { Kind::Other }))
}

fn is_compound(dataset: &dyn Hdf5Dataset) -> bool {
    matches!(dataset.element(), Element::Record { .. })
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
    if let Some(table) = Table::open(scope, "table")? {
        return Ok(Some(Box::new(if has_station(&table)? { table } else { table.of_station(station) })));
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

/// Groups with the stations that they stand for: the group's own name where that tells them apart,
/// else its path; sorted by it.
fn named(archives: Vec<Scope>) -> Vec<(Scope, String)> {
    let own = |scope: &Scope| scope.group.rsplit_once('/').map_or(&*scope.group, |(_, name)| name).to_owned();
    let mut names: Vec<String> = archives.iter().map(own).collect();
    names.sort();
    let distinct = names.windows(2).all(|pair| pair.first() != pair.last());
    let name = |scope: &Scope| if distinct { own(scope) } else { scope.group.replace('/', "-") };
    let mut named: Vec<(Scope, String)> = archives
        .into_iter()
        .map(|scope| {
            let name = name(&scope);
            (scope, name)
        })
        .collect();
    named.sort_by(|(_, a), (_, b)| a.cmp(b));
    named
}

/// The error of a file that is of no layout.
fn unknown(scope: &Scope) -> Error {
    let names = match scope.file.members("/") {
        Ok(members) if !members.datasets.is_empty() => list(&members.datasets),
        Ok(members) if !members.groups.is_empty() => format!("the groups {}", list(&members.groups)),
        Ok(_) => "nothing".into(),
        Err(reason) => format!("a root that cannot be listed ({reason})"),
    };
    scope.format_error(
        format!(
            "is no archive known here: expected columns such as station_usaf and timestamp, a variable of \
             times (units 'hours since ...'), or a table at {TALK_TABLE}; it has {names}"
        ),
        Some("name the columns with --column timestamp=/path/in/file --column station_id=/path/in/file"),
    )
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
}

impl Catalog for Flat {
    fn layout(&self) -> &'static str {
        "flat HDF5"
    }

    fn find(&self, path: &str) -> Result<Option<Entry>> {
        Ok(self.scope.dataset(path)?.map(|(place, dataset)| {
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
