use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::{dataset, failure, outliers_file, station_list, stdout};

const HEADER: &str =
    "station_id,timestamp,measurement,value,rolling_mean,rolling_std,zscore,window_count,filled\n";

/// A storm over Florida on 2017-09-10, a stuck sensor at Jan Mayen.
fn outliers() -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("outliers.csv");
    let rows = [
        "722010-12836,2017-09-10T00:00:00Z,wind_speed_rate,40,5,1,35,30,false",
        "722020-12839,2017-09-10T06:00:00Z,wind_speed_rate,41,5,1,36,30,false",
        "722020-12839,2018-03-02T06:00:00Z,wind_speed_rate,21,5,1,16,30,false",
        "010010-99999,2017-09-10T08:00:00Z,wind_speed_rate,20,5,0,inf,30,false",
        "010010-99999,2017-09-10T10:00:00Z,wind_speed_rate,20,5,1,15,30,false",
        "010010-99999,2017-09-10T14:00:00Z,wind_speed_rate,20,5,1,15,30,false",
    ];
    std::fs::write(&path, format!("{HEADER}{}\n", rows.join("\n"))).unwrap();
    (directory, path)
}

fn named(query: &str, options: &[&str]) -> String {
    let (_a, outliers) = outliers();
    let (_b, stations) = station_list();
    let mut arguments = vec![outliers.to_str().unwrap(), stations.to_str().unwrap(), query, "--quiet"];
    arguments.extend(options);
    stdout(&arguments)
}

#[test]
fn queries_are_listed_with_their_parameters() {
    let list = stdout(&["--list"]);
    for name in [
        "@top-stations",
        "@by-year",
        "@by-month",
        "@by-hour",
        "@extremes",
        "@runs",
        "@storms",
        "@isolated",
        "@above",
        "@around",
    ] {
        assert!(list.contains(name), "{list}");
    }
    assert!(list.contains("    n=20 "), "{list}");
}

#[test]
fn stations_with_the_most() {
    let expected = "station_id,outliers,measurements,first,last\n\
                    010010-99999,3,1,2017-09-10T08:00:00Z,2017-09-10T14:00:00Z\n";
    assert_eq!(named("@top-stations", &["--param", "n=1"]), expected);
}

#[test]
fn by_year_month_and_hour() {
    assert_eq!(
        named("@by-year", &[]),
        "measurement,year,outliers,stations\nwind_speed_rate,2017,5,3\nwind_speed_rate,2018,1,1\n"
    );
    assert_eq!(
        named("@by-month", &[]),
        "measurement,year,month,outliers,stations\nwind_speed_rate,2017,9,5,3\nwind_speed_rate,2018,3,1,1\n"
    );
    let hours = named("@by-hour", &[]);
    assert!(hours.contains("\nwind_speed_rate,6,2,1\nwind_speed_rate,8,1,1\n"), "{hours}");
}

#[test]
fn extremes_leave_out_what_has_no_spread() {
    let extremes = named("@extremes", &["--param", "n=2"]);
    let rows: Vec<&str> = extremes.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
    assert_eq!(rows, ["722020-12839", "722010-12836"]);
}

#[test]
fn runs_need_company_within_hours() {
    let expected = "station_id,measurement,first,last,outliers,distinct_values,least,most\n\
        010010-99999,wind_speed_rate,2017-09-10T08:00:00Z,2017-09-10T14:00:00Z,3,1,20.0,20.0\n";
    assert_eq!(named("@runs", &[]), expected);
    assert_eq!(named("@runs", &["--param", "hours=2"]).lines().count(), 1, "four hours are too long a gap");
}

