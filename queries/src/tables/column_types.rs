//! In: the types that a text file's rows suggest; out: the types that our column names mean.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use isd_dataset::layout::{STATION_ID, TIMESTAMP};

/// Columns that only an outliers table has; `isd-detect --columns` may have left some out.
pub(super) const ONLY_OUTLIERS: [&str; 5] = ["measurement", "value", "rolling_mean", "rolling_std", "zscore"];

/// The schema of a text file with the types that our column names mean; every column may hold nulls.
///
/// The rows say too little: `010010` is a station, not ten thousand and ten; `2017-09-10T12:00:00Z` is a UTC
/// time; a column of whole wind speeds, or of nothing but nulls, is still measured. Columns in `texts` hold names.
pub(super) fn typed(inferred: &Schema, texts: &BTreeSet<String>) -> SchemaRef {
    let is_of_events = inferred.index_of("event_id").is_ok();
    let fields = inferred.fields().iter().map(|field| {
        let name = field.name().as_str();
        let meant = match (name, field.data_type()) {
            (TIMESTAMP, DataType::Timestamp(..) | DataType::Utf8 | DataType::Null) => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            ("start" | "end" | "peak_time", DataType::Timestamp(..)) if is_of_events => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            (
                "value" | "rolling_mean" | "rolling_std" | "zscore",
                DataType::Int64 | DataType::Float64 | DataType::Utf8 | DataType::Null,
            )
            | ("latitude" | "longitude" | "elevation" | "lowest_pressure", DataType::Null) => {
                DataType::Float64
            }
            ("window_count" | "window_filled", DataType::Int64 | DataType::Null) => DataType::Int64,
            ("filled", DataType::Boolean | DataType::Null) => DataType::Boolean,
            // No row says what a column of nulls is.
            (STATION_ID | "measurement", _) | (_, DataType::Null) => DataType::Utf8,
            (name, _) if texts.contains(name) => DataType::Utf8,
            (_, other) => other.clone(),
        };
        Field::new(name, meant, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
