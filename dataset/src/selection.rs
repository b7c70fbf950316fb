//! A choice of stations and times: patterns and limits in, for a station, a time or whole series an answer out.

use std::collections::HashSet;
use std::sync::Arc;

use glob::Pattern;

use crate::StationRun;
use crate::series_group::{Piece, SeriesGroup};

/// Which observations are wanted. The default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Stations whose ids match one of these, or all if there are none.
    stations: Vec<StationPattern>,
    /// Only stations of these ids, where a place was asked for.
    placed: Option<Arc<HashSet<String>>>,
    /// Earliest time, in microseconds since 1970, UTC.
    from: Option<i64>,
    /// The first time that is too late, in microseconds since 1970, UTC.
    before: Option<i64>,
}

/// What a station's id has to match.
#[derive(Debug, Clone, PartialEq, Eq)]
enum StationPattern {
    /// How it begins: `722020` is the station `722020-12839`, and `72` a whole block.
    Beginning(String),
    /// With `*`, `?` or `[…]`, as a shell has them.
    Glob(Pattern),
}

impl StationPattern {
    fn matches(&self, station_id: &str) -> bool {
        match self {
            Self::Beginning(beginning) => station_id.starts_with(beginning),
            Self::Glob(pattern) => pattern.matches(station_id),
        }
    }
}

impl Selection {
    /// Wants, of the stations, those whose ids match one of `patterns` in addition to those asked for before: an id, the
    /// beginning of one, or a pattern with `*`, `?` or `[…]`.
    ///
    /// # Errors
    /// A pattern that makes no sense; the message says why.
    pub fn stations<S: AsRef<str>>(mut self, patterns: impl IntoIterator<Item = S>) -> Result<Self, String> {
        for pattern in patterns {
            let pattern = pattern.as_ref();
            self.stations.push(if pattern.contains(['*', '?', '[']) {
                let glob = Pattern::new(pattern).map_err(|error| format!("{pattern}: {}", error.msg))?;
                StationPattern::Glob(glob)
            } else if pattern.is_empty() {
                return Err("an empty station id".to_owned());
            } else {
                StationPattern::Beginning(pattern.to_owned())
            });
        }
        Ok(self)
    }

    /// Wants stations of these ids only: those that lie where the user asked for.
    #[must_use]
    pub fn placed(self, ids: HashSet<String>) -> Self {
        Self { placed: Some(Arc::new(ids)), ..self }
    }

    /// Wants times from `from` on and before `before` only, in microseconds since 1970, UTC; `None` is no limit.
    #[must_use]
    pub fn times(self, from: Option<i64>, before: Option<i64>) -> Self {
        Self { from, before, ..self }
    }

    /// Whether a station is wanted.
    #[must_use]
    pub fn holds_station(&self, station_id: &str) -> bool {
        (self.stations.is_empty() || self.stations.iter().any(|pattern| pattern.matches(station_id)))
            && self.placed.as_ref().is_none_or(|ids| ids.contains(station_id))
    }

    /// Whether a time is wanted, in microseconds since 1970, UTC.
    #[must_use]
    pub fn holds_time(&self, time: i64) -> bool {
        self.from.is_none_or(|from| time >= from) && self.before.is_none_or(|before| time < before)
    }

    /// Whether all stations are wanted.
    #[must_use]
    pub fn is_of_all_stations(&self) -> bool {
        self.stations.is_empty() && self.placed.is_none()
    }

    /// Whether all times are wanted.
    #[must_use]
    pub fn is_of_all_times(&self) -> bool {
        self.from.is_none() && self.before.is_none()
    }

    /// The rows of `group` that are of the wanted stations, at whatever time; `None` where there are none.
    #[must_use]
    pub fn stations_of(&self, group: SeriesGroup) -> Option<SeriesGroup> {
        if self.is_of_all_stations() {
            return Some(group);
        }
        Self::kept(group, |run, _| if self.holds_station(&run.station_id) { (0, run.rows) } else { (0, 0) })
    }

    /// The wanted rows of `group`; `None` where there are none.
    #[must_use]
    pub fn rows_of(&self, group: SeriesGroup) -> Option<SeriesGroup> {
        if self.is_of_all_stations() && self.is_of_all_times() {
            return Some(group);
        }
        Self::kept(group, |run, times| {
            if !self.holds_station(&run.station_id) {
                return (0, 0);
            }
            let start = self.from.map_or(0, |from| times.partition_point(|time| *time < from));
            let end = self.before.map_or(run.rows, |before| times.partition_point(|time| *time < before));
            (start, end.max(start))
        })
    }

    /// The rows of `group` that `keep` chooses: for some rows of one station, whose times ascend, the first that is kept and
    /// the one after the last. Nothing is copied.
    fn kept(group: SeriesGroup, keep: impl Fn(&StationRun, &[i64]) -> (usize, usize)) -> Option<SeriesGroup> {
        let mut pieces = Vec::new();
        for piece in &group.pieces {
            let times = piece.values.timestamps.values();
            let mut first = piece.start;
            for run in &piece.stations {
                let (start, end) = keep(run, &times[first..first + run.rows]);
                if end > start {
                    let rows = end - start;
                    let station_id = Arc::clone(&run.station_id);
                    let stations = vec![StationRun { station_id, rows }];
                    let values = Arc::clone(&piece.values);
                    pieces.push(Piece { values, start: first + start, rows, stations });
                }
                first += run.rows;
            }
        }
        (!pieces.is_empty()).then_some(SeriesGroup { pieces, ..group })
    }
}
