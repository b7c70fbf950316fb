//! The options of `isd-view`: arguments in, a checked test, span and place out.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use clap::{Parser, ValueEnum};
use isd_dataset::geography::Position;
use isd_dataset::threads::parse_threads;
use isd_kernel::{DEFAULT_THRESHOLD, Decimal, RollingTest, Window};

use crate::failure::Failure;

/// Look at a dataset in the browser: a map of stations and events, and the series of any station with its outliers, flags and
/// exceedances. Or draw pictures to files: a series, a map, a calendar of outliers.
#[derive(Debug, Parser)]
#[allow(clippy::doc_markdown, reason = "the comments are the help text, which would print the backticks")]
#[command(name = "isd-view", version, max_term_width = 100)]
pub struct ViewArgs {
    /// Dataset that isd-convert wrote, or any Parquet with station_id, timestamp and values
    #[arg(value_name = "DATASET")]
    pub dataset: PathBuf,
    /// What to draw to a file [default: a page in the browser]
    #[arg(long, value_enum, value_name = "WHAT", requires = "output")]
    pub plot: Option<Plot>,
    /// File to draw to: .svg, .png, or .html for a page with the same
    #[arg(short, long, value_name = "FILE", requires = "plot")]
    pub output: Option<PathBuf>,
    /// Write the page to one file, .html, with the series of the first fifty events: no server is needed to look at it
    #[arg(long, value_name = "FILE", conflicts_with = "plot")]
    pub export: Option<PathBuf>,
    /// Port of the page on 127.0.0.1 [default: one that is free]
    #[arg(long, value_name = "N", conflicts_with_all = ["plot", "export"])]
    pub port: Option<u16>,
    /// Do not open the page in the browser
    #[arg(long, conflicts_with_all = ["plot", "export"])]
    pub no_open: bool,
    /// Station of a series or a calendar, or that the page begins with: its id, or how no other id begins [calendar: all stations]
    #[arg(long, value_name = "ID")]
    pub station: Option<String>,
    /// Measurements, separated by commas or by repeating the flag: panels of a series, one above the other
    #[arg(short, long = "measurement", value_name = "NAME", value_delimiter = ',')]
    pub measurements: Vec<String>,
    /// First time, in UTC: 2017-09-10, 2017-09-10T06:00 or '2017-09-10 06:00'
    #[arg(long, value_name = "TIME", value_parser = first_time)]
    pub from: Option<i64>,
    /// Last time, in UTC; a date is that whole day
    #[arg(long, value_name = "TIME", value_parser = time_after)]
    pub to: Option<i64>,
    /// Window of the mean and the band: so many values before each, or the time before it, such as 7d
    #[arg(long, value_name = "N|TIME", value_parser = window, default_value = "30")]
    window: WindowArg,
    /// Half the width of the band, in standard deviations of the window
    #[arg(long, value_name = "X", default_value_t = DEFAULT_THRESHOLD)]
    threshold: Decimal,
    /// Outliers that isd-detect wrote, as Parquet, CSV or Arrow [default: those of --window and --threshold; map: none]
    #[arg(long, value_name = "FILE")]
    pub outliers: Option<PathBuf>,
    /// Flags that isd-qc wrote, as Parquet, CSV or Arrow, to be marked in a series
    #[arg(long, value_name = "FILE")]
    pub flags: Option<PathBuf>,
    /// Events that isd-events wrote, as Parquet, CSV or Arrow, to be put on a map and listed on the page
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// What these events are made of, as isd-events --members wrote it, to be marked in series on the page
    #[arg(long, value_name = "FILE", requires = "events", conflicts_with = "plot")]
    pub members: Option<PathBuf>,
    /// Part of the world on a map: so many km around a place [default: the world]
    #[arg(long, value_name = "LON,LAT,KM", value_parser = around, allow_hyphen_values = true)]
    pub around: Option<Around>,
    /// Station list, isd-history.csv or GHCNh's, whose names and places go over those of the dataset
    #[arg(long, value_name = "LIST")]
    pub stations: Option<PathBuf>,
    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = parse_threads, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,
    /// Print the summary as one JSON object on standard output
    #[arg(long)]
    pub json: bool,
    /// Do not say what was written
    #[arg(long, short)]
    pub quiet: bool,
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Plot {
    /// A station's values, with window mean, band, outliers and flags
    Series,
    /// Stations, their outliers and events
    Map,
    /// Counts of outliers by month and hour
    Calendar,
}

/// What a file's name says that it is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    /// SVG alone.
    Svg,
    /// PNG, twice as large.
    Png,
    /// A page with SVG.
    Html,
}

/// A window, and how it was given.
#[derive(Debug, Clone)]
struct WindowArg {
    window: Window,
    text: String,
}

impl std::fmt::Display for WindowArg {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// A place, and how far around it.
#[derive(Debug, Clone, Copy)]
pub struct Around(pub Position, pub f64);

impl ViewArgs {
    /// The test whose band is drawn. Errors: a window or a threshold that makes no test.
    pub fn test(&self) -> Result<RollingTest, Failure> {
        Ok(RollingTest::builder().window(self.window.window).threshold(self.threshold).build()?)
    }

    /// The test in words.
    pub fn test_text(&self) -> String {
        let window = match self.window.window {
            Window::Rows(rows) => format!("the {rows} values before"),
            Window::Micros(_) => format!("the {} before", self.window.text),
        };
        format!("window: {window}; threshold: {} standard deviations", self.threshold)
    }

