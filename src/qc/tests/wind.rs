//! `wind`: speed and direction that do not go together.

use isd_dataset::Result;

use crate::qc::finding::Verdict;
use crate::qc::test::{About, Needs, Parameter, Run, Test, WIND_DIRECTION, WIND_SPEED};

/// The test.
pub struct Wind;

static ABOUT: About = About {
    name: "wind",
    needs: Needs::Variables,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[WIND_DIRECTION, WIND_SPEED],
    parameters: &[Parameter::new(
        "convention",
        "%",
        0.5,
        "share of the station's winds beyond which a combination is how the station reports",
    )],
    definition: "A negative speed, or a direction outside 0 to 360 degrees, is erroneous. A calm with a direction other than 0 or 360, \
                 and wind from direction 0, make the direction suspect, unless the station reports so often.",
    source: "HadISD 3 (wind logic); direction 360 at calm is a convention",
};

impl Test for Wind {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let station = run.station;
        if run.parameters::<1>(WIND_SPEED)?.is_some() {
            for (row, &speed) in run.values(WIND_SPEED).iter().enumerate().filter(|(_, speed)| **speed < 0.0)
            {
                run.find(WIND_SPEED, row, Verdict::Erroneous, speed, (0.0, f64::NAN), "a negative speed");
            }
        }
        let Some([convention]) = run.parameters(WIND_DIRECTION)? else { return Ok(()) };
        let (mut winds, mut at_calm, mut from_zero) = (0_usize, Vec::new(), Vec::new());
        for (row, &direction) in run.values(WIND_DIRECTION).iter().enumerate() {
            if !(0.0..=360.0).contains(&direction) && !direction.is_nan() {
                let limits = (0.0, 360.0);
                run.find(WIND_DIRECTION, row, Verdict::Erroneous, direction, limits, "no direction");
                continue;
            }
            let Some(speed) = station.value(WIND_SPEED, row).filter(|_| !direction.is_nan()) else {
                continue;
            };
            winds += 1;
            if speed == 0.0 && direction != 0.0 && direction != 360.0 {
                at_calm.push(row);
            } else if speed > 0.0 && direction == 0.0 {
                from_zero.push(row);
            }
        }
        if !station.has(WIND_SPEED) {
            run.not_run(WIND_DIRECTION, "the station has no wind speed");
        }
        for (rows, detail) in [(at_calm, "a direction at calm"), (from_zero, "wind without a direction")] {
            if rows.len() as f64 * 100.0 <= convention * winds as f64 {
                for row in rows {
                    let speed = station.value(WIND_SPEED, row).unwrap_or(f64::NAN);
                    run.find(WIND_DIRECTION, row, Verdict::Suspect, speed, (f64::NAN, f64::NAN), detail);
                }
            }
        }
        Ok(())
    }
}
