//! The plan's lazy source: whole series in, a Polars frame of the columns asked for out.
//!
//! Rows are read by arrow-rs; their buffers become Polars columns without a copy, and serve again when Polars is
//! done with them. Where the station and the time are wanted for a few rows only, their columns are not asked for:
//! [`keys_of`] looks them up by row.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::buffer::NullBuffer;
use isd_converters::{Error, StationRun};
use polars::prelude::*;
use polars_arrow::array::PrimitiveArray;
use polars_arrow::bitmap::Bitmap;
use polars_arrow::types::NativeType;
use polars_buffer::Buffer;

use isd_kernel::Packing;
use crate::plan::expressions::{Carried, Measurement};
use crate::plan::{STATION_ID, TIMESTAMP};
use crate::plan::whole_series::Series;

/// Whole series as a lazy source.
#[derive(Debug)]
pub struct SeriesScan {
    series: Arc<dyn Series>,
    stations: Arc<[StationRun]>,
    schema: SchemaRef,
    spare: Spare,
    /// Measurements that were read as integers, and what these stand for.
    integers: HashMap<String, (Column, Packing)>,
}

/// Vectors that columns are decoded into, which return here when the column is dropped.
///
/// The operating system clears memory before it hands it out. Two row groups in flight take turns with a few megabytes;
/// without this, the whole of the column would pass through memory that is new each time.
#[derive(Debug, Clone, Default)]
pub struct Spare {
    doubles: Pool<f64>,
    integers: Pool<i32>,
}

#[derive(Debug, Clone, Default)]
struct Pool<T>(Arc<Mutex<Vec<Vec<T>>>>);

impl<T> Pool<T> {
    fn lend(&self) -> Lent<T> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lent { values: spare.unwrap_or_default(), home: Self(Arc::clone(&self.0)) }
    }
}

/// Values of a column, in a vector that is to return.
struct Lent<T> {
    values: Vec<T>,
    home: Pool<T>,
}

impl<T> AsRef<[T]> for Lent<T> {
    fn as_ref(&self) -> &[T] {
        &self.values
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        self.home.0.lock().unwrap_or_else(PoisonError::into_inner).push(values);
    }
}

impl SeriesScan {
    /// A source of the rows' keys and `measurements`, which are decoded into `spare` memory.
    ///
    /// # Errors
    /// An unreadable station column.
    pub fn new(series: Arc<dyn Series>, measurements: &[String], spare: Spare) -> Result<Self, Error> {
        let stations = series.stations()?.into();
        let mut schema = Schema::default();
        schema.insert(STATION_ID.into(), DataType::String);
        schema.insert(TIMESTAMP.into(), time_type());
        for measurement in measurements {
            schema.insert(measurement.as_str().into(), DataType::Float64);
        }
        Ok(Self { series, stations, schema: Arc::new(schema), spare, integers: HashMap::new() })
    }

    /// Reads those of the measurements that are stored as few decimals, which become columns of Int32: half the memory to
    /// pass through, and what the kernel makes of doubles anyway.
    #[must_use]
    pub fn with_integers(mut self) -> Self {
        let mut schema = Schema::clone(&self.schema);
        let keys = [STATION_ID, TIMESTAMP];
        for name in self.schema.iter_names().filter(|name| !keys.contains(&name.as_str())) {
            let mut lent = self.spare.integers.lend();
            if let Some((nulls, packing)) = self.series.integers_into(name, &mut lent.values) {
                schema.insert(name.clone(), DataType::Int32);
                let column =
                    Int32Chunked::with_chunk(name.clone(), array_of(lent, Some(&nulls))).into_column();
                self.integers.insert(name.to_string(), (column, packing));
            }
        }
        self.schema = Arc::new(schema);
        self
    }

    /// A measurement as its column has it.
    #[must_use]
    pub fn measurement(&self, name: &str) -> Measurement {
        Measurement { name: name.into(), packing: self.integers.get(name).map(|(_, packing)| *packing) }
    }

    /// The stations, in row order.
    #[must_use]
    pub fn stations(&self) -> Arc<[StationRun]> {
        Arc::clone(&self.stations)
    }

    /// The source as a plan.
    ///
    /// # Errors
    /// None that a plan of this source can bring about.
    pub fn lazy(self) -> PolarsResult<LazyFrame> {
        let schema = Some(Arc::clone(&self.schema));
        let args = ScanArgsAnonymous { schema, name: "ISD SERIES", ..Default::default() };
        LazyFrame::anonymous_scan(Arc::new(self), args)
    }

