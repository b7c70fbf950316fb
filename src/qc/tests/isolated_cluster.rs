//! `isolated_cluster`: a few values far in time from all others.

use isd_dataset::Result;

use crate::qc::finding::Verdict;
use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test, WIND_SPEED};

/// The test.
pub struct IsolatedCluster;

static ABOUT: About = About {
    name: "isolated_cluster",
    needs: Needs::Series,
    by_default: true,
    released_by_neighbours: true,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED],
    parameters: &[
        Parameter::new("most_values", "", 6.0, "values of a cluster at most"),
        Parameter::new("length", "h", 24.0, "time from its first to its last value at most"),
        Parameter::new("gap", "h", 48.0, "time without values before it and after it at least"),
        Parameter::new(
            "most_share",
            "%",
            0.5,
            "share of the record in such clusters beyond which they are how the station reports",
        ),
    ],
    definition: "At most 6 values within 24 h, with at least 48 h without values before them and after them. A cluster has values \
                 before and after it: the ends of a record are open. A station that reports so often in clusters is not tested.",
    source: "HadISD 3 (odd cluster)",
};

impl Test for IsolatedCluster {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        for &measurement in ABOUT.measurements {
            let Some([most_values, length, gap, most_share]) = run.parameters(measurement)? else { continue };
            let station = run.station;
            let rows = station.observed(measurement);
            let hours = |a: u32, b: u32| station.hours_between(a as usize, b as usize);
            let clusters: Vec<&[u32]> = rows.chunk_by(|&a, &b| hours(a, b) < gap).collect();
            let inner = clusters.get(1..clusters.len().saturating_sub(1)).unwrap_or_default();
            let isolated = |cluster: &&&[u32]| {
                let (Some(&first), Some(&last)) = (cluster.first(), cluster.last()) else { return false };
                cluster.len() as f64 <= most_values && hours(first, last) <= length
            };
            let found: Vec<u32> =
                inner.iter().filter(isolated).flat_map(|cluster| cluster.iter()).copied().collect();
            if found.len() as f64 * 100.0 > most_share * rows.len() as f64 {
                run.not_run(measurement, "the station reports in isolated clusters");
                continue;
            }
            for row in found {
                let row = row as usize;

                let before = (0..row).rev().find(|&other| {
                    station.value(measurement, other).is_some() && station.hours_between(other, row) >= gap
                });
                let distance = before.map_or(f64::NAN, |other| station.hours_between(other, row));
                run.find(measurement, row, Verdict::Suspect, distance, (f64::NAN, gap), "");
            }
        }
        Ok(())
    }
}
