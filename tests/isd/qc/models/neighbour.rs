//! The model of `neighbour`: the temperatures of one station beside those of the stations around it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use isd::qc::derived::Derived;
use isd::qc::run::Thresholds;
use isd::qc::series_stage::{NotRun, test_station};
use isd::qc::settings::test_index;
use isd::qc::{Finding, Settings, Station, Verdict};
use isd_converters::ConvertOptions;
use isd_dataset::geography::Position;
use isd_dataset::place::Place;
use isd_dataset::station_table::StationTable;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::{NONE, START, TEMPERATURE, drawn};
use super::{Found, compare, median};
use crate::memory::{HOUR, Row, dataset};

/// Hours of each station's record: January 2001, and some days of February.
const ROWS: usize = 900;

/// A station around the one that is judged: how far away and how much higher it is, and how many minutes later it observes.
#[derive(Debug, Clone)]
struct Around {
    km: i32,
    metres: i32,
    minutes: i64,
    values: Vec<f64>,
}

/// The month and the three hours of the day of a row.
fn part(row: usize) -> (usize, usize) {
    (row / 744, row % 24 / 3)
}

/// By row, a statistic of the values of its part, and of all where that has fewer than twenty; 0 of none.
fn by_part(values: &[f64], statistic: impl Fn(Vec<f64>) -> f64) -> Vec<f64> {
    let known = |of: Option<(usize, usize)>| -> Vec<f64> {
        let rows = (0..ROWS).filter(|&row| of.is_none_or(|of| part(row) == of) && !values[row].is_nan());
        rows.map(|row| values[row]).collect()
    };
    let statistic = |values: Vec<f64>| if values.is_empty() { 0.0 } else { statistic(values) };
    let all = statistic(known(None));
    let parts: BTreeMap<(usize, usize), f64> = (0..ROWS)
        .map(part)
        .map(|of| {
            let mine = known(Some(of));
            (of, if mine.len() < 20 { all } else { statistic(mine) })
        })
        .collect();
    (0..ROWS).map(|row| parts[&part(row)]).collect()
}

/// The robust standard deviation around `center`, by part; no less than 1.5 degC.
fn spread(values: &[f64], center: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let deviation = by_part(values, |values| {
        let center = center(&values);
        1.4826 * median(values.iter().map(|value| (value - center).abs()))
    });
    deviation.into_iter().map(|deviation| f64::max(deviation, 1.5)).collect()
}

/// What the neighbours make of a value: how far it lies from what they make expected and how far it may, how far they lie from
/// each other, and how far away the nearest is.
#[derive(Clone, Copy)]
struct Judged {
    difference: f64,
    limit: f64,
    deviation: f64,
    disagrees: bool,
    doubtful: bool,
    nearest: i32,
}

