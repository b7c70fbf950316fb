use tempfile::TempDir;

use crate::support::{
    answer, dataset, failure, observations, outliers_file, run, run_with_input, write_parquet,
};

#[test]
fn unknown_column_is_placed_and_the_nearest_named() {
    let (_directory, path) = outliers_file();
    let stderr = failure(&[path.to_str().unwrap(), "select station_id,\n  valeu from outliers"], 1);
    assert!(stderr.starts_with("error: SQL line 2, column 3: there is no column `valeu`\n"), "{stderr}");
    assert!(stderr.contains("hint: did you mean `value`? columns: station_id, timestamp, "), "{stderr}");
}

#[test]
fn unknown_column_is_placed_wherever_it_stands() {
    let (_directory, path) = outliers_file();
    let path = path.to_str().unwrap();
    for (sql, place, column) in [
        (
            "with top as (select station_id,\n  valeu from outliers) select * from top",
            "line 2, column 3",
            "valeu",
        ),
        ("with top as (select value as v from outliers)\nselect t.x from top t", "line 2, column 8", "t.x"),
        ("select * from outliers where value in (select valeu from outliers)", "line 1, column 47", "valeu"),
        ("select value from outliers order by valeu", "line 1, column 37", "valeu"),
        ("select count(*) from outliers having valeu > 1", "line 1, column 38", "valeu"),
        ("explain select value from outliers order by valeu", "line 1, column 45", "valeu"),
    ] {
        let stderr = failure(&[path, sql], 1);
        let expected = format!("error: SQL {place}: there is no column `{column}`\n");
        assert!(stderr.starts_with(&expected), "{sql}\n{stderr}");
    }
    // In two places it is not known which is meant.
    let stderr = failure(&[path, "select count(*) from outliers having valeu > 1 and valeu < 2"], 1);
    assert!(
        stderr.starts_with("error: SQL: there is no column `valeu`\nhint: did you mean `value`?"),
        "{stderr}"
    );
}

#[test]
fn columns_of_a_hint_are_listed_once() {
    let (_directory, path) = outliers_file();
    let sql = "select * from outliers a join outliers b on a.station_id = b.station";
    let stderr = failure(&[path.to_str().unwrap(), sql], 1);
    assert_eq!(stderr.matches("rolling_mean").count(), 1, "{stderr}");
}

#[test]
fn table_that_has_another_name_in_the_query_is_told() {
    let (_directory, path) = outliers_file();
    let stderr = failure(&[path.to_str().unwrap(), "select outliers.value from outliers o"], 1);
    let expected = "error: SQL line 1, column 8: there is no column `outliers.value`\n\
                    hint: no table is called `outliers` here: write `o.value`\n";
    assert_eq!(stderr, expected);
}

#[test]
fn common_table_is_the_nearest_to_a_misspelt_one() {
    let (_directory, path) = outliers_file();
    let sql = "with gusts as (select * from outliers) select * from gust";
    let stderr = failure(&[path.to_str().unwrap(), sql], 1);
    let expected = "error: SQL line 1, column 54: there is no table `gust`\n\
                    hint: did you mean `gusts`? tables: outliers, gusts\n";
    assert_eq!(stderr, expected);
}

#[test]
fn unknown_table_names_the_one_there_is() {
    let (_directory, path) = dataset();
    let stderr = failure(&[path.to_str().unwrap(), "select * from outliers"], 1);
    let expected = "error: SQL line 1, column 15: there is no table `outliers`\n\
                    hint: the table is called `observations`\n";
    assert_eq!(stderr, expected);
}

#[test]
fn unknown_function_names_the_nearest() {
    let (_directory, path) = outliers_file();
    let stderr = failure(&[path.to_str().unwrap(), "select date_trnc('month', timestamp) from outliers"], 1);
    assert!(stderr.contains("invalid function 'date_trnc'\nhint: did you mean `date_trunc`?"), "{stderr}");
}

#[test]
fn arguments_of_other_types_name_those_there_are() {
    let (_directory, path) = outliers_file();
    let stderr = failure(&[path.to_str().unwrap(), "select sum(station_id) from outliers"], 1);
    assert!(stderr.starts_with("error: SQL: no function takes these arguments: sum("), "{stderr}");
    assert!(stderr.contains("hint: there is sum(") && stderr.contains("sum(Float64)"), "{stderr}");
}

#[test]
fn syntax_error_is_placed() {
    let (_directory, path) = outliers_file();
    let stderr = failure(&[path.to_str().unwrap(), "select *\nfrom outliers\nwhere order by 1"], 1);
    assert!(stderr.starts_with("error: SQL line 3, column "), "{stderr}");
}

#[test]
fn ungrouped_column_says_what_to_do() {
    let (_directory, path) = outliers_file();
    let stderr = failure(&[path.to_str().unwrap(), "select station_id, count(*) from outliers"], 1);
    assert!(stderr.contains("station_id") && stderr.contains("hint: "), "{stderr}");
}

