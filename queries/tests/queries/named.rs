use insta::assert_snapshot;
use isd_queries::named::{NamedQueries, NamedQuery};
use isd_queries::{Error, Result};
use tempfile::TempDir;

use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::support::{outliers, place, shown};

const HEADER: &str =
    "station_id,timestamp,measurement,value,rolling_mean,rolling_std,zscore,window_count,filled\n";

/// A directory with a station list and `outliers.csv`: a storm over Florida on 2017-09-10, a stuck sensor at Jan Mayen.
fn storm() -> TempDir {
    let place = place();
    let rows = [
        "722010-12836,2017-09-10T00:00:00Z,wind_speed_rate,40,5,1,35,30,false",
        "722020-12839,2017-09-10T06:00:00Z,wind_speed_rate,41,5,1,36,30,false",
        "722020-12839,2018-03-02T06:00:00Z,wind_speed_rate,21,5,1,16,30,false",
        "010010-99999,2017-09-10T08:00:00Z,wind_speed_rate,20,5,0,inf,30,false",
        "010010-99999,2017-09-10T10:00:00Z,wind_speed_rate,20,5,1,15,30,false",
        "010010-99999,2017-09-10T14:00:00Z,wind_speed_rate,20,5,1,15,30,false",
    ];
    std::fs::write(place.path().join("outliers.csv"), format!("{HEADER}{}\n", rows.join("\n"))).unwrap();
    place
}

fn named(query: &str, options: &[&str]) -> String {
    shown(&storm(), &[&["outliers.csv", "isd-history.csv", query, "--quiet"], options].concat())
}

#[test]
fn queries_are_listed_with_their_parameters() {
    assert_snapshot!("list", shown(&place(), &["--list"]));
}

