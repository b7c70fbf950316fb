use std::fs::File;
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{answer, dataset, outliers, outliers_file, place, shown, write_parquet};

/// Every statement must give this from every format that an outliers file may have.
const SQL: &str = "select station_id, timestamp, measurement, value, zscore, window_count, filled,
                   arrow_typeof(timestamp) as t from outliers order by station_id, timestamp";
const ROWS: &str = "station_id,timestamp,measurement,value,zscore,window_count,filled,t\n\
    010010-99999,2017-09-10T01:00:00Z,wind_speed_rate,20.0,17.0,30,false,\"Timestamp(µs, \"\"UTC\"\")\"\n\
    010010-99999,2017-09-11T01:00:00Z,wind_speed_rate,0.5,inf,30,true,\"Timestamp(µs, \"\"UTC\"\")\"\n\
    722010-12836,2017-09-10T00:00:00Z,wind_speed_rate,51.4,18.52,30,false,\"Timestamp(µs, \"\"UTC\"\")\"\n\
    722010-12836,2017-09-10T12:00:00Z,wind_speed_rate,36.0,15.0,30,false,\"Timestamp(µs, \"\"UTC\"\")\"\n\
    722010-12836,2017-10-01T00:00:00Z,wind_speed_rate,25.7,7.25,30,false,\"Timestamp(µs, \"\"UTC\"\")\"\n";

#[test]
fn parquet_is_read() {
    let (_directory, path) = outliers_file();
    assert_eq!(answer(&path, SQL, &[]), ROWS);
}

#[test]
fn csv_is_read_with_the_types_it_means() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("outliers.csv");
    arrow::csv::Writer::new(File::create(&path).unwrap()).write(&outliers()).unwrap();
    assert_eq!(answer(&path, SQL, &[]), ROWS);
}

#[test]
fn arrow_is_read() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("outliers.arrow");
    let batch = outliers();
    let file = File::create(&path).unwrap();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    assert_eq!(answer(&path, SQL, &[]), ROWS);
}

#[test]
fn ndjson_is_read_with_the_types_it_means() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("outliers.ndjson");
    let mut writer = arrow::json::LineDelimitedWriter::new(File::create(&path).unwrap());
    writer.write(&outliers()).unwrap();
    writer.finish().unwrap();
    // JSON has no infinity.
    assert_eq!(answer(&path, SQL, &[]), ROWS.replace(",inf,", ",,"));
}

#[test]
fn station_of_digits_keeps_its_zeros() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("outliers.csv");
    std::fs::write(&path, "station_id,timestamp,value\n010010,2017-09-10T00:00:00Z,5\n").unwrap();
    let sql = "select station_id, timestamp, value / 2 as half from outliers";
    assert_eq!(answer(&path, sql, &[]), "station_id,timestamp,half\n010010,2017-09-10T00:00:00Z,2.5\n");
}

#[test]
fn late_fraction_in_a_csv_column_is_kept() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("elevations.csv");
    let whole = "7\n".repeat(5_000);
    std::fs::write(&path, format!("elevation\n{whole}0.5\n")).unwrap();
    assert_eq!(answer(&path, "select min(elevation) as least from elevations", &[]), "least\n0.5\n");
}

#[test]
fn path_with_pattern_characters_is_a_path() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("out[1]* 100%.parquet");
    write_parquet(&path, &outliers());
    assert_eq!(answer(&path, "select count(*) as n from outliers", &[]), "n\n5\n");
}

#[test]
fn table_is_aligned_with_numbers_to_the_right() {
    let (_directory, path) = outliers_file();
    let sql = "select station_id, value, nullif(measurement, 'wind_speed_rate') as other, filled
               from outliers order by station_id, timestamp limit 2";
    let expected = "station_id    value  other  filled\n\
                    ------------  -----  -----  ------\n\
                    010010-99999   20.0  null   false\n\
                    010010-99999    0.5  null   true\n";
    assert_eq!(answer(&path, sql, &["--format", "table"]), expected);
}

#[test]
fn long_table_is_written_whole() {
    let (_directory, path) = outliers_file();
    let sql = "select value as k from generate_series(1, 25000) order by 1";
    let text = answer(&path, sql, &["--format", "table"]);
    assert_eq!(text.lines().count(), 25_002);
    assert_eq!(text.lines().last(), Some("25000"));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let (_directory, path) = outliers_file();
    let text = answer(&path, "select 'a' || chr(27) || chr(10) || 'b' as t", &["--format", "table"]);
    assert_eq!(text, "t\n----------\na\\u{1b}\\nb\n");
}

#[test]
fn ndjson_keeps_nulls() {
    let (_directory, path) = dataset();
    let sql = "select timestamp, wind_speed_rate as wind from observations
               where station_id = '723150-03812' order by 1 desc limit 2";
    let expected = "{\"timestamp\":\"2017-09-10T02:00:00Z\",\"wind\":null}\n\
                    {\"timestamp\":\"2017-09-10T01:00:00Z\",\"wind\":21.0}\n";
    assert_eq!(answer(&path, sql, &["--format", "ndjson"]), expected);
}

#[test]
fn result_without_rows_has_a_header() {
    let (_directory, path) = outliers_file();
    let sql = "select station_id, value from outliers where value > 1000";
    assert_eq!(answer(&path, sql, &[]), "station_id,value\n");
    let table = answer(&path, sql, &["--format", "table"]);
    assert_eq!(table, "station_id  value\n----------  -----\n");
    assert_eq!(answer(&path, sql, &["--format", "ndjson"]), "");
}

