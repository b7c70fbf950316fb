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
fn storms_are_shared_and_errors_are_not() {
    let place = storm();
    // The list's fourth station, 722020, is added here: 198 km from Key West.
    let list = place.path().join("isd-history.csv");
    let text = std::fs::read_to_string(&list).unwrap()
        + "\"722020\",\"12839\",\"MIAMI INTL\",\"US\",\"FL\",\"KMIA\",\"+25.791\",\"-080.316\",\"+0008.8\",\"19730101\",\"20170925\"\n";
    std::fs::write(&list, text).unwrap();
    let ask = |query: &str, km: &str| {
        shown(&place, &["outliers.csv", "isd-history.csv", query, "--param", km, "--quiet"])
    };
    assert_snapshot!(ask("@storms", "km=200"), @"
    measurement,timestamp,station_id,name,latitude,longitude,value,zscore,neighbours
    wind_speed_rate,2017-09-10T00:00:00Z,722010-12836,KEY WEST INTL,24.555,-81.752,40.0,35.0,1
    wind_speed_rate,2017-09-10T06:00:00Z,722020-12839,MIAMI INTL,25.791,-80.316,41.0,36.0,1
    ");
    assert_snapshot!(ask("@storms", "km=190"), @"measurement,timestamp,station_id,name,latitude,longitude,value,zscore,neighbours");
    assert_snapshot!(ask("@isolated", "km=200"), @"
    measurement,timestamp,station_id,name,latitude,longitude,value,zscore
    wind_speed_rate,2017-09-10T08:00:00Z,010010-99999,JAN MAYEN(NOR-NAVY),70.933,-8.667,20.0,inf
    wind_speed_rate,2017-09-10T10:00:00Z,010010-99999,JAN MAYEN(NOR-NAVY),70.933,-8.667,20.0,15.0
    wind_speed_rate,2017-09-10T14:00:00Z,010010-99999,JAN MAYEN(NOR-NAVY),70.933,-8.667,20.0,15.0
    wind_speed_rate,2018-03-02T06:00:00Z,722020-12839,MIAMI INTL,25.791,-80.316,21.0,16.0
    ");
    assert_snapshot!(ask("@isolated", "km=190"), @"
    measurement,timestamp,station_id,name,latitude,longitude,value,zscore
    wind_speed_rate,2017-09-10T00:00:00Z,722010-12836,KEY WEST INTL,24.555,-81.752,40.0,35.0
    wind_speed_rate,2017-09-10T06:00:00Z,722020-12839,MIAMI INTL,25.791,-80.316,41.0,36.0
    wind_speed_rate,2017-09-10T08:00:00Z,010010-99999,JAN MAYEN(NOR-NAVY),70.933,-8.667,20.0,inf
    wind_speed_rate,2017-09-10T10:00:00Z,010010-99999,JAN MAYEN(NOR-NAVY),70.933,-8.667,20.0,15.0
    wind_speed_rate,2017-09-10T14:00:00Z,010010-99999,JAN MAYEN(NOR-NAVY),70.933,-8.667,20.0,15.0
    wind_speed_rate,2018-03-02T06:00:00Z,722020-12839,MIAMI INTL,25.791,-80.316,21.0,16.0
    ");
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
    timestamp,value,zscore,here
    2017-09-10T02:00:00Z,,,false
    2017-09-10T03:00:00Z,13.0,,true
    2017-09-10T04:00:00Z,14.0,,false
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
    hint: there are @above, @around, @by-hour, @by-month, @by-year, @explain, @extremes, @isolated, @runs, @storms, @top-stations
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
    assert_snapshot!(refused(&["@storms"]), @"
    [stderr]
    error: SQL line 9, column 8: there is no table `stations`
    hint: the table is called `outliers`; name NOAA's list too: isd-history.csv
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
    2017-09-10T07:00:00Z,17.0,false,true,14.333333333333334,1.5275252316519463,2.666666666666666,9.165151389911678
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
