//! GHCNh as Parquet: a file's columns in, observations out.
//!
//! Copies differ in their types: what is all missing may be of type null, whole numbers may be integers, and numbers may
//! be text. Only the columns that are needed are read, some thousand rows at a time.

use std::fs::File;
use std::sync::Arc;

use arrow::array::TimestampMicrosecondArray;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;

use crate::formats::ghcnh::variables::{Flag, NOTES, VARIABLES, Variable, columns};
use crate::formats::ghcnh::{DATE_NAME, STATION_NAMES, TIME_NAMES};
use crate::formats::text::{Rows, civil_micros, iso_micros, shared_stations};
use crate::input::Input;
use crate::{Batch, ColumnInfo, Error, Quality, ReadOptions, Result, Source, Tally};
use isd_dataset::guard::guarded;

/// Rows decoded at a time: a hundred columns of them stay small.
const BATCH_ROWS: usize = 1 << 14;

/// Opens a Parquet file of GHCNh.
///
/// # Errors
/// A damaged file, or one that lacks GHCNh's columns.
pub fn open(input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
    if let Some(bytes) = input.memory() {
        return open_chunks(input, bytes.clone(), options);
    }
    let path = input.path();
    let open = |source| Error::Io { path: path.to_path_buf(), action: "cannot open", source };
    open_chunks(input, File::open(path).map_err(open)?, options)
}

fn open_chunks<R: ChunkReader + 'static>(
    input: &Input,
    chunks: R,
    options: &ReadOptions,
) -> Result<Box<dyn Source>> {
    let metadata = guarded(|| ArrowReaderMetadata::load(&chunks, ArrowReaderOptions::new()))
        .map_err(|reason| damaged(input, &reason))?;
    let plan = Plan::new(input, metadata.schema(), options)?;
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).ok();
    let reader = guarded(|| {
        let mask = ProjectionMask::roots(metadata.parquet_schema(), plan.read.iter().copied());
        ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, metadata)
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS)
            .build()
    })
    .map_err(|reason| damaged(input, &reason))?;
    let known = columns();
    let wanted = options.wanted(input.path(), &known)?;
    Ok(Box::new(ParquetSource {
        input: input.clone(),
        reader,
        columns: wanted.iter().filter_map(|&index| known.get(index).cloned()).collect(),
        wanted,
        plan,
        rows,
        first_row: 0,
        notes: NOTES.map(str::to_owned).to_vec(),
        tally: Tally::default(),
        station: None,
    }))
}

fn damaged(input: &Input, reason: &str) -> Error {
    Error::Format {
        path: input.path().to_path_buf(),
        found: format!("is a damaged Parquet file: {reason}"),
        hint: Some("copy or write it again".into()),
    }
}

/// Which columns are read, by their index in the file.
struct Plan {
    station: usize,
    time: Time<usize>,
    values: Vec<Value>,
    /// All of them, ascending: the columns of every batch.
    read: Vec<usize>,
    keep: bool,
}

/// What says the time.
enum Time<T> {
    Parts([T; TIME_NAMES.len()]),
    Date(T),
}

struct Value {
    /// Its place in [`VARIABLES`].
    index: usize,
    variable: Variable,
    number: usize,
    measurement: Option<usize>,
    quality: Option<usize>,
    source: Option<usize>,
}

impl Plan {
    fn new(input: &Input, schema: &Schema, options: &ReadOptions) -> Result<Self> {
        let find =
            |name: &str| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        let refused = || Error::Format {
            path: input.path().to_path_buf(),
            found: "is a Parquet file with other columns than GHCNh's".into(),
            hint: Some(
                "isd-detect reads any Parquet file with station_id, timestamp and values as it is".into(),
            ),
        };
        let station = STATION_NAMES.into_iter().find_map(find).ok_or_else(refused)?;
        let time = match TIME_NAMES.map(find) {
            [Some(year), Some(month), Some(day), Some(hour), Some(minute)] => {
                Time::Parts([year, month, day, hour, minute])
            }
            _ => Time::Date(find(DATE_NAME).ok_or_else(refused)?),
        };
        if VARIABLES.iter().all(|variable| find(variable.name).is_none()) {
            return Err(refused());
        }
        let keep = options.quality == Quality::Keep;
        let mut values = Vec::new();
        for (index, variable) in VARIABLES.into_iter().enumerate() {
            let value = |name: &str| value_column(input, schema, find(name));
            let Some(number) = value(variable.name)?.filter(|_| options.reads(variable.column)) else {
                continue;
            };
            let flag = |flag: Flag, wanted: bool| {
                if wanted { value(&format!("{}{}", variable.name, flag.suffix())) } else { Ok(None) }
            };
            values.push(Value {
                index,
                variable,
                number,
                measurement: flag(Flag::Measurement, !variable.is_plain())?,
                quality: flag(Flag::Quality, !keep)?,
                source: flag(Flag::Source, !keep)?,
            });
        }
        let mut read = vec![station];
        match time {
            Time::Parts(parts) => read.extend(parts),
            Time::Date(date) => read.push(date),
        }
        for value in &values {
            read.push(value.number);
            read.extend([value.measurement, value.quality, value.source].into_iter().flatten());
        }
        read.sort_unstable();
        read.dedup();
        Ok(Self { station, time, values, read, keep })
    }
}

