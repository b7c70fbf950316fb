//! From a dataset and the files of other tools to the three pictures.

use std::collections::BTreeMap;
use std::path::Path;

use isd_dataset::geography::Position;
use isd_dataset::measurement::Measurement;
use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::station_table::{Station, StationTable};
use isd_dataset::time::iso8601;
use isd_kernel::{RollingTest, Scratch, Series, rolling_outliers};
use rayon::prelude::*;

use super::arguments::{Around, Plot, ViewArgs};
use crate::band::Band;
use crate::calendar_plot;
use crate::drawing::{Picture, shown_units};
use crate::failure::Failure;
use crate::map_plot::{MapPlot, Mark};
use crate::record::{Record, check_measurements, find_station};
use crate::series_plot::{Panel, SeriesPlot};
use crate::table::{self, EventRow, Finding};

/// Draws the picture that the arguments ask for. Errors: whatever keeps it from that.
pub fn picture(args: &ViewArgs, plot: Plot) -> Result<Picture, Failure> {
    let dataset = Dataset::open(&args.dataset)?;
    let stations = stations(args)?;
    check_measurements(&dataset, &args.measurements)?;
    match plot {
        Plot::Series => series(args, &dataset, &stations),
        Plot::Map => map(args, &stations),
        Plot::Calendar => calendar(args, &dataset, &stations),
    }
}

/// The table of stations of the dataset, with the places of the list over its own. Empty where the dataset has none.
pub fn stations(args: &ViewArgs) -> Result<StationTable, Failure> {
    let mut stations = StationTable::find(&args.dataset)?.unwrap_or_default();
    if let Some(list) = args.list() {
        if stations.stations().is_empty() {
            let message =
                format!("{}: has no table of stations that a list could complete", args.dataset.display());
            return Err(Failure::error(message).hint("convert the archive with isd-convert"));
        }
        stations.set_places_of_list(list)?;
    }
    Ok(stations)
}

/// A station's id, name, and where it is, as far as that is known.
fn full_name(id: &str, station: Option<&Station>) -> String {
    let Some(place) = station.map(|station| &station.place) else { return id.to_owned() };
    let parts = [&place.name, &place.state, &place.country].into_iter().flatten();
    let name = parts.map(String::as_str).collect::<Vec<_>>().join(", ");
    let position = place.position.map(|at| format!(" ({})", shown_position(at)));
    format!("{id}  {name}{}", position.unwrap_or_default()).trim_end().to_owned()
}

fn shown_position(at: Position) -> String {
    let (north, east) =
        (if at.latitude < 0.0 { 'S' } else { 'N' }, if at.longitude < 0.0 { 'W' } else { 'E' });
    format!("{:.2}° {north}, {:.2}° {east}", at.latitude.abs(), at.longitude.abs())
}

