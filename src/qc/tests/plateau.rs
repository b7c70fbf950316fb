//! `plateau`: hours at another level, left and reached again by jumps.

use isd_dataset::Result;

use crate::qc::finding::Verdict;
use crate::qc::settings::test_index;
use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test};
use crate::qc::tests::spike::{Excursion, Series, derive, spared};

/// The test.
pub struct Plateau;

static ABOUT: About = About {
    name: "plateau",
    needs: Needs::Variables,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE],
    parameters: &[
        Parameter::new("length", "h", 24.0, "time from the value before it to the value after it at most"),
        Parameter::new(
            "steady",
            "",
            0.25,
            "share of the limit within which the values of an erroneous plateau lie",
        ),
    ],
    definition: "Values within 24 h that are left and reached again by changes of opposite sign, each beyond the \
                 limit of `spike`. Within, changes are below half that limit, or values are missing; the value after \
                 it lies nearer the one before it than half the jump. Two and more values of temperature or pressure \
                 within a quarter of the limit of each other are erroneous, others suspect; dew point is suspect \
                 where it is as steady, and else not found. Of plateaus right behind each other, at levels that take \
                 turns, none is more than suspect. What comes with weather is spared as in `spike`.",
    source: "Follows from hours of cold bias in Canada that no test of HadISD or GHCNh finds; the limits are those of `spike`",
};

impl Test for Plateau {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let spike = test_index("spike").unwrap_or(usize::MAX);
        for measurement in crate::qc::tests::spike::MEASURED {
            derive(run.station, run.settings, run.derived, measurement)?;
        }
        for &measurement in ABOUT.measurements {
            let Some([length, steady]) = run.parameters(measurement)? else { continue };
            let [_, _, _, reach, spare] = run.settings.values(spike, measurement)?;
            let Some(limits) = run.derived.spike.get(&measurement).cloned() else { continue };
            let series = Series {
                station: run.station,
                rows: run.station.observed(measurement),
                measurement,
                limits,
                reach,
            };
            let plateaus = plateaus(&series, length);
            for (number, plateau) in plateaus.iter().enumerate() {
                if spare != 0.0 && spared(run.station, run.derived, &series, plateau) {
                    continue;
                }
                let values = (plateau.first..=plateau.last).map(|at| series.value(at));
                let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                    (low.min(value), high.max(value))
                });
                let is_steady = most - least <= steady * plateau.limit && plateau.last > plateau.first;
                // Dry air comes and goes by jumps, but is never as steady as an instrument that fails.
                if measurement == DEW_POINT && !is_steady {
                    continue;
                }
                let follows =
                    number.checked_sub(1).is_some_and(|before| plateaus[before].last + 1 == plateau.first);
                let is_followed = plateaus.get(number + 1).is_some_and(|next| plateau.last + 1 == next.first);
                let sure = is_steady && measurement != DEW_POINT && !follows && !is_followed;
                let verdict = if sure { Verdict::Erroneous } else { Verdict::Suspect };
                let level = series.value(plateau.first - 1);
                for at in plateau.first..=plateau.last {
                    let limits = (level - plateau.limit, level + plateau.limit);
                    run.find(measurement, series.rows[at] as usize, verdict, series.value(at), limits, "");
                }
            }
        }
        Ok(())
    }
}

/// All plateaus, in order of time.
fn plateaus(series: &Series<'_>, length: f64) -> Vec<Excursion> {
    let least = series.limits.least();
    let (mut plateaus, mut at) = (Vec::new(), 1);
    while at < series.rows.len() {
        let plateau = if series.is_jump(at, least) { plateau_from(series, at, length) } else { None };
        at = plateau.map_or(at, |plateau| plateau.last) + 1;
        plateaus.extend(plateau);
    }
    plateaus
}

/// The plateau whose first value is at that position among the observed ones.
fn plateau_from(series: &Series<'_>, first: usize, length: f64) -> Option<Excursion> {
    let (change, limit) = series.change(first).filter(|(change, limit)| change.abs() >= *limit)?;
    let before = series.rows[first - 1] as usize;
    for last in first..series.rows.len() - 1 {
        if last > first && !series.is_quiet(last, 0.5) {
            return None;
        }
        if series.station.hours_between(before, series.rows[last + 1] as usize) > length {
            return None;
        }
        let Some((back, back_limit)) = series.change(last + 1) else { continue };
        if back.abs() < back_limit || (back > 0.0) == (change > 0.0) {
            continue;
        }
        let returned = (series.value(last + 1) - series.value(first - 1)).abs() <= 0.5 * change.abs();
        return returned.then_some(Excursion { first, last, change, limit, at_gap: false });
    }
    None
}
