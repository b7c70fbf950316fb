//! What the page shows of all stations: their places, events, and counts of outliers, as JSON in columns.

use std::collections::BTreeMap;
use std::ops::Range;

use isd_dataset::geography::Position;
use serde_json::{Value, json};

use super::archive::{Archive, ArchiveStation};
use super::findings::Kind;
use super::view::{milliseconds, number};
use crate::coast::land;
use crate::table::EventRow;

/// Stations around an event that are shown where no file says which saw it, at most.
const NEIGHBOURS: usize = 6;
/// How far around an event they are looked for.
const REACH_KM: f64 = 300.0;

/// The dataset, its measurements, stations and events, each as columns.
#[must_use]
pub fn overview(archive: &Archive) -> Value {
    let path = archive.dataset.path();
    let name = path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into());
    json!({
        "dataset": name,
        "rows": archive.dataset.rows(),
        "has_outliers": archive.has_outliers,
        "measurements": archive.measurements.iter().enumerate().map(|(at, measurement)| json!({
            "name": measurement.name,
            "units": measurement.units,
            "is_direction": measurement.name == "wind_direction",
            "is_linear": archive.is_linear(at as u16),
        })).collect::<Vec<_>>(),
        "stations": stations(&archive.stations),
        "events": events(archive),
        "outliers": outliers(archive, None, &(i64::MIN..i64::MAX)),
        "land": coasts(),
    })
}

fn stations(stations: &[ArchiveStation]) -> Value {
    let column = |of: &dyn Fn(&ArchiveStation) -> Value| stations.iter().map(of).collect::<Vec<_>>();
    json!({
        "id": column(&|station| json!(station.id)),
        "name": column(&|station| json!(station.place.name)),
        "region": column(&|station| {
            let parts = [&station.place.state, &station.place.country].into_iter().flatten();
            json!(parts.map(String::as_str).collect::<Vec<_>>().join(", "))
        }),
        "latitude": column(&|station| json!(station.place.position.map(|at| at.latitude))),
        "longitude": column(&|station| json!(station.place.position.map(|at| at.longitude))),
        "first": column(&|station| station.span.map_or(Value::Null, |span| milliseconds(span.0))),
        "last": column(&|station| station.span.map_or(Value::Null, |span| milliseconds(span.1))),
        "rows": column(&|station| json!(station.rows)),
    })
}

fn events(archive: &Archive) -> Value {
    let column = |of: &dyn Fn(&EventRow) -> Value| archive.events.iter().map(of).collect::<Vec<_>>();
    json!({
        "id": column(&|event| json!(event.id)),
        "kind": column(&|event| json!(event.kind)),
        "verdict": column(&|event| json!(event.verdict)),
        "measurement": column(&|event| json!(archive.measurements_of(&event.kind).first())),
        "start": column(&|event| milliseconds(event.start)),
        "end": column(&|event| milliseconds(event.end)),
        "stations": column(&|event| json!(event.stations)),
        "peak": column(&|event| number(event.peak_value)),
        "peak_station": column(&|event| json!(archive.station(&event.peak_station))),
        "peak_time": column(&|event| event.peak_time.map_or(Value::Null, milliseconds)),
        "latitude": column(&|event| json!(event.position.map(|at| at.latitude))),
        "longitude": column(&|event| json!(event.position.map(|at| at.longitude))),
        "pressure": column(&|event| json!(event.lowest_pressure)),
        "severity": column(&|event| json!(event.severity)),
    })
}

/// Stations with outliers of a measurement (`None`: of any) in a span: how many, the z-score that is furthest from 0, and when
/// and of which measurement it is. Most outliers first.
#[must_use]
pub fn outliers(archive: &Archive, measurement: Option<u16>, span: &Range<i64>) -> Value {
    let mut found: BTreeMap<u32, (u64, f32, i64, u16)> = BTreeMap::new();
    for mark in archive.findings.marks() {
        if mark.kind == Kind::Outlier
            && measurement.is_none_or(|wanted| wanted == mark.measurement)
            && span.contains(&mark.time)
        {
            let worst = found.entry(mark.station).or_insert((0, 0.0, mark.time, mark.measurement));
            worst.0 += 1;
            if mark.zscore().abs() > worst.1.abs() {
                (worst.1, worst.2, worst.3) = (mark.zscore(), mark.time, mark.measurement);
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(station, (count, ..))| (std::cmp::Reverse(*count), *station));
    json!({
        "station": found.iter().map(|(station, _)| *station).collect::<Vec<_>>(),
        "count": found.iter().map(|(_, (count, ..))| *count).collect::<Vec<_>>(),
        "worst": found.iter().map(|(_, (_, worst, ..))| number(f64::from(*worst))).collect::<Vec<_>>(),
        "time": found.iter().map(|(_, (_, _, time, _))| milliseconds(*time)).collect::<Vec<_>>(),
        "measurement": found.iter().map(|(_, (.., of))| *of).collect::<Vec<_>>(),
    })
}

/// Outlines of land as one line each of longitudes and latitudes, with a null behind each ring.
fn coasts() -> Value {
    let (mut longitudes, mut latitudes) = (Vec::new(), Vec::new());
    let mut add = |ring: &[Position], east: f64| {
        longitudes.extend(ring.iter().map(|at| json!(at.longitude + east)));
        latitudes.extend(ring.iter().map(|at| json!(at.latitude)));
        longitudes.push(Value::Null);
        latitudes.push(Value::Null);
    };
    for ring in land() {
        add(&ring, 0.0);
        if ring.iter().any(|at| at.longitude.abs() > 180.0) {
            add(&ring, -360.0);
            add(&ring, 360.0);
        }
    }
    json!([longitudes, latitudes])
}

/// The stations whose series tell of an event: those that saw it, most severe first; where no file says them, that of its
/// peak and those nearest to it.
#[must_use]
pub fn stations_of(archive: &Archive, event: usize) -> Vec<u32> {
    let Some(row) = archive.events.get(event) else { return Vec::new() };
    if let Some(members) = archive.members.get(event).filter(|members| !members.is_empty()) {
        return members.clone();
    }
    let peak = archive.station(&row.peak_station);
    let middle = peak.and_then(|peak| archive.stations[peak as usize].place.position).or(row.position);
    let mut near: Vec<(u32, f64)> = Vec::new();
    if let Some(middle) = middle {
        for (number, station) in archive.stations.iter().enumerate() {
            let was_there = station.span.is_none_or(|(first, last)| first <= row.end && last >= row.start);
            let distance = station.place.position.map(|at| middle.distance_km(at));
            near.extend(distance.filter(|km| was_there && *km <= REACH_KM).map(|km| (number as u32, km)));
        }
    }
    near.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    let others = near.into_iter().map(|(station, _)| station).filter(|station| Some(*station) != peak);
    peak.into_iter().chain(others).take(NEIGHBOURS).collect()
}
