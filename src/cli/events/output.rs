//! Where events go: arguments in, files or standard output with the events out.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use isd_dataset::Error;
use isd_dataset::layout::is_dataset;
use isd_dataset::manifest::Manifest;
use isd_dataset::output_file::OutputFile;
use isd_dataset::station_table::StationTable;
use isd_dataset::storage;
use serde_json::json;

use super::arguments::EventsArgs;
use super::summary::reading_table;
use crate::cli::embedded;
use crate::cli::failure::Failure;
use crate::cli::streams::print;
use crate::events::geojson::write_geojson;
use crate::events::table::{events_batch, events_schema, member_batches, members_schema};
use crate::events::{EventOptions, Found, Kind};
use crate::output::{OutputError, TableFile, write_csv};

/// Where the events and their observations go.
pub(super) struct Destinations {
    events: Events,
    members: Option<(PathBuf, TableFile)>,
}

enum Events {
    Table(PathBuf, TableFile),
    GeoJson(PathBuf, OutputFile),
    /// For the program that the tool runs within.
    Kept(TableFile),
    Stdout,
    /// With `--json` and without `-o`, standard output has the summary alone.
    Nowhere,
}

/// A file that was written.
pub(super) struct Written {
    pub path: PathBuf,
    pub rows: u64,
    pub bytes: u64,
}

/// How events were found, for those who read the file.
pub(super) struct Metadata<'a> {
    pub manifest: &'a Manifest,
    pub options: &'a EventOptions,
    pub flags: Option<&'a Path>,
}

impl Destinations {
    /// Makes sure that the files can be written, before the long work starts.
    /// Errors: a name that is not one of a table, one file for both, a place where nothing can be written, or one that is
    /// read.
    pub(super) fn create(args: &EventsArgs) -> Result<Self, Failure> {
        if args.output.is_some() && args.output == args.members {
            return Err(Failure::usage("-o and --members name one file").hint("give each a path of its own"));
        }
        let read = [Some(&args.dataset), args.flags.as_ref(), args.stations.as_ref()];
        let read: Vec<&PathBuf> = read.into_iter().flatten().collect();
        for path in args.output.iter().chain(&args.members) {
            refuse_read(path, &read)?;
        }
        let events = match (&args.output, embedded::table_file()) {
            (None, Some(table)) => Events::Kept(table),
            (None, None) if args.common.json => Events::Nowhere,
            (None, None) => Events::Stdout,
            (Some(path), _) if is_geojson(path) => Events::GeoJson(path.clone(), OutputFile::create(path)?),
            (Some(path), _) => {
                Events::Table(path.clone(), create(path, ".parquet, .csv, .arrow, .ndjson or .geojson")?)
            }
        };
        let members = args
            .members
            .as_ref()
            .map(|path| Ok::<_, Failure>((path.clone(), create(path, ".parquet, .csv, .arrow or .ndjson")?)));
        Ok(Self { events, members: members.transpose()? })
    }

    /// Writes the events and their observations; returns the files.
    /// Errors: a file or standard output that cannot be written.
    pub(super) fn write(
        self,
        found: &Found,
        table: &StationTable,
        metadata: &Metadata<'_>,
    ) -> Result<Vec<Written>, Failure> {
        let metadata = metadata.pairs()?;
        let batch = || events_batch(&found.events, table);
        let mut written = Vec::new();
        let rows = found.events.len() as u64;
        match self.events {
            Events::Table(path, file) => {
                let bytes = file.write(&events_schema(), std::iter::once_with(batch), &metadata)?;
                written.push(Written { path, rows, bytes });
            }
            Events::GeoJson(path, file) => {
                let mut out = BufWriter::new(file.file());
                let complete = write_geojson(&mut out, &found.events, table).and_then(|()| out.flush());
                complete.map_err(|source| Error::io(&path, "cannot write", source))?;
                drop(out);
                written.push(Written { path, rows, bytes: file.finish()? });
            }
            Events::Kept(table) => {
                table.write(&events_schema(), std::iter::once_with(batch), &metadata)?;
            }
            Events::Stdout if io::stdout().is_terminal() => print(&reading_table(&found.events, table))?,
            Events::Stdout => {
                let mut text = Vec::new();
                write_csv(&mut text, &events_schema(), std::iter::once_with(batch))
                    .map_err(|error| Failure::error(format!("cannot format the events: {error}")))?;
                print(&String::from_utf8_lossy(&text))?;
            }
            Events::Nowhere => {}
        }
        if let Some((path, file)) = self.members {
            let rows = found.events.iter().map(|event| event.members.len() as u64).sum();
            let bytes = file.write(&members_schema(), member_batches(&found.events, table), &metadata)?;
            written.push(Written { path, rows, bytes });
        }
        Ok(written)
    }
}

impl Metadata<'_> {
    /// The tool, the parameters and where the observations are from, as key-value pairs of a file.
    /// Errors: a manifest that cannot be written as JSON.
    fn pairs(&self) -> Result<Vec<(String, String)>, Failure> {
        let options = self.options;
        let hours = |micros: i64| micros as f64 / crate::events::HOUR_US as f64;
        let parameters = json!({
            "kinds": options.kinds.iter().map(|kind| Kind::name(*kind)).collect::<Vec<_>>(),
            "percentile": options.percentile,
            "min_wind": options.least_wind_m_s,
            "distance_km": options.distance_km,
            "gap_hours": hours(options.gap_us),
            "longest_hours": hours(options.longest_us),
            "min_stations": options.least_stations,
            "pressure_deviations": options.pressure_deviations,
            "usual_percentile": options.usual_percentile,
            "quiet_neighbours": options.quiet_neighbours,
            "flags": self.flags.map(|path| path.display().to_string()),
        });
        let source = serde_json::to_string(self.manifest)
            .map_err(|error| Failure::error(format!("cannot describe the events: {error}")))?;
        Ok(vec![
            ("isd.tool".to_owned(), concat!("isd-events ", env!("CARGO_PKG_VERSION")).to_owned()),
            ("isd.parameters".to_owned(), parameters.to_string()),
            ("isd.source".to_owned(), source),
        ])
    }
}

fn is_geojson(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "geojson")
}

/// A file for a table; `types` are what its name may end in.
fn create(path: &Path, types: &str) -> Result<TableFile, Failure> {
    TableFile::create(path).map_err(|error| match error {
        OutputError::Extension(path) => {
            Failure::usage(format!("{}: expected a name that ends in {types}", path.display()))
        }
        error => error.into(),
    })
}

/// Refuses to write a file over what is read, or into the dataset.
fn refuse_read(path: &Path, read: &[&PathBuf]) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where there is no such directory, the file cannot be created, which is said then.
    let Ok(parent) = storage::canonical(parent) else { return Ok(()) };
    let target = path.file_name().map(|name| parent.join(name));
    for source in read.iter().filter_map(|source| storage::canonical(source).ok()) {
        let inside = is_dataset(&source) && parent.starts_with(&source);
        if inside || target.as_ref() == Some(&source) {
            return Err(
                Failure::usage(format!("{}: lies in what is read", path.display())).hint("give another path")
            );
        }
    }
    Ok(())
}
