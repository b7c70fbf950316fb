//! Where the flags go: arguments in, a file or standard output with the table out.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;

use super::arguments::QcArgs;
use crate::cli::embedded;
use crate::cli::failure::Failure;
use crate::cli::stdout_table::print_table;
use crate::output::TableFile;
use crate::qc::run::Outcome;
use crate::qc::table::{batch, flags_schema};
use isd_dataset::selection::Selection;
use isd_dataset::storage;
use isd_stores::is_address;

/// Where the flags go.
pub(super) enum Destination {
    File(TableFile),
    Stdout,
    /// With `--json` or `--truth` and without `-o`, standard output has the summary alone.
    Nowhere,
}

impl Destination {
    /// Makes sure that the destination can be written, before the long work starts.
    /// Errors: a name that is not one of a table, a place where nothing can be written, or one that is read.
    pub fn create(args: &QcArgs) -> Result<Self, Failure> {
        let Some(path) = args.output.as_deref() else {
            let elsewhere =
                args.common.json || args.truth.is_some() || args.clean.is_some() || args.wide.is_some();
            let kept = embedded::table_file().map(Self::File);
            return Ok(kept.unwrap_or(if elsewhere { Self::Nowhere } else { Self::Stdout }));
        };
        let file = TableFile::create(path)?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let read = args.sources.iter().chain(&args.stations).chain(&args.truth).chain(&args.thresholds);
        if let Ok(parent) = storage::canonical(parent) {
            for source in read.filter_map(|source| storage::canonical(source).ok()) {
                let same = path.file_name().is_some_and(|name| parent.join(name) == source);
                if same || (source.is_dir() || is_address(&source)) && parent.starts_with(&source) {
                    return Err(Failure::usage(format!("{}: lies in what is read", path.display()))
                        .hint("give another -o"));
                }
            }
        }
        Ok(Self::File(file))
    }

    /// Writes the table; returns its size in bytes where it is a file.
    /// Errors: the destination cannot be written.
    pub fn write(
        self,
        outcome: &Outcome,
        with_released: bool,
        wanted: &Selection,
        metadata: &[(String, String)],
    ) -> Result<Option<u64>, Failure> {
        match self {
            Self::File(file) => {
                Ok(Some(file.write(&flags_schema(), batches(outcome, with_released, wanted), metadata)?))
            }
            Self::Stdout => {
                print_table(&flags_schema(), batches(outcome, with_released, wanted), "flags")?;
                Ok(None)
            }
            Self::Nowhere => Ok(None),
        }
    }
}

/// The table of the wanted stations and times, a batch a station.
fn batches(
    outcome: &Outcome,
    with_released: bool,
    wanted: &Selection,
) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone {
    let found = outcome.stations.iter().filter(|station| !station.findings.is_empty());
    let found = found.filter(|station| wanted.holds_station(&station.id));
    found.map(move |station| batch(station, with_released, wanted))
}
