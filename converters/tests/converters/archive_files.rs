use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::Array;
use flate2::Compression;
use flate2::write::GzEncoder;
use isd_converters::archive::{Archive, discover};
use isd_converters::{Duplicates, Error, ReadOptions, SeriesOptions, Sink, inspect, read_series};
use isd_dataset::series_group::SeriesGroup;
use tempfile::TempDir;

/// A day of ISD-Lite: hourly, the temperature in tenths is 10 × `temperature` + hour.
fn day(year: u32, temperature: i32) -> String {
    let line = |hour| {
        let tenths = 10 * temperature + hour;
        format!("{year} 01 01 {hour:02} {tenths:5} -9999 10132   270    51     8     0 -9999\n")
    };
    (0..24).map(line).collect::<Vec<_>>().concat()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Two stations of two years each, in directories by year as NOAA has them.
const NAMES: [&str; 4] = [
    "2015/010010-99999-2015.gz",
    "2015/724940-23234-2015.gz",
    "2016/010010-99999-2016.gz",
    "2016/724940-23234-2016.gz",
];

fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let text = |name: &str| day(name[..4].parse().unwrap(), name.len() as i32);
    NAMES.iter().map(|name| (*name, gzip(&text(name)))).collect()
}

fn write_files(root: &Path) {
    for (name, content) in contents() {
        fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        fs::write(root.join(name), content).unwrap();
    }
}

fn files(source: &Path) -> Vec<PathBuf> {
    discover(&[source.to_owned()], &mut "".as_bytes()).unwrap().files
}

fn open(source: &Path) -> Archive {
    Archive::open(&files(source), &ReadOptions::default(), false).unwrap()
}

/// Station, time and temperature of every row, in the order of reading.
fn rows(archive: &Archive) -> Vec<(String, i64, f64)> {
    let mut reader = archive.read(|_, _| true);
    let mut rows = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        let mut stations =
            batch.stations.iter().flat_map(|run| std::iter::repeat_n(run.station_id.to_string(), run.rows));
        for (row, time) in batch.timestamps.iter().enumerate() {
            let temperature =
                if batch.columns[0].is_null(row) { f64::NAN } else { batch.columns[0].value(row) };
            rows.push((stations.next().unwrap(), *time, temperature));
        }
    }
    rows
}

#[test]
fn the_files_of_a_directory_are_read_station_by_station() {
    let home = TempDir::new().unwrap();
    write_files(home.path());
    fs::write(home.path().join("readme.txt"), "about these files").unwrap();
    let archive = open(home.path());
    assert_eq!(archive.layout(), "ISD-Lite");
    assert_eq!(archive.columns().len(), 8);
    let rows = rows(&archive);
    assert_eq!(rows.len(), 96);
    assert!(
        rows.is_sorted_by(|a, b| (&a.0, a.1) < (&b.0, b.1)),
        "directories are by year, stations come first"
    );
    assert!(archive.failures().is_empty());
    let (bytes, all) = archive.progress().bytes();
    assert_eq!((bytes, archive.progress().files()), (all, (4, 4)));
}

#[test]
fn a_tar_archive_is_its_files() {
    let home = TempDir::new().unwrap();
    write_files(&home.path().join("files"));
    let expected = rows(&open(&home.path().join("files")));
    for packed in [false, true] {
        let mut builder = tar::Builder::new(Vec::new());
        // In the order in which a sorted conversion would want them.
        for index in [0, 2, 1, 3] {
            let (name, content) = &contents()[index];
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, content.as_slice()).unwrap();
        }
        let mut bytes = builder.into_inner().unwrap();
        if packed {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&bytes).unwrap();
            bytes = encoder.finish().unwrap();
        }
        let path = home.path().join("years.tar");
        fs::write(&path, &bytes).unwrap();
        let archive = open(&path);
        assert_eq!(rows(&archive), expected);
        // Read again, it gives the same again.
        assert_eq!(rows(&archive), expected);

        // Cut short, it is an error that names it, at whatever byte.
        for end in (0..bytes.len()).step_by(401) {
            fs::write(&path, &bytes[..end]).unwrap();
            let read =
                Archive::open(std::slice::from_ref(&path), &ReadOptions::default(), false).map(|archive| {
                    let mut reader = archive.read(|_, _| true);
                    loop {
                        match reader.next_batch() {
                            Ok(None) => break Ok(()),
                            Ok(Some(_)) => {}
                            Err(failed) => break Err(failed.error),
                        }
                    }
                });
            match read {
                Ok(Err(error)) | Err(error) => assert!(error.to_string().contains("years.tar"), "{error}"),
                // Two blocks of zeros end an archive; whether they are there does not matter.
                Ok(Ok(())) => assert!(end + 1024 + 512 >= bytes.len() || packed, "{end} of {}", bytes.len()),
            }
        }
    }
}