/// The judgement of each value; `None` where fewer than three neighbours have one. `found` are the rows that other tests found.
fn judge(own: &[f64], around: &[Around], found: &[bool]) -> Option<Vec<Option<Judged>>> {
    let mut near: Vec<&Around> =
        around.iter().filter(|other| other.km <= 300 && other.metres <= 300).collect();
    near.sort_by_key(|other| other.km);
    // The value nearest in time, the earlier of two; half an hour away at most.
    let at = |other: &Around, row: usize| {
        let far = |theirs: &usize| (60 * (*theirs as i64 - row as i64) + other.minutes).abs();
        let known = |theirs: &usize| !other.values[*theirs].is_nan() && far(theirs) <= 30;
        let rows = (row.saturating_sub(1)..=(row + 1).min(ROWS - 1)).filter(known);
        rows.min_by_key(far).map_or(NONE, |theirs| other.values[theirs])
    };
    let observed = |row: usize| !own[row].is_nan();
    let matched = |other: &Around| -> Vec<f64> {
        (0..ROWS).map(|row| if observed(row) { at(other, row) } else { NONE }).collect()
    };
    let compared = near.into_iter().map(|other| (other.km, matched(other)));
    let enough = |(_, values): &(i32, Vec<f64>)| values.iter().filter(|value| !value.is_nan()).count() >= 100;
    let compared: Vec<(i32, Vec<f64>)> = compared.filter(enough).take(6).collect();
    if compared.len() < 3 {
        return None;
    }
    // What each makes expected: its value less what it usually lies above the station.
    let lowered: Vec<Vec<f64>> = compared
        .iter()
        .map(|(_, values)| {
            let above: Vec<f64> =
                (0..ROWS).map(|row| if found[row] { NONE } else { values[row] - own[row] }).collect();
            let usual = by_part(&above, median);
            (0..ROWS).map(|row| values[row] - usual[row]).collect()
        })
        .collect();
    let expected = |row: usize, without: usize| -> Vec<f64> {
        let others = (0..lowered.len()).filter(|&other| other != without);
        others.map(|other| lowered[other][row]).filter(|value| !value.is_nan()).collect()
    };
    let all = usize::MAX;
    let differences: Vec<f64> = (0..ROWS)
        .map(|row| {
            let expected = expected(row, all);
            if expected.len() < 3 { NONE } else { own[row] - median(expected) }
        })
        .collect();
    let center = |values: &[f64]| median(values.iter().copied());
    let kept: Vec<f64> = (0..ROWS).map(|row| if found[row] { NONE } else { differences[row] }).collect();
    let wide = spread(&kept, center);
    let within: Vec<f64> =
        (0..ROWS).map(|row| if kept[row].abs() > 5.0 * wide[row] { NONE } else { kept[row] }).collect();
    let usual = spread(&within, center);
    // How the nearest four lie from what the others make expected.
    let networks: Vec<_> = (0..lowered.len().min(4))
        .map(|number| {
            let from_others: Vec<f64> = (0..ROWS)
                .map(|row| {
                    let others = expected(row, number);
                    if others.len() < 2 { NONE } else { lowered[number][row] - median(others) }
                })
                .collect();
            spread(&from_others, |_| 0.0)
        })
        .collect();
    let judged = |row: usize| {
        let difference = differences[row];
        let expected = expected(row, all);
        let beyond = |limit: f64| {
            let agrees = |other: &&f64| (own[row] - **other) * difference.signum() > limit / 2.0;
            difference.abs() > limit && 3 * expected.iter().filter(agrees).count() >= 2 * expected.len()
        };
        let network = median(networks.iter().map(|network| network[row]));
        let (limit, narrow) = (5.0 * usual[row], 5.0 * f64::min(network, usual[row]));
        let center = own[row] - difference;
        (!difference.is_nan()).then(|| Judged {
            difference,
            limit: if beyond(limit) { limit } else { narrow },
            deviation: median(expected.iter().map(|value| (value - center).abs())),
            disagrees: beyond(limit),
            doubtful: beyond(narrow),
            nearest: compared.iter().find(|(_, values)| !values[row].is_nan()).unwrap().0,
        })
    };
    Some((0..ROWS).map(judged).collect())
}

/// What is found of a station: test, row and verdict, after the neighbours decided on what was found before.
fn model(own: &[f64], around: &[Around], before: &[Finding]) -> Found {
    let mut decided: Found = before
        .iter()
        .map(|finding| (usize::from(finding.test), finding.row as usize, finding.verdict))
        .collect();
    let mut found = vec![false; ROWS];
    for (_, row, _) in &decided {
        found[*row] = true;
    }
    let Some(judged) = judge(own, around, &found) else { return decided };
    let beyond = |row: usize| judged[row].is_some_and(|judged| judged.disagrees || judged.doubtful);
    let rows: Vec<usize> = (0..ROWS).filter(|&row| !own[row].is_nan()).collect();
    // Whether the first of consecutive values beyond the limit is reached by a jump, or the last left by one.
    let jumped = |at: usize| {
        let first = (0..=at).rev().take_while(|&at| beyond(rows[at])).last().unwrap();
        let last = (at..rows.len()).take_while(|&at| beyond(rows[at])).last().unwrap();
        let jump = |inside: usize, outside: Option<&usize>| {
            outside.is_some_and(|&outside| {
                let (change, difference) = (own[inside] - own[outside], judged[inside].unwrap().difference);
                inside.abs_diff(outside) <= 3 && change * difference.signum() >= difference.abs() / 2.0
            })
        };
        jump(rows[first], first.checked_sub(1).map(|before| &rows[before]))
            || jump(rows[last], rows.get(last + 1))
    };
    let mut wrong = vec![false; ROWS];
    for (at, &row) in rows.iter().enumerate().filter(|(_, row)| beyond(**row)) {
        let by = judged[row].unwrap();
        let evidence = by.difference.abs() > 2.0 * by.limit || found[row] || jumped(at);
        wrong[row] = by.disagrees && evidence;
        if evidence || by.nearest <= 50 {
            let verdict = if wrong[row] { Verdict::Erroneous } else { Verdict::Suspect };
            decided.insert((test_index("neighbour").unwrap(), row, verdict));
        }
    }
    let climatology = ["isolated_cluster", "frequent_value", "distribution", "climatological", "variance"];
    for finding in before.iter().filter(|finding| finding.verdict == Verdict::Suspect) {
        let (test, row) = (usize::from(finding.test), finding.row as usize);
        let near = judged[row].is_some_and(|by| {
            by.difference.abs() <= f64::min(0.4 * by.limit, 4.5 * f64::max(by.deviation, 1.0))
        });
        let released = near && climatology.iter().any(|&name| test_index(name).unwrap() == test);
        if wrong[row] || released {
            decided.remove(&(test, row, Verdict::Suspect));
            let verdict = if wrong[row] { Verdict::Erroneous } else { Verdict::Released };
            decided.insert((test, row, verdict));
        }
    }
    decided
}

