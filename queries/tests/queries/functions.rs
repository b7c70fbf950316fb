use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{answer, dataset, observations, outliers_file, place, shown, shown_each};

#[test]
fn distance_is_in_km_and_null_where_a_position_is() {
    let (_directory, path) = outliers_file();
    let sql = "select round(great_circle_km(24.555, -81.752, 25.791, -80.316), 1) as km,
               great_circle_km(24.555, null, 25.791, -80.316) as unknown";
    // By the spherical law of cosines on 6371.0088 km.
    let law = |a: [f64; 2], b: [f64; 2]| {
        let [la, oa] = a.map(f64::to_radians);
        let [lb, ob] = b.map(f64::to_radians);
        6371.0088 * (la.sin() * lb.sin() + la.cos() * lb.cos() * (oa - ob).cos()).acos()
    };
    let km = law([24.555, -81.752], [25.791, -80.316]);
    assert_eq!(answer(&path, sql, &[]), format!("km,unknown\n{km:.1},\n"));
}

#[test]
fn distances_are_those_of_a_sphere() {
    let (_directory, path) = outliers_file();
    let km = |positions: [f64; 4]| -> f64 {
        let [lat1, lon1, lat2, lon2] = positions;
        let sql = format!("select great_circle_km({lat1}, {lon1}, {lat2}, {lon2}) as km");
        answer(&path, &sql, &[]).lines().nth(1).unwrap().parse().unwrap()
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} km, expected {b}");
    let quarter = std::f64::consts::FRAC_PI_2 * 6371.0088;
    close(km([0.0, 0.0, 0.0, 90.0]), quarter);
    close(km([90.0, 17.0, 0.0, -120.0]), quarter);
    close(km([45.0, 10.0, -45.0, -170.0]), 2.0 * quarter);
    close(km([60.0, 179.5, 60.0, -179.5]), km([60.0, 0.0, 60.0, 1.0]));
    close(km([25.79, -80.29, 25.79, -80.29]), 0.0);
    // Miami to Key West International Airport, about 203 km.
    let distance = km([25.7906, -80.3164, 24.5561, -81.7596]);
    assert!((distance - 200.0).abs() < 5.0, "{distance}");
}

#[test]
fn forward_fill_keeps_leading_nulls_and_stops_at_its_limit() {
    let (_directory, path) = outliers_file();
    let series =
        "(values (1, 'a', null), (2, 'a', 5), (3, 'a', null), (4, 'a', null), (5, 'a', 7), (1, 'b', null))
                  as s(t, k, x)";
    let sql = format!(
        "select k, t, forward_fill(x) over w as filled, forward_fill(x, 1) over w as one from {series}
         window w as (partition by k order by t) order by k, t"
    );
    let expected = "k,t,filled,one\na,1,,\na,2,5,5\na,3,5,5\na,4,5,\na,5,7,7\nb,1,,\n";
    assert_eq!(answer(&path, &sql, &[]), expected);
}

#[test]
fn zscore_is_that_of_the_values_before() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("observations.csv");
    // Mean 2 and spread 1 before the 8; a missing value is filled with it.
    let winds = ["1", "3", "1", "3", "8", "", "2"];
    let rows: Vec<String> = winds
        .iter()
        .enumerate()
        .map(|(hour, wind)| format!("722010,2017-09-10T{hour:02}:00:00Z,{wind}"))
        .collect();
    std::fs::write(&path, format!("station_id,timestamp,wind\n{}\n", rows.join("\n"))).unwrap();
    let sql = "select wind, rolling_zscore(wind, 4) over w as z, rolling_zscore(wind, 4, 2) over w as early
               from observations window w as (partition by station_id order by timestamp) order by timestamp";
    let z = answer(&path, sql, &[]);
    // Before the last: 1, 3, 8, 8, of mean 5 and population spread sqrt(9.5).
    let last = -3.0 / 9.5_f64.sqrt();
    let expected =
        format!("wind,z,early\n1,,\n3,,\n1,,-1.0\n3,,1.4142135623730951\n8,6.0,6.0\n,,\n2,{last},{last}\n");
    assert_eq!(z, expected);
}

