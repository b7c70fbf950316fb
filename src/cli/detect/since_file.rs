//! The file of `--since-file`: up to which time each station has been reported, and by which test.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use isd_dataset::Error;
use isd_dataset::output_file::OutputFile;
use isd_dataset::storage;
use isd_dataset::time::iso8601;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::summary::{Parameters, difference};
use crate::cli::common::to_json;
use crate::cli::failure::Failure;
use crate::detect::LatestTimes;

/// The file, which is replaced when everything is reported.
pub(super) struct SinceFile {
    path: PathBuf,
    /// Where it will be written: a place where nothing can be written shows before the long work.
    file: OutputFile,
    held: Option<State>,
}

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// The test.
    parameters: Value,
    /// The last time of each station that has been reported, ISO 8601 in UTC.
    stations: BTreeMap<String, String>,
}

impl SinceFile {
    /// Reads the file, if it is there.
    /// Errors: a file that is none of these, or a place where nothing can be written.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let held = match storage::read(path) {
            Ok(text) => {
                let state =
                    serde_json::from_slice(&text).map_err(|error| not_ours(path, &error.to_string()))?;
                Some(state)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(Error::io(path, "cannot read", source).into()),
        };
        Ok(Self { path: path.to_owned(), file: OutputFile::create(path)?, held })
    }

    /// The last time of each station that earlier runs of this test have reported.
    /// Errors: a file of another test, or one with a time that is none.
    pub(super) fn reported(&self, parameters: &Parameters) -> Result<LatestTimes, Failure> {
        let Some(state) = &self.held else { return Ok(LatestTimes::new()) };
        let own = parameters.to_json()?;
        if let Some(difference) = difference(&state.parameters, &own) {
            return Err(Failure::error(format!("{}: is of another test: {difference}", self.path.display()))
                .hint("a test needs a --since-file of its own")
                .about(Some(&self.path)));
        }
        let time = |(station, time): (&String, &String)| {
            let parsed = DateTime::parse_from_rfc3339(time);
            let parsed =
                parsed.map_err(|error| not_ours(&self.path, &format!("{station}: {time}: {error}")))?;
            Ok((station.clone(), parsed.timestamp_micros()))
        };
        state.stations.iter().map(time).collect()
    }

    /// Writes up to which time each station is reported now: to that of `latest`, or where it was.
    /// Errors: a full disk, or a file that cannot be replaced.
    pub(super) fn write(
        self,
        mut reported: LatestTimes,
        latest: &LatestTimes,
        parameters: &Parameters,
    ) -> Result<(), Failure> {
        for (station, time) in latest {
            let known = reported.entry(station.clone()).or_insert(*time);
            *known = (*known).max(*time);
        }
        let stations = reported.into_iter().map(|(station, time)| (station, iso8601(time))).collect();
        let text = to_json(&State { parameters: parameters.to_json()?, stations })?;
        let written = self.file.file().write_all(text.as_bytes());
        written.map_err(|source| Error::io(&self.path, "cannot write", source))?;
        self.file.finish()?;
        Ok(())
    }
}

fn not_ours(path: &Path, reason: &str) -> Failure {
    Failure::error(format!("{}: is no file of --since-file: {reason}", path.display()))
        .hint("give the name of a new file, or of one that --since-file wrote")
        .about(Some(path))
}
