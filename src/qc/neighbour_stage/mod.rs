//! The second stage: what the first found and the series of the stations around in, verdicts that neighbours decide out.
//!
//! Row groups are worked on one after the other. In memory are the stations of one row group and the four measurements of their
//! neighbours, so that memory does not grow with the archive. What neighbours decide rests on the first stage alone: it does
//! not depend on the order of the row groups.

pub mod comparison;
mod parts;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use isd_dataset::geography::PositionIndex;
use isd_dataset::read::RowGroup;
use isd_dataset::station_table::StationTable;
use isd_dataset::{Error, Result};
use rayon::prelude::*;

use crate::qc::CATALOGUE;
use crate::qc::derived::Derived;
use crate::qc::finding::{Finding, Verdict};
use crate::qc::load;
use crate::qc::series_stage::{NotRun, StationFindings, run_test};
use crate::qc::settings::{Settings, test_index};
use crate::qc::spike_limits::SpikeLimits;
use crate::qc::station::Station;
use crate::qc::test::{DEW_POINT, NO_VALUES, PRESSURE, RAIN_1H, TEMPERATURE, WIND_SPEED};
use comparison::{Bounds, Comparison, Judgement};
use reference::minute;
pub use reference::{Reference, Series};

/// Measurements that are compared, in the order in which references hold them.
pub const COMPARED: [usize; 4] = [TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED];
/// Neighbours that are looked at: the nearest.
const MOST_CANDIDATES: usize = 12;
/// Wind of a storm in m/s, and hours around low pressure in which it counts.
const STORM: (f64, f64) = (15.0, 6.0);
/// Values that fall one after the other before low pressure that weather brought.
const FALLING_VALUES: usize = 6;
/// Limits beyond which a departure needs no other evidence.
const GROSS: f64 = 2.0;
/// Share of the limit within which a value may be released: two of the five deviations.
const RELEASED: f64 = 0.4;
/// Distance within which a neighbour has the same weather, in km.
const NEAR_KM: f64 = 50.0;
/// Time between two values over which a jump counts, in hours.
const JUMP_HOURS: f64 = 3.0;
/// Wind of a front, a foehn or a thunderstorm's outflow in m/s, and hours around a temperature in which it, or rain, counts.
const OUTFLOW: (f64, f64) = (10.0, 2.0);

/// The stations around each station.
pub struct Network<'a> {
    table: &'a StationTable,
    index: PositionIndex,
}

impl<'a> Network<'a> {
    /// The stations of a table whose position is known, for the largest radius of `settings`.
    #[must_use]
    pub fn new(table: &'a StationTable, settings: &Settings) -> Self {
        let test = test_index("neighbour").unwrap_or(usize::MAX);
        let radii = COMPARED.iter().filter_map(|&measurement| settings.value(test, measurement, 0));
        let radius = radii.fold(0.0, f64::max);
        let positions = table.stations().iter().enumerate();
        let positions = positions.filter_map(|(number, station)| Some((number, station.place.position?)));
        Self { table, index: PositionIndex::new(positions, radius) }
    }

    /// The numbers of the stations around one, with their distances in km, nearest first. Empty where its position is not known.
    #[must_use]
    pub fn around(&self, id: &str, height: f64) -> Vec<(usize, f64)> {
        let Some(own) = self.table.get(id) else { return Vec::new() };
        let Some(position) = own.place.position else { return Vec::new() };
        let level = |number: usize| self.table.stations().get(number).and_then(|other| other.place.elevation);
        let comparable = |number: usize| {
            own.place.elevation.zip(level(number)).is_none_or(|(own, other)| (own - other).abs() <= height)
        };
        let mut near = self.index.within(position);
        near.retain(|&(number, _)| Some(number) != self.table.number(id) && comparable(number));
        near.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        near.truncate(MOST_CANDIDATES);
        near
    }

    pub(super) fn id(&self, number: usize) -> Option<&str> {
        self.table.stations().get(number).map(|station| &*station.record.station_id)
    }
}

/// A neighbour's series, and how far away it is.
pub struct Around<'a> {
    /// `station_id`.
    pub id: &'a str,
    /// Distance in km.
    pub distance: f64,
    /// Its values.
    pub reference: &'a Reference,
}

/// Where each station lies: its row group and its position in it.
type Places = BTreeMap<Arc<str>, (usize, usize)>;

/// Measurement and row of values of a station.
type Values = Box<[(u8, u32)]>;

