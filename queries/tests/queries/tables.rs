use std::io::Write;

use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{
    answer, dataset, observations, outliers, place, run_with_bytes, shown, station_list, write_manifest,
    write_parquet,
};

#[test]
fn several_tables_are_named_by_what_they_are() {
    let sql = "select count(*) as n from outliers join stations using (station_id)
               join observations using (station_id, timestamp)";
    assert_snapshot!(shown(&place(), &["outliers.parquet", "observations", "isd-history.csv", sql]), @"
    n
    2
    [stderr]
    1 row, [TIME]
    ");
}

#[test]
fn tables_have_the_names_they_are_given() {
    let sql = "select (select count(*) from found) as found, (select count(*) from obs) as obs";
    let arguments = ["--table", "found=outliers.parquet", "--table", "obs=observations", sql];
    assert_snapshot!(shown(&place(), &arguments), @"
    found,obs
    5,18
    [stderr]
    1 row, [TIME]
    ");
}

#[test]
fn other_files_are_called_as_they_are() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("Sites 2017.csv");
    std::fs::write(&path, "site,rank\na,1\nb,2\n").unwrap();
    assert_eq!(answer(&path, "select sum(rank) as n from sites_2017", &[]), "n\n3\n");
}

#[test]
fn two_tables_of_one_name_are_refused() {
    let place = place();
    write_parquet(&place.path().join("other.parquet"), &outliers());
    assert_snapshot!(shown(&place, &["outliers.parquet", "other.parquet", "select 1"]), @"
    [stderr]
    error: outliers.parquet and other.parquet are both `outliers`
    hint: name one of them: --table NAME=PATH
    [status 2]
    ");
}

#[test]
fn pattern_gives_the_keys_that_the_directory_gives() {
    let (place, path) = dataset();
    let by_block =
        "select block, arrow_typeof(block) as type, count(*) as n from observations group by 1, 2 order by 1";
    let all = "block,type,n\n01,Utf8,6\n72,Utf8,12\n";
    for pattern in ["", "**/*.parquet", "block=*/*.parquet", "*/part-*.parquet", "block=*"] {
        assert_eq!(answer(&path.join(pattern), by_block, &[]), all, "{pattern}");
    }
    assert_eq!(answer(&path.join("block=7*/*.parquet"), by_block, &[]), "block,type,n\n72,Utf8,12\n");
    assert_eq!(answer(&path.join("block=*/part-00001.parquet"), by_block, &[]), "block,type,n\n72,Utf8,3\n");
    let sql = "select count(*) as n from observations where station_id = '010010-99999' or block = '72'";
    assert_eq!(answer(&path.join("block=*/*-00000.parquet"), sql, &[]), "n\n15\n");
    // Relative to where it runs, with two keys, one of them a number.
    let batch = observations("010010-99999", 0, 6);
    for keys in ["kind=a/year=2016", "kind=a/year=2017", "kind=b/year=2017"] {
        write_parquet(&place.path().join("wind").join(keys).join("a.parquet"), &batch);
    }
    let sql = "select kind, year + 1 as next, count(*) as n from observations group by 1, 2 order by 1, 2";
    assert_snapshot!(shown(&place, &["wind/kind=*/year=2017/*.parquet", sql, "--quiet"]), @r"
    kind,next,n
    a,2018,6
    b,2018,6
    ");
    assert_snapshot!(shown(&place, &["wind/kind=a/**/*.parquet", sql, "--quiet"]), @r"
    kind,next,n
    a,2017,6
    a,2018,6
    ");
}

#[test]
fn patterns_match_files_of_one_format() {
    let (place, path) = dataset();
    let pattern = path.join("block=7*/*.parquet");
    let sql = "select count(*) as n, count(distinct station_id) as stations from observations";
    assert_eq!(answer(&pattern, sql, &[]), "n,stations\n12,2\n");
    assert_eq!(answer(&path.join("block=7*"), sql, &[]), "n,stations\n12,2\n");
    assert_snapshot!(shown(&place, &["observations/block=9*", "select 1"]), @"
    [stderr]
    error: observations/block=9*: no file matches
    hint: quote the pattern, and check the path
    [status 1]
    ");
    std::fs::write(place.path().join("a.csv"), "x\n1\n").unwrap();
    std::fs::write(place.path().join("b.ndjson"), "{\"x\": 1}\n").unwrap();
    assert_snapshot!(shown(&place, &["[ab].*", "select 1"]), @"
    [stderr]
    error: b.ndjson: is of another format than a.csv
    hint: let the pattern match files of one format
    [status 1]
    ");
    assert_snapshot!(shown(&place, &["[ab.*", "select 1"]), @"
    [stderr]
    error: [ab.*: not a pattern: invalid range pattern at character 1
    hint: write [[] for a bracket
    [status 1]
    ");
}

#[test]
fn files_of_a_pattern_with_other_types_are_named() {
    let directory = TempDir::new().unwrap();
    let batch = outliers();
    write_parquet(&directory.path().join("a.parquet"), &batch);
    let texts = arrow::compute::cast(batch.column(3), &arrow::datatypes::DataType::Utf8).unwrap();
    let other = arrow::array::RecordBatch::try_from_iter([("value", texts)]).unwrap();
    write_parquet(&directory.path().join("b.parquet"), &other);
    assert_snapshot!(shown(&directory, &["*.parquet", "select 1"]), @"
    [stderr]
    error: b.parquet: its columns differ from the other files': Schema error: Fail to merge schema field 'value' because the from data_type = Utf8View does not equal Float64
    hint: all files of a table have the same columns and types
    [status 1]
    ");
}

#[test]
fn station_list_has_ids_types_and_unknown_positions() {
    let (_directory, path) = station_list();
    let sql = "select station_id, usaf, wban, country, state, icao, latitude, longitude, elevation, \"begin\", \"end\"
               from stations order by station_id";
    let expected = "station_id,usaf,wban,country,state,icao,latitude,longitude,elevation,begin,end\n\
        007018-99999,007018,99999,,,,,,7018.0,2013-07-10,2013-07-30\n\
        010010-99999,010010,99999,NO,,ENJA,70.933,-8.667,9.0,1931-01-01,2017-09-24\n\
        722010-12836,722010,12836,US,FL,KEYW,24.555,-81.752,,1973-01-01,2017-09-25\n\
        A00001-99999,A00001,99999,US,,,,,,,\n";
    assert_eq!(answer(&path, sql, &[]), expected);
}

#[test]
fn damaged_station_list_names_line_and_column() {
    let (place, path) = station_list();
    let text = std::fs::read_to_string(&path).unwrap();
    let broken = |text: String| {
        std::fs::write(&path, text).unwrap();
        shown(&place, &["isd-history.csv", "select * from stations"])
    };
    assert_snapshot!(broken(text.replace("+24.555", "north")), @"
    [stderr]
    error: isd-history.csv: cannot be read as a station list: line 4, column LAT: found `north`, expected a number
    hint: download isd-history.csv again
    [status 1]
    ");
    assert_snapshot!(broken(text.replace("\"20170925\"", "20170925,1")), @"
    [stderr]
    error: isd-history.csv: cannot be read as a station list: Csv error: incorrect number of fields for line 4, expected 11 got 12
    hint: download isd-history.csv again
    [status 1]
    ");
}

/// GHCNh's list comes as csv and as text in fixed places; what a list is, its content says.
#[test]
fn the_lists_of_ghcnh_are_station_lists() {
    let directory = TempDir::new().unwrap();
    let expected =
        "station_id,wban,name,latitude,elevation\nAAW00023234,23234,SAN FRANCISCO INTL AP,37.6194,2.4\n";
    let sql = "select station_id, wban, name, latitude, elevation from stations";
    for (file, text) in [
        (
            "ghcnh-station-list.csv",
            "GHCN_ID,LATITUDE,LONGITUDE,ELEVATION,STATE,NAME,GSN,(US)HCN_(US)CRN,WMO_ID,ICAO\n\
             AAW00023234,37.6194,-122.3656,2.4,CA,SAN FRANCISCO INTL AP,,,72494,KSFO\n",
        ),
        (
            "ghcnh-station-list.txt",
            "AAW00023234  37.6194 -122.3656    2.4 CA SAN FRANCISCO INTL AP                  72494 KSFO\n",
        ),
    ] {
        let path = directory.path().join(file);
        std::fs::write(&path, text).unwrap();
        assert_eq!(answer(&path, sql, &[]), expected, "{file}");
    }
    std::fs::write(directory.path().join("notes.txt"), "anything else\n").unwrap();
    assert!(shown(&directory, &["notes.txt", "select 1"]).contains("files ending in .txt cannot be read"));
}

#[test]
#[cfg_attr(no_shared_data, ignore = "needs ../shared/data")]
fn the_whole_list_of_noaa_is_read() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../../shared/data/stations/isd-history.csv");
    let sql = "select count(*) as n, count(distinct station_id) as ids, count(latitude) as placed,
               min(latitude) >= -90 and max(longitude) <= 180 as sane, max(length(station_id)) as longest from stations";
    let answer = answer(&path, sql, &[]);
    assert!(
        answer.starts_with("n,ids,placed,sane,longest\n30035,30035,") && answer.ends_with(",true,12\n"),
        "{answer}"
    );
}

#[test]
fn station_picks_the_files_of_its_block() {
    let (_directory, path) = dataset();
    let plan = |filter: &str| {
        answer(&path, &format!("explain select * from observations where {filter}"), &["--format", "table"])
    };
    for filter in [
        "station_id = '010010-99999'",
        "station_id in ('010010-99999', '010020-99999')",
        "station_id like '0100%'",
    ] {
        let plan = plan(filter);
        assert!(plan.contains("block=01/part-00000.parquet") && !plan.contains("block=72"), "{plan}");
    }
    let sql = "select count(*) as n from observations where station_id = '722010-12836'";
    assert_eq!(answer(&path, sql, &[]), "n\n9\n");
    let either =
        "select count(*) as n from observations where station_id = '722010-12836' or wind_speed_rate = 4";
    assert_eq!(answer(&path, either, &[]), "n\n10\n");
}

#[test]
fn directory_that_is_no_dataset_keeps_its_own_keys() {
    let directory = TempDir::new().unwrap();
    // Its blocks are no first characters of stations: a station may be in any.
    write_parquet(&directory.path().join("block=x/a.parquet"), &observations("722010-12836", 0, 3));
    let sql =
        "select block, count(*) as n from observations where station_id = '722010-12836' group by block";
    assert_eq!(answer(directory.path(), sql, &[]), "block,n\nx,3\n");
}

#[test]
fn row_groups_without_the_station_are_not_read() {
    let (_directory, path) = dataset();
    let sql = "explain analyze select * from observations where station_id = '723150-03812'";
    let plan = answer(&path, sql, &["--format", "table"]);
    assert!(plan.contains("output_rows=3"), "{plan}");
    // One of the block's two files is ruled out by its statistics.
    let pruned = ["files_ranges_pruned_statistics=2 total", "row_groups_pruned_statistics=2 total"];
    assert!(pruned.iter().any(|metric| plan.contains(metric)), "{plan}");
}

#[test]
fn dataset_within_a_directory_that_cannot_be_replaced_is_found() {
    let place = place();
    let dataset = place.path().join("observations");
    std::fs::rename(&dataset, place.path().join("data")).unwrap();
    std::fs::create_dir(&dataset).unwrap();
    std::fs::rename(place.path().join("data"), dataset.join("data")).unwrap();
    let sql = "select block, count(*) as n from observations group by 1 order by 1";
    assert_eq!(answer(&dataset, sql, &[]), "block,n\n01,6\n72,12\n");
}

#[test]
fn dataset_that_lacks_rows_is_refused() {
    let (place, path) = dataset();
    let part = path.join("block=72/part-00000.parquet");
    let whole = std::fs::read(&part).unwrap();
    std::fs::remove_file(&part).unwrap();
    assert_snapshot!(shown(&place, &["observations", "select count(*) from observations"]), @"
    [stderr]
    error: observations: holds 9 rows, but its _isd.json says 18
    hint: files of it are missing or do not belong to it: convert the archive again
    [status 1]
    ");
    std::fs::write(&part, "").unwrap();
    assert_snapshot!(shown(&place, &["observations", "select count(*) from observations"]), @"
    [stderr]
    error: observations/block=72/part-00000.parquet: cannot be read as Parquet: EOF: Parquet file too small. Size is 0 but need 8
    hint: convert the archive with isd-convert, again if this is its result
    [status 1]
    ");
    std::fs::write(&part, &whole[..whole.len() / 2]).unwrap();
    assert_snapshot!(shown(&place, &["observations", "select count(*) from observations"]), @"
    [stderr]
    error: observations/block=72/part-00000.parquet: cannot be read as Parquet: Parquet error: Invalid Parquet file. Corrupt footer
    hint: convert the archive with isd-convert, again if this is its result
    [status 1]
    ");
    std::fs::write(&part, &whole).unwrap();
    assert_eq!(answer(&path, "select count(*) as n from observations", &[]), "n\n18\n");
}

#[test]
fn windows_over_a_dataset_need_no_sort() {
    let directory = TempDir::new().unwrap();
    let sorted = |name: &str, station: &str| {
        let batch = observations(station, 0, 5);
        crate::support::write_sorted_parquet(&directory.path().join(name), &batch);
    };
    sorted("block=01/part-00000.parquet", "010010-99999");
    sorted("block=72/part-00000.parquet", "722010-12836");
    write_manifest(directory.path(), 10);
    let sql = "explain select lag(wind_speed_rate) over (partition by station_id order by timestamp) from observations";
    let plan = answer(directory.path(), sql, &["--format", "table"]);
    assert!(plan.contains("BoundedWindowAggExec") && !plan.contains("SortExec"), "{plan}");
}

#[test]
fn word_that_is_neither_file_nor_sql_is_a_missing_file() {
    let place = place();
    // Standard input, which is empty, holds no SQL.
    assert_snapshot!(shown(&place, &["nowhere.parquet"]), @r#"
    [stderr]
    error: the SQL is empty
    hint: isd-query TABLE "select count(*) from outliers"
    [status 2]
    "#);
    assert_snapshot!(shown(&place, &["nowhere.parquet", "select 1"]), @"
    [stderr]
    error: nowhere.parquet: cannot open: No such file or directory (os error 2)
    hint: check the path; TABLE comes first, then SQL
    [status 1]
    ");
    assert_snapshot!(shown(&place, &["outliers.parquet", "select 1", "select 2"]), @"
    [stderr]
    error: `select 2` comes after the SQL
    hint: tables come first, then SQL
    [status 2]
    ");
}

#[test]
fn compressed_text_and_standard_input_are_tables() {
    let place = place();
    let rows = "station_id\twind\n007026\t1.5\n010010\t2\n";
    let packed = |name: &str, text: &[u8]| {
        let file = std::fs::File::create(place.path().join(name)).unwrap();
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        packed.write_all(text).unwrap();
        packed.finish().unwrap();
    };
    packed("gusts.tsv.gz", rows.as_bytes());
    std::fs::write(place.path().join("gusts.tsv"), rows).unwrap();
    std::fs::write(place.path().join("gusts.jsonl"), "{\"wind\": 1.5}\n{\"wind\": 2.0}\n").unwrap();
    packed("gusts.ndjson.gz", b"{\"wind\": 1.5}\n{\"wind\": 2.0}\n");
    for name in ["gusts.tsv", "gusts.tsv.gz", "gusts.jsonl", "gusts.ndjson.gz"] {
        assert_eq!(
            answer(&place.path().join(name), "select sum(wind) as sum from gusts", &[]),
            "sum\n3.5\n",
            "{name}"
        );
    }
    let sql = "select station_id from gusts order by wind";
    assert_eq!(answer(&place.path().join("gusts.tsv.gz"), sql, &[]), "station_id\n007026\n010010\n");
    std::fs::write(
        place.path().join("cut.csv.gz"),
        &std::fs::read(place.path().join("gusts.tsv.gz")).unwrap()[..30],
    )
    .unwrap();
    assert_snapshot!(shown(&place, &["cut.csv.gz", "select 1"]), @"
    [stderr]
    error: cut.csv.gz: cannot be read to its end: incomplete deflate stream
    hint: it is damaged, or was not written to its end
    [status 1]
    ");

    let from_input = |input: &[u8], sql: &str| {
        let output = run_with_bytes(&["-", sql, "--quiet"], input);
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert_eq!(from_input(b"a,b\n1,2\n", "select a + b as sum from stdin"), "sum\n3\n");
    assert_eq!(from_input(b"{\"a\": 1}\n", "select a from stdin"), "a\n1\n");
    let file = std::fs::read(place.path().join("outliers.parquet")).unwrap();
    assert_eq!(from_input(&file, "select count(*) as n from outliers"), "n\n5\n");
    let file = std::fs::read(place.path().join("gusts.tsv.gz")).unwrap();
    assert_eq!(from_input(&file, "select count(*) as n from stdin"), "n\n2\n");
    assert_snapshot!(from_input(b"a,a\n1,2\n", "select 1"), @"
    error: -: two columns are called `a`
    hint: rename one of them in the first line
    ");
    let output = run_with_bytes(&["-"], b"a,b\n1,2\n");
    assert_eq!(output.status.code(), Some(2));
    assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @r#"
    error: standard input is a table, so that no SQL can come from it
    hint: isd-query TABLE "select count(*) from outliers"
    "#);
}
