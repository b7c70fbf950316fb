//! `frequent_value`: a value that a station reports far more often than those around it.

use std::collections::BTreeMap;

use isd_dataset::Result;

use crate::qc::finding::Verdict;
use crate::qc::statistics::resolution;
use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test};

/// The test.
pub struct FrequentValue;

static ABOUT: About = About {
    name: "frequent_value",
    needs: Needs::Climatology,
    by_default: true,
    released_by_neighbours: true,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE],
    parameters: &[
        Parameter::new("least_values", "", 500.0, "values of the record at least"),
        Parameter::new(
            "record_share",
            "",
            0.3,
            "share of seven consecutive bins that the middle one holds in the record at least",
        ),
        Parameter::new(
            "share",
            "",
            0.5,
            "share of seven consecutive bins that the middle one holds in a year at least",
        ),
        Parameter::new("least_in_bin", "", 30.0, "values of that bin in the record at least"),
        Parameter::new("least_in_year", "", 20.0, "values of that bin in a year at least"),
        Parameter::new("sure_share", "", 0.9, "share with which ten values in a year are enough"),
    ],
    definition: "Values in bins of 0.5 (1 where whole values are reported). A bin is frequent if it is the largest of the seven around \
                 it, holds three tenths of their values and 30 of the record. In each year of more than 100 values in which it holds half \
                 of them and 20, or nine tenths and 10, its values are found.",
    source: "HadISD 3 (frequent value check), whole record, half of whose values are asked for there; the seasons are left out",
};

/// Values that a year has at least to be judged, and values of a bin that are enough for the sure share.
const YEAR_VALUES: usize = 100;
const SURE_VALUES: usize = 10;

type Bins = BTreeMap<i64, usize>;

/// The values of a bin, and those of the seven around it; `None` where another of the seven is larger.
fn share(bins: &Bins, bin: i64) -> Option<(usize, usize)> {
    let own = bins.get(&bin).copied()?;
    let around = || bins.range(bin - 3..=bin + 3).map(|(_, &count)| count);
    (around().max() == Some(own)).then(|| (own, around().sum()))
}

impl Test for FrequentValue {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        for &measurement in ABOUT.measurements {
            let Some([least_values, record_share, least_share, in_bin, in_year, sure]) =
                run.parameters(measurement)?
            else {
                continue;
            };
            let (station, values) = (run.station, run.values(measurement));
            let rows = station.observed(measurement);
            if (rows.len() as f64) < least_values {
                run.not_run(measurement, "too few values");
                continue;
            }
            let width = resolution(rows.iter().map(|&row| values[row as usize])).max(0.5);
            let bin = |row: u32| (values[row as usize] / width).floor() as i64;
            let mut bins = Bins::new();
            for &row in &rows {
                *bins.entry(bin(row)).or_default() += 1;
            }
            let frequent = |(&bin, _): (&i64, &usize)| {
                let (own, around) = share(&bins, bin)?;
                (own as f64 >= record_share * around as f64 && own as f64 >= in_bin).then_some(bin)
            };
            let frequent: Vec<i64> = bins.iter().filter_map(frequent).collect();
            if frequent.is_empty() {
                continue;
            }
            let year = |row: u32| station.moments()[row as usize].year;
            for rows in rows.chunk_by(|&a, &b| year(a) == year(b)).filter(|rows| rows.len() > YEAR_VALUES) {
                let mut bins = Bins::new();
                for &row in rows {
                    *bins.entry(bin(row)).or_default() += 1;
                }
                for &frequent in &frequent {
                    let Some((own, around)) = share(&bins, frequent) else { continue };
                    let part = own as f64 / around as f64;
                    if part >= least_share && own as f64 >= in_year || part >= sure && own >= SURE_VALUES {
                        for &row in rows.iter().filter(|&&row| bin(row) == frequent) {
                            let detail = format!("{own} such values in the year");
                            run.find(
                                measurement,
                                row as usize,
                                Verdict::Suspect,
                                part,
                                (f64::NAN, least_share),
                                detail,
                            );
                        }
                    }
                }
            }
        }
        Ok(())
    }
}