/// Some stations, the first of which is judged.
type World = Vec<Around>;

fn id(world: usize, number: usize) -> String {
    format!("{:06}-99999", 10_000 + 1000 * world + 10 * number)
}

/// Worlds are far from each other; in each, stations with odd numbers lie south of the one that is judged, the others north.
fn position(world: usize, number: usize, km: i32) -> Option<Position> {
    let degrees = f64::from(km) / 111.195;
    let north = if number.is_multiple_of(2) { degrees } else { -degrees };
    Position::of_station(45.0 + north, 20.0 * world as f64)
}

/// What quality control finds of the first station of each world.
fn control(worlds: &[World], settings: &Settings) -> Vec<Found> {
    let home = TempDir::new().unwrap();
    let (mut rows, mut places): (Vec<Row>, _) = (Vec::new(), BTreeMap::new());
    for (world, stations) in worlds.iter().enumerate() {
        for (number, station) in stations.iter().enumerate() {
            for (row, &value) in station.values.iter().enumerate() {
                let time = (START + row as i64) * HOUR + station.minutes * (HOUR / 60);
                rows.push((id(world, number), time, vec![Some(value).filter(|value| !value.is_nan())]));
            }
            let position = position(world, number, station.km);
            let elevation = Some(300.0 + f64::from(station.metres));
            places.insert(id(world, number), Place { position, elevation, ..Place::default() });
        }
    }
    let dataset = dataset(&home.path().join("obs"), &["air_temperature"], &rows, &ConvertOptions::default());
    let mut table = StationTable::find(dataset.path()).unwrap().unwrap();
    table.set_places(|station| places.get(station).cloned());
    let outcome = isd::qc::run(&dataset, &table, settings, &Thresholds::new(), false, &|_| ()).unwrap();
    let of = |world: usize| {
        let judged = outcome.stations.iter().find(|station| *station.id == *id(world, 0)).unwrap();
        judged
            .findings
            .iter()
            .map(|found| (usize::from(found.test), found.row as usize, found.verdict))
            .collect()
    };
    (0..worlds.len()).map(of).collect()
}

/// What the tests of single stations find of one.
fn alone(station: &Around, settings: &Settings) -> Vec<Finding> {
    let time = |row: i64| (START + row) * HOUR + station.minutes * (HOUR / 60);
    let times = (0..ROWS as i64).map(time).collect();
    let tested = Station::new("a".into(), None, times).with(TEMPERATURE, station.values.clone());
    test_station(tested, settings, Derived::default(), &mut NotRun::new()).unwrap().findings
}

