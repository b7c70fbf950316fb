//! The whole of quality control: a dataset in, the findings of all its stations and an account of the tests out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use isd_dataset::read::{Dataset, RowGroup, Times, read_ahead};
use isd_dataset::station_table::StationTable;
use isd_dataset::{MEASUREMENTS, Result};

use crate::detect::on_threads;
use crate::qc::CATALOGUE;
use crate::qc::derived::Derived;
use crate::qc::finding::Verdict;
use crate::qc::load;
use crate::qc::neighbour_stage::{FirstStage, Network, decide_group};
use crate::qc::series_stage::{NotRun, StationFindings, test_station};
use crate::qc::settings::Settings;

/// What was derived from the records of stations, by `station_id`.
pub type Thresholds = BTreeMap<String, Derived>;

/// What quality control found.
#[derive(Debug)]
pub struct Outcome {
    /// The stations in order.
    pub stations: Vec<StationFindings>,
    /// Number of rows.
    pub rows: u64,
    /// Number of values by measurement.
    pub values: [u64; MEASUREMENTS.len()],
    /// How many stations a test could not act on, by test, measurement and reason.
    pub not_run: NotRun,
}

impl Outcome {
    /// Number of findings by test, measurement and verdict.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(usize, usize), [u64; Verdict::ALL.len()]> {
        let mut counts: BTreeMap<(usize, usize), [u64; Verdict::ALL.len()]> = BTreeMap::new();
        for finding in self.stations.iter().flat_map(|station| &station.findings) {
            let key = (usize::from(finding.test), usize::from(finding.measurement));
            counts.entry(key).or_default()[finding.verdict as usize] += 1;
        }
        counts
    }

    /// Number of values of a measurement that are suspect or erroneous.
    #[must_use]
    pub fn flagged(&self, measurement: usize) -> u64 {
        let of_station = |station: &StationFindings| {
            let mine = station.findings.iter().filter(|finding| {
                usize::from(finding.measurement) == measurement && finding.verdict != Verdict::Released
            });
            mine.map(|finding| finding.row).collect::<BTreeSet<_>>().len() as u64
        };
        self.stations.iter().map(of_station).sum()
    }
}

/// Runs quality control over a dataset that `isd-convert` wrote, on as many threads as the current rayon pool has.
///
/// `table` says where stations are. `known` holds what was derived from their records before; it is empty where everything is to
/// be derived from the dataset. What is derived is returned only where `keep` says so: for many stations it is much.
/// `progress` is told how many rows are done, of twice as many as there are: each stage reads them
/// once. The result does not depend on the number of threads or on the row groups.
///
/// # Errors
/// A dataset that cannot be read.
pub fn run(
    dataset: &Dataset,
    table: &StationTable,
    settings: &Settings,
    known: &Thresholds,
    keep: bool,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Outcome> {
    let groups = dataset.row_groups();
    let columns: Vec<String> = load::judged_columns(dataset);
    let done = AtomicU64::new(0);
    let wanted: Vec<usize> = (0..MEASUREMENTS.len()).collect();
    let mut order: Vec<(usize, RowGroup)> = groups.iter().cloned().enumerate().collect();
    // Small ones last, so that the threads end together.
    order.sort_by_key(|(_, group)| Reverse(group.rows()));
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    read_ahead(&mut order.iter_mut().map(|(_, group)| group).collect::<Vec<_>>(), &names, Times::All);
    let test_group = |(number, group): &(usize, RowGroup)| {
        let stations = load::stations(group, &columns, &wanted, table)?;
        let mut not_run = NotRun::new();
        let mut found = Vec::with_capacity(stations.len());
        for station in stations {
            let rows = station.rows() as u64;
            let derived = known.get(&**station.id()).cloned().unwrap_or_default();
            let mut tested = test_station(station, settings, derived, &mut not_run)?;
            if !keep {
                // Neighbours judge by the limits of spikes, and the comparison with what was planted by the lengths of streaks.
                let Derived { spike, streak, .. } = tested.derived;
                tested.derived = Derived { spike, streak, ..Derived::default() };
            }
            found.push(tested);
            progress(done.fetch_add(rows, Ordering::Relaxed) + rows);
        }
        Ok((*number, found, not_run))
    };
    let mut tested = on_threads(&order, test_group)?;
    tested.sort_by_key(|(number, ..)| *number);
    let mut not_run = NotRun::new();
    let mut found: Vec<Vec<StationFindings>> = Vec::with_capacity(tested.len());
    for (_, stations, reasons) in tested {
        add(&mut not_run, reasons);
        found.push(stations);
    }
    let first = FirstStage::new(&groups, &columns, &found);
    let network = Network::new(table, settings);
    let mut stations = Vec::new();
    for (group, found) in groups.iter().zip(found) {
        let (decided, reasons) = decide_group(group, found, &first, &network, settings)?;
        add(&mut not_run, reasons);
        stations.extend(decided);
        progress(done.fetch_add(group.rows() as u64, Ordering::Relaxed) + group.rows() as u64);
    }
    for station in &mut stations {
        station.findings.sort_by_key(crate::qc::Finding::key);
    }
    stations.sort_by(|a, b| a.id.cmp(&b.id));
    let values = std::array::from_fn(|m| stations.iter().map(|station| station.values[m]).sum());
    note_absent(&mut not_run, &columns, settings);
    Ok(Outcome { stations, rows: dataset.rows(), values, not_run })
}

fn add(total: &mut NotRun, other: NotRun) {
    for (key, stations) in other {
        *total.entry(key).or_default() += stations;
    }
}

/// A measurement that the dataset lacks is noted once, not for each station.
fn note_absent(not_run: &mut NotRun, columns: &[String], settings: &Settings) {
    let lacks = |measurement: usize| !columns.iter().any(|column| column == MEASUREMENTS[measurement].name);
    not_run.retain(|(_, measurement, _), _| !lacks(*measurement));
    for (measurement, _) in MEASUREMENTS.iter().enumerate().filter(|(measurement, _)| lacks(*measurement)) {
        for test in (0..CATALOGUE.len()).filter(|&test| settings.is_on(test, measurement)) {
            not_run.insert((test, measurement, "the dataset has no such column in its usual unit"), 0);
        }
    }
}
