//! A table of record batches as a source: which of its columns are keys and values, and batch by batch its rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use isd_dataset::column::nullable;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::names::list;

use super::arrays::{doubles, texts};
use super::clock::Clock;
use super::leaves::{Kind, Leaf, leaves};
use super::markers::{Text, no_number, read};
use super::meaning::{Stored, TRACE};
use super::names::Columns;
use super::plan::{Plan, Station, Value};
use super::times::{Times, clock_beside};
use crate::formats::text::shared_stations;
use crate::instants::TIME_HINT;
use crate::keys;
use crate::{Batch, Error, Input, ReadOptions, Result, Source, SourceInfo, StationRun, Tally};

/// Record batches in the order of the file, each or why it cannot be read.
pub type Batches = Box<dyn Iterator<Item = Result<RecordBatch, String>> + Send>;

/// A file of a table that can be opened again and again.
pub trait TableFile: Send {
    /// Name of the layout, such as `Parquet`.
    fn layout(&self) -> &'static str;

    /// The file's columns.
    fn schema(&self) -> &SchemaRef;

    /// Number of rows, where the file says it.
    fn rows(&self) -> Option<u64>;

    /// The batches of those of its columns alone.
    ///
    /// # Errors
    /// Why the file cannot be opened.
    fn batches(&self, columns: &[&Leaf]) -> Result<Batches, String>;
}

/// A table being read.
pub struct TableSource {
    input: Input,
    layout: &'static str,
    plan: Plan,
    times: Times,
    /// How the times of day are written, where they have a column of their own.
    clock: Option<Clock>,
    batches: Batches,
    info: SourceInfo,
    first_row: u64,
    tally: Tally,
    station: Option<Arc<str>>,
}

impl TableSource {
    /// Reads `file`, which lies at `input`, from its first row on.
    ///
    /// # Errors
    /// A table without keys or values, or one that cannot be read.
    pub fn new(input: &Input, file: &dyn TableFile, options: &ReadOptions) -> Result<Self> {
        let damaged = |reason: String| damaged(input, file.layout(), &reason);
        let mut plan = Plan::new(input, file.schema(), options)?;
        // The first batch says which columns of texts hold numbers, and what numbers of times count.
        let first = file.batches(&plan.read()).map_err(damaged)?.next().transpose().map_err(damaged)?;
        let (mut times, mut clock) = (Times::Typed, None);
        if let Some(first) = &first {
            clock = plan.clock.as_ref().and_then(|leaf| {
                let (dates, clocks) = (plan.time.values(first)?, leaf.values(first)?);
                clock_beside(&dates, &clocks, Clock::otherwise(&leaf.name()), options)
            });
            let names: Vec<String> = leaves(file.schema().fields()).iter().map(Leaf::name).collect();
            Columns { path: input.path(), names: &names, options }.check_minutes(clock)?;
            plan.choose(first, options, clock.is_some());
            if let Some(sample) = plan.time.values(first) {
                times = Times::find(&sample, options).map_err(|found| {
                    let hint = texts(&sample).is_ok().then(|| TIME_HINT.to_owned());
                    column_error(input, TIMESTAMP, found, hint)
                })?;
            }
        }
        let (wanted, mut notes) = plan.finish(input, file.schema(), options)?;
        notes.extend(times.note());
        plan.values = wanted;
        Ok(Self {
            batches: file.batches(&plan.read()).map_err(damaged)?,
            input: input.clone(),
            layout: file.layout(),
            info: SourceInfo {
                columns: plan.values.iter().map(|value| value.meaning.info.clone()).collect(),
                rows: file.rows(),
                layout: file.layout(),
                notes,
                lacking: Vec::new(),
                number_times: times.numbers().and_then(|numbers| numbers.recognised(options)),
            },
            plan,
            times,
            clock,
            first_row: 0,
            tally: Tally::default(),
            station: None,
        })
    }
}