#[test]
fn output_that_holds_one_result_refuses_two() {
    let (_directory, path) = outliers_file();
    let stderr = failure(&[path.to_str().unwrap(), "select 1; select 2", "--format", "json"], 2);
    assert!(stderr.starts_with("error: 2 statements, but the output holds one result\nhint: "), "{stderr}");
}

#[test]
fn error_in_a_later_statement_is_placed_in_the_whole_text() {
    let (_directory, path) = outliers_file();
    let output = run(&[path.to_str().unwrap(), "select 1 as x;\nselect valu from outliers"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: SQL line 2, column 8: there is no column `valu`\n"), "{stderr}");
    assert_eq!(output.stdout, b"x\n1\n\n".get(..4).unwrap());
}

#[test]
fn output_that_cannot_be_written_is_named() {
    let (directory, path) = outliers_file();
    let path = path.to_str().unwrap();
    let stderr = failure(&[path, "select 1", "-o", directory.path().join("no/x.csv").to_str().unwrap()], 1);
    assert!(stderr.contains("no/x.csv: cannot create: "), "{stderr}");
    let stderr = failure(&[path, "select 1", "-o", "result.xlsx"], 2);
    assert!(stderr.contains("result.xlsx: the extension names no format\nhint: "), "{stderr}");
}

#[test]
fn query_within_its_memory_limit_spills_and_one_beyond_it_says_so() {
    let (_directory, path) = outliers_file();
    let sorted = "select count(*) as n, max(k) as most from
                  (select value as k, row_number() over (order by value % 1000, value) as r from generate_series(1, 2000000))";
    assert_eq!(answer(&path, sorted, &["--memory-limit", "24MiB"]), "n,most\n2000000,2000000\n");
    let held = "select length(string_agg(cast(value as varchar), ',')) from generate_series(1, 5000000)";
    let stderr = failure(&[path.to_str().unwrap(), held, "--memory-limit", "4MiB"], 1);
    assert!(stderr.starts_with("error: the query needs more memory than it may use: "), "{stderr}");
    assert!(stderr.contains(" asks for ") && stderr.contains(" of 4.0 MB are left"), "{stderr}");
    assert!(stderr.contains("\nhint: raise --memory-limit"), "{stderr}");
    assert!(failure(&[path.to_str().unwrap(), "select 1", "--memory-limit", "much"], 2).contains("512MiB"));
}

#[test]
fn tables_are_not_written_to() {
    let (_directory, path) = dataset();
    let before = std::fs::read_dir(path.join("block=72")).unwrap().count();
    let sql = "insert into observations select * from observations";
    let stderr = failure(&[path.to_str().unwrap(), sql], 1);
    assert!(stderr.starts_with("error: SQL: tables are read-only\nhint: "), "{stderr}");
    failure(&[path.to_str().unwrap(), &format!("explain analyze {sql}")], 1);
    assert_eq!(std::fs::read_dir(path.join("block=72")).unwrap().count(), before);
}

#[test]
fn failure_of_a_value_is_one_line() {
    let (_directory, path) = outliers_file();
    let stderr = failure(&[path.to_str().unwrap(), "select cast(station_id as int) from outliers"], 1);
    assert!(stderr.contains("010010-99999"), "{stderr}");
    assert!(!stderr.contains("outliers.parquet"), "the file is not to blame: {stderr}");
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
    let stderr = failure(&["nowhere/outliers.parquet", "select 1"], 1);
    assert!(stderr.starts_with("error: nowhere/outliers.parquet: cannot open: "), "{stderr}");
    assert!(stderr.contains("\nhint: "), "{stderr}");
}

#[test]
fn unknown_extension_lists_the_known() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("outliers.xlsx");
    std::fs::write(&path, "x").unwrap();
    let stderr = failure(&[path.to_str().unwrap(), "select 1"], 1);
    assert!(stderr.contains("outliers.xlsx: files ending in .xlsx cannot be read as a table"), "{stderr}");
    assert!(stderr.contains("hint: isd-query reads .parquet, .csv, .arrow and .ndjson files"), "{stderr}");
}

#[test]
fn empty_file_is_refused() {
    let directory = TempDir::new().unwrap();
    for name in ["outliers.parquet", "outliers.csv", "outliers.arrow", "outliers.ndjson"] {
        let path = directory.path().join(name);
        std::fs::write(&path, "").unwrap();
        let stderr = failure(&[path.to_str().unwrap(), "select 1"], 1);
        assert!(stderr.contains(&format!("{name}: the file is empty")), "{stderr}");
    }
}

#[test]
fn file_that_is_not_parquet_is_refused() {
    let directory = TempDir::new().unwrap();
    for name in ["outliers.parquet", "outliers.arrow"] {
        let path = directory.path().join(name);
        std::fs::write(&path, "station_id,timestamp,value\n".repeat(20)).unwrap();
        let stderr = failure(&[path.to_str().unwrap(), "select * from outliers"], 1);
        assert!(stderr.contains(&format!("{name}: cannot be read as ")), "{stderr}");
    }
}

#[test]
fn truncated_file_of_a_dataset_is_named() {
    let (_directory, path) = dataset();
    let broken = path.join("block=72/part-00001.parquet");
    let bytes = std::fs::read(&broken).unwrap();
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let stderr = failure(&[path.to_str().unwrap(), "select * from observations"], 1);
    assert!(stderr.contains("block=72/part-00001.parquet: cannot be read as Parquet: "), "{stderr}");
}

#[test]
fn data_damaged_within_a_file_are_told() {
    let (directory, path) = outliers_file();
    let broken = directory.path().join("observations.parquet");
    write_parquet(&broken, &observations("722010-12836", 0, 5_000));
    let mut bytes = std::fs::read(&broken).unwrap();
    bytes[4..200].fill(0x5a);
    std::fs::write(&broken, &bytes).unwrap();
    let sql =
        "select sum(wind_speed_rate), max(station_id), sum(extract(epoch from timestamp)) from observations";
    let broken = broken.to_str().unwrap();
    let stderr = failure(&[broken, sql], 1);
    assert!(stderr.starts_with(&format!("error: {broken}: ")) && stderr.contains("\nhint: "), "{stderr}");
    let stderr = failure(&[path.to_str().unwrap(), broken, sql], 1);
    assert!(stderr.starts_with("error: a file cannot be read: "), "{stderr}");
    assert!(stderr.contains(&format!(" or {broken}")), "{stderr}");
}

#[test]
fn file_of_a_dataset_with_other_types_is_named() {
    let (_directory, path) = dataset();
    let other = observations("724000-00001", 0, 3);
    let winds = arrow::compute::cast(other.column(2), &arrow::datatypes::DataType::Utf8).unwrap();
    let columns = [("station_id", other.column(0).clone()), ("wind_speed_rate", winds)];
    let batch = arrow::array::RecordBatch::try_from_iter(columns).unwrap();
    write_parquet(&path.join("block=72/part-00002.parquet"), &batch);
    let stderr = failure(&[path.to_str().unwrap(), "select * from observations"], 1);
    assert!(stderr.contains("part-00002.parquet: its columns differ"), "{stderr}");
    assert!(stderr.contains("wind_speed_rate"), "{stderr}");
}

#[test]
fn damaged_value_names_file_and_line() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("outliers.csv");
    std::fs::write(&path, "station_id,value\n722010,5.5\n722010,calm\n").unwrap();
    let stderr = failure(&[path.to_str().unwrap(), "select sum(value) from outliers"], 1);
    assert!(
        stderr.contains("outliers.csv: ") && stderr.contains("calm") && stderr.contains("line 3"),
        "{stderr}"
    );
}

