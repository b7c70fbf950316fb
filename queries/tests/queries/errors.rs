use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{
    answer, dataset, failure, observations, outliers_file, place, run_with_input, shown, shown_each,
    write_parquet,
};

#[test]
fn unknown_column_is_placed_and_the_nearest_named() {
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select station_id,\n  valeu from outliers"]), @"");
}

#[test]
fn unknown_column_is_placed_wherever_it_stands() {
    let statements = [
        "with top as (select station_id,\n  valeu from outliers) select * from top",
        "with top as (select value as v from outliers)\nselect t.x from top t",
        "select * from outliers where value in (select valeu from outliers)",
        "select value from outliers order by valeu",
        "select count(*) from outliers having valeu > 1",
        "explain select value from outliers order by valeu",
        // In two places it is not known which is meant.
        "select count(*) from outliers having valeu > 1 and valeu < 2",
    ];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"");
}

#[test]
fn columns_of_a_hint_are_listed_once() {
    let sql = "select * from outliers a join outliers b on a.station_id = b.station";
    assert_snapshot!(shown(&place(), &["outliers.parquet", sql]), @"");
}

#[test]
fn table_that_has_another_name_in_the_query_is_told() {
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select outliers.value from outliers o"]), @"");
}

#[test]
fn common_table_is_the_nearest_to_a_misspelt_one() {
    let sql = "with gusts as (select * from outliers) select * from gust";
    assert_snapshot!(shown(&place(), &["outliers.parquet", sql]), @"");
}

#[test]
fn unknown_table_names_the_one_there_is() {
    assert_snapshot!(shown(&place(), &["observations", "select * from outliers"]), @"");
}

#[test]
fn unknown_function_names_the_nearest() {
    let statements =
        ["select date_trnc('month', timestamp) from outliers", "select rubbish(1) from outliers"];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"");
}

#[test]
fn arguments_of_other_types_name_those_there_are() {
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select sum(station_id) from outliers"]), @"");
}

#[test]
fn syntax_error_is_placed() {
    let statements = ["select *\nfrom outliers\nwhere order by 1", "select 'open", "nonsense"];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"");
}

#[test]
fn ungrouped_column_says_what_to_do() {
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select station_id, count(*) from outliers"]), @"");
}

#[test]
fn columns_that_two_tables_have_are_told() {
    let statements = [
        "select value from outliers a join outliers b on a.station_id = b.station_id",
        "select * from (select 1 as x, 2 as x)",
        "select \"Value\" from outliers",
    ];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"");
}

#[test]
fn output_that_holds_one_result_refuses_two() {
    assert_snapshot!(
        shown(&place(), &["outliers.parquet", "select 1; select 2", "--format", "json"]), @"");
}

#[test]
fn error_in_a_later_statement_is_placed_in_the_whole_text() {
    let sql = "select 1 as x;\nselect valu from outliers";
    assert_snapshot!(shown(&place(), &["outliers.parquet", sql]), @"");
}

#[test]
fn output_that_cannot_be_written_is_named() {
    let place = place();
    assert_snapshot!(shown(&place, &["outliers.parquet", "select 1", "-o", "no/x.csv"]), @"");
    assert_snapshot!(shown(&place, &["outliers.parquet", "select 1", "-o", "observations", "--format", "csv"]), @"");
    assert_snapshot!(shown(&place, &["outliers.parquet", "select 1", "-o", "result.xlsx"]), @"");
}

#[test]
fn query_within_its_memory_limit_spills_and_one_beyond_it_says_so() {
    let (_directory, path) = outliers_file();
    let sorted = "select count(*) as n, max(k) as most from
                  (select value as k, row_number() over (order by value % 1000, value) as r from generate_series(1, 2000000))";
    assert_eq!(answer(&path, sorted, &["--memory-limit", "24MiB"]), "n,most\n2000000,2000000\n");
    // How many bytes are asked for differs from run to run.
    let held = "select length(string_agg(cast(value as varchar), ',')) from generate_series(1, 5000000)";
    let stderr = failure(&[path.to_str().unwrap(), held, "--memory-limit", "4MiB"], 1);
    assert!(stderr.starts_with("error: the query needs more memory than it may use: "), "{stderr}");
    assert!(stderr.contains(" asks for ") && stderr.contains(" of 4.0 MB are left"), "{stderr}");
    assert!(stderr.contains("\nhint: raise --memory-limit"), "{stderr}");
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select 1", "--memory-limit", "much"]), @"");
}

#[test]
fn query_beyond_the_engines_limit_of_temporary_files_does_not_blame_the_table() {
    let sql = "set datafusion.runtime.max_temp_directory_size = '1M';
               select count(*) from (select value, row_number() over (order by value % 1000, value) from generate_series(1, 2000000))";
    let arguments = ["outliers.parquet", sql, "--memory-limit", "24MiB"];
    assert_snapshot!(shown(&place(), &arguments), @"");
}

#[test]
fn tables_are_not_written_to() {
    let (place, path) = dataset();
    let before = std::fs::read_dir(path.join("block=72")).unwrap().count();
    let statements = [
        "insert into observations select * from observations",
        "explain analyze insert into observations select * from observations",
    ];
    assert_snapshot!(shown_each(&place, "observations", &statements), @"");
    assert_eq!(std::fs::read_dir(path.join("block=72")).unwrap().count(), before);
}

#[test]
fn failure_of_a_value_is_one_line() {
    // The file is not to blame.
    assert_snapshot!(
        shown(&place(), &["outliers.parquet", "select cast(station_id as int) from outliers"]), @"");
}

