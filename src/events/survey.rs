//! The first look at a dataset: row groups in, each station's thresholds and what exceeds them out.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::{DateTime, Datelike};
use isd_dataset::Result;
use isd_dataset::geography::PositionIndex;
use isd_dataset::read::RowGroup;
use isd_dataset::station_table::StationTable;

use super::flags::Flags;
use super::kind::Kind;
use super::options::{DAY_US, EventOptions};
use super::percentile::{high_percentile, percentile};
use super::series::{Columns, Series};

/// An observation beyond its station's threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exceedance {
    /// Number of its station in the table of stations.
    pub station: usize,
    /// Microseconds since 1970, UTC.
    pub time: i64,
    /// The measurement that it is of.
    pub measurement: &'static str,
    /// The value, in the measurement's units.
    pub value: f64,
    /// What it lies beyond.
    pub threshold: f64,
}

/// What a survey found of one kind at one station.
#[derive(Debug)]
pub(super) struct StationSurvey {
    /// Number of the station in the table of stations.
    pub station: usize,
    /// The measurement of which it has values.
    pub measurement: &'static str,
    /// Beyond these a value exceeds, by calendar month from January on; `None` where the record is too short to say.
    pub thresholds: Option<[f64; 12]>,
    pub exceedances: Vec<Exceedance>,
}

/// Calendar months of times that mostly ascend: the calendar is asked once a month.
#[derive(Debug, Default)]
pub(super) struct Months {
    /// The month of the last time, in microseconds since 1970.
    span: Range<i64>,
    month: usize,
}

impl Months {
    /// The calendar month of a time in microseconds since 1970, from 0; 0 of one that no calendar has.
    pub(super) fn at(&mut self, time: i64) -> usize {
        if !self.span.contains(&time)
            && let Some(date) = DateTime::from_timestamp_micros(time)
        {
            self.month = date.month0() as usize;
            let first = date.date_naive().with_day(1).and_then(|day| day.and_hms_opt(0, 0, 0));
            let begin = first.map_or(time, |first| first.and_utc().timestamp_micros());
            self.span = begin..begin.saturating_add(i64::from(date.num_days_in_month()) * DAY_US);
        }
        self.month
    }

    /// When the month of the last time ends.
    pub(super) fn end(&self) -> i64 {
        self.span.end
    }
}

