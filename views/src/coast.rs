//! The outlines of land: the file in `data/` in, closed rings of positions out.

use isd_dataset::geography::Position;

/// Natural Earth's land, 1:110m, in hundredths of a degree; the file says more.
const LAND: &str = include_str!("../data/land-110m.txt");

/// The rings, each of which ends where it begins.
#[must_use]
pub fn land() -> Vec<Vec<Position>> {
    let rings = LAND.lines().filter(|line| !line.starts_with('#'));
    let ring = |line: &str| {
        let numbers: Vec<f64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
        let pairs = numbers.chunks_exact(2);
        pairs.map(|pair| Position { longitude: pair[0] / 100.0, latitude: pair[1] / 100.0 }).collect()
    };
    rings.map(ring).collect()
}

/// Whether a position lies on land, by the crossings of a ray to the north.
#[must_use]
pub fn is_land(rings: &[Vec<Position>], at: Position) -> bool {
    let crosses = |pair: &&[Position]| {
        let (a, b) = (pair[0], pair[1]);
        let part = (at.longitude - a.longitude) / (b.longitude - a.longitude);
        (a.longitude > at.longitude) != (b.longitude > at.longitude)
            && a.latitude + part * (b.latitude - a.latitude) > at.latitude
    };
    rings.iter().map(|ring| ring.windows(2).filter(crosses).count()).sum::<usize>() % 2 == 1
}
