//! The layouts of an archive: an open HDF5 file in, the catalog of its columns out, or the groups
//! that are archives of their own.

pub mod catalog;
mod fixed;
pub mod meaning;
pub mod netcdf;
mod pickle;
pub mod table;
mod texts;

use std::sync::Arc;

use rayon::prelude::*;

use crate::formats::hdf5::layouts::catalog::{Catalog, Entry, KEYS, Scope, Stations};
use crate::formats::hdf5::layouts::fixed::Frame;
use crate::formats::hdf5::layouts::netcdf::NetCdf;
use crate::formats::hdf5::layouts::table::Table;
use crate::formats::hdf5::library::{Element, Hdf5Dataset};
use crate::{Error, Result};
use isd_dataset::names::list;

/// Where the archive of the talk has its table.
const TALK_TABLE: &str = "isdlite/table";
/// Groups within groups that are looked into.
const DEPTH: usize = 6;

/// What a file is.
pub enum Layout {
    /// One archive.
    One(Box<dyn Catalog>),
    /// Groups that are archives, each with the station that it is of unless its columns say so.
    Parts(Vec<(Scope, String)>),
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
    let (mut parts, mut tables, mut broken) = (Vec::new(), Vec::new(), None);
    for (group, kind) in groups.into_iter().zip(kinds) {
        match kind {
            Ok(Some(kind)) => {
                if kind == Kind::TableOfStations {
                    tables.push(group.place("table"));
                }
                parts.push(group);
            }
            Ok(None) => {}
            // Of interest only where nothing else is the archive.
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    if tables.len() > 1 {
        let found = format!("holds several tables, expected one: {}", list(&tables));
        return Err(scope.format_error(found, Some("write the one to convert to a file of its own")));
    }
    if parts.is_empty() {
        return Err(broken.unwrap_or_else(|| unknown(scope)));
    }
    Ok(Layout::Parts(named(parts)))
}

/// All groups below one, those that hold no archive as well.
fn groups(scope: &Scope, depth: usize) -> Vec<Scope> {
    let members = scope.file.members(if scope.group.is_empty() { "/" } else { &scope.group });
    let names = members.map(|members| members.groups).unwrap_or_default();
    // PyTables keeps the indexes of a table in groups beside it.
    let below = names.iter().filter(|name| !name.starts_with("_i_")).map(|name| scope.below(name));
    below
        .flat_map(|group| {
            let deeper = if depth > 1 { groups(&group, depth - 1) } else { Vec::new() };
            std::iter::once(group).chain(deeper)
        })
        .collect()
}

/// What a group is by itself.
#[derive(PartialEq, Eq)]
enum Kind {
    TableOfStations,
    Other,
}

fn kind(group: &Scope) -> Result<Option<Kind>> {
    let Some(catalog) = part(group, "")? else { return Ok(None) };
    let table = matches!(group.dataset("table")?, Some((_, dataset)) if is_compound(&*dataset));
    let of_stations = table && matches!(catalog.stations(), Stations::Columns);
    Ok(Some(if of_stations { Kind::TableOfStations } else { Kind::Other }))
}

fn is_compound(dataset: &dyn Hdf5Dataset) -> bool {
    matches!(dataset.element(), Element::Record { .. })
}

/// The archive in a group of the file, which is of one station unless its columns say so.
///
/// # Errors
/// A group that is an archive but cannot be read.
pub fn part(scope: &Scope, station: &str) -> Result<Option<Box<dyn Catalog>>> {
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
fn named(parts: Vec<Scope>) -> Vec<(Scope, String)> {
    let own = |scope: &Scope| scope.group.rsplit('/').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = parts.iter().map(own).collect();
    names.sort();
    let distinct = names.windows(2).all(|pair| pair.first() != pair.last());
    let name = |scope: &Scope| if distinct { own(scope) } else { scope.group.replace('/', "-") };
    let mut named: Vec<(Scope, String)> = parts
        .into_iter()
        .map(|scope| {
            let name = name(&scope);
            (scope, name)
        })
        .collect();
    named.sort_by(|(_, a), (_, b)| a.cmp(b));
    named
}

/// Why a file is of no layout.
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
            Entry { lanes: if several { characters } else { 1 }, ..entry }
        }))
    }

    fn names(&self) -> Vec<String> {
        let group = if self.scope.group.is_empty() { "/" } else { &self.scope.group };
        self.scope.file.members(group).map(|members| members.datasets).unwrap_or_default()
    }

    fn stations(&self) -> Stations {
        self.stations.clone()
    }
}
