//! Datasets with what was found: a dataset and findings in, the same dataset without its errors, or with flags beside its
//! values, out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Field, Schema, SchemaRef};
use isd_dataset::block::BlockRecord;
use isd_dataset::layout::{MANIFEST, block_of, schema};
use isd_dataset::manifest::{Manifest, ManifestColumn};
use isd_dataset::read::{Dataset, RowGroup};
use isd_dataset::series_group::{BatchValues, Dropped, Piece, SeriesGroup};
use isd_dataset::station_table::StationTable;
use isd_dataset::unfinished::Unfinished;
use isd_dataset::write::{DatasetWriter, Target};
use isd_dataset::{ColumnInfo, Error, MEASUREMENTS, Result, StationRun};

use crate::qc::CATALOGUE;
use crate::qc::finding::Verdict;
use crate::qc::run::Outcome;
use crate::qc::series_stage::StationFindings;
use crate::qc::settings::Settings;

/// QARTOD's flags: good, not evaluated, suspect, fail, missing.
const GOOD: f64 = 1.0;
const NOT_EVALUATED: f64 = 2.0;
const SUSPECT: f64 = 3.0;
const FAIL: f64 = 4.0;
const MISSING: f64 = 9.0;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The dataset with erroneous values missing.
    Clean,
    /// The dataset with `NAME_flags` and `NAME_qartod` beside each measurement.
    Wide,
}

/// A dataset that is being written. Dropped before [`Rewrite::write`] is through, it leaves nothing behind.
#[derive(Debug)]
pub struct Rewrite {
    form: Form,
    target: Target,
    _unfinished: Unfinished,
}

impl Rewrite {
    /// Makes sure that the dataset can be written, before the long work starts.
    ///
    /// # Errors
    /// A target that exists, unless it is a dataset and `overwrite`; one that lies in one of `sources` or holds one; or a place
    /// where nothing can be written.
    pub fn create(path: &Path, form: Form, overwrite: bool, sources: &[std::path::PathBuf]) -> Result<Self> {
        let mut target = Target::prepare(path, overwrite, sources)?;
        target.remove_abandoned();
        let unfinished = target.removed_on_interrupt();
        Ok(Self { form, target, _unfinished: unfinished })
    }

    /// Writes the dataset with what `outcome` holds, and gives it its name.
    ///
    /// # Errors
    /// Rows that cannot be read, or files that cannot be written.
    pub fn write(
        self,
        dataset: &Dataset,
        table: &StationTable,
        outcome: &Outcome,
        settings: &Settings,
    ) -> Result<()> {
        let columns = self.columns(dataset);
        let float32 = dataset.manifest().is_some_and(|manifest| manifest.options.float32);
        let stations: BTreeMap<&str, &StationFindings> =
            outcome.stations.iter().map(|station| (&*station.id, station)).collect();
        let mut writer = DatasetWriter::new(self.target.directory(), Self::schema(&columns, float32))?;
        let mut blocks: Vec<BlockRecord> = Vec::new();
        for group in dataset.row_groups() {
            blocks.extend(writer.write(&self.group(&group, dataset.columns(), &stations, settings)?)?);
        }
        blocks.extend(writer.finish()?);
        self.write_manifest(dataset, &columns, &blocks)?;
        table.write(self.target.directory())?;
        self.target.publish()
    }

    /// The columns of the dataset, and for the wide form those of the flags after each measurement.
    fn columns(&self, dataset: &Dataset) -> Vec<ColumnInfo> {
        let mut columns = Vec::new();
        for column in dataset.columns() {
            columns.push(column.clone());
            if self.form == Form::Wide && is_measurement(&column.name) {
                let beside = |suffix: &str, meaning: &str| ColumnInfo {
                    name: format!("{}_{suffix}", column.name),
                    units: Some("1".into()),
                    long_name: Some(format!("{meaning} of {}", column.name)),
                    resolution: Some("1".into()),
                    ..ColumnInfo::default()
                };
                columns.push(beside("flags", "tests that found something"));
                columns.push(beside("qartod", "QARTOD flag"));
            }
        }
        columns
    }

    /// The schema, with the flags' meanings in the words of the CF conventions.
    fn schema(columns: &[ColumnInfo], float32: bool) -> SchemaRef {
        let schema = schema(columns, float32);
        let names: Vec<&str> = CATALOGUE.iter().map(|test| test.about().name).collect();
        let masks: Vec<String> = (0..CATALOGUE.len()).map(|test| bit(test).to_string()).collect();
        let described = |field: &Arc<Field>| {
            let mut metadata = field.metadata().clone();
            let base = |suffix: &str| field.name().strip_suffix(suffix).is_some_and(is_measurement);
            if base("_flags") {
                metadata.insert("flag_masks".into(), masks.join(", "));
                metadata.insert("flag_meanings".into(), names.join(" "));
            } else if base("_qartod") {
                metadata.insert("flag_values".into(), "1, 2, 3, 4, 9".into());
                metadata.insert("flag_meanings".into(), "good not_evaluated suspect fail missing".into());
            }
            field.as_ref().clone().with_metadata(metadata)
        };
        Arc::new(Schema::new(schema.fields().iter().map(described).collect::<Vec<_>>()))
    }

