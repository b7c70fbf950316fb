//! What `isd-events` finds in the published rows and among planted storms.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use isd::events::{EventOptions, Flags, Found, Kind, Verdict, find};
use isd::synth::{Length, Storage, SynthOptions};
use isd_dataset::read::Dataset;
use isd_dataset::station_table::StationTable;
use tempfile::TempDir;

use crate::shell::{ISD_CONVERT, ISD_EVENTS, names, succeeds};
use crate::synth::{make, targets};

/// The events of a dataset, with observations left out that are erroneous.
fn found(path: &Path, flags: &Flags, kinds: &[Kind]) -> Found {
    let (dataset, table) = (Dataset::open(path).unwrap(), StationTable::read(path).unwrap());
    let options = EventOptions { kinds: kinds.to_vec(), ..EventOptions::default() };
    find(&dataset, &table, flags, &options, &|_| ()).unwrap()
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn hurricane_irma_is_the_first_of_all_winds() {
    let published = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let home = TempDir::new().unwrap();
    let (source, list) = (published("isd-lite"), published("stations/isd-history.csv"));
    let arguments = [source.to_str().unwrap(), "--stations", list.to_str().unwrap(), "-o", "obs"];
    succeeds(ISD_CONVERT, home.path(), &arguments);
    let (csv, _) = succeeds(ISD_EVENTS, home.path(), &["obs", "--kind", "wind", "--members", "m.csv"]);
    let first: Vec<&str> = csv.lines().skip(1).take(2).collect();
    assert_snapshot!(first.join("\n"), @"
    wind-20170910T0400Z-26.0N080.3W,wind,event,2017-09-10T04:00:00Z,2017-09-11T03:00:00Z,3,31,25.7,722030-12844,2017-09-10T20:00:00Z,26.041,-80.283,120.0,987.2,5.492
    wind-20180417T1500Z-39.6N105.9W,wind,event,2018-04-17T15:00:00Z,2018-04-17T22:00:00Z,4,5,20.1,725640-24018,2018-04-17T21:00:00Z,39.625,-105.879,342.5,992.2,5.069
    ");
    // The wind errors that were judged by hand are in no event, without any flags.
    let verdicts: BTreeMap<&str, &str> = csv
        .lines()
        .map(|line| {
            let mut cells = line.split(',');
            (cells.next().unwrap(), cells.nth(1).unwrap())
        })
        .collect();
    let members = fs::read_to_string(home.path().join("m.csv")).unwrap();
    for error in [",317540-99999,2016-02-25T09:00:00Z,", ",724920-23237,2017-08-27T00:00:00Z,"] {
        let line = members.lines().find(|line| line.contains(error)).unwrap();
        assert_eq!(verdicts[line.split(',').next().unwrap()], "suspected_error", "{line}");
    }
}

#[test]
fn planted_storms_are_found_and_little_else() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let options =
        SynthOptions { stations: 100, length: Length::Years(2), seed: 5, ..SynthOptions::default() };
    let files = targets(home, "a");
    make(&options, Storage::default(), &files, 2);
    let convert = ["a.hdf5", "--scale", "isd", "--stations", "a-stations.csv", "-o", "obs"];
    succeeds(ISD_CONVERT, home, &convert);
    // What was planted: values of storms by key, and the faults as flags.
    let truth = fs::read_to_string(files.truth.unwrap()).unwrap();
    let mut storms = BTreeMap::<(String, String, String), String>::new();
    let mut flags = "station_id,timestamp,measurement,verdict\n".to_owned();
    for line in truth.lines().skip(1) {
        let [station, time, measurement, _, kind, event] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        match kind {
            "storm" => {
                storms.insert((station.into(), time.into(), measurement.into()), event.into());
            }
            "heat_wave" | "cold_spell" => {}
            _ => writeln!(flags, "{station},{time},{measurement},erroneous").unwrap(),
        }
    }
    fs::write(home.join("flags.csv"), flags).unwrap();
    let flags = Flags::read(&home.join("flags.csv")).unwrap();
    let obs = home.join("obs");
    let table = StationTable::read(&obs).unwrap();
    let found = found(&obs, &flags, &[Kind::Wind, Kind::LowPressure]);
    let mut stations = BTreeMap::<&str, BTreeSet<usize>>::new();
    let mut confirmed = BTreeSet::<&str>::new();
    let (mut events, mut not_planted) = (0, 0);
    for event in &found.events {
        let planted = event.members.iter().filter_map(|member| {
            let id = table.stations()[member.station].record.station_id.clone();
            let key = (id, isd_dataset::time::iso8601(member.time), member.measurement.to_owned());
            Some((storms.get(&key)?.as_str(), member.station))
        });
        let planted: Vec<(&str, usize)> = planted.collect();
        for (storm, station) in &planted {
            stations.entry(storm).or_default().insert(*station);
        }
        if event.verdict == Verdict::Event {
            events += 1;
            not_planted += usize::from(planted.is_empty());
            confirmed.extend(planted.iter().map(|(storm, _)| storm));
        }
    }
    let reported: BTreeSet<&str> =
        stations.iter().filter(|(_, stations)| stations.len() >= 3).map(|(storm, _)| *storm).collect();
    let missed = reported.difference(&confirmed).count();
    assert!(reported.len() > 40 && missed * 20 <= reported.len(), "{missed} of {}", reported.len());
    assert!(not_planted * 20 <= events, "{not_planted} of {events}");
    assert_eq!(names(home).len(), 5);
}
