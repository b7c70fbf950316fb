//! The page: arguments in, a server that answers until it is ended, or a file, out.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use isd_dataset::read::Dataset;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::arguments::ViewArgs;
use super::pictures;
use super::run::{print, say, summarise, write, written};
use crate::failure::Failure;
use crate::page::archive::{Archive, Files};
use crate::page::findings::Kind;
use crate::page::report::report;
use crate::page::server::Server;
use crate::record::{check_measurements, find_station};

/// Serves the page until a signal ends it. Errors: a dataset, a file or a port that makes no page.
pub fn serve(args: &ViewArgs) -> Result<(), Failure> {
    let started = Instant::now();
    // A port that is in use is told before a long file is read.
    let server = Server::listen(args.port.unwrap_or(0))?;
    let (archive, beginning) = archive(args)?;
    let address = format!("{}{beginning}", server.address());
    let (mut summary, notes) = (summary(args, &archive, started), notes(&archive));
    summary["address"] = json!(address);
    server.run(archive, || {
        print(&if args.json { format!("{summary}\n") } else { format!("{address}\n") });
        if !args.quiet {
            say(&notes);
            say("the page is there until Ctrl-C; its address holds a secret: who knows it can read the dataset\n");
        }
        let opened = (!args.no_open).then(|| open_in_browser(&address));
        if let Some(Err(error)) = &opened {
            say(&format!("no browser could be opened ({error}): open the address in one\n"));
        }
        opened
    })
}

/// Opens an address by way of a file that the user alone can read: what a program is started with, all users can see.
fn open_in_browser(address: &str) -> std::io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("isd-view-").suffix(".html").tempfile()?;
    let address = address.replace('&', "&amp;").replace('"', "&quot;");
    write!(
        file,
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"refresh\" content=\"0; url={address}\">\n\
         <title>isd-view</title>\n<a href=\"{address}\">to the page</a>\n"
    )?;
    file.flush()?;
    open::that_detached(file.path())?;
    Ok(file)
}

/// Writes the page to a file. Errors: a dataset or a file that makes no page, and a file that cannot be written.
pub fn export(args: &ViewArgs, output: &Path) -> Result<(), Failure> {
    let started = Instant::now();
    let (archive, _) = archive(args)?;
    let bytes = write(output, report(&archive)?.as_bytes())?;
    let mut summary = summary(args, &archive, started);
    summary["files"] = json!([output.display().to_string()]);
    summary["bytes"] = json!(bytes);
    summarise(args, &summary, &(notes(&archive) + &written(output, bytes)));
    Ok(())
}

/// All that the page knows, and what its address says of the station and times that it begins with.
fn archive(args: &ViewArgs) -> Result<(Archive, String), Failure> {
    let dataset = Dataset::open(&args.dataset)?;
    let table = pictures::stations(args)?;
    check_measurements(&dataset, &args.measurements)?;
    let station = args.station.as_deref().map(|asked| find_station(&dataset, &table, asked)).transpose()?;
    let files = Files {
        outliers: args.outliers.clone(),
        flags: args.flags.clone(),
        events: args.events.clone(),
        members: args.members.clone(),
    };
    let archive = Archive::open(dataset, &table, &files, args.test()?)?;
    let beginning = station.map(|id| beginning(args, &archive, &id)).unwrap_or_default();
    Ok((archive, beginning))
}

/// The end of an address whose page begins with a station, the first measurement of the arguments and their times.
fn beginning(args: &ViewArgs, archive: &Archive, station_id: &str) -> String {
    let mut said = form_urlencoded::Serializer::new(String::new());
    said.append_pair("station", station_id);
    if let Some(measurement) = args.measurements.first() {
        said.append_pair("measurement", measurement);
    }
    let record = archive.station(station_id).and_then(|station| archive.stations[station as usize].span);
    let first = args.from.or(record.map(|(first, _)| first));
    let end = args.to.or(record.map(|(_, last)| last.saturating_add(1000)));
    if let (Some(first), Some(end)) = (first, end)
        && (args.from.is_some() || args.to.is_some())
    {
        said.append_pair("from", &(first / 1000).to_string());
        said.append_pair("to", &(end / 1000).to_string());
    }
    format!("#{}", said.finish())
}

/// What there is to say besides: what the map lacks, and which rows of files were left out.
fn notes(archive: &Archive) -> String {
    let mut notes = String::new();
    // Writing to a String cannot fail.
    if archive.stations.iter().all(|station| station.place.position.is_none()) {
        let path = archive.dataset.path().display();
        let missing = "it is not known where its stations are: the page has no map";
        let _ = writeln!(notes, "{path}: {missing}; --stations isd-history.csv says it");
    }
    let strangers = archive.findings.strangers();
    if strangers > 0 {
        let _ = writeln!(
            notes,
            "{strangers} rows of files left out: of no station or measurement of the dataset"
        );
    }
    notes
}

fn summary(args: &ViewArgs, archive: &Archive, started: Instant) -> Value {
    let count =
        |kinds: &[Kind]| archive.findings.marks().iter().filter(|mark| kinds.contains(&mark.kind)).count();
    json!({
        "dataset": args.dataset.display().to_string(),
        "rows": archive.dataset.rows(),
        "stations": archive.stations.len(),
        "stations_placed": archive.stations.iter().filter(|station| station.place.position.is_some()).count(),
        "outliers": count(&[Kind::Outlier]),
        "flags": count(&[Kind::Erroneous, Kind::Suspect]),
        "events": archive.events.len(),
        "exceedances": count(&[Kind::Exceedance]),
        "seconds": started.elapsed().as_secs_f64(),
    })
}