/// Writes files into an archive of that name, in that order.
fn pack(path: &Path, files: &[(&str, &str)]) {
    let mut builder = tar::Builder::new(File::create(path).unwrap());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    builder.finish().unwrap();
}

const HOURLY: &str = "STATION,DATE,REPORT_TYPE,WND,TMP,DEW,SLP\n\
    01001099999,2020-01-01T00:00:00,FM-12,\"070,1,N,0051,1\",\"-0070,1\",\"-0130,1\",\"09957,1\"\n";
const GHCNH: &str = "STATION|DATE|temperature|temperature_Quality_Code|station_level_pressure\n\
    NOE00105483|2020-01-01T00:00:00|-7.5|1|990.5\n";
const VISIBILITY: &str =
    "station_id,timestamp,air_temperature,visibility\nZSFO,2020-01-01T00:00:00Z,12.5,9000\n";

#[test]
fn a_tar_archive_holds_different_files_as_a_directory_does() {
    let home = TempDir::new().unwrap();
    let members = [("a.csv", HOURLY), ("b.psv", GHCNH), ("c.csv", VISIBILITY)];
    let directory = home.path().join("files");
    fs::create_dir(&directory).unwrap();
    for (name, content) in members {
        fs::write(directory.join(name), content).unwrap();
    }
    let path = home.path().join("files.tar");
    // Those that name files name others.
    let notes = |archive: &Archive| -> Vec<String> {
        archive.notes().iter().filter(|note| !note.contains("b.psv")).cloned().collect()
    };
    let contents = |source: &Path, options: &ReadOptions| {
        let archive = Archive::open(&files(source), options, true).unwrap();
        let mut reader = archive.read(|_, _| true);
        let mut rows = Vec::new();
        while let Some(batch) = reader.next_batch().unwrap() {
            let values: Vec<Vec<Option<f64>>> = batch.columns.iter().map(|c| c.iter().collect()).collect();
            rows.push((batch.stations, batch.timestamps, values));
        }
        rows.sort_by(|a, b| a.0[0].station_id.cmp(&b.0[0].station_id));
        let columns: Vec<String> = archive.columns().iter().map(|column| column.name.clone()).collect();
        (columns, rows, archive.layout().to_owned(), notes(&archive))
    };
    let pressure =
        ReadOptions { measurements: vec!["station_level_pressure".into()], ..ReadOptions::default() };
    for order in [[0, 1, 2], [2, 1, 0]] {
        pack(&path, &order.map(|index| members[index]));
        for options in [&ReadOptions::default(), &pressure] {
            let (mut from_tar, mut from_files) = (contents(&path, options), contents(&directory, options));
            // Files of a directory are taken in the order of their stations, and other columns in that of the files.
            if order[0] == 2 && options.measurements.is_empty() {
                from_tar.0.sort();
                from_files.0.sort();
                assert_eq!(from_tar.0, from_files.0);
                continue;
            }
            from_tar.3.sort();
            from_files.3.sort();
            assert_eq!(from_tar, from_files);
            assert!(from_tar.0.contains(&"station_level_pressure".to_owned()));
            assert_eq!(from_tar.1.len(), 3);
        }
    }
    let absent = ReadOptions { measurements: vec!["visibilty".into()], ..ReadOptions::default() };
    let error = Archive::open(std::slice::from_ref(&path), &absent, false).unwrap_err();
    assert!(error.to_string().contains("visibilty: does not exist in this file, nor in any of the other 2"));
    assert_eq!(error.hint().unwrap(), "did you mean visibility?");
    // Other files may have what it lacks.
    pack(&path, &members[..1]);
    let both = [path.clone(), directory.join("b.psv")];
    let archive = Archive::open(&both, &pressure, true).unwrap();
    assert_eq!(rows(&archive).len(), 2);
}