#[test]
fn deep_statement_does_not_overflow_the_stack() {
    let (_directory, path) = outliers_file();
    let stations: Vec<String> = (0..2_000).map(|k| format!("station_id = '{k}'")).collect();
    let sql = format!("select count(*) as n from outliers where {}", stations.join(" or "));
    let output = run_with_input(&[path.to_str().unwrap()], &sql);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(output.stdout, b"n\n0\n");
}

#[test]
fn missing_file_is_named() {
    assert_snapshot!(shown(&place(), &["nowhere/outliers.parquet", "select 1"]), @"");
}

#[test]
fn unknown_extension_lists_the_known() {
    let place = place();
    for name in ["outliers.xlsx", "outliers"] {
        std::fs::write(place.path().join(name), "x").unwrap();
    }
    assert_snapshot!(shown(&place, &["outliers.xlsx", "select 1"]), @"");
    assert_snapshot!(shown(&place, &["outliers", "select 1"]), @"");
}

#[test]
fn empty_file_is_refused() {
    let place = TempDir::new().unwrap();
    let names = ["outliers.parquet", "outliers.csv", "outliers.arrow", "outliers.ndjson"];
    let refused = names.map(|name| {
        std::fs::write(place.path().join(name), "").unwrap();
        shown(&place, &[name, "select 1"])
    });
    assert_snapshot!(refused.concat(), @"");
}

#[test]
fn file_that_is_not_parquet_is_refused() {
    let place = TempDir::new().unwrap();
    let refused = ["outliers.parquet", "outliers.arrow"].map(|name| {
        std::fs::write(place.path().join(name), "station_id,timestamp,value\n".repeat(20)).unwrap();
        shown(&place, &[name, "select * from outliers"])
    });
    assert_snapshot!(refused.concat(), @"");
}

#[test]
fn truncated_file_of_a_dataset_is_named() {
    let (place, path) = dataset();
    let broken = path.join("block=72/part-00001.parquet");
    let bytes = std::fs::read(&broken).unwrap();
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    assert_snapshot!(shown(&place, &["observations", "select * from observations"]), @"");
}

#[test]
fn data_damaged_within_a_file_are_told() {
    let place = place();
    let broken = place.path().join("broken.parquet");
    write_parquet(&broken, &observations("722010-12836", 0, 5_000));
    let mut bytes = std::fs::read(&broken).unwrap();
    bytes[4..200].fill(0x5a);
    std::fs::write(&broken, &bytes).unwrap();
    let sql =
        "select sum(wind_speed_rate), max(station_id), sum(extract(epoch from timestamp)) from observations";
    assert_snapshot!(shown(&place, &["broken.parquet", sql]), @"");
    assert_snapshot!(shown(&place, &["outliers.parquet", "broken.parquet", sql]), @"");
}

#[test]
fn file_of_a_dataset_with_other_types_is_named() {
    let (place, path) = dataset();
    let other = observations("724000-00001", 0, 3);
    let winds = cast(other.column(2), &DataType::Utf8).unwrap();
    let columns = [("station_id", other.column(0).clone()), ("wind_speed_rate", winds)];
    write_parquet(&path.join("block=72/part-00002.parquet"), &RecordBatch::try_from_iter(columns).unwrap());
    assert_snapshot!(shown(&place, &["observations", "select * from observations"]), @"");
}

#[test]
fn damaged_value_names_file_and_line() {
    let place = TempDir::new().unwrap();
    let broken = |text: &str, sql: &str| {
        std::fs::write(place.path().join("outliers.csv"), text).unwrap();
        shown(&place, &["outliers.csv", sql])
    };
    let text = "station_id,value\n722010,5.5\n722010,calm\n";
    assert_snapshot!(broken(text, "select sum(value) from outliers"), @"");
    let text = "station_id,timestamp\n722010,2017-09-10T12:00:00Z\n722010,noon\n";
    assert_snapshot!(broken(text, "select max(timestamp) from outliers"), @"");
    let text = "station_id,value\n722010,5.5\n722010,5,6\n";
    assert_snapshot!(broken(text, "select sum(value) from outliers"), @"");
}

#[test]
fn directory_without_parquet_is_refused() {
    let place = TempDir::new().unwrap();
    std::fs::create_dir(place.path().join("empty")).unwrap();
    assert_snapshot!(shown(&place, &["empty", "select 1"]), @"");
}

#[test]
fn column_twice_does_not_fit_json() {
    let sql = "select a.value, b.value from outliers a join outliers b using (station_id)";
    assert_snapshot!(shown(&place(), &["outliers.parquet", sql, "--format", "ndjson"]), @"");
}

#[test]
fn usage_errors_have_status_2() {
    let place = place();
    let refused = [
        &[][..],
        &["outliers.parquet"],
        &["outliers.parquet", " \n"],
        &["outliers.parquet", "select 1", "--format", "xml"],
        &["outliers.parquet", "select 1", "--table", "obs"],
        &["outliers.parquet", "select 1", "--threads", "0"],
        &["outliers.parquet", "select 1", "--quite"],
        &["outliers.parquet", "select 1", "--file", "query.sql"],
    ];
    let refused = refused.map(|arguments| format!("> isd-query {arguments:?}\n{}", shown(&place, arguments)));
    assert_snapshot!(refused.join("\n"), @"");
}

#[test]
fn help_and_version_are_results() {
    let place = place();
    assert_snapshot!("help", shown(&place, &["--help"]));
    assert_snapshot!("short_help", shown(&place, &["-h"]));
    assert_snapshot!(shown(&place, &["--version"]), @"");
}