    fn column(&self, name: &str) -> PolarsResult<Column> {
        match name {
            STATION_ID => {
                let mut ids = StringChunkedBuilder::new(STATION_ID.into(), self.series.rows());
                for run in self.stations.iter() {
                    for _ in 0..run.rows {
                        ids.append_value(&*run.station_id);
                    }
                }
                Ok(ids.finish().into_column())
            }
            TIMESTAMP => {
                times(self.series.timestamps().map_err(|error| failed(&error))?.into_parts().1.into_inner())
            }
            _ => {
                if let Some((column, _)) = self.integers.get(name) {
                    return Ok(column.clone());
                }
                let mut lent = self.spare.doubles.lend();
                let nulls =
                    self.series.values_into(name, &mut lent.values).map_err(|error| failed(&error))?;
                Ok(Float64Chunked::with_chunk(name.into(), array_of(lent, nulls.as_ref())).into_column())
            }
        }
    }
}

impl AnonymousScan for SeriesScan {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn scan(&self, args: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let names: Vec<PlSmallStr> = match args.with_columns {
            Some(names) => names.to_vec(),
            None => self.schema.iter_names().cloned().collect(),
        };
        let columns = names.iter().map(|name| self.column(name)).collect::<PolarsResult<Vec<_>>>()?;
        DataFrame::new(self.series.rows(), columns)
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

/// The station and the time of each outlier of some series. Times are read only where they are asked for.
pub fn keys_of(series: Arc<dyn Series>, stations: Arc<[StationRun]>) -> Carried {
    let fields =
        vec![Field::new(STATION_ID.into(), DataType::String), Field::new(TIMESTAMP.into(), time_type())];
    let look_up = move |rows: &[usize]| Ok(vec![station_of(&stations, rows), time_of(&*series, rows)?]);
    Carried::LookedUp { fields, look_up: Arc::new(look_up) }
}

fn station_of(stations: &[StationRun], rows: &[usize]) -> Column {
    let mut ids = StringChunkedBuilder::new(STATION_ID.into(), rows.len());
    let (mut runs, mut run, mut end) = (stations.iter(), None, 0);
    for row in rows {
        while end <= *row {
            run = runs.next();
            end = run.map_or(usize::MAX, |run| end + run.rows);
        }
        ids.append_option(run.map(|run| &*run.station_id));
    }
    ids.finish().into_column()
}

fn time_of(series: &dyn Series, rows: &[usize]) -> PolarsResult<Column> {
    let mut wanted = rows.to_vec();
    wanted.dedup();
    if wanted.is_empty() {
        return times(arrow::buffer::Buffer::from_vec(Vec::<i64>::new()));
    }
    let read = series.timestamps_at(&wanted).map_err(|error| failed(&error))?;
    if wanted == rows {
        return times(read.into_parts().1.into_inner());
    }
    // Several outliers of a row: of several measurements.
    let mut all = Vec::with_capacity(rows.len());
    for (same, time) in rows.chunk_by(|a, b| a == b).zip(read.values()) {
        all.resize(all.len() + same.len(), *time);
    }
    times(arrow::buffer::Buffer::from_vec(all))
}

fn time_type() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

/// A dataset's error as Polars hands it on.
fn failed(error: &Error) -> PolarsError {
    let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    PolarsError::ComputeError(format!("{error}{hint}").into())
}

fn times(microseconds: arrow::buffer::Buffer) -> PolarsResult<Column> {
    let values = Int64Chunked::from_vec(TIMESTAMP.into(), owned(microseconds));
    values.into_series().cast(&time_type()).map(Column::from)
}

/// Decoded values as an array of Polars, which borrows them until it is dropped.
fn array_of<T: NativeType>(values: Lent<T>, nulls: Option<&NullBuffer>) -> PrimitiveArray<T> {
    let validity = nulls.filter(|nulls| nulls.null_count() > 0).map(|nulls| {
        let bits = nulls.inner();
        let bitmap = Bitmap::from_u8_vec(bits.values().to_vec(), bits.offset() + bits.len());
        bitmap.sliced(bits.offset(), bits.len())
    });
    PrimitiveArray::from_data_default(Buffer::from_owner(values), validity)
}

/// A buffer as a vector: the same memory, unless it is shared or a slice.
fn owned<T: arrow::datatypes::ArrowNativeType>(buffer: arrow::buffer::Buffer) -> Vec<T> {
    buffer.into_vec().unwrap_or_else(|buffer| buffer.typed_data::<T>().to_vec())
}
