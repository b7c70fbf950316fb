//! Linking: exceedances of one kind in, groups of those that belong together out.

use std::collections::BTreeMap;

use isd_dataset::geography::{Position, PositionIndex};

use super::options::EventOptions;
use super::survey::Exceedance;

/// Groups exceedances: two that are at most the distance and the gap of the options apart belong together, and all that are
/// linked so. A group that would last longer than the options say is cut. Exceedances of a station without a position
/// belong together with those of the same station alone.
///
/// The groups are in the order of their first times; each has its exceedances by time and then station.
pub(super) fn link(
    mut exceedances: Vec<Exceedance>,
    position: impl Fn(usize) -> Option<Position>,
    options: &EventOptions,
) -> Vec<Vec<Exceedance>> {
    exceedances.sort_by_key(order);
    let mut stations: Vec<usize> = exceedances.iter().map(|one| one.station).collect();
    stations.sort_unstable();
    stations.dedup();
    let placed = stations.iter().filter_map(|station| Some((*station, position(*station)?)));
    let index = PositionIndex::new(placed, options.distance_km);
    let near = stations.iter().map(|station| {
        let near = position(*station).map(|position| index.within(position));
        let near = near.map(|near| near.into_iter().map(|(station, _)| station).collect());
        (*station, near.unwrap_or_else(|| vec![*station]))
    });
    let near: BTreeMap<usize, Vec<usize>> = near.collect();
    let mut groups = Vec::new();
    let mut waiting = vec![exceedances];
    while let Some(exceedances) = waiting.pop() {
        for group in components(exceedances, &near, options.gap_us) {
            let (first, last) = (group[0].time, group[group.len() - 1].time);
            if last - first <= options.longest_us {
                groups.push(group);
            } else {
                // What the part that was cut off linked may fall apart.
                waiting.extend(cut(group, options.longest_us));
            }
        }
    }
    groups.sort_by_key(|group| order(&group[0]));
    groups
}

fn order(exceedance: &Exceedance) -> (i64, usize) {
    (exceedance.time, exceedance.station)
}

/// The connected components of exceedances that are in order. `near` are the stations near each one, itself included.
fn components(
    exceedances: Vec<Exceedance>,
    near: &BTreeMap<usize, Vec<usize>>,
    gap_us: i64,
) -> Vec<Vec<Exceedance>> {
    let mut roots: Vec<usize> = (0..exceedances.len()).collect();
    // The last exceedance of each station so far. Those of a station within one gap are linked by themselves, so that the
    // last is linked with all of them.
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, exceedance) in exceedances.iter().enumerate() {
        for station in near.get(&exceedance.station).into_iter().flatten() {
            if let Some(&before) = last.get(station)
                && exceedance.time - exceedances[before].time <= gap_us
            {
                let (one, other) = (root(&mut roots, at), root(&mut roots, before));
                roots[one.max(other)] = one.min(other);
            }
        }
        last.insert(exceedance.station, at);
    }
    let mut groups: BTreeMap<usize, Vec<Exceedance>> = BTreeMap::new();
    for (at, exceedance) in exceedances.into_iter().enumerate() {
        groups.entry(root(&mut roots, at)).or_default().push(exceedance);
    }
    groups.into_values().collect()
}

/// The root of an element, to which the way is made shorter.
fn root(roots: &mut [usize], mut at: usize) -> usize {
    while roots[at] != at {
        roots[at] = roots[roots[at]];
        at = roots[at];
    }
    at
}

