//! GHCNh as Parquet: a file's columns in, observations out.
//!
//! Copies differ in their types: what is all missing may be of type null, whole numbers may be integers, and numbers may
//! be text. Only the columns that are needed are read, some thousand rows at a time.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use isd_dataset::guard::guarded;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;

use super::quality::Letters;
use super::variables::{
    FLAGS, Flag, NOTES, PLACE_NAMES, Places, TIME_FIELDS, Time, VARIABLES, VariablePlaces, columns, place,
};
use crate::formats::text::{Rows, Said, civil_micros, iso_micros, shared_stations};
use crate::instants::in_range;
use crate::{Batch, Error, Input, Quality, ReadOptions, Result, Source, SourceInfo, Tally, keys};

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
    open_chunks(input, input.local().and_then(File::open).map_err(open)?, options)
}

/// Whether a Parquet file of that schema is GHCNh's: its stations and times, and its variables with a time in parts or
/// with GHCNh's flags. Other tables may have columns of the same names.
#[must_use]
pub fn is_ghcnh(schema: &Schema) -> bool {
    let find = |name: &str| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
    Places::find(schema.fields().len(), find).is_ok_and(|places| {
        let flagged = places.variables.iter().any(|variable| variable.flags.iter().any(Option::is_some));
        matches!(places.time, Time::Fields(_)) || flagged
    })
}

