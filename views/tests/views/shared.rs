use std::fs::File;
use std::io::Read;
use std::path::Path;

use chrono::NaiveDate;
use flate2::read::GzDecoder;

use crate::support::{Rows, dataset, place, series, texts, value_points};

/// The wind of Palm Beach in 2017, from its ISD-Lite file.
fn palm_beach() -> Rows<'static> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/isd-lite/2017/722030-12844-2017.gz");
    let mut text = String::new();
    GzDecoder::new(File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    let row = |line: &str| {
        let fields: Vec<i32> = line.split_whitespace().map(|field| field.parse().unwrap()).collect();
        let date = NaiveDate::from_ymd_opt(fields[0], fields[1] as u32, fields[2] as u32).unwrap();
        let time = date.and_hms_opt(fields[3] as u32, 0, 0).unwrap().and_utc().timestamp_micros();
        (time, (fields[8] != -9999).then(|| f64::from(fields[8]) / 10.0))
    };
    let (times, values) = text.lines().map(row).unzip();
    Rows {
        station_id: "722030-12844",
        place: place("PALM BEACH INTERNATIONAL AIRPORT", 26.68, -80.1),
        times,
        values,
    }
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs the published data in ../shared/data")]
fn irma_stands_out_at_palm_beach_and_is_no_outlier() {
    let directory = dataset(&[palm_beach()]);
    let svg = series(&directory, &["--from", "2017-09-08", "--to", "2017-09-13"]);
    let points = value_points(&svg).concat();
    assert_eq!(points.len(), 144, "an hour's value each");
    let highest = points.iter().copied().reduce(|a, b| if a.1 < b.1 { a } else { b }).unwrap();
    // 2017-09-10T20:00:00Z, 68 hours into six days.
    let expected = 72.0 + 68.0 / 144.0 * 906.0;
    assert!((highest.0 - expected).abs() < 0.01, "{highest:?} is not at {expected}");
    let found = texts(&svg);
    assert!(
        found.contains(&"722030-12844  PALM BEACH INTERNATIONAL AIRPORT (26.68° N, 80.10° W)".to_owned())
    );
    assert!(found.contains(&"Sep 10".to_owned()) && !found.contains(&"outliers".to_owned()));
    // The gust of a thunderstorm in July is one.
    let found = texts(&series(&directory, &["--from", "2017-07-28", "--to", "2017-08-03"]));
    assert!(found.iter().any(|text| text.starts_with("2017-07-30T17:00:00Z 12.9")), "{found:?}");
}
