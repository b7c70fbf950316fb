//! Which groups and tables of a file are archives: an open file in, the one that is meant out, or all groups that are one a
//! station, and what is said of those beside them.

use isd_dataset::names::list;
use rayon::prelude::*;

use super::catalog::{Catalog, Entry, Scope, Stations};
use super::table::{PANDAS_TABLE, Table};
use super::{Layout, group_catalog, is_table};
use crate::formats::hdf5::library::Scalar;
use crate::formats::table::names::STATION_NAMES;
use crate::{Error, Result};

/// Where the archive of the talk has its table.
const TALK_TABLE: &str = "isdlite/table";
/// Names beside the usual ones of columns that seem to name stations, in lower case.
const OTHER_STATION_NAMES: [&str; 4] = ["site", "site_id", "usaf", "wmo"];
/// Groups within groups that are looked into.
const DEPTH: usize = 6;

/// A group or table that may be an archive.
#[allow(clippy::struct_excessive_bools, reason = "each is a question by itself")]
struct Candidate {
    scope: Scope,
    /// Whether it is a table, of which rows name their stations.
    keyed_table: bool,
    times: bool,
    /// Whether what it holds names its stations.
    keyed: bool,
    /// Whether that or its own name may name its stations.
    stations: bool,
    /// A column that seems to name stations, though all rows are taken for those of one named after the group.
    unused_station: Option<String>,
}