/// The span of the arguments in words, from the first time to the last; empty where all times are wanted.
fn span_text(args: &ViewArgs) -> String {
    let from = args.from.map(|from| format!("from {}", iso8601(from)));
    let to = args.to.map(|before| format!("before {}", iso8601(before)));
    [from, to].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn series(args: &ViewArgs, dataset: &Dataset, stations: &StationTable) -> Result<Picture, Failure> {
    let id = find_station(dataset, stations, args.station.as_deref().unwrap_or_default())?;
    let record = Record::read(dataset, &id, &args.measurements)?;
    let test = args.test()?;
    let wanted = |station: &str, measurement: &str, time: i64| {
        station == id && args.holds_time(time) && args.measurements.iter().any(|name| name == measurement)
    };
    let outliers = args.outliers.as_deref().map(|file| table::outliers(file, wanted)).transpose()?;
    let flags = args.flags.as_deref().map(|file| table::flags(file, wanted)).transpose()?.unwrap_or_default();
    let of = |findings: &[Finding], name: &str| -> Vec<Finding> {
        findings.iter().filter(|finding| finding.measurement == name).cloned().collect()
    };
    let mut panels = Vec::new();
    for (name, values) in args.measurements.iter().zip(record.values) {
        let column = dataset.columns().iter().find(|column| column.name == *name);
        // A mean of directions or codes means nothing.
        let band = Measurement::is_linear(name).then(|| Band::of(&record.times, &values, &test)).transpose();
        let band =
            band.map_err(|error| Failure::error(format!("{}: {id}: {error}", dataset.path().display())))?;
        let decided =
            || band.as_ref().map(|band| findings_of(band, &record.times, &id, name)).unwrap_or_default();
        panels.push(Panel {
            name: name.replace('_', " "),
            is_direction: name == "wind_direction",
            units: column.and_then(|column| column.units.as_deref()).map(shown_units).unwrap_or_default(),
            outliers: outliers.as_ref().map_or_else(decided, |outliers| of(outliers, name)),
            flags: of(&flags, name),
            band,
            values,
        });
    }
    let (first, last) = (record.times.first().copied(), record.times.last().copied());
    let plot = SeriesPlot {
        title: full_name(&id, stations.get(&id)),
        subtitle: args.test_text(),
        span: args.span(first.unwrap_or_default(), last.unwrap_or_default()),
        times: record.times,
        panels,
    };
    Ok(plot.draw())
}

/// What the kernel reports, as a file of outliers has it.
fn findings_of(band: &Band, times: &[i64], station_id: &str, measurement: &str) -> Vec<Finding> {
    let finding = |outlier: &isd_kernel::Outlier| Finding {
        station_id: station_id.to_owned(),
        time: times[outlier.row],
        measurement: measurement.to_owned(),
        value: outlier.value,
        note: format!("z {:.1}", outlier.zscore),
        verdict: String::new(),
    };
    band.outliers.iter().map(finding).collect()
}

fn calendar(args: &ViewArgs, dataset: &Dataset, stations: &StationTable) -> Result<Picture, Failure> {
    let asked = args.station.as_deref().map(|asked| find_station(dataset, stations, asked)).transpose()?;
    let is_wanted = |measurement: &str| {
        args.measurements.is_empty() || args.measurements.iter().any(|name| name == measurement)
    };
    let is_station = |station: &str| asked.as_deref().is_none_or(|asked| asked == station);
    let (times, source): (Vec<i64>, String) = match (&args.outliers, &asked) {
        (Some(file), _) => {
            let wanted = |station: &str, measurement: &str, time: i64| {
                is_station(station) && is_wanted(measurement) && args.holds_time(time)
            };
            let rows = table::outliers(file, wanted)?;
            (rows.into_iter().map(|row| row.time).collect(), format!("outliers of {}", file_name(file)))
        }
        (None, Some(station)) => {
            let record = Record::read(dataset, station, &args.measurements)?;
            let test = args.test()?;
            let mut scratch = Scratch::default();
            let of = |values: &Vec<f64>| outlier_times(&record.times, values, &test, &mut scratch);
            let times = record.values.iter().flat_map(of);
            (times.collect(), args.test_text())
        }
        (None, None) => {
            let test = args.test()?;
            let groups = dataset.row_groups();
            let of_groups = groups.par_iter().map(|group| times_of_group(group, &args.measurements, &test));
            let times = of_groups.collect::<Result<Vec<_>, _>>()?;
            (times.concat(), args.test_text())
        }
    };
    let times = times.into_iter().filter(|time| args.holds_time(*time));
    let what = if args.measurements.is_empty() {
        "all measurements".to_owned()
    } else {
        args.measurements.join(", ")
    };
    let station = asked.map(|id| full_name(&id, stations.get(&id)));
    let title = format!("Outliers by month and hour: {}", station.as_deref().unwrap_or("all stations"));
    let subtitle = [what.replace('_', " "), span_text(args), source];
    let subtitle = subtitle.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    Ok(calendar_plot::draw(&title, &subtitle, &calendar_plot::count(times)))
}

/// The times of the outliers of all stations of a row group.
fn times_of_group(
    group: &RowGroup,
    measurements: &[String],
    test: &RollingTest,
) -> Result<Vec<i64>, Failure> {
    let (runs, times, mut found) = (group.stations()?, group.timestamps()?, Vec::new());
    let (mut values, mut scratch) = (Vec::new(), Scratch::default());
    for measurement in measurements {
        group.numbers_into(measurement, &mut values)?;
        let mut first = 0;
        for run in &runs {
            let rows = first..first + run.rows;
            first = rows.end;
            found.extend(outlier_times(&times.values()[rows.clone()], &values[rows], test, &mut scratch));
        }
    }
    Ok(found)
}

/// The times of the outliers of a series; none of one that cannot be tested.
fn outlier_times(times: &[i64], values: &[f64], test: &RollingTest, scratch: &mut Scratch) -> Vec<i64> {
    let mut found = Vec::new();
    if let Ok(series) = Series::new(values).with_times(Some(times)) {
        rolling_outliers(series, test, scratch, &mut found);
    }
    found.iter().map(|outlier| times[outlier.row]).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn map(args: &ViewArgs, stations: &StationTable) -> Result<Picture, Failure> {
    let events = args.events.as_deref().map(table::events).transpose()?;
    let mut marks = Vec::new();
    let mut counted = Vec::new();
    if let Some(file) = &args.outliers {
        let is_wanted =
            |name: &str| args.measurements.is_empty() || args.measurements.iter().any(|m| m == name);
        let rows =
            table::outliers(file, |_, measurement, time| is_wanted(measurement) && args.holds_time(time))?;
        marks.extend(marks_of_stations(&rows, stations));
        counted.push("outliers of a station (colour: the measurement with most)");
    }
    if let Some(events) = &events {
        let is_during = |event: &&EventRow| {
            args.from.is_none_or(|from| event.end >= from)
                && args.to.is_none_or(|before| event.start < before)
        };
        marks.extend(events.iter().filter(is_during).filter_map(mark_of_event));
        counted.push("stations of an event (colour: verdict)");
    }
    let placed = stations.stations().iter().filter_map(|station| {
        let id = &station.record.station_id;
        station.place.position.map(|at| (at, station.place.name.clone().unwrap_or_else(|| id.clone())))
    });
    let placed: Vec<(Position, String)> = placed.collect();
    if placed.is_empty() && marks.is_empty() {
        let message = format!("{}: it is not known where its stations are", args.dataset.display());
        return Err(
            Failure::error(message).hint("--stations isd-history.csv says it, here or of isd-convert")
        );
    }
    let around = args.around.map(|Around(middle, radius_km)| (middle, radius_km));
    let place = around.map_or_else(
        || "the world".to_owned(),
        |(middle, radius_km)| format!("{radius_km} km around {}", shown_position(middle)),
    );
    let shown = match (&args.outliers, &args.events) {
        (Some(_), Some(_)) => "Stations, outliers and events",
        (Some(_), None) => "Stations and outliers",
        (None, Some(_)) => "Stations and events",
        (None, None) => "Stations",
    };
    let files = [&args.outliers, &args.events].into_iter().flatten().map(|file| file_name(file));
    let subtitle = [
        args.measurements.join(", ").replace('_', " "),
        span_text(args),
        files.collect::<Vec<_>>().join(", "),
    ];
    let plot = MapPlot {
        title: format!("{shown}: {place}"),
        subtitle: subtitle.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; "),
        stations: placed,
        marks,
        counted: counted.join("; "),
        around,
    };
    Ok(plot.draw())
}

/// A mark for each station with outliers whose place is known.
fn marks_of_stations(rows: &[Finding], stations: &StationTable) -> Vec<Mark> {
    let mut counts: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for row in rows {
        *counts.entry(&row.station_id).or_default().entry(&row.measurement).or_default() += 1;
    }
    let mark = |(id, counts): (&str, BTreeMap<&str, u64>)| {
        let station = stations.get(id)?;
        // The first by name of several that have as many.
        let most = counts.iter().rev().max_by_key(|(_, count)| **count)?;
        let each: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        Some(Mark {
            position: station.place.position?,
            count: counts.values().sum::<u64>() as f64,
            class: (*most.0).to_owned(),
            about: format!("{}: {}", full_name(id, Some(station)), each.join(", ")),
        })
    };
    counts.into_iter().filter_map(mark).collect()
}

fn mark_of_event(event: &EventRow) -> Option<Mark> {
    let (kind, start, end) = (event.kind.replace('_', " "), iso8601(event.start), iso8601(event.end));
    Some(Mark {
        position: event.position?,
        count: event.stations,
        class: event.verdict.clone(),
        about: format!("{kind}, {} stations, {start} to {end}, peak {}", event.stations, event.peak_value),
    })
}
