//! Humidity, wind, pressure, precipitation, world records and clean-up.

use isd::qc::derived::Derived;
use isd::qc::series_stage::{NotRun, run_test, test_station};
use isd::qc::settings::test_index;
use isd::qc::{Settings, Station, Verdict};
use isd_dataset::geography::Position;
use proptest::prelude::*;

use super::{
    DEW_POINT, NONE, PRESSURE, RAIN_1H, RAIN_6H, SKY, START, TEMPERATURE, WIND_DIRECTION, WIND_SPEED, on,
    rows, run, station, station_every, temperatures, verdict,
};
use crate::memory::HOUR;

#[test]
fn of_a_dew_point_above_the_temperature_the_one_that_moved_is_suspect() {
    let air = vec![10.0; 40];
    let at = |measurement: usize, value: f64| {
        let mut columns = [(TEMPERATURE, air.clone()), (DEW_POINT, vec![8.0; 40])];
        columns[measurement].1[20] = value;
        let tested = station(&columns);
        (rows("humidity", &tested, TEMPERATURE), rows("humidity", &tested, DEW_POINT))
    };
    assert_eq!(at(DEW_POINT, 10.5), (vec![], vec![]));
    assert_eq!(at(DEW_POINT, 10.6), (vec![], vec![20]));
    assert_eq!(at(TEMPERATURE, 2.0), (vec![20], vec![]));
    // Neither is far from its level.
    assert_eq!(at(TEMPERATURE, 7.2), (vec![], vec![20]));
}

#[test]
fn saturated_air_is_suspect_under_a_clear_sky_only() {
    let with = |hours: usize, sky: f64| {
        let air = temperatures(200, 6);
        let mut dew: Vec<f64> = air.iter().map(|value| value - 5.0).collect();
        dew[50..50 + hours].copy_from_slice(&air[50..50 + hours]);
        rows("humidity", &station(&[(TEMPERATURE, air), (DEW_POINT, dew), (SKY, vec![sky; 200])]), DEW_POINT)
            .len()
    };
    assert_eq!((with(25, 0.0), with(24, 0.0)), (25, 0));
    assert_eq!((with(48, 2.0), with(48, 3.0), with(48, NONE)), (48, 0, 0));
    // Clear mornings of which nothing is known in between.
    let every = |hours: i64| {
        let columns = [(TEMPERATURE, vec![5.0; 10]), (DEW_POINT, vec![5.0; 10]), (SKY, vec![0.0; 10])];
        rows("humidity", &station_every(hours, &columns), DEW_POINT).len()
    };
    assert_eq!((every(12), every(13)), (10, 0));
}

#[test]
fn one_variable_alone_has_no_humidity() {
    let (found, why) = run("humidity", &station(&[(DEW_POINT, vec![3.0; 10])]), &on("humidity"));
    assert_eq!(found, []);
    assert!(why.contains(&"the station has not both temperature and dew point"), "{why:?}");
}

#[test]
fn wind_and_direction_go_together() {
    let of = |pairs: &[(f64, f64)]| {
        // Enough winds that one is no convention.
        let (mut speeds, mut directions) = (vec![4.0; 400], vec![90.0; 400]);
        for (row, &(speed, direction)) in pairs.iter().enumerate() {
            (speeds[row], directions[row]) = (speed, direction);
        }
        let tested = station(&[(WIND_SPEED, speeds), (WIND_DIRECTION, directions)]);
        (rows("wind", &tested, WIND_SPEED), rows("wind", &tested, WIND_DIRECTION))
    };
    assert_eq!(of(&[(0.0, 0.0), (0.0, 360.0), (3.0, 360.0), (0.0, NONE), (NONE, 90.0)]), (vec![], vec![]));
    assert_eq!(of(&[(-0.1, 90.0), (3.0, -1.0), (3.0, 361.0)]), (vec![0], vec![1, 2]));
    assert_eq!(of(&[(0.0, 90.0), (3.0, 0.0)]), (vec![], vec![0, 1]));
    // Three of 400 are a convention of the station.
    assert_eq!(of(&[(0.0, 90.0), (0.0, 90.0), (0.0, 90.0)]), (vec![], vec![]));
}