/// A column of numbers, texts or both; `None` where it is absent or all missing.
fn value_column(input: &Input, schema: &Schema, column: Option<usize>) -> Result<Option<usize>> {
    let Some((index, field)) = column.and_then(|index| Some((index, schema.fields().get(index)?))) else {
        return Ok(None);
    };
    match field.data_type() {
        DataType::Null => Ok(None),
        kind if kind.is_numeric() || is_text(kind) => Ok(Some(index)),
        other => Err(Error::Column {
            path: input.path().to_path_buf(),
            column: field.name().clone(),
            found: format!("is of type {other}, expected numbers or text"),
            hint: None,
        }),
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// A Parquet file being read.
struct ParquetSource {
    input: Input,
    reader: ParquetRecordBatchReader,
    plan: Plan,
    /// Indexes of the columns that are yielded.
    wanted: Vec<usize>,
    columns: Vec<ColumnInfo>,
    rows: Option<u64>,
    first_row: u64,
    notes: Vec<String>,
    tally: Tally,
    station: Option<Arc<str>>,
}

impl Source for ParquetSource {
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn rows(&self) -> Option<u64> {
        self.rows
    }

    fn layout(&self) -> &'static str {
        "GHCNh Parquet"
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        let reader = &mut self.reader;
        let next = guarded(|| reader.next().transpose()).map_err(|reason| damaged(&self.input, &reason))?;
        let Some(batch) = next else { return Ok(None) };
        let rows = self.rows_of(&batch)?;
        let first_row = self.first_row;
        self.first_row += rows.len() as u64;
        let (mut stations, timestamps, columns, tally) = rows.into_parts(&self.wanted);
        self.tally.add(&tally);
        shared_stations(&mut stations, &mut self.station);
        Ok(Some(Batch { path: Arc::clone(self.input.path()), first_row, stations, timestamps, columns }))
    }
}

impl ParquetSource {
    fn rows_of(&self, batch: &RecordBatch) -> Result<Rows> {
        let columns = Columns { source: self, batch };
        let stations = columns.texts(self.plan.station)?;
        let times = columns.times()?;
        let values =
            self.plan.values.iter().map(|value| columns.values(value)).collect::<Result<Vec<_>>>()?;
        let mut rows = Rows::new(VARIABLES.len());
        for row in 0..batch.num_rows() {
            let station = text(Some(&stations), row).trim_ascii();
            let Some(station) = str::from_utf8(station).ok().filter(|station| !station.is_empty()) else {
                return Err(self.row_error(row, "has no station, expected an identifier".into()));
            };
            let timestamp = times.at(row).ok_or_else(|| {
                self.row_error(row, format!("has the time {:?}, which there is not", times.name(row)))
            })?;
            rows.begin(station, timestamp);
            for (value, read) in self.plan.values.iter().zip(&values) {
                let number = match &read.numbers {
                    Numbers::Numbers(numbers) => number(numbers, row),
                    Numbers::Texts(texts) => value
                        .variable
                        .number(text(Some(texts), row))
                        .map_err(|found| self.row_error(row, found))?,
                };
                if number.is_nan() && value.variable.is_plain() {
                    continue;
                }
                let flag = |flag: Flag| {
                    let texts = match flag {
                        Flag::Measurement => &read.measurement,
                        Flag::Quality => &read.quality,
                        Flag::Source => &read.source,
                    };
                    text(texts.as_ref(), row).trim_ascii()
                };
                value.variable.store(&mut rows, value.index, number, flag, self.plan.keep);
            }
        }
        Ok(rows)
    }

    fn row_error(&self, row: usize, found: String) -> Error {
        let path = self.input.path().to_path_buf();
        Error::Row { path, row: self.first_row + row as u64, found, hint: None }
    }
}

/// The columns of a batch, in the types they are read as.
struct Columns<'a> {
    source: &'a ParquetSource,
    batch: &'a RecordBatch,
}

