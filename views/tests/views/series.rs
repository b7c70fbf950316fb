use isd_kernel::RollingTest;
use isd_views::band::Band;
use isd_views::series_plot::{Panel, SeriesPlot};
use proptest::prelude::*;

use resvg::usvg::fontdb;

use crate::support::{
    HOUR, Rows, START, dataset, hours, one_station, place, series, stderr, texts, value_points, view,
};

/// An hour's steps between 2 and 2.4.
fn calm(count: usize) -> Vec<Option<f64>> {
    (0..count).map(|hour| Some(2.0 + (hour % 3) as f64 / 5.0)).collect()
}

#[test]
fn a_small_picture_is_known_by_heart() {
    let directory = one_station("Palm Beach", &[Some(2.0), Some(3.5), None, Some(2.5), Some(3.0)]);
    insta::assert_snapshot!(series(&directory, &["--window", "2"]));
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let directory = one_station("Palm Beach", &calm(500));
    assert_eq!(series(&directory, &[]), series(&directory, &[]));
}

#[test]
fn a_series_without_values_says_so() {
    let directory = one_station("Palm Beach", &[None; 40]);
    assert!(texts(&series(&directory, &[])).contains(&"no values in this span".to_owned()));
}

#[test]
fn a_span_without_rows_says_so() {
    let svg = series(&one_station("Palm Beach", &calm(50)), &["--from", "2019-01-01", "--to", "2019-01-03"]);
    assert!(texts(&svg).contains(&"no values in this span".to_owned()));
}

