//! `world_record`: values beyond what was ever measured in a part of the world.

use isd_dataset::Result;
use isd_dataset::geography::Position;

use crate::qc::finding::Verdict;
use crate::qc::test::{
    About, DEW_POINT, Needs, PRESSURE, Parameter, RAIN_1H, RAIN_6H, Run, TEMPERATURE, Test, WIND_SPEED,
};

/// The test.
pub struct WorldRecord;

static ABOUT: About = About {
    name: "world_record",
    needs: Needs::Series,
    by_default: true,
    released_by_neighbours: false,
    measurements: &[TEMPERATURE, DEW_POINT, PRESSURE, WIND_SPEED, RAIN_1H, RAIN_6H],
    parameters: &[
        Parameter::new("least", "value", f64::NEG_INFINITY, "least value ever measured anywhere").with(&[
            (TEMPERATURE, -89.2),
            (DEW_POINT, -100.0),
            (PRESSURE, 870.0),
            (WIND_SPEED, 0.0),
            (RAIN_1H, 0.0),
            (RAIN_6H, 0.0),
        ]),
        Parameter::new("most", "value", f64::INFINITY, "greatest value ever measured anywhere").with(&[
            (TEMPERATURE, 56.7),
            (DEW_POINT, 56.7),
            (PRESSURE, 1083.3),
            (WIND_SPEED, 113.2),
            (RAIN_1H, 305.0),
            (RAIN_6H, 1144.0),
        ]),
        Parameter::new(
            "doubtful",
            "value",
            f64::INFINITY,
            "value beyond which a measurement is suspect outright",
        )
        .with(&[(WIND_SPEED, 50.0)]),
        Parameter::new(
            "regional",
            "",
            1.0,
            "1: the records of the station's part of the world, where its place is known; 0: no",
        ),
    ],
    definition: "A value below the least or above the greatest that was ever measured, in the station's part of the world where its \
                 place is known, is erroneous. Wind above 50 m/s is suspect.",
    source: "HadISD 3 and GHCNh (table of records); WMO archive of extremes for Europe (48.8 degC), Greenland (-69.6 degC), \
             Antarctica (18.3 degC) and the Pacific (-25.6 degC); WeatherReal (precipitation)",
};

/// Records of temperature and the least dew point of a part of the world, in degC.
struct Region {
    name: &'static str,
    most: f64,
    least: f64,
    least_dew_point: f64,
}

const fn region(name: &'static str, most: f64, least: f64, least_dew_point: f64) -> Region {
    Region { name, most, least, least_dew_point }
}

static AFRICA: Region = region("Africa", 55.0, -23.9, -50.0);
static ASIA: Region = region("Asia", 53.9, -67.8, -100.0);
static SOUTH_AMERICA: Region = region("South America", 48.9, -32.8, -60.0);
static NORTH_AMERICA: Region = region("North America", 56.7, -69.6, -100.0);
static EUROPE: Region = region("Europe", 48.8, -58.1, -100.0);
static PACIFIC: Region = region("the Pacific", 50.7, -25.6, -50.0);
static ANTARCTICA: Region = region("Antarctica", 18.3, -89.2, -100.0);

/// Boxes in degrees: least and greatest latitude, least and greatest longitude. They leave out where continents meet, so that a
/// place in none of them, or in two, has the records of the world.
static BOXES: [(f64, f64, f64, f64, &Region); 13] = [
    (-90.0, -60.0, -180.0, 180.0, &ANTARCTICA),
    (-56.0, 7.0, -82.0, -34.0, &SOUTH_AMERICA),
    (15.0, 84.0, -170.0, -52.0, &NORTH_AMERICA),
    (59.0, 84.0, -52.0, -25.0, &NORTH_AMERICA),
    (-35.0, 30.0, -18.0, 32.0, &AFRICA),
    (-35.0, 11.0, 32.0, 52.0, &AFRICA),
    (37.5, 72.0, -11.0, 26.0, &EUROPE),
    (63.0, 67.0, -25.0, -13.0, &EUROPE),
    (46.0, 72.0, 26.0, 45.0, &EUROPE),
    (5.0, 45.0, 62.0, 150.0, &ASIA),
    (45.0, 78.0, 62.0, 180.0, &ASIA),
    (-50.0, -11.0, 110.0, 180.0, &PACIFIC),
    (-30.0, 14.0, -180.0, -120.0, &PACIFIC),
];

/// The part of the world that a position lies in; `None` where it is not told apart from another.
fn region_of(position: Position) -> Option<&'static Region> {
    let Position { latitude, longitude } = position;
    let holds = |&&(south, north, west, east, _): &&(f64, f64, f64, f64, &Region)| {
        (south..north).contains(&latitude) && (west..=east).contains(&longitude)
    };
    BOXES.iter().find(holds).map(|found| found.4)
}

impl Test for WorldRecord {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn run(&self, run: &mut Run<'_>) -> Result<()> {
        let region = run.station.position().and_then(region_of);
        for &measurement in ABOUT.measurements {
            let Some([mut least, mut most, doubtful, regional]) = run.parameters(measurement)? else {
                continue;
            };
            let mut name = "the world";
            if let Some(region) = region.filter(|_| regional != 0.0) {
                let records = match measurement {
                    TEMPERATURE => Some((region.least, region.most)),
                    DEW_POINT => Some((region.least_dew_point, region.most)),
                    _ => None,
                };
                if let Some((low, high)) = records {
                    (least, most, name) = (least.max(low), most.min(high), region.name);
                }
            }
            for (row, &value) in run.values(measurement).iter().enumerate() {
                if value < least || value > most {
                    let detail = format!("beyond the records of {name}");
                    run.find(measurement, row, Verdict::Erroneous, value, (least, most), detail);
                } else if value > doubtful {
                    run.find(
                        measurement,
                        row,
                        Verdict::Suspect,
                        value,
                        (least, doubtful),
                        "hardly ever measured",
                    );
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lie_in_their_part_of_the_world() {
        let name =
            |latitude, longitude| region_of(Position { latitude, longitude }).map(|region| region.name);
        assert_eq!(name(45.5, -73.6), Some("North America"));
        assert_eq!(name(48.1, 11.6), Some("Europe"));
        assert_eq!(name(62.0, 129.7), Some("Asia"));
        assert_eq!(name(-77.8, 166.7), Some("Antarctica"));
        assert_eq!(name(-90.0, 0.0), Some("Antarctica"));
        assert_eq!(name(-33.9, 151.2), Some("the Pacific"));
        assert_eq!(name(-23.5, -46.6), Some("South America"));
        assert_eq!(name(30.0, 31.2), None);
        assert_eq!(name(25.0, 0.0), Some("Africa"));
        assert_eq!(name(0.0, -160.0), Some("the Pacific"));
    }
}
