//! The plan's lazy source: whole series in, a Polars frame of the columns asked for out.
//!
//! Rows are read by arrow-rs. Their buffers become Polars columns without a copy, and are decoded into again when Polars
//! has dropped them. Where the station and the time are wanted for a few rows only, the plan does not ask for their
//! columns: [`keys_of`] looks them up by row.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::buffer::NullBuffer;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::{Result, StationRun};
use isd_kernel::Packing;
use polars::prelude::*;
use polars_arrow::array::PrimitiveArray;
use polars_arrow::bitmap::Bitmap;
use polars_arrow::types::NativeType;
use polars_buffer::Buffer;

use crate::plan::error::{internal, to_polars};
use crate::plan::kernel_expressions::{Carried, TestedColumn};
use crate::plan::whole_series::WholeSeries;

/// Whole series as a lazy source.
#[derive(Debug)]
pub struct SeriesScan {
    series: Arc<dyn WholeSeries>,
    stations: Arc<[StationRun]>,
    schema: SchemaRef,
    buffers: SpareBuffers,
    /// Measurements that were read as integers, and the decimals that these stand for.
    integers: HashMap<String, (Column, Packing)>,
}

/// Vectors that columns are decoded into. A vector comes back here when its column is dropped, and is lent again.
///
/// The operating system clears memory before it hands it out. Two row groups that are decoded at once take turns with a
/// few megabytes; without this, each of their columns would get memory that has just been cleared.
#[derive(Debug, Clone, Default)]
pub struct SpareBuffers {
    doubles: Spare<f64>,
    integers: Spare<i32>,
}

/// Vectors of one type that are not in use.
#[derive(Debug, Clone, Default)]
struct Spare<T>(Arc<Mutex<Vec<Vec<T>>>>);

impl<T> Spare<T> {
    /// Lends a vector with whatever it held last, or a new one if all are in use.
    fn lend(&self) -> Lent<T> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Lent { values: spare.unwrap_or_default(), owner: Self(Arc::clone(&self.0)) }
    }
}

/// A vector that goes back to its owner when it is dropped.
struct Lent<T> {
    values: Vec<T>,
    owner: Spare<T>,
}

impl<T> AsRef<[T]> for Lent<T> {
    fn as_ref(&self) -> &[T] {
        &self.values
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        self.owner.0.lock().unwrap_or_else(PoisonError::into_inner).push(values);
    }
}

impl SeriesScan {
    /// A source of the keys and `measurements` of each row; values are decoded into `buffers`.
    ///
    /// # Errors
    /// An unreadable station column.
    pub fn new(series: Arc<dyn WholeSeries>, measurements: &[String], buffers: SpareBuffers) -> Result<Self> {
        let stations = series.stations()?.into();
        let mut schema = Schema::default();
        schema.insert(STATION_ID.into(), DataType::String);
        schema.insert(TIMESTAMP.into(), time_type());
        for measurement in measurements {
            schema.insert(measurement.as_str().into(), DataType::Float64);
        }
        Ok(Self { series, stations, schema: Arc::new(schema), buffers, integers: HashMap::new() })
    }

    /// Reads those measurements that are stored as few different decimals, and makes them columns of Int32: half the
    /// bytes to go through, and the kernel would turn their doubles into integers anyway.
    #[must_use]
    pub fn with_integers(mut self) -> Self {
        let mut schema = Schema::clone(&self.schema);
        let keys = [STATION_ID, TIMESTAMP];
        for name in self.schema.iter_names().filter(|name| !keys.contains(&name.as_str())) {
            let mut lent = self.buffers.integers.lend();
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

    /// A measurement as the kernel's expression takes it: whether its column holds doubles or integers.
    #[must_use]
    pub fn measurement(&self, name: &str) -> TestedColumn {
        TestedColumn { name: name.into(), packing: self.integers.get(name).map(|(_, packing)| *packing) }
    }

    /// The stations, in row order.
    #[must_use]
    pub fn stations(&self) -> Arc<[StationRun]> {
        Arc::clone(&self.stations)
    }

    /// The source as a plan.
    ///
    /// # Errors
    /// Only what Polars reports of the scan itself: nothing is read before the plan is collected.
    pub fn lazy(self) -> PolarsResult<LazyFrame> {
        let schema = Some(Arc::clone(&self.schema));
        let args = ScanArgsAnonymous { schema, name: "ISD SERIES", ..Default::default() };
        LazyFrame::anonymous_scan(Arc::new(self), args)
    }

    /// The column of that name, one value a row.
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
                let read = self.series.timestamps().map_err(|error| to_polars(&error))?;
                times(read.into_parts().1.into_inner())
            }
            _ => {
                if let Some((column, _)) = self.integers.get(name) {
                    return Ok(column.clone());
                }
                let mut lent = self.buffers.doubles.lend();
                let nulls = self.series.values_into(name, &mut lent.values);
                let nulls = nulls.map_err(|error| to_polars(&error))?;
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

/// Looks up the station and the time of each outlier. Times are read only for the rows that are asked for.
pub fn keys_of(series: Arc<dyn WholeSeries>, stations: Arc<[StationRun]>) -> Carried {
    let fields =
        vec![Field::new(STATION_ID.into(), DataType::String), Field::new(TIMESTAMP.into(), time_type())];
    let look_up = move |rows: &[usize]| Ok(vec![stations_at(&stations, rows)?, times_at(&*series, rows)?]);
    Carried::LookedUp { fields, look_up: Arc::new(look_up) }
}

/// The station of each of some rows, which ascend.
fn stations_at(stations: &[StationRun], rows: &[usize]) -> PolarsResult<Column> {
    let mut ids = StringChunkedBuilder::new(STATION_ID.into(), rows.len());
    let mut rows = rows.iter().peekable();
    let mut end = 0;
    for run in stations {
        end += run.rows;
        while rows.next_if(|row| **row < end).is_some() {
            ids.append_value(&*run.station_id);
        }
    }
    match rows.next() {
        Some(row) => Err(internal(format!("no station has row {row} of {end} rows"))),
        None => Ok(ids.finish().into_column()),
    }
}

/// The time of each of some rows, which ascend; a row may be asked for several times, for outliers of several
/// measurements.
fn times_at(series: &dyn WholeSeries, rows: &[usize]) -> PolarsResult<Column> {
    let mut wanted = rows.to_vec();
    wanted.dedup();
    if wanted.is_empty() {
        return times(arrow::buffer::Buffer::from_vec(Vec::<i64>::new()));
    }
    let read = series.timestamps_at(&wanted).map_err(|error| to_polars(&error))?;
    if read.values().len() != wanted.len() {
        return Err(internal(format!("{} times of {} rows", read.values().len(), wanted.len())));
    }
    if wanted == rows {
        return times(read.into_parts().1.into_inner());
    }
    let mut all = Vec::with_capacity(rows.len());
    for (same, time) in rows.chunk_by(|a, b| a == b).zip(read.values()) {
        all.resize(all.len() + same.len(), *time);
    }
    times(arrow::buffer::Buffer::from_vec(all))
}

fn time_type() -> DataType {
    DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
}

/// The column `timestamp` of these microseconds since 1970.
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