#[test]
fn zscore_without_spread_is_infinite_or_nothing() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("observations.csv");
    let winds = ["4", "4", "4", "4", "3"];
    let rows: Vec<String> = winds
        .iter()
        .enumerate()
        .map(|(hour, wind)| format!("722010,2017-09-10T{hour:02}:00:00Z,{wind}"))
        .collect();
    std::fs::write(&path, format!("station_id,timestamp,wind\n{}\n", rows.join("\n"))).unwrap();
    let sql =
        "select rolling_zscore(wind, 3) over (order by timestamp) as z from observations order by timestamp";
    assert_eq!(answer(&path, sql, &[]), "z\n\"\"\n\"\"\n\"\"\n0.0\n-inf\n");
}

#[test]
fn zscores_do_not_depend_on_batches_or_threads() {
    let directory = TempDir::new().unwrap();
    for (block, station) in [("01", "010010-99999"), ("72", "722010-12836")] {
        let file = directory.path().join(format!("block={block}/part-00000.parquet"));
        crate::support::write_sorted_parquet(&file, &observations(station, 7, 20_000));
    }
    crate::support::write_manifest(directory.path(), 40_000);
    let sql = "select station_id, count(z) as n, round(sum(z), 6) as total, max(z) as most from
               (select station_id, rolling_zscore(wind_speed_rate, 30) over (partition by station_id order by timestamp) as z
               from observations) group by station_id order by station_id";
    // The last digits of a sum depend on the order of its terms.
    let one = answer(directory.path(), sql, &["--threads", "1"]);
    assert_eq!(one, answer(directory.path(), sql, &["--threads", "3"]));
    // Two of three hours are observed; the first 30 hours have no full window.
    assert!(one.starts_with("station_id,n,total,most\n010010-99999,13314,"), "{one}");
}

#[test]
fn arguments_that_make_no_window_are_refused() {
    let calls = [
        "rolling_zscore(value, 0)",
        "rolling_zscore(value, 200000)",
        "rolling_zscore(value, 5, 6)",
        "rolling_zscore(station_id, 5)",
        "forward_fill(value, -1)",
    ];
    let statements = calls.map(|call| format!("select {call} over (order by timestamp) from outliers"));
    let statements = statements.each_ref().map(String::as_str);
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"
    > select rolling_zscore(value, 0) over (order by timestamp) from outliers
    [stderr]
    error: SQL: rolling_zscore: the window is 0, expected a whole number from 1
    [status 1]

    > select rolling_zscore(value, 200000) over (order by timestamp) from outliers
    [stderr]
    error: SQL: rolling_zscore: a window of 200000 rows: expected 1 to 100000
    [status 1]

    > select rolling_zscore(value, 5, 6) over (order by timestamp) from outliers
    [stderr]
    error: SQL: rolling_zscore: min-periods 6: expected 1 to the window's 5
    [status 1]

    > select rolling_zscore(station_id, 5) over (order by timestamp) from outliers
    [stderr]
    error: SQL: no function takes these arguments: rolling_zscore(Utf8View, Int64)
    hint: DESCRIBE shows the types of a table's columns
    [status 1]

    > select forward_fill(value, -1) over (order by timestamp) from outliers
    [stderr]
    error: SQL: forward_fill: the limit is -1, expected a whole number from 1
    [status 1]
    ");
}

#[test]
fn parts_of_times_have_functions() {
    let (_directory, path) = outliers_file();
    let sql = "select year(timestamp) as y, month(timestamp) as m, day(timestamp) as d, hour(timestamp) as h, count(*) as n
               from outliers group by 1, 2, 3, 4 order by 1, 2, 3, 4";
    assert_eq!(
        answer(&path, sql, &[]),
        "y,m,d,h,n\n2017,9,10,0,1\n2017,9,10,1,1\n2017,9,10,12,1\n2017,9,11,1,1\n2017,10,1,0,1\n"
    );
    assert_eq!(answer(&path, "select year(date '2017-06-01') as y", &[]), "y\n2017\n");
}

