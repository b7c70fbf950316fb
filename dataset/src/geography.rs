//! Places on the globe: from positions in degrees to the distance between two of them, and to those that are near one.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// Mean radius of the Earth (IUGG), in km.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// A position on the globe, in degrees: latitude north and longitude east positive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// From -90 to 90 degrees.
    pub latitude: f64,
    /// From -180 to 180 degrees.
    pub longitude: f64,
}

impl Position {
    /// The position of a station; `None` off the globe, and of (0, 0), by which NOAA's files mean that it is unknown.
    #[must_use]
    pub fn of_station(latitude: f64, longitude: f64) -> Option<Self> {
        // Written so that NaN is no position.
        let valid = latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && (latitude, longitude) != (0.0, 0.0);
        valid.then_some(Self { latitude, longitude })
    }

    /// Length of the great circle arc to another position, by the haversine formula, in km.
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let cosines = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        let haversine =
            half_sine(other.latitude - self.latitude) + cosines * half_sine(other.longitude - self.longitude);
        // Rounding may take the haversine of antipodes past 1.
        2.0 * EARTH_RADIUS_KM * haversine.sqrt().min(1.0).asin()
    }

    /// The point of the unit sphere.
    fn on_sphere(self) -> [f64; 3] {
        let (latitude, longitude) = (self.latitude.to_radians(), self.longitude.to_radians());
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
    }

    /// The middle of some positions: where the mean of their points of the sphere lies. The first of them where that is the
    /// centre of the Earth; `None` of no position.
    pub fn middle(positions: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut positions = positions.into_iter().peekable();
        let first = *positions.peek()?;
        let [x, y, z] =
            positions.map(Self::on_sphere).fold([0.0; 3], |[x, y, z], [dx, dy, dz]| [x + dx, y + dy, z + dz]);
        if x.abs().max(y.abs()).max(z.abs()) < 1e-9 {
            return Some(first);
        }
        let latitude = z.atan2(x.hypot(y)).to_degrees();
        Some(Self { latitude, longitude: y.atan2(x).to_degrees() })
    }
}

/// Positions that can be asked which of them lie within a fixed distance of another.
///
/// The unit sphere is cut into cubes whose edge is the chord of that distance, so that all that is near lies in a cube or
/// in one of its 26 neighbours: there is no date line in it and no pole.
#[derive(Debug)]
pub struct PositionIndex {
    radius_km: f64,
    /// Length of a cube's edge, on the unit sphere.
    edge: f64,
    cubes: HashMap<[i64; 3], Vec<(usize, Position)>>,
}

impl PositionIndex {
    /// Takes positions, each with a number that names it.
    pub fn new(positions: impl IntoIterator<Item = (usize, Position)>, radius_km: f64) -> Self {
        let half_angle = (radius_km / (2.0 * EARTH_RADIUS_KM)).clamp(0.0, std::f64::consts::FRAC_PI_2);
        // A little more than the chord, for rounding; and not so small that the number of a cube leaves an integer.
        let edge = (2.0 * half_angle.sin() * (1.0 + 1e-9)).max(1e-6);
        let mut index = Self { radius_km, edge, cubes: HashMap::new() };
        for (number, position) in positions {
            index.cubes.entry(index.cube(position)).or_default().push((number, position));
        }
        index
    }

    /// The numbers of the positions at most the radius away from another, with their distances in km, in ascending order of
    /// the numbers.
    #[must_use]
    pub fn within(&self, position: Position) -> Vec<(usize, f64)> {
        let [x, y, z] = self.cube(position);
        let around = |at: i64| at - 1..=at + 1;
        let cubes = around(x)
            .flat_map(|x| around(y).flat_map(move |y| around(z).map(move |z| [x, y, z])))
            .filter_map(|cube| self.cubes.get(&cube));
        let distances = cubes.flatten().map(|(number, other)| (*number, position.distance_km(*other)));
        let mut near: Vec<_> = distances.filter(|(_, distance)| *distance <= self.radius_km).collect();
        near.sort_unstable_by_key(|(number, _)| *number);
        near
    }

    fn cube(&self, position: Position) -> [i64; 3] {
        // At most a million from 0.
        #[allow(clippy::cast_possible_truncation, reason = "the edge is at least a millionth of the radius")]
        position.on_sphere().map(|at| (at / self.edge).floor() as i64)
    }
}
