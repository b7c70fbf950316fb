use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{place, shown};

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
    assert_snapshot!(named("@top-stations", &["--param", "n=1"]), @"");
}

#[test]
fn by_year_month_and_hour() {
    assert_snapshot!(named("@by-year", &[]), @"");
    assert_snapshot!(named("@by-month", &[]), @"");
    assert_snapshot!(named("@by-hour", &[]), @"");
}

#[test]
fn extremes_leave_out_what_has_no_spread() {
    assert_snapshot!(named("@extremes", &["--param", "n=2"]), @"");
}

#[test]
fn runs_need_other_outliers_within_hours() {
    assert_snapshot!(named("@runs", &[]), @"");
    // Four hours are too long a gap.
    assert_snapshot!(named("@runs", &["--param", "hours=2"]), @"");
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
    assert_snapshot!(ask("@storms", "km=200"), @"");
    assert_snapshot!(ask("@storms", "km=190"), @"");
    assert_snapshot!(ask("@isolated", "km=200"), @"");
    assert_snapshot!(ask("@isolated", "km=190"), @"");
}

#[test]
fn values_above_a_threshold_come_from_the_observations() {
    let above = |parameter: &str| shown(&place(), &["observations", "@above", "--param", parameter]);
    assert_snapshot!(above("threshold=20"), @"");
    // A column is a name and nothing else.
    assert_snapshot!(above("measurement=wind\" > 0 or \""), @"");
}

#[test]
fn series_around_an_outlier() {
    let place = place();
    let parameters = ["station=722010-12836", "time=2017-09-10T03:00:00Z", "hours=1"];
    let arguments = parameters.map(|parameter| ["--param", parameter]).concat();
    assert_snapshot!(shown(&place, &[&["observations", "@around"], &arguments[..]].concat()), @"");
    assert_snapshot!(shown(&place, &["observations", "@around"]), @"");
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
    assert_snapshot!(shown(&place, &strong), @"");
    let list = shown(&place, &["--list", "--queries", "queries"]);
    assert!(list.contains("@strong          Values from some limit on.\n    limit=30 "), "{list}");
    std::fs::write(queries.join("broken.sql"), "select 1\n").unwrap();
    assert_snapshot!(shown(&place, &strong), @"");
}

#[test]
fn unknown_names_are_met_with_near_ones() {
    let place = place();
    let refused = |arguments: &[&str]| shown(&place, &[&["outliers.parquet"], arguments].concat());
    assert_snapshot!(refused(&["@top-station"]), @"");
    assert_snapshot!(refused(&["@nonsense"]), @"");
    assert_snapshot!(refused(&["@by-year", "--param", "n=3"]), @"");
    assert_snapshot!(refused(&["@top-stations", "--param", "n=few"]), @"");
    assert_snapshot!(refused(&["select 1", "--param", "n=3"]), @"");
    assert_snapshot!(refused(&["@storms"]), @"");
}