/// Surveys the stations of a row group for one kind, with the thresholds of their own records, or those of `lent` for the
/// stations that have none.
///
/// # Errors
/// A row group that cannot be read.
pub(super) fn survey(
    group: &RowGroup,
    columns: &[&'static str],
    kind: Kind,
    table: &StationTable,
    flags: &Flags,
    options: &EventOptions,
    lent: Option<&BTreeMap<usize, [f64; 12]>>,
) -> Result<Vec<StationSurvey>> {
    let columns = Columns::read(group, columns, flags)?;
    let mut found = Vec::new();
    for (id, rows) in &columns.stations {
        let Some(station) = table.number(id) else { continue };
        if lent.is_some_and(|lent| !lent.contains_key(&station)) {
            continue;
        }
        let mut series =
            kind.measurements().iter().filter_map(|name| Some((*name, columns.series(rows, name)?)));
        let Some((measurement, series)) = series.next() else { continue };
        let thresholds = match lent {
            Some(lent) => lent.get(&station).copied(),
            None => {
                is_judged(kind, series, options).then(|| percentiles(kind, series, options.percentile, 1))
            }
        };
        let exceedances = thresholds.map_or_else(Vec::new, |thresholds| {
            exceedances(kind, station, measurement, series, &thresholds, options)
        });
        found.push(StationSurvey { station, measurement, thresholds, exceedances });
    }
    Ok(found)
}

/// Whether a record says what is extreme at its station: it spans a year, and of rain it holds so many wet hours that one of
/// them can lie beyond the percentile.
fn is_judged(kind: Kind, series: Series<'_>, options: &EventOptions) -> bool {
    let (first, last) = (series.all().next(), series.all().next_back());
    let is_year = first.zip(last).is_some_and(|(first, last)| last.0 - first.0 >= EventOptions::YEAR_US);
    let beyond = 1.0 - options.percentile / 100.0;
    let wet = || series.values().filter(|value| *value > 0.0).count();
    is_year && (kind != Kind::Rain || wet() as f64 * beyond >= 1.0)
}

/// A percentile of a station's values for each calendar month, from January on: of the values of the month and the two
/// beside it, or of all, as the kind asks for; for what is extreme where it is low, the percentile from above. NaN, beyond
/// which nothing lies, where there are fewer values than `least`.
pub(super) fn percentiles(kind: Kind, series: Series<'_>, percent: f64, least: usize) -> [f64; 12] {
    let sign = kind.sign();
    let above = if kind == Kind::Rain { 0.0 } else { f64::NEG_INFINITY };
    let counts = |value: f64| value > above && value < f64::INFINITY;
    let limit = |parts: &[&[f64]]| {
        high_percentile(parts, sign, counts, percent, least).map_or(f64::NAN, |limit| sign * limit)
    };
    if !kind.is_by_month() {
        return [limit(&[series.rows_values()]); 12];
    }
    let mut months: Vec<Vec<&[f64]>> = vec![Vec::new(); 12];
    series.by_month().for_each(|(month, own)| months[month].push(own.rows_values()));
    std::array::from_fn(|month| {
        limit(&[(month + 11) % 12, month, (month + 1) % 12].map(|part| months[part].as_slice()).concat())
    })
}

/// The values of a station beyond its thresholds.
fn exceedances(
    kind: Kind,
    station: usize,
    measurement: &'static str,
    series: Series<'_>,
    thresholds: &[f64; 12],
    options: &EventOptions,
) -> Vec<Exceedance> {
    let (sign, mut months) = (kind.sign(), Months::default());
    let exceeds = |(time, value): (i64, f64)| {
        let threshold = thresholds[if kind.is_by_month() { months.at(time) } else { 0 }];
        let enough = kind != Kind::Wind || value >= options.least_wind_m_s;
        (enough && sign * value > sign * threshold).then_some(Exceedance {
            station,
            time,
            measurement,
            value,
            threshold,
        })
    };
    // Short of the least threshold of all months nothing exceeds.
    let least = thresholds.iter().fold(f64::NAN, |least, threshold| least.min(sign * threshold));
    series.beyond(sign, least).filter_map(exceeds).collect()
}

/// Thresholds for the stations without a year of record: for each month the median of those of their neighbours, by the
/// nearest rank. Stations without such neighbours are left out.
pub(super) fn lend(
    surveys: &[StationSurvey],
    table: &StationTable,
    options: &EventOptions,
) -> BTreeMap<usize, [f64; 12]> {
    let position = |survey: &StationSurvey| table.stations().get(survey.station)?.place.position;
    let own = surveys.iter().enumerate().filter(|(_, survey)| survey.thresholds.is_some());
    let own = own.filter_map(|(index, survey)| Some((index, position(survey)?)));
    let index = PositionIndex::new(own, options.distance_km);
    let mut lent = BTreeMap::new();
    for survey in surveys.iter().filter(|survey| survey.thresholds.is_none()) {
        let Some(position) = position(survey) else { continue };
        let near = index.within(position);
        let of_neighbours = near.iter().filter_map(|(index, _)| {
            let neighbour = surveys.get(*index).filter(|other| other.measurement == survey.measurement)?;
            neighbour.thresholds.as_ref()
        });
        let of_neighbours: Vec<&[f64; 12]> = of_neighbours.collect();
        if !of_neighbours.is_empty() {
            let median = |month: usize| {
                let mut limits: Vec<f64> = of_neighbours
                    .iter()
                    .map(|limits| limits[month])
                    .filter(|limit| !limit.is_nan())
                    .collect();
                percentile(&mut limits, 50.0).unwrap_or(f64::NAN)
            };
            lent.insert(survey.station, std::array::from_fn(median));
        }
    }
    lent
}

#[cfg(test)]
mod tests {
    use super::super::options::HOUR_US;
    use super::*;

    /// Hourly values from 1970 on.
    fn hourly(hours: usize, value: impl Fn(usize) -> f64) -> Vec<(i64, f64)> {
        (0..hours).map(|hour| (hour as i64 * HOUR_US, value(hour))).collect()
    }

    fn with<T>(series: &[(i64, f64)], look: impl Fn(Series<'_>) -> T) -> T {
        let (times, values): (Vec<i64>, Vec<f64>) = series.iter().copied().unzip();
        look(Series::of(&times, &values))
    }

    fn found(kind: Kind, series: &[(i64, f64)]) -> Vec<f64> {
        let options = EventOptions::default();
        with(series, |series| {
            let thresholds = percentiles(kind, series, options.percentile, 1);
            let found = exceedances(kind, 0, "x", series, &thresholds, &options);
            found.iter().map(|one| one.value).collect()
        })
    }

    #[test]
    fn wind_exceeds_the_percentile_and_15_metres_a_second() {
        // 8,760 hours: the 99.9th percentile has rank 8,752, so that 8 values lie beyond.
        let rising = hourly(8_760, |hour| hour as f64 / 100.0);
        assert_eq!(
            found(Kind::Wind, &rising),
            (8_752..8_760).map(|hour| f64::from(hour) / 100.0).collect::<Vec<_>>()
        );
        let calm = hourly(8_760, |hour| hour as f64 / 8_760.0 * 15.0);
        assert_eq!(found(Kind::Wind, &calm), [0.0; 0]);
        // Equal to the threshold is not beyond it.
        let steps = hourly(8_760, |hour| if hour < 20 { 30.0 } else { 2.0 });
        assert_eq!(found(Kind::Wind, &steps), [0.0; 0]);
        let at_least = hourly(8_760, |hour| [15.0, 14.9].get(hour).copied().unwrap_or(2.0));
        assert_eq!(found(Kind::Wind, &at_least), [15.0]);
    }

    #[test]
    fn low_pressure_and_cold_are_below() {
        let falling = hourly(8_760, |hour| 1020.0 - hour as f64 / 100.0);
        assert_eq!(found(Kind::LowPressure, &falling).len(), 8);
        let cold = hourly(8_760, |hour| if hour == 4_000 { -3.0 } else { 20.0 });
        assert_eq!((found(Kind::Cold, &cold), found(Kind::Heat, &cold)), (vec![-3.0], vec![]));
    }

    #[test]
    fn temperatures_are_compared_with_their_months_and_those_beside() {
        // Warm from the middle of the year on: 21 degC on the 10th of January is extreme beside December's 20 degC not.
        let days = |hour: usize| hour / 24;
        let warm = |hour: usize| if hour == 9 * 24 { 21.0 } else { 0.0 };
        let summer = |hour: usize| if (150..240).contains(&days(hour)) { 30.0 } else { warm(hour) };
        let series = hourly(8_760, summer);
        // June to August are steady; in May and September they are beside.
        assert_eq!(found(Kind::Heat, &series), [21.0]);
        assert_eq!(found(Kind::Wind, &series), [0.0; 0]);
    }

    #[test]
    fn rain_is_compared_with_rain() {
        // 2,000 wet hours among 8,760: the 99.9th percentile of these has rank 1,998.
        let series = hourly(8_760, |hour| if hour < 2_000 { hour as f64 + 1.0 } else { 0.0 });
        assert_eq!(found(Kind::Rain, &series), [1_999.0, 2_000.0]);
        assert_eq!(found(Kind::Rain, &hourly(8_760, |_| 0.0)), [0.0; 0]);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let mut months = Months::default();
        // 1972 has a 29th of February. Times need not ascend.
        let days = [(0, 0), (30, 0), (31, 1), (730 + 59, 1), (730 + 60, 2), (-1, 11), (364, 11), (365, 0)];
        for (day, month) in days {
            assert_eq!(months.at(day * DAY_US), month, "day {day}");
            assert_eq!(months.at((day + 1) * DAY_US - 1), month, "end of day {day}");
        }
    }

    #[test]
    fn a_record_of_less_than_a_year_has_no_threshold() {
        let rising = |hours| hourly(hours, |hour| hour as f64);
        let days = usize::try_from(EventOptions::YEAR_US / DAY_US).unwrap();
        let judged =
            |kind, values: &[_]| with(values, |series| is_judged(kind, series, &EventOptions::default()));
        assert!(!judged(Kind::Wind, &rising(24 * days)));
        assert!(judged(Kind::Wind, &rising(24 * days + 1)));
        assert!(!judged(Kind::Wind, &[]));
        // Of 999 wet hours none can lie beyond the 99.9th percentile.
        let wet = |hours: usize| hourly(24 * days + 1, |hour| if hour < hours { 1.0 } else { 0.0 });
        assert_eq!([999, 1001].map(|hours| judged(Kind::Rain, &wet(hours))), [false, true]);
        let usual = |hours| with(&rising(hours), |series| percentiles(Kind::Wind, series, 90.0, 100));
        assert!(usual(99).iter().all(|limit| limit.is_nan()));
        assert_eq!(usual(100), [89.0; 12]);
    }
}
