//! One column of a row group: from its rows to an encoded column chunk.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Float64Array, PrimitiveArray, StringArray};
use arrow::datatypes::{DataType, Field, Float32Type, Int32Type};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::basic::ZstdLevel;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

use crate::pages::{EncodedChunk, write_stations, write_values};
use crate::series_group::SeriesGroup;
use crate::{Error, Result, StationRun};

/// Place of the stations among the columns.
const STATION_COLUMN: usize = 0;
/// Place of the times among the columns.
pub(super) const TIME_COLUMN: usize = 1;
/// Number of key columns, after which come the value columns.
pub(super) const KEYS: usize = 2;

/// Dictionary indices of weather data hardly compress further: level 3 gains 0.3 %.
pub(super) const ZSTD_LEVEL: i32 = 1;
/// Rows of a data page: what a reader of one day or one station has to decompress. The library ends a page at a multiple
/// of 1024 rows; this is one, so that the pages of all columns end at the same rows.
pub(super) const PAGE_ROWS: usize = 20 * 1024;

/// An encoded column chunk.
pub(super) enum Chunk {
    ByHand(EncodedChunk),
    Library(ArrowColumnChunk),
}

/// Encodes the column at `index` of the schema; returns how many of its values are missing, too.
///
/// # Errors
/// A value that does not fit into float32, or what the library does not accept.
pub(super) fn encode(
    mut writer: ArrowColumnWriter,
    field: &Field,
    column: &ColumnDescPtr,
    index: usize,
    group: &SeriesGroup,
    path: &Path,
) -> Result<(Chunk, usize)> {
    let failed = |error| parquet_error(path, error);
    let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(failed)?;
    let array: ArrayRef = match (index, field.data_type()) {
        (STATION_COLUMN, _) => {
            let stations = group.stations();
            if let Some(chunk) = write_stations(&stations, column, level, PAGE_ROWS).map_err(failed)? {
                return Ok((Chunk::ByHand(chunk), 0));
            }
            Arc::new(station_ids(&stations))
        }
        (TIME_COLUMN, _) => Arc::new(group.timestamps().with_timezone("UTC")),
        (_, DataType::Float32) => Arc::new(to_float32(&group.values(index - KEYS), field.name(), path)?),
        _ => {
            let values = group.values(index - KEYS);
            if let Some(chunk) = write_values(&values, column, level, PAGE_ROWS).map_err(failed)? {
                return Ok((Chunk::ByHand(chunk), values.null_count()));
            }
            Arc::new(values)
        }
    };
    // Always the same number of rows: where pages end must not depend on how the rows came. A page's at a time, because the
    // library makes an index of eight bytes for each row that it is given.
    for start in (0..array.len()).step_by(PAGE_ROWS) {
        let rows = array.slice(start, PAGE_ROWS.min(array.len() - start));
        for leaf in &compute_leaves(field, &rows).map_err(failed)? {
            writer.write(leaf).map_err(failed)?;
        }
    }
    Ok((Chunk::Library(writer.close().map_err(failed)?), array.null_count()))
}

/// The station of each row, its id stored once: the file's column is of plain strings all the same.
fn station_ids(stations: &[StationRun]) -> DictionaryArray<Int32Type> {
    let names = StringArray::from_iter_values(stations.iter().map(|run| &*run.station_id));
    let mut keys = Vec::with_capacity(stations.iter().map(|run| run.rows).sum());
    for (key, run) in stations.iter().enumerate() {
        keys.resize(keys.len() + run.rows, key as i32);
    }
    // Every key is an index into `names`, in which no name is null.
    DictionaryArray::new(PrimitiveArray::from(keys), Arc::new(names))
}

/// Rounds values to float32; nulls stay null.
///
/// # Errors
/// A finite value that is too large for it, which would become an infinity.
fn to_float32(values: &Float64Array, column: &str, path: &Path) -> Result<PrimitiveArray<Float32Type>> {
    if let Some(value) = values.iter().flatten().find(|&v| v.is_finite() && (v as f32).is_infinite()) {
        return Err(Error::Column {
            path: path.to_owned(),
            column: column.to_owned(),
            found: format!("the value {value:e} is beyond the range of float32"),
            hint: Some("convert without --float32".into()),
        });
    }
    Ok(values.unary(|value| value as f32))
}

/// The error for what the library reports: the operating system's reason where that is what it was, so that a full disk is
/// called one.
pub(super) fn parquet_error(path: &Path, error: ParquetError) -> Error {
    let found = match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(source) => return Error::io(path, "cannot write", *source),
            Err(source) => format!("cannot write: {source}"),
        },
        error => format!("cannot write: {error}"),
    };
    Error::Format { path: path.to_owned(), found, hint: None }
}
