//! The options of `isd-events`: arguments in, thresholds of events out.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::cli::common::CommonArgs;
use crate::cli::duration::span;
use crate::cli::failure::Failure;
use crate::cli::selection::SelectionArgs;
use crate::events::{EventOptions, Kind};

/// Find extreme weather: observations beyond their stations' own percentiles that several stations share, linked to events
/// in space and time, and told from errors.
#[derive(Debug, Parser)]
#[command(name = "isd-events", version, max_term_width = 100)]
pub struct EventsArgs {
    /// Dataset that isd-convert wrote
    #[arg(value_name = "DATASET")]
    pub(super) dataset: PathBuf,
    /// File to write the events to: .parquet, .csv, .arrow, .ndjson or .geojson [default: standard output, unless --json
    /// has it]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// File to write the observations of the events to: .parquet, .csv, .arrow or .ndjson
    #[arg(long, value_name = "FILE")]
    pub(super) members: Option<PathBuf>,
    /// Flags that isd-qc wrote, as Parquet, CSV or Arrow: what they call erroneous is left out [default: the tests of
    /// isd-qc are run first]
    #[arg(long, value_name = "FILE")]
    pub(super) flags: Option<PathBuf>,
    /// Do not look for errors first
    #[arg(long, conflicts_with = "flags")]
    pub(super) unchecked: bool,
    /// Station list, isd-history.csv or GHCNh's, whose places go over those of the dataset
    #[arg(long, value_name = "LIST")]
    pub(super) stations: Option<PathBuf>,
    /// Kinds of events, separated by commas [default: all]
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = kinds())]
    kind: Vec<String>,
    /// Percentile of a station's own values beyond which a value exceeds; low pressure and cold are below 100 less this
    #[arg(long, value_name = "PERCENT", default_value = "99.9")]
    percentile: f64,
    /// Wind that exceeds has at least this speed, in m/s
    #[arg(long, value_name = "SPEED", default_value = "15")]
    min_wind: f64,
    /// Exceedances at most so far apart belong together, in km; stations as near are neighbours
    #[arg(long, value_name = "KM", default_value = "300")]
    distance: f64,
    /// Exceedances at most so far apart in time belong together
    #[arg(long, value_name = "TIME", default_value = "6h", value_parser = span)]
    gap: i64,
    /// Events that would last longer are cut
    #[arg(long, value_name = "TIME", default_value = "10d", value_parser = span)]
    longest: i64,
    /// Stations that make an event by themselves; fewer need other evidence
    #[arg(long, value_name = "N", default_value_t = 3)]
    min_stations: usize,
    /// Pressure confirms wind where it lies more than so many median absolute deviations below the median of its month
    #[arg(long, value_name = "N", default_value = "4")]
    pressure_deviations: f64,
    /// Percentile of its own values below which a neighbour has seen nothing
    #[arg(long, value_name = "PERCENT", default_value = "90")]
    usual_percentile: f64,
    /// Neighbours that have seen nothing, which make one or two stations a suspected error
    #[arg(long, value_name = "N", default_value_t = 3)]
    quiet_neighbours: usize,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

impl EventsArgs {
    /// What an event is. Errors: a number out of its range, or a choice of observations that
    /// makes no sense.
    pub(super) fn options(&self) -> Result<EventOptions, Failure> {
        let percents = [("--percentile", self.percentile), ("--usual-percentile", self.usual_percentile)];
        for (option, percent) in percents {
            // Written so that NaN is none.
            if !(percent > 0.0 && percent <= 100.0) {
                return Err(Failure::usage(format!("{option} is {percent}, expected more than 0 to 100")));
            }
        }
        let sizes = [
            ("--min-wind", self.min_wind),
            ("--distance", self.distance),
            ("--pressure-deviations", self.pressure_deviations),
        ];
        for (option, size) in sizes {
            if !(size >= 0.0 && size.is_finite()) {
                return Err(Failure::usage(format!("{option} is {size}, expected a number from 0 on")));
            }
        }
        if self.min_stations == 0 {
            return Err(Failure::usage("--min-stations is 0, expected 1 or more"));
        }
        let asked = |kind: &Kind| self.kind.is_empty() || self.kind.iter().any(|name| name == kind.name());
        Ok(EventOptions {
            kinds: Kind::ALL.into_iter().filter(asked).collect(),
            selection: self
                .selection
                .selection(std::slice::from_ref(&self.dataset), self.stations.as_deref())?,
            percentile: self.percentile,
            least_wind_m_s: self.min_wind,
            distance_km: self.distance,
            gap_us: self.gap,
            longest_us: self.longest,
            least_stations: self.min_stations,
            pressure_deviations: self.pressure_deviations,
            usual_percentile: self.usual_percentile,
            quiet_neighbours: self.quiet_neighbours,
        })
    }
}

/// Parses a value of `--kind`: the name of a kind.
fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name))
}