#[test]
fn stations_with_the_most() {
    assert_snapshot!(named("@top-stations", &["--param", "n=1"]), @"
    station_id,outliers,measurements,first,last
    010010-99999,3,1,2017-09-10T08:00:00Z,2017-09-10T14:00:00Z
    ");
}

#[test]
fn by_year_month_and_hour() {
    assert_snapshot!(named("@by-year", &[]), @"
    measurement,year,outliers,stations
    wind_speed_rate,2017,5,3
    wind_speed_rate,2018,1,1
    ");
    assert_snapshot!(named("@by-month", &[]), @"
    measurement,year,month,outliers,stations
    wind_speed_rate,2017,9,5,3
    wind_speed_rate,2018,3,1,1
    ");
    assert_snapshot!(named("@by-hour", &[]), @"
    measurement,hour,outliers,stations
    wind_speed_rate,0,1,1
    wind_speed_rate,6,2,1
    wind_speed_rate,8,1,1
    wind_speed_rate,10,1,1
    wind_speed_rate,14,1,1
    ");
}

#[test]
fn extremes_leave_out_what_has_no_spread() {
    assert_snapshot!(named("@extremes", &["--param", "n=2"]), @"
    measurement,station_id,timestamp,value,rolling_mean,rolling_std,zscore
    wind_speed_rate,722020-12839,2017-09-10T06:00:00Z,41.0,5.0,1.0,36.0
    wind_speed_rate,722010-12836,2017-09-10T00:00:00Z,40.0,5.0,1.0,35.0
    ");
}

#[test]
fn runs_need_other_outliers_within_hours() {
    assert_snapshot!(named("@runs", &[]), @"
    station_id,measurement,first,last,outliers,distinct_values,least,most
    010010-99999,wind_speed_rate,2017-09-10T08:00:00Z,2017-09-10T14:00:00Z,3,1,20.0,20.0
    ");
    // Four hours are too long a gap.
    assert_snapshot!(named("@runs", &["--param", "hours=2"]), @"station_id,measurement,first,last,outliers,distinct_values,least,most");
}

#[test]
fn events_and_their_observations_are_tables_by_name() {
    let place = TempDir::new().unwrap();
    std::fs::write(
        place.path().join("found.csv"),
        "event_id,kind,verdict,start,end,stations,observations,peak_value,peak_station,peak_time,latitude,longitude,extent_km,lowest_pressure,severity\n\
         wind-b,wind,event,2018-04-17T15:00:00Z,2018-04-17T22:00:00Z,4,5,20.1,725640-24018,2018-04-17T21:00:00Z,39.6,-105.9,342.5,992.2,5.069\n\
         wind-a,wind,event,2017-09-10T04:00:00Z,2017-09-11T03:00:00Z,3,31,25.7,722030-12844,2017-09-10T20:00:00Z,26.0,-80.3,120.0,987.2,5.492\n\
         heat-c,heat,event,2017-06-22T11:00:00Z,2017-06-22T17:00:00Z,4,9,35.4,071490-99999,2017-06-22T15:00:00Z,48.6,2.2,50.0,1009.6,4.1\n\
         wind-d,wind,suspected_error,2016-02-25T09:00:00Z,2016-02-25T09:00:00Z,1,1,86.0,317540-99999,2016-02-25T09:00:00Z,48.6,137.1,0.0,1022.9,3.739\n",
    )
    .unwrap();
    std::fs::write(
        place.path().join("parts.csv"),
        "event_id,station_id,timestamp,measurement,value,threshold\n\
         wind-a,722030-12844,2017-09-10T20:00:00Z,wind_speed_rate,25.7,11.8\n\
         wind-b,725640-24018,2018-04-17T21:00:00Z,wind_speed_rate,20.1,17.0\n\
         wind-a,722020-12839,2017-09-10T11:00:00Z,wind_speed_rate,22.1,11.3\n",
    )
    .unwrap();
    let ask = |query: &str, options: &[&str]| {
        shown(&place, &[&["found.csv", "parts.csv", query, "--quiet"], options].concat())
    };
    assert_snapshot!(ask("@events", &["--param", "n=2"]), @"
    event_id,kind,start,end,stations,observations,peak_value,peak_station,lowest_pressure,severity
    wind-a,wind,2017-09-10T04:00:00Z,2017-09-11T03:00:00Z,3,31,25.7,722030-12844,987.2,5.492
    wind-b,wind,2018-04-17T15:00:00Z,2018-04-17T22:00:00Z,4,5,20.1,725640-24018,992.2,5.069
    ");
    assert_snapshot!(ask("@events", &["--param", "kind=wind", "--param", "verdict=suspected_error"]), @"
    event_id,kind,start,end,stations,observations,peak_value,peak_station,lowest_pressure,severity
    wind-d,wind,2016-02-25T09:00:00Z,2016-02-25T09:00:00Z,1,1,86.0,317540-99999,1022.9,3.739
    ");
    assert_snapshot!(ask("@event", &["--param", "id=wind-a"]), @"
    timestamp,station_id,measurement,value,threshold
    2017-09-10T11:00:00Z,722020-12839,wind_speed_rate,22.1,11.3
    2017-09-10T20:00:00Z,722030-12844,wind_speed_rate,25.7,11.8
    ");
}

#[test]
fn flags_are_counted_by_station_and_by_test() {
    let place = TempDir::new().unwrap();
    std::fs::write(
        place.path().join("qc.csv"),
        "station_id,timestamp,measurement,value,test,verdict,statistic,lower,upper,detail\n\
         010010-99999,2017-01-01T00:00:00Z,wind_speed_rate,86.0,spike,erroneous,9.0,0.0,20.0,\n\
         010010-99999,2017-01-01T00:00:00Z,wind_speed_rate,86.0,neighbour,erroneous,9.0,0.0,20.0,\n\
         010010-99999,2017-01-02T00:00:00Z,air_temperature,50.0,spike,suspect,9.0,0.0,20.0,\n\
         722010-12836,2017-01-03T00:00:00Z,wind_speed_rate,60.0,spike,erroneous,9.0,0.0,20.0,\n\
         722010-12836,2017-01-04T00:00:00Z,wind_speed_rate,70.0,spike,erroneous,9.0,0.0,20.0,\n\
         722010-12836,2017-01-05T00:00:00Z,wind_speed_rate,30.0,spike,released,9.0,0.0,20.0,\n",
    )
    .unwrap();
    let ask = |query: &str| shown(&place, &["qc.csv", query, "--quiet"]);
    assert_snapshot!(ask("@stations-with-errors"), @"
    station_id,erroneous,measurements,first,last
    722010-12836,2,1,2017-01-03T00:00:00Z,2017-01-04T00:00:00Z
    010010-99999,1,1,2017-01-01T00:00:00Z,2017-01-01T00:00:00Z
    ");
    assert_snapshot!(ask("@flag-rates"), @"
    measurement,test,erroneous,suspect,released,stations,percent
    air_temperature,spike,0,1,0,1,100.0
    wind_speed_rate,neighbour,1,0,0,1,20.0
    wind_speed_rate,spike,3,0,1,2,80.0
    ");
}

#[test]
fn the_stations_of_a_dataset_are_a_table() {
    let place = place();
    std::fs::write(
        place.path().join("observations/_stations.csv"),
        "station_id,name,country,state,latitude,longitude,elevation,first,last,rows\n\
         010010-99999,JAN MAYEN,NO,,70.9,-8.7,9.0,2017-09-10T00:00:00Z,2017-09-10T05:00:00Z,6\n\
         722010-12836,,,,,,,2017-09-10T00:00:00Z,2017-09-10T08:00:00Z,9\n",
    )
    .unwrap();
    let sql = "select s.station_id, s.name, s.latitude, count(*) as n from stations s join observations o \
               on o.station_id = s.station_id group by 1, 2, 3 order by 1";
    assert_snapshot!(shown(&place, &["observations", sql, "--quiet"]), @"
    station_id,name,latitude,n
    010010-99999,JAN MAYEN,70.9,6
    722010-12836,,,9
    ");
    // A list that is named goes before it.
    let icao = "select count(icao) as n from stations";
    for tables in [["observations", "isd-history.csv"], ["isd-history.csv", "observations"]] {
        assert_eq!(shown(&place, &[&tables[..], &[icao, "--quiet"]].concat()), "n\n2\n");
    }
}

#[test]
fn values_above_a_threshold_come_from_the_observations() {
    let above = |parameter: &str| shown(&place(), &["observations", "@above", "--param", parameter]);
    assert_snapshot!(above("threshold=20"), @"
    station_id,timestamp,value
    723150-03812,2017-09-10T01:00:00Z,21.0
    [stderr]
    1 row, [TIME]
    ");
    // A column is a name and nothing else.
    assert_snapshot!(above("measurement=wind\" > 0 or \""), @r#"
    [stderr]
    error: SQL line 6, column 7: there is no column `wind" > 0 or "`
    hint: columns: station_id, timestamp, wind_speed_rate, block
    [status 1]
    "#);
}

#[test]
fn series_around_an_outlier() {
    let place = place();
    let parameters = ["station=722010-12836", "time=2017-09-10T03:00:00Z", "hours=1"];
    let arguments = parameters.map(|parameter| ["--param", parameter]).concat();
    assert_snapshot!(shown(&place, &[&["observations", "@around"], &arguments[..]].concat()), @"
    timestamp,value,filled,zscore,here
    2017-09-10T02:00:00Z,11.0,true,,false
    2017-09-10T03:00:00Z,13.0,false,,true
    2017-09-10T04:00:00Z,14.0,false,,false
    [stderr]
    3 rows, [TIME]
    ");
    assert_snapshot!(shown(&place, &["observations", "@around"]), @"
    [stderr]
    error: @around: parameter `station` is missing
    hint: give it: --param station=…, its station_id, or a part of its id or of its name
    [status 1]
    ");
}

#[test]
fn queries_of_ones_own_are_added() {
    let place = place();
    let queries = place.path().join("queries");
    std::fs::create_dir(&queries).unwrap();
    let text = "-- Values from some limit on.\n-- $limit number = 30: the limit\nselect count(*) as n from outliers where value >= $limit\n";
    std::fs::write(queries.join("strong.sql"), text).unwrap();
    std::fs::write(queries.join("notes.txt"), "no query").unwrap();
    let strong = ["outliers.parquet", "@strong", "--queries", "queries"];
    assert_snapshot!(shown(&place, &strong), @"
    n
    2
    [stderr]
    1 row, [TIME]
    ");
    let list = shown(&place, &["--list", "--queries", "queries"]);
    assert!(list.contains("@strong          Values from some limit on.\n    limit=30 "), "{list}");
}

#[test]
fn unknown_names_are_met_with_near_ones() {
    let place = place();
    let refused = |arguments: &[&str]| shown(&place, &[&["outliers.parquet"], arguments].concat());
    assert_snapshot!(refused(&["@top-station"]), @"
    [stderr]
    error: @top-station: there is no such query
    hint: did you mean @top-stations?
    [status 1]
    ");
    assert_snapshot!(refused(&["@nonsense"]), @"
    [stderr]
    error: @nonsense: there is no such query
    hint: there are @above, @around, @by-hour, @by-month, @by-year, @event, @events, @explain, @extremes, @flag-rates, @runs, @stations-with-errors, @top-stations
    [status 1]
    ");
    assert_snapshot!(refused(&["@by-year", "--param", "n=3"]), @"
    [stderr]
    error: @by-year: there is no parameter `n`
    hint: it has none
    [status 1]
    ");
    assert_snapshot!(refused(&["@top-stations", "--param", "n=few"]), @"
    [stderr]
    error: @top-stations: parameter `n` is `few`, expected a whole number
    hint: how many stations
    [status 1]
    ");
    assert_snapshot!(refused(&["select 1", "--param", "n=3"]), @"
    [stderr]
    error: --param is for named queries
    hint: isd-query --list shows them
    [status 2]
    ");
    assert_snapshot!(refused(&["@events"]), @"
    [stderr]
    error: SQL line 6, column 6: there is no table `events`
    hint: the table is called `outliers`
    [status 1]
    ");
}

/// The query of a file with this text.
fn query(text: &str) -> Result<NamedQuery> {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("test.sql"), text).unwrap();
    let mut queries = NamedQueries::built_in()?;
    match queries.add_directory(directory.path())?.pop() {
        Some(error) => Err(error),
        None => queries.find("test").cloned(),
    }
}

fn given(values: &[(&str, &str)]) -> Vec<(String, String)> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn values_become_literals_and_names() {
    let text = "-- All kinds.\n-- $i integer = 5: one\n-- $x number: two\n-- $t text: three\n-- $c column: four\n\
                select $i, $x, $t, $c, '$i' -- $i";
    let bound = query(text).unwrap().bind(&given(&[("x", "-2"), ("t", "O'Hare"), ("c", "a\"b")])).unwrap();
    assert!(bound.ends_with("select 5, (-2.0), 'O''Hare', \"a\"\"b\", '$i' -- $i"), "{bound}");
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let query = query("-- One.\n-- $n integer: how many\nselect $n").unwrap();
    for values in [&[][..], &[("n", "5; drop table x")], &[("n", "1"), ("m", "2")], &[("n", "1.5")]] {
        assert!(matches!(query.bind(&given(values)), Err(Error::Parameter { .. })), "{values:?}");
    }
}

#[test]
fn broken_files_name_the_line() {
    let line = |text: &str| match query(text) {
        Err(Error::Query { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line("select 1"), 1);
    assert_eq!(line("-- One.\n-- $n whole = 1: x\nselect $n"), 2);
    assert_eq!(line("-- One.\n-- $n integer = x: x\nselect $n"), 2);
    assert_eq!(line("-- One.\nselect $n"), 1);
}

#[test]
fn broken_file_is_named_and_passed_over() {
    let place = place();
    std::fs::create_dir(place.path().join("mine")).unwrap();
    std::fs::write(place.path().join("mine/broken.sql"), "select 1\n").unwrap();
    std::fs::write(place.path().join("mine/two.sql"), "-- Two.\nselect 2 as two\n").unwrap();
    assert_snapshot!(shown(&place, &["outliers.parquet", "@two", "--queries", "mine", "--quiet"]), @"
    two
    2
    [stderr]
    note: passed over: mine/broken.sql: line 1: expected a description; first lines: `-- what it answers`, then `-- $name kind = default: what it means`
    ");
}

#[test]
fn named_query_stands_in_place_of_a_table() {
    let place = place();
    let sql = "select t.station_id, outliers * 2 as twice, y.year
               from @top-stations(n = 1) as t join (select year from @by-year) y on true where t.outliers > 1 -- @nothing";
    assert_snapshot!(shown(&place, &["outliers.parquet", sql, "--quiet"]), @"
    station_id,twice,year
    722010-12836,6,2017
    ");
    let sql = "select count(*) as n from @above(measurement = 'wind_speed_rate', threshold = 15)";
    assert_snapshot!(shown(&place, &["observations", sql, "--quiet"]), @"
    n
    4
    ");
    let refused = |sql: &str| shown(&place, &["outliers.parquet", sql, "--quiet"]);
    assert_snapshot!(refused("select * from @top-station"), @"
    [stderr]
    error: @top-station: there is no such query
    hint: did you mean @top-stations?
    [status 1]
    ");
    assert_snapshot!(refused("select * from @top-stations(1)"), @"
    [stderr]
    error: @top-stations: `1` is no parameter = value
    hint: such as @top-stations(name = value)
    [status 1]
    ");
    assert_snapshot!(refused("select * from @top-stations(n = few"), @"
    [stderr]
    error: @top-stations: the bracket after it is not closed
    hint: such as @top-stations(name = value)
    [status 1]
    ");
    assert_snapshot!(refused("select '@top-stations' as text, 3 as \"@x\""), @"
    text,@x
    @top-stations,3
    ");
}

/// Outliers of the place that say how they were made.
fn write_made_with(place: &TempDir, parameters: &str) {
    let batch = outliers();
    let pairs = vec![KeyValue::new("isd.parameters".to_owned(), parameters.to_owned())];
    let properties = WriterProperties::builder().set_key_value_metadata(Some(pairs)).build();
    let file = std::fs::File::create(place.path().join("outliers.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn outlier_is_explained_by_its_window() {
    let place = place();
    let explained = |station: &str, more: &[&str]| {
        let station = format!("station={station}");
        let given = ["outliers.parquet", "observations", "isd-history.csv", "@explain", "--quiet"];
        let parameters = ["--param", station.as_str(), "--param", "time=2017-09-10T07:00:00Z"];
        shown(&place, &[&given[..], &parameters[..], more].concat())
    };
    // Values 10, 11, none, 13, 14, none, 16, 17: of the three before the last, one is filled. By its id, in part, by name.
    write_made_with(
        &place,
        r#"{"window": 3, "threshold": 2.5, "include_current": false, "ddof": 0, "min_std": 1.0}"#,
    );
    let by_id = explained("722010-12836", &[]);
    assert_snapshot!(by_id, @"
    timestamp,value,filled,here,mean,std,deviation,limit
    2017-09-10T04:00:00Z,14.0,false,false,,,,
    2017-09-10T05:00:00Z,14.0,true,false,,,,
    2017-09-10T06:00:00Z,16.0,false,false,,,,
    2017-09-10T07:00:00Z,17.0,false,true,14.666666666666666,0.9428090415820636,2.333333333333334,2.5
    ");
    assert_eq!(explained("2010-1", &[]), by_id);
    assert_eq!(explained("key west", &[]), by_id);
    // What is given counts more than what the outliers were made with.
    let two = explained("722010", &["--param", "window=2"]);
    assert!(two.contains("2017-09-10T07:00:00Z,17.0,false,true,15.0,1.0,2.0,2.5\n"), "{two}");
    // Five hours of time; the value of 01:00 is not carried to 02:00 over more than half an hour.
    write_made_with(
        &place,
        r#"{"window_seconds": 18000.0, "threshold": 6.0, "fill_limit_seconds": 1800.0, "ddof": 1}"#,
    );
    assert_snapshot!(explained("722010", &[]), @"
    timestamp,value,filled,here,mean,std,deviation,limit
    2017-09-10T03:00:00Z,13.0,false,false,,,,
    2017-09-10T04:00:00Z,14.0,false,false,,,,
    2017-09-10T06:00:00Z,16.0,false,false,,,,
    2017-09-10T07:00:00Z,17.0,false,true,14.333333333333334,1.5275252316519463,2.666666666666666,
    ");
    assert_snapshot!(explained("72", &[]), @"
    [stderr]
    error: @explain: `72` is in the id or name of 2 stations
    hint: such as 722010-12836, 723150-03812
    [status 1]
    ");
    assert_snapshot!(explained("nowhere at all", &[]), @"
    [stderr]
    error: @explain: no station of the table `observations` has `nowhere at all` in its id or name
    hint: `select distinct station_id from observations` lists what there is
    [status 1]
    ");
}
