//! How much of what was planted is found: isd-synth's list and the findings in, rates by kind and by test out.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use chrono::DateTime;
use isd_dataset::{Error, MEASUREMENTS, Result};
use serde::Serialize;

use crate::qc::CATALOGUE;
use crate::qc::finding::{Finding, Verdict};
use crate::qc::run::Outcome;
use crate::qc::series_stage::StationFindings;
use crate::qc::settings::{Settings, test_index};
use crate::synth::PlantedKind;

/// The kind of a sensor that repeats one value, and its name from the length on that `streak` promises to find.
const STUCK: (&str, &str) = ("stuck", "stuck, as long as streak promises");

/// Whether a kind of planted values is weather: to find it is a false alarm.
fn is_weather(kind: &str) -> bool {
    PlantedKind::named(kind).is_some_and(PlantedKind::is_weather)
}

/// A planted value: station, time in microseconds since 1970, index of the measurement.
type Key = (String, i64, usize);

/// The planted values of a list.
#[derive(Debug, Default)]
pub struct Truth {
    /// Kind, event and value of each of them.
    planted: HashMap<Key, (String, String, f64)>,
}

/// How much of one kind was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KindRate {
    /// The kind.
    pub kind: String,
    /// Whether it is weather, which should not be found.
    pub weather: bool,
    /// Number of planted values.
    pub planted: u64,
    /// Number of them that any test found.
    pub found: u64,
    /// Number of them that are erroneous.
    pub erroneous: u64,
    /// Number of them that each test found, by name.
    pub by_test: BTreeMap<&'static str, u64>,
}

/// Rates of hits and false alarms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rates {
    /// By kind of planted value.
    pub kinds: Vec<KindRate>,
    /// Number of values that are no planted error.
    pub clean: u64,
    /// Number of these that any test found.
    pub false_alarms: u64,
    /// Number of these that are erroneous.
    pub false_errors: u64,
    /// Number of these that each test found, by name.
    pub by_test: BTreeMap<&'static str, u64>,
}

impl Truth {
    /// Reads a list that isd-synth wrote.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is none of such a list.
    pub fn read(path: &Path) -> Result<Self> {
        let text = isd_dataset::storage::read_to_string(path)
            .map_err(|source| Error::io(path, "cannot read", source))?;
        let mut lines = text.lines().zip(1..);
        let header = lines.next().map_or("", |(header, _)| header);
        let no_list = |line, found: String| Error::Line {
            path: path.to_owned(),
            line,
            found,
            hint: Some("isd-synth --truth writes such a list".into()),
        };
        if !header.starts_with("station_id,timestamp,measurement,value,kind,event") {
            return Err(no_list(1, "is not the header of a list of planted values".into()));
        }
        let mut planted = HashMap::new();
        for (line, number) in lines {
            let cells: Vec<&str> = line.split(',').collect();
            let [station, time, measurement, value, kind, event, ..] = cells.as_slice() else {
                return Err(no_list(number, "has fewer than six cells".into()));
            };
            let time = DateTime::parse_from_rfc3339(time)
                .map_err(|error| no_list(number, format!("{time}: {error}")))?
                .timestamp_micros();
            let measurement = MEASUREMENTS
                .iter()
                .position(|known| known.name == *measurement)
                .ok_or_else(|| no_list(number, format!("{measurement} is no measurement")))?;
            let value = value.parse().map_err(|error| no_list(number, format!("{value}: {error}")))?;
            let key = ((*station).to_owned(), time, measurement);
            planted.insert(key, ((*kind).to_owned(), (*event).to_owned(), value));
        }
        Ok(Self { planted })
    }

    /// Compares what was planted with what was found.
    #[must_use]
    pub fn rates(&self, outcome: &Outcome, settings: &Settings) -> Rates {
        let mut found: HashMap<Key, (Verdict, HashSet<&'static str>)> = HashMap::new();
        for station in &outcome.stations {
            let counts = |finding: &&Finding| finding.verdict != Verdict::Released;
            for finding in station.findings.iter().filter(counts) {
                let key = (station.id.to_string(), finding.time, usize::from(finding.measurement));
                let entry = found.entry(key).or_insert((finding.verdict, HashSet::new()));
                entry.0 = entry.0.max(finding.verdict);
                entry.1.extend(CATALOGUE.get(usize::from(finding.test)).map(|test| test.about().name));
            }
        }
        let mut lengths: HashMap<&str, usize> = HashMap::new();
        for (_, event, _) in self.planted.values() {
            *lengths.entry(event).or_default() += 1;
        }
        let stations: HashMap<&str, &StationFindings> =
            outcome.stations.iter().map(|station| (&*station.id, station)).collect();
        let streak = test_index("streak").unwrap_or(usize::MAX);
        let mut kinds: BTreeMap<&str, KindRate> = BTreeMap::new();
        let mut wrong = 0;
        for (key, (kind, event, value)) in &self.planted {
            let weather = is_weather(kind);
            wrong += u64::from(!weather);
            let derived = stations.get(key.0.as_str()).and_then(|station| station.derived.streak.get(&key.2));
            // A calm is no evidence; up to 1 m/s where whole values are reported.
            let calm = settings.value(streak, key.2, 5).unwrap_or(f64::NEG_INFINITY);
            let evidence = *value > if calm > 0.0 { 2.0 * calm } else { calm };
            let promised =
                evidence && derived.is_some_and(|&length| lengths[event.as_str()] as f64 >= length);
            let names = [Some(kind.as_str()), (kind == STUCK.0 && promised).then_some(STUCK.1)];
            for name in names.into_iter().flatten() {
                let rate = kinds.entry(name).or_insert_with(|| KindRate {
                    kind: name.to_owned(),
                    weather,
                    planted: 0,
                    found: 0,
                    erroneous: 0,
                    by_test: BTreeMap::new(),
                });
                rate.planted += 1;
                let Some((verdict, tests)) = found.get(key) else { continue };
                rate.found += 1;
                rate.erroneous += u64::from(*verdict == Verdict::Erroneous);
                for test in tests {
                    *rate.by_test.entry(test).or_default() += 1;
                }
            }
        }
        let clean = outcome.values.iter().sum::<u64>().saturating_sub(wrong);
        let mut rates =
            Rates { kinds: Vec::new(), clean, false_alarms: 0, false_errors: 0, by_test: BTreeMap::new() };
        for (key, (verdict, tests)) in &found {
            if self.planted.get(key).is_some_and(|(kind, ..)| !is_weather(kind)) {
                continue;
            }
            rates.false_alarms += 1;
            rates.false_errors += u64::from(*verdict == Verdict::Erroneous);
            for test in tests {
                *rates.by_test.entry(test).or_default() += 1;
            }
        }
        rates.kinds = kinds.into_values().collect();
        rates
    }
}
