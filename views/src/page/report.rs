//! The page as one file, which needs no server: what the page knows in, HTML with everything in it out.

use std::ops::Range;

use serde_json::{Value, json};

use super::archive::Archive;
use super::assets::{INDEX, MODULES, PLOTLY, STYLE};
use super::{overview, view};
use crate::failure::Failure;

/// Events, or stations, whose series are in a report.
pub const SHOWN: usize = 50;
/// Stations of an event whose series are in a report, at most.
const MOST_STATIONS: usize = 8;
/// How long before and after an event, or the worst outlier, its series go.
const AROUND_US: i64 = 4 * 24 * 3_600_000_000;
/// Nothing is loaded, whatever the data hold: scripts and looks are those of the file.
const POLICY: &str =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:";

/// The report: the map, the events, and the series of the first fifty of them; or of the fifty stations with most outliers
/// where there are no events.
///
/// # Errors
/// Files that cannot be read.
pub fn report(archive: &Archive) -> Result<String, Failure> {
    let overview = overview::overview(archive);
    let items = items(archive, &overview)?;
    let data = json!({ "overview": overview, "items": items });
    let mut page = INDEX.to_owned();
    let head = format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<style id=\"plotly.js-style-global\" class=\"no-inline-styles\">\n{STYLE}</style>\n"
    );
    let body = format!(
        "<script type=\"application/json\" id=\"report\">{}</script>\n<script>{PLOTLY}</script>\n\
         <script type=\"module\">\n{}</script>\n",
        in_html(&data),
        script()
    );
    for (mark, text) in [("<!-- head -->", head), ("<!-- body -->", body)] {
        let (before, rest) = page.split_once(mark).unwrap_or((&page, ""));
        // What stands up to the second mark loads the files of the server.
        let after = rest.split_once(mark).map_or("", |(_, after)| after);
        page = format!("{before}{text}{after}");
    }
    Ok(page)
}

/// JSON that no HTML parser takes for markup.
fn in_html(data: &Value) -> String {
    data.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

/// All modules as one: each line that imports is dropped, since what it names stands before it.
fn script() -> String {
    let mut script = String::new();
    for (_, module) in MODULES {
        for line in module.lines().filter(|line| !line.starts_with("import ")) {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script
}

/// The series of the first events, or else of the first stations, as the page asks the server for them.
fn items(archive: &Archive, overview: &Value) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    if archive.events.is_empty() {
        let numbers = |name: &str| overview["outliers"][name].as_array().cloned().unwrap_or_default();
        let (stations, times, measurements) = (numbers("station"), numbers("time"), numbers("measurement"));
        let worst = stations.iter().zip(&times).zip(&measurements).take(SHOWN);
        for ((station, time), measurement) in worst {
            let station = station.as_u64().unwrap_or_default() as u32;
            let time = (time.as_f64().unwrap_or_default() * 1000.0) as i64;
            let series = [(station, measurement.as_u64().unwrap_or_default() as u16)];
            items.push(item(archive, &series, &(time - AROUND_US..time + AROUND_US))?);
        }
        return Ok(items);
    }
    for (number, event) in archive.events.iter().enumerate().take(SHOWN) {
        let mut stations = overview::stations_of(archive, number);
        stations.truncate(MOST_STATIONS);
        let measurement = archive.measurements_of(&event.kind).first().copied().unwrap_or(0);
        let series: Vec<(u32, u16)> = stations.into_iter().map(|station| (station, measurement)).collect();
        let span = event.start.saturating_sub(AROUND_US)..event.end.saturating_add(AROUND_US);
        items.push(item(archive, &series, &span)?);
    }
    Ok(items)
}

fn item(archive: &Archive, series: &[(u32, u16)], span: &Range<i64>) -> Result<Value, Failure> {
    // So many pixels that each row is drawn.
    let panel = |series: &(u32, u16)| {
        let rows = archive.loaded(series.0, series.1)?.rows(span).len();
        view::panel(archive, *series, span, rows.max(1).saturating_mul(8))
    };
    let panels = series.iter().map(panel).collect::<Result<Vec<_>, Failure>>()?;
    Ok(
        json!({ "from": view::milliseconds(span.start), "to": view::milliseconds(span.end), "panels": panels }),
    )
}