/// A variable's columns.
struct ReadValue {
    numbers: Numbers,
    measurement: Option<StringArray>,
    quality: Option<StringArray>,
    source: Option<StringArray>,
}

enum Numbers {
    Numbers(Float64Array),
    Texts(StringArray),
}

enum Times {
    Parts(Box<[Int64Array; TIME_NAMES.len()]>),
    Texts(StringArray),
    Stamps(TimestampMicrosecondArray),
}

impl Columns<'_> {
    /// The column of that index in the file.
    fn column(&self, index: usize) -> Result<(&ArrayRef, &Field)> {
        let place = self.source.plan.read.binary_search(&index).ok();
        let found = place.and_then(|place| {
            Some((self.batch.columns().get(place)?, self.batch.schema_ref().fields().get(place)?))
        });
        found.map(|(array, field)| (array, field.as_ref())).ok_or_else(|| Error::Format {
            path: self.source.input.path().to_path_buf(),
            found: format!("is a damaged Parquet file: it lacks its column {index}"),
            hint: None,
        })
    }

    fn cast(&self, index: usize, to: &DataType) -> Result<ArrayRef> {
        let (array, field) = self.column(index)?;
        cast(array, to).map_err(|_| Error::Column {
            path: self.source.input.path().to_path_buf(),
            column: field.name().clone(),
            found: format!("is of type {}, which is no {to}", field.data_type()),
            hint: None,
        })
    }

    fn texts(&self, index: usize) -> Result<StringArray> {
        Ok(self.cast(index, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    fn values(&self, value: &Value) -> Result<ReadValue> {
        let (_, field) = self.column(value.number)?;
        let flag = |index: Option<usize>| index.map(|index| self.texts(index)).transpose();
        Ok(ReadValue {
            numbers: if is_text(field.data_type()) {
                Numbers::Texts(self.texts(value.number)?)
            } else {
                let numbers = self.cast(value.number, &DataType::Float64)?;
                Numbers::Numbers(numbers.as_primitive::<Float64Type>().clone())
            },
            measurement: flag(value.measurement)?,
            quality: flag(value.quality)?,
            source: flag(value.source)?,
        })
    }

    fn times(&self) -> Result<Times> {
        let integers =
            |index: usize| Ok(self.cast(index, &DataType::Int64)?.as_primitive::<Int64Type>().clone());
        match self.source.plan.time {
            Time::Parts([year, month, day, hour, minute]) => Ok(Times::Parts(Box::new([
                integers(year)?,
                integers(month)?,
                integers(day)?,
                integers(hour)?,
                integers(minute)?,
            ]))),
            Time::Date(index) => {
                let (_, field) = self.column(index)?;
                if is_text(field.data_type()) {
                    return Ok(Times::Texts(self.texts(index)?));
                }
                // A zone says how a time is shown, not when it is; without one it is UTC.
                let zone = match field.data_type() {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => None,
                };
                let stamps = self.cast(index, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
                Ok(Times::Stamps(stamps.as_primitive::<TimestampMicrosecondType>().clone()))
            }
        }
    }
}

impl Times {
    fn at(&self, row: usize) -> Option<i64> {
        match self {
            Self::Parts(parts) => {
                let [year, month, day, hour, minute] = parts.each_ref().map(|part| integer(part, row));
                civil_micros(year?, month?, day?, hour?, minute?, 0)
            }
            Self::Texts(texts) => iso_micros(text(Some(texts), row).trim_ascii()),
            Self::Stamps(stamps) => stamps.is_valid(row).then(|| stamps.value(row)),
        }
    }

    /// What a row has for a time, for messages.
    fn name(&self, row: usize) -> String {
        match self {
            Self::Parts(parts) => parts
                .each_ref()
                .map(|part| integer(part, row).map_or_else(|| "null".to_owned(), |part| part.to_string()))
                .join(" "),
            Self::Texts(texts) => String::from_utf8_lossy(text(Some(texts), row)).into_owned(),
            Self::Stamps(_) => "null".to_owned(),
        }
    }
}

fn integer(numbers: &Int64Array, row: usize) -> Option<i64> {
    numbers.is_valid(row).then(|| numbers.value(row))
}

fn number(numbers: &Float64Array, row: usize) -> f64 {
    if numbers.is_valid(row) { numbers.value(row) } else { f64::NAN }
}

/// A text; empty where there is none.
fn text(texts: Option<&StringArray>, row: usize) -> &[u8] {
    texts.filter(|texts| texts.is_valid(row)).map_or(b"", |texts| texts.value(row).as_bytes())
}
