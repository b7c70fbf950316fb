use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use insta::assert_snapshot;
use isd_queries::output::{Format, ResultWriter, Screen};
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
    assert_snapshot!(written("latex"), @r"
    \begin{tabular}{lrll}
    \hline
    station\_id & zscore & other & text \\
    \hline
    010010-99999 & 17.0 &  & a|b \\
    010010-99999 & inf &  & a|b \\
    \hline
    \end{tabular}
    [stderr]
    2 rows, [TIME]
    ");
}

#[test]
fn result_without_rows_in_every_text_format() {
    let place = place();
    let formats = ["table", "csv", "tsv", "json", "ndjson", "markdown", "latex"];
    let written = formats.map(|format| {
        let arguments = ["outliers.parquet", "select 1 as x where false", "--format", format, "--quiet"];
        format!("> {format}\n{}", shown(&place, &arguments))
    });
    assert_snapshot!(written.concat(), @r"
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
    > latex
    \begin{tabular}{r}
    \hline
    x \\
    \hline
    \hline
    \end{tabular}
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

/// A batch as a table on a screen of so many characters.
fn on_screen(batch: &RecordBatch, width: usize) -> String {
    let screen = Screen { width, rows: None, more: "" };
    let mut text = Vec::new();
    let mut writer = ResultWriter::new(&mut text, &batch.schema(), Format::Table, Some(screen)).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn widest_texts_are_cut_first_then_columns_left_out() {
    let fitted = |widths: &[usize], texts: &[bool], screen| -> Vec<usize> {
        let fields = ('a'..).zip(widths).zip(texts).map(|((letter, width), is_text)| {
            let kind = if *is_text { DataType::Utf8 } else { DataType::Int64 };
            Field::new(letter.to_string().repeat(*width), kind, true)
        });
        let batch = RecordBatch::new_empty(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
        let table = on_screen(&batch, screen);
        table.lines().nth(1).unwrap().split_whitespace().map(str::len).collect()
    };
    assert_eq!(fitted(&[10, 20], &[true, true], 40), [10, 20]);
    assert_eq!(fitted(&[10, 40, 30], &[true; 3], 64), [10, 25, 25]);
    assert_eq!(fitted(&[20, 40], &[false, true], 40), [20, 18]);
    assert_eq!(fitted(&[20, 20, 20], &[false; 3], 45), [20, 20]);
    assert_eq!(fitted(&[50, 20], &[true, false], 8), [8]);
}

#[test]
fn wide_characters_are_counted_as_they_are_shown() {
    let cut = |text: &str, screen: usize| -> String {
        let column = Arc::new(StringArray::from(vec![text]));
        let batch = RecordBatch::try_from_iter([("x", column as _)]).unwrap();
        on_screen(&batch, screen).lines().nth(2).unwrap().to_owned()
    };
    assert_eq!(cut("北京首都", 5), "北京…");
    assert_eq!(cut("abcdef", 4), "abc…");
}

#[test]
fn screen_shows_the_first_rows_and_says_how_many_there_are() {
    let column: Float64Array = (0..1_234_567).map(|row| Some(f64::from(row) / 3.0)).collect();
    let batch = RecordBatch::try_from_iter([("third", Arc::new(column) as _)]).unwrap();
    let shown = |rows: usize, batches: &[RecordBatch]| {
        let screen = Screen { width: 60, rows: Some(rows), more: ".rows all" };
        let mut text = Vec::new();
        let mut writer = ResultWriter::new(&mut text, &batch.schema(), Format::Table, Some(screen)).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap();
        String::from_utf8(text).unwrap()
    };
    let parts = [batch.slice(0, 2), batch.slice(2, 2), batch.slice(4, 1_234_563)];
    assert_snapshot!(shown(3, &parts), @"
     third
    ------
       0.0
    0.3333
    0.6667
    (1,234,567 rows, the first 3 shown; .rows all shows all)
    ");
    assert_snapshot!(shown(4, &parts[..2]), @"
     third
    ------
       0.0
    0.3333
    0.6667
       1.0
    ");
}

#[test]
fn plan_is_shown_line_by_line() {
    let place = place();
    let sql = "explain select value from outliers where value > 30";
    let plan = shown(&place, &["outliers.parquet", sql, "--format", "table", "--quiet"]);
    let lines: Vec<&str> = plan.lines().collect();
    assert_eq!(lines[0], "logical plan:");
    assert!(lines[1].starts_with("  Filter: outliers.value > Float64(30)"), "{plan}");
    assert!(lines.contains(&"physical plan:"), "{plan}");
}

#[test]
fn text_ending_in_gz_is_compressed() {
    let (directory, path) = outliers_file();
    for name in ["n.csv.gz", "n.tsv.gz", "n.ndjson.gz"] {
        let packed = directory.path().join(name);
        answer(&path, "select value from outliers order by 1 limit 1", &["-o", packed.to_str().unwrap()]);
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(packed).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, if name == "n.ndjson.gz" { "{\"value\":0.5}\n" } else { "value\n0.5\n" });
    }
    assert_snapshot!(shown(&directory, &["outliers.parquet", "select 1", "-o", "n.parquet.gz"]), @"
    [stderr]
    error: n.parquet.gz: the extension names no format
    hint: use .csv, .tsv, .json, .ndjson, .md, .txt, .parquet or .arrow, or give --format; text may end in .gz
    [status 2]
    ");
}

#[test]
fn excel_gets_a_mark_of_utf_8_and_times_that_it_knows() {
    let (directory, path) = outliers_file();
    let sql = "select 'Tromsø' as name, timestamp, value from outliers where value > 30 order by 2";
    let rows =
        "\u{feff}name,timestamp,value\nTromsø,2017-09-10 00:00:00,51.4\nTromsø,2017-09-10 12:00:00,36.0\n";
    assert_eq!(answer(&path, sql, &["--format", "excel"]), rows);
    let file = directory.path().join("book.csv");
    answer(&path, sql, &["--format", "excel", "-o", file.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), rows);
    assert_eq!(answer(&path, "select 1 as x where false", &["--format", "excel"]), "\u{feff}x\n");
}
