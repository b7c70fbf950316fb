//! The weather of one station: a schedule, a climate and storms in, the eight measurements out.
//!
//! They are as a perfect instrument would report them: without faults, and nothing is missing but what the station never
//! measures at that hour.

use std::f64::consts::TAU;

use super::climate::{Climate, SpeedUnit, TemperatureUnit};
use super::planted::spell::{LISTED_DEPARTURE_K, Spell, Spells};
use super::planted::storm::{Effect, LISTED_DROP_HPA, LISTED_WIND_M_S, Storm};
use super::planted::{Planted, PlantedKind};
use super::random::{Ar1, Rng, SmoothWave, exponential, normal, uniform};
use super::schedule::Schedule;

/// Number of measurements.
pub(super) const MEASUREMENTS: usize = isd_dataset::MEASUREMENTS.len();

// Where each measurement lies in `isd_dataset::MEASUREMENTS`.
pub(super) const AIR_TEMPERATURE: usize = 0;
pub(super) const DEW_POINT: usize = 1;
pub(super) const PRESSURE: usize = 2;
pub(super) const WIND_DIRECTION: usize = 3;
pub(super) const WIND_SPEED: usize = 4;
pub(super) const SKY: usize = 5;
pub(super) const RAIN_1H: usize = 6;
pub(super) const RAIN_6H: usize = 7;

/// The integer of a missing value, among ISD's stored integers as 16 bits.
pub(super) const MISSING: i16 = i16::MIN;

/// One station's reports as ISD's stored integers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reports {
    /// Hours since 1970-01-01T00:00Z, strictly ascending.
    pub hours: Vec<i32>,
    /// Values of each measurement, one a report; [`MISSING`] where there is none.
    pub columns: [Vec<i16>; MEASUREMENTS],
}

/// The weather of a cluster that is planted.
pub(super) struct PlantedWeather<'a> {
    pub storms: &'a [Storm],
    pub spells: &'a [Spell],
}

/// All reports of a schedule, and the values in which storms and spells are listed. `place_km` is how far east and north of
/// the cluster's centre the station lies.
pub(super) fn simulate(
    schedule: &Schedule,
    climate: &Climate,
    planted: &PlantedWeather<'_>,
    place_km: (f64, f64),
    rng: &mut Rng,
) -> (Reports, Vec<Planted>) {
    let rows = schedule.rows();
    let mut reports = Reports {
        hours: Vec::with_capacity(rows),
        columns: std::array::from_fn(|_| Vec::with_capacity(rows)),
    };
    let mut listed = Vec::new();
    let mut passes = Passes::new(planted.storms, place_km);
    let mut spells = Spells::new(planted.spells);
    let mut weather = Weather::new(climate, schedule.step_hours, rng);
    let (mut hour, _) = schedule.span_hours;
    for run in &schedule.runs {
        let end = run.first_hour + run.rows as i32 * schedule.step_hours;
        while hour < end {
            let (storm, spell) = (passes.at(hour), spells.at(hour));
            let departure = spell.map_or(0.0, |(_, departure)| departure);
            let report = weather.step(hour, storm.map(|(_, effect)| effect), departure, rng);
            // The weather goes on while the station does not report.
            if hour >= run.first_hour {
                let row = reports.hours.len();
                let mut list = |kind, measurement, event| {
                    listed.push(Planted { row, measurement, kind, event });
                };
                if let Some((storm, effect)) = storm {
                    if effect.drop_hpa >= LISTED_DROP_HPA {
                        list(PlantedKind::Storm, PRESSURE, storm);
                    }
                    if effect.wind_m_s >= LISTED_WIND_M_S {
                        list(PlantedKind::Storm, WIND_SPEED, storm);
                    }
                }
                if let Some((spell, departure)) = spell
                    && departure.abs() >= LISTED_DEPARTURE_K
                {
                    list(spell.kind(), AIR_TEMPERATURE, spell.number);
                }
                reports.hours.push(hour);
                for (column, value) in reports.columns.iter_mut().zip(report) {
                    column.push(value);
                }
            }
            hour += schedule.step_hours;
        }
    }
    (reports, listed)
}

