use isd_dataset::geography::{EARTH_RADIUS_KM, Position, PositionIndex};
use proptest::prelude::*;

fn at(latitude: f64, longitude: f64) -> Position {
    Position { latitude, longitude }
}

/// A degree of a great circle, in km.
const DEGREE_KM: f64 = EARTH_RADIUS_KM * std::f64::consts::PI / 180.0;

#[test]
fn distances_are_those_of_great_circles() {
    let cases = [
        (at(0.0, 0.5), at(0.0, 1.5), 1.0),
        // Across the date line, over the pole, and half around the globe.
        (at(0.0, 179.5), at(0.0, -179.5), 1.0),
        (at(89.0, 0.0), at(89.0, 180.0), 2.0),
        (at(90.0, 0.0), at(-90.0, 77.0), 180.0),
        (at(12.0, 34.0), at(12.0, 34.0), 0.0),
    ];
    for (a, b, degrees) in cases {
        let found = a.distance_km(b);
        assert!((found - degrees * DEGREE_KM).abs() < 1e-6, "{a:?} to {b:?}: {found}");
        assert_eq!(found.to_bits(), b.distance_km(a).to_bits(), "{a:?} to {b:?}");
    }
    // Paris to New York, as published calculators give it.
    let found = at(48.8566, 2.3522).distance_km(at(40.7128, -74.0060));
    assert!((found - 5837.0).abs() < 1.0, "{found}");
}

#[test]
fn no_position_is_off_the_globe_or_unknown() {
    assert_eq!(Position::of_station(-90.0, 180.0), Some(at(-90.0, 180.0)));
    assert_eq!(Position::of_station(0.0, 1.0), Some(at(0.0, 1.0)));
    for (latitude, longitude) in [(0.0, 0.0), (90.1, 0.0), (0.0, -180.1), (f64::NAN, 1.0), (1.0, f64::NAN)] {
        assert_eq!(Position::of_station(latitude, longitude), None, "{latitude} {longitude}");
    }
}

#[test]
fn the_middle_lies_between() {
    let middle = Position::middle([at(10.0, 179.0), at(10.0, -179.0)]).unwrap();
    assert!((middle.longitude.abs() - 180.0).abs() < 1e-9 && (middle.latitude - 10.0).abs() < 0.01);
    let pole = Position::middle([at(80.0, 0.0), at(80.0, 120.0), at(80.0, -120.0)]).unwrap();
    assert!((pole.latitude - 90.0).abs() < 1e-6);
    assert_eq!(Position::middle([at(1.0, 2.0), at(-1.0, -178.0)]), Some(at(1.0, 2.0)));
    assert_eq!(Position::middle([]), None);
}

#[test]
fn a_radius_may_hold_the_globe_or_a_point() {
    let places = [at(90.0, 0.0), at(-90.0, 0.0), at(5.0, 5.0), at(5.0, 5.0)];
    let near = |radius| {
        let index = PositionIndex::new(places.into_iter().enumerate(), radius);
        index.within(at(5.0, 5.0)).into_iter().map(|(number, _)| number).collect::<Vec<_>>()
    };
    assert_eq!(near(30_000.0), [0, 1, 2, 3]);
    assert_eq!(near(0.0), [2, 3]);
}

fn positions() -> impl Strategy<Value = Vec<Position>> {
    // Anywhere, and crowded at the poles and the date line.
    let latitude = prop_oneof![-90.0..90.0, 88.0..=90.0, -90.0..=-89.0];
    let longitude = prop_oneof![-180.0..180.0, 178.0..=180.0, -180.0..=-178.0];
    prop::collection::vec((latitude, longitude).prop_map(|(north, east)| at(north, east)), 1..40)
}

proptest! {
    #[test]
    fn the_index_finds_what_every_pair_finds(
        places in positions(),
        radius in prop_oneof![1.0..500.0, 500.0..25_000.0],
    ) {
        let index = PositionIndex::new(places.iter().copied().enumerate(), radius);
        for place in &places {
            let all = places.iter().map(|other| place.distance_km(*other)).enumerate();
            let expected: Vec<_> = all.filter(|(_, distance)| *distance <= radius).collect();
            prop_assert_eq!(index.within(*place), expected);
        }
    }
}