#[test]
fn sea_level_pressure_goes_with_the_pressure_at_the_station() {
    let sea: Vec<f64> = (0..200).map(|row| 1013.0 + f64::from(row % 9)).collect();
    let own = |by: f64| -> Vec<f64> {
        sea.iter().enumerate().map(|(row, sea)| sea - 20.0 + if row == 70 { by } else { 0.0 }).collect()
    };
    let with = |own: Vec<f64>| station(&[(PRESSURE, sea.clone())]).with_station_pressure(own);
    assert_eq!(rows("pressure", &with(own(4.5)), PRESSURE), [0; 0]);
    assert_eq!(rows("pressure", &with(own(4.6)), PRESSURE), [70]);
    assert_eq!(rows("pressure", &with(own(-4.6)), PRESSURE), [70]);
    assert_eq!(
        run("pressure", &station(&[(PRESSURE, sea.clone())]), &on("pressure")).1,
        ["the station has no station pressure"]
    );
    let mut few = own(50.0);
    few[119..].fill(NONE);
    assert_eq!(run("pressure", &with(few), &on("pressure")).1, ["too few values"]);
}

#[test]
fn six_hours_are_no_less_than_one_of_them() {
    let with = |hour: usize, amount: f64| {
        let (mut one, mut six) = (vec![0.0; 30], vec![NONE; 30]);
        one[hour] = amount;
        six[12] = 1.0;
        let tested = station(&[(RAIN_1H, one), (RAIN_6H, six)]);
        (rows("precipitation", &tested, RAIN_1H), rows("precipitation", &tested, RAIN_6H))
    };
    assert_eq!(with(10, 3.5), (vec![], vec![]));
    assert_eq!(with(10, 3.6), (vec![10], vec![12]));
    assert_eq!((with(7, 9.0), with(6, 9.0)), ((vec![7], vec![12]), (vec![], vec![])));
    assert_eq!(with(13, 9.0), (vec![], vec![]));
}

#[test]
fn rain_after_a_total_was_read_is_in_the_next_one() {
    // 9 mm in the hour of a total of 1 mm, and the total after it.
    let with = |hour: usize, next: f64| {
        let (mut one, mut six) = (vec![0.0; 30], vec![NONE; 30]);
        (one[hour], one[15]) = (9.0, 3.0);
        (six[12], six[18]) = (1.0, next);
        rows("precipitation", &station(&[(RAIN_1H, one), (RAIN_6H, six)]), RAIN_6H)
    };
    // 8 mm are missing, of which 2.5 are tolerated; 3 mm of the next total are those of its own hours.
    assert_eq!((with(12, 8.5), with(12, 8.4)), (vec![], vec![12]));
    assert_eq!((with(11, 8.5), with(12, NONE)), (vec![12], vec![12]));
}

#[test]
fn one_heavy_hour_among_dry_ones_is_suspect() {
    let with = |amount: f64, beside: f64| {
        let mut rain: Vec<f64> =
            (0..3000).map(|row| if row % 3 == 0 { f64::from(row % 19) / 2.0 } else { 0.0 }).collect();
        rain[1495..1506].fill(0.0);
        // A drop, so that the hour is not alone.
        rain[1498] = 0.1;
        (rain[1500], rain[1501]) = (amount, beside);
        verdict("precipitation", &station(&[(RAIN_1H, rain)]), RAIN_1H, 1500)
    };
    // The 99.9th percentile of the other wet hours is 9 mm.
    assert_eq!((with(50.0, 0.0), with(50.1, 0.0)), (None, Some(Verdict::Suspect)));
    assert_eq!((with(60.0, 6.0), with(60.0, 6.1)), (Some(Verdict::Suspect), None));
}

#[test]
fn a_heavy_hour_alone_needs_twice_the_usual() {
    // The 99.9th percentile of the other wet hours is 30 mm.
    let with = |amount: f64, beside: usize| {
        let mut rain: Vec<f64> =
            (0..3000).map(|row| if row % 3 == 0 { f64::from(row % 61) / 2.0 } else { 0.0 }).collect();
        rain[1490..1511].fill(0.0);
        rain[1500] = amount;
        rain[beside] = 0.1;
        verdict("precipitation", &station(&[(RAIN_1H, rain)]), RAIN_1H, 1500)
    };
    assert_eq!((with(60.0, 1504), with(60.1, 1504)), (None, Some(Verdict::Suspect)));
    assert_eq!((with(150.0, 1503), with(150.1, 1503)), (None, Some(Verdict::Suspect)));
}

