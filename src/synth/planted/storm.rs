//! Storms: a cluster and a span of time in, moving lows out, and what each does at a station.

use crate::synth::random::{Purpose, exponential, generator, uniform};

/// Mean of the days between storms of one cluster that come on top of [`MIN_DAYS_BETWEEN`].
const MEAN_DAYS_BETWEEN: f64 = 85.0;

/// Fewest days between storms of one cluster, so that none meets another.
const MIN_DAYS_BETWEEN: f64 = 5.0;

/// Distance in core radii from which on a storm is not felt.
const REACH: f64 = 6.0;

/// Pressure drop from which a row is listed as part of a storm.
pub(in crate::synth) const LISTED_DROP_HPA: f64 = 4.0;

/// Rise of the wind from which a row is listed as part of a storm.
pub(in crate::synth) const LISTED_WIND_M_S: f64 = 6.0;

/// An area of low pressure that crosses a cluster on a straight line.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::synth) struct Storm {
    /// Its number within the cluster, from 0.
    pub number: usize,
    /// Hours since 1970 when it is nearest to the cluster's centre.
    nearest_hour: f64,
    /// Kilometres east and north of the cluster's centre at that time.
    nearest_km: (f64, f64),
    /// Kilometres an hour east and north.
    velocity_km_h: (f64, f64),
    /// Radius of the strongest wind.
    radius_km: f64,
    /// Pressure drop in the centre.
    depth_hpa: f64,
    /// Strongest wind.
    wind_m_s: f64,
    /// 1 where winds turn anticlockwise around a low, as in the north; -1 south of the equator.
    turn: f64,
}

/// What a storm does at one place and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::synth) struct Effect {
    /// Drop of the pressure.
    pub drop_hpa: f64,
    /// Rise of the wind.
    pub wind_m_s: f64,
    /// Direction that the wind comes from.
    pub direction_deg: f64,
}

impl Storm {
    /// The storms of a cluster from hour `first` to hour `last`, both since 1970, in order of time and far apart.
    pub(in crate::synth) fn of_cluster(
        seed: u64,
        cluster: usize,
        latitude_deg: f64,
        first: i32,
        last: i32,
    ) -> Vec<Self> {
        let mut rng = generator(seed, Purpose::Storms, cluster);
        let mut storms = Vec::new();
        let mut hour = f64::from(first);
        loop {
            hour += 24.0 * (MIN_DAYS_BETWEEN + exponential(&mut rng, MEAN_DAYS_BETWEEN));
            if hour > f64::from(last) {
                return storms;
            }
            let heading = uniform(&mut rng, 0.0, std::f64::consts::TAU);
            let speed_km_h = uniform(&mut rng, 20.0, 60.0);
            let miss_km = uniform(&mut rng, -120.0, 120.0);
            let (east, north) = (heading.cos(), heading.sin());
            storms.push(Self {
                number: storms.len(),
                nearest_hour: hour,
                nearest_km: (-north * miss_km, east * miss_km),
                velocity_km_h: (east * speed_km_h, north * speed_km_h),
                radius_km: uniform(&mut rng, 60.0, 140.0),
                depth_hpa: uniform(&mut rng, 20.0, 55.0),
                wind_m_s: uniform(&mut rng, 18.0, 38.0),
                turn: if latitude_deg < 0.0 { -1.0 } else { 1.0 },
            });
        }
    }

    /// The hours since 1970 between which the storm may be felt at a place, given in kilometres east and north of the
    /// cluster's centre; empty where it passes too far away.
    pub(in crate::synth) fn hours_felt(&self, place_km: (f64, f64)) -> std::ops::Range<f64> {
        let offset = (place_km.0 - self.nearest_km.0, place_km.1 - self.nearest_km.1);
        let speed_squared = self.velocity_km_h.0.powi(2) + self.velocity_km_h.1.powi(2);
        let closest = (offset.0 * self.velocity_km_h.0 + offset.1 * self.velocity_km_h.1) / speed_squared;
        let miss_squared = offset.0.powi(2) + offset.1.powi(2) - closest.powi(2) * speed_squared;
        let reach_km = REACH * self.radius_km;
        let half = ((reach_km.powi(2) - miss_squared).max(0.0) / speed_squared).sqrt();
        let middle = self.nearest_hour + closest;
        middle - half..middle + half
    }

