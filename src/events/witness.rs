//! The second look at a dataset: what stations in and around an event saw at its time.
//!
//! Questions are gathered station by station, so that each row group that holds one of these stations is read once.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use isd_dataset::Result;
use isd_dataset::geography::{Position, PositionIndex};
use isd_dataset::read::RowGroup;
use isd_dataset::station_table::StationTable;

use super::flags::Flags;
use super::kind::{Kind, PRESSURE};
use super::options::EventOptions;
use super::percentile::median_and_deviation;
use super::series::{Columns, Series};
use super::survey::{Exceedance, Months, percentiles};

/// What is asked of a station about an event.
#[derive(Debug, Clone, Copy)]
struct Question {
    /// Index of the event.
    event: usize,
    /// Whether it is one of the event's own stations, or a neighbour of one.
    is_member: bool,
    /// Whether the event's stations are so few that it needs evidence.
    needs_evidence: bool,
}

/// What stations saw of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Testimony {
    /// Lowest pressure at the event's own stations, in hPa; `None` where they report none.
    pub lowest_pressure: Option<f64>,
    /// Whether pressure was far below what is usual in its month, at one of the stations or a neighbour.
    pub pressure_was_low: bool,
    /// Neighbours that reported at the event's time, and nothing unusual.
    pub quiet_neighbours: usize,
}

impl Testimony {
    /// Adds what other stations saw.
    pub(super) fn add(&mut self, other: Self) {
        self.lowest_pressure = match (self.lowest_pressure, other.lowest_pressure) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.pressure_was_low |= other.pressure_was_low;
        self.quiet_neighbours += other.quiet_neighbours;
    }
}

/// The questions that are asked about the events of one kind.
pub(super) struct Questions<'a> {
    kind: Kind,
    events: &'a [Vec<Exceedance>],
    table: &'a StationTable,
    flags: &'a Flags,
    options: &'a EventOptions,
    /// The questions by station.
    by_station: BTreeMap<usize, Vec<Question>>,
    /// The measurement that each station has of the kind.
    measurements: &'a HashMap<usize, &'static str>,
}

impl<'a> Questions<'a> {
    /// Asks the stations of each event for their pressure, and where `needs_evidence` says that they are too few, those
    /// around them as well.
    pub(super) fn new(
        kind: Kind,
        events: &'a [Vec<Exceedance>],
        needs_evidence: impl Fn(&[Exceedance]) -> bool,
        table: &'a StationTable,
        measurements: &'a HashMap<usize, &'static str>,
        flags: &'a Flags,
        options: &'a EventOptions,
    ) -> Self {
        let position = |station: usize| -> Option<Position> { table.stations().get(station)?.place.position };
        let placed = (0..table.stations().len()).filter_map(|station| Some((station, position(station)?)));
        let index = PositionIndex::new(placed, options.distance_km);
        let mut by_station: BTreeMap<usize, Vec<Question>> = BTreeMap::new();
        for (event, members) in events.iter().enumerate() {
            let mut asked: BTreeMap<usize, bool> = BTreeMap::new();
            let needs_evidence = needs_evidence(members);
            for member in members {
                if asked.insert(member.station, true) == Some(true) || !needs_evidence {
                    continue;
                }
                for (neighbour, _) in position(member.station).map_or_else(Vec::new, |at| index.within(at)) {
                    asked.entry(neighbour).or_insert(false);
                }
            }
            for (station, is_member) in asked {
                by_station.entry(station).or_default().push(Question { event, is_member, needs_evidence });
            }
        }
        Self { kind, events, table, flags, options, by_station, measurements }
    }

