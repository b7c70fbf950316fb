//! The arguments that say which observations are wanted: stations and times.

use isd_converters::formats::text::iso_micros;
use isd_dataset::selection::Selection;

use super::failure::Failure;

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// Which stations and times are wanted.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Choosing observations")]
pub struct SelectionArgs {
    /// Stations, separated by commas or by repeating the flag: an id, the beginning of one (722020 is 722020-12839, 72 a
    /// whole block), or a pattern such as '*-12839'
    #[arg(long = "station", value_name = "ID", value_delimiter = ',')]
    station_patterns: Vec<String>,
    /// First time, in UTC: 2017-09-10, 2017-09-10T06:00 or '2017-09-10 06:00'
    #[arg(long, value_name = "TIME", value_parser = first_time, visible_alias = "since")]
    from: Option<i64>,
    /// Last time, in UTC; a date is that whole day
    #[arg(long, value_name = "TIME", value_parser = time_after)]
    to: Option<i64>,
}

impl SelectionArgs {
    /// The choice that the arguments make.
    ///
    /// # Errors
    /// A pattern that makes no sense, or an end before the beginning.
    pub fn selection(&self) -> Result<Selection, Failure> {
        if let (Some(from), Some(before)) = (self.from, self.to)
            && from >= before
        {
            return Err(Failure::usage("--to: lies before --from"));
        }
        let selection = Selection::default().stations(&self.station_patterns);
        let selection = selection.map_err(|error| Failure::usage(format!("--station {error}")))?;
        Ok(selection.times(self.from, self.to))
    }

    /// The failure of a run that found none of the stations asked for in `source`; `None` where any would have done.
    #[must_use]
    pub fn no_station(&self, source: &str) -> Option<Failure> {
        (!self.station_patterns.is_empty()).then(|| {
            Failure::error(format!("{source}: holds no station {}", self.station_patterns.join(", "))).hint(
                "--station takes ids as they stand in station_id, such as 722020-12839, or how they begin",
            )
        })
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
