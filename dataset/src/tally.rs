//! A tally: from what is left out of the rows of a source, file by file, to counts for the whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::place::SaidPlaces;

/// Counts of what a source did not pass on as it found it.
///
/// All that was read is counted: also a value of a row that is dropped later, because another row of its station and time
/// stays.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Values that failed the source's quality control and became missing: column -> quality code -> count.
    /// Empty with [`Quality::Keep`](crate::manifest::Quality::Keep).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected: BTreeMap<String, BTreeMap<String, u64>>,
    /// Trace amounts of precipitation, too small to measure, that became 0 mm: column -> count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traces: BTreeMap<String, u64>,
    /// Missing values that the source writes as a mark, such as `M`: mark -> count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, u64>,
    /// Values that look like marks for missing ones and were taken as they are: column -> number -> count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub like_missing: BTreeMap<String, BTreeMap<String, u64>>,
    /// Rows that are no observation: what they are -> count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// Where the rows say that their stations are: station -> first and last place. They are no counts, and written
    /// elsewhere.
    #[serde(skip)]
    pub places: BTreeMap<String, SaidPlaces>,
}

impl Tally {
    /// Adds the counts of another file or part.
    pub fn add(&mut self, other: &Self) {
        for (column, codes) in &other.rejected {
            add(self.rejected.entry(column.clone()).or_default(), codes);
        }
        for (column, numbers) in &other.like_missing {
            add(self.like_missing.entry(column.clone()).or_default(), numbers);
        }
        add(&mut self.traces, &other.traces);
        add(&mut self.missing, &other.missing);
        add(&mut self.left_out, &other.left_out);
        for (station, places) in &other.places {
            match self.places.get_mut(station) {
                Some(known) => known.add(places),
                None => _ = self.places.insert(station.clone(), places.clone()),
            }
        }
    }
}

fn add(to: &mut BTreeMap<String, u64>, counts: &BTreeMap<String, u64>) {
    for (key, count) in counts {
        *to.entry(key.clone()).or_default() += count;
    }
}
