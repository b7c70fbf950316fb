//! Units of measurements: the spelling that a file has in, ISD's own units and how to get there out.
//!
//! Factors are exact by definition: the international nautical mile is 1852 m, the mile 1609.344 m,
//! the inch 25.4 mm, 0 degC is 273.15 K. Those of inches and millimetres of mercury are NIST's (SP 811).

use super::ExactDecimal;
use crate::Measurement;

/// An exact linear conversion: (value + `shift`) × `numerator` / `denominator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// Added first.
    pub shift: ExactDecimal,
    /// Multiplies the sum.
    pub numerator: i64,
    /// Divides the product.
    pub denominator: i64,
}

/// How units of a file relate to those of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// They are the measurement's units, perhaps spelled differently.
    Same,
    /// Values are converted from them.
    Convert(Conversion),
    /// There is no known conversion from them.
    Unknown,
}

/// A measurement's units, how others are spelled (see [`spelling`]), and the way from those.
type Known = (&'static str, &'static [&'static str], Units);

const KNOWN: [Known; 19] = [
    ("degC", &["degc", "c", "°c", "celsius", "degcelsius", "degreec", "degreecelsius"], Units::Same),
    ("degC", &["k", "kelvin", "degk", "degreek", "degreekelvin"], shifted(-27_315, 2, 1, 1)),
    (
        "degC",
        &["f", "°f", "degf", "degreef", "fahrenheit", "degfahrenheit", "degreefahrenheit"],
        shifted(-32, 0, 5, 9),
    ),
    ("hPa", &["hpa", "mbar", "mb", "millibar", "hectopascal"], Units::Same),
    ("hPa", &["pa", "pascal"], times(1, 100)),
    ("hPa", &["kpa", "kilopascal"], times(10, 1)),
    ("hPa", &["bar"], times(1_000, 1)),
    ("hPa", &["inhg", "inchhg", "inchofmercury", "incheofmercury"], times(3_386_389, 100_000)),
    ("hPa", &["mmhg", "torr", "millimeterofmercury"], times(1_333_224, 1_000_000)),
    (
        "m s-1",
        &[
            "ms-1",
            "m/s",
            "ms^-1",
            "ms**-1",
            "mps",
            "m/sec",
            "msec-1",
            "meterpersecond",
            "metrepersecond",
            "meter/second",
            "metre/second",
            "metersecond-1",
            "metresecond-1",
        ],
        Units::Same,
    ),
    ("m s-1", &["kt", "kts", "kn", "knot", "nauticalmile/hour", "nauticalmileperhour"], times(1_852, 3_600)),
    (
        "m s-1",
        &["km/h", "kmh-1", "km/hr", "kmhr-1", "kph", "kmperhour", "kilometerperhour", "kilometreperhour"],
        times(10, 36),
    ),
    ("m s-1", &["mph", "mile/hour", "mileperhour", "mi/h", "mih-1"], times(1_609_344, 3_600_000)),
    ("degree", &["degree", "deg", "degreetrue", "degree(true)", "degreet", "degtrue", "°"], Units::Same),
    ("mm", &["mm", "millimeter", "millimetre", "kgm-2", "kgm^-2", "kg/m2", "kg/m^2"], Units::Same),
    ("mm", &["m", "meter", "metre"], times(1_000, 1)),
    ("mm", &["cm", "centimeter", "centimetre"], times(10, 1)),
    ("mm", &["in", "inch", "inche"], times(254, 10)),
    ("1", &["1", "code", "okta", "octa", "unitless", "dimensionless", "none"], Units::Same),
];

const fn shifted(shift: i64, digits: u32, numerator: i64, denominator: i64) -> Units {
    Units::Convert(Conversion { shift: ExactDecimal { mantissa: shift, digits }, numerator, denominator })
}

const fn times(numerator: i64, denominator: i64) -> Units {
    shifted(0, 0, numerator, denominator)
}

/// Compares units that a file gives for a measurement with the measurement's own.
pub fn compare(measurement: &Measurement, found: &str) -> Units {
    let spelling = spelling(found);
    let known = KNOWN
        .iter()
        .find(|(own, spellings, _)| *own == measurement.units && spellings.contains(&spelling.as_str()));
    known.map_or(Units::Unknown, |(_, _, units)| *units)
}

/// The units of a column: those that its source states, or else those that the user gives with `--unit`.
///
/// # Errors
/// What was found, and what to do, where the two differ or the user's are none that the measurement can be converted from.
pub fn of_column(
    stated: Option<String>,
    given: Option<&str>,
    measurement: Option<&Measurement>,
) -> Result<Option<String>, (String, String)> {
    let Some(given) = given else { return Ok(stated) };
    if let Some(measurement) = measurement
        && compare(measurement, given) == Units::Unknown
    {
        let found = format!(
            "is to be in {given}, which has no known conversion to {}; expected {}",
            measurement.units,
            known_of(measurement).join(", ")
        );
        return Err((found, "correct --unit, or give the column another name with --column".to_owned()));
    }
    match stated {
        Some(stated) if !are_alike(&stated, given, measurement) => Err((
            format!("is in {stated}, but to be in {given}; expected the units that the source states"),
            "leave out --unit for this column".to_owned(),
        )),
        Some(stated) => Ok(Some(stated)),
        None => Ok(Some(given.to_owned())),
    }
}

/// Whether two units are the same, perhaps spelled differently.
fn are_alike(a: &str, b: &str, measurement: Option<&Measurement>) -> bool {
    let alike = |measurement: &Measurement| {
        let (a, b) = (compare(measurement, a), compare(measurement, b));
        a != Units::Unknown && a == b
    };
    spelling(a) == spelling(b) || measurement.is_some_and(alike)
}

/// A spelling of each of the units that a measurement can be converted from, its own first.
fn known_of(measurement: &Measurement) -> Vec<&'static str> {
    let others = KNOWN.iter().filter(|(own, _, units)| *own == measurement.units && *units != Units::Same);
    let others = others.filter_map(|(_, spellings, _)| spellings.first().copied());
    std::iter::once(measurement.units).chain(others).collect()
}

/// Units in lower case, without blanks, dots and underscores between words, and in the singular.
fn spelling(found: &str) -> String {
    let word = |word: &str| {
        let lower = word.to_lowercase();
        match lower.strip_suffix('s') {
            // Not of abbreviations such as ms, nor of Celsius.
            Some(singular) if singular.len() > 2 && !lower.ends_with("celsius") => singular.to_owned(),
            _ => lower,
        }
    };
    let words = found.trim().split(|c: char| c.is_whitespace() || matches!(c, '_' | '.' | '·'));
    words.map(|part| part.split('/').map(word).collect::<Vec<_>>().join("/")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(measurement: &str, found: &str) -> Units {
        compare(Measurement::named(measurement).unwrap(), found)
    }

    #[test]
    fn spellings() {
        for (measurement, found) in [
            ("air_temperature", "degrees Celsius"),
            ("air_temperature", "degree_Celsius"),
            ("air_temperature", "degC"),
            ("air_temperature", "°C"),
            ("dew_point_temperature", "deg_C"),
            ("sea_level_pressure", "millibars"),
            ("sea_level_pressure", "hPa"),
            ("wind_speed_rate", "m s-1"),
            ("wind_speed_rate", "m.s-1"),
            ("wind_speed_rate", "meters per second"),
            ("wind_speed_rate", "meters/second"),
            ("wind_direction", "degrees_true"),
            ("wind_direction", "degrees"),
            ("liquid_precipitation_1h", "kg m-2"),
        ] {
            assert_eq!(units(measurement, found), Units::Same, "{found}");
        }
        for (measurement, found) in [
            ("air_temperature", "K"),
            ("sea_level_pressure", "Pa"),
            ("wind_speed_rate", "knots"),
            ("wind_speed_rate", "kts"),
            ("wind_speed_rate", "miles/hour"),
            ("liquid_precipitation_6h", "inches"),
        ] {
            assert!(matches!(units(measurement, found), Units::Convert(_)), "{found}");
        }
        for (measurement, found) in [
            ("air_temperature", "hPa"),
            ("sea_level_pressure", "ftH2O"),
            ("wind_direction", "radian"),
            ("wind_speed_rate", "furlongs per fortnight"),
            ("liquid_precipitation_1h", "mm h-1"),
        ] {
            assert_eq!(units(measurement, found), Units::Unknown, "{found}");
        }
    }
}