fn open_chunks<R: ChunkReader + 'static>(
    input: &Input,
    chunks: R,
    options: &ReadOptions,
) -> Result<Box<dyn Source>> {
    let metadata = guarded(|| ArrowReaderMetadata::load(&chunks, ArrowReaderOptions::new()))
        .map_err(|reason| damaged(input, &reason))?;
    let fields = ReadFields::new(input, metadata.schema(), options)?;
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).ok();
    let reader = guarded(|| {
        let mask = ProjectionMask::roots(metadata.parquet_schema(), fields.read.iter().copied());
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
        info: SourceInfo {
            columns: wanted.iter().map(|&index| known[index].clone()).collect(),
            rows,
            layout: "GHCNh Parquet",
            notes: NOTES.map(str::to_owned).to_vec(),
            ..SourceInfo::default()
        },
        wanted,
        fields,
        first_row: 0,
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
struct ReadFields {
    station: usize,
    time: Time<usize>,
    /// By [`PLACE_NAMES`]; `None` of those that the file lacks or holds nothing in.
    place: [Option<usize>; PLACE_NAMES.len()],
    variables: Vec<VariablePlaces>,
    /// All of them, ascending: the columns of every batch.
    read: Vec<usize>,
    /// The letters by which values fail; `None` where those that failed stay.
    failing: Option<Letters>,
}

impl ReadFields {
    fn new(input: &Input, schema: &Schema, options: &ReadOptions) -> Result<Self> {
        let find =
            |name: &str| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        let places = Places::find(schema.fields().len(), find);
        let Places { station, time, variables: all, place, letters } = places.map_err(|_| Error::Format {
            path: input.path().to_path_buf(),
            found: "is a Parquet file with other columns than GHCNh's".into(),
            hint: Some(
                "isd-detect reads any Parquet file with station_id, timestamp and values as it is".into(),
            ),
        })?;
        let keep = options.quality == Quality::Keep;
        let mut variables = Vec::new();
        let mut read = vec![station];
        read.extend(time.places());
        // Of another type they are no place, and the rows have their values all the same.
        let has_place = |column: &usize| has_values(input, schema, *column).unwrap_or(false);
        let place = place.map(|column| column.filter(has_place));
        read.extend(place.iter().flatten());
        for VariablePlaces { index, value, flags: [measurement, quality, source] } in all {
            let variable = &VARIABLES[index];
            if !has_values(input, schema, value)? || !options.reads(variable.column) {
                continue;
            }
            let flag = |place: Option<usize>, wanted: bool| match place.filter(|_| wanted) {
                Some(place) => Ok(has_values(input, schema, place)?.then_some(place)),
                None => Ok(None),
            };
            let flags =
                [flag(measurement, !variable.is_plain())?, flag(quality, !keep)?, flag(source, !keep)?];
            read.push(value);
            read.extend(flags.iter().flatten());
            variables.push(VariablePlaces { index, value, flags });
        }
        read.sort_unstable();
        read.dedup();
        Ok(Self { station, time, place, variables, read, failing: (!keep).then_some(letters) })
    }
}

/// Whether a column holds numbers or texts, which one that is all missing need not.
///
/// # Errors
/// A column of another type.
fn has_values(input: &Input, schema: &Schema, column: usize) -> Result<bool> {
    let field = schema.field(column);
    match field.data_type() {
        DataType::Null => Ok(false),
        kind if kind.is_numeric() || is_text(kind) => Ok(true),
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
    fields: ReadFields,
    /// Indexes of the columns that are yielded.
    wanted: Vec<usize>,
    info: SourceInfo,
    first_row: u64,
    tally: Tally,
    station: Option<Arc<str>>,
}

impl Source for ParquetSource {
    fn info(&self) -> &SourceInfo {
        &self.info
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
        let stations = columns.texts(self.fields.station)?;
        let times = columns.times()?;
        let mut places = [None, None, None, None];
        for (texts, column) in places.iter_mut().zip(self.fields.place) {
            *texts = column.map(|column| columns.texts(column)).transpose()?;
        }
        let variables = &self.fields.variables;
        let values = variables.iter().map(|places| columns.values(places)).collect::<Result<Vec<_>>>()?;
        let mut rows = Rows::new(VARIABLES.len());
        for row in 0..batch.num_rows() {
            let station = text(Some(&stations), row).trim_ascii();
            let station = keys::station(station).map_err(|found| self.row_error(row, found))?;
            let timestamp = times.at(row).ok_or_else(|| {
                self.row_error(row, format!("has the time {:?}, which there is not", times.name(row)))
            })?;
            rows.begin(station, timestamp);
            let [name, latitude, longitude, elevation] =
                places.each_ref().map(|texts| text(texts.as_ref(), row).trim_ascii());
            rows.place(Said { name, latitude, longitude, elevation }, |said| place(station.as_bytes(), said));
            for (places, read) in variables.iter().zip(&values) {
                let variable = &VARIABLES[places.index];
                let number = match &read.numbers {
                    Numbers::Numbers(numbers) => number(numbers, row),
                    Numbers::Texts(texts) => {
                        variable.number(text(Some(texts), row)).map_err(|found| self.row_error(row, found))?
                    }
                };
                if number.is_nan() && variable.is_plain() {
                    continue;
                }
                let flag = |flag: Flag| text(read.flags[flag as usize].as_ref(), row).trim_ascii();
                variable.store(&mut rows, places.index, number, flag, self.fields.failing);
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
    /// By [`Flag`].
    flags: [Option<StringArray>; FLAGS],
}

enum Numbers {
    Numbers(Float64Array),
    Texts(StringArray),
}

enum Times {
    Fields(Box<[Int64Array; TIME_FIELDS]>),
    Texts(StringArray),
    Stamps(TimestampMicrosecondArray),
}

impl Columns<'_> {
    /// The column of that index in the file.
    fn column(&self, index: usize) -> Result<(&ArrayRef, &Field)> {
        let place = self.source.fields.read.binary_search(&index).ok();
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

    fn values(&self, places: &VariablePlaces) -> Result<ReadValue> {
        let numbers = if is_text(self.column(places.value)?.1.data_type()) {
            Numbers::Texts(self.texts(places.value)?)
        } else {
            let numbers = self.cast(places.value, &DataType::Float64)?;
            Numbers::Numbers(numbers.as_primitive::<Float64Type>().clone())
        };
        let mut flags = [None, None, None];
        for (texts, place) in flags.iter_mut().zip(places.flags) {
            *texts = place.map(|place| self.texts(place)).transpose()?;
        }
        Ok(ReadValue { numbers, flags })
    }

    fn times(&self) -> Result<Times> {
        let integers =
            |index: usize| Ok(self.cast(index, &DataType::Int64)?.as_primitive::<Int64Type>().clone());
        match self.source.fields.time {
            Time::Fields([year, month, day, hour, minute]) => Ok(Times::Fields(Box::new([
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
    /// The time of a row, in microseconds since 1970; `None` where there is no such time.
    fn at(&self, row: usize) -> Option<i64> {
        match self {
            Self::Fields(parts) => {
                let [year, month, day, hour, minute] = parts.each_ref().map(|part| integer(part, row));
                civil_micros(year?, month?, day?, hour?, minute?, 0)
            }
            Self::Texts(texts) => iso_micros(text(Some(texts), row).trim_ascii()),
            Self::Stamps(stamps) => stamps.is_valid(row).then(|| stamps.value(row)).and_then(in_range),
        }
    }

    /// The time of a row as the file has it, for messages.
    fn name(&self, row: usize) -> String {
        match self {
            Self::Fields(parts) => parts
                .each_ref()
                .map(|part| integer(part, row).map_or_else(|| "null".to_owned(), |part| part.to_string()))
                .join(" "),
            Self::Texts(texts) => String::from_utf8_lossy(text(Some(texts), row)).into_owned(),
            Self::Stamps(_) => "null".to_owned(),
        }
    }
}

/// The number of a row; `None` where it is null.
fn integer(numbers: &Int64Array, row: usize) -> Option<i64> {
    numbers.is_valid(row).then(|| numbers.value(row))
}

/// The number of a row; NaN where it is null.
fn number(numbers: &Float64Array, row: usize) -> f64 {
    if numbers.is_valid(row) { numbers.value(row) } else { f64::NAN }
}

/// The text of a row; empty where there is none.
fn text(texts: Option<&StringArray>, row: usize) -> &[u8] {
    texts.filter(|texts| texts.is_valid(row)).map_or(b"", |texts| texts.value(row).as_bytes())
}