/// A dataset, and what the first stage found in it, as far as that concerns the stations around.
pub struct FirstStage<'a> {
    groups: &'a [RowGroup],
    columns: &'a [String],
    places: Places,
    /// Of each station of each row group, the values of [`COMPARED`] that are erroneous.
    errors: Vec<Vec<Values>>,
}

impl<'a> FirstStage<'a> {
    /// What was `found` of the stations of each row group.
    #[must_use]
    pub fn new(groups: &'a [RowGroup], columns: &'a [String], found: &[Vec<StationFindings>]) -> Self {
        let mut places = Places::new();
        for (group, stations) in found.iter().enumerate() {
            let ids = stations.iter().map(|station| Arc::clone(&station.id)).enumerate();
            places.extend(ids.map(|(position, id)| (id, (group, position))));
        }
        let is_wanted = |finding: &&Finding| {
            finding.verdict == Verdict::Erroneous && COMPARED.contains(&usize::from(finding.measurement))
        };
        let errors = |station: &StationFindings| {
            station
                .findings
                .iter()
                .filter(is_wanted)
                .map(|finding| (finding.measurement, finding.row))
                .collect()
        };
        let errors = found.iter().map(|stations| stations.iter().map(errors).collect()).collect();
        Self { groups, columns, places, errors }
    }
}

/// The series of some stations by id, without what the first stage found erroneous.
pub type References = BTreeMap<String, Reference>;

/// Reads the series of some stations.
///
/// # Errors
/// Rows that cannot be read.
fn references(first: &FirstStage<'_>, wanted: &BTreeSet<&str>) -> Result<References> {
    let mut by_group: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &(group, position) in wanted.iter().filter_map(|id| first.places.get(*id)) {
        by_group.entry(group).or_default().push(position);
    }
    let by_group: Vec<(usize, Vec<usize>)> = by_group.into_iter().collect();
    let read = |(group, positions): &(usize, Vec<usize>)| {
        let lost = || Error::internal(format!("no row group {group}"));
        let (rows, errors) = first.groups.get(*group).zip(first.errors.get(*group)).ok_or_else(lost)?;
        let errors = positions.iter().map(|&position| errors.get(position)).collect::<Option<Vec<_>>>();
        Reference::read(rows, first.columns, positions, &errors.ok_or_else(lost)?)
    };
    let series: Vec<Vec<_>> = by_group.par_iter().map(read).collect::<Result<_>>()?;
    Ok(series.into_iter().flatten().collect())
}

/// Has neighbours decide on what was `found` of a row group's stations, which are in its order.
///
/// # Errors
/// Rows that cannot be read.
pub fn decide_group(
    group: &RowGroup,
    found: Vec<StationFindings>,
    first: &FirstStage<'_>,
    network: &Network<'_>,
    settings: &Settings,
) -> Result<(Vec<StationFindings>, NotRun)> {
    let test = test_index("neighbour").unwrap_or(usize::MAX);
    let height = settings.value(test, TEMPERATURE, 1).unwrap_or(f64::INFINITY);
    let around: Vec<Vec<(usize, f64)>> = found
        .iter()
        .map(|result| if settings.runs(test) { network.around(&result.id, height) } else { Vec::new() })
        .collect();
    let wanted: BTreeSet<&str> =
        around.iter().flatten().filter_map(|(number, _)| network.id(*number)).collect();
    let all: Vec<usize> = (0..isd_dataset::MEASUREMENTS.len()).collect();
    let (references, stations) = rayon::join(
        || references(first, &wanted),
        || load::stations(group, first.columns, &all, network.table),
    );
    let (references, stations) = (references?, stations?);
    let decide = |((station, mut result), around): ((&Station, StationFindings), &Vec<(usize, f64)>)| {
        let around = around.iter().filter_map(|&(number, distance)| {
            let (id, reference) = references.get_key_value(network.id(number)?)?;
            Some(Around { id, distance, reference })
        });
        let mut not_run = NotRun::new();
        let around: Vec<_> = around.collect();
        let findings = std::mem::take(&mut result.findings);
        result.findings = decide(station, findings, &result.derived, &around, settings, &mut not_run)?;
        // Of all stations they are in memory together.
        result.findings.shrink_to_fit();
        Ok((result, not_run))
    };
    let decided: Vec<(StationFindings, NotRun)> =
        // One by one: a row group has few stations, and a thread that is done takes the next.
        stations.par_iter().zip(found).zip(&around).with_max_len(1).map(decide).collect::<Result<_>>()?;
    let mut not_run = NotRun::new();
    for (key, stations) in decided.iter().flat_map(|(_, not_run)| not_run) {
        *not_run.entry(*key).or_default() += stations;
    }
    Ok((decided.into_iter().map(|(result, _)| result).collect(), not_run))
}

