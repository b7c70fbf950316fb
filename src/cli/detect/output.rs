//! Where the outliers go: arguments in, a file, a directory or standard output with the table out.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use isd_dataset::storage;

use super::arguments::DetectArgs;
use super::summary::{PARAMETERS, Parameters, difference};
use crate::cli::embedded;
use crate::cli::failure::Failure;
use crate::cli::stdout_table::print_table;
use crate::detect::DetectError;
use crate::detect::spool::Spool;
use crate::detect::table::outliers_schema;
use crate::output::{Existing, FileType, OutputError, PartitionedOutput, TableFile, Written};
use crate::stations::{Stations, with_station_columns};

/// Where the outliers go.
pub(super) enum Destination {
    /// One file, and what was in it that stays.
    File(TableFile, Option<Existing>),
    /// A directory with a file a year.
    Years(PartitionedOutput),
    /// Standard output.
    Stdout,
    /// Nowhere: with `--json` and without `-o`, standard output has the summary alone.
    Nowhere,
}

impl Destination {
    /// Makes sure that the destination can be written, before the long work starts.
    /// Errors: a name that is not one of a table, a place where nothing can be written, or one that is read: the
    /// outliers must neither replace what is read nor become part of it. Also a file to add to whose outliers were found by
    /// another test than that of `parameters`.
    pub(super) fn create(args: &DetectArgs, parameters: &Parameters) -> Result<Self, Failure> {
        let Some(path) = args.output.as_deref() else {
            let kept = embedded::table_file().map(|table| Self::File(table, None));
            return Ok(kept.unwrap_or(if args.common.json { Self::Nowhere } else { Self::Stdout }));
        };
        let read = args.sources.iter().chain(&args.stations);
        if args.partition_by.is_some() {
            if FileType::of(path).is_ok_and(|file_type| file_type != FileType::Parquet) {
                return Err(Failure::usage(format!("{}: --partition-by writes Parquet", path.display()))
                    .hint("give -o the name of a directory, or leave --partition-by out"));
            }
            let read: Vec<PathBuf> = read.cloned().collect();
            return Ok(Self::Years(PartitionedOutput::create(path, &read)?));
        }
        let file = TableFile::create(path)?;
        outside(path, &file, read)?;
        let existing = if args.append { Existing::read(path)? } else { None };
        if let Some(existing) = &existing {
            check_parameters(path, existing, parameters)?;
        }
        Ok(Self::File(file, existing))
    }

    /// Writes the table; returns the number of files and bytes, or nothing where no file is written.
    /// Errors: the destination cannot be written.
    pub(super) fn write(
        self,
        table: &Table<'_>,
        metadata: &[(String, String)],
    ) -> Result<Option<Written>, Failure> {
        Ok(match self {
            Self::File(file, existing) => {
                let schema = table.schema()?;
                let bytes = match existing {
                    Some(existing) => {
                        let new =
                            table.batches().collect::<Result<Vec<_>, _>>().map_err(DetectError::from)?;
                        file.write(&schema, existing.with(&schema, &new)?, metadata)?
                    }
                    None => file.write(&schema, table.batches(), metadata)?,
                };
                Some(Written { files: 1, bytes })
            }
            Self::Years(years) => {
                Some(years.write(&table.whole_schema(), table.whole_batches(), table.columns, metadata)?)
            }
            Self::Stdout => {
                table.to_stdout()?;
                None
            }
            Self::Nowhere => None,
        })
    }
}

/// Makes sure that `file`, which is to be at `path`, is none of what is `read`, nor Parquet in a directory of it.
/// Errors: one that is, or a directory that is gone.
pub(super) fn outside<'a>(
    path: &Path,
    file: &TableFile,
    read: impl IntoIterator<Item = &'a PathBuf>,
) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unknown = |source| OutputError::Io { path: path.to_owned(), action: "cannot create", source };
    let parent = storage::canonical(parent).map_err(unknown)?;
    // A pattern, or `-`, is no path that could be compared.
    for source in read.into_iter().filter_map(|source| storage::canonical(source).ok()) {
        let inside = parent.starts_with(&source) && file.file_type() == FileType::Parquet;
        if inside || path.file_name().is_some_and(|name| parent.join(name) == source) {
            return Err(
                Failure::usage(format!("{}: lies in what is read", path.display())).hint("give another -o")
            );
        }
    }
    Ok(())
}

/// Makes sure that the outliers of a file were found by the same test. Errors: another one, or a file that does not say it.
fn check_parameters(path: &Path, existing: &Existing, parameters: &Parameters) -> Result<(), Failure> {
    let refused = |found: String| {
        let failure = Failure::error(format!("{}: {found}", path.display()));
        failure.hint("give another -o, or leave --append out").about(Some(path))
    };
    let held = existing.metadata.get(PARAMETERS).and_then(|text| serde_json::from_str(text).ok());
    let held = held.ok_or_else(|| refused("does not say that isd-detect wrote it".to_owned()))?;
    match difference(&held, &parameters.to_json()?) {
        None => Ok(()),
        Some(difference) => Err(refused(format!("holds outliers of another test: {difference}"))),
    }
}

/// The outliers and the columns beside them, as they are written.
pub(super) struct Table<'a> {
    /// The outliers.
    pub outliers: &'a Spool,
    /// Stations whose columns come after the outliers' own.
    pub stations: Option<&'a Stations>,
    /// Positions of the columns that are written, among all of these.
    pub columns: &'a [usize],
}

impl Table<'_> {
    /// Schema of all columns.
    fn whole_schema(&self) -> SchemaRef {
        let schema = outliers_schema();
        if self.stations.is_some() { with_station_columns(&schema) } else { schema }
    }

    /// All columns.
    fn whole_batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone {
        self.outliers.batches().map(|batch| match self.stations {
            Some(stations) => stations.beside(&batch?),
            None => batch,
        })
    }

    /// Schema of the columns that are written.
    pub(super) fn schema(&self) -> Result<SchemaRef, DetectError> {
        Ok(self.whole_schema().project(self.columns)?.into())
    }

    /// The columns that are written.
    fn batches(&self) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone {
        self.whole_batches().map(|batch| batch?.project(self.columns))
    }

    /// Writes the table to standard output: aligned on a terminal, CSV into a pipe.
    fn to_stdout(&self) -> Result<(), Failure> {
        let schema = self.schema()?;
        print_table(&schema, self.batches(), "outliers")
    }
}
