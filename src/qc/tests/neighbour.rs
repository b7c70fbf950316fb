//! `neighbour`: values far from those of the stations around, at the same time.
//!
//! The comparison itself is [`neighbour_stage`](crate::qc::neighbour_stage), which has the values of other stations; this is what
//! the test says of itself.

use isd_dataset::Result;

use crate::qc::test::{About, DEW_POINT, Needs, PRESSURE, Parameter, Run, TEMPERATURE, Test, WIND_SPEED};

/// The test.
pub struct Neighbour;

static ABOUT: About = About {
    name: "neighbour",
    needs: Needs::Neighbours,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED],
    parameters: &[
        Parameter::new("radius", "km", 300.0, "distance of a neighbour at most")
            .with(&[(DEW_POINT, 100.0), (WIND_SPEED, 150.0)]),
        Parameter::new("height", "m", 300.0, "difference of elevation at most, where both are known"),
        Parameter::new("least_values", "", 3.0, "neighbours with a value at that time at least"),
        Parameter::new(
            "factor",
            "",
            5.0,
            "robust standard deviations of the difference, per month and three hours of the day",
        ),
        Parameter::new("least_spread", "value", 1.5, "least robust standard deviation").with(&[
            (DEW_POINT, 2.0),
            (PRESSURE, 1.5),
            (WIND_SPEED, 3.0),
        ]),
        Parameter::new(
            "agreement",
            "",
            2.0 / 3.0,
            "share of the neighbours that differ by half the limit on the same side, at least",
        ),
        Parameter::new(
            "release",
            "",
            4.5,
            "median absolute deviations of the neighbours from their median within which a value is released",
        ),
        Parameter::new("least_release", "value", 1.0, "least such deviation").with(&[(PRESSURE, 0.5)]),
        Parameter::new("tolerance", "h", 0.5, "time between the values of two stations at most"),
    ],
    definition: "The difference of a value from the median of its neighbours' values at that time, each lowered by its usual difference \
                 from the station in that month and three hours of the day. It is compared with the usual spread of that difference, \
                 derived without values that any test found, or that of the neighbours from each other where it is smaller, and two \
                 thirds of the neighbours must agree. Beyond its own spread and with evidence, a value is erroneous: a jump of half \
                 the difference, and half the limit of `spike`, when it is reached or left, twice the limit, or another test. Without evidence it is suspect, and \
                 found only where a neighbour within 50 km has a value; so is temperature with wind of 10 m/s, and low temperature with rain. Low pressure \
                 in an event is spared: wind of 15 m/s at the station or a neighbour within 6 h, or pressure that fell for hours. Dew \
                 point and wind are compared only where another test found the value. What other tests found suspect becomes \
                 erroneous; what rests on the station's own climatology is released within 4.5 median absolute deviations \
                 of the neighbours and two fifths of the limit, an isolated report as a whole only.",
    source: "HadISD 3 (neighbour outlier check and un-flagging), with robust spreads; the number of values, the radius of dew point and \
             the exemption of storms follow from an appraisal of GHCNh",
};

impl Test for Neighbour {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, _run: &mut Run<'_>) -> Result<()> {
        Ok(())
    }
}
