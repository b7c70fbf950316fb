//! Which stations and times a selection holds, and which rows of series.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Float64Array, TimestampMicrosecondArray};
use isd_dataset::StationRun;
use isd_dataset::selection::Selection;
use isd_dataset::series_group::{BatchValues, Dropped, Piece, SeriesGroup};

fn of(patterns: &[&str]) -> Selection {
    Selection::default().stations(patterns).unwrap()
}

#[test]
fn a_station_matches_by_id_beginning_or_pattern() {
    for (patterns, id, held) in [
        (&[][..], "722020-12839", true),
        (&["722020-12839"], "722020-12839", true),
        (&["722020"], "722020-12839", true),
        (&["722021"], "722020-12839", false),
        (&["71", "72"], "722020-12839", true),
        (&["*-12839"], "722020-12839", true),
        (&["72202?-*"], "722020-12839", true),
        (&["72202[12]-*"], "722020-12839", false),
        (&["722020-12839x"], "722020-12839", false),
    ] {
        assert_eq!(of(patterns).holds_station(id), held, "{patterns:?} {id}");
    }
    let placed = of(&["72"]).placed(HashSet::from(["722030-12844".to_owned()]));
    assert!(placed.holds_station("722030-12844") && !placed.holds_station("722020-12839"));
    assert!(Selection::default().stations(["a[b"]).unwrap_err().starts_with("a[b: "));
    assert!(Selection::default().stations([""]).is_err());
}

#[test]
fn the_first_limit_is_wanted_and_the_second_is_not() {
    let selection = Selection::default().times(Some(10), Some(20));
    assert_eq!([9, 10, 19, 20].map(|time| selection.holds_time(time)), [false, true, true, false]);
    assert!(Selection::default().holds_time(i64::MIN) && Selection::default().is_of_all_times());
}

/// Two pieces: five rows of A and two of B in one batch, three more rows of B in the next.
fn group() -> SeriesGroup {
    let piece = |times: &[i64], start: usize, runs: &[(&str, usize)]| Piece {
        values: Arc::new(BatchValues {
            timestamps: TimestampMicrosecondArray::from(times.to_vec()),
            columns: vec![times.iter().map(|time| Some(*time as f64 / 2.0)).collect::<Float64Array>()],
        }),
        start,
        rows: runs.iter().map(|(_, rows)| rows).sum(),
        stations: runs
            .iter()
            .map(|(id, rows)| StationRun { station_id: (*id).into(), rows: *rows })
            .collect(),
    };
    let pieces = vec![
        piece(&[7, 1, 2, 3, 4, 5, 1, 2], 1, &[("A", 5), ("B", 2)]),
        piece(&[3, 4, 5, 9], 0, &[("B", 3)]),
    ];
    SeriesGroup { block: "00".to_owned(), pieces, dropped: Dropped::default() }
}

/// The rows of series, as station, time and value.
fn rows(group: &SeriesGroup) -> Vec<(String, i64, f64)> {
    let ids = group.stations().into_iter().flat_map(|run| vec![run.station_id.to_string(); run.rows]);
    let (times, values) = (group.timestamps(), group.values(0));
    ids.zip(times.values()).zip(values.values()).map(|((id, time), value)| (id, *time, *value)).collect()
}

#[test]
fn rows_are_kept_by_station_and_time_across_pieces() {
    let all = rows(&group());
    for (patterns, from, before) in [
        (&[][..], None, None),
        (&["A"], None, None),
        (&["B"], Some(2), Some(5)),
        (&[], Some(3), None),
        (&[], None, Some(3)),
        (&["B"], Some(4), Some(4)),
        (&["C"], None, None),
        (&[], Some(6), None),
    ] {
        let selection = of(patterns).times(from, before);
        let expected: Vec<_> = all
            .iter()
            .filter(|(id, time, _)| selection.holds_station(id) && selection.holds_time(*time))
            .cloned()
            .collect();
        let kept = selection.rows_of(group()).map(|group| rows(&group)).unwrap_or_default();
        assert_eq!(kept, expected, "{patterns:?} {from:?} {before:?}");
        let expected: Vec<_> = all.iter().filter(|(id, ..)| selection.holds_station(id)).cloned().collect();
        let kept = selection.stations_of(group()).map(|group| rows(&group)).unwrap_or_default();
        assert_eq!(kept, expected, "{patterns:?}");
    }
}