/// The error of a file that cannot be read on.
pub fn damaged(input: &Input, layout: &str, reason: &str) -> Error {
    Error::Format {
        path: input.path().to_path_buf(),
        found: format!("is a damaged {layout} file: {}", reason.lines().next().unwrap_or_default()),
        hint: Some("copy or write it again".into()),
    }
}

fn column_error(input: &Input, column: &str, found: String, hint: Option<String>) -> Error {
    Error::Column { path: input.path().to_path_buf(), column: column.to_owned(), found, hint }
}

impl Source for TableSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        loop {
            let next = self.batches.next().transpose();
            let next = next.map_err(|reason| damaged(&self.input, self.layout, &reason))?;
            let Some(batch) = next else { return Ok(None) };
            if batch.num_rows() == 0 {
                continue;
            }
            let mut stations = self.stations(&batch)?;
            shared_stations(&mut stations, &mut self.station);
            let times = self.leaf(&self.plan.time, &batch)?;
            let clocks = self.plan.clock.as_ref().map(|leaf| self.leaf(leaf, &batch)).transpose()?;
            let timestamps = match (clocks, self.clock) {
                (Some(clocks), Some(clock)) => self.times.joined(&times, &clocks, clock),
                _ => self.times.micros(&times),
            };
            let timestamps = timestamps.map_err(|(row, found)| {
                let is_number = matches!(self.times, Times::Numbers(_)) && times.is_valid(row);
                let hint = is_number.then(|| TIME_HINT.to_owned());
                self.row_error(row, found, hint)
            })?;
            let mut tally = Tally::default();
            let columns = self.plan.values.iter().map(|value| {
                let array = self.leaf(&value.leaf, &batch)?;
                self.values(value, &array, &mut tally).map(nullable)
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            self.tally.add(&tally);
            let first_row = self.first_row;
            self.first_row += batch.num_rows() as u64;
            let path = Arc::clone(self.input.path());
            return Ok(Some(Batch { path, first_row, stations, timestamps, columns }));
        }
    }
}

impl TableSource {
    fn row_error(&self, row: usize, found: String, hint: Option<String>) -> Error {
        let path = self.input.path().to_path_buf();
        Error::Row { path, row: self.first_row + row as u64, found, hint }
    }

    fn leaf(&self, leaf: &Leaf, batch: &RecordBatch) -> Result<ArrayRef> {
        leaf.values(batch)
            .ok_or_else(|| damaged(&self.input, self.layout, &format!("it lacks its column {}", leaf.name())))
    }

    /// The runs of stations.
    fn stations(&self, batch: &RecordBatch) -> Result<Vec<StationRun>> {
        let texts_of = |leaf: &Leaf| -> Result<StringArray> {
            texts(&self.leaf(leaf, batch)?)
                .map_err(|found| column_error(&self.input, &leaf.name(), found, None))
        };
        let station = |row: usize, texts: &StringArray| {
            let text = if texts.is_valid(row) { texts.value(row) } else { "" };
            keys::station(text.as_bytes()).map(str::to_owned).map_err(|found| {
                let hint = "--column station_id=NAME names the column of the stations";
                self.row_error(row, found, Some(hint.into()))
            })
        };
        match &self.plan.station {
            Station::All(station) => {
                Ok(vec![StationRun { station_id: station.clone(), rows: batch.num_rows() }])
            }
            Station::Id(leaf) => {
                let texts = texts_of(leaf)?;
                let mut runs: Vec<StationRun> = Vec::new();
                let mut last: Option<&str> = None;
                for row in 0..texts.len() {
                    let own = texts.is_valid(row).then(|| texts.value(row));
                    if own.is_some()
                        && own == last
                        && let Some(run) = runs.last_mut()
                    {
                        run.rows += 1;
                        continue;
                    }
                    let id = station(row, &texts)?;
                    last = own;
                    push(&mut runs, &id);
                }
                Ok(runs)
            }
            Station::UsafWban(usaf, wban) => {
                let usafs = texts_of(usaf)?;
                let wbans = wban.as_ref().map(texts_of).transpose()?;
                let mut runs: Vec<StationRun> = Vec::new();
                for row in 0..usafs.len() {
                    let usaf_id = station(row, &usafs)?;
                    let wban_id = wbans.as_ref().map(|wbans| station(row, wbans).unwrap_or_default());
                    let mut text = [0; 12];
                    let id = super::usaf_wban(
                        usaf_id.as_bytes(),
                        wban_id.as_deref().map(str::as_bytes),
                        &mut text,
                    )
                    .map_err(|found| self.row_error(row, found, None))?;
                    push(&mut runs, id);
                }
                Ok(runs)
            }
        }
    }

