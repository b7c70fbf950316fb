//! The first stage: stations in, what the tests of single stations find out.

use std::collections::BTreeMap;
use std::sync::Arc;

use isd_dataset::Result;

use crate::qc::CATALOGUE;
use crate::qc::derived::Derived;
use crate::qc::finding::{Finding, Verdict};
use crate::qc::settings::{Settings, test_index};
use crate::qc::station::Station;
use crate::qc::test::{Needs, Run};

/// How many stations a test could not act on, by test, measurement and reason.
pub type NotRun = BTreeMap<(usize, usize, &'static str), usize>;

/// What was found of one station.
#[derive(Debug, Clone)]
pub struct StationFindings {
    /// `station_id`.
    pub id: Arc<str>,
    /// Number of values by measurement.
    pub values: [u64; isd_dataset::MEASUREMENTS.len()],
    /// What was found, in the order of the tests.
    pub findings: Vec<Finding>,
    /// What was derived from its record.
    pub derived: Derived,
}

/// Runs the tests of single stations over one station, in the order of the catalogue. Later tests do not see what earlier ones
/// found erroneous. `derived` holds what was derived from the station's record before; it is empty for a station that is new.
///
/// # Errors
/// An internal one: settings that are not the tests'.
pub fn test_station(
    mut station: Station,
    settings: &Settings,
    derived: Derived,
    not_run: &mut NotRun,
) -> Result<StationFindings> {
    let values = std::array::from_fn(|measurement| {
        station.values(measurement).iter().filter(|value| !value.is_nan()).count() as u64
    });
    let mut result = StationFindings { id: Arc::clone(station.id()), values, findings: Vec::new(), derived };
    let clean_up = test_index("clean_up");
    for (index, test) in CATALOGUE.iter().enumerate() {
        if test.about().needs == Needs::Neighbours || Some(index) == clean_up || !settings.runs(index) {
            continue;
        }
        let found = run_test(index, &station, settings, &result.findings, &mut result.derived, not_run)?;
        for finding in found.iter().filter(|finding| finding.verdict == Verdict::Erroneous) {
            station.hide(usize::from(finding.measurement), finding.row as usize);
        }
        result.findings.extend(found);
    }
    // Of all stations they are in memory together.
    result.findings.shrink_to_fit();
    Ok(result)
}

/// Runs one test over a station, of which `earlier` was found before; one finding a value, the gravest.
///
/// # Errors
/// An internal one: settings that are not the test's.
pub fn run_test(
    index: usize,
    station: &Station,
    settings: &Settings,
    earlier: &[Finding],
    derived: &mut Derived,
    not_run: &mut NotRun,
) -> Result<Vec<Finding>> {
    let Some(test) = CATALOGUE.get(index) else { return Ok(Vec::new()) };
    let (mut found, mut reasons) = (Vec::new(), Vec::new());
    let mut run =
        Run { station, settings, test: index, earlier, derived, found: &mut found, not_run: &mut reasons };
    test.run(&mut run)?;
    for (measurement, why) in reasons {
        *not_run.entry((index, measurement, why)).or_default() += 1;
    }
    // Parts of a test may find the same value.
    found.sort_by(|a, b| (a.measurement, a.row).cmp(&(b.measurement, b.row)).then(b.verdict.cmp(&a.verdict)));
    found.dedup_by_key(|finding| (finding.measurement, finding.row));
    Ok(found)
}