#[test]
fn the_same_amount_again_and_again_is_suspect() {
    let with = |hours: usize, amount: f64| {
        let mut rain = vec![0.0; 50];
        rain[20..20 + hours].fill(amount);
        rows("precipitation", &station(&[(RAIN_1H, rain)]), RAIN_1H).len()
    };
    assert_eq!((with(3, 5.0), with(4, 5.0), with(4, 1.9), with(4, 2.0)), (0, 4, 0, 4));
}

#[test]
fn records_hold_from_both_sides_and_by_region() {
    let at = |measurement: usize, value: f64, position: Option<Position>| {
        let tested = Station::new("a".into(), position, vec![START * HOUR]).with(measurement, vec![value]);
        verdict("world_record", &tested, measurement, 0)
    };
    let erroneous = Some(Verdict::Erroneous);
    for (measurement, least, most) in [
        (TEMPERATURE, -89.2, 56.7),
        (DEW_POINT, -100.0, 56.7),
        (PRESSURE, 870.0, 1083.3),
        (RAIN_1H, 0.0, 305.0),
        (RAIN_6H, 0.0, 1144.0),
    ] {
        assert_eq!(
            (at(measurement, least, None), at(measurement, most, None)),
            (None, None),
            "{measurement}"
        );
        assert_eq!(at(measurement, least - 0.1, None), erroneous, "{measurement}");
        assert_eq!(at(measurement, most + 0.1, None), erroneous, "{measurement}");
    }
    let suspect = Some(Verdict::Suspect);
    assert_eq!([50.0, 50.1, 113.2].map(|speed| at(WIND_SPEED, speed, None)), [None, suspect, suspect]);
    assert_eq!([113.3, -0.1].map(|speed| at(WIND_SPEED, speed, None)), [erroneous; 2]);
    let europe = Position::of_station(48.0, 11.0);
    assert_eq!((at(TEMPERATURE, 48.8, europe), at(TEMPERATURE, 48.9, europe)), (None, erroneous));
    // At 180 degrees east as at 180 west.
    let samoa = [180.0, -180.0].map(|longitude| Position::of_station(-14.0, longitude));
    assert_eq!(samoa.map(|place| at(TEMPERATURE, 51.0, place)), [erroneous; 2]);
}

#[test]
fn clean_up_counts_what_is_erroneous_and_nothing_else() {
    let with = |rain: &[f64]| {
        let tested = station(&[(RAIN_1H, rain.to_vec())]);
        let settings = Settings::default();
        let found = test_station(tested.clone(), &settings, Derived::default(), &mut NotRun::new()).unwrap();
        let clean_up = test_index("clean_up").unwrap();
        run_test(clean_up, &tested, &settings, &found.findings, &mut Derived::default(), &mut NotRun::new())
            .unwrap()
            .len()
    };
    let month = |wrong: usize| -> Vec<f64> {
        (0..100).map(|row| if row < wrong { 400.0 } else { 0.1 * row as f64 }).collect()
    };
    assert_eq!((with(&month(60)), with(&month(61))), (0, 39));
    // Suspect values spread to nothing.
    assert_eq!(with(&vec![10.0; 100]), 0);
}

proptest! {
    #[test]
    fn wind_logic_is_that_of_the_model(
        pairs in prop::collection::vec((prop_oneof![2 => Just(0.0), 1 => Just(-1.0), 40 => Just(5.0)], prop_oneof![1 => Just(0.0), 1 => Just(360.0), 1 => Just(400.0), 40 => Just(50.0)]), 1..900),
    ) {
        let (speeds, directions): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let winds = pairs.iter().filter(|(_, direction)| *direction <= 360.0).count();
        let calm = |&&(speed, direction): &&(f64, f64)| speed == 0.0 && direction != 0.0 && direction < 360.0;
        let zero = |&&(speed, direction): &&(f64, f64)| speed > 0.0 && direction == 0.0;
        let few = |count: usize| count * 200 <= winds;
        let (calm_counts, zero_counts) = (few(pairs.iter().filter(calm).count()), few(pairs.iter().filter(zero).count()));
        let expected: Vec<usize> = (0..pairs.len())
            .filter(|&row| pairs[row].1 > 360.0 || calm_counts && calm(&&pairs[row]) || zero_counts && zero(&&pairs[row]))
            .collect();
        let tested = station(&[(WIND_SPEED, speeds), (WIND_DIRECTION, directions)]);
        prop_assert_eq!(rows("wind", &tested, WIND_DIRECTION), expected);
    }
}