/// The archive in a file that is none by itself: its only table, or its groups.
///
/// Where some have times and stations, those without are left out.
///
/// # Errors
/// A file without any, or with several tables that may be meant.
pub fn choose(scope: &Scope) -> Result<Layout> {
    let scopes = scopes(scope, DEPTH);
    let found: Vec<Result<Option<Candidate>>> = scopes.into_par_iter().map(candidate).collect();
    let (mut candidates, mut broken) = (Vec::new(), None);
    for found in found {
        match found {
            Ok(found) => candidates.extend(found),
            // It is reported only where no group is an archive.
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    let mut notes = Vec::new();
    let mut leave_out = |left: Vec<Candidate>, reason: &str| {
        if !left.is_empty() {
            let names: Vec<String> = left.iter().map(|candidate| candidate.scope.path_in_file()).collect();
            notes.push(format!("left out, since they have no {reason}: {}", list(&names)));
        }
    };
    if candidates.iter().any(|candidate| candidate.times) {
        let (kept, left) = candidates.into_iter().partition(|candidate| candidate.times);
        candidates = kept;
        leave_out(left, "times");
    } else {
        // A table of any name is an archive only by its times.
        candidates.retain(|candidate| candidate.scope.table.is_none());
    }
    // Groups that are one a station may be called anything; beside rows that name their stations, a word is none.
    if candidates.iter().any(|candidate| candidate.keyed) {
        let (kept, left) = candidates.into_iter().partition(|candidate| candidate.stations);
        candidates = kept;
        leave_out(left, "stations");
    }
    if candidates.iter().filter(|candidate| candidate.keyed_table).count() > 1 {
        let talk = candidates.iter().position(|candidate| candidate.scope.path_in_file() == TALK_TABLE);
        let Some(talk) = talk else { return Err(several(scope, &candidates)) };
        let chosen = candidates.swap_remove(talk);
        leave_out(candidates, &format!("place beside {TALK_TABLE}"));
        candidates = vec![chosen];
    }
    match candidates.as_slice() {
        [] => Err(broken.unwrap_or_else(|| unknown(scope))),
        [Candidate { scope, keyed_table: true, .. }] => {
            let table = Table::open(scope, scope.table.as_deref().unwrap_or(PANDAS_TABLE))?;
            let gone = || scope.format_error(format!("{} is no table any more", scope.path_in_file()), None);
            Ok(Layout::One(Box::new(table.ok_or_else(gone)?.with_notes(notes))))
        }
        several if several.len() > 1 && scope.named_station().is_some() => {
            let groups: Vec<String> = several.iter().map(|found| found.scope.path_in_file()).collect();
            let found = format!("has one station named for several groups, which are {}", list(&groups));
            Err(scope
                .format_error(found, Some("leave out --column station_id==NAME: groups name their stations")))
        }
        _ => {
            for candidate in &candidates {
                if let Some(column) = &candidate.unused_station {
                    let scope = &candidate.scope;
                    return Err(scope.column_error(
                        &format!("{}/{column}", scope.path_in_file()),
                        "may name the stations of rows that would all be of one named after the group",
                        Some(format!("name it with --column station_id={column}")),
                    ));
                }
            }
            let scopes = candidates.into_iter().map(|candidate| candidate.scope).collect();
            Ok(Layout::Groups { groups: named(scopes), notes })
        }
    }
}

/// The tables of a group, and all groups below it with their tables, also those that hold no archive.
fn scopes(scope: &Scope, depth: usize) -> Vec<Scope> {
    let members = scope.members();
    let is_other = |name: &&String| name.as_str() != PANDAS_TABLE || scope.group.is_empty();
    let mut scopes: Vec<Scope> =
        members.datasets.iter().filter(is_other).map(|name| scope.table(name)).collect();
    let of_pandas = members.datasets.iter().any(|name| name == PANDAS_TABLE);
    for name in &members.groups {
        // PyTables keeps the indexes of a table in groups beside it, pandas the categories of its columns.
        if name.starts_with("_i_") || of_pandas && name == "meta" {
            continue;
        }
        let group = scope.below(name);
        let below = if depth > 0 { self::scopes(&group, depth - 1) } else { Vec::new() };
        scopes.push(group);
        scopes.extend(below);
    }
    scopes
}

/// What may be the archive in a scope; `None` where there is none.
fn candidate(scope: Scope) -> Result<Option<Candidate>> {
    let table = scope.table.as_deref().unwrap_or(PANDAS_TABLE);
    let table = matches!(scope.dataset(table)?, Some((_, dataset)) if is_table(&*dataset));
    if scope.table.is_some() && !table {
        return Ok(None);
    }
    let name = named(vec![scope.clone()]).into_iter().next().map_or_else(String::new, |(_, name)| name);
    let Some(catalog) = group_catalog(&scope, &name)? else { return Ok(None) };
    let stations = catalog.stations();
    Ok(Some(Candidate {
        keyed_table: table && matches!(stations, Stations::Columns),
        times: catalog.find(scope.name_of("timestamp"))?.is_some(),
        keyed: !matches!(stations, Stations::One(_) | Stations::Group(_)),
        stations: !matches!(&stations, Stations::Group(name) if !Stations::may_be_named(name)),
        unused_station: match stations {
            Stations::Group(_) if scope.mapped("station_id").is_none() => unused_station(&*catalog)?,
            _ => None,
        },
        scope,
    }))
}

/// A column of a usual name of stations; a number called `id` may be that of the row.
fn unused_station(catalog: &dyn Catalog) -> Result<Option<String>> {
    for name in catalog.names() {
        let lower = name.to_ascii_lowercase();
        if !(STATION_NAMES.contains(&lower.as_str()) || OTHER_STATION_NAMES.contains(&lower.as_str())) {
            continue;
        }
        let number = matches!(catalog.find(&name)?, Some(Entry { scalar: Scalar::Number(_), .. }));
        if lower != "id" || !number {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The error of a file in which several tables may be meant.
fn several(scope: &Scope, candidates: &[Candidate]) -> Error {
    let tables: Vec<String> = candidates
        .iter()
        .filter(|candidate| candidate.keyed_table)
        .map(|candidate| candidate.scope.path_in_file())
        .collect();
    let first = tables.first().map_or("table", String::as_str);
    let hint = format!("choose one by its times, such as --column timestamp=/{first}/timestamp");
    scope.format_error(format!("holds several tables, expected one: {}", list(&tables)), Some(&hint))
}

/// Groups with the stations that they stand for: the group's own name where that tells them apart,
/// else its path; sorted by it.
fn named(archives: Vec<Scope>) -> Vec<(Scope, String)> {
    let path = |scope: &Scope| match scope.table.as_deref() {
        None | Some(PANDAS_TABLE) => scope.group.clone(),
        Some(_) => scope.path_in_file(),
    };
    let own = |scope: &Scope| path(scope).rsplit('/').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = archives.iter().map(own).collect();
    names.sort();
    let distinct = names.windows(2).all(|pair| pair.first() != pair.last());
    let name = |scope: &Scope| if distinct { own(scope) } else { path(scope).replace('/', "-") };
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