    /// A row group as it is written.
    fn group(
        &self,
        group: &RowGroup,
        columns: &[ColumnInfo],
        stations: &BTreeMap<&str, &StationFindings>,
        settings: &Settings,
    ) -> Result<SeriesGroup> {
        let runs = group.stations()?;
        let mut arrays = Vec::new();
        let mut values = Vec::new();
        for column in columns {
            let nulls = group.values_into(&column.name, &mut values)?;
            let array = Float64Array::new(values.clone().into(), nulls);
            let measurement = MEASUREMENTS.iter().position(|known| known.name == column.name);
            let Some(measurement) = measurement else {
                arrays.push(array);
                continue;
            };
            match self.form {
                Form::Clean => arrays.push(clean(&array, measurement, &runs, stations)),
                Form::Wide => {
                    let (flags, qartod) = flags(&array, measurement, &runs, stations, settings);
                    arrays.extend([array, flags, qartod]);
                }
            }
        }
        let first = runs.first().ok_or_else(|| Error::internal("a row group without stations"))?;
        Ok(SeriesGroup {
            block: block_of(&first.station_id),
            pieces: vec![Piece {
                start: 0,
                rows: group.rows(),
                values: Arc::new(BatchValues { timestamps: group.timestamps()?, columns: arrays }),
                stations: runs,
            }],
            dropped: Dropped::default(),
        })
    }

    /// The manifest of the dataset, with what has changed.
    fn write_manifest(
        &self,
        dataset: &Dataset,
        columns: &[ColumnInfo],
        blocks: &[BlockRecord],
    ) -> Result<()> {
        let old = dataset.manifest().ok_or_else(|| Error::internal("a dataset without a manifest"))?;
        let column = |(index, column): (usize, &ColumnInfo)| ManifestColumn {
            name: column.name.clone(),
            units: column.units.clone(),
            resolution: column.resolution.clone(),
            nulls: blocks.iter().filter_map(|block| block.nulls.get(index)).sum(),
        };
        let mut notes = old.notes.clone();
        notes.push(match self.form {
            Form::Clean => "values that isd-qc found erroneous are missing".to_owned(),
            Form::Wide => "flags of isd-qc stand beside the measurements".to_owned(),
        });
        let manifest = Manifest {
            tool: concat!("isd-qc ", env!("CARGO_PKG_VERSION")).to_owned(),
            files: blocks.iter().map(|block| block.parts.len() as u64).sum(),
            row_groups: blocks.iter().map(|block| block.row_groups).sum(),
            columns: columns.iter().enumerate().map(column).collect(),
            notes,
            ..old.clone()
        };
        let path = self.target.directory().join(MANIFEST);
        let failed = |source| Error::io(&path, "cannot write", source);
        let json = manifest.to_json().map_err(|error| failed(error.into()))?;
        let mut file = File::create_new(&path).map_err(failed)?;
        file.write_all(json.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
    }
}

fn is_measurement(name: &str) -> bool {
    MEASUREMENTS.iter().any(|measurement| measurement.name == name)
}

/// The bit of a test among the flags.
fn bit(test: usize) -> u32 {
    1 << test
}

/// The findings of each station of a row group that count, with the row at which the station begins.
fn of_group<'a>(
    measurement: usize,
    runs: &'a [StationRun],
    stations: &'a BTreeMap<&str, &StationFindings>,
) -> impl Iterator<Item = (usize, &'a crate::qc::Finding)> {
    let mut start = 0;
    runs.iter().flat_map(move |run| {
        let begin = start;
        start += run.rows;
        let findings = stations.get(&*run.station_id).map_or(&[][..], |station| &station.findings);
        let counts = findings.iter().filter(move |finding| {
            usize::from(finding.measurement) == measurement && finding.verdict != Verdict::Released
        });
        counts.map(move |finding| (begin + finding.row as usize, finding))
    })
}

/// A column with its erroneous values missing.
fn clean(
    array: &Float64Array,
    measurement: usize,
    runs: &[StationRun],
    stations: &BTreeMap<&str, &StationFindings>,
) -> Float64Array {
    let mut valid: Vec<bool> = (0..array.len()).map(|row| array.is_valid(row)).collect();
    for (row, finding) in of_group(measurement, runs, stations) {
        if finding.verdict == Verdict::Erroneous
            && let Some(valid) = valid.get_mut(row)
        {
            *valid = false;
        }
    }
    Float64Array::new(array.values().clone(), Some(NullBuffer::from(valid)))
}

/// The tests that found something of each value as bits, null where there is no value; and QARTOD's flags.
fn flags(
    array: &Float64Array,
    measurement: usize,
    runs: &[StationRun],
    stations: &BTreeMap<&str, &StationFindings>,
    settings: &Settings,
) -> (Float64Array, Float64Array) {
    let tested = (0..CATALOGUE.len()).any(|test| settings.is_on(test, measurement));
    let unflagged = if tested { GOOD } else { NOT_EVALUATED };
    let mut bits = vec![0_u32; array.len()];
    let mut qartod: Vec<f64> =
        (0..array.len()).map(|row| if array.is_valid(row) { unflagged } else { MISSING }).collect();
    for (row, finding) in of_group(measurement, runs, stations) {
        if let (Some(bits), Some(flag)) = (bits.get_mut(row), qartod.get_mut(row)) {
            *bits |= bit(usize::from(finding.test));
            *flag = flag.max(if finding.verdict == Verdict::Erroneous { FAIL } else { SUSPECT });
        }
    }
    let bits: Vec<f64> = bits.into_iter().map(f64::from).collect();
    (Float64Array::new(bits.into(), array.nulls().cloned()), Float64Array::new(qartod.into(), None))
}
