//! The arguments that say which observations are wanted: stations, where they lie, and times.

use std::path::{Path, PathBuf};

use isd_converters::formats::text::iso_micros;
use isd_dataset::selection::Selection;
use isd_dataset::time::iso8601;

use super::failure::Failure;
use crate::stations::{BoundingBox, PlaceChoice, Stations};

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// Which stations and times are wanted. Places are those of `--stations`, or of a dataset that knows them.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Choosing observations")]
pub struct SelectionArgs {
    /// Stations, separated by commas or by repeating the flag: an id, the beginning of one (722020 is 722020-12839, 72 a
    /// whole block), or a pattern such as '*-12839'
    #[arg(long = "station", value_name = "ID", value_delimiter = ',')]
    station_patterns: Vec<String>,
    /// Stations of these countries, by code, separated by commas: US,CA
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    country: Vec<String>,
    /// Stations of these states, by code, separated by commas: FL,GA
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    state: Vec<String>,
    /// Stations within these degrees of longitude and latitude; where W is greater than E, across the date line
    #[arg(long, value_name = "W,S,E,N", value_parser = bounding_box, allow_hyphen_values = true)]
    bbox: Option<BoundingBox>,
    /// First time, in UTC: 2017-09-10, 2017-09-10T06:00 or '2017-09-10 06:00'
    #[arg(long, value_name = "TIME", value_parser = first_time, visible_alias = "since")]
    from: Option<i64>,
    /// Last time, in UTC; a date is that whole day
    #[arg(long, value_name = "TIME", value_parser = time_after)]
    to: Option<i64>,
}

impl SelectionArgs {
    /// The choice that the arguments make. Where stations lie is said by `list`, or by the table of stations of the dataset
    /// that is the only one of `sources`.
    ///
    /// # Errors
    /// A pattern that makes no sense, an end before the beginning, or a choice of places that are not known.
    pub fn selection(&self, sources: &[PathBuf], list: Option<&Path>) -> Result<Selection, Failure> {
        if let (Some(from), Some(before)) = (self.from, self.to)
            && from >= before
        {
            return Err(Failure::usage("--to: lies before --from"));
        }
        let selection = Selection::default().stations(&self.station_patterns);
        let selection = selection.map_err(|error| Failure::usage(format!("--station {error}")))?;
        let selection = selection.times(self.from, self.to);
        if !self.is_of_places() {
            return Ok(selection);
        }
        let stations = match (list, sources) {
            (Some(list), _) => Some(Stations::read(list)?),
            (None, [dataset]) => Stations::of_dataset(dataset)?,
            (None, _) => None,
        };
        let stations = stations.ok_or_else(|| {
            Failure::usage("--country, --state and --bbox: it is not known where the stations lie")
                .hint("--stations isd-history.csv says it")
        })?;
        let places =
            PlaceChoice { countries: self.country.clone(), states: self.state.clone(), bbox: self.bbox };
        Ok(selection.placed(stations.ids_in(&places)?))
    }

    /// The arguments as they were given; `None` where all observations are wanted.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let list = |flag: &str, values: &[String]| {
            (!values.is_empty()).then(|| format!("--{flag} {}", values.join(",")))
        };
        let time = |flag: &str, time: Option<i64>| time.map(|time| format!("--{flag} {}", iso8601(time)));
        let bbox = self
            .bbox
            .map(|BoundingBox { west, south, east, north }| format!("--bbox {west},{south},{east},{north}"));
        let parts = [
            list("station", &self.station_patterns),
            list("country", &self.country),
            list("state", &self.state),
            bbox,
            time("from", self.from),
            // The end is the first time that is not wanted.
            time("to", self.to.map(|before| before - 1)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// Whether stations are chosen by where they lie.
    fn is_of_places(&self) -> bool {
        !self.country.is_empty() || !self.state.is_empty() || self.bbox.is_some()
    }

    /// The failure of a run that found none of the stations asked for in `source`; `None` where any would have done.
    #[must_use]
    pub fn no_station(&self, source: &str) -> Option<Failure> {
        let there = if self.is_of_places() { " there" } else { "" };
        if self.station_patterns.is_empty() {
            return self.is_of_places().then(|| Failure::error(format!("{source}: holds no station there")));
        }
        let ids = self.station_patterns.join(", ");
        let failure = Failure::error(format!("{source}: holds no station {ids}{there}"));
        let hint = "--station takes ids as they stand in station_id, such as 722020-12839, or how they begin";
        Some(failure.hint(hint))
    }
}

/// Parses the limits of `--bbox`.
fn bounding_box(text: &str) -> Result<BoundingBox, String> {
    let numbers = text.split(',').map(|number| number.trim().parse().ok());
    match numbers.collect::<Option<Vec<f64>>>().as_deref() {
        Some(&[west, south, east, north])
            if south <= north
                && [west, east].iter().all(|longitude| (-180.0..=180.0).contains(longitude))
                && [south, north].iter().all(|latitude| (-90.0..=90.0).contains(latitude)) =>
        {
            Ok(BoundingBox { west, south, east, north })
        }
        _ => Err("expected degrees of longitude and latitude, W,S,E,N, such as -88,24,-79,31".to_owned()),
    }
}

/// Parses a time, in microseconds since 1970, UTC.
fn first_time(text: &str) -> Result<i64, String> {
    let time = iso_micros(text.trim().as_bytes());
    time.ok_or_else(|| "expected a date or time in UTC, such as 2017-09-10 or 2017-09-10T06:00".to_owned())
}

/// Parses a time, or a date that stands for its whole day; gives the first time after it, in microseconds since 1970, UTC.
fn time_after(text: &str) -> Result<i64, String> {
    let is_date = text.trim().len() == "2017-09-10".len();
    first_time(text).map(|time| time + if is_date { DAY } else { 1 })
}
