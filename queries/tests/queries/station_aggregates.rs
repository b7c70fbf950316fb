use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use insta::assert_snapshot;
use tempfile::TempDir;

use crate::support::{
    answer, observations, run, stdout, write_manifest, write_parquet, write_sorted_parquet,
};

/// Numbers that look random, the same in every run: Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// So many observations of each station. A quarter of the winds is missing, and of some stations all; winds are halves, so
/// that sums of them are exact in any order.
fn series(stations: &[(String, usize)], random: &mut Random) -> RecordBatch {
    let ids: Vec<&str> =
        stations.iter().flat_map(|(id, rows)| std::iter::repeat_n(id.as_str(), *rows)).collect();
    let times = stations.iter().flat_map(|&(_, rows)| (0..rows as i64).map(|row| row * 3_600_000_000));
    let missing: Vec<u64> =
        stations.iter().flat_map(|&(_, rows)| vec![[1, 1, 1, 4][random.below(4) as usize]; rows]).collect();
    let winds = missing.iter().map(|&quarters| {
        let value = random.below(199) as f64 / 2.0 - 20.0;
        (random.below(4) >= quarters).then_some(value)
    });
    let winds: Float64Array = winds.collect();
    let codes: Int64Array =
        ids.iter().map(|_| (random.below(9) > 0).then_some(random.below(7) as i64)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("timestamp", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
        ("wind_speed_rate", Arc::new(winds)),
        ("code", Arc::new(codes)),
    ];
    let ids: ArrayRef = Arc::new(StringArray::from(ids));
    RecordBatch::try_from_iter([("station_id", ids)].into_iter().chain(columns)).unwrap()
}

/// A dataset with a few stations in each of some files, and the same files without a manifest, which nobody promises
/// anything of. Some stations have one row, some more than the engine takes at a time.
fn dataset_and_files(random: &mut Random) -> TempDir {
    let place = TempDir::new().unwrap();
    let mut rows_in_all = 0;
    for block in 10..12 + random.below(4) {
        let stations = (0..=random.below(6)).map(|n| {
            let rows =
                [1, 2, 50, 1 + random.below(999), 20_000 + random.below(60_000)][random.below(5) as usize];
            (format!("{block}{n:04}-99999"), rows as usize)
        });
        let rows = series(&stations.collect::<Vec<_>>(), random);
        rows_in_all += rows.num_rows() as u64;
        let file = format!("block={block}/part-00000.parquet");
        write_sorted_parquet(&place.path().join("dataset").join(&file), &rows);
        write_parquet(&place.path().join("files").join(&file), &rows);
    }
    write_manifest(&place.path().join("dataset"), rows_in_all);
    place
}

/// The aggregations of a statement's plan, from the last to the first, each with its groups.
fn aggregations(table: &Path, sql: &str, threads: &str) -> String {
    let explain = format!("explain {sql}");
    let plan = answer(table, &explain, &["--format", "table", "--threads", threads]);
    let nodes = plan.lines().map(str::trim_start).filter(|line| line.contains("AggregateExec"));
    let short = nodes.map(|node| node.split(", aggr=").next().unwrap());
    short.collect::<Vec<_>>().join("\n")
}

const STATEMENTS: [&str; 17] = [
    "select station_id from t group by station_id order by 1",
    "select distinct station_id from t order by 1",
    "select station_id, count(*), count(wind_speed_rate), sum(wind_speed_rate), avg(wind_speed_rate),
            min(wind_speed_rate), max(wind_speed_rate) from t group by station_id order by 1",
    "select station_id, count(code), sum(code), avg(code), min(code), max(code), min(timestamp), max(timestamp)
     from t group by station_id order by 1",
    "select station_id as id, max(wind_speed_rate) - min(wind_speed_rate) as range, sum(2 * code + 1) from t
     group by 1 order by range desc, id",
    "select count(*), station_id from t where wind_speed_rate > 3 and code <> 2 group by station_id order by 2",
    "select station_id, count(*) filter (where code > 2), max(wind_speed_rate) filter (where code = 1),
            sum(code) filter (where wind_speed_rate is null) from t group by station_id order by 1",
    "select station_id, count(distinct code), sum(distinct code), count(distinct wind_speed_rate) from t
     group by station_id order by 1",
    "select station_id, count(distinct code) from t group by station_id order by 1",
    "select station_id, median(wind_speed_rate), array_agg(distinct code order by code),
            first_value(timestamp order by wind_speed_rate desc, timestamp), string_agg(distinct code::text, '+' order by code::text)
     from t group by station_id order by 1",
    "select station_id, max(wind_speed_rate) from t group by station_id having count(*) > 40 order by 1",
    "select station_id, max(wind_speed_rate) as top from t group by station_id order by top desc, 1 limit 3",
    "select station_id, count(*) from t group by station_id order by 1 desc limit 2",
    "select upper(id), n from (select station_id as id, count(*) as n from t where code is not null group by 1) order by 1",
    "select avg(n), max(top) from (select count(*) as n, max(code) as top from t group by station_id)",
    "select a.station_id, a.code, b.n from t a join (select station_id, count(*) as n from t group by 1) b
     on a.station_id = b.station_id where a.wind_speed_rate = 12 order by 1, 2, 3 limit 50",
    "select station_id, count(*) from t where code > 99 group by station_id order by 1",
];

#[test]
fn answers_are_those_of_the_same_files_without_order() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..6 {
        let place = dataset_and_files(&mut random);
        for sql in STATEMENTS {
            let run = |directory: &str, threads: &str| {
                let table = format!("t={}", place.path().join(directory).display());
                stdout(&["--table", &table, sql, "--threads", threads, "--quiet"])
            };
            let expected = run("files", "2");
            for threads in ["1", "2", "3"] {
                assert_eq!(run("dataset", threads), expected, "round {round}, {threads} threads: {sql}");
            }
        }
    }
}

