//! The plan's lazy source: a row group of the dataset in, a Polars frame of the columns asked for out.
//!
//! Row groups are read by arrow-rs; their buffers become Polars columns without a copy. Where the station and the time
//! are wanted for a few rows only, their columns are not asked for: [`station_of`] and [`time_of`] look them up by row.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::Float64Array;
use isd_converters::dataset::RowGroup;
use isd_converters::{Error, StationRun};
use polars::prelude::*;
use polars_arrow::bitmap::Bitmap;

use crate::plan::{STATION_ID, TIMESTAMP};

/// A row group as a lazy source.
#[derive(Debug)]
pub struct RowGroupScan {
    group: RowGroup,
    stations: Arc<[StationRun]>,
    schema: SchemaRef,
}

impl RowGroupScan {
    /// A source of a row group's keys and `measurements`.
    ///
    /// # Errors
    /// An unreadable station column.
    pub fn new(group: RowGroup, measurements: &[String]) -> Result<Self, Error> {
        let stations = group.stations()?.into();
        let mut schema = Schema::default();
        schema.insert(STATION_ID.into(), DataType::String);
        schema.insert(TIMESTAMP.into(), time_type());
        for measurement in measurements {
            schema.insert(measurement.as_str().into(), DataType::Float64);
        }
        Ok(Self { group, stations, schema: Arc::new(schema) })
    }

    /// The row group's stations, in row order.
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
        let args = ScanArgsAnonymous { schema, name: "ISD ROW GROUP", ..Default::default() };
        LazyFrame::anonymous_scan(Arc::new(self), args)
    }

    fn column(&self, name: &str) -> PolarsResult<Column> {
        match name {
            STATION_ID => {
                let mut ids = StringChunkedBuilder::new(STATION_ID.into(), self.group.rows());
                for run in self.stations.iter() {
                    for _ in 0..run.rows {
                        ids.append_value(&*run.station_id);
                    }
                }
                Ok(ids.finish().into_column())
            }
            TIMESTAMP => {
                times(self.group.timestamps().map_err(|error| failed(&error))?.into_parts().1.into_inner())
            }
            _ => {
                let values = self.group.values(name).map_err(|error| failed(&error))?;
                Ok(doubles(name, values))
            }
        }
    }
}

impl AnonymousScan for RowGroupScan {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn scan(&self, args: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let names: Vec<PlSmallStr> = match args.with_columns {
            Some(names) => names.to_vec(),
            None => self.schema.iter_names().cloned().collect(),
        };
        let columns = names.iter().map(|name| self.column(name)).collect::<PolarsResult<Vec<_>>>()?;
        DataFrame::new(self.group.rows(), columns)
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }
}

/// The station of each `row` of a row group: an expression on that column.
pub fn station_of(stations: Arc<[StationRun]>) -> Expr {
    let ends = stations.iter().scan(0, |end, run| {
        *end += run.rows;
        Some(*end)
    });
    let ends: Vec<usize> = ends.collect();
    let lookup = move |rows: Column| {
        let rows = rows.u32()?;
        let mut ids = StringChunkedBuilder::new(STATION_ID.into(), rows.len());
        for row in rows.iter() {
            let run = row.map(|row| ends.partition_point(|end| *end <= row as usize));
            ids.append_option(run.and_then(|run| stations.get(run)).map(|run| &*run.station_id));
        }
        Ok(ids.finish().into_column())
    };
    col("row")
        .map_with_fmt_str(lookup, |_, _| Ok(Field::new(STATION_ID.into(), DataType::String)), "station_of")
        .alias(STATION_ID)
}

/// The time of each `row` of a row group, read only where it is asked for: an expression on that column.
pub fn time_of(group: RowGroup) -> Expr {
    let lookup = move |rows: Column| {
        let mut wanted: Vec<usize> = rows.u32()?.iter().flatten().map(|row| row as usize).collect();
        let found = wanted.clone();
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return times(arrow::buffer::Buffer::from_vec(Vec::<i64>::new()));
        }
        let read = group.timestamps_at(&wanted).map_err(|error| failed(&error))?;
        let at: HashMap<usize, i64> = wanted.into_iter().zip(read.values().iter().copied()).collect();
        times(arrow::buffer::Buffer::from_vec(found.iter().map(|row| at[row]).collect::<Vec<i64>>()))
    };
    col("row")
        .map_with_fmt_str(lookup, |_, _| Ok(Field::new(TIMESTAMP.into(), time_type())), "time_of")
        .alias(TIMESTAMP)
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

/// An arrow-rs array as a Polars column that takes over its buffer.
fn doubles(name: &str, values: Float64Array) -> Column {
    let (_, values, nulls) = values.into_parts();
    let validity = nulls.filter(|nulls| nulls.null_count() > 0).map(|nulls| {
        let bits = nulls.inner();
        let bitmap = Bitmap::from_u8_vec(bits.values().to_vec(), bits.offset() + bits.len());
        bitmap.sliced(bits.offset(), bits.len())
    });
    Float64Chunked::from_vec_validity(name.into(), owned(values.into_inner()), validity).into_column()
}

/// A buffer as a vector: the same memory, unless it is shared or a slice.
fn owned<T: arrow::datatypes::ArrowNativeType>(buffer: arrow::buffer::Buffer) -> Vec<T> {
    buffer.into_vec().unwrap_or_else(|buffer| buffer.typed_data::<T>().to_vec())
}
