//! `clean_up`: the rest of a month most of which is erroneous.
//!
//! It runs after the neighbours have decided: see [`neighbour_stage`](crate::qc::neighbour_stage).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use isd_dataset::Result;

use crate::qc::finding::Verdict;
use crate::qc::test::{About, Needs, Parameter, Run, Test};

/// The test.
pub struct CleanUp;

static ABOUT: About = About {
    name: "clean_up",
    needs: Needs::Series,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[0, 1, 2, 3, 4, 5, 6, 7],
    parameters: &[
        Parameter::new(
            "share",
            "%",
            60.0,
            "share of a month's values that are erroneous, beyond which the rest is suspect",
        ),
        Parameter::new("least_values", "", 20.0, "erroneous values of the month at least"),
    ],
    definition: "The rest of a month of which more than 60 % is erroneous: suspect. Suspect values do not count, so that no doubt \
                 spreads to other values.",
    source: "HadISD 3 (clean-up); the share is that of GHCNh; that only erroneous values count follows from an appraisal of GHCNh",
};

impl Test for CleanUp {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    /// `run.station` still has the values that are erroneous: it runs last.
    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let moments = run.station.moments();
        let month = |row: usize| moments[row].month_of_record();
        for &measurement in ABOUT.measurements {
            let mine = run.earlier.iter().filter(|finding| usize::from(finding.measurement) == measurement);
            let erroneous: BTreeSet<usize> = mine
                .filter(|finding| finding.verdict == Verdict::Erroneous)
                .map(|finding| finding.row as usize)
                .collect();
            let mut bad: BTreeMap<i32, usize> = BTreeMap::new();
            for &row in &erroneous {
                *bad.entry(month(row)).or_default() += 1;
            }
            let Some([share, least_values]) = run.parameters(measurement)? else { continue };
            bad.retain(|_, count| *count as f64 >= least_values);
            if bad.is_empty() {
                continue;
            }
            let rows: Vec<usize> =
                run.station.observed(measurement).iter().map(|&row| row as usize).collect();
            for rows in rows.chunk_by(|&a, &b| month(a) == month(b)) {
                let Some(&count) = bad.get(&month(rows[0])) else { continue };
                let part = 100.0 * count as f64 / rows.len() as f64;
                for &row in rows.iter().filter(|row| part > share && !erroneous.contains(row)) {
                    run.find(
                        measurement,
                        row,
                        Verdict::Suspect,
                        part,
                        (f64::NAN, share),
                        "most of the month is erroneous",
                    );
                }
            }
        }
        Ok(())
    }
}