#[test]
fn times_are_written_by_patterns_of_either_kind() {
    let (_directory, path) = outliers_file();
    let one = |call: &str| {
        answer(
            &path,
            &format!("select {call} as t from outliers order by timestamp, value limit 1 offset 2"),
            &[],
        )
    };
    for call in [
        "to_char(timestamp, 'YYYY-MM-DD HH24:MI')",
        "to_char(timestamp, '%Y-%m-%d %H:%M')",
        "strftime(timestamp, '%Y-%m-%d %H:%M')",
        "strftime('%Y-%m-%d %H:%M', timestamp)",
    ] {
        assert_eq!(one(call), "t\n2017-09-10 12:00\n", "{call}");
    }
    assert_eq!(one("to_char(timestamp, 'Day DD Month')"), "t\nSunday 10 September\n");
    let place = place();
    insta::assert_snapshot!(shown(&place, &["outliers.parquet", "select to_char(timestamp, 'YYYY Q') from outliers"]), @"
    [stderr]
    error: SQL: to_char: the pattern `YYYY Q` has `Q`, which is none of YYYY, YY, MM, Month, Mon, DD, DDD, Day, Dy, HH24, HH12, MI, SS, MS, US, AM, am, IYYY, IW; put other letters in double quotes, or use strftime's %Y, %m, …
    [status 1]
    ");
}

#[test]
fn value_at_the_greatest_or_least_of_another() {
    let (_directory, path) = dataset();
    let sql = "select station_id, arg_max(timestamp, wind_speed_rate) as at_most, max_by(wind_speed_rate, timestamp) as last,
                      arg_min(timestamp, wind_speed_rate) as at_least, min_by(timestamp, 7) as first
               from observations group by 1 order by 1";
    assert_eq!(
        answer(&path, sql, &[]),
        "station_id,at_most,last,at_least,first\n\
         010010-99999,2017-09-10T04:00:00Z,4.0,2017-09-10T00:00:00Z,2017-09-10T00:00:00Z\n\
         722010-12836,2017-09-10T07:00:00Z,17.0,2017-09-10T00:00:00Z,2017-09-10T00:00:00Z\n\
         723150-03812,2017-09-10T01:00:00Z,21.0,2017-09-10T00:00:00Z,2017-09-10T00:00:00Z\n"
    );
    let sql = "select arg_max(station_id, wind_speed_rate) filter (where wind_speed_rate < 15) as found, arg_min(1, null) as none from observations";
    assert_eq!(answer(&path, sql, &[]), "found,none\n722010-12836,\n");
    let place = place();
    insta::assert_snapshot!(shown(&place, &["outliers.parquet", "select arg_max(value, zscore) over (order by timestamp) from outliers"]), @"
    [stderr]
    error: SQL: arg_max has no window; `first_value(x) over (… order by …)` has
    [status 1]
    ");
}

#[test]
fn times_compare_with_texts_of_any_length() {
    let (_directory, path) = outliers_file();
    let count = |condition: &str| {
        answer(&path, &format!("select count(*) as n from outliers where {condition}"), &[])
    };
    for (condition, expected) in [
        ("timestamp >= '2017-09-10 12:00'", 3),
        ("timestamp >= '2017-09-10T12:00'", 3),
        ("timestamp >= '2017-09-10T12:00Z'", 3),
        ("timestamp > '2017-09-10 14:00+02:00'", 2),
        ("timestamp >= '2017-09-10 12:00:00'", 3),
        ("'2017-09-11' <= timestamp", 2),
        ("timestamp between '2017-09-10 01:00' and '2017-09-10 12:00'", 2),
        ("timestamp in ('2017-09-10 01:00', '2017-10-01')", 2),
        ("timestamp < timestamp '2017-09-10 12:00'", 2),
        ("timestamp < cast('2017-09-10T12:00' as timestamp)", 2),
        ("measurement || ' 00:00' = '2017-06-01 00:00'", 0),
        ("'2017-06-01 00:00' = '2017-06-01 00:' || substr('00', 1, 2)", 5),
    ] {
        assert_eq!(count(condition), format!("n\n{expected}\n"), "{condition}");
    }
}