/// The storms that are felt at one place, hour by hour in order of time.
struct Passes<'a> {
    /// First and last hour of each storm at the place, in order of time; none overlap.
    felt: Vec<(i32, i32, &'a Storm)>,
    /// The first of them that is not over.
    next: usize,
    place_km: (f64, f64),
}

impl<'a> Passes<'a> {
    fn new(storms: &'a [Storm], place_km: (f64, f64)) -> Self {
        let felt = storms
            .iter()
            .map(|storm| {
                let hours = storm.hours_felt(place_km);
                (hours.start.ceil() as i32, hours.end.floor() as i32, storm)
            })
            .collect();
        Self { felt, next: 0, place_km }
    }

    /// Number and effect of the storm at that hour since 1970, which must not be before the last one asked for.
    fn at(&mut self, hour: i32) -> Option<(usize, Effect)> {
        while let Some(&(first, last, storm)) = self.felt.get(self.next) {
            if hour < first {
                return None;
            }
            if hour <= last {
                return Some((storm.number, storm.effect(f64::from(hour), self.place_km)));
            }
            self.next += 1;
        }
        None
    }
}

/// The state of the weather over one station.
struct Weather<'a> {
    climate: &'a Climate,
    step_hours: i32,
    air_mass: SmoothWave,
    gust_of_warmth: Ar1,
    pressure: SmoothWave,
    wind: Ar1,
    veer: Ar1,
    humidity: Ar1,
    cloud: Ar1,
    speeds: Weibull,
    /// What the sun adds to temperature and wind in each hour UTC of a day, from -1 to 1.
    sun: [f64; 24],
    /// What the tide adds to the pressure in each hour UTC of a day, from -1 to 1.
    tide: [f64; 24],
    /// Day since 1970 that `season` is for.
    day: i32,
    /// [`season`] of that day and of the next one.
    season: (f64, f64),
    /// Rain of the last six steps, tenths of mm; the oldest is overwritten.
    rain: [i16; 6],
    /// Number of steps so far.
    steps: usize,
}

impl<'a> Weather<'a> {
    fn new(climate: &'a Climate, step_hours: i32, rng: &mut Rng) -> Self {
        let solar = |hour: usize| hour as f64 + climate.solar_offset_hours;
        Self {
            climate,
            step_hours,
            air_mass: SmoothWave::new(0.975, step_hours, rng),
            gust_of_warmth: Ar1::new(0.75, step_hours, rng),
            pressure: SmoothWave::new(0.97, step_hours, rng),
            wind: Ar1::new(0.92, step_hours, rng),
            veer: Ar1::new(0.97, step_hours, rng),
            humidity: Ar1::new(0.95, step_hours, rng),
            cloud: Ar1::new(0.93, step_hours, rng),
            speeds: Weibull::new(climate.wind_scale, climate.wind_shape),
            // Warmest at 15 h solar time; the pressure tide is highest at 10 and 22 h.
            sun: std::array::from_fn(|hour| ((solar(hour) - 15.0) * TAU / 24.0).cos()),
            tide: std::array::from_fn(|hour| ((solar(hour) - 10.0) * TAU / 12.0).cos()),
            day: i32::MIN,
            season: (0.0, 0.0),
            rain: [0; 6],
            steps: 0,
        }
    }

