//! What `isd-events` says: events in, a table for people, a summary and its JSON out.

use std::fmt::Write as _;
use std::path::Path;

use chrono::DateTime;
use isd_dataset::station_table::StationTable;
use serde_json::{Value, json};

use super::output::Written;
use crate::cli::numbers::{HumanBytes, HumanCount, counted, rate, rows_per_second};
use crate::events::{Event, Found, Kind, Verdict, station};

/// Events that the table for people shows of each kind.
const SHOWN: usize = 10;

/// The account of a run.
pub(super) struct Summary<'a> {
    pub dataset: &'a Path,
    pub found: &'a Found,
    pub table: &'a StationTable,
    /// The file of flags; without one, quality control was run.
    pub flags: Option<&'a Path>,
    /// Number of observations that were left out; `None` where nothing was checked.
    pub erroneous: Option<usize>,
    pub written: &'a [Written],
    pub rows: u64,
    pub seconds: f64,
}

impl Summary<'_> {
    /// Number of events of a kind and verdict.
    fn count(&self, kind: Kind, verdict: Verdict) -> u64 {
        self.found.events.iter().filter(|event| event.kind == kind && event.verdict == verdict).count() as u64
    }

    /// The summary as one JSON object.
    pub(super) fn json(&self) -> Value {
        let kinds = self.found.kinds.iter().map(|found| {
            json!({
                "kind": found.kind.name(),
                "is_measured": found.is_measured,
                "stations": found.stations,
                "stations_with_thresholds_of_neighbours": found.lent,
                "stations_not_judged": found.not_judged,
                "exceedances": found.exceedances,
                "event": self.count(found.kind, Verdict::Event),
                "suspected_error": self.count(found.kind, Verdict::SuspectedError),
                "unconfirmed": self.count(found.kind, Verdict::Unconfirmed),
            })
        });
        json!({
            "dataset": self.dataset.display().to_string(),
            "rows": self.rows,
            "stations": self.table.stations().len(),
            "stations_placed": self.table.placed(),
            "flags": self.flags.map(|path| path.display().to_string()),
            "erroneous": self.erroneous,
            "kinds": kinds.collect::<Vec<_>>(),
            "files": self.written.iter().map(|file| file.path.display().to_string()).collect::<Vec<_>>(),
            "seconds": self.seconds,
            "rows_per_second": rows_per_second(self.rows, self.seconds),
        })
    }

    /// The summary for people.
    pub(super) fn text(&self) -> String {
        let count = |number: usize| HumanCount(number as u64).to_string();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let by = self.flags.map_or_else(
            || "the tests of isd-qc, which were run first".to_owned(),
            |path| path.display().to_string(),
        );
        let _ = match self.erroneous {
            Some(erroneous) => {
                let erroneous = counted(erroneous as u64, "erroneous observation");
                writeln!(text, "left out: {erroneous} by {by}")
            }
            None => writeln!(text, "nothing was checked for errors"),
        };
        let (placed, all) = (self.table.placed(), self.table.stations().len());
        if placed < all {
            let _ = writeln!(
                text,
                "places known of {} of {}, the others are near no station; --stations takes a list",
                count(placed),
                counted(all as u64, "station")
            );
        }
        for found in &self.found.kinds {
            if !found.is_measured {
                let names = found.kind.measurements().join(" nor ");
                let _ = writeln!(text, "{}: not looked for, the dataset has no {names}", found.kind);
                continue;
            }
            let [event, suspected, unconfirmed] =
                [Verdict::Event, Verdict::SuspectedError, Verdict::Unconfirmed]
                    .map(|v| self.count(found.kind, v));
            let _ = write!(
                text,
                "{}: {}, {} of one or two stations that others contradict, {} unconfirmed; {} at {}",
                found.kind,
                counted(event, "event"),
                HumanCount(suspected),
                HumanCount(unconfirmed),
                counted(found.exceedances as u64, "exceedance"),
                counted((found.stations + found.lent) as u64, "station")
            );
            if found.lent > 0 {
                let _ = write!(text, ", {} with thresholds of their neighbours", count(found.lent));
            }
            if found.not_judged > 0 {
                let short = counted(found.not_judged as u64, "station");
                let _ = write!(text, "; {short} of less than a year not judged");
            }
            text.push('\n');
        }
        for Written { path, rows, bytes } in self.written {
            let _ = writeln!(
                text,
                "wrote {} ({}, {})",
                path.display(),
                counted(*rows, "row"),
                HumanBytes(*bytes)
            );
        }
        let _ = writeln!(
            text,
            "{} in {:.2} s ({})",
            counted(self.rows, "row"),
            self.seconds,
            rate(self.rows, self.seconds)
        );
        text
    }
}

/// The most severe events of each kind as a table for people: what, when, where, how many stations, and how extreme.
pub(super) fn reading_table(events: &[Event], table: &StationTable) -> String {
    let mut rows = vec![
        ["kind", "verdict", "start", "end", "stations", "peak", "lowest hPa", "where"].map(str::to_owned),
    ];
    let mut left = 0;
    for kind in Kind::ALL {
        // Events first, by severity; then what may be none.
        let mut of_kind: Vec<&Event> = events.iter().filter(|event| event.kind == kind).collect();
        of_kind.sort_by_key(|event| event.verdict);
        left += of_kind.len().saturating_sub(SHOWN);
        rows.extend(of_kind.into_iter().take(SHOWN).map(|event| row(event, table)));
    }
    let widths: [usize; 8] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            // Writing to a String cannot fail.
            let _ = if (4..7).contains(&column) {
                write!(line, "{gap}{cell:>width$}")
            } else {
                write!(line, "{gap}{cell:<width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if left > 0 {
        let _ = writeln!(text, "and {} more: -o FILE writes all", HumanCount(left as u64));
    }
    text
}

/// An event in words.
fn row(event: &Event, table: &StationTable) -> [String; 8] {
    let minute = |time: i64| {
        DateTime::from_timestamp_micros(time)
            .map_or_else(|| time.to_string(), |time| time.format("%Y-%m-%d %H:%M").to_string())
    };
    let units = match event.kind {
        Kind::Wind => "m/s",
        Kind::LowPressure => "hPa",
        Kind::Heat | Kind::Cold => "degC",
        Kind::Rain => "mm",
    };
    let peak = station(event.peak.station, table);
    let place = peak.map(|station| {
        let place = &station.place;
        let region = [&place.state, &place.country].into_iter().flatten().map(String::as_str);
        let region = region.collect::<Vec<_>>().join(" ");
        let name = place.name.as_deref().unwrap_or(&station.record.station_id);
        if region.is_empty() { name.to_owned() } else { format!("{name}, {region}") }
    });
    [
        event.kind.to_string(),
        event.verdict.to_string(),
        minute(event.start()),
        minute(event.end()),
        event.stations.to_string(),
        format!("{:.1} {units}", event.peak.value),
        event.lowest_pressure.map_or_else(String::new, |pressure| format!("{pressure:.1}")),
        place.unwrap_or_default(),
    ]
}
