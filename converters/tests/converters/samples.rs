//! What the tests of GHCNh and Global Hourly share: files held in memory, and rows as maps of what is not missing.

use std::collections::BTreeMap;
use std::path::Path;

use isd_converters::{Input, ReadOptions, Result, Tally, open_input};
use isd_dataset::place::SaidPlaces;

use crate::archives::{Everything, read_rows};

/// All that a source yields.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub layout: &'static str,
    pub known_rows: Option<u64>,
    pub all: Everything,
    pub tally: Tally,
    /// Where the rows say that their stations are.
    pub places: BTreeMap<String, SaidPlaces>,
}

impl Read {
    pub fn rows(&self) -> usize {
        self.all.timestamps.len()
    }

    /// The values of a row that are not missing.
    pub fn row(&self, row: usize) -> BTreeMap<String, f64> {
        let columns = self.all.columns.iter();
        columns.filter_map(|(name, values)| Some((name.clone(), values[row]?))).collect()
    }

    pub fn names(&self) -> Vec<&str> {
        self.all.columns.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// One an unbroken run.
    pub fn stations(&self) -> Vec<&str> {
        self.all.stations.iter().map(|(station, _)| station.as_str()).collect()
    }
}

pub fn options() -> ReadOptions {
    ReadOptions::default()
}

/// A file in memory, as a member of an archive.
pub fn input(content: impl AsRef<[u8]>) -> Input {
    Input::member(Path::new("archive.tar"), Path::new("file"), content.as_ref().to_vec().into())
}

/// Reads an input to its end.
pub fn try_read(input: &Input, options: &ReadOptions) -> Result<Read> {
    let mut source = open_input(input, options)?;
    let all = read_rows(source.as_mut())?;
    let (mut tally, info) = (source.tally(), source.info());
    let places = std::mem::take(&mut tally.places);
    Ok(Read { layout: info.layout, known_rows: info.rows, all, tally, places })
}

/// Reads an input that must be readable.
pub fn read_all(input: &Input, options: &ReadOptions) -> Read {
    try_read(input, options).unwrap_or_else(|error| panic!("{error}"))
}

pub fn map(values: &[(&str, f64)]) -> BTreeMap<String, f64> {
    values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}