    /// The values of a column, NaN where missing.
    fn values(&self, value: &Value, array: &ArrayRef, tally: &mut Tally) -> Result<Vec<f64>> {
        let name = &value.meaning.info.name;
        let mut numbers = match value.leaf.kind() {
            Kind::Texts => {
                let texts = texts(array).map_err(|found| column_error(&self.input, name, found, None))?;
                self.numbers_of(value, &texts, tally)?
            }
            _ => doubles(array).map_err(|found| column_error(&self.input, name, found, None))?,
        };
        for (row, number) in numbers.iter_mut().enumerate() {
            if number.is_infinite() {
                *tally.missing.entry(number.to_string()).or_default() += 1;
            }
            if value.meaning.missing.contains(*number) || number.is_infinite() {
                *number = f64::NAN;
            }
            let stored = *number;
            *number = match value.meaning.stored {
                Stored::AsWritten => *number,
                Stored::Converted(transform) => transform.apply(*number),
                Stored::Tenths { trace: true, .. } if *number == TRACE => {
                    *tally.traces.entry(name.clone()).or_default() += 1;
                    0.0
                }
                Stored::Tenths { certain: false, .. } if number.trunc() != *number && !number.is_nan() => {
                    let found = format!("{name} is {number}, expected whole tenths");
                    return Err(self.row_error(row, found, None));
                }
                Stored::Tenths { .. } => *number / 10.0,
            };
            if value.meaning.missing.looks_like_one(stored, *number) {
                let numbers = tally.like_missing.entry(name.clone()).or_default();
                *numbers.entry(stored.to_string()).or_default() += 1;
            }
        }
        Ok(numbers)
    }

    /// The numbers that texts hold; NaN where they are missing.
    fn numbers_of(&self, value: &Value, texts: &StringArray, tally: &mut Tally) -> Result<Vec<f64>> {
        let name = &value.meaning.info.name;
        let number = |row: usize| {
            let text = if texts.is_valid(row) { texts.value(row) } else { "" };
            Ok(match read(text.as_bytes(), 0, value.mark()) {
                Text::Number(number) => number,
                Text::Missing => {
                    let mark = text.trim();
                    if !mark.is_empty() {
                        *tally.missing.entry(mark.to_owned()).or_default() += 1;
                    }
                    f64::NAN
                }
                Text::Trace => {
                    *tally.traces.entry(name.clone()).or_default() += 1;
                    0.0
                }
                Text::Other => {
                    return Err(self.row_error(row, no_number(name, text.as_bytes()), None));
                }
            })
        };
        (0..texts.len()).map(number).collect()
    }
}

fn push(runs: &mut Vec<StationRun>, id: &str) {
    match runs.last_mut() {
        Some(run) if *run.station_id == *id => run.rows += 1,
        _ => runs.push(StationRun { station_id: id.into(), rows: 1 }),
    }
}

/// The error of a table that holds no values.
pub fn no_values(input: &Input, names: &[String]) -> Error {
    Error::Format {
        path: input.path().to_path_buf(),
        found: format!(
            "holds no column of numbers beside {STATION_ID} and {TIMESTAMP}; it has {}",
            list(names)
        ),
        hint: Some("name one with --column air_temperature=NAME".into()),
    }
}