    /// The type of an output file. Errors: an extension that names none.
    pub fn file_type(output: &Path) -> Result<FileType, Failure> {
        match output.extension().and_then(|extension| extension.to_str()) {
            Some("svg") => Ok(FileType::Svg),
            Some("png") => Ok(FileType::Png),
            Some("html") => Ok(FileType::Html),
            _ => {
                let message =
                    format!("-o {}: expected a name that ends in .svg, .png or .html", output.display());
                Err(Failure::usage(message).hint("a browser, or rsvg-convert, makes PDF of .svg"))
            }
        }
    }

    /// Whether a time is wanted, in microseconds since 1970 UTC.
    pub fn holds_time(&self, time: i64) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|before| time < before)
    }

    /// The span that is wanted of what there is from `first` to `last`. Where that is one moment, the day around it.
    pub fn span(&self, first: i64, last: i64) -> Range<i64> {
        let from = self.from.unwrap_or_else(|| self.to.map_or(first, |before| first.min(before - 1)));
        let before = self.to.unwrap_or_else(|| last.max(from).saturating_add(1));
        if before.saturating_sub(from) > 1 {
            return from..before;
        }
        from.saturating_sub(12 * HOUR)..before.saturating_add(12 * HOUR)
    }

    /// Checks what the parser does not see. Errors: an option that the plot does not have, or lacks.
    pub fn check(&self) -> Result<(), Failure> {
        if let (Some(from), Some(before)) = (self.from, self.to)
            && from >= before
        {
            return Err(Failure::usage("--to: lies before --from"));
        }
        self.test()?;
        let Some(plot) = self.plot else { return self.check_page() };
        let (series, map, calendar) = (plot == Plot::Series, plot == Plot::Map, plot == Plot::Calendar);
        let refused = [
            ("--station", map && self.station.is_some(), "--plot series or calendar"),
            ("--flags", !series && self.flags.is_some(), "--plot series"),
            ("--events", !map && self.events.is_some(), "--plot map"),
            ("--around", !map && self.around.is_some(), "--plot map"),
        ];
        if let Some((option, _, plots)) = refused.into_iter().find(|(_, refused, _)| *refused) {
            return Err(
                Failure::usage(format!("{option}: is for {plots}")).hint("leave it out, or change --plot")
            );
        }
        if series && self.station.is_none() {
            return Err(
                Failure::usage("--plot series: needs --station").hint("--station 722030-12844 names one")
            );
        }
        let found_by_test = calendar && self.outliers.is_none();
        if (series || found_by_test) && self.measurements.is_empty() {
            let message = format!("--plot {}: needs -m", if series { "series" } else { "calendar" });
            return Err(Failure::usage(message).hint("-m wind_speed_rate names a measurement"));
        }
        if series && self.measurements.len() > MOST_PANELS {
            return Err(
                Failure::usage(format!("-m: more than {MOST_PANELS} measurements")).hint("draw two plots")
            );
        }
        self.output.as_deref().map(Self::file_type).transpose().map(|_| ())
    }

    /// Checks the arguments of a page.
    fn check_page(&self) -> Result<(), Failure> {
        if self.around.is_some() {
            return Err(
                Failure::usage("--around: is for --plot map").hint("the page's map is moved by mouse")
            );
        }
        match &self.export {
            Some(file) if file.extension().is_none_or(|extension| extension != "html") => {
                let message = format!("--export {}: expected a name that ends in .html", file.display());
                Err(Failure::usage(message).hint("such as report.html"))
            }
            _ => Ok(()),
        }
    }

    /// The station list, if one is given.
    pub fn list(&self) -> Option<&Path> {
        self.stations.as_deref()
    }
}

/// Panels of a plot, at most.
const MOST_PANELS: usize = 12;
const HOUR: i64 = 3_600_000_000;

fn window(text: &str) -> Result<WindowArg, String> {
    let hours =
        |number: &str, hours: i64| number.parse::<i64>().ok()?.checked_mul(hours * HOUR).map(Window::Micros);
    let window = match text.char_indices().last() {
        Some((at, 'h')) => hours(&text[..at], 1),
        Some((at, 'd')) => hours(&text[..at], 24),
        Some((at, 'w')) => hours(&text[..at], 168),
        _ => text.parse().ok().map(Window::Rows),
    };
    let window = window.ok_or("expected a number of values such as 30, or a time such as 24h, 7d or 4w")?;
    Ok(WindowArg { window, text: text.to_owned() })
}

fn around(text: &str) -> Result<Around, String> {
    let numbers = text.split(',').map(|number| number.trim().parse().ok());
    match numbers.collect::<Option<Vec<f64>>>().as_deref() {
        Some(&[longitude, latitude, radius_km])
            if longitude.abs() <= 180.0
                && latitude.abs() <= 90.0
                && (1.0..=20_000.0).contains(&radius_km) =>
        {
            Ok(Around(Position { latitude, longitude }, radius_km))
        }
        _ => {
            Err("expected degrees of longitude and latitude, and 1 to 20000 km, such as -80,26,600"
                .to_owned())
        }
    }
}

fn first_time(text: &str) -> Result<i64, String> {
    let text = text.trim().trim_end_matches('Z');
    let of_day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN)).ok();
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"];
    let of_time = || formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let time = of_day.or_else(of_time).map(|time| time.and_utc().timestamp_micros());
    time.ok_or_else(|| "expected a date or time in UTC, such as 2017-09-10 or 2017-09-10T06:00".to_owned())
}

/// The first time after the one that is meant: a date stands for its whole day.
fn time_after(text: &str) -> Result<i64, String> {
    let is_date = !text.contains(':');
    first_time(text).map(|time| time + if is_date { 24 * HOUR } else { 1 })
}