/// The stations of a world, drawn by chance.
fn worlds() -> impl Strategy<Value = World> {
    let places = (
        prop_oneof![1 => 15_i32..45, 2 => 55_i32..290, 1 => 305_i32..330],
        prop_oneof![8 => 0_i32..300, 1 => Just(301)],
        prop_oneof![4 => Just(0_i64), 1 => Just(30), 1 => 1_i64..60],
        1_i32..12,
        (0_usize..ROWS, prop_oneof![2 => Just(0_usize), 1 => 1_usize..850]),
    );
    // Where an error begins, how many hours it lasts, its size in quarters, and whether it comes and goes slowly.
    let error = (10_usize..860, 1_usize..40, -70_i32..70, any::<bool>());
    // A few values alone, and by how much they are wrong.
    let cluster = (100_usize..800, prop_oneof![1 => -4_i32..5, 1 => -20_i32..20, 3 => -90_i32..90]);
    let drawn_by = (
        prop::collection::vec(places, 2..9),
        prop::collection::vec(error, 0..5),
        prop::option::weighted(0.9, cluster),
    );
    (drawn_by, 1_i32..8, any::<u64>()).prop_map(|((mut places, errors, cluster), noise, seed)| {
        let mut draw = drawn(seed);
        // In quarters of a degree, so that sums and single precision are exact.
        let mut quarters = |scale: i32| (f64::from(scale) * (draw() + draw() - 1.0)).round() / 4.0;
        let mut weather = vec![10.0];
        (1..ROWS).for_each(|row| weather.push(0.98_f64.mul_add(weather[row - 1] - 10.0, 10.0) + quarters(6)));
        let weather: Vec<f64> = weather.iter().map(|value| (value * 4.0).round() / 4.0).collect();
        let mut own: Vec<f64> = weather.iter().map(|value| value + quarters(noise)).collect();
        for (from, hours, size, slowly) in errors {
            for (row, value) in own.iter_mut().enumerate().skip(from).take(hours) {
                let edge = (row - from + 1).min(from + hours - row) as f64;
                let share = if slowly { (2.0 * edge / hours as f64).min(1.0) } else { 1.0 };
                *value += (f64::from(size) * share).round() / 4.0;
            }
        }
        if let Some((at, by)) = cluster {
            (at - 60..at).chain(at + 3..at + 63).for_each(|row| own[row] = NONE);
            (at..at + 3).for_each(|row| own[row] += f64::from(by) / 4.0);
        }
        // Stations at one distance would be heard in the order of their names.
        places.sort_by_key(|(km, ..)| *km);
        places.dedup_by_key(|(km, ..)| *km);
        let mut stations = vec![Around { km: 0, metres: 0, minutes: 0, values: own }];
        for (number, (km, metres, minutes, noise, (from, missing))) in places.into_iter().enumerate() {
            let mut values: Vec<f64> =
                weather.iter().map(|value| value + number as f64 - 2.0 + quarters(noise)).collect();
            values[from..(from + missing).min(ROWS)].fill(NONE);
            stations.push(Around { km, metres, minutes, values });
        }
        stations
    })
}

#[test]
fn neighbours_decide_as_the_model() {
    let mut settings = Settings::default();
    settings.turn(test_index("clean_up").unwrap(), TEMPERATURE, false);
    let (neighbour, cluster) = ("neighbour", "isolated_cluster");
    let decisions = RefCell::new(BTreeSet::new());
    compare(8, prop::collection::vec(worlds(), 8), |mut worlds| {
        let found = control(&worlds, &settings);
        let (mut all, mut expected) = (Found::new(), Found::new());
        for (world, (stations, found)) in worlds.iter_mut().zip(found).enumerate() {
            decisions.borrow_mut().extend(found.iter().map(|&(test, _, verdict)| (test, verdict)));
            let before = alone(&stations[0], &settings);
            // Neighbours are heard without what is erroneous of theirs.
            for station in &mut stations[1..] {
                for finding in alone(station, &settings).iter().filter(|f| f.verdict == Verdict::Erroneous) {
                    station.values[finding.row as usize] = NONE;
                }
            }
            let of_world = |(test, row, verdict)| (test, world * ROWS + row, verdict);
            all.extend(found.into_iter().map(of_world));
            expected.extend(model(&stations[0].values, &stations[1..], &before).into_iter().map(of_world));
        }
        (all, expected)
    });
    // Neighbours find values themselves, and release and confirm what another test found.
    for (test, verdict) in [
        (neighbour, Verdict::Erroneous),
        (neighbour, Verdict::Suspect),
        (cluster, Verdict::Released),
        (cluster, Verdict::Erroneous),
        (cluster, Verdict::Suspect),
    ] {
        assert!(decisions.borrow().contains(&(test_index(test).unwrap(), verdict)), "{test}: {verdict:?}");
    }
}
