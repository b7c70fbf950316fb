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

/// Bins that are counted side by side.
const PAGE: i64 = 16;

/// Number of values by bin.
struct Bins(BTreeMap<i64, [u32; PAGE as usize]>);

impl Bins {
    /// Counts a series' bins, of which several after each other mostly stand on one page.
    fn of(bins: &[i64]) -> Self {
        let mut pages = BTreeMap::new();
        for run in bins.chunk_by(|&a, &b| page(a).0 == page(b).0) {
            let counts = pages.entry(page(run[0]).0).or_insert([0; PAGE as usize]);
            for &bin in run {
                counts[page(bin).1] += 1;
            }
        }
        Self(pages)
    }

    fn count(&self, bin: i64) -> usize {
        let (number, place) = page(bin);
        self.0.get(&number).map_or(0, |counts| counts[place] as usize)
    }

    /// The values of a bin, and those of the seven around it; `None` where another of the seven is larger, or it is empty.
    fn share(&self, bin: i64) -> Option<(usize, usize)> {
        let own = self.count(bin);
        let around = bin - 3..=bin + 3;
        let (most, all) = around.fold((0, 0), |(most, all), other| {
            let count = self.count(other);
            (most.max(count), all + count)
        });
        (own > 0 && most == own).then_some((own, all))
    }

    /// The bins with values, in order.
    fn with_values(&self) -> impl Iterator<Item = i64> {
        self.0.iter().flat_map(|(number, counts)| {
            let bins = (number * PAGE - PAGE / 2..).zip(counts);
            bins.filter(|(_, count)| **count > 0).map(|(bin, _)| bin)
        })
    }
}

/// The page of a bin, and its place there.
fn page(bin: i64) -> (i64, usize) {
    let from_first = bin + PAGE / 2;
    (from_first.div_euclid(PAGE), from_first.rem_euclid(PAGE) as usize)
}

/// The bin of a value of that many widths, of which all beyond 2^50 are in the last one. A function of the mathematical library
/// takes longer.
fn bin(widths: f64) -> i64 {
    const LAST: f64 = (1_u64 << 50) as f64;
    let widths = widths.clamp(-LAST, LAST);
    let whole = widths as i64;
    whole - i64::from(whole as f64 > widths)
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
            let width = resolution(values, f64::NEG_INFINITY).max(0.5);
            let bins: Vec<i64> = rows.iter().map(|&row| bin(values[row as usize] / width)).collect();
            let record = Bins::of(&bins);
            let is_frequent = |&bin: &i64| {
                let share = record.share(bin);
                share.is_some_and(|(own, around)| {
                    own as f64 >= record_share * around as f64 && own as f64 >= in_bin
                })
            };
            let frequent: Vec<i64> = record.with_values().filter(is_frequent).collect();
            if frequent.is_empty() {
                continue;
            }
            let year = |row: u32| station.moments()[row as usize].year;
            let mut rest = bins.as_slice();
            for rows in rows.chunk_by(|&a, &b| year(a) == year(b)) {
                let (bins, later) = rest.split_at(rows.len());
                rest = later;
                if rows.len() <= YEAR_VALUES {
                    continue;
                }
                let counts = Bins::of(bins);
                for &frequent in &frequent {
                    let Some((own, around)) = counts.share(frequent) else { continue };
                    let part = own as f64 / around as f64;
                    if part >= least_share && own as f64 >= in_year || part >= sure && own >= SURE_VALUES {
                        for (&row, _) in rows.iter().zip(bins).filter(|(_, bin)| **bin == frequent) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bins_begin_at_their_least_value() {
        assert_eq!([0.0, 0.99, 1.0, -0.01, -1.0, -1.5].map(bin), [0, 0, 1, -1, -1, -2]);
        assert_eq!([f64::MAX, f64::MIN].map(|widths| bin(widths).abs()), [1 << 50; 2]);
    }

    proptest! {
        #[test]
        fn pages_count_what_a_list_holds(
            bins in prop::collection::vec(prop_oneof![-5_i64..5, -19..-13_i64, 5..11_i64, any::<i32>().prop_map(i64::from)], 0..80),
        ) {
            let pages = Bins::of(&bins);
            let count = |bin: i64| bins.iter().filter(|&&other| other == bin).count();
            let mut distinct = bins.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(pages.with_values().collect::<Vec<_>>(), distinct.clone());
            for bin in distinct.into_iter().flat_map(|bin| [bin, bin + 1]) {
                let around: Vec<usize> = (bin - 3..=bin + 3).map(count).collect();
                let share = (count(bin), around.iter().sum());
                let expected = (share.0 > 0 && around.iter().max() == Some(&share.0)).then_some(share);
                prop_assert_eq!(pages.share(bin), expected);
            }
        }
    }
}
