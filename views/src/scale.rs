//! Axes: ranges of values and times in, positions and ticks out.

use std::ops::Range;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};

/// Microseconds in a minute and in a day.
const MINUTE: i64 = 60_000_000;
pub(crate) const DAY: i64 = 1440 * MINUTE;

/// Where numbers of a range lie between two positions.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The ends of the range; the first is the smaller.
    pub range: (f64, f64),
    /// The positions of its ends.
    pub positions: (f64, f64),
}

impl Scale {
    /// The position of a number, which may lie beyond the range.
    #[must_use]
    pub fn at(&self, number: f64) -> f64 {
        let ((low, high), (start, end)) = (self.range, self.positions);
        // Halves: the width of the range of all doubles is none.
        let part = (number / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        start + part * (end - start)
    }
}

/// A range that holds all the numbers with a margin; `None` of no finite number. Equal numbers get a range about them.
pub fn padded_range(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = numbers.filter(|number| number.is_finite()).map(|number| (number, number));
    let (low, high) = finite.reduce(|(low, high), (number, _)| (low.min(number), high.max(number)))?;
    let margin = if low == high { (low.abs() * 0.05).max(1.0) } else { (high / 2.0 - low / 2.0) * 0.12 };
    Some(((low - margin).max(f64::MIN), (high + margin).min(f64::MAX)))
}

/// Numbers of a range at steps of 1, 2 or 5 times a power of ten, about `most` of them, with their texts.
#[must_use]
pub fn value_ticks((low, high): (f64, f64), most: usize) -> Vec<(f64, String)> {
    let least_step = (high - low) / most.max(1) as f64;
    // Written so that NaN has no ticks.
    if !(least_step > 0.0 && least_step.is_finite() && least_step > low.abs().max(high.abs()) * 1e-12) {
        return Vec::new();
    }
    let power = least_step.log10().floor();
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * 10_f64.powf(power) >= least_step);
    let step = factor.unwrap_or(10.0) * 10_f64.powf(power);
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    let (first, last) = ((low / step).ceil(), (high / step).floor());
    // At most `most` and one, since the step is no smaller than the least.
    let numbers = (0..=most).map(|number| first + number as f64).take_while(|number| *number <= last);
    let tick = |number: f64| {
        let value = number * step + 0.0;
        let text = if value.abs() >= 1e7 { format!("{value:e}") } else { format!("{value:.decimals$}") };
        (value, text)
    };
    // The product of a whole number and the step may round to the other side of an end.
    numbers.map(tick).filter(|tick| (low..=high).contains(&tick.0)).collect()
}

/// A tick of an axis of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeTick {
    /// Microseconds since 1970 UTC.
    pub time: i64,
    /// What is written at it, such as `06:00`.
    pub label: String,
    /// What is written below it, where that is another than at the tick before: the day of an hour, the year of a day.
    pub context: Option<String>,
}

/// How far ticks are apart.
#[derive(Clone, Copy)]
enum Step {
    Minutes(i64),
    /// Days of the month: the first and every so many after it.
    Days(u32),
    Months(i64),
}

const STEPS: [Step; 20] = [
    Step::Minutes(1),
    Step::Minutes(5),
    Step::Minutes(15),
    Step::Minutes(30),
    Step::Minutes(60),
    Step::Minutes(180),
    Step::Minutes(360),
    Step::Minutes(720),
    Step::Days(1),
    Step::Days(2),
    Step::Days(5),
    Step::Days(10),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
    Step::Months(240),
];

impl Step {
    fn micros(self) -> i64 {
        match self {
            Self::Minutes(minutes) => minutes * MINUTE,
            Self::Days(days) => i64::from(days) * DAY,
            Self::Months(months) => months * 30 * DAY,
        }
    }
}

/// Round times of a span, at most `most` and a few, from steps of a minute to steps of decades; none where a calendar does
/// not reach.
#[must_use]
pub fn time_ticks(span: &Range<i64>, most: usize) -> Vec<TimeTick> {
    let length = span.end.saturating_sub(span.start);
    let fits = |step: &Step| length / step.micros() <= most as i64;
    let centuries = length / (most.max(1) as i64) / Step::Months(1200).micros() + 1;
    let step = STEPS.into_iter().find(fits).unwrap_or(Step::Months(1200 * centuries));
    let date = |time| DateTime::from_timestamp_micros(time).map(|time| time.naive_utc());
    let (Some(start), Some(end)) = (date(span.start), date(span.end)) else { return Vec::new() };
    let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
    let times: Vec<i64> = match step {
        Step::Minutes(_) => {
            let step = step.micros();
            let first = -(-span.start).div_euclid(step);
            (first..=span.end.div_euclid(step)).map(|number| number * step).collect()
        }
        Step::Days(days) => {
            let on_tick =
                |day: &NaiveDate| days == 1 || (day.day0().is_multiple_of(days) && day.day() + days <= 32);
            let all = start.date().iter_days().take_while(|day| *day <= end.date());
            all.filter(on_tick).map(midnight).collect()
        }
        Step::Months(months) => {
            let month_of = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
            let first = month_of(start.date()).div_euclid(months);
            let last = month_of(end.date()).div_euclid(months);
            let day = |number: i64| {
                let month = number * months;
                let year = i32::try_from(month.div_euclid(12)).ok()?;
                NaiveDate::from_ymd_opt(year, month.rem_euclid(12) as u32 + 1, 1)
            };
            (first..=last).filter_map(day).map(midnight).collect()
        }
    };
    let mut before = None;
    let labelled = times.into_iter().filter(|time| span.contains(time)).filter_map(|time| {
        let at = date(time)?;
        let (label, context) = match step {
            Step::Minutes(_) => {
                (format!("{:02}:{:02}", at.hour(), at.minute()), Some(at.format("%Y-%m-%d").to_string()))
            }
            Step::Days(_) => (at.format("%b %-d").to_string(), Some(at.format("%Y").to_string())),
            Step::Months(months) if months < 12 => {
                (at.format("%b").to_string(), Some(at.format("%Y").to_string()))
            }
            Step::Months(_) => (at.format("%Y").to_string(), None),
        };
        let is_new = before != context;
        before.clone_from(&context);
        Some(TimeTick { time, label, context: context.filter(|_| is_new) })
    });
    labelled.collect()
}
