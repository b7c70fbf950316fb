//! `isd-detect --part`: a part's arguments in, the file of its outliers out, or that it is there already.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use isd_dataset::read::Dataset;
use isd_dataset::{Error, Tally, storage};
use isd_stores::is_address;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arguments::DetectArgs;
use super::summary::{DetectSummary, Parameters, TOOL, difference};
use crate::cli::common::CommonArgs;
use crate::cli::failure::Failure;
use crate::cli::numbers::counted;
use crate::detect::parts::Part;
use crate::detect::{Detection, MeasurementCount, TestedRowGroup};
use crate::plan::table::OUTLIER_COLUMNS;
use crate::stations::STATION_COLUMNS;

/// Key of the metadata by which a file says which part of which result it is.
pub(super) const PART: &str = "isd.part";

/// What a part's file says of itself, for the run that joins the parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Account {
    /// Its number, from 1.
    pub part: usize,
    /// What all parts of a result have in common.
    pub result: Value,
    /// Number of observations that were looked at.
    pub rows: u64,
    /// Number of stations in them.
    pub stations: usize,
    /// What was found of each measurement.
    pub measurements: Vec<MeasurementCount>,
    /// The row groups that have wanted stations, as their outliers follow each other in the file.
    pub row_groups: Vec<TestedRowGroup>,
}

impl Account {
    /// Number of outliers.
    pub(super) fn outliers(&self) -> usize {
        self.row_groups.iter().map(|group| group.outliers).sum()
    }
}

/// What shapes a result. Parts of which these differ are no parts of one result.
#[derive(Debug, Serialize)]
struct ResultOf<'a> {
    tool: &'static str,
    /// Number of parts.
    parts: usize,
    dataset_version: String,
    columns: Vec<String>,
    /// Which stations and times were asked for, as on the command line.
    selection: Option<String>,
    /// Size in bytes of the list of `--stations`, whose name is one of the parameters.
    station_list_bytes: Option<u64>,
    #[serde(flatten)]
    parameters: &'a Parameters,
}

/// Where a part's outliers go.
pub(super) struct PartFile {
    /// The file.
    pub path: PathBuf,
    part: Part,
    /// What all parts of the result have in common.
    result: Value,
}

impl PartFile {
    /// The file of `part` in the directory of `-o`, which is made where it is missing. `columns` are the positions of the
    /// columns that are written.
    ///
    /// # Errors
    /// A directory that cannot be made, or that lies in the dataset, of whose files it would become one.
    pub(super) fn create(
        args: &DetectArgs,
        part: Part,
        dataset: &Dataset,
        parameters: &Parameters,
        columns: &[usize],
    ) -> Result<Self, Failure> {
        let directory = args.output.as_deref().unwrap_or(Path::new("."));
        make_directory(directory, dataset.path())?;
        let names = OUTLIER_COLUMNS.iter().chain(&STATION_COLUMNS);
        let names: Vec<String> = names.map(|name| (*name).to_owned()).collect();
        let list = args.stations.as_deref();
        let size = |list: &Path| storage::size(list).map_err(|source| Error::io(list, "cannot read", source));
        let result = ResultOf {
            tool: TOOL,
            parts: part.of(),
            dataset_version: dataset.fingerprint()?,
            columns: columns.iter().filter_map(|&column| names.get(column).cloned()).collect(),
            selection: args.selection.text(),
            station_list_bytes: list.map(size).transpose()?,
            parameters,
        };
        let result = serde_json::to_value(result)
            .map_err(|error| Failure::error(format!("cannot describe the part: {error}")))?;
        Ok(Self { path: directory.join(part.file_name()), part, result })
    }

    /// What the file says of itself where it is there already; `None` where it is not.
    ///
    /// # Errors
    /// A file that is not this part of this result.
    pub(super) fn complete(&self) -> Result<Option<Account>, Failure> {
        if !storage::is_file(&self.path) {
            return Ok(None);
        }
        let account = open(&self.path)?.1;
        match difference(&account.result, &self.result) {
            None => Ok(Some(account)),
            Some(difference) => Err(Failure::error(format!(
                "{}: is part of another result: {difference}",
                self.path.display()
            ))
            .hint("give another -o, or remove the parts that are there")
            .about(Some(&self.path))),
        }
    }