/// In text it is lines that people count, from the header on.
#[test]
fn rows_of_one_key_are_named_by_their_lines() {
    struct Nothing;
    impl Sink for Nothing {
        fn take(&mut self, _: SeriesGroup) -> Result<(), Error> {
            Ok(())
        }
        fn reset(&mut self) -> Result<(), Error> {
            Ok(())
        }
    }
    let home = TempDir::new().unwrap();
    let (header, line) = HOURLY.trim_end().split_once('\n').unwrap();
    let at = |hour: u32| line.replace("T00", &format!("T{hour:02}"));
    let other = at(2).replace("-0070", "-0071");
    let summary = line.replace("FM-12", "SOD  ");
    let in_order = [header, &at(0), "", &summary, &at(1), &at(2), &other, &at(3)].join("\r\n");
    let out_of_order = [header, &at(1), &at(2), "", &at(0), &summary, &other].join("\n");
    for (text, first, second) in [(in_order, 6, 7), (out_of_order, 3, 7)] {
        let (plain, packed) = (home.path().join("a.csv"), home.path().join("a.tar"));
        fs::write(&plain, &text).unwrap();
        pack(&packed, &[("first.csv", HOURLY), ("a.csv", &text.replace("010010", "020020"))]);
        for path in [plain, packed] {
            let mut archive = Archive::open(&[path], &ReadOptions::default(), true).unwrap();
            let options = SeriesOptions {
                duplicates: Duplicates::Error,
                ..SeriesOptions::new(home.path().join("scratch"))
            };
            let error = read_series(&mut archive, &options, &mut Nothing, &|_| ()).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(&format!("a.csv: line {second}: station 0")), "{message}");
            assert!(message.contains(&format!("first in line {first}; expected")), "{message}");
        }
    }
}

/// Of a column under another name nothing is read, which must not go unsaid.
#[test]
fn columns_that_a_file_lacks_are_named() {
    let home = TempDir::new().unwrap();
    let text = HOURLY.replace("TMP", "TEMP");
    for name in ["a.csv", "b.csv"] {
        fs::write(home.path().join(name), &text).unwrap();
    }
    fs::write(home.path().join("c.csv"), HOURLY).unwrap();
    let lacking = |sources: &[PathBuf], options: &ReadOptions| -> Vec<String> {
        let archive = Archive::open(sources, options, true).unwrap();
        archive.notes().iter().filter(|note| note.starts_with("missing, ")).cloned().collect()
    };
    let paths = files(home.path());
    let [note] = &*lacking(&paths, &ReadOptions::default()) else { panic!("one note was expected") };
    let expected = format!("TMP (air_temperature) in {} and 1 more", paths[0].display());
    assert!(note.ends_with(&expected), "{note}");
    assert_eq!(lacking(&paths[2..], &ReadOptions::default()), [""; 0]);
    let wind = ReadOptions { measurements: vec!["wind_speed_rate".into()], ..ReadOptions::default() };
    assert_eq!(lacking(&paths, &wind), [""; 0], "nothing is said of what was not asked for");

    let path = home.path().join("files.tar");
    pack(&path, &[("a.csv", &text), ("b.psv", GHCNH)]);
    let notes = lacking(&[path], &ReadOptions::default());
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].ends_with("files.tar/a.csv") && notes[1].ends_with("files.tar/b.psv"), "{notes:?}");
    assert!(notes[1].contains(": dew_point_temperature, "), "{notes:?}");
}