    /// The weather one step on, at `hour` since 1970, as ISD stores it.
    ///
    /// It is warmer than usual by `departure` kelvin.
    fn step(
        &mut self,
        hour: i32,
        storm: Option<Effect>,
        departure: f64,
        rng: &mut Rng,
    ) -> [i16; MEASUREMENTS] {
        let climate = self.climate;
        let (day, hour_of_day) = (hour.div_euclid(24), hour.rem_euclid(24) as usize);
        if day != self.day {
            self.day = day;
            self.season = (season(day), season(day + 1));
        }
        let season = self.season.0 + (self.season.1 - self.season.0) * hour_of_day as f64 / 24.0;
        let sun = self.sun[hour_of_day];

        let wave = self.pressure.step(rng);
        let cloud = 0.85 * self.cloud.step(rng) - 0.53 * wave + storm.map_or(0.0, |s| 0.08 * s.drop_hpa);
        let overcast = (0.5 + 0.4 * cloud).clamp(0.0, 1.0);

        let usual = climate.temperature_mean
            + climate.temperature_annual * season
            + climate.temperature_synoptic * self.air_mass.step(rng)
            + departure;
        let sunshine = climate.temperature_diurnal * (1.2 - 0.6 * overcast) * sun;
        let temperature = usual + sunshine + 0.35 * self.gust_of_warmth.step(rng);
        let rain = self.rain(cloud, storm, rng);
        let humid = climate.depression_mean * (1.0 - 0.5 * overcast)
            + 0.7 * sunshine
            + (0.6 + 0.25 * climate.depression_mean) * self.humidity.step(rng);
        let depression = if rain > 0 { 0.3 * humid } else { humid };

        let pressure = climate.pressure_mean - climate.pressure_annual * season
            + climate.pressure_synoptic * wave
            + climate.pressure_tide * self.tide[hour_of_day]
            - storm.map_or(0.0, |s| s.drop_hpa);

        let wind = 0.93 * self.wind.step(rng) - 0.37 * wave;
        let gusty = (1.0 + climate.wind_diurnal * sun) * self.speeds.at(wind);
        let speed = gusty + storm.map_or(0.0, |s| s.wind_m_s * uniform(rng, 0.85, 1.15));
        let veer = climate.wind_direction + 75.0 * self.veer.step(rng) + 40.0 * wave + 8.0 * normal(rng);
        let from =
            storm.filter(|s| s.wind_m_s > gusty).map_or(veer, |s| s.direction_deg + 10.0 * normal(rng));

        let temperature_tenths = temperature_tenths(temperature, climate.temperature_unit);
        // The air of a heat wave holds no more water than usual.
        let dew_point = temperature - depression.max(0.0) - departure.max(0.0);
        let dew_tenths =
            temperature_tenths.min(self::temperature_tenths(dew_point, climate.temperature_unit));
        let speed_tenths = speed_tenths(speed, climate.speed_unit);
        let tens = (from / 10.0).round().rem_euclid(36.0) as i16;
        let direction = if speed_tenths == 0 {
            0
        } else if tens == 0 {
            360
        } else {
            10 * tens
        };
        let synoptic = hour_of_day.is_multiple_of(6);
        [
            temperature_tenths,
            dew_tenths,
            (pressure * 10.0).round() as i16,
            direction,
            speed_tenths,
            sky_code(cloud),
            if self.step_hours == 1 { rain } else { MISSING },
            if synoptic { self.rain_of_six_hours() } else { MISSING },
        ]
    }

    /// Rain since the last step, tenths of mm.
    fn rain(&mut self, cloud: f64, storm: Option<Effect>, rng: &mut Rng) -> i16 {
        let excess = cloud - self.climate.rain_threshold;
        let tenths = if excess > 0.0 {
            let storm_factor = 1.0 + storm.map_or(0.0, |s| 0.1 * s.drop_hpa);
            let mean = 10.0 * f64::from(self.step_hours) * self.climate.rain_mean * storm_factor;
            // Less than half a tenth is a trace, which counts as none.
            exponential(rng, mean * (0.3 + excess)).round().min(600.0) as i16
        } else {
            0
        };
        let slot = self.steps % self.rain.len();
        self.rain[slot] = tenths;
        self.steps += 1;
        tenths
    }

