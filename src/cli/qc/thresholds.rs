//! The file of `--thresholds`: JSON in, what is derived from each station's record out, and back.

use std::borrow::Cow;
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::Path;

use isd_dataset::Error;
use isd_dataset::output_file::OutputFile;
use isd_dataset::storage;

use serde::{Deserialize, Serialize};

use crate::cli::failure::Failure;
use crate::qc::run::{Outcome, Thresholds};

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Kept<'a, T> {
    /// The tests and parameters by which it was derived, as `--print-config` prints them.
    configuration: Cow<'a, str>,
    /// By `station_id`.
    stations: T,
}

/// Reads the file; `None` where it is not there yet.
/// Errors: a file that cannot be read, is none of such thresholds, or was derived by another configuration.
pub(super) fn read(path: &Path, configuration: &str) -> Result<Option<Thresholds>, Failure> {
    let text = match storage::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io(path, "cannot read", source).into()),
    };
    let kept: Kept<'_, Thresholds> = serde_json::from_str(&text).map_err(|error| Error::Format {
        path: path.to_owned(),
        found: format!("is no file of thresholds: {error}"),
        hint: Some("remove it, and it is written anew".into()),
    })?;
    if kept.configuration != configuration {
        return Err(Error::Format {
            path: path.to_owned(),
            found: "was derived with other tests or parameters".into(),
            hint: Some("each configuration needs a file of its own for --thresholds".into()),
        }
        .into());
    }
    Ok(Some(kept.stations))
}

/// Writes what was derived from the record of each station.
/// Errors: a file that cannot be written.
pub(super) fn write(
    file: OutputFile,
    path: &Path,
    outcome: &Outcome,
    configuration: &str,
) -> Result<(), Failure> {
    let stations: std::collections::BTreeMap<&str, _> =
        outcome.stations.iter().map(|station| (&*station.id, &station.derived)).collect();
    let failed = |source| Error::io(path, "cannot write", source);
    let mut out = BufWriter::new(file.file());
    let kept = Kept { configuration: configuration.into(), stations };
    serde_json::to_writer(&mut out, &kept).map_err(|error| failed(error.into()))?;
    out.write_all(b"\n").and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    file.finish()?;
    Ok(())
}
