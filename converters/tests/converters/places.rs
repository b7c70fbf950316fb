use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use isd_converters::archive::Archive;
use isd_converters::{Conversion, ConvertOptions, Course, Input, ReadOptions, convert};
use isd_dataset::layout::STATIONS;
use isd_dataset::place::SaidPlaces;
use tempfile::TempDir;

use crate::ghcnh::{line_1_0, psv};
use crate::samples::{input, options, read_all};
use crate::texts::shared;

/// Time in hours since 1970, name, country, state, latitude, longitude, elevation.
type Last = (i64, String, f64, f64, Option<f64>);

/// The last place of each station; name, country and state in one text.
fn last(places: &BTreeMap<String, SaidPlaces>) -> Vec<(&str, Last)> {
    let last = |said: &SaidPlaces| {
        let (place, position) = (&said.last.place, said.last.place.position.unwrap());
        let texts = [&place.name, &place.country, &place.state].map(|text| text.as_deref().unwrap_or("-"));
        let hours = said.last.time / 3_600_000_000;
        (hours, texts.join("/"), position.latitude, position.longitude, place.elevation)
    };
    places.iter().map(|(station, said)| (station.as_str(), last(said))).collect()
}

fn raw(station: &str, time: &str, place: &str) -> String {
    let report = format!(
        "0000{station}{time}4{}FM-15{}KCQT V0302705N005152200059N0160935N5+01835-01395101495",
        &place[..13],
        &place[13..]
    );
    assert_eq!(report.len(), 105);
    report
}

#[test]
fn raw_isd_gives_thousandths_of_degrees() {
    let lines = [
        raw("72287493134", "197001010300", "+34028-118296+0056"),
        // Out of order, and without a position: the place at three o'clock is the last.
        raw("72287493134", "197001010100", "+34100-118300+0060"),
        raw("72287493134", "197001010500", "+99999+999999+9999"),
        raw("A0000199999", "197001010000", "-00500+179999+9999"),
    ];
    let read = read_all(&input(lines.join("\n") + "\n"), &options());
    let expected = [
        ("722874-93134", (3, "-/-/-".to_owned(), 34.028, -118.296, Some(56.0))),
        ("A00001-99999", (0, "-/-/-".to_owned(), -0.5, 179.999, None)),
    ];
    assert_eq!(last(&read.places), expected);
    assert_eq!(read.places["722874-93134"].first.place.elevation, Some(60.0));
    assert!((read.places["722874-93134"].moved_km() - 8.01).abs() < 0.01);
}

#[test]
fn global_hourly_gives_names_with_country_and_state() {
    let cases = [
        ("JAN MAYEN NOR NAVY, NO", "JAN MAYEN NOR NAVY/NO/-"),
        ("MIAMI INTERNATIONAL AIRPORT, FL US", "MIAMI INTERNATIONAL AIRPORT/US/FL"),
        ("WXPOD, \"\"7026\"\", AF", "WXPOD, \"7026\"/AF/-"),
        ("BUOY 41", "BUOY 41/-/-"),
        ("ALBANY, NEW YORK", "ALBANY, NEW YORK/-/-"),
        ("", "-/-/-"),
    ];
    for (name, expected) in cases {
        let text = format!(
            "\"STATION\",\"DATE\",\"LATITUDE\",\"LONGITUDE\",\"ELEVATION\",\"NAME\",\"TMP\"\n\
             \"01001099999\",\"1970-01-01T06:00:00\",\"70.9333333\",\"-8.6666667\",\"9.0\",\"{name}\",\"-0070,1\"\n\
             \"01001099999\",\"1970-01-01T07:00:00\",\"\",\"\",\"-999.9\",\"{name}\",\"-0070,1\"\n"
        );
        let read = read_all(&input(text), &options());
        let place = (6, expected.to_owned(), 70.933_333_3, -8.666_666_7, Some(9.0));
        assert_eq!(last(&read.places), [("010010-99999", place)]);
    }
}

