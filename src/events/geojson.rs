//! Events on a map: events in, `GeoJSON` (RFC 7946) out, a point an event and a line where it moved.

use std::io::{self, Write};

use isd_dataset::geography::Position;
use isd_dataset::station_table::StationTable;
use isd_dataset::time::iso8601;
use serde_json::{Value, json};

use super::event::{Event, station, station_id};
use super::table::rounded;

/// Writes events as a feature collection, a line a feature: for each event a point in its middle, without a geometry where
/// it has no place, and where it was at several places, a line along them. A line across the date line is cut there.
///
/// # Errors
/// `out` fails.
pub fn write_geojson(out: &mut impl Write, events: &[Event], table: &StationTable) -> io::Result<()> {
    out.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[")?;
    let mut separator = "\n";
    for event in events {
        for feature in features(event, table) {
            write!(out, "{separator}{feature}")?;
            separator = ",\n";
        }
    }
    out.write_all(b"\n]}\n")
}

/// The features of an event.
fn features(event: &Event, table: &StationTable) -> Vec<Value> {
    let peak = station(event.peak.station, table);
    let place = peak.map(|station| &station.place);
    let mut properties = json!({
        "event_id": event.id,
        "kind": event.kind.name(),
        "verdict": event.verdict.name(),
        "start": iso8601(event.start()),
        "end": iso8601(event.end()),
        "stations": event.stations,
        "observations": event.members.len(),
        "peak_value": event.peak.value,
        "peak_station": station_id(event.peak.station, table),
        "peak_name": place.and_then(|place| place.name.as_deref()),
        "peak_time": iso8601(event.peak.time),
        "extent_km": rounded(event.extent_km, 10.0),
        "lowest_pressure": event.lowest_pressure,
        "severity": rounded(event.severity, 1e3),
    });
    let feature = |shape: &str, geometry: Value, properties: &mut Value| {
        properties["shape"] = shape.into();
        json!({ "type": "Feature", "geometry": geometry, "properties": properties })
    };
    let point = event.middle.map(|middle| json!({ "type": "Point", "coordinates": coordinates(middle) }));
    let mut features = vec![feature("point", point.unwrap_or(Value::Null), &mut properties)];
    let mut track: Vec<Position> = event.track(table).into_iter().map(|(_, position)| position).collect();
    track.dedup();
    if track.len() > 1 {
        let lines: Vec<Vec<[f64; 2]>> = cut_at_date_line(&track);
        let geometry = match lines.as_slice() {
            [line] => json!({ "type": "LineString", "coordinates": line }),
            lines => json!({ "type": "MultiLineString", "coordinates": lines }),
        };
        features.push(feature("track", geometry, &mut properties));
    }
    features
}

/// Longitude and latitude, in the order of `GeoJSON`, to thousandths of a degree.
fn coordinates(position: Position) -> [f64; 2] {
    [rounded(position.longitude, 1e3), rounded(position.latitude, 1e3)]
}

/// A line cut where it crosses the date line: where the way between two positions is shorter across it.
fn cut_at_date_line(track: &[Position]) -> Vec<Vec<[f64; 2]>> {
    let mut lines: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut line: Vec<[f64; 2]> = Vec::new();
    for (at, position) in track.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| track.get(before));
        if let Some(before) = before
            && (position.longitude - before.longitude).abs() > 180.0
        {
            let edge = if before.longitude < 0.0 { -180.0 } else { 180.0 };
            // How far it is to the edge, of the whole way.
            let way = 360.0 - (position.longitude - before.longitude).abs();
            let share = if way > 0.0 { (edge - before.longitude).abs() / way } else { 0.0 };
            let latitude = rounded(before.latitude + share * (position.latitude - before.latitude), 1e3);
            line.push([edge, latitude]);
            lines.push(std::mem::replace(&mut line, vec![[-edge, latitude]]));
        }
        line.push(coordinates(*position));
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_cut_at_the_date_line() {
        let track = [(10.0, 178.0), (12.0, -178.0), (13.0, -177.0), (12.0, 179.0)];
        let track = track.map(|(latitude, longitude)| Position { latitude, longitude });
        assert_eq!(
            cut_at_date_line(&track),
            [
                vec![[178.0, 10.0], [180.0, 11.0]],
                vec![[-180.0, 11.0], [-178.0, 12.0], [-177.0, 13.0], [-180.0, 12.25]],
                vec![[180.0, 12.25], [179.0, 12.0]],
            ]
        );
        assert_eq!(cut_at_date_line(&track[1..3]), [vec![[-178.0, 12.0], [-177.0, 13.0]]]);
    }
}