#[test]
fn directory_without_parquet_is_refused() {
    let directory = TempDir::new().unwrap();
    let stderr = failure(&[directory.path().to_str().unwrap(), "select 1"], 1);
    assert!(stderr.contains(": a directory without Parquet files\nhint: "), "{stderr}");
}

#[test]
fn column_twice_does_not_fit_json() {
    let (_directory, path) = outliers_file();
    let sql = "select a.value, b.value from outliers a join outliers b using (station_id)";
    let stderr = failure(&[path.to_str().unwrap(), sql, "--format", "ndjson"], 1);
    assert!(stderr.starts_with("error: column value: is there twice"), "{stderr}");
}

#[test]
fn usage_errors_have_status_2() {
    let (_directory, path) = outliers_file();
    let path = path.to_str().unwrap();
    assert!(failure(&[], 2).starts_with("error: the SQL is empty\nhint: "));
    assert!(failure(&[path, "select 1", "--format", "xml"], 2).contains("table, csv, tsv, json"));
    assert!(failure(&[path, "select 1", "--table", "obs"], 2).contains("NAME=VALUE"));
    assert!(failure(&[path, "select 1", "--threads", "0"], 2).contains("--threads"));
    assert!(
        failure(&[path, "select 1", "--quite"], 2).contains("hint: a similar argument exists: '--quiet'")
    );
    assert!(failure(&[path], 2).starts_with("error: the SQL is empty\nhint: "));
    assert!(failure(&[path, " \n"], 2).starts_with("error: the SQL is empty\nhint: "));
}

#[test]
fn help_and_version_are_results() {
    for flag in ["--help", "--version"] {
        let output = run(&[flag]);
        assert!(output.status.success());
        assert!(String::from_utf8(output.stdout).unwrap().contains("isd-query"));
        assert_eq!(output.stderr, b"");
    }
}
