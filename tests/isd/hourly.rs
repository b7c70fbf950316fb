//! A job that runs every hour, as docs/jobs.md shows it: files grow, break and come back, and each outlier is reported once.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{ISD_CONVERT, ISD_DETECT, parquet, run, succeeds};

/// Hours that the job runs.
const HOURS: usize = 48;

/// The lines of a file, after its header; the file has one line more every hour.
struct Growing {
    name: &'static str,
    header: String,
    lines: Vec<String>,
    /// How many lines there are in the first hour.
    first: usize,
}

impl Growing {
    fn content(&self, hour: usize) -> String {
        format!("{}{}", self.header, self.lines[..self.first + hour].concat())
    }
}

/// What is wrong with a file for an hour.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Truncated,
    Gone,
    ErrorPage,
    /// None of the files is there, as where a disk is not mounted.
    Unmounted,
}

const FAULTS: [Fault; 4] = [Fault::Truncated, Fault::Gone, Fault::ErrorPage, Fault::Unmounted];

/// Writes the files of an hour, one of them with a fault.
fn write(archive: &Path, files: &[Growing], hour: usize, fault: Option<Fault>) {
    let _ = fs::remove_dir_all(archive);
    fs::create_dir(archive).unwrap();
    for (number, file) in files.iter().enumerate() {
        let content = file.content(hour);
        let broken = fault.filter(|_| number == hour % files.len());
        let content = match broken {
            Some(Fault::Truncated) => content[..content.len() - file.lines[0].len() / 2].to_owned(),
            Some(Fault::ErrorPage) => "<html><body>503 Service Unavailable</body></html>\n".to_owned(),
            Some(Fault::Gone) => continue,
            _ => content,
        };
        if !matches!(fault, Some(Fault::Unmounted)) {
            fs::write(archive.join(file.name), content).unwrap();
        }
    }
}

/// Runs the job every hour, one hour in five with a fault, and compares what it has reported in all with one run over
/// everything.
fn each_outlier_is_reported_once(files: &[Growing], measurements: &str, least: usize) {
    let home = TempDir::new().unwrap();
    let place = home.path();
    let detect =
        ["obs", "-m", measurements, "-o", "out.parquet", "--append", "--since-file", "state.json", "--json"];
    let mut reported = 0;
    for hour in 0..=HOURS {
        let fault = (hour % 5 == 3).then(|| FAULTS[hour / 5 % FAULTS.len()]);
        write(&place.join("archive"), files, hour, fault);
        if hour == 0 {
            succeeds(ISD_CONVERT, place, &["archive", "-o", "obs"]);
        } else {
            let status = run(ISD_CONVERT, place, &["archive", "-o", "obs", "--update"]).status.code();
            match fault {
                None => assert_eq!(status, Some(0), "hour {hour}"),
                Some(Fault::Unmounted) => assert_eq!(status, Some(1), "hour {hour}"),
                Some(fault) => assert_eq!(status, Some(3), "hour {hour}: {fault:?}"),
            }
        }
        let (summary, _) = succeeds(ISD_DETECT, place, &detect);
        reported += serde_json::from_str::<Value>(&summary).unwrap()["outliers"].as_u64().unwrap();
    }
    succeeds(ISD_CONVERT, place, &["archive", "-o", "whole"]);
    succeeds(ISD_DETECT, place, &["whole", "-m", measurements, "-o", "whole.parquet"]);
    let whole = parquet(&place.join("whole.parquet"));
    // The schemas say by which datasets.
    assert_eq!(parquet(&place.join("out.parquet")).columns(), whole.columns());
    assert_eq!(whole.num_rows() as u64, reported);
    assert!(whole.num_rows() >= least, "{} outliers", whole.num_rows());
}

/// A file of ISD-Lite with hourly wind, and a spike every `step` hours from hour 20 on.
fn isd_lite(name: &'static str, first: usize, step: usize) -> Growing {
    let line = |hour: usize| {
        let wind = if hour >= 20 && hour.is_multiple_of(step) { 900 + hour * 10 } else { 30 + hour * 7 % 11 };
        let (day, hour) = (hour / 24 + 1, hour % 24);
        format!("2017 01 {day:02} {hour:02} -9999 -9999 -9999 -9999 {wind:5} -9999 -9999 -9999\n")
    };
    Growing { name, header: String::new(), lines: (0..first + HOURS).map(line).collect(), first }
}

#[test]
fn isd_lite_grows_and_breaks() {
    let files = [
        isd_lite("722020-12839-2017", 40, 37),
        isd_lite("722030-12844-2017", 55, 41),
        isd_lite("997299-99999-2017", 33, 35),
    ];
    each_outlier_is_reported_once(&files, "wind_speed_rate", 6);
}

/// A file of GHCNh: a published row at every hour, with the wind of [`isd_lite`] in place of its own.
fn ghcnh(name: &'static str, station: &str, first: usize, step: usize) -> Growing {
    let published =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ghcnh/GHCNh_USW00013967_por.psv");
    let text = fs::read_to_string(published).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    let column = |name| header.split('|').position(|column| column == name).unwrap();
    let row: Vec<&str> = lines.next().unwrap().split('|').collect();
    let wind = isd_lite(name, first, step);
    let line = |hour: usize| {
        let tenths: f64 = wind.lines[hour].split_whitespace().nth(8).unwrap().parse().unwrap();
        let mut cells: Vec<String> = row.iter().map(|cell| (*cell).to_owned()).collect();
        for (name, value) in [
            ("Station_ID", station.to_owned()),
            ("Year", "2017".to_owned()),
            ("Month", "01".to_owned()),
            ("Day", format!("{:02}", hour / 24 + 1)),
            ("Hour", format!("{:02}", hour % 24)),
            ("Minute", "00".to_owned()),
            ("wind_speed", format!("{:.1}", tenths / 10.0)),
        ] {
            cells[column(name)] = value;
        }
        cells.join("|") + "\n"
    };
    Growing { name, header: format!("{header}\n"), lines: (0..first + HOURS).map(line).collect(), first }
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn ghcnh_grows_and_breaks() {
    let files = [
        ghcnh("GHCNh_USW00013967_2017.psv", "USW00013967", 40, 37),
        ghcnh("GHCNh_USW00024135_2017.psv", "USW00024135", 50, 43),
    ];
    each_outlier_is_reported_once(&files, "wind_speed_rate", 3);
}
