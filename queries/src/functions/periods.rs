//! In: times; out: the starts of their months, years or other periods, computed once for a run of times in one period.
//!
//! Times of a series ascend, so that thousands follow one another within a month. The engine's `date_trunc` goes by way of the
//! calendar for each of them.

use std::sync::Arc;

use arrow::array::{Array, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, Months, NaiveDate};
use datafusion::common::Result;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// 1970-01-01 was a Thursday.
const MONDAY: i64 = -3 * DAY;

/// `date_trunc(period, time)` as the engine has it, but faster for a column of times in UTC and in microseconds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DateTrunc {
    engine: Arc<ScalarUDF>,
}

impl DateTrunc {
    pub(super) fn new(engine: Arc<ScalarUDF>) -> Self {
        Self { engine }
    }
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn aliases(&self) -> &[String] {
        self.engine.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.engine.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.engine.return_field_from_args(arguments)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.engine.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.documentation()
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let starts = match arguments.args.as_slice() {
            [ColumnarValue::Scalar(period), ColumnarValue::Array(times)] => {
                period.try_as_str().flatten().and_then(Period::named).and_then(|period| starts(period, times))
            }
            _ => None,
        };
        match starts {
            Some(starts) => Ok(ColumnarValue::Array(Arc::new(starts))),
            None => self.engine.invoke_with_args(arguments),
        }
    }
}

/// What times are cut to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    /// That many microseconds, from an origin.
    Fixed { length: i64, origin: i64 },
    /// That many months of a year.
    Months(u32),
}

impl Period {
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "hour" => Self::Fixed { length: HOUR, origin: 0 },
            "day" => Self::Fixed { length: DAY, origin: 0 },
            "week" => Self::Fixed { length: 7 * DAY, origin: MONDAY },
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => return None,
        })
    }

    /// The period that a time lies in, both in microseconds since 1970: its start and the start of the next. `None` near the
    /// ends of the calendar.
    fn around(self, time: i64) -> Option<(i64, i64)> {
        match self {
            Self::Fixed { length, origin } => {
                let start = time.checked_sub(time.checked_sub(origin)?.rem_euclid(length))?;
                Some((start, start.checked_add(length)?))
            }
            Self::Months(count) => {
                let date = DateTime::from_timestamp_micros(time)?.date_naive();
                let month = date.month0() / count * count + 1;
                let start = NaiveDate::from_ymd_opt(date.year(), month, 1)?;
                let micros = |date: NaiveDate| Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
                Some((micros(start)?, micros(start.checked_add_months(Months::new(count))?)?))
            }
        }
    }
}

/// The starts of the periods that times lie in; nulls stay null. `None` for times that are not in microseconds and UTC, or lie
/// near the ends of the calendar: these are the engine's.
fn starts(period: Period, times: &dyn Array) -> Option<PrimitiveArray<TimestampMicrosecondType>> {
    let DataType::Timestamp(TimeUnit::Microsecond, zone) = times.data_type() else { return None };
    if zone.as_deref().is_some_and(|zone| !matches!(zone, "UTC" | "+00:00" | "Z")) {
        return None;
    }
    let times = times.as_primitive::<TimestampMicrosecondType>();
    let (mut start, mut next) = (0, 0);
    let mut starts = Vec::with_capacity(times.len());
    for (row, &time) in times.values().iter().enumerate() {
        if time < start || time >= next {
            // What stands under a null may be no time.
            if times.is_null(row) {
                starts.push(0);
                continue;
            }
            (start, next) = period.around(time)?;
        }
        starts.push(start);
    }
    let starts = PrimitiveArray::new(starts.into(), times.nulls().cloned());
    Some(starts.with_timezone_opt(zone.clone()))
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampMicrosecondArray;
    use datafusion::common::ScalarValue;
    use datafusion::common::config::ConfigOptions;
    use datafusion::functions::datetime::date_trunc;

    use super::*;

    fn truncated(function: &ScalarUDF, period: &str, times: &TimestampMicrosecondArray) -> ColumnarValue {
        let fields = [DataType::Utf8, times.data_type().clone()];
        let fields = fields.map(|data_type| Arc::new(arrow::datatypes::Field::new("x", data_type, true)));
        let arguments = ScalarFunctionArgs {
            args: vec![
                ColumnarValue::Scalar(ScalarValue::from(period)),
                ColumnarValue::Array(Arc::new(times.clone())),
            ],
            return_field: Arc::clone(&fields[1]),
            arg_fields: fields.to_vec(),
            number_rows: times.len(),
            config_options: Arc::new(ConfigOptions::default()),
        };
        function.invoke_with_args(arguments).unwrap()
    }

    #[test]
    fn periods_are_the_engines() {
        let ours = ScalarUDF::from(DateTrunc::new(date_trunc()));
        // Steps of some weeks and odd seconds over the years 1890 to 2110, ends of years and of February among them.
        let mut times: Vec<Option<i64>> =
            (0..9000).map(|step| Some(-2_524_521_600_000_000 + step * 771_234_567_891)).collect();
        for day in ["2015-12-31", "2016-02-29", "1969-12-31", "2000-02-29", "1900-02-28"] {
            let day: NaiveDate = day.parse().unwrap();
            let midnight = day.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_micros();
            times.extend([midnight - 1, midnight, midnight + DAY - 1, midnight + DAY].map(Some));
        }
        times.extend([None, Some(0), None, Some(-1)]);
        for zone in [None, Some("UTC"), Some("+00:00"), Some("+05:30")] {
            let times = TimestampMicrosecondArray::from(times.clone()).with_timezone_opt(zone);
            for period in ["hour", "day", "week", "month", "quarter", "year", "Month", "minute"] {
                let ColumnarValue::Array(expected) = truncated(&date_trunc(), period, &times) else {
                    panic!()
                };
                let ColumnarValue::Array(found) = truncated(&ours, period, &times) else { panic!() };
                assert_eq!(&found, &expected, "{period} {zone:?}");
            }
        }
    }
}