    /// What the storm does at that hour since 1970 at a place, given in kilometres east and north of the cluster's centre.
    ///
    /// At x core radii the wind is 2 x / (1 + x²) of the strongest, as in a Rankine-like vortex, and the pressure drop is
    /// 1 / (1 + x²) of the deepest.
    pub(in crate::synth) fn effect(&self, hour: f64, place_km: (f64, f64)) -> Effect {
        let since = hour - self.nearest_hour;
        let east = place_km.0 - (self.nearest_km.0 + self.velocity_km_h.0 * since);
        let north = place_km.1 - (self.nearest_km.1 + self.velocity_km_h.1 * since);
        let distance_km = (east * east + north * north).sqrt();
        let x = distance_km / self.radius_km;
        // Falls to 0 at the edge, so that neither wind nor pressure jumps there.
        let fade = (1.0 - (x / REACH).powi(2)).max(0.0);
        // The air moves along (-north, east) around a northern low; the wind comes from the other side.
        let from = (self.turn * north).atan2(-self.turn * east).to_degrees();
        Effect {
            drop_hpa: fade * self.depth_hpa / (1.0 + x * x),
            wind_m_s: fade * self.wind_m_s * 2.0 * x / (1.0 + x * x),
            direction_deg: from.rem_euclid(360.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storms() -> Vec<Storm> {
        Storm::of_cluster(3, 0, 50.0, 0, 10 * 8_766)
    }

    #[test]
    fn storms_are_apart_and_about_four_a_year() {
        let storms = storms();
        assert!((20..65).contains(&storms.len()), "{}", storms.len());
        for pair in storms.windows(2) {
            let felt = |storm: &Storm| {
                [(0.0, 0.0), (220.0, 0.0), (-220.0, 0.0), (0.0, 220.0), (0.0, -220.0)]
                    .map(|place| storm.hours_felt(place))
            };
            let last = felt(&pair[0]).iter().map(|hours| hours.end).fold(0.0, f64::max);
            let first = felt(&pair[1]).iter().map(|hours| hours.start).fold(f64::INFINITY, f64::min);
            assert!(last < first, "{last} {first}");
        }
    }

    #[test]
    fn nothing_is_felt_outside_the_hours_given() {
        for storm in storms() {
            let place = (150.0, -80.0);
            let hours = storm.hours_felt(place);
            for hour in [hours.start - 1.0, hours.end + 1.0] {
                let effect = storm.effect(hour, place);
                assert!(effect.drop_hpa < 1e-9 && effect.wind_m_s < 1e-9, "{effect:?}");
            }
            let middle = storm.effect(f64::midpoint(hours.start, hours.end), place);
            assert!(middle.drop_hpa > 0.1 && middle.wind_m_s > 0.1, "{middle:?}");
        }
    }

    #[test]
    fn the_wind_east_of_a_northern_low_comes_from_the_south() {
        let mut storm = storms().swap_remove(0);
        storm.nearest_km = (0.0, 0.0);
        let east = storm.effect(storm.nearest_hour, (100.0, 0.0)).direction_deg;
        let north = storm.effect(storm.nearest_hour, (0.0, 100.0)).direction_deg;
        assert!((east - 180.0).abs() < 1e-9 && (north - 90.0).abs() < 1e-9, "{east} {north}");
        storm.turn = -1.0;
        let east = storm.effect(storm.nearest_hour, (100.0, 0.0)).direction_deg;
        assert!(east.abs() < 1e-9, "{east}");
    }
}
