//! The list of what was planted: a series in, CSV lines out.

use std::fmt::{Display, Write as _};

use isd_dataset::MEASUREMENTS;

use crate::synth::planted::Planted;
use crate::synth::series::SyntheticSeries;
use crate::synth::time::utc;

/// First line of the file.
pub(in crate::synth) const HEADER: &str = "station_id,timestamp,measurement,value,kind,event\n";

/// The lines of one station, by time and then measurement name.
pub(in crate::synth) fn lines(series: &SyntheticSeries) -> String {
    let mut planted = series.planted.clone();
    planted.sort_by_key(|p| (p.row, MEASUREMENTS[p.measurement].name));
    let id = series.station.id();
    let mut lines = String::with_capacity(96 * planted.len());
    for entry in planted {
        let measurement = &MEASUREMENTS[entry.measurement];
        let value = series.reports.columns[entry.measurement][entry.row];
        lines.push_str(&id);
        lines.push(',');
        // Writing to a String cannot fail.
        let _ = write!(lines, "{}", time(series.reports.hours[entry.row]));
        lines.push(',');
        lines.push_str(measurement.name);
        lines.push(',');
        push_decimal(&mut lines, value, measurement.isd_decimals);
        let Planted { kind, event, .. } = entry;
        let _ = if kind.is_weather() {
            writeln!(lines, ",{kind},{kind}:{}:{event}", series.station.cluster)
        } else {
            writeln!(lines, ",{kind},{kind}:{id}:{}:{event}", measurement.name)
        };
    }
    lines
}

/// An hour since 1970-01-01T00:00Z as ISO 8601 in UTC.
fn time(hour: i32) -> impl Display {
    utc(hour).format("%Y-%m-%dT%H:00:00Z")
}

/// Appends `stored` divided by ten to the power of `decimals` (0 or 1), exactly.
fn push_decimal(text: &mut String, stored: i16, decimals: u8) {
    let _ = if decimals == 0 {
        write!(text, "{stored}")
    } else {
        let sign = if stored < 0 { "-" } else { "" };
        write!(text, "{sign}{}.{}", stored.unsigned_abs() / 10, stored.unsigned_abs() % 10)
    };
}
