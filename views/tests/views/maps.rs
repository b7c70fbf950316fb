use std::sync::Arc;

use arrow::array::{Float64Array, StringArray, TimestampMicrosecondArray, UInt64Array};
use isd_dataset::geography::Position;
use isd_dataset::place::Place;
use isd_views::calendar_plot::count;
use isd_views::coast::{is_land, land};
use tempfile::TempDir;

use crate::support::{HOUR, Rows, START, dataset, drawn, hours, place, texts, write_parquet};

/// Two stations in Florida, one near the date line; the first has an outlier at 2017-09-11T12:00:00Z.
fn stations() -> TempDir {
    let values = |spike: bool| -> Vec<Option<f64>> {
        (0..48)
            .map(|hour| Some(if spike && hour == 36 { 30.0 } else { 2.0 + f64::from(hour % 3) / 5.0 }))
            .collect()
    };
    let rows = |station_id, place, spike| Rows { station_id, place, times: hours(48), values: values(spike) };
    dataset(&[
        rows("722020-12839", place("Miami", 25.79, -80.32), true),
        rows("722030-12844", place("Palm Beach", 26.68, -80.1), false),
        rows("916800-99999", place("Nadi", -17.75, 177.45), false),
    ])
}

#[test]
fn stations_outliers_and_events_have_marks_of_their_size_and_colour() {
    let directory = stations();
    let time =
        |hour: i64| Arc::new(TimestampMicrosecondArray::from(vec![START + hour * HOUR]).with_timezone("UTC"));
    let events = directory.path().join("events.parquet");
    write_parquet(
        &events,
        vec![
            ("kind", Arc::new(StringArray::from(vec!["low_pressure"]))),
            ("verdict", Arc::new(StringArray::from(vec!["suspected_error"]))),
            ("start", time(3)),
            ("end", time(30)),
            ("stations", Arc::new(UInt64Array::from(vec![4]))),
            ("peak_value", Arc::new(Float64Array::from(vec![976.7]))),
            ("latitude", Arc::new(Float64Array::from(vec![26.0]))),
            ("longitude", Arc::new(Float64Array::from(vec![-80.0]))),
        ],
    );
    let rows = "station_id,timestamp,measurement,value,zscore\n\
                722020-12839,2017-09-11T12:00:00Z,wind_speed_rate,30.0,99\n";
    std::fs::write(directory.path().join("outliers.csv"), rows).unwrap();
    let all = ["--plot", "map", "--events", "events.parquet", "--outliers", "outliers.csv"];
    let svg = drawn(&directory, &all);
    let found = texts(&svg);
    assert!(found.contains(
        &"low pressure, 4 stations, 2017-09-10T03:00:00Z to 2017-09-11T06:00:00Z, peak 976.7".to_owned()
    ));
    assert!(
        found.contains(&"722020-12839  Miami (25.79° N, 80.32° W): wind_speed_rate 1".to_owned()),
        "{found:?}"
    );
    // The event of four stations has twice the radius of the one outlier, at most 12 pixels.
    let circle = |radius: &str, fill: &str| {
        svg.contains(&format!(r#"fill="{fill}" fill-opacity="0.35" r="{radius}""#))
    };
    assert!(circle("12", "#cc79a7") && circle("6", "#0072b2"));
    // An event that is over is left out.
    let later = drawn(&directory, &[&all[..], &["--from", "2017-09-11T07:00"]].concat());
    assert!(!texts(&later).iter().any(|text| text.starts_with("low pressure")));
}

#[test]
fn a_map_around_a_place_shows_what_is_near_across_the_date_line() {
    let found = texts(&drawn(&stations(), &["--plot", "map", "--around", "-179,-17,600"]));
    assert!(found.contains(&"Nadi".to_owned()) && !found.contains(&"Miami".to_owned()), "{found:?}");
    assert!(found.contains(&"200 km".to_owned()));
}

#[test]
fn land_is_where_it_is() {
    let rings = land();
    let at = |latitude, longitude| is_land(&rings, Position { latitude, longitude });
    // Orlando, Irkutsk, the South Pole's surroundings, Chukotka on both sides of the date line.
    assert!(at(28.5, -81.4) && at(52.3, 104.3) && at(-85.0, 10.0) && at(66.5, 179.0) && at(66.5, -179.0));
    assert!(!at(26.0, -90.0) && !at(0.0, -150.0) && !at(85.0, 170.0));
}

#[test]
fn outliers_are_counted_by_month_and_hour() {
    let counts = count([START + 12 * HOUR, START + 36 * HOUR + 59 * 60_000_000, -HOUR, i64::MAX]);
    assert_eq!(counts[8][12], 2);
    assert_eq!(counts[11][23], 1, "1969-12-31T23:00:00Z");
    assert_eq!(counts.iter().flatten().sum::<u64>(), 3, "a time beyond the calendar is left out");
}

#[test]
fn a_calendar_of_all_stations_or_of_one_counts_what_the_kernel_finds() {
    let directory = stations();
    let all = texts(&drawn(&directory, &["--plot", "calendar", "-m", "wind_speed_rate"]));
    assert!(all.contains(&"Sep 12 h: 1".to_owned()));
    let title = |texts: &[String], start: &str| texts.iter().any(|text| text.starts_with(start));
    assert!(
        title(&all, "1 outliers; wind speed rate") && title(&all, "Outliers by month and hour: all stations")
    );
    let one = ["--plot", "calendar", "-m", "wind_speed_rate", "--station", "722030"];
    assert!(title(&texts(&drawn(&directory, &one)), "no outliers; wind speed rate"));
    let before = ["--plot", "calendar", "-m", "wind_speed_rate", "--to", "2017-09-10"];
    assert!(title(
        &texts(&drawn(&directory, &before)),
        "no outliers; wind speed rate; before 2017-09-11T00:00:00Z"
    ));
}

#[test]
fn a_station_without_a_place_is_no_mark() {
    let rows = |station_id, place| Rows { station_id, place, times: hours(2), values: vec![Some(1.0); 2] };
    let unknown = Place { name: Some("Nowhere".to_owned()), ..Place::default() };
    let directory =
        dataset(&[rows("722020-12839", place("Miami", 25.79, -80.32)), rows("999999-00001", unknown)]);
    let found = texts(&drawn(&directory, &["--plot", "map"]));
    assert!(found.contains(&"Miami".to_owned()) && !found.contains(&"Nowhere".to_owned()));
}
