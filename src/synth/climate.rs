//! The climate of a station and the units that it reports in: its position in, the parameters of its weather out.

use rand::RngExt;

use super::network::Station;
use super::random::{Rng, chance, uniform};

/// How a station reports wind speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpeedUnit {
    /// Whole knots, stored as the nearest tenth of m/s; below three knots is calm.
    Knots,
    /// Whole m/s.
    MetresPerSecond,
    /// Tenths of m/s.
    Tenths,
}

/// How a station reports temperatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TemperatureUnit {
    /// Tenths of a degree Celsius.
    Tenths,
    /// Whole degrees Celsius.
    Celsius,
    /// Whole degrees Fahrenheit, stored as the nearest tenth of a degree Celsius.
    Fahrenheit,
}

/// What a station's weather is like on average, and how it reports it.
#[derive(Debug, Clone)]
pub(super) struct Climate {
    /// Annual mean, degC.
    pub temperature_mean: f64,
    /// Half the difference of summer and winter, degC; negative south of the equator.
    pub temperature_annual: f64,
    /// Half the difference of afternoon and night, degC, on an average day.
    pub temperature_diurnal: f64,
    /// Standard deviation of air masses, degC.
    pub temperature_synoptic: f64,
    /// Annual mean at sea level, hPa.
    pub pressure_mean: f64,
    /// Winter's excess, hPa; negative south of the equator.
    pub pressure_annual: f64,
    /// Standard deviation of highs and lows, hPa.
    pub pressure_synoptic: f64,
    /// Amplitude of the twelve-hour tide, hPa.
    pub pressure_tide: f64,
    /// Weibull scale, m/s.
    pub wind_scale: f64,
    /// Weibull shape.
    pub wind_shape: f64,
    /// Share of the mean speed that the afternoon adds.
    pub wind_diurnal: f64,
    /// Prevailing direction, degrees.
    pub wind_direction: f64,
    /// Mean dew point depression, degC.
    pub depression_mean: f64,
    /// Cloudiness (standard normal) above which it rains.
    pub rain_threshold: f64,
    /// Mean rain of a rainy hour, mm.
    pub rain_mean: f64,
    /// Local solar time less UTC, hours.
    pub solar_offset_hours: f64,
    /// How it reports wind speed.
    pub speed_unit: SpeedUnit,
    /// How it reports temperatures.
    pub temperature_unit: TemperatureUnit,
}

impl Climate {
    /// A climate for the station's position and elevation.
    pub(super) fn new(station: &Station, rng: &mut Rng) -> Self {
        let latitude = station.latitude_deg.abs();
        let (inland, polar) = (station.continentality, (latitude / 60.0).min(1.3));
        let hemisphere = if station.latitude_deg < 0.0 { -1.0 } else { 1.0 };
        // The mean falls with the square of the latitude and by 6 K a km of elevation; seas keep high latitudes mild.
        let temperature_mean = 27.5 - 0.0082 * latitude * latitude + 5.0 * (1.0 - inland) * polar * polar
            - 0.006 * station.elevation_m
            + uniform(rng, -1.0, 1.0);
        let exposed = uniform(rng, 0.7, 1.3) * (1.2 - 0.35 * inland);
        let speed_unit = match rng.random_range(0..20) {
            0..10 => SpeedUnit::Knots,
            10..17 => SpeedUnit::MetresPerSecond,
            _ => SpeedUnit::Tenths,
        };
        let temperature_unit = match rng.random_range(0..20) {
            0..12 => TemperatureUnit::Tenths,
            12..16 => TemperatureUnit::Celsius,
            _ => TemperatureUnit::Fahrenheit,
        };
        let arid = uniform(rng, 0.0, 1.0) * (0.4 + 0.6 * inland);
        Self {
            temperature_mean,
            temperature_annual: hemisphere * (0.6 + 0.28 * latitude) * (0.45 + 0.75 * inland),
            temperature_diurnal: 1.6 + 3.4 * inland + 2.0 * arid,
            temperature_synoptic: 0.9 + 0.055 * latitude,
            pressure_mean: 1_013.0 + 4.0 * (-((latitude - 32.0) / 14.0).powi(2)).exp() - 3.0 * polar,
            pressure_annual: hemisphere * 6.0 * inland,
            pressure_synoptic: 1.6 + 0.14 * latitude,
            pressure_tide: 1.2 * latitude.to_radians().cos().powi(2),
            wind_scale: (2.6 + 1.6 * polar) * exposed,
            wind_shape: uniform(rng, 1.6, 2.2),
            wind_diurnal: 0.1 + 0.25 * inland,
            wind_direction: uniform(rng, 0.0, 360.0),
            depression_mean: 2.5 + 9.0 * arid,
            rain_threshold: 1.1 + 1.0 * arid + if chance(rng, 0.2) { 0.3 } else { 0.0 },
            rain_mean: 0.8 + 1.6 * (1.0 - polar).max(0.0),
            solar_offset_hours: station.longitude_deg / 15.0,
            speed_unit,
            temperature_unit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::station;
    use super::super::options::SynthOptions;
    use super::super::random::{Purpose, generator};
    use super::*;

    #[test]
    fn climates_of_the_whole_earth_are_those_of_the_earth() {
        let options = SynthOptions { stations: 2_000, ..SynthOptions::default() };
        for index in 0..2_000 {
            let station = station(&options, index);
            let climate = Climate::new(&station, &mut generator(1, Purpose::Weather, index));
            assert!((-20.0..33.0).contains(&climate.temperature_mean), "{station:?} {climate:?}");
            assert!(climate.temperature_annual.abs() < 26.0, "{climate:?}");
            assert!((1_005.0..1_020.0).contains(&climate.pressure_mean), "{climate:?}");
            assert!((1.5..7.0).contains(&climate.wind_scale), "{climate:?}");
        }
    }
}
