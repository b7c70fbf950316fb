//! Text files written for a test, and everything that is read from one.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use isd_converters::{ReadOptions, Result, Tally, open};
use tempfile::TempDir;

use crate::archives::{Everything, read_rows};

/// A file of the shared data: a test that needs one is ignored where there are none.
pub fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name)
}

/// A file of that name and content in a directory of its own.
pub struct TextFile {
    _directory: TempDir,
    pub path: PathBuf,
}

pub fn file(name: &str, content: impl AsRef<[u8]>) -> TextFile {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, content).unwrap();
    TextFile { _directory: directory, path }
}

pub fn gzip(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// All rows of a file, its layout, and what was left out.
#[derive(Debug, PartialEq)]
pub struct Text {
    pub layout: &'static str,
    pub rows: Everything,
    /// But for the places of stations.
    pub tally: Tally,
}

impl Text {
    /// The values of a column.
    pub fn column(&self, name: &str) -> &[Option<f64>] {
        &self.rows.columns.iter().find(|(column, _)| column == name).unwrap().1
    }

    /// Station and time of each row, the latter in seconds since 1970.
    pub fn keys(&self) -> Vec<(&str, i64)> {
        let stations = self.rows.stations.iter();
        let stations = stations.flat_map(|(station, rows)| std::iter::repeat_n(station.as_str(), *rows));
        stations.zip(self.rows.timestamps.iter().map(|micros| micros / 1_000_000)).collect()
    }
}

pub fn read_text(path: &Path, options: &ReadOptions) -> Result<Text> {
    let mut source = open(path, options)?;
    let rows = read_rows(source.as_mut())?;
    let tally = Tally { places: BTreeMap::new(), ..source.tally() };
    Ok(Text { layout: source.info().layout, rows, tally })
}

/// The rows of a file of that name and content.
pub fn rows_of(name: &str, content: impl AsRef<[u8]>, options: &ReadOptions) -> Text {
    read_text(&file(name, content).path, options).unwrap()
}

/// The message of the error that reading a file of that name and content gives; it names the file.
pub fn refusal_of(name: &str, content: impl AsRef<[u8]>, options: &ReadOptions) -> String {
    let file = file(name, content);
    let error = read_text(&file.path, options).expect_err("the file should be refused");
    let message = error.to_string();
    assert!(!message.contains('\n') && message.starts_with(&*file.path.to_string_lossy()), "{message}");
    message
}

/// Seconds since 1970 of a time in UTC.
pub fn seconds(time: &str) -> i64 {
    chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M:%S").unwrap().and_utc().timestamp()
}

/// A day of ISD-Lite, a line an hour, in that year and with that wind speed in tenths; temperatures are 0.0 to 2.3 degC.
pub fn day(year: u32, wind: u32) -> String {
    let line =
        |hour| format!("{year} 01 01 {hour:02} {hour:5} -9999 10132   270 {wind:5}     8     0 -9999\n");
    (0..24).map(line).collect::<Vec<_>>().concat()
}
