//! In: the command line; out: its options, checked one by one.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use isd_dataset::threads::parse_threads;
use isd_queries::output::Format;

/// SQL on outliers, observations and station lists.
///
/// An outliers file is the table `outliers`, a dataset `observations`, NOAA's isd-history.csv `stations`; any
/// other file is called as it is.
#[derive(Debug, Parser)]
#[command(name = "isd-query", version, after_help = EXAMPLES)]
pub struct Arguments {
    /// Tables (.parquet, .csv, .arrow or .ndjson files, patterns, dataset directories), then SQL or @QUERY
    ///
    /// SQL may be several statements with `;` between them. Without SQL it is read from standard input; a terminal
    /// gets a prompt.
    #[arg(value_name = "TABLE… [SQL]")]
    pub words: Vec<String>,
    /// A table under a name of your choice; can be given again
    #[arg(long = "table", value_name = "NAME=PATH", value_parser = assignment)]
    pub tables: Vec<(String, String)>,
    /// Read the SQL from a file
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// List the named queries and their parameters
    #[arg(long)]
    pub list: bool,
    /// A parameter of the named query; can be given again
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = assignment)]
    pub params: Vec<(String, String)>,
    /// Directory of .sql files to add to the named queries
    #[arg(long, value_name = "DIR")]
    pub queries: Option<PathBuf>,
    /// table, csv, tsv, json, ndjson, markdown, latex, parquet, arrow or excel (CSV that Excel opens) [default: by the
    /// extension of -o, else table on a terminal and csv into a pipe]
    #[arg(long, value_parser = format)]
    pub format: Option<Format>,
    /// Rows of a result that a terminal shows, or `all` [default: as many as fit]
    #[arg(long, value_name = "N", value_parser = rows, default_value = "fitting", hide_default_value = true)]
    pub rows: Rows,
    /// Write the result to a file, which appears when it is complete; `.gz` at its end compresses text
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Threads to use [default: all cores]
    #[arg(long, value_name = "N", value_parser = parse_threads)]
    pub threads: Option<NonZeroUsize>,
    /// What sorts, joins and aggregations may hold, such as 2GiB; they spill to TMPDIR [default: three quarters of
    /// the free memory]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory_limit: Option<usize>,
    /// Print one JSON object on standard output: what was written to the file of -o, or the failure
    #[arg(long)]
    pub json: bool,
    /// Do not say on standard error how many rows there were
    #[arg(long, short)]
    pub quiet: bool,
}

const EXAMPLES: &str = "Examples:
  isd-query outliers.parquet \"select station_id, count(*) as n from outliers group by 1 order by n desc\"
  isd-query outliers.parquet @top-stations --param n=5
  isd-query events.parquet @events --param kind=wind -o storms.csv
  isd-query --table obs=observations/ \"select max(wind_speed_rate) from obs where station_id like '7220%'\"
  isd-query outliers.parquet --format ndjson < monthly.sql";

/// `NAME=VALUE`, neither empty.
fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name.into(), value.into())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

/// How many rows of a result a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// As many as fit.
    Fitting,
    /// So many.
    First(usize),
    /// Every one.
    All,
}

/// `all`, `fitting` or a number from 1.
pub fn rows(text: &str) -> Result<Rows, String> {
    match (text, text.parse()) {
        ("all", _) => Ok(Rows::All),
        ("fitting", _) => Ok(Rows::Fitting),
        (_, Ok(rows @ 1..)) => Ok(Rows::First(rows)),
        _ => Err("expected a number from 1, or all".into()),
    }
}

/// A format by its name.
fn format(name: &str) -> Result<Format, String> {
    Format::named(name).ok_or_else(|| {
        let names = Format::ALL.map(Format::name);
        format!("expected one of {}", names.join(", "))
    })
}

/// A number of bytes: `512MiB`, `2G`, `1.5 GB`.
fn size(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, f64); 14] = [
        ("", 1.0),
        ("b", 1.0),
        ("k", 1024.0),
        ("kib", 1024.0),
        ("kb", 1e3),
        ("m", 1_048_576.0),
        ("mib", 1_048_576.0),
        ("mb", 1e6),
        ("g", 1_073_741_824.0),
        ("gib", 1_073_741_824.0),
        ("gb", 1e9),
        ("t", 1_099_511_627_776.0),
        ("tib", 1_099_511_627_776.0),
        ("tb", 1e12),
    ];
    let refuse = || "expected a size such as 512MiB or 2GiB".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim().to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(known, _)| *known == unit).ok_or_else(refuse)?;
    let bytes = number.parse::<f64>().map_err(|_| refuse())? * factor;
    if bytes < 1.0 || bytes > usize::MAX as f64 { Err(refuse()) } else { Ok(bytes as usize) }
}

/// Three quarters of the memory that is free now, where the system says how much that is.
pub fn default_memory_limit() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib.saturating_mul(1024) / 4 * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("2G"), Ok(2 << 30));
        assert_eq!(size("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(size("4096"), Ok(4096));
        for refused in ["", "MiB", "-1G", "1 GiBit", "0", "1.2.3M"] {
            assert!(size(refused).is_err(), "{refused}");
        }
    }
}
