//! Extreme weather events: a dataset, its stations and flags of quality control in, a list of events out.
//!
//! ```text
//! row groups --survey--> exceedances --link--> groups --witness--> events
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | `kind`, `options` | which events there are; thresholds and their defaults |
//! | `flags` | which observations quality control calls erroneous: they are left out |
//! | `survey` | a station's own thresholds, and its observations beyond them |
//! | `link` | exceedances that are near each other in space and time |
//! | `witness` | what the stations in and around a group saw of it |
//! | `event` | the account of a group, and its verdict |
//! | `table`, `geojson` | events as a table, and on a map |
//!
//! Only exceedances are held in memory, and what row groups are being read. The result does not depend on the number of
//! threads, on how the dataset is cut into row groups, or on its source.

mod event;
mod flags;
pub mod geojson;
mod kind;
mod link;
mod options;
mod percentile;
mod series;
mod survey;
pub mod table;
mod witness;

pub use event::{Event, Verdict, station};
pub use flags::Flags;
pub use kind::{Kind, PRESSURE};
pub use options::{DAY_US, EventOptions, HOUR_US};
pub use percentile::{median_and_deviation, percentile};
pub use survey::Exceedance;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

use isd_dataset::Result;
use isd_dataset::read::{Dataset, RowGroup, Times, read_ahead};
use isd_dataset::station_table::StationTable;

use crate::detect::threads::on_threads;
use event::places;
use link::link;
use series::present;
use survey::{lend, survey};
use witness::{Questions, Testimony};

/// The events of a dataset, and how they were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The most severe first.
    pub events: Vec<Event>,
    /// What was found of each kind, in the order in which they were asked for.
    pub kinds: Vec<KindCount>,
}

/// How the events of one kind were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindCount {
    /// The kind.
    pub kind: Kind,
    /// Whether the dataset has a measurement of the kind.
    pub is_measured: bool,
    /// Stations with thresholds of their own.
    pub stations: usize,
    /// Stations whose record is of less than a year, or of rain of too few wet hours, and which took the thresholds of their
    /// neighbours.
    pub lent: usize,
    /// Stations whose record is too short likewise, and which have no neighbour to take them from: they are not judged.
    pub not_judged: usize,
    /// Observations beyond a threshold.
    pub exceedances: usize,
}

impl KindCount {
    /// That of a kind of which the dataset has no measurement.
    fn not_measured(kind: Kind) -> Self {
        Self { kind, is_measured: false, stations: 0, lent: 0, not_judged: 0, exceedances: 0 }
    }
}

/// Finds the events of a dataset whose stations are `table`.
///
/// `progress` is told how many rows are read, from any thread; each row is read up to three times for each kind.
///
/// # Errors
/// A dataset that cannot be read.
pub fn find(
    dataset: &Dataset,
    table: &StationTable,
    flags: &Flags,
    options: &EventOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Found> {
    let groups = dataset.row_groups();
    let done = AtomicU64::new(0);
    let read = |group: &RowGroup| {
        let rows = group.rows() as u64;
        progress(done.fetch_add(rows, Ordering::Relaxed) + rows);
    };
    let mut found = Found { events: Vec::new(), kinds: Vec::new() };
    for &kind in &options.kinds {
        let columns = present(dataset, kind.measurements().iter().copied());
        if columns.is_empty() {
            found.kinds.push(KindCount::not_measured(kind));
            continue;
        }
        let mut all = groups.clone();
        read_ahead(&mut all.iter_mut().collect::<Vec<_>>(), &columns, Times::All);
        let surveys = on_threads(&all, |group| {
            let surveys = survey(group, &columns, kind, table, flags, options, None);
            read(group);
            surveys
        })?;
        let mut surveys: Vec<_> = surveys.into_iter().flatten().collect();
        let lent = lend(&surveys, table, options);
        let own = surveys.iter().filter(|survey| survey.thresholds.is_some()).count();
        if !lent.is_empty() {
            let again = on_threads(&groups, |group| {
                let holds = |id: &str| table.number(id).is_some_and(|number| lent.contains_key(&number));
                if !group.stations()?.iter().any(|run| holds(&run.station_id)) {
                    return Ok(Vec::new());
                }
                survey(group, &columns, kind, table, flags, options, Some(&lent))
            })?;
            surveys.retain(|survey| !lent.contains_key(&survey.station));
            surveys.extend(again.into_iter().flatten());
        }
        let exceedances: Vec<Exceedance> =
            surveys.iter().flat_map(|survey| survey.exceedances.iter().copied()).collect();
        found.kinds.push(KindCount {
            kind,
            is_measured: true,
            stations: own,
            lent: lent.len(),
            not_judged: surveys.len() - own - lent.len(),
            exceedances: exceedances.len(),
        });
        let measurements: HashMap<_, _> =
            surveys.into_iter().map(|survey| (survey.station, survey.measurement)).collect();
        let position = |station: usize| table.stations().get(station)?.place.position;
        let events = link(exceedances, position, options);
        let few = |members: &[Exceedance]| places(members, table) < options.least_stations;
        let questions = Questions::new(kind, &events, few, table, &measurements, flags, options);
        let columns = present(dataset, columns.into_iter().chain([PRESSURE]));
        let mut testimonies: BTreeMap<usize, Testimony> = BTreeMap::new();
        for answers in on_threads(&groups, |group| questions.ask(group, &columns))? {
            for (event, answer) in answers {
                testimonies.entry(event).or_default().add(answer);
            }
        }
        found.events.extend(events.into_iter().enumerate().filter_map(|(number, members)| {
            let testimony = testimonies.get(&number).copied().unwrap_or_default();
            Event::new(kind, members, testimony, table, options)
        }));
    }
    let wanted = |member: &Exceedance| {
        let station = table.stations().get(member.station);
        options.selection.holds_time(member.time)
            && station.is_some_and(|station| options.selection.holds_station(&station.record.station_id))
    };
    found.events.retain(|event| event.members.iter().any(wanted));
    found.events.sort_by(|one, other| {
        let severity = other.severity.total_cmp(&one.severity);
        severity.then(one.start().cmp(&other.start())).then_with(|| one.id.cmp(&other.id))
    });
    Ok(found)
}