    /// The answers of the stations of a row group, by event; of the columns read only those in `columns`, which the dataset
    /// has.
    ///
    /// # Errors
    /// A row group that cannot be read.
    pub(super) fn ask(
        &self,
        group: &RowGroup,
        columns: &[&'static str],
    ) -> Result<BTreeMap<usize, Testimony>> {
        let mut answers: BTreeMap<usize, Testimony> = BTreeMap::new();
        let is_asked =
            |id: &str| self.table.number(id).is_some_and(|number| self.by_station.contains_key(&number));
        if !group.stations()?.iter().any(|run| is_asked(&run.station_id)) {
            return Ok(answers);
        }
        let columns = Columns::read(group, columns, self.flags)?;
        for (id, rows) in &columns.stations {
            let Some(number) = self.table.number(id) else { continue };
            let Some(questions) = self.by_station.get(&number) else { continue };
            let mut pressures = columns.series(rows, PRESSURE).map(Pressures::new);
            let measurement = self.measurements.get(&number);
            let series = measurement.and_then(|name| columns.series(rows, name));
            let mut usual = series.map(|series| UsualSeries::new(self.kind, series, self.options));
            for question in questions {
                let answer = self.answer(*question, pressures.as_mut(), usual.as_mut());
                answers.entry(question.event).or_default().add(answer);
            }
        }
        Ok(answers)
    }

    fn answer(
        &self,
        question: Question,
        pressures: Option<&mut Pressures<'_>>,
        series: Option<&mut UsualSeries<'_>>,
    ) -> Testimony {
        let members = &self.events[question.event];
        let (first, last) = (members[0].time, members[members.len() - 1].time);
        let gap = self.options.gap_us;
        let around = first.saturating_sub(gap)..=last.saturating_add(gap);
        let mut answer = Testimony::default();
        if let Some(series) = series.filter(|_| !question.is_member) {
            answer.quiet_neighbours = usize::from(series.is_quiet(members));
        }
        if let Some(pressures) = pressures {
            if question.is_member {
                answer.lowest_pressure = pressures.series.within(&around).values().reduce(f64::min);
            }
            if question.needs_evidence && self.kind == Kind::Wind {
                answer.pressure_was_low = pressures.is_low_within(&around, self.options.pressure_deviations);
            }
        }
        answer
    }
}

/// Fewest values of which what is usual at a station is taken.
const LEAST_VALUES: usize = 100;

/// The values of a neighbour, and what is usual there.
struct UsualSeries<'a> {
    kind: Kind,
    series: Series<'a>,
    percent: f64,
    /// Short of these a value is usual, by calendar month; `None` until they are asked for.
    limits: Option<[f64; 12]>,
}

impl<'a> UsualSeries<'a> {
    fn new(kind: Kind, series: Series<'a>, options: &EventOptions) -> Self {
        Self { kind, series, percent: options.usual_percentile, limits: None }
    }

    /// Whether the station reported at the time of one of the exceedances, which are in order of time, and each of these
    /// reports is short of what is usual.
    fn is_quiet(&mut self, members: &[Exceedance]) -> bool {
        let same = EventOptions::SAME_TIME_US;
        let (first, last) = (members[0].time, members[members.len() - 1].time);
        let reports = self.series.within(&(first.saturating_sub(same)..=last.saturating_add(same)));
        let at_its_time = reports.all().filter(|(time, _)| {
            let after = members.partition_point(|member| member.time < time.saturating_sub(same));
            members.get(after).is_some_and(|member| member.time <= time.saturating_add(same))
        });
        let (kind, series, percent) = (self.kind, self.series, self.percent);
        let mut at_its_time = at_its_time.peekable();
        if at_its_time.peek().is_none() {
            return false;
        }
        let limits = self.limits.get_or_insert_with(|| percentiles(kind, series, percent, LEAST_VALUES));
        let mut months = Months::default();
        at_its_time.all(|(time, value)| {
            let limit = limits[if kind.is_by_month() { months.at(time) } else { 0 }];
            kind.sign() * value < kind.sign() * limit
        })
    }
}

/// The pressures of a station, and what is usual in each month, as far as that has been asked for.
struct Pressures<'a> {
    series: Series<'a>,
    /// The series of each month of the record, with its number, once one of them is asked for.
    months: Vec<(usize, Series<'a>)>,
    /// Median and median absolute deviation of each calendar month.
    usual: [Option<(f64, f64)>; 12],
}

impl<'a> Pressures<'a> {
    fn new(series: Series<'a>) -> Self {
        Self { series, months: Vec::new(), usual: [None; 12] }
    }

    /// Whether one of the pressures of a span lies more than so many median absolute deviations below the median of its
    /// calendar month, in all years.
    fn is_low_within(&mut self, span: &RangeInclusive<i64>, deviations: f64) -> bool {
        let mut months = Months::default();
        self.series.within(span).all().any(|(time, value)| {
            let (median, deviation) = self.usual(months.at(time));
            value < median - deviations * deviation
        })
    }