#[test]
fn a_damaged_member_of_a_tar_archive_is_left_out_and_listed() {
    let home = TempDir::new().unwrap();
    let mut builder = tar::Builder::new(File::create(home.path().join("year.tar")).unwrap());
    for (name, content) in [
        ("010010-99999-2015", day(2015, 1).into_bytes()),
        ("010020-99999-2015", b"2015 01 01 00   -10 -9999 oops".to_vec()),
        ("010030-99999-2015", day(2015, 3).into_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    builder.finish().unwrap();
    let path = home.path().join("year.tar");
    let archive = open(&path);
    assert_eq!(rows(&archive).len(), 48);
    assert_eq!(rows(&archive).len(), 48);
    let failures = archive.failures();
    assert_eq!(failures.len(), 1, "once, although it was read twice");
    assert_eq!(failures[0].path, path.join("010020-99999-2015"));

    let error = Archive::open(&[path], &ReadOptions::default(), true).unwrap_err();
    assert!(error.to_string().contains("010020-99999-2015"), "{error}");
}

#[test]
fn one_bad_file_among_many_is_left_out_and_listed() {
    let home = TempDir::new().unwrap();
    write_files(home.path());
    let mut late = day(2017, 3);
    late.push_str("2017 01 02 00    -1 -9999 10132   270    51     8     0\n");
    fs::write(home.path().join("010030-99999-2017"), &late).unwrap();
    fs::write(home.path().join("noise.gz"), b"\x1f\x8bnoise").unwrap();
    let mut archive = open(home.path());
    assert_eq!(rows(&archive).len(), 96, "nothing of the file is read whose last line is bad");
    let mut failures: Vec<String> = archive.failures().iter().map(|f| f.error.to_string()).collect();
    failures.sort();
    assert_eq!(failures.len(), 2);
    assert!(failures[0].contains("010030-99999-2017: line 25: "), "{failures:?}");
    assert!(failures[1].contains("noise.gz"), "{failures:?}");

    let found = inspect(&mut archive, &|_| ()).unwrap();
    assert_eq!((found.files, found.rows, found.stations, found.failures.len()), (4, 96, 2, 2));
    assert!(found.sorted);
    assert_eq!(found.first_timestamp.as_deref(), Some("2015-01-01T00:00:00Z"));
    assert_eq!((found.columns[0].nulls, found.columns[1].nulls), (0, 96));
    assert_eq!((found.columns[2].min, found.columns[2].max), (Some(1013.2), Some(1013.2)));

    let strict = Archive::open(&files(home.path()), &ReadOptions::default(), true);
    assert!(strict.unwrap_err().to_string().contains("010030-99999-2017: line 25"));
}

#[test]
fn a_bad_file_by_itself_is_the_error() {
    let home = TempDir::new().unwrap();
    let path = home.path().join("010030-99999-2017");
    fs::write(&path, "2017 01 01 00    -1 -9999 10132   270    51     8     0 -9999\n2017 13\n").unwrap();
    let mut archive = Archive::open(std::slice::from_ref(&path), &ReadOptions::default(), false).unwrap();
    assert!(matches!(inspect(&mut archive, &|_| ()), Err(Error::Line { line: 2, .. })));
    fs::write(&path, "nothing of the kind").unwrap();
    let error = Archive::open(&[path.clone(), path.clone()], &ReadOptions::default(), false).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("none of the 2 files can be read; this one: is of no format"), "{message}");
    assert_eq!(message.matches("010030-99999-2017").count(), 1, "{message}");
    assert!(error.hint().is_some());
    fs::write(&path, "").unwrap();
    let error = Archive::open(&[path.clone(), path], &ReadOptions::default(), false).unwrap_err();
    assert!(error.to_string().contains("; this one: is empty"), "{error}");
    assert!(error.hint().unwrap().contains("the formats are "));
}

/// Of a download that broke off it is said how far it is there.
#[test]
fn cut_files_say_where_and_what_to_do() {
    let home = TempDir::new().unwrap();
    let error_of = |name: &str, content: &[u8]| {
        let path = home.path().join(name);
        fs::write(&path, content).unwrap();
        let archive = Archive::open(&[path], &ReadOptions::default(), false);
        let error = archive.and_then(|mut archive| inspect(&mut archive, &|_| ())).unwrap_err();
        assert!(error.hint().unwrap().contains("download or copy it again"), "{name}: {error}");
        error.to_string()
    };
    let text = (2001..2400).map(|year| day(year, year as i32 - 2000)).collect::<String>();
    let whole = gzip(&text);
    let message = error_of("010010-99999-2001.gz", &whole[..whole.len() / 2]);
    let line: usize = message.split("line ").nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
    assert!((2000..8000).contains(&line) && message.contains("cannot read on from here: "), "{message}");
    let tar = home.path().join("whole.tar");
    pack(&tar, &[("010010-99999-2015", &day(2015, 1)), ("010020-99999-2015", &day(2015, 2))]);
    let whole = fs::read(&tar).unwrap();
    let begins = 512 + day(2015, 1).len().next_multiple_of(512);
    let message = error_of("cut.tar", &whole[..begins + 512 + 100]);
    assert!(message.contains(&format!("from byte {begins}, where 010020-99999-2015 begins: ")), "{message}");
}

#[test]
fn a_file_larger_than_it_looks_keeps_its_place() {
    let home = TempDir::new().unwrap();
    write_files(home.path());
    let line = "2015 06 01 00    -1 -9999 10132   270    51     8     0 -9999\n";
    fs::write(home.path().join("2015/500000-99999-2015.gz"), gzip(&line.repeat((256 << 10) + 5))).unwrap();
    let archive = open(home.path());
    let mut reader = archive.read(|_, _| true);
    let mut stations: Vec<(String, usize)> = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        for run in batch.stations {
            match stations.last_mut() {
                Some((id, rows)) if **id == *run.station_id => *rows += run.rows,
                _ => stations.push((run.station_id.to_string(), run.rows)),
            }
        }
    }
    let expected = [("010010-99999", 48), ("500000-99999", (256 << 10) + 5), ("724940-23234", 48)];
    assert_eq!(stations, expected.map(|(id, rows)| (id.to_owned(), rows)));
    assert_eq!(reader.take_finished().iter().map(|report| report.rows).sum::<u64>(), (256 << 10) + 5 + 96);
}

