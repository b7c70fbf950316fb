//! The isd dataset on disk: what its directories, files and columns are called, for the writer and the reader.
//!
//! ```text
//! observations/
//!   _isd.json                      the manifest
//!   _stations.csv                  its stations, and where they are
//!   _journal.ndjson                which source files each block comes from
//!   block=72/part-00000.parquet    whole stations, sorted by (station_id, timestamp)
//! ```
//!
//! A row group holds whole stations: no station is split across row groups or files, so that any
//! row group can be processed by itself. After a file's row groups come lists of the steps between their times, where those
//! are mostly equal, from which single times are read without their column; the footer's key `isd.time_steps` says where.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::{ColumnInfo, Error, Result};

/// Name of the column that says which station an observation is of: a string, never null.
pub const STATION_ID: &str = "station_id";
/// Name of the column that says when it was made: microseconds, UTC, never null.
pub const TIMESTAMP: &str = "timestamp";
/// Hive partition key: see [`block_of`].
pub const BLOCK: &str = "block";
/// File name of the manifest in the dataset's directory.
pub const MANIFEST: &str = "_isd.json";
/// File name of the table of stations in the dataset's directory.
pub const STATIONS: &str = "_stations.csv";
/// Rows of a row group, about: since no station is split it may have fewer, or more where a single station has more.
pub const ROW_GROUP_ROWS: usize = 1 << 20;
/// Row groups of a file: where a block has more, its next file begins.
pub const FILE_ROW_GROUPS: usize = 64;

/// Key of the Arrow field metadata that holds a column's units in UDUNITS spelling.
pub const UNITS: &str = "units";
/// Key of the Arrow field metadata that holds what a column is, for people.
pub const LONG_NAME: &str = "long_name";
/// Key of the Arrow field metadata that holds the scale of which every value is an integer
/// multiple, as its decimal text.
pub const RESOLUTION: &str = "resolution";

/// Value of the partition key `block` that a station lies under: the first two characters of its
/// id (the WMO block), each character that is not an ASCII letter or digit escaped as in Hive.
///
/// ```
/// use isd_dataset::layout::block_of;
/// assert_eq!(block_of("724940-23234"), "72");
/// assert_eq!(block_of("a/b"), "a%2F");
/// ```
#[must_use]
pub fn block_of(station_id: &str) -> String {
    let mut block = String::new();
    for character in block_prefix(station_id).chars() {
        if character.is_ascii_alphanumeric() {
            block.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a String cannot fail.
                let _ = write!(block, "%{byte:02X}");
            }
        }
    }
    block
}

/// The first two characters of a station id: stations of equal prefix share a block, and in sorted
/// order they are neighbours.
#[must_use]
pub fn block_prefix(station_id: &str) -> &str {
    station_id.char_indices().nth(2).map_or(station_id, |(end, _)| &station_id[..end])
}

/// Directory of a block within the dataset: `block=72`.
#[must_use]
pub fn block_directory(block: &str) -> String {
    format!("{BLOCK}={block}")
}

/// File name of a block's part, counted from 0: `part-00000.parquet`.
#[must_use]
pub fn part_name(part: usize) -> String {
    format!("part-{part:05}.parquet")
}

/// Arrow schema of a dataset's files: the keys, then the values in the order given, as float64 or
/// float32; units, name and resolution as field metadata.
#[must_use]
pub fn schema(columns: &[ColumnInfo], float32: bool) -> SchemaRef {
    let value_type = if float32 { DataType::Float32 } else { DataType::Float64 };
    let mut fields = vec![
        Field::new(STATION_ID, DataType::Utf8, false),
        Field::new(TIMESTAMP, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
    ];
    fields.extend(columns.iter().map(|column| {
        let metadata =
            [(UNITS, &column.units), (LONG_NAME, &column.long_name), (RESOLUTION, &column.resolution)]
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)))
                .collect();
        Field::new(&column.name, value_type.clone(), true).with_metadata(metadata)
    }));
    Arc::new(Schema::new(fields))
}

/// Checks that the value columns have names of their own, none of them a key's.
///
/// # Errors
/// A column of `source` without a name, or with the name of a key or of another column.
pub fn check_columns(columns: &[ColumnInfo], source: &Path) -> Result<()> {
    let mut seen = vec![STATION_ID, TIMESTAMP, BLOCK];
    for column in columns {
        let name = column.name.as_str();
        let found = if name.is_empty() {
            "a value column without a name"
        } else if seen[..3].contains(&name) {
            "a value column under the name of a key of the dataset"
        } else if seen.contains(&name) {
            "two value columns of this name"
        } else {
            seen.push(name);
            continue;
        };
        return Err(Error::Column {
            path: source.to_owned(),
            column: name.to_owned(),
            found: found.to_owned(),
            hint: Some("rename it with --column NAME=PATH, or pick others with -m".into()),
        });
    }
    Ok(())
}

/// Reads what a file's field says of its column, as [`schema`] writes it; the origin of the values is not part of it.
#[must_use]
pub fn column_info(field: &Field) -> ColumnInfo {
    let metadata = |key: &str| field.metadata().get(key).cloned();
    ColumnInfo {
        name: field.name().clone(),
        origin: None,
        units: metadata(UNITS),
        long_name: metadata(LONG_NAME),
        resolution: metadata(RESOLUTION),
    }
}
