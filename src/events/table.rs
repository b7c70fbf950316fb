//! Events as tables: events in, record batches of events and of their observations out.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::station_table::StationTable;

use super::event::{Event, station_id};

/// Rows of a batch of observations.
const BATCH_EVENTS: usize = 1 << 12;

fn schema(fields: &[(&str, DataType, bool)]) -> SchemaRef {
    let fields = fields.iter().map(|(name, kind, nullable)| Field::new(*name, kind.clone(), *nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The schema of [`events_batch`]: null are the place of stations that have none, and the pressure of those that report none.
#[must_use]
pub fn events_schema() -> SchemaRef {
    schema(&[
        ("event_id", DataType::Utf8, false),
        ("kind", DataType::Utf8, false),
        ("verdict", DataType::Utf8, false),
        ("start", time(), false),
        ("end", time(), false),
        ("stations", DataType::UInt64, false),
        ("observations", DataType::UInt64, false),
        ("peak_value", DataType::Float64, false),
        ("peak_station", DataType::Utf8, false),
        ("peak_time", time(), false),
        ("latitude", DataType::Float64, true),
        ("longitude", DataType::Float64, true),
        ("extent_km", DataType::Float64, false),
        ("lowest_pressure", DataType::Float64, true),
        ("severity", DataType::Float64, false),
    ])
}

/// The schema of [`member_batches`], none of whose columns is ever null.
#[must_use]
pub fn members_schema() -> SchemaRef {
    schema(&[
        ("event_id", DataType::Utf8, false),
        (STATION_ID, DataType::Utf8, false),
        (TIMESTAMP, time(), false),
        ("measurement", DataType::Utf8, false),
        ("value", DataType::Float64, false),
        ("threshold", DataType::Float64, false),
    ])
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(texts.map(Some).collect::<StringArray>())
}

fn times(times: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
}

fn counts(counts: impl Iterator<Item = usize>) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(counts.map(|count| count as u64)))
}

fn doubles(doubles: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(doubles))
}

/// A row an event, in their order. Positions are rounded to thousandths of a degree, distances to tenths of a km, and
/// severities to thousandths.
///
/// # Errors
/// None that events can cause.
pub fn events_batch(events: &[Event], table: &StationTable) -> Result<RecordBatch, ArrowError> {
    let optional = |of: fn(&Event) -> Option<f64>| -> ArrayRef {
        Arc::new(events.iter().map(of).collect::<Float64Array>())
    };
    let all = || events.iter();
    RecordBatch::try_new(
        events_schema(),
        vec![
            texts(all().map(|event| event.id.as_str())),
            texts(all().map(|event| event.kind.name())),
            texts(all().map(|event| event.verdict.name())),
            times(all().map(Event::start)),
            times(all().map(Event::end)),
            counts(all().map(|event| event.stations)),
            counts(all().map(|event| event.members.len())),
            doubles(all().map(|event| event.peak.value)),
            texts(all().map(|event| station_id(event.peak.station, table))),
            times(all().map(|event| event.peak.time)),
            optional(|event| event.middle.map(|middle| rounded(middle.latitude, 1e3))),
            optional(|event| event.middle.map(|middle| rounded(middle.longitude, 1e3))),
            doubles(all().map(|event| rounded(event.extent_km, 10.0))),
            optional(|event| event.lowest_pressure),
            doubles(all().map(|event| rounded(event.severity, 1e3))),
        ],
    )
}

/// A number rounded to so many steps in one.
pub(super) fn rounded(number: f64, steps: f64) -> f64 {
    (number * steps).round() / steps
}

/// A row an observation, event by event, by time and then station, a batch at a time.
pub fn member_batches<'a>(
    events: &'a [Event],
    table: &'a StationTable,
) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Clone + 'a {
    events.chunks(BATCH_EVENTS).map(move |events| {
        let all = || events.iter().flat_map(|event| event.members.iter().map(move |member| (event, member)));
        RecordBatch::try_new(
            members_schema(),
            vec![
                texts(all().map(|(event, _)| event.id.as_str())),
                texts(all().map(|(_, member)| station_id(member.station, table))),
                times(all().map(|(_, member)| member.time)),
                texts(all().map(|(_, member)| member.measurement)),
                doubles(all().map(|(_, member)| member.value)),
                doubles(all().map(|(_, member)| member.threshold)),
            ],
        )
    })
}