#[test]
fn one_value_is_a_dot_in_its_day() {
    let svg = series(&one_station("Palm Beach", &[Some(4.5)]), &[]);
    assert_eq!(value_points(&svg), [vec![(525.0, 272.0)]]);
    assert!(svg.contains(r##"<circle cx="525" cy="272" fill="#222222" r="2"/>"##));
}

#[test]
fn a_gap_of_years_breaks_the_line_and_is_marked() {
    let mut times = hours(100);
    times.extend(hours(100).iter().map(|time| time + 3 * 365 * 24 * HOUR));
    let rows = Rows {
        station_id: "722030-12844",
        place: place("Palm Beach", 26.68, -80.1),
        times,
        values: calm(200),
    };
    let svg = series(&dataset(&[rows]), &[]);
    assert_eq!(value_points(&svg).len(), 2);
    assert!(texts(&svg).contains(&"no values 2017-09-14T03:00:00Z to 2020-09-09T00:00:00Z".to_owned()));
}

#[test]
fn a_change_behind_equal_values_is_an_outlier_of_infinite_z() {
    let mut values = vec![Some(2.0); 40];
    values[35] = Some(2.1);
    values[39] = Some(1.9);
    let svg = series(&one_station("Palm Beach", &values), &["--window", "30"]);
    let titles = texts(&svg);
    assert!(titles.contains(&"2017-09-11T11:00:00Z 2.1, z inf".to_owned()), "{titles:?}");
    // Behind the first change there is a spread; with a shorter window there is none again.
    let svg = series(&one_station("Palm Beach", &values), &["--window", "3"]);
    assert!(texts(&svg).contains(&"2017-09-11T15:00:00Z 1.9, z -inf".to_owned()));
}

#[test]
fn of_65_000_rows_the_only_extreme_is_drawn() {
    let mut values = calm(65_000);
    values[43_210] = Some(40.0);
    let svg = series(&one_station("Palm Beach", &values), &[]);
    let points = value_points(&svg).concat();
    assert!(points.len() <= 2 * 906, "{} points", points.len());
    let highest = points.iter().copied().reduce(|a, b| if a.1 < b.1 { a } else { b }).unwrap();
    let expected = 72.0 + 43_210.0 / 64_999.0 * 906.0;
    assert!((highest.0 - expected).abs() < 0.5, "{highest:?} is not at {expected}");
    assert_eq!(points.iter().filter(|point| point.1 < highest.1 + 50.0).count(), 1);
    assert!(!texts(&svg).contains(&"window mean".to_owned()), "a mean would cover what is behind it");
}

#[test]
fn a_century_of_days_has_decades() {
    let times: Vec<i64> = (0..36_524).map(|day| (day - 25_567) * 24 * HOUR).collect();
    let values = calm(times.len());
    let rows = Rows { station_id: "722030-12844", place: place("Palm Beach", 26.68, -80.1), times, values };
    let ticks = texts(&series(&dataset(&[rows]), &[]));
    assert!(["1900", "1950", "1990"].iter().all(|year| ticks.iter().any(|text| text == year)), "{ticks:?}");
}

#[test]
fn names_are_texts_whatever_they_hold() {
    let name = "<script>alert('1')</script> & \"Žďár\" 東京\u{1}";
    let directory = one_station(name, &calm(40));
    let svg = series(&directory, &[]);
    assert!(!svg.contains("<script"));
    assert!(svg.contains("&lt;script&gt;alert('1')&lt;/script&gt; &amp; \"Žďár\" 東京\u{fffd}"), "{svg}");
    let page = ["--plot", "series", "--station", "722030", "-m", "wind_speed_rate", "-o", "page.html"];
    assert!(crate::support::view(&directory, &page).status.success());
    let page = std::fs::read_to_string(directory.path().join("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && !page.contains("<script") && page.contains(&svg));
}

#[test]
fn outliers_and_flags_of_files_are_marked_and_released_ones_are_not() {
    let directory = one_station("Palm Beach", &calm(60));
    let rows = "station_id,timestamp,measurement,value,zscore\n\
                722030-12844,2017-09-10T05:00:00Z,wind_speed_rate,2.4,7.25\n\
                722030-12844,2017-09-10T06:00:00Z,air_temperature,9.0,7.5\n\
                722030-00000,2017-09-10T07:00:00Z,wind_speed_rate,9.0,7.75\n";
    std::fs::write(directory.path().join("outliers.csv"), rows).unwrap();
    let rows = "station_id,timestamp,measurement,value,test,verdict\n\
                722030-12844,2017-09-10T08:00:00Z,wind_speed_rate,2.2,spike,erroneous\n\
                722030-12844,2017-09-10T09:00:00Z,wind_speed_rate,2.2,streak,suspect\n\
                722030-12844,2017-09-10T10:00:00Z,wind_speed_rate,2.2,spike,released\n";
    std::fs::write(directory.path().join("flags.csv"), rows).unwrap();
    let titles = texts(&series(&directory, &["--outliers", "outliers.csv", "--flags", "flags.csv"]));
    let of_marks: Vec<&str> =
        titles.iter().filter(|text| text.starts_with("2017-09-10T")).map(String::as_str).collect();
    assert_eq!(
        of_marks,
        [
            "2017-09-10T08:00:00Z 2.2, erroneous spike",
            "2017-09-10T09:00:00Z 2.2, suspect streak",
            "2017-09-10T05:00:00Z 2.4, z 7.2"
        ]
    );
}

#[test]
fn the_band_is_that_of_the_whole_record() {
    let directory = one_station("Palm Beach", &calm(100));
    let start = isd_dataset::time::iso8601(START + 70 * HOUR);
    let svg = series(&directory, &["--from", &start]);
    let texts = texts(&svg);
    assert!(texts.contains(&"window mean".to_owned()));
    let area = svg.lines().find(|line| line.contains("fill-opacity") && line.contains("<path")).unwrap();
    // It comes from the row before the view, at the left of the panel's edge.
    let first: f64 = area.split(['M', ' ']).nth(2).and_then(|x| x.parse().ok()).unwrap();
    assert!(first < 72.0, "{first}");
}

proptest! {
    /// Whatever doubles a series holds, and whatever span is drawn, each position of the picture is a number.
    #[test]
    fn every_series_is_drawn(
        values in prop::collection::vec(any::<f64>(), 0..60),
        times in prop::collection::btree_set(any::<i64>(), 60),
        (from, length) in (any::<i64>(), 1_i64..i64::MAX),
        whole in any::<bool>(),
    ) {
        let times: Vec<i64> = times.into_iter().take(values.len()).collect();
        let span = match (times.first(), times.last()) {
            (Some(first), Some(last)) if whole => *first..last.saturating_add(1),
            _ => from..from.saturating_add(length),
        };
        let band = Band::of(&times, &values, &RollingTest::default()).unwrap();
        let panels = vec![Panel { values, band: Some(band), ..Panel::default() }];
        let plot = SeriesPlot { title: String::new(), subtitle: String::new(), times, span, panels };
        let svg = plot.draw().svg();
        texts(&svg);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
    }
}

#[test]
fn a_picture_becomes_pixels_with_a_font_of_the_system() {
    let directory = one_station("Ōsaka <b>", &[Some(2.0); 40]);
    let arguments = ["--plot", "series", "--station", "722030", "-m", "wind_speed_rate", "-o", "picture.png"];
    let output = view(&directory, &arguments);
    let mut fonts = fontdb::Database::new();
    fonts.load_system_fonts();
    let none = isd_views::png::png_with("<svg/>", fontdb::Database::new()).unwrap_err();
    assert_eq!(none.message, "no font is installed that the labels of a PNG could be written in");
    if fonts.is_empty() {
        assert_eq!((output.status.code(), stderr(&output)), (Some(1), none.lines()));
        return;
    }
    let bytes = std::fs::read(directory.path().join("picture.png")).unwrap();
    let size = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(&bytes[1..4], b"PNG");
    assert_eq!((size(16), size(20)), (2000, 2 * (92 + 360 + 62)), "twice the size of the SVG");
    assert!(view(&directory, &[&arguments[..7], &["again.png"]].concat()).status.success());
    assert_eq!(std::fs::read(directory.path().join("again.png")).unwrap(), bytes);
}