#[test]
fn storms_are_shared_and_errors_are_not() {
    let stations = |text: String| -> Vec<String> {
        text.lines().skip(1).map(|line| line.split(',').nth(2).unwrap().to_owned()).collect()
    };
    // The list's fourth station, 722020, is added here: 198 km from Key West.
    let (_a, outliers) = outliers();
    let (_b, list) = station_list();
    let text = std::fs::read_to_string(&list).unwrap()
        + "\"722020\",\"12839\",\"MIAMI INTL\",\"US\",\"FL\",\"KMIA\",\"+25.791\",\"-080.316\",\"+0008.8\",\"19730101\",\"20170925\"\n";
    std::fs::write(&list, text).unwrap();
    let tables = [outliers.to_str().unwrap(), list.to_str().unwrap()];
    let ask =
        |query: &str, km: &str| stations(stdout(&[tables[0], tables[1], query, "--param", km, "--quiet"]));
    assert_eq!(ask("@storms", "km=200"), ["722010-12836", "722020-12839"]);
    assert_eq!(ask("@storms", "km=190"), Vec::<String>::new());
    assert_eq!(ask("@isolated", "km=200"), ["010010-99999", "010010-99999", "010010-99999", "722020-12839"]);
    assert_eq!(ask("@isolated", "km=190").len(), 6);
}

#[test]
fn values_above_a_threshold_come_from_the_observations() {
    let (_directory, path) = dataset();
    let arguments = [path.to_str().unwrap(), "@above", "--param", "threshold=20", "--quiet"];
    assert_eq!(stdout(&arguments), "station_id,timestamp,value\n723150-03812,2017-09-10T01:00:00Z,21.0\n");
    let stderr = failure(&[path.to_str().unwrap(), "@above", "--param", "measurement=wind\" > 0 or \""], 1);
    assert!(stderr.contains("there is no column"), "a column is a name and nothing else: {stderr}");
}

#[test]
fn series_around_an_outlier() {
    let (_directory, path) = dataset();
    let arguments = [
        path.to_str().unwrap(),
        "@around",
        "--param",
        "station=722010-12836",
        "--param",
        "time=2017-09-10T03:00:00Z",
        "--param",
        "hours=1",
        "--quiet",
    ];
    let expected = "timestamp,value,zscore,here\n2017-09-10T02:00:00Z,,,false\n\
                    2017-09-10T03:00:00Z,13.0,,true\n2017-09-10T04:00:00Z,14.0,,false\n";
    assert_eq!(stdout(&arguments), expected);
    let stderr = failure(&[path.to_str().unwrap(), "@around"], 1);
    assert!(
        stderr.starts_with("error: @around: parameter `station` is missing\nhint: give it: --param station="),
        "{stderr}"
    );
}

#[test]
fn queries_of_ones_own_are_added() {
    let (_directory, path) = outliers_file();
    let directory = TempDir::new().unwrap();
    let text = "-- Values from some limit on.\n-- $limit number = 30: the limit\nselect count(*) as n from outliers where value >= $limit\n";
    std::fs::write(directory.path().join("strong.sql"), text).unwrap();
    std::fs::write(directory.path().join("notes.txt"), "no query").unwrap();
    let queries = directory.path().to_str().unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(stdout(&[path, "@strong", "--queries", queries, "-q"]), "n\n2\n");
    assert!(stdout(&["--list", "--queries", queries]).contains("@strong"));
    std::fs::write(directory.path().join("broken.sql"), "select 1\n").unwrap();
    let stderr = failure(&[path, "@strong", "--queries", queries], 1);
    assert!(stderr.contains("broken.sql: line 1: expected a description\nhint: "), "{stderr}");
}

#[test]
fn unknown_names_are_met_with_near_ones() {
    let (_directory, path) = outliers_file();
    let path = path.to_str().unwrap();
    assert!(failure(&[path, "@top-station"], 1).contains("hint: did you mean @top-stations?"));
    assert!(
        failure(&[path, "@by-year", "--param", "n=3"], 1)
            .contains("there is no parameter `n`\nhint: it has none")
    );
    assert!(failure(&[path, "@top-stations", "--param", "n=few"], 1).contains("expected a whole number"));
    assert!(failure(&[path, "select 1", "--param", "n=3"], 2).contains("--param is for named queries"));
    assert!(failure(&[path, "@storms"], 1).contains("name NOAA's list too: isd-history.csv"));
}
