use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use isd_dataset::geography::Position;
use isd_dataset::place::Place;
use isd_dataset::station_table::{StationRecord, StationTable};
use parquet::arrow::ArrowWriter;
use svg::node::element::tag::Type;
use svg::parser::Event;
use tempfile::TempDir;

pub const HOUR: i64 = 3_600_000_000;
/// 2017-09-10T00:00:00Z.
pub const START: i64 = 1_505_001_600_000_000;

/// Rows of a station: times, and values of each measurement.
pub struct Rows<'a> {
    pub station_id: &'a str,
    pub place: Place,
    pub times: Vec<i64>,
    pub values: Vec<Option<f64>>,
}

pub fn place(name: &str, latitude: f64, longitude: f64) -> Place {
    Place {
        name: Some(name.to_owned()),
        position: Position::of_station(latitude, longitude),
        ..Place::default()
    }
}

/// So many times, an hour apart.
pub fn hours(count: usize) -> Vec<i64> {
    (0..count as i64).map(|hour| START + hour * HOUR).collect()
}

/// A directory with a dataset `observations` of wind speeds; without a table of stations if no place has a name.
pub fn dataset(stations: &[Rows<'_>]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("observations");
    std::fs::create_dir(&path).unwrap();
    let ids = stations.iter().flat_map(|rows| rows.times.iter().map(|_| rows.station_id));
    let times: Vec<i64> = stations.iter().flat_map(|rows| rows.times.clone()).collect();
    let values: Float64Array = stations.iter().flat_map(|rows| rows.values.clone()).collect();
    write_parquet(
        &path.join("part.parquet"),
        vec![
            ("station_id", Arc::new(ids.map(Some).collect::<StringArray>())),
            ("timestamp", Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))),
            ("wind_speed_rate", Arc::new(values)),
        ],
    );
    let mut table = StationTable::new(stations.iter().map(|rows| StationRecord {
        station_id: rows.station_id.to_owned(),
        first: rows.times.first().copied().unwrap_or_default(),
        last: rows.times.last().copied().unwrap_or_default(),
        rows: rows.times.len() as u64,
    }));
    table.set_places(|id| stations.iter().find(|rows| rows.station_id == id).map(|rows| rows.place.clone()));
    if stations.iter().any(|rows| rows.place.name.is_some()) {
        table.write(&path).unwrap();
    }
    directory
}

pub fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A dataset of one station, of that name, with these values an hour apart.
pub fn one_station(name: &str, values: &[Option<f64>]) -> TempDir {
    let (times, values) = (hours(values.len()), values.to_vec());
    dataset(&[Rows { station_id: "722030-12844", place: place(name, 26.68, -80.1), times, values }])
}

/// Runs `isd-view` on the dataset of a directory, in that directory.
pub fn view(directory: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isd-view"));
    command.current_dir(directory.path()).arg("observations").args(arguments).output().unwrap()
}

/// What `isd-view` draws into `picture.svg`, checked to be well formed.
pub fn drawn(directory: &TempDir, arguments: &[&str]) -> String {
    let output = view(directory, &[arguments, &["-o", "picture.svg"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(directory.path().join("picture.svg")).unwrap();
    texts(&text);
    text
}

/// A series of the only station.
pub fn series(directory: &TempDir, others: &[&str]) -> String {
    let arguments = ["--plot", "series", "--station", "722030-12844", "-m", "wind_speed_rate"];
    drawn(directory, &[&arguments, others].concat())
}

/// The texts of an SVG as they stand there, escaped. Fails where it is not well formed.
pub fn texts(svg: &str) -> Vec<String> {
    let (mut open, mut texts) = (Vec::new(), Vec::new());
    for event in svg::read(svg).unwrap() {
        match event {
            Event::Error(error) => panic!("{error}"),
            Event::Tag(name, Type::Start, _) => open.push(name.to_owned()),
            Event::Tag(name, Type::End, _) => assert_eq!(open.pop().as_deref(), Some(name)),
            Event::Text(text) => texts.push(text.to_owned()),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} are not closed");
    texts
}

/// The points of the line of values: the thin black path.
pub fn value_points(svg: &str) -> Vec<Vec<(f64, f64)>> {
    let is_line =
        |line: &&str| line.contains(r##"fill="none" stroke="#222222""##) && line.contains("<path d=");
    // The first is the sample of the legend.
    let line = svg.lines().filter(is_line).nth(1).expect("a line of values");
    let data = line.split('"').nth(1).unwrap();
    let point = |text: &str| {
        let (x, y) = text.split_once(' ').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    data.split('M')
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.split('L').map(point).collect())
        .collect()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The names of the files of a directory.
pub fn names(directory: &TempDir) -> Vec<PathBuf> {
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name().into()).collect();
    names.sort();
    names
}