    /// Median and median absolute deviation of a calendar month; NaN where it has no values.
    fn usual(&mut self, month: usize) -> (f64, f64) {
        if self.months.is_empty() {
            self.months.extend(self.series.by_month());
        }
        *self.usual[month].get_or_insert_with(|| {
            let mut values = Vec::new();
            let own = self.months.iter().filter(|(own, _)| *own == month);
            own.for_each(|(_, series)| values.extend(series.values()));
            median_and_deviation(&mut values).unwrap_or((f64::NAN, f64::NAN))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::HOUR_US;
    use super::*;

    fn member(hour: i64) -> Exceedance {
        Exceedance { station: 0, time: hour * HOUR_US, measurement: "x", value: 20.0, threshold: 16.0 }
    }

    #[test]
    fn a_neighbour_is_quiet_when_it_reports_and_sees_nothing() {
        let quiet = |reports: &[(i64, f64)], kind, members: &[i64]| {
            let times: Vec<i64> = reports.iter().map(|(hour, _)| hour * HOUR_US).collect();
            let values: Vec<f64> = reports.iter().map(|(_, value)| *value).collect();
            let members: Vec<Exceedance> = members.iter().map(|hour| member(*hour)).collect();
            let series = Series::of(&times, &values);
            UsualSeries { kind, series, percent: 90.0, limits: Some([10.0; 12]) }.is_quiet(&members)
        };
        assert!(quiet(&[(0, 30.0), (9, 9.9), (20, 30.0)], Kind::Wind, &[10]));
        // At the limit, without a report within the hour, or where one of several sees something.
        assert!(!quiet(&[(10, 10.0)], Kind::Wind, &[10]));
        assert!(!quiet(&[(8, 1.0), (12, 1.0)], Kind::Wind, &[10]));
        assert!(!quiet(&[(9, 1.0), (10, 11.0)], Kind::Wind, &[10]));
        // Between the exceedances of a long event it may see what it will.
        assert!(quiet(&[(10, 1.0), (14, 30.0), (20, 1.0)], Kind::Wind, &[10, 20]));
        // Of low pressure, high is usual.
        assert!(quiet(&[(10, 10.1)], Kind::LowPressure, &[10]));
        assert!(!quiet(&[(10, 10.0)], Kind::LowPressure, &[10]));
        assert!(!quiet(&[], Kind::Wind, &[10]));
    }

    #[test]
    fn too_few_values_say_nothing_of_what_is_usual() {
        let quiet = |hours: i64| {
            let times: Vec<i64> = (0..hours).map(|hour| hour * HOUR_US).collect();
            let values: Vec<f64> = (0..hours).map(|hour| hour as f64).collect();
            UsualSeries::new(Kind::Wind, Series::of(&times, &values), &EventOptions::default())
                .is_quiet(&[member(10)])
        };
        assert!(!quiet(99));
        assert!(quiet(100));
    }

    #[test]
    fn pressure_is_low_beyond_four_deviations_of_its_month() {
        // January: median 1010, deviation 2; the same in February, 20 hPa lower.
        let january = (0..31 * 24).map(|hour| 1006.0 + 2.0 * f64::from(hour % 5));
        let february = (31 * 24..59 * 24).map(|hour| 986.0 + 2.0 * f64::from(hour % 5));
        let usual: Vec<f64> = january.chain(february).collect();
        let times: Vec<i64> = (0..usual.len() as i64).map(|hour| hour * HOUR_US).collect();
        let low = |at: usize, value: f64| {
            let mut values = usual.clone();
            values[at] = value;
            Pressures::new(Series::of(&times, &values)).is_low_within(&(times[at]..=times[at]), 4.0)
        };
        assert!(!low(0, 1002.0));
        assert!(low(0, 1001.9));
        assert!(!low(40 * 24, 982.0));
        assert!(low(40 * 24, 981.9));
        // Where there are no values, none is low.
        let mut pressures = Pressures::new(Series::of(&times, &usual));
        assert!(!pressures.is_low_within(&(9_000 * HOUR_US..=9_001 * HOUR_US), 4.0));
        let within =
            |from: i64, to: i64| pressures.series.within(&(from * HOUR_US..=to * HOUR_US)).all().count();
        assert_eq!([within(0, 5), within(-9, 0), within(5_000, 6_000)], [6, 1, 0]);
    }
}