    /// Rain of the last six hours, tenths of mm.
    fn rain_of_six_hours(&self) -> i16 {
        let steps = (6 / self.step_hours) as usize;
        let kept = self.rain.len();
        (1..=steps).map(|back| self.rain[(self.steps + kept - back) % kept]).sum()
    }
}

/// Where a day lies in the year: -1 in northern midwinter (about 20 January, the coldest day), 1 half a year later.
fn season(day_since_1970: i32) -> f64 {
    -((f64::from(day_since_1970) - 19.0) * TAU / 365.2425).cos()
}

/// Tenths of a degree Celsius that a station stores which reports in `unit`.
fn temperature_tenths(celsius: f64, unit: TemperatureUnit) -> i16 {
    match unit {
        TemperatureUnit::Tenths => (celsius * 10.0).round() as i16,
        TemperatureUnit::Celsius => 10 * celsius.round() as i16,
        TemperatureUnit::Fahrenheit => {
            let fahrenheit = (celsius * 1.8 + 32.0).round();
            ((fahrenheit - 32.0) / 0.18).round() as i16
        }
    }
}

/// Tenths of m/s that a station stores which reports in `unit`.
fn speed_tenths(metres_per_second: f64, unit: SpeedUnit) -> i16 {
    match unit {
        SpeedUnit::Knots => {
            let knots = (metres_per_second * 3_600.0 / 1_852.0).round() as i32;
            if knots < 3 { 0 } else { tenths_of_knots(knots) }
        }
        SpeedUnit::MetresPerSecond => 10 * metres_per_second.round() as i16,
        SpeedUnit::Tenths => (10.0 * metres_per_second).round() as i16,
    }
}

/// The tenths of m/s nearest to a number of knots (1852 m an hour), halves upwards.
pub(super) fn tenths_of_knots(knots: i32) -> i16 {
    ((knots * 18_520 + 1_800) / 3_600) as i16
}

/// ISD's sky condition code for a cloudiness that is standard normal; each code comes as often as in ISD-Lite.
fn sky_code(cloud: f64) -> i16 {
    const UP_TO: [(f64, i16); 8] =
        [(0.15, 0), (0.16, 1), (0.58, 2), (0.59, 3), (1.03, 4), (1.28, 6), (1.32, 7), (2.2, 8)];
    UP_TO.iter().find(|(limit, _)| cloud < *limit).map_or(9, |&(_, code)| code)
}

/// Turns standard normal numbers z into Weibull speeds, by a table: F⁻¹(Φ(z)) = scale (−ln(1 − Φ(z)))^(1/shape).
struct Weibull {
    /// Speeds in m/s at the ends of the intervals.
    speeds: [f64; Self::INTERVALS + 1],
}

impl Weibull {
    /// Intervals of the table, between which speeds are interpolated.
    const INTERVALS: usize = 180;
    /// The table reaches this many standard deviations to either side.
    const SPAN: f64 = 4.5;

    fn new(scale: f64, shape: f64) -> Self {
        let width = 2.0 * Self::SPAN / Self::INTERVALS as f64;
        let speeds = std::array::from_fn(|i| {
            let z = -Self::SPAN + width * i as f64;
            scale * (-upper_tail(z).ln()).powf(1.0 / shape)
        });
        Self { speeds }
    }

    /// The speed in m/s at `z`.
    fn at(&self, z: f64) -> f64 {
        let position =
            (z + Self::SPAN).clamp(0.0, 2.0 * Self::SPAN) * (Self::INTERVALS as f64 / (2.0 * Self::SPAN));
        let index = (position as usize).min(Self::INTERVALS - 1);
        let below = self.speeds[index];
        below + (self.speeds[index + 1] - below) * (position - index as f64)
    }
}

/// 1 − Φ(z), by Abramowitz and Stegun 26.2.17; the error is less than 7.5e-8.
fn upper_tail(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let polynomial = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-0.5 * z * z).exp() / TAU.sqrt() * polynomial;
    if z < 0.0 { 1.0 - tail } else { tail }
}
