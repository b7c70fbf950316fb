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
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select station_id,\n  valeu from outliers"]), @"
    [stderr]
    error: SQL line 2, column 3: there is no column `valeu`
    hint: did you mean `value`? columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]
    ");
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
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"
    > with top as (select station_id,
      valeu from outliers) select * from top
    [stderr]
    error: SQL line 2, column 3: there is no column `valeu`
    hint: did you mean `value`? columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]

    > with top as (select value as v from outliers)
    select t.x from top t
    [stderr]
    error: SQL line 2, column 8: there is no column `t.x`
    hint: columns: v
    [status 1]

    > select * from outliers where value in (select valeu from outliers)
    [stderr]
    error: SQL line 1, column 47: there is no column `valeu`
    hint: did you mean `value`? columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]

    > select value from outliers order by valeu
    [stderr]
    error: SQL line 1, column 37: there is no column `valeu`
    hint: did you mean `value`? columns: value, station_id, timestamp, measurement, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]

    > select count(*) from outliers having valeu > 1
    [stderr]
    error: SQL line 1, column 38: there is no column `valeu`
    hint: did you mean `value`? columns: count(*), station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]

    > explain select value from outliers order by valeu
    [stderr]
    error: SQL line 1, column 45: there is no column `valeu`
    hint: did you mean `value`? columns: value, station_id, timestamp, measurement, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]

    > select count(*) from outliers having valeu > 1 and valeu < 2
    [stderr]
    error: SQL: there is no column `valeu`
    hint: did you mean `value`? columns: count(*), station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]
    ");
}

#[test]
fn names_that_are_not_near_are_no_hint() {
    let statements = ["select stationid from outliers", "select pressure from outliers"];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"
    > select stationid from outliers
    [stderr]
    error: SQL line 1, column 8: there is no column `stationid`
    hint: did you mean `station_id`? columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]

    > select pressure from outliers
    [stderr]
    error: SQL line 1, column 8: there is no column `pressure`
    hint: columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]
    ");
}

#[test]
fn columns_of_a_hint_are_listed_once() {
    let sql = "select * from outliers a join outliers b on a.station_id = b.station";
    assert_snapshot!(shown(&place(), &["outliers.parquet", sql]), @"
    [stderr]
    error: SQL line 1, column 60: there is no column `b.station`
    hint: did you mean `station_id`? columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]
    ");
}

#[test]
fn table_that_has_another_name_in_the_query_is_told() {
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select outliers.value from outliers o"]), @"
    [stderr]
    error: SQL line 1, column 8: there is no column `outliers.value`
    hint: no table is called `outliers` here: write `o.value`
    [status 1]
    ");
}