#[test]
fn ghcnh_gives_the_country_by_the_id() {
    let line = |station, time| line_1_0(station, time, &[("temperature", "1.0", "", "", "")]);
    let lines = [line("USW00013967", "1970 1 1 4 0"), line("somewhere", "1970 1 1 5 0")];
    let read = read_all(&input(psv(&lines)), &options());
    let expected = [
        ("USW00013967", (4, "SOMEWHERE/US/-".to_owned(), 1.0, 2.0, Some(3.0))),
        ("somewhere", (5, "SOMEWHERE/-/-".to_owned(), 1.0, 2.0, Some(3.0))),
    ];
    assert_eq!(last(&read.places), expected);
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn published_files_say_where_their_stations_are() {
    let cases = [
        ("ghcnh/GHCNh_USW00026442_por.psv", "USW00026442", "VALDEZ WSO/US/-", (61.1303, -146.3517, 29.0)),
        ("ghcnh/DUM00000001.pqt", "DUM00000001", "REINA BEATRIX INTL/DU/-", (12.5014, -70.0152, 18.3)),
        ("isd-raw/014160-99999-2016.gz", "014160-99999", "-/-/-", (58.95, 5.733, 72.0)),
    ];
    for (name, station, texts, (latitude, longitude, elevation)) in cases {
        let read = read_all(&Input::file(&shared(name)), &options());
        let hours = read.all.timestamps.iter().max().unwrap() / 3_600_000_000;
        let place = (hours, texts.to_owned(), latitude, longitude, Some(elevation));
        assert_eq!(last(&read.places), [(station, place)], "{name}");
    }
    // At (0, 0), which is where no station is.
    let read = read_all(&Input::file(&shared("global-hourly/00702699999.csv")), &options());
    assert_eq!(read.places, BTreeMap::new());
}

/// A directory with raw ISD, a file a station.
struct Source(TempDir);

impl Source {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, station: &str, lines: &[(&str, &str)]) {
        let lines: Vec<String> = lines.iter().map(|(time, place)| raw(station, time, place) + "\n").collect();
        fs::create_dir_all(self.path("source")).unwrap();
        fs::write(self.path("source").join(format!("{station}-1970")), lines.concat()).unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn convert(&self, options: &ConvertOptions) -> Conversion {
        let mut files: Vec<_> =
            fs::read_dir(self.path("source")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let mut archive = Archive::open(&files, &ReadOptions::default(), false).unwrap();
        convert(&mut archive, &self.path("observations"), options, &|_| ()).unwrap()
    }

    fn table(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("observations").join(STATIONS)).unwrap();
        text.lines().skip(1).map(str::to_owned).collect()
    }
}

fn list(path: &Path) -> ConvertOptions {
    fs::write(
        path,
        "USAF,WBAN,STATION NAME,CTRY,STATE,ICAO,LAT,LON,ELEV(M),BEGIN,END\n\
         010010,99999,JAN MAYEN,NO,,ENJA,70.9,-8.7,9,19700101,20200101\n",
    )
    .unwrap();
    ConvertOptions { stations: Some(path.to_owned()), ..ConvertOptions::default() }
}

const HERE: &str = "+70000-008000+0010";

#[test]
fn a_dataset_has_a_table_of_its_stations() {
    let source = Source::new();
    source.write("01001099999", &[("197001010000", HERE), ("197001020000", HERE)]);
    source.write(
        "72287493134",
        &[("197001010300", "+34028-118296+0056"), ("197001010600", "+35028-118296+0056")],
    );
    source.write("99999999998", &[("197001010900", "+99999+999999+9999")]);
    let conversion = source.convert(&ConvertOptions::default());
    assert_eq!(
        source.table(),
        [
            "010010-99999,,,,70.0,-8.0,10.0,1970-01-01T00:00:00Z,1970-01-02T00:00:00Z,2",
            "722874-93134,,,,35.028,-118.296,56.0,1970-01-01T03:00:00Z,1970-01-01T06:00:00Z,2",
            "999999-99998,,,,,,,1970-01-01T09:00:00Z,1970-01-01T09:00:00Z,1",
        ]
    );
    assert_eq!((conversion.stations_placed, conversion.manifest.stations), (2, 3));
    assert_eq!(
        conversion.manifest.notes,
        ["1 station moved by more than 1 km, the last place counts: 722874-93134 (111.2 km)"]
    );
}

#[test]
fn a_list_that_is_none_is_refused_before_any_work() {
    let source = Source::new();
    source.write("01001099999", &[("197001010000", HERE)]);
    let list = source.path("list.csv");
    fs::write(&list, "a,b\n1,2\n").unwrap();
    let options = ConvertOptions { stations: Some(list), ..ConvertOptions::default() };
    let mut archive =
        Archive::open(&[source.path("source").join("01001099999-1970")], &ReadOptions::default(), false)
            .unwrap();
    let read = std::sync::atomic::AtomicBool::new(false);
    let progress = |_| read.store(true, std::sync::atomic::Ordering::Relaxed);
    let error = convert(&mut archive, &source.path("observations"), &options, &progress).unwrap_err();
    assert!(error.to_string().contains("is no station list"), "{error}");
    assert!(!read.into_inner() && !source.path("observations").exists());
}

#[test]
fn an_update_keeps_the_places_of_blocks_that_it_keeps() {
    let source = Source::new();
    source.write("01001099999", &[("197001010000", HERE)]);
    source.write("02001099999", &[("197001010000", HERE)]);
    let with_list = list(&source.path("list.csv"));
    source.convert(&with_list);
    let listed = "010010-99999,JAN MAYEN,NO,,70.9,-8.7,9.0,1970-01-01T00:00:00Z,1970-01-01T00:00:00Z,1";
    let before = source.table();
    assert_eq!(before[0], listed);
    // Another file changes. What the rows say comes back where no list is given, and the name that only it knows stays.
    source.write("02001099999", &[("197001010000", HERE), ("197001010100", "+71000-008000+0010")]);
    let update = ConvertOptions { update: true, ..ConvertOptions::default() };
    let conversion = source.convert(&update);
    assert_eq!(
        (conversion.course, conversion.blocks_written, conversion.blocks_kept),
        (Course::Updated, 1, 1)
    );
    let of_rows = listed.replace("70.9,-8.7,9.0", "70.0,-8.0,10.0");
    let second = "020010-99999,,,,71.0,-8.0,10.0,1970-01-01T00:00:00Z,1970-01-01T01:00:00Z,2";
    assert_eq!(source.table(), [&of_rows, second]);
    // Nothing changes but the list.
    let conversion = source.convert(&ConvertOptions { update: true, ..with_list });
    assert_eq!((conversion.course, conversion.stations_placed), (Course::Unchanged, 2));
    assert_eq!(source.table(), [listed, second]);
}