/// The comparison of a measurement of a station with the stations around, by the parameters of `settings`.
#[must_use]
pub fn compare<'a>(
    station: &'a Station,
    measurement: usize,
    around: &[Around<'_>],
    findings: &[Finding],
    settings: &Settings,
) -> Option<Comparison<'a>> {
    let test = test_index("neighbour")?;
    let [radius, _, least_values, factor, least_spread, agreement, _, _, tolerance] =
        settings.values(test, measurement).ok()?;
    let index = COMPARED.iter().position(|&compared| compared == measurement)?;
    let near = around.iter().take_while(|other| other.distance <= radius);
    let series: Vec<Series<'_>> = near.map(|other| other.reference.series(index)).collect();
    let mut found = vec![false; station.rows()];
    let mine = findings.iter().filter(|finding| usize::from(finding.measurement) == measurement);
    mine.for_each(|finding| found[finding.row as usize] = true);
    let tolerance = (tolerance * 60.0) as u32;
    let bounds = Bounds { least_values: least_values as usize, factor, least_spread, agreement, tolerance };
    Comparison::new(station, measurement, &series, |row| found[row as usize], bounds)
}

/// Has the neighbours of a station decide on the `findings` of it, then cleans up; `around` are nearest first.
pub(super) fn decide(
    station: &Station,
    mut findings: Vec<Finding>,
    derived: &Derived,
    around: &[Around<'_>],
    settings: &Settings,
    not_run: &mut NotRun,
) -> Result<Vec<Finding>> {
    let test = test_index("neighbour").unwrap_or(usize::MAX);
    let isolated = test_index("isolated_cluster");
    let is_isolated = |finding: &Finding| Some(usize::from(finding.test)) == isolated;
    let mut contradicted: BTreeSet<u32> = BTreeSet::new();
    for &measurement in COMPARED.iter().filter(|&&measurement| settings.is_on(test, measurement)) {
        let mut skip = |why| *not_run.entry((test, measurement, why)).or_default() += 1;
        if !station.has(measurement) {
            skip(NO_VALUES);
            continue;
        }
        if station.position().is_none() {
            skip("the place of the station is not known");
            continue;
        }
        let undecided = |finding: &Finding| {
            usize::from(finding.measurement) == measurement && finding.verdict == Verdict::Suspect
        };
        // Dew point and wind are compared only where another test found something.
        let alone = measurement == TEMPERATURE || measurement == PRESSURE;
        if !alone && !findings.iter().any(undecided) {
            continue;
        }
        let Some(comparison) = compare(station, measurement, around, &findings, settings) else {
            skip("fewer than three neighbours have values in common");
            continue;
        };
        let release = (
            settings.value(test, measurement, 6).unwrap_or(0.0),
            settings.value(test, measurement, 7).unwrap_or(0.0),
        );
        let suspects: BTreeSet<u32> = findings.iter().filter(|f| undecided(f)).map(|f| f.row).collect();
        let (mut judged, mut expected) = (BTreeMap::new(), Vec::new());
        let mut positions: Vec<usize> = suspects.iter().filter_map(|&row| comparison.position(row)).collect();
        if alone {
            positions.extend((0..comparison.rows().len()).filter(|&at| comparison.departs(at)));
            positions.sort_unstable();
            positions.dedup();
        }
        for at in positions {
            let row = comparison.rows()[at];
            let Some(judgement) = comparison.judge(at, &mut expected) else { continue };
            if judgement.disagrees || judgement.doubtful || suspects.contains(&row) {
                judged.insert(row, judgement);
            }
        }
        let mut mine = findings_of(&mut findings, measurement);
        let own = judge(station, measurement, around, &judged, &mut mine, release, derived);
        let kept = mine.iter().filter(|finding| is_isolated(finding) && finding.verdict != Verdict::Released);
        contradicted
            .extend(kept.filter(|finding| judged.contains_key(&finding.row)).map(|finding| finding.row));
        findings.extend(own);
    }
    // An isolated report is another station's, or it is not: all its values stand or fall together.
    let released = |finding: &&mut Finding| is_isolated(finding) && finding.verdict == Verdict::Released;
    for finding in findings.iter_mut().filter(released).filter(|finding| contradicted.contains(&finding.row))
    {
        finding.verdict = Verdict::Suspect;
    }
    let clean_up = test_index("clean_up").unwrap_or(usize::MAX);
    if settings.runs(clean_up) {
        let mut derived = derived.clone();
        let found = run_test(clean_up, station, settings, &findings, &mut derived, not_run)?;
        findings.extend(found);
    }
    Ok(findings)
}

/// The findings of a measurement.
fn findings_of(findings: &mut [Finding], measurement: usize) -> Vec<&mut Finding> {
    findings.iter_mut().filter(|finding| usize::from(finding.measurement) == measurement).collect()
}

/// Changes the verdicts of `findings` as the neighbours' judgements say, and returns what they find themselves.
fn judge(
    station: &Station,
    measurement: usize,
    around: &[Around<'_>],
    judged: &BTreeMap<u32, Judgement>,
    findings: &mut [&mut Finding],
    release: (f64, f64),
    derived: &Derived,
) -> Vec<Finding> {
    let test = test_index("neighbour").unwrap_or(usize::MAX);
    let mut own: Vec<Finding> = Vec::new();
    let beyond = |judgement: &Judgement| judgement.disagrees || judgement.doubtful;
    let alone: BTreeSet<u32> =
        judged.iter().filter(|(_, judgement)| beyond(judgement)).map(|(row, _)| *row).collect();
    let left_by_jump = jumps(station, measurement, &alone, judged, derived.spike.get(&measurement));
    let found_before: BTreeSet<u32> = findings.iter().map(|finding| finding.row).collect();
    for (&row, judgement) in judged.iter().filter(|(_, judgement)| beyond(judgement)) {
        let gross = judgement.difference.abs() > GROSS * judgement.limit;
        let evidence = gross || left_by_jump.contains(&row) || found_before.contains(&row);
        let near = around.get(judgement.nearest).is_some_and(|other| other.distance <= NEAR_KM);
        let verdict = match measurement {
            PRESSURE if judgement.difference < 0.0 && is_event(station, row as usize, around) => continue,
            WIND_SPEED if judgement.difference < 0.0 => continue,
            // A departure that comes and goes slowly, at a station without others near it, is local weather.
            _ if !evidence && !near => continue,
            TEMPERATURE if is_other_air(station, row as usize, judgement.difference) => Verdict::Suspect,
            _ if judgement.disagrees && evidence => Verdict::Erroneous,
            _ => Verdict::Suspect,
        };
        own.push(Finding {
            row,
            time: station.times()[row as usize],
            measurement: measurement as u8,
            test: test as u8,
            verdict,
            value: station.values(measurement)[row as usize],
            statistic: judgement.difference,
            lower: judgement.expected - judgement.limit,
            upper: judgement.expected + judgement.limit,
            detail: format!("{} neighbours", judgement.neighbours).into(),
        });
    }
    let wrong: BTreeSet<u32> = own
        .iter()
        .filter(|finding| finding.verdict == Verdict::Erroneous)
        .map(|finding| finding.row)
        .collect();
    for finding in findings.iter_mut().filter(|finding| finding.verdict == Verdict::Suspect) {
        let Some(judgement) = judged.get(&finding.row) else { continue };
        let rests_on_climatology =
            CATALOGUE.get(usize::from(finding.test)).is_some_and(|test| test.about().released_by_neighbours);
        if wrong.contains(&finding.row) {
            finding.verdict = Verdict::Erroneous;
        } else if rests_on_climatology
            // A few neighbours may differ widely by chance, so that any value would be released.
            && judgement.difference.abs() <= (RELEASED * judgement.limit).min(release.0 * judgement.deviation.max(release.1))
        {
            finding.verdict = Verdict::Released;
        }
    }
    own
}

/// The rows, of consecutive ones that lie beyond their limits, that the value before or after leaves by a jump: at least as far
/// as half of the departure from what the neighbours make expected, and half the limit of a spike, so that the course of a day
/// is no jump where hours pass between values.
fn jumps(
    station: &Station,
    measurement: usize,
    beyond: &BTreeSet<u32>,
    judged: &BTreeMap<u32, Judgement>,
    limits: Option<&SpikeLimits>,
) -> BTreeSet<u32> {
    let observed = station.observed(measurement);
    let is_beyond = |row: &u32| beyond.contains(row);
    let change = |from: usize, to: usize| {
        let (from, to) = (*observed.get(from)? as usize, *observed.get(to)? as usize);
        let change = station.values(measurement)[to] - station.values(measurement)[from];
        let usual = limits.and_then(|limits| limits.of(station, from, to, JUMP_HOURS)).unwrap_or(0.0) / 2.0;
        (station.hours_between(from, to) <= JUMP_HOURS && change.abs() >= usual).then_some(change)
    };
    let mut start = 0;
    let mut found = BTreeSet::new();
    for run in observed.chunk_by(|a, b| is_beyond(a) == is_beyond(b)) {
        let (first, last) = (start, start + run.len() - 1);
        start += run.len();
        if !is_beyond(&run[0]) {
            continue;
        }
        let departure = |row: u32| judged.get(&row).map_or(f64::INFINITY, |judgement| judgement.difference);
        let entered = first.checked_sub(1).and_then(|before| change(before, first));
        let left = change(last, last + 1).map(|change| -change);
        let jumped = |change: Option<f64>, departure: f64| {
            change.is_some_and(|change| change * departure > 0.0 && change.abs() >= departure.abs() / 2.0)
        };
        if jumped(entered, departure(run[0])) || jumped(left, departure(run[run.len() - 1])) {
            found.extend(run);
        }
    }
    found
}

/// Whether low pressure belongs to a storm: wind at the station or a neighbour, or pressure that has fallen for hours.
fn is_event(station: &Station, row: usize, around: &[Around<'_>]) -> bool {
    if station.largest_around(WIND_SPEED, row, STORM.1).is_some_and(|wind| wind >= STORM.0) {
        return true;
    }
    let (time, reach) = (minute(station.times()[row]), (STORM.1 * 60.0) as i32);
    let windy = |other: &Around<'_>| {
        let Some(wind) = COMPARED.iter().position(|&compared| compared == WIND_SPEED) else { return false };
        let near = other.reference.series(wind).between(time - reach, time + reach);
        near.iter().any(|&wind| f64::from(wind) >= STORM.0)
    };
    if around.iter().any(windy) {
        return true;
    }
    let before = (0..=row).rev().filter_map(|row| station.value(PRESSURE, row)).take(FALLING_VALUES);
    let before: Vec<f64> = before.collect();
    before.len() == FALLING_VALUES && before.is_sorted_by(|later, earlier| later < earlier)
}

/// Whether a temperature comes with air of its own: wind, as of a front or a foehn, or, where it is low, the rain of a
/// thunderstorm.
fn is_other_air(station: &Station, row: usize, difference: f64) -> bool {
    let wind = station.largest_around(WIND_SPEED, row, OUTFLOW.1).is_some_and(|wind| wind >= OUTFLOW.0);
    let rain = || station.largest_around(RAIN_1H, row, OUTFLOW.1).is_some_and(|rain| rain > 0.0);
    wind || difference < 0.0 && rain()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qc::calendar::HOUR;

    #[test]
    fn the_course_of_a_day_is_no_jump() {
        // Every three hours 0 or 1: the limit of a spike is six times 2, the spread of the changes.
        let times: Vec<i64> = (0..200).map(|row| row * 3 * HOUR).collect();
        let mut values: Vec<f64> = (0..200).map(|row| f64::from(row % 2)).collect();
        let limits = |values: &[f64]| {
            let station = Station::new("a".into(), None, times.clone()).with(TEMPERATURE, values.to_vec());
            let limits = SpikeLimits::derive(&station, TEMPERATURE, 6.0, 5.0);
            (station, limits)
        };
        let judgement = Judgement {
            expected: 0.0,
            difference: 8.0,
            limit: 7.5,
            deviation: 1.0,
            neighbours: 3,
            disagrees: true,
            doubtful: true,
            nearest: 0,
        };
        let judged = BTreeMap::from([(100, judgement)]);
        let beyond = BTreeSet::from([100]);
        for (value, jumps_by_limit) in [(6.9, false), (7.0, true)] {
            values[100] = value;
            let (station, limits) = limits(&values);
            let found = |limits| !jumps(&station, TEMPERATURE, &beyond, &judged, limits).is_empty();
            assert_eq!((found(None), found(Some(&limits))), (true, jumps_by_limit), "{value}");
        }
    }
}