#[test]
fn closed_pipe_is_no_failure() {
    let (_directory, path) = outliers_file();
    let mut child = Command::new(env!("CARGO_BIN_EXE_isd-query"))
        .arg(&path)
        .args(["select * from generate_series(1, 1000000)", "--quiet"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
}

#[test]
fn every_text_format_writes_the_same_rows() {
    let place = place();
    let sql = "select station_id, zscore, nullif(measurement, 'wind_speed_rate') as other, 'a|b' as text
               from outliers order by station_id, timestamp limit 2";
    let written = |format: &str| shown(&place, &["outliers.parquet", sql, "--format", format]);
    assert_snapshot!(written("table"), @"
    station_id    zscore  other  text
    ------------  ------  -----  ----
    010010-99999    17.0  null   a|b
    010010-99999     inf  null   a|b
    [stderr]
    2 rows, [TIME]
    ");
    assert_snapshot!(written("csv"), @"
    station_id,zscore,other,text
    010010-99999,17.0,,a|b
    010010-99999,inf,,a|b
    [stderr]
    2 rows, [TIME]
    ");
    assert_snapshot!(written("tsv"), @"
    station_id	zscore	other	text
    010010-99999	17.0		a|b
    010010-99999	inf		a|b
    [stderr]
    2 rows, [TIME]
    ");
    assert_snapshot!(written("json"), @r#"
    [
    {"station_id":"010010-99999","zscore":17.0,"other":null,"text":"a|b"},
    {"station_id":"010010-99999","zscore":null,"other":null,"text":"a|b"}
    ]
    [stderr]
    2 rows, [TIME]
    "#);
    assert_snapshot!(written("ndjson"), @r#"
    {"station_id":"010010-99999","zscore":17.0,"other":null,"text":"a|b"}
    {"station_id":"010010-99999","zscore":null,"other":null,"text":"a|b"}
    [stderr]
    2 rows, [TIME]
    "#);
    assert_snapshot!(written("markdown"), @r"
    | station_id | zscore | other | text |
    | --- | ---: | --- | --- |
    | 010010-99999 | 17.0 |  | a\|b |
    | 010010-99999 | inf |  | a\|b |
    [stderr]
    2 rows, [TIME]
    ");
}

#[test]
fn result_without_rows_in_every_text_format() {
    let place = place();
    let formats = ["table", "csv", "tsv", "json", "ndjson", "markdown"];
    let written = formats.map(|format| {
        let arguments = ["outliers.parquet", "select 1 as x where false", "--format", format, "--quiet"];
        format!("> {format}\n{}", shown(&place, &arguments))
    });
    assert_snapshot!(written.concat(), @"
    > table
    x
    -
    > csv
    x
    > tsv
    x
    > json
    []
    > ndjson
    > markdown
    | x |
    | ---: |
    ");
}

#[test]
fn extension_picks_the_format_and_the_file_reads_back() {
    let (directory, path) = outliers_file();
    for name in ["outliers.copy.parquet", "outliers.arrow", "outliers.csv"] {
        let copy = directory.path().join(name);
        answer(&path, "select * from outliers", &["-o", copy.to_str().unwrap()]);
        assert_eq!(answer(&copy, SQL, &[]), ROWS, "{name}");
    }
    let markdown = directory.path().join("outliers.md");
    assert_eq!(answer(&path, "select 1 as x", &["--output", markdown.to_str().unwrap()]), "");
    assert_eq!(std::fs::read_to_string(&markdown).unwrap(), "| x |\n| ---: |\n| 1 |\n");
    let named = directory.path().join("outliers.dat");
    answer(&path, "select 1 as x", &["--format", "csv", "-o", named.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&named).unwrap(), "x\n1\n");
}

#[test]
fn written_parquet_has_types_that_all_tools_know() {
    let (directory, path) = dataset();
    let copy = directory.path().join("copy.parquet");
    let sql = "select station_id, timestamp, wind_speed_rate, station_id || '' as text from observations";
    answer(&path, sql, &["-o", copy.to_str().unwrap()]);
    let file = File::open(&copy).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let types: Vec<String> = reader.schema().fields().iter().map(|f| f.data_type().to_string()).collect();
    assert_eq!(types, ["Utf8", "Timestamp(µs, \"UTC\")", "Float64", "Utf8"]);
}

#[test]
fn failed_query_leaves_no_file() {
    let place = place();
    let target = place.path().join("result.csv");
    std::fs::write(&target, "before").unwrap();
    let files = || std::fs::read_dir(place.path()).unwrap().count();
    let before = files();
    let sql = "select cast(station_id as int) from outliers";
    assert_snapshot!(shown(&place, &["outliers.parquet", sql, "-o", "result.csv"]), @"
    [stderr]
    error: Cast error: Cannot cast string '010010-99999' to value of Int32 type
    [status 1]
    ");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "before");
    assert_eq!(files(), before, "a file is left beside it");
}

#[test]
fn several_statements_give_several_results() {
    let (_directory, path) = outliers_file();
    let sql =
        "create view strong as select * from outliers where value > 30; select count(*) as n from strong;\n
               select max(value) as most from strong;";
    assert_eq!(answer(&path, sql, &[]), "n\n2\n\nmost\n51.4\n");
    let file = path.with_extension("sql");
    std::fs::write(&file, sql).unwrap();
    let arguments = ["--file", file.to_str().unwrap(), path.to_str().unwrap(), "--quiet"];
    assert_eq!(crate::support::stdout(&arguments), "n\n2\n\nmost\n51.4\n");
}
