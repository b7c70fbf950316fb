//! The file of `--thresholds`: JSON in, what is derived from each station's record out, and back.

use std::io::{BufWriter, Write as _};
use std::path::Path;

use isd_dataset::Error;
use isd_dataset::output_file::OutputFile;

use crate::cli::failure::Failure;
use crate::qc::run::{Outcome, Thresholds};

/// Reads the file; `None` where it is not there yet.
/// Errors: a file that cannot be read, or is none of such thresholds.
pub(super) fn read(path: &Path) -> Result<Option<Thresholds>, Failure> {
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|source| Error::io(path, "cannot read", source))?;
    let thresholds = serde_json::from_str(&text).map_err(|error| Error::Format {
        path: path.to_owned(),
        found: format!("is no file of thresholds: {error}"),
        hint: Some("remove it, and it is written anew".into()),
    })?;
    Ok(Some(thresholds))
}

/// Writes what was derived from the record of each station.
/// Errors: a file that cannot be written.
pub(super) fn write(file: OutputFile, path: &Path, outcome: &Outcome) -> Result<(), Failure> {
    let thresholds: std::collections::BTreeMap<&str, _> =
        outcome.stations.iter().map(|station| (&*station.id, &station.derived)).collect();
    let failed = |source| Error::io(path, "cannot write", source);
    let mut out = BufWriter::new(file.file());
    serde_json::to_writer(&mut out, &thresholds).map_err(|error| failed(error.into()))?;
    out.write_all(b"\n").and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    file.finish()?;
    Ok(())
}