/// Cuts a group into parts that each last at most so long, one after the other from its first exceedance on.
fn cut(group: Vec<Exceedance>, longest_us: i64) -> Vec<Vec<Exceedance>> {
    let mut parts: Vec<Vec<Exceedance>> = Vec::new();
    for exceedance in group {
        match parts.last_mut() {
            Some(part) if exceedance.time - part[0].time <= longest_us => part.push(exceedance),
            _ => parts.push(vec![exceedance]),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::options::{DAY_US, HOUR_US};
    use super::*;

    fn exceedance(station: usize, hour: i64) -> Exceedance {
        Exceedance { station, time: hour * HOUR_US, measurement: "x", value: 1.0, threshold: 0.5 }
    }

    /// Groups of (station, hour).
    fn linked(
        found: &[(usize, i64)],
        positions: &[Option<(f64, f64)>],
        options: &EventOptions,
    ) -> Vec<Vec<(usize, i64)>> {
        let position =
            |station: usize| positions[station].map(|(latitude, longitude)| Position { latitude, longitude });
        let exceedances = found.iter().map(|(station, hour)| exceedance(*station, *hour)).collect();
        let groups = link(exceedances, position, options);
        groups
            .iter()
            .map(|group| group.iter().map(|one| (one.station, one.time / HOUR_US)).collect())
            .collect()
    }

    /// A degree of latitude is 111.2 km.
    const PLACES: [Option<(f64, f64)>; 6] =
        [Some((0.0, 179.0)), Some((0.0, -179.0)), Some((2.6, 179.0)), Some((2.8, 179.0)), None, None];

    #[test]
    fn near_in_space_and_time_is_linked() {
        let options = EventOptions::default();
        let linked = |found: &[(usize, i64)]| linked(found, &PLACES, &options);
        // Across the date line, 222 km; at six hours, and not at seven.
        assert_eq!(linked(&[(0, 0), (1, 6)]), [[(0, 0), (1, 6)]]);
        assert_eq!(linked(&[(0, 0), (1, 7)]).len(), 2);
        // 289 km, and 311 km.
        assert_eq!(linked(&[(0, 0), (2, 0)]).len(), 1);
        assert_eq!(linked(&[(0, 0), (3, 0)]).len(), 2);
        // By a third one, whose exceedance comes between.
        assert_eq!(linked(&[(0, 0), (3, 4), (2, 2)]), [[(0, 0), (2, 2), (3, 4)]]);
        // Without a place, a station is near itself alone.
        assert_eq!(linked(&[(4, 0), (5, 0), (4, 6)]), [vec![(4, 0), (4, 6)], vec![(5, 0)]]);
        assert!(linked(&[]).is_empty());
    }

    #[test]
    fn all_longitudes_are_one_place_at_a_pole() {
        let poles = [Some((90.0, 0.0)), Some((89.0, 90.0)), Some((89.0, -90.0))];
        let options = EventOptions { distance_km: 120.0, ..EventOptions::default() };
        assert_eq!(linked(&[(0, 0), (1, 0), (2, 0)], &poles, &options).len(), 1);
        assert_eq!(linked(&[(1, 0), (2, 0)], &poles, &options).len(), 2);
    }

    #[test]
    fn what_lasts_too_long_is_cut_and_may_fall_apart() {
        let options = EventOptions { longest_us: DAY_US, ..EventOptions::default() };
        let steady: Vec<(usize, i64)> = (0..50).map(|hour| (0, hour)).collect();
        let groups = linked(&steady, &PLACES, &options);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [25, 25]);
        // Two stations that the first day alone links: 600 km from each other.
        let places = [Some((0.0, 0.0)), Some((2.6, 0.0)), Some((5.2, 0.0))];
        let mut found = vec![(1, 23)];
        found.extend((20..60).step_by(4).flat_map(|hour| [(0, hour), (2, hour)]));
        let groups = linked(&found, &places, &options);
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        // From hour 20 to 44, then each of the two by itself from hour 48 on.
        assert_eq!(sizes, [15, 3, 3]);
    }

    /// The groups by a look at every pair, again and again until nothing changes.
    fn model(
        found: &[(usize, i64)],
        positions: &[Option<(f64, f64)>],
        options: &EventOptions,
    ) -> Vec<Vec<(usize, i64)>> {
        let mut sorted = found.to_vec();
        sorted.sort_by_key(|(station, hour)| (*hour, *station));
        let mut label: Vec<usize> = (0..sorted.len()).collect();
        let are_near = |a: (usize, i64), b: (usize, i64)| {
            let at = |(latitude, longitude)| Position { latitude, longitude };
            let near = match (positions[a.0], positions[b.0]) {
                (Some(one), Some(other)) => at(one).distance_km(at(other)) <= options.distance_km,
                _ => a.0 == b.0,
            };
            near && (a.1 - b.1).abs() * HOUR_US <= options.gap_us
        };
        loop {
            let before = label.clone();
            for a in 0..sorted.len() {
                for b in 0..sorted.len() {
                    if are_near(sorted[a], sorted[b]) {
                        let least = label[a].min(label[b]);
                        (label[a], label[b]) = (least, least);
                    }
                }
            }
            if label == before {
                break;
            }
        }
        let mut groups: BTreeMap<usize, Vec<(usize, i64)>> = BTreeMap::new();
        for (label, one) in label.into_iter().zip(sorted) {
            groups.entry(label).or_default().push(one);
        }
        let mut all = Vec::new();
        for group in groups.into_values() {
            let first = group[0].1;
            if (group[group.len() - 1].1 - first) * HOUR_US <= options.longest_us {
                all.push(group);
                continue;
            }
            let mut rest = &group[..];
            while let Some((_, first)) = rest.first() {
                let end = rest.partition_point(|(_, hour)| (hour - first) * HOUR_US <= options.longest_us);
                all.extend(model(&rest[..end], positions, options));
                rest = &rest[end..];
            }
        }
        all.sort_by_key(|group| (group[0].1, group[0].0));
        all
    }

    proptest! {
        #[test]
        fn links_are_those_of_every_pair(
            places in prop::collection::vec(prop::option::weighted(0.9, (-3.0..3.0, prop_oneof![176.0..180.0, -180.0..-176.0])), 8),
            mut found in prop::collection::vec((0_usize..8, 0_i64..120), 0..60),
            longest in 6_i64..80,
        ) {
            found.sort_unstable();
            found.dedup();
            let options = EventOptions { longest_us: longest * HOUR_US, distance_km: 150.0, ..EventOptions::default() };
            prop_assert_eq!(linked(&found, &places, &options), model(&found, &places, &options));
        }
    }
}