#[test]
fn files_directories_patterns_and_lists() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::create_dir_all(root.join("2015/.cache")).unwrap();
    let beside = ["2015/README", "2015/isd-history.csv", "2015/_stations.csv", "2015/.cache/x"];
    for name in ["2015/b.gz", "2015/a.gz", "c.csv"].into_iter().chain(beside) {
        fs::write(root.join(name), "").unwrap();
    }
    let names = |sources: &[PathBuf], list: &str| {
        let found = discover(sources, &mut list.as_bytes()).unwrap();
        let files = found.files.iter().map(|p| p.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        (files.collect::<Vec<_>>(), found.passed_over.len())
    };
    assert_eq!(names(&[root.join("2015")], ""), (vec!["2015/a.gz".into(), "2015/b.gz".into()], 3));
    assert_eq!(names(&[root.join("2015/*.gz")], "").0.len(), 2);
    // Each once, however often it is named.
    assert_eq!(names(&[root.join("c.csv"), root.to_owned()], "").0, ["c.csv", "2015/a.gz", "2015/b.gz"]);
    let list = format!("{}\r\n\n{}\n", root.join("c.csv").display(), root.join("2015/a.gz").display());
    assert_eq!(names(&["-".into()], &list).0, ["c.csv", "2015/a.gz"]);
    let list = format!("{}\0{}\0", root.join("c.csv").display(), root.join("2015/a.gz").display());
    assert_eq!(names(&["-".into()], &list).0, ["c.csv", "2015/a.gz"]);
    for (source, expected) in [
        (root.join("absent"), "absent"),
        (root.join("*.hdf5"), "matches no file"),
        (root.join("2015/.cache"), "x"),
        (root.join("[").join("a"), "is no pattern"),
    ] {
        match discover(std::slice::from_ref(&source), &mut "".as_bytes()) {
            Err(error) => assert!(error.to_string().contains(expected), "{error}"),
            Ok(found) => assert!(found.files[0].ends_with(expected), "{found:?}"),
        }
    }
}
