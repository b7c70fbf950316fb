//! What is asked of the page's server: a name and its parameters in, JSON or CSV out.

use std::ops::Range;

use isd_dataset::names::nearest;
use serde_json::{Value, json};

use super::archive::Archive;
use super::{overview, view};
use crate::failure::Failure;

/// Panels of one answer, and pixels of one panel, at most.
const MOST_PANELS: usize = 24;
const MOST_PIXELS: usize = 8000;

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// JSON.
    Json(Value),
    /// A table to be saved.
    Csv(String),
}

/// The parameters of a question.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let wrong = |text: &str| Failure::usage(format!("{name}={text}: expected a number"));
        self.get(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }

    /// A time in milliseconds since 1970, as microseconds.
    fn time(&self, name: &str) -> Result<Option<i64>, Failure> {
        Ok(self.number::<f64>(name)?.map(|time| (time * 1000.0).round() as i64))
    }

    fn span(&self) -> Result<Range<i64>, Failure> {
        let (from, before) = (self.time("from")?.unwrap_or(i64::MIN), self.time("to")?.unwrap_or(i64::MAX));
        if from < before { Ok(from..before) } else { Err(Failure::usage("to: lies before from")) }
    }

    /// The series that are asked for: `panel=STATION.MEASUREMENT` by their numbers.
    fn series(&self, archive: &Archive) -> Result<Vec<(u32, u16)>, Failure> {
        let asked = self.0.iter().filter(|(name, _)| name == "panel");
        let series = |text: &str| {
            let (station, measurement) = text.split_once('.')?;
            let (station, measurement) = (station.parse::<u32>().ok()?, measurement.parse::<u16>().ok()?);
            let is_there = (station as usize) < archive.stations.len()
                && usize::from(measurement) < archive.measurements.len();
            is_there.then_some((station, measurement))
        };
        let wrong = |text: &str| Failure::usage(format!("panel={text}: no such station or measurement"));
        asked.take(MOST_PANELS).map(|(_, text)| series(text).ok_or_else(|| wrong(text))).collect()
    }
}

/// Answers a question, or `None` if there is no such.
///
/// # Errors
/// Parameters that make no sense, and files that cannot be read.
pub fn answer(archive: &Archive, name: &str, query: &str) -> Result<Option<Answer>, Failure> {
    let asked = Parameters::of(query);
    let json = match name {
        "overview" => overview::overview(archive),
        "outliers" => overview::outliers(archive, asked.number("measurement")?, &asked.span()?),
        "event" => {
            let event = asked.number("number")?.ok_or_else(|| Failure::usage("number: is missing"))?;
            json!({ "stations": overview::stations_of(archive, event) })
        }
        "panels" => {
            let width = asked.number::<usize>("width")?.unwrap_or(1000).clamp(1, MOST_PIXELS);
            let (series, span) = (asked.series(archive)?, asked.span()?);
            let panels = series.into_iter().map(|series| {
                let whole = archive.loaded(series.0, series.1)?.span().unwrap_or(0..1);
                let (from, to) = (asked.time("from")?, asked.time("to")?);
                let is_whole = from.is_none() && to.is_none();
                view::panel(archive, series, if is_whole { &whole } else { &span }, width)
            });
            json!(panels.collect::<Result<Vec<_>, Failure>>()?)
        }
        "mark" => {
            let (next, before) = (asked.time("after")?, asked.time("before")?);
            let time = next.or(before).ok_or_else(|| Failure::usage("after, before: one is needed"))?;
            view::mark_beside(archive, &asked.series(archive)?, time, next.is_some())?
        }
        "station" => station(archive, asked.get("id").unwrap_or_default())?,
        "csv" => {
            let text = view::csv(archive, &asked.series(archive)?, &asked.span()?)?;
            return Ok(Some(Answer::Csv(text)));
        }
        _ => return Ok(None),
    };
    Ok(Some(Answer::Json(json)))
}

/// The number of a station, by its id or how only its id begins. Errors: no such station, with the nearest.
fn station(archive: &Archive, id: &str) -> Result<Value, Failure> {
    if let Some(number) = archive.station(id) {
        return Ok(json!({ "station": number }));
    }
    let numbered = archive.stations.iter().zip(0_u32..);
    let mut begun = numbered.filter(|(station, _)| !id.is_empty() && station.id.starts_with(id));
    if let (Some((_, number)), None) = (begun.next(), begun.next()) {
        return Ok(json!({ "station": number }));
    }
    let failure = Failure::error(format!("the dataset holds no station {id}"));
    Err(match nearest(id, archive.stations.iter().map(|station| station.id.as_str())) {
        Some(nearest) => failure.hint(format!("the nearest is {nearest}")),
        None => failure,
    })
}