#[test]
fn common_table_is_the_nearest_to_a_misspelt_one() {
    let sql = "with gusts as (select * from outliers) select * from gust";
    assert_snapshot!(shown(&place(), &["outliers.parquet", sql]), @"
    [stderr]
    error: SQL line 1, column 54: there is no table `gust`
    hint: did you mean `gusts`? tables: outliers
    [status 1]
    ");
}

#[test]
fn unknown_table_names_the_one_there_is() {
    assert_snapshot!(shown(&place(), &["observations", "select * from outliers"]), @"
    [stderr]
    error: SQL line 1, column 15: there is no table `outliers`
    hint: the table is called `observations`
    [status 1]
    ");
}

#[test]
fn unknown_table_is_told_however_it_is_written() {
    let statements = ["describe gusts", "select * from \"A b\".gusts"];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @r#"
    > describe gusts
    [stderr]
    error: SQL: there is no table `gusts`
    hint: the table is called `outliers`
    [status 1]

    > select * from "A b".gusts
    [stderr]
    error: SQL line 1, column 15: there is no table `gusts`
    hint: the table is called `outliers`
    [status 1]
    "#);
}

#[test]
fn unknown_function_names_the_nearest() {
    let statements =
        ["select date_trnc('month', timestamp) from outliers", "select rubbish(1) from outliers"];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"
    > select date_trnc('month', timestamp) from outliers
    [stderr]
    error: SQL line 1, column 8: invalid function 'date_trnc'
    hint: did you mean `date_trunc`?
    [status 1]

    > select rubbish(1) from outliers
    [stderr]
    error: SQL line 1, column 8: invalid function 'rubbish'
    hint: `show functions` lists what there is
    [status 1]
    ");
}

#[test]
fn arguments_of_other_types_name_those_there_are() {
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select sum(station_id) from outliers"]), @"
    [stderr]
    error: SQL: no function takes these arguments: sum(Utf8View)
    hint: there is sum(Decimal) sum(UInt64) sum(Int64) sum(Float64) sum(Duration) sum(Interval); cast the arguments to such types
    [status 1]
    ");
}

#[test]
fn syntax_error_is_placed() {
    let statements =
        ["select *\nfrom outliers\nwhere order by 1", "select 'open", "selec value from outliers"];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"
    > select *
    from outliers
    where order by 1
    [stderr]
    error: SQL line 3, column 13: expected: end of statement, found: by
    [status 1]

    > select 'open
    [stderr]
    error: SQL line 1, column 8: unterminated string literal
    [status 1]

    > selec value from outliers
    [stderr]
    error: SQL line 1, column 1: expected: an SQL statement, found: selec
    [status 1]
    ");
}

#[test]
fn ungrouped_column_says_what_to_do() {
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select station_id, count(*) from outliers"]), @r#"
    [stderr]
    error: SQL line 1, column 8: column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column "outliers.station_id" must appear in the GROUP BY clause or must be part of an aggregate function, currently only "count(Int64(1))" appears in the SELECT clause satisfies this requirement
    hint: either add 'outliers.station_id' to GROUP BY clause, or use an aggregate function like ANY_VALUE(outliers.station_id)
    [status 1]
    "#);
}

#[test]
fn columns_that_two_tables_have_are_told() {
    let statements = [
        "select value from outliers a join outliers b on a.station_id = b.station_id",
        "select * from (select 1 as x, 2 as x)",
        "select \"Value\" from outliers",
    ];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @r#"
    > select value from outliers a join outliers b on a.station_id = b.station_id
    [stderr]
    error: SQL line 1, column 8: column `value` is in more than one table
    hint: name the table too: `table.value`
    [status 1]

    > select * from (select 1 as x, 2 as x)
    [stderr]
    error: SQL: projections require unique expression names but the expression "Int64(1) AS x" at position 0 and "Int64(2) AS x" at position 1 have the same name. Consider aliasing ("AS") one of them
    [status 1]

    > select "Value" from outliers
    [stderr]
    error: SQL line 1, column 8: there is no column `Value`
    hint: write "value", in double quotes
    [status 1]
    "#);
}

#[test]
fn output_that_holds_one_result_refuses_two() {
    assert_snapshot!(
        shown(&place(), &["outliers.parquet", "select 1; select 2", "--format", "json"]), @"
    [stderr]
    error: 2 statements, but the output holds one result
    hint: give one statement, or another --format into standard output
    [status 2]
    ");
}

#[test]
fn jobs_get_their_summary_and_their_failure_as_json() {
    let place = place();
    let sql = "select station_id from outliers";
    let done = shown(&place, &["outliers.parquet", sql, "-o", "a.csv", "--json", "--quiet"]);
    let (before, seconds) = done.split_once("\"seconds\":").unwrap();
    assert!(seconds.trim_end().strip_suffix('}').unwrap().parse::<f64>().unwrap() >= 0.0, "{done}");
    assert_snapshot!(before, @r#"{"schema":1,"output":"a.csv","rows":5,"#);
    assert_snapshot!(shown(&place, &["outliers.parquet", "select x from outliers", "-o", "a.csv", "--json"]), @r#"
    {"schema":1,"error":{"path":null,"message":"SQL line 1, column 8: there is no column `x`","hint":"columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled"}}
    [stderr]
    error: SQL line 1, column 8: there is no column `x`
    hint: columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]
    "#);
    assert_snapshot!(shown(&place, &["gone.parquet", sql, "-o", "a.csv", "--json"]), @r#"
    {"schema":1,"error":{"path":"gone.parquet","message":"gone.parquet: cannot open: No such file or directory (os error 2)","hint":"check the path; TABLE comes first, then SQL"}}
    [stderr]
    error: gone.parquet: cannot open: No such file or directory (os error 2)
    hint: check the path; TABLE comes first, then SQL
    [status 1]
    "#);
    assert_snapshot!(shown(&place, &["outliers.parquet", sql, "--json"]), @r#"
    {"schema":1,"error":{"path":null,"message":"--json without a file for the result","hint":"give -o FILE, too; --format json prints the rows themselves"}}
    [stderr]
    error: --json without a file for the result
    hint: give -o FILE, too; --format json prints the rows themselves
    [status 2]
    "#);
    assert_snapshot!(shown(&place, &["outliers.parquet", sql, "--json", "--rows", "none"]), @r#"
    {"schema":1,"error":{"path":null,"message":"invalid value 'none' for '--rows <N>': expected a number from 1, or all","hint":"isd-query --help lists what can be given"}}
    [stderr]
    error: invalid value 'none' for '--rows <N>': expected a number from 1, or all
    hint: isd-query --help lists what can be given
    [status 2]
    "#);
}

#[test]
fn error_in_a_later_statement_is_placed_in_the_whole_text() {
    let sql = "select 1 as x;\nselect valu from outliers";
    assert_snapshot!(shown(&place(), &["outliers.parquet", sql]), @"
    x
    1
    [stderr]
    error: SQL line 2, column 8: there is no column `valu`
    hint: did you mean `value`? columns: station_id, timestamp, measurement, value, rolling_mean, rolling_std, zscore, window_count, filled
    [status 1]
    ");
}

#[test]
fn output_that_cannot_be_written_is_named() {
    let place = place();
    assert_snapshot!(shown(&place, &["outliers.parquet", "select 1", "-o", "no/x.csv"]), @r#"
    [stderr]
    error: no/x.csv: cannot create: No such file or directory (os error 2) at path "[DIR]/no/[TEMPORARY]"
    [status 1]
    "#);
    assert_snapshot!(shown(&place, &["outliers.parquet", "select 1", "-o", "observations", "--format", "csv"]), @"
    [stderr]
    error: observations: cannot create: is a directory
    [status 1]
    ");
    assert_snapshot!(shown(&place, &["outliers.parquet", "select 1", "-o", "result.ods"]), @"
    [stderr]
    error: result.ods: the extension names no format
    hint: use .csv, .tsv, .json, .ndjson, .md, .txt, .parquet or .arrow, or give --format; text may end in .gz
    [status 2]
    ");
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
    assert_snapshot!(shown(&place(), &["outliers.parquet", "select 1", "--memory-limit", "much"]), @"
    [stderr]
    error: invalid value 'much' for '--memory-limit <SIZE>': expected a size such as 512MiB or 2GiB
    hint: isd-query --help lists what can be given
    [status 2]
    ");
}

#[test]
fn query_beyond_the_engines_limit_of_temporary_files_does_not_blame_the_table() {
    let sql = "set datafusion.runtime.max_temp_directory_size = '1M';
               select max(k * r) from
               (select value as k, row_number() over (order by value % 1000, value) as r from generate_series(1, 2000000))";
    let arguments = ["outliers.parquet", sql, "--memory-limit", "24MiB"];
    assert_snapshot!(shown(&place(), &arguments), @"
    [stderr]
    error: Io error: The used disk space during the spilling process has exceeded the allowable limit of 1024.0 KB. Please try increasing the config: `datafusion.runtime.max_temp_directory_size`
    [status 1]
    ");
}

#[test]
fn tables_are_not_written_to() {
    let (place, path) = dataset();
    let before = std::fs::read_dir(path.join("block=72")).unwrap().count();
    let statements = [
        "insert into observations select * from observations",
        "explain analyze insert into observations select * from observations",
    ];
    assert_snapshot!(shown_each(&place, "observations", &statements), @"
    > insert into observations select * from observations
    [stderr]
    error: SQL: tables are read-only
    hint: COPY (SELECT …) TO 'file.parquet' writes what is selected to another file
    [status 1]

    > explain analyze insert into observations select * from observations
    [stderr]
    error: SQL: tables are read-only
    hint: COPY (SELECT …) TO 'file.parquet' writes what is selected to another file
    [status 1]
    ");
    assert_eq!(std::fs::read_dir(path.join("block=72")).unwrap().count(), before);
}

#[test]
fn failure_of_a_value_is_one_line() {
    // The file is not to blame.
    let statements =
        ["select cast(station_id as int) from outliers", "select cast(station_id as date) from outliers"];
    assert_snapshot!(shown_each(&place(), "outliers.parquet", &statements), @"
    > select cast(station_id as int) from outliers
    [stderr]
    error: Cast error: Cannot cast string '010010-99999' to value of Int32 type
    [status 1]

    > select cast(station_id as date) from outliers
    [stderr]
    error: Cast error: Cannot cast string '010010-99999' to value of Date32 type
    [status 1]
    ");
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
    assert_snapshot!(shown(&place(), &["nowhere/outliers.parquet", "select 1"]), @"
    [stderr]
    error: nowhere/outliers.parquet: cannot open: No such file or directory (os error 2)
    hint: check the path; TABLE comes first, then SQL
    [status 1]
    ");
}

#[test]
fn unknown_extension_lists_the_known() {
    let place = place();
    for name in ["outliers.xlsx", "outliers"] {
        std::fs::write(place.path().join(name), "x").unwrap();
    }
    assert_snapshot!(shown(&place, &["outliers.xlsx", "select 1"]), @"
    [stderr]
    error: outliers.xlsx: files ending in .xlsx cannot be read as a table
    hint: isd-query reads .parquet, .csv, .tsv, .arrow and .ndjson files, text also as .gz, and dataset directories
    [status 1]
    ");
    assert_snapshot!(shown(&place, &["outliers", "select 1"]), @"
    [stderr]
    error: outliers: a file without an extension cannot be read as a table
    hint: isd-query reads .parquet, .csv, .tsv, .arrow and .ndjson files, text also as .gz, and dataset directories
    [status 1]
    ");
}

#[test]
fn empty_file_is_refused() {
    let place = TempDir::new().unwrap();
    let names = ["outliers.parquet", "outliers.csv", "outliers.arrow", "outliers.ndjson"];
    let refused = names.map(|name| {
        std::fs::write(place.path().join(name), "").unwrap();
        shown(&place, &[name, "select 1"])
    });
    assert_snapshot!(refused.concat(), @"
    [stderr]
    error: outliers.parquet: the file is empty
    hint: write it again: even a table without rows has a header
    [status 1]
    [stderr]
    error: outliers.csv: the file is empty
    hint: write it again: even a table without rows has a header
    [status 1]
    [stderr]
    error: outliers.arrow: the file is empty
    hint: write it again: even a table without rows has a header
    [status 1]
    [stderr]
    error: outliers.ndjson: the file is empty
    hint: write it again: even a table without rows has a header
    [status 1]
    ");
}

#[test]
fn file_that_is_not_parquet_is_refused() {
    let place = TempDir::new().unwrap();
    let refused = ["outliers.parquet", "outliers.arrow"].map(|name| {
        std::fs::write(place.path().join(name), "station_id,timestamp,value\n".repeat(20)).unwrap();
        shown(&place, &[name, "select * from outliers"])
    });
    assert_snapshot!(refused.concat(), @"
    [stderr]
    error: outliers.parquet: cannot be read as Parquet: Invalid Parquet file. Corrupt footer
    hint: it is another format, damaged, or was not written to its end
    [status 1]
    [stderr]
    error: outliers.arrow: cannot be read as Arrow IPC: Failed to parse Arrow file as either file format or stream format. File format error: Parser error: Arrow file does not contain correct footer. Stream format error: Io error: failed to fill whole buffer
    hint: it is another format, damaged, or was not written to its end
    [status 1]
    ");
}

#[test]
fn truncated_file_of_a_dataset_is_named() {
    let (place, path) = dataset();
    let broken = path.join("block=72/part-00001.parquet");
    let bytes = std::fs::read(&broken).unwrap();
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    assert_snapshot!(shown(&place, &["observations", "select * from observations"]), @"
    [stderr]
    error: observations/block=72/part-00001.parquet: cannot be read as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
    hint: convert the archive with isd-convert, again if this is its result
    [status 1]
    ");
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
    assert_snapshot!(shown(&place, &["broken.parquet", sql]), @"
    [stderr]
    error: broken.parquet: Parquet argument error: Parquet error: cannot parse past Set
    hint: correct the file, or write it again
    [status 1]
    ");
    assert_snapshot!(shown(&place, &["outliers.parquet", "broken.parquet", sql]), @"
    [stderr]
    error: broken.parquet: Parquet argument error: Parquet error: cannot parse past Set
    hint: correct the file, or write it again
    [status 1]
    ");
    std::fs::copy(&broken, place.path().join("observations/block=72/part-00001.parquet")).unwrap();
    // Without its manifest it is a directory of Parquet files.
    std::fs::remove_file(place.path().join("observations/_isd.json")).unwrap();
    assert_snapshot!(shown(&place, &["observations", sql]), @"
    [stderr]
    error: observations/block=72/part-00001.parquet: Parquet argument error: Parquet error: cannot parse past Set
    hint: correct the file, or write it again
    [status 1]
    ");
}

#[test]
fn file_of_a_directory_with_other_types_is_named() {
    let (place, path) = dataset();
    let other = observations("724000-00001", 0, 3);
    let winds = cast(other.column(2), &DataType::Utf8).unwrap();
    let columns = [("station_id", other.column(0).clone()), ("wind_speed_rate", winds)];
    write_parquet(&path.join("block=72/part-00002.parquet"), &RecordBatch::try_from_iter(columns).unwrap());
    std::fs::remove_file(path.join("_isd.json")).unwrap();
    assert_snapshot!(shown(&place, &["observations", "select * from observations"]), @"
    [stderr]
    error: observations/block=72/part-00002.parquet: its columns differ from the other files': Schema error: Fail to merge schema field 'wind_speed_rate' because the from data_type = Utf8View does not equal Float64
    hint: all files of a table have the same columns and types
    [status 1]
    ");
}

#[test]
fn damaged_value_names_file_and_line() {
    let place = TempDir::new().unwrap();
    let broken = |text: &str, sql: &str| {
        std::fs::write(place.path().join("outliers.csv"), text).unwrap();
        shown(&place, &["outliers.csv", sql])
    };
    let text = "station_id,value\n722010,5.5\n722010,calm\n";
    assert_snapshot!(broken(text, "select sum(value) from outliers"), @"
    [stderr]
    error: outliers.csv: line 3, column value: found `calm`, expected Float64
    hint: correct the file, or write it again
    [status 1]
    ");
    let text = "station_id,timestamp\n722010,2017-09-10T12:00:00Z\n722010,noon\n";
    assert_snapshot!(broken(text, "select max(timestamp) from observations"), @"
    [stderr]
    error: outliers.csv: line 3, column timestamp: Parser error: Error parsing timestamp from 'noon': timestamp must contain at least 10 characters
    hint: correct the file, or write it again
    [status 1]
    ");
    let text = "station_id,value\n722010,5.5\n722010,5,6\n";
    assert_snapshot!(broken(text, "select sum(value) from outliers"), @"
    [stderr]
    error: outliers.csv: cannot be read as CSV: Csv error: Encountered unequal lengths between records on CSV file. Expected 2 records, found 3 records at line 3
    hint: it is another format, damaged, or was not written to its end
    [status 1]
    ");
}

#[test]
fn directory_without_parquet_is_refused() {
    let place = TempDir::new().unwrap();
    std::fs::create_dir(place.path().join("empty")).unwrap();
    assert_snapshot!(shown(&place, &["empty", "select 1"]), @"
    [stderr]
    error: empty: a directory without Parquet files
    hint: isd-convert writes datasets
    [status 1]
    ");
}

#[test]
fn column_twice_does_not_fit_json() {
    let sql = "select a.value, b.value from outliers a join outliers b using (station_id)";
    assert_snapshot!(shown(&place(), &["outliers.parquet", sql, "--format", "ndjson"]), @"
    [stderr]
    error: column value: is there twice, and the format cannot hold both
    hint: rename one: `value AS …`
    [status 1]
    ");
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
    assert_snapshot!(refused.join("\n"), @r#"
    > isd-query []
    [stderr]
    error: the SQL is empty
    hint: isd-query TABLE "select count(*) from outliers"
    [status 2]

    > isd-query ["outliers.parquet"]
    [stderr]
    error: the SQL is empty
    hint: isd-query TABLE "select count(*) from outliers"
    [status 2]

    > isd-query ["outliers.parquet", " \n"]
    [stderr]
    error: the SQL is empty
    hint: isd-query TABLE "select count(*) from outliers"
    [status 2]

    > isd-query ["outliers.parquet", "select 1", "--format", "xml"]
    [stderr]
    error: invalid value 'xml' for '--format <FORMAT>': expected one of table, csv, tsv, json, ndjson, markdown, latex, parquet, arrow, excel
    hint: isd-query --help lists what can be given
    [status 2]

    > isd-query ["outliers.parquet", "select 1", "--table", "obs"]
    [stderr]
    error: invalid value 'obs' for '--table <NAME=PATH>': expected NAME=VALUE
    hint: isd-query --help lists what can be given
    [status 2]

    > isd-query ["outliers.parquet", "select 1", "--threads", "0"]
    [stderr]
    error: invalid value '0' for '--threads <N>': expected a number from 1 to 4096
    hint: isd-query --help lists what can be given
    [status 2]

    > isd-query ["outliers.parquet", "select 1", "--quite"]
    [stderr]
    error: unexpected argument '--quite' found
    hint: a similar argument exists: '--quiet'
    [status 2]

    > isd-query ["outliers.parquet", "select 1", "--file", "query.sql"]
    [stderr]
    error: SQL is given twice, in words and by --file
    hint: leave one out
    [status 2]
    "#);
}

#[test]
fn help_and_version_are_results() {
    let place = place();
    assert_snapshot!("help", shown(&place, &["--help"]));
    assert_snapshot!("short_help", shown(&place, &["-h"]));
    assert_snapshot!(shown(&place, &["--version"]), @"isd-query [VERSION]");
}
