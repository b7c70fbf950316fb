//! The outlines of land: the file in `data/` in, closed rings of positions out.

use isd_dataset::geography::Position;

/// Natural Earth's land, 1:110m, in hundredths of a degree; the file says more.
const LAND: &str = include_str!("../data/land-110m.txt");

/// The rings, each of which ends where it begins. A ring that crosses the date line goes on beyond 180 degrees; that of
/// Antarctica goes once around the Earth, and then by way of the pole.
#[must_use]
pub fn land() -> Vec<Vec<Position>> {
    LAND.lines().filter(|line| !line.starts_with('#')).map(ring).collect()
}

fn ring(line: &str) -> Vec<Position> {
    let numbers: Vec<f64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
    let mut ring: Vec<Position> = Vec::with_capacity(numbers.len() / 2);
    for pair in numbers.chunks_exact(2) {
        let longitude = pair[0] / 100.0;
        let turns = ring.last().map_or(0.0, |last| ((last.longitude - longitude) / 360.0).round());
        ring.push(Position { longitude: longitude + turns * 360.0, latitude: pair[1] / 100.0 });
    }
    if let (Some(&first), Some(&last)) = (ring.first(), ring.last())
        && first.longitude != last.longitude
    {
        ring.push(Position { latitude: -90.0, ..last });
        ring.push(Position { latitude: -90.0, ..first });
        ring.push(first);
    }
    ring
}

/// Whether a position lies on land, by the crossings of a ray to the north.
#[must_use]
pub fn is_land(rings: &[Vec<Position>], at: Position) -> bool {
    let crosses = |pair: &&[Position], longitude: f64| {
        let (a, b) = (pair[0], pair[1]);
        let part = (longitude - a.longitude) / (b.longitude - a.longitude);
        (a.longitude > longitude) != (b.longitude > longitude)
            && a.latitude + part * (b.latitude - a.latitude) > at.latitude
    };
    let crossings = |longitude: f64| -> usize {
        rings.iter().map(|ring| ring.windows(2).filter(|pair| crosses(pair, longitude)).count()).sum()
    };
    // Rings go on beyond the date line.
    [-360.0, 0.0, 360.0].into_iter().map(|turn| crossings(at.longitude + turn)).sum::<usize>() % 2 == 1
}
