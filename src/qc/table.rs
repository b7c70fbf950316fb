//! The flags table as Arrow: findings in, record batches out.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use isd_dataset::MEASUREMENTS;
use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::selection::Selection;

use crate::qc::CATALOGUE;
use crate::qc::finding::Verdict;
use crate::qc::series_stage::StationFindings;

/// Names of the columns, in order.
pub const FLAG_COLUMNS: [&str; 10] = [
    STATION_ID,
    TIMESTAMP,
    "measurement",
    "value",
    "test",
    "verdict",
    "statistic",
    "lower",
    "upper",
    "detail",
];

/// Arrow schema of the flags table. The limits are null where a test has none on that side, and the statistic where there is
/// nothing to compare; no other column ever is.
#[must_use]
pub fn flags_schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields = FLAG_COLUMNS.map(|name| match name {
        TIMESTAMP => Field::new(name, time.clone(), false),
        "value" => Field::new(name, DataType::Float64, false),
        "statistic" | "lower" | "upper" => Field::new(name, DataType::Float64, true),
        _ => Field::new(name, DataType::Utf8, false),
    });
    Arc::new(Schema::new(fields.to_vec()))
}

/// The findings of a station at the `wanted` times as rows of the table, sorted by time, measurement and test; released ones
/// only `with_released`.
///
/// # Errors
/// None that findings can cause.
pub fn batch(
    station: &StationFindings,
    with_released: bool,
    wanted: &Selection,
) -> Result<RecordBatch, ArrowError> {
    let kept =
        station.findings.iter().filter(|finding| with_released || finding.verdict != Verdict::Released);
    let mut rows: Vec<_> = kept.filter(|finding| wanted.holds_time(finding.time)).collect();
    rows.sort_by_key(|finding| finding.key());
    let number = |of: fn(&crate::qc::Finding) -> f64| -> ArrayRef {
        let limit = |value: f64| value.is_finite().then_some(value);
        Arc::new(rows.iter().map(|finding| limit(of(finding))).collect::<Float64Array>())
    };
    let text = |of: fn(&crate::qc::Finding) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|finding| of(finding))))
    };
    let times = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|finding| finding.time));
    RecordBatch::try_new(
        flags_schema(),
        vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|_| &*station.id))),
            Arc::new(times.with_timezone("UTC")),
            text(|finding| MEASUREMENTS.get(usize::from(finding.measurement)).map_or("", |m| m.name)),
            Arc::new(Float64Array::from_iter_values(rows.iter().map(|finding| finding.value))),
            text(|finding| CATALOGUE.get(usize::from(finding.test)).map_or("", |test| test.about().name)),
            text(|finding| finding.verdict.name()),
            number(|finding| finding.statistic),
            number(|finding| finding.lower),
            number(|finding| finding.upper),
            text(|finding| &finding.detail),
        ],
    )
}