#[test]
fn every_station_is_one_group_whatever_its_series_is_cut_into() {
    let directory = TempDir::new().unwrap();
    let rows = |id: &str, rows| observations(id, 5, rows);
    // Batches end where stations do, in the middle of them, and one row after.
    let batches = [rows("010010-99999", 32_768), rows("010020-99999", 1), rows("010030-99999", 70_000)];
    let schema = batches[0].schema();
    let first = arrow::compute::concat_batches(&schema, &batches).unwrap();
    write_sorted_parquet(&directory.path().join("block=01/part-00000.parquet"), &first);
    write_sorted_parquet(&directory.path().join("block=72/part-00000.parquet"), &rows("722010-12836", 3));
    write_manifest(directory.path(), 102_772);
    let sql =
        "select station_id, count(*) as n, count(wind_speed_rate) as observed, sum(wind_speed_rate) as sum,
                      min(wind_speed_rate) as least, max(wind_speed_rate) as most
               from observations group by station_id order by 1";
    assert_snapshot!(answer(directory.path(), sql, &["--threads", "2"]), @"
    station_id,n,observed,sum,least,most
    010010-99999,32768,21846,358023171.0,5.0,32772.0
    010020-99999,1,1,5.0,5.0,5.0
    010030-99999,70000,46667,1633543335.0,5.0,70004.0
    722010-12836,3,2,11.0,5.0,6.0
    ");
}

#[test]
fn stations_of_a_dataset_are_aggregated_in_order() {
    let place = dataset_and_files(&mut Random(7));
    let dataset = place.path().join("dataset");
    let plans = |statements: &[&str]| {
        let plans = statements.iter().map(|sql| format!("> {sql}\n{}\n", aggregations(&dataset, sql, "2")));
        plans.collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(plans(&[
        "select station_id, count(*) from observations group by station_id",
        "select id, count(*) from (select station_id as id, code from observations where code > 1) group by 1",
        "select station_id, count(distinct code), max(code) filter (where code < 4) from observations group by 1",
    ]), @"
    > select station_id, count(*) from observations group by station_id
    StationAggregateExec: mode=SinglePartitioned, gby=[station_id@0 as station_id]

    > select id, count(*) from (select station_id as id, code from observations where code > 1) group by 1
    StationAggregateExec: mode=SinglePartitioned, gby=[id@0 as id]

    > select station_id, count(distinct code), max(code) filter (where code < 4) from observations group by 1
    StationAggregateExec: mode=SinglePartitioned, gby=[station_id@0 as station_id]
    ");
    // Without groups, by others or by more than the station, or where rows do not come by stations any more.
    assert_snapshot!(plans(&[
        "select count(code) from observations",
        "select code, count(*) from observations group by code",
        "select station_id, code, count(*) from observations group by 1, 2",
        "select upper(station_id), count(*) from observations group by 1",
        "select station_id, count(*) from observations group by rollup(station_id)",
        "select station_id, count(*) from (select * from observations union all select * from observations) group by 1",
    ]), @"
    > select count(code) from observations


    > select code, count(*) from observations group by code
    AggregateExec: mode=FinalPartitioned, gby=[code@0 as code]
    AggregateExec: mode=Partial, gby=[code@0 as code]

    > select station_id, code, count(*) from observations group by 1, 2
    AggregateExec: mode=FinalPartitioned, gby=[station_id@0 as station_id, code@1 as code]
    AggregateExec: mode=Partial, gby=[station_id@0 as station_id, code@1 as code]

    > select upper(station_id), count(*) from observations group by 1
    AggregateExec: mode=FinalPartitioned, gby=[upper(observations.station_id)@0 as upper(observations.station_id)]
    AggregateExec: mode=Partial, gby=[upper(station_id@0) as upper(observations.station_id)]

    > select station_id, count(*) from observations group by rollup(station_id)
    AggregateExec: mode=FinalPartitioned, gby=[station_id@0 as station_id, __grouping_id@1 as __grouping_id]
    AggregateExec: mode=Partial, gby=[(NULL as station_id), (station_id@0 as station_id)]

    > select station_id, count(*) from (select * from observations union all select * from observations) group by 1
    AggregateExec: mode=SinglePartitioned, gby=[station_id@0 as station_id]
    ");
    let by_station = "select station_id, count(*) from observations group by station_id";
    assert_snapshot!(aggregations(&dataset, by_station, "1"), @"StationAggregateExec: mode=Single, gby=[station_id@0 as station_id]");
    // Of files without a manifest, and of a pattern that matches some, nobody promises the order.
    let files = place.path().join("files");
    assert_snapshot!(aggregations(&files, by_station, "2"), @"
    AggregateExec: mode=FinalPartitioned, gby=[station_id@0 as station_id]
    AggregateExec: mode=Partial, gby=[station_id@0 as station_id]
    ");
    let one = dataset.join("block=10/part-00000.parquet");
    assert_snapshot!(aggregations(&one, by_station, "2"), @"AggregateExec: mode=SinglePartitioned, gby=[station_id@0 as station_id]");
}

#[test]
fn error_in_a_group_ends_the_query() {
    let place = dataset_and_files(&mut Random(11));
    let sql = "select station_id, sum(1 / (code - 3)) from observations group by station_id";
    let output = run(&[place.path().join("dataset").to_str().unwrap(), sql, "--quiet"]);
    assert_eq!(output.status.code(), Some(1));
    assert_snapshot!(String::from_utf8(output.stderr).unwrap(), @"error: Divide by zero error");
}
