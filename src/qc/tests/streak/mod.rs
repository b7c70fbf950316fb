//! `streak`: a sensor that repeats itself.

mod repeated_day;
mod same_hour;
mod straight;

use isd_dataset::Result;

use crate::qc::station::Station;
use crate::qc::statistics::resolution;
use crate::qc::test::{
    About, DEW_POINT, Needs, PRESSURE, Parameter, Run, SKY, TEMPERATURE, Test, WIND_DIRECTION, WIND_SPEED,
};

/// The test.
pub struct Streak;

static ABOUT: About = About {
    name: "streak",
    needs: Needs::Variables,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE, WIND_DIRECTION, WIND_SPEED, SKY],
    parameters: &[
        Parameter::new("values", "", 24.0, "equal consecutive values of a resolution of 0.1")
            .with(&[(DEW_POINT, 48.0), (PRESSURE, 72.0)]),
        Parameter::new("values_of_halves", "", 30.0, "the same for a resolution of 0.5")
            .with(&[(DEW_POINT, 60.0), (PRESSURE, 100.0)]),
        Parameter::new("values_of_ones", "", 40.0, "the same for a resolution of 1")
            .with(&[(DEW_POINT, 80.0), (PRESSURE, 120.0)]),
        Parameter::new("days", "d", 7.0, "length of a streak that is found whatever its number of values")
            .with(&[(PRESSURE, 14.0)]),
        Parameter::new("gap", "h", 12.0, "time without a value that ends a streak"),
        Parameter::new(
            "calm",
            "value",
            -1.0e9,
            "values up to this are no evidence; up to twice this for a resolution of 1",
        )
        .with(&[(WIND_SPEED, 0.5)]),
        Parameter::new("same_hour_days", "d", 15.0, "consecutive days with the same value at the same hour")
            .with(&[(WIND_SPEED, 20.0)]),
        Parameter::new(
            "repeated_changes",
            "",
            12.0,
            "changes within the days that repeat the day before them at least",
        ),
    ],
    definition: "Straight: equal consecutive values, as many as the parameters say for the resolution that the station reports in, or \
                 over as many days; a gap or a calm ends it. Temperature and dew point at 0.0 degC or within 0.5 degC of each other \
                 (melting snow, fog) are no evidence. It is erroneous at twice that length, or where another variable changes \
                 meanwhile; else suspect. Same hour: the same value at the same hour of the day, with at most one day between \
                 two of them missing, where as many other values differ. Repeated day: a day or more of values that all equal those of \
                 24 h before, half of them having one, over enough changes, with the day before; wind direction and sky condition only \
                 where they repeat with another measurement. Halves take 4/3 of the days and 3/2 of the changes, whole values 5/3 and \
                 three times.",
    source: "HadISD 3 (streak checks, table of lengths); gaps, calms and what is no evidence follow from an appraisal of GHCNh. The \
             excess of streaks in a year needs ten years, and is left out",
};

/// Differences of temperature and dew point in saturated air, in degC.
const SATURATED: f64 = 0.5;

/// The parameters for one measurement, of the resolution that a station reports it in.
struct Lengths {
    /// Equal values of a streak.
    values: f64,
    days: f64,
    gap: f64,
    calm: f64,
    same_hour_days: f64,
    repeated_changes: f64,
}

impl Test for Streak {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let mut repeated = Vec::new();
        for &measurement in &[TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED] {
            let Some([tenths, halves, ones, days, gap, calm, same_hour_days, repeated_changes]) =
                run.parameters(measurement)?
            else {
                continue;
            };
            let values = run.values(measurement);
            let derived = run.derived.streak.get(&measurement).copied();
            let length = derived.unwrap_or_else(|| match resolution(values, calm) {
                1.0 => ones,
                0.5 => halves,
                _ => tenths,
            });
            run.derived.streak.insert(measurement, length);
            let coarse = if length >= ones {
                3.0
            } else if length >= halves {
                1.5
            } else {
                1.0
            };
            let calm = if length >= ones && calm > 0.0 { 2.0 * calm } else { calm };
            let repeated_changes = repeated_changes * coarse;
            // Coarser values repeat the sooner by chance: 15, 20 and 25 days, as in HadISD.
            let same_hour_days = same_hour_days
                * if coarse > 2.0 {
                    5.0 / 3.0
                } else if coarse > 1.0 {
                    4.0 / 3.0
                } else {
                    1.0
                };
            let lengths = Lengths { values: length, days, gap, calm, same_hour_days, repeated_changes };
            let rows = run.station.observed(measurement);
            straight::find(run, measurement, rows, &lengths);
            same_hour::find(run, measurement, rows, &lengths);
            repeated.extend(repeated_day::find(run, measurement, rows, &lengths));
        }
        for measurement in [WIND_DIRECTION, SKY] {
            if run.parameters::<8>(measurement)?.is_some() {
                let rows = run.station.observed(measurement);
                for span in &repeated {
                    repeated_day::follow(run, measurement, rows, span);
                }
            }
        }
        Ok(())
    }
}

/// Whether a value is no evidence of a sensor that is stuck: a temperature at the melting point, or in saturated air.
fn is_natural(station: &Station, measurement: usize, row: usize) -> bool {
    if measurement != TEMPERATURE && measurement != DEW_POINT {
        return false;
    }
    let Some(value) = station.value(measurement, row) else { return false };
    let other = if measurement == TEMPERATURE { DEW_POINT } else { TEMPERATURE };
    value == 0.0 || station.value(other, row).is_some_and(|other| (other - value).abs() <= SATURATED)
}