    /// Says that the part is there, and what it holds: nothing is done.
    /// Errors: standard output cannot be written.
    pub(super) fn skip(
        &self,
        account: &Account,
        parameters: &Parameters,
        dataset: String,
        common: &CommonArgs,
    ) -> Result<(), Failure> {
        let path = self.path.display().to_string();
        let text = format!(
            "{path} is there and complete ({}): skipped\n",
            counted(account.outliers() as u64, "row")
        );
        let summary = DetectSummary {
            dataset,
            output: Some(path),
            skipped: true,
            parameters,
            rows: account.rows,
            stations: account.stations,
            outliers: account.outliers(),
            stations_not_listed: None,
            measurements: &account.measurements,
            tally: &Tally::default(),
            notes: &[],
            failures: Vec::new(),
            seconds: 0.0,
            rows_per_second: 0.0,
        };
        common.summarize(&summary, &text)
    }

    /// What the file is to say of itself.
    pub(super) fn account(&self, detection: &Detection) -> Account {
        Account {
            part: self.part.number(),
            result: self.result.clone(),
            rows: detection.rows,
            stations: detection.stations,
            measurements: detection.measurements.clone(),
            row_groups: detection.row_groups.clone(),
        }
    }
}

impl Account {
    /// As a pair of metadata. Errors: none that is known.
    pub(super) fn to_pair(&self) -> Result<(String, String), Failure> {
        let text = serde_json::to_string(self)
            .map_err(|error| Failure::error(format!("cannot describe the part: {error}")))?;
        Ok((PART.to_owned(), text))
    }
}

/// Makes the directory of the parts, where it is missing.
/// Errors: one that lies in the dataset, or that cannot be made.
fn make_directory(directory: &Path, dataset: &Path) -> Result<(), Failure> {
    if is_address(directory) {
        // Where objects lie is in their names; there is nothing to make.
        return if directory.starts_with(dataset) { Err(inside(directory)) } else { Ok(()) };
    }
    // What is not there yet lies in the nearest directory that is.
    let absolute = std::path::absolute(directory).ok();
    let nearest = absolute.iter().flat_map(|path| path.ancestors()).find_map(|path| path.canonicalize().ok());
    if let (Some(nearest), Ok(dataset)) = (nearest, dataset.canonicalize())
        && nearest.starts_with(dataset)
    {
        return Err(inside(directory));
    }
    fs::create_dir_all(directory).map_err(|source| {
        let is_file = directory.is_file();
        let failure = Failure::from(Error::io(directory, "cannot make the directory of the parts", source));
        if is_file { failure.hint("--part takes a directory as -o") } else { failure }
    })
}

fn inside(directory: &Path) -> Failure {
    Failure::usage(format!("{}: lies in what is read", directory.display())).hint("give another -o")
}

/// Opens a part's file, which is complete where its footer can be read, and reads what it says of itself.
/// Errors: a file that cannot be opened, or that is no part.
pub(super) fn open(path: &Path) -> Result<(ParquetRecordBatchReaderBuilder<File>, Account), Failure> {
    let file = storage::local(path).and_then(File::open);
    let file = file.map_err(|source| Error::io(path, "cannot open", source))?;
    let not_one = |reason: String| {
        Failure::error(format!("{}: is no part that isd-detect wrote: {reason}", path.display()))
            .hint("remove it, and run its part again")
            .about(Some(path))
    };
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| not_one(error.to_string()))?;
    let footer = reader.metadata().file_metadata();
    let pair = footer.key_value_metadata().into_iter().flatten().find(|pair| pair.key == PART);
    let text = pair.and_then(|pair| pair.value.as_deref());
    let text = text.ok_or_else(|| not_one(format!("its metadata have no {PART}")))?;
    let account: Account = serde_json::from_str(text).map_err(|error| not_one(error.to_string()))?;
    let expected = Part::of_file_name(&path.file_name().unwrap_or_default().to_string_lossy());
    if expected.is_some_and(|part| part.number() != account.part) {
        return Err(not_one(format!("it holds part {}", account.part)));
    }
    if i64::try_from(account.outliers()).ok() != Some(footer.num_rows()) {
        return Err(not_one(format!("{} rows of {}", footer.num_rows(), account.outliers())));
    }
    Ok((reader, account))
}
