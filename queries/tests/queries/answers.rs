use crate::support::{answer, dataset, observations, outliers_file, run_with_input, write_parquet};

#[test]
fn outliers_are_counted() {
    let (_directory, path) = outliers_file();
    assert_eq!(answer(&path, "select count(*) as n from outliers", &[]), "n\n5\n");
}

#[test]
fn outliers_are_grouped_by_station() {
    let (_directory, path) = outliers_file();
    let sql = "select station_id, count(*) as n, max(abs(value - rolling_mean)) as most
               from outliers group by station_id order by n desc;";
    let expected = "station_id,n,most\n722010-12836,3,46.3\n010010-99999,2,17.0\n";
    assert_eq!(answer(&path, sql, &[]), expected);
}

#[test]
fn months_keep_their_zone() {
    let (_directory, path) = outliers_file();
    let sql =
        "select date_trunc('month', timestamp) as month, count(*) as n from outliers group by 1 order by 1";
    assert_eq!(answer(&path, sql, &[]), "month,n\n2017-09-01T00:00:00Z,4\n2017-10-01T00:00:00Z,1\n");
}

#[test]
fn times_compare_with_literals() {
    let (_directory, path) = outliers_file();
    let sql = "select count(*) as n from outliers
               where timestamp >= timestamp '2017-09-10 12:00:00' and extract(year from timestamp) = 2017";
    assert_eq!(answer(&path, sql, &[]), "n\n3\n");
}

#[test]
fn window_functions_look_back_within_a_station() {
    let (_directory, path) = outliers_file();
    let sql = "select station_id, timestamp, value - lag(value) over w as step, row_number() over w as k
               from outliers window w as (partition by station_id order by timestamp) order by 1, 2";
    let expected = "station_id,timestamp,step,k\n\
                    010010-99999,2017-09-10T01:00:00Z,,1\n\
                    010010-99999,2017-09-11T01:00:00Z,-19.5,2\n\
                    722010-12836,2017-09-10T00:00:00Z,,1\n\
                    722010-12836,2017-09-10T12:00:00Z,-15.399999999999999,2\n\
                    722010-12836,2017-10-01T00:00:00Z,-10.3,3\n";
    assert_eq!(answer(&path, sql, &[]), expected);
}

#[test]
fn moving_frames_reach_back_in_time() {
    let (_directory, path) = outliers_file();
    let sql = "select timestamp, count(*) over (partition by station_id order by timestamp
               range between interval '1 day' preceding and current row) as n
               from outliers where station_id like '7220%' order by timestamp";
    let expected = "timestamp,n\n2017-09-10T00:00:00Z,1\n2017-09-10T12:00:00Z,2\n2017-10-01T00:00:00Z,1\n";
    assert_eq!(answer(&path, sql, &[]), expected);
}

#[test]
fn outliers_of_two_stations_are_joined_by_time() {
    let (_directory, path) = outliers_file();
    let sql = "with pairs as (
                 select a.timestamp as first, b.timestamp as second from outliers a join outliers b
                 on a.station_id < b.station_id and b.timestamp between a.timestamp - interval '2 hours'
                 and a.timestamp + interval '24 hours')
               select count(*) as n, min(first) as since from pairs";
    assert_eq!(answer(&path, sql, &[]), "n,since\n2,2017-09-10T01:00:00Z\n");
}

#[test]
fn quantiles_strings_and_lists_are_there() {
    let (_directory, path) = outliers_file();
    let sql =
        "select median(value) as median, percentile_cont(0.25) within group (order by value) as quarter,
                 upper(left(min(station_id), 6)) as usaf, array_agg(distinct filled order by filled) as filled
               from outliers";
    assert_eq!(answer(&path, sql, &[]), "median,quarter,usaf,filled\n25.7,20.0,010010,\"[false, true]\"\n");
}

#[test]
fn tables_are_described() {
    let (_directory, path) = outliers_file();
    let described = answer(&path, "describe outliers", &[]);
    assert!(described.contains("timestamp,\"Timestamp(µs, \"\"UTC\"\")\""), "{described}");
    assert!(answer(&path, "show tables", &[]).contains("outliers"));
}

#[test]
fn dataset_is_one_table_without_its_manifest() {
    let (_directory, path) = dataset();
    let sql = "select block, count(*) as n, count(wind_speed_rate) as observed, max(wind_speed_rate) as most
               from observations group by block order by block";
    assert_eq!(answer(&path, sql, &[]), "block,n,observed,most\n01,6,4,4.0\n72,12,8,21.0\n");
}

#[test]
fn hive_key_is_text_and_prunes_files() {
    let (_directory, path) = dataset();
    let sql =
        "select count(wind_speed_rate) as n from observations where block = '01' and wind_speed_rate > 1.5";
    assert_eq!(answer(&path, sql, &[]), "n\n2\n");
    // As a number, 01 would be 1 and the leading zero lost.
    assert_eq!(answer(&path, "select distinct arrow_typeof(block) as t from observations", &[]), "t\nUtf8\n");
    let plan = answer(&path, "explain select * from observations where block = '01'", &[]);
    assert!(plan.contains("block=01/part-00000.parquet"), "{plan}");
    assert!(!plan.contains("block=72"), "{plan}");
}

#[test]
fn years_as_hive_keys_are_whole_numbers_and_prune_files() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("by year");
    write_parquet(&path.join("year=2016/part-00000.parquet"), &observations("010010-99999", 0, 3));
    write_parquet(&path.join("year=2017/part-00000.parquet"), &observations("010010-99999", 3, 6));
    let sql = "select year, year + 1 as next, count(*) as n from observations where year > 2000 group by 1 order by 1";
    assert_eq!(answer(&path, sql, &[]), "year,next,n\n2016,2017,3\n2017,2018,6\n");
    let plan =
        answer(&path, "explain select * from observations where year = 2017 and wind_speed_rate > 1", &[]);
    assert!(plan.contains("year=2017/part-00000.parquet") && !plan.contains("year=2016"), "{plan}");

    write_parquet(&path.join("year=unknown/part-00000.parquet"), &observations("010010-99999", 9, 2));
    let sql = "select year, count(*) as n from observations group by 1 order by 1";
    assert_eq!(answer(&path, sql, &[]), "year,n\n2016,3\n2017,6\nunknown,2\n");
}

#[test]
fn statement_comes_from_standard_input() {
    let (_directory, path) = outliers_file();
    let output =
        run_with_input(&[path.to_str().unwrap()], "-- how many\nselect count(*) as n\nfrom outliers;\n");
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "n\n5\n");
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.starts_with("1 row, ") && summary.ends_with(" s\n"), "{summary}");
}

#[test]
fn answer_does_not_depend_on_threads() {
    let (_directory, path) = dataset();
    let sql = "select station_id, avg(wind_speed_rate) as mean from observations group by 1 order by 1";
    assert_eq!(answer(&path, sql, &["--threads", "1"]), answer(&path, sql, &["--threads", "4"]));
}

/// A dataset of 24 stations in twelve files, and one of seven of these stations in seven files; files say that they are
/// sorted, as a dataset's do.
fn two_datasets() -> tempfile::TempDir {
    let place = tempfile::TempDir::new().unwrap();
    for (name, step) in [("many", 1_usize), ("few", 4)] {
        let dataset = place.path().join(name);
        let stations: Vec<String> =
            (0..24).step_by(step).map(|n| format!("{:02}0010-99999", 2 * n + 1)).collect();
        let mut rows_in_all = 0;
        for (index, pair) in stations.chunks(if step == 1 { 2 } else { 1 }).enumerate() {
            let batches: Vec<_> =
                pair.iter().map(|id| observations(id, index as u32, 5 + 3 * index)).collect();
            let rows = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
            rows_in_all += rows.num_rows() as u64;
            crate::support::write_sorted_parquet(
                &dataset.join(format!("block={}/part-00000.parquet", &pair[0][..2])),
                &rows,
            );
        }
        crate::support::write_manifest(&dataset, rows_in_all);
    }
    place
}

#[test]
fn ranges_of_stations_change_no_answer() {
    let place = two_datasets();
    let table = |name: &str| format!("{name}={}", place.path().join(name).display());
    let statements = [
        "select station_id, count(*), max(wind_speed_rate) from many group by station_id order by 1",
        "select station_id, wind_speed_rate, count(*) from many group by 1, 2 order by 1, 2",
        "select timestamp, count(*) from many group by 1 order by 1",
        "select station_id, timestamp, sum(wind_speed_rate) over (partition by station_id order by timestamp) from many order by 1, 2",
        "select station_id, rank() over (order by max(wind_speed_rate) desc, station_id) from many group by station_id order by 1",
        "select a.station_id, count(*) from many a join few b on a.station_id = b.station_id group by 1 order by 1",
        "select a.station_id, a.timestamp, b.wind_speed_rate from many a left join few b using (station_id, timestamp) order by 1, 2",
        "select a.station_id, count(*) from many a join many b on a.station_id = b.station_id group by 1 order by 1",
        "select * from few full join (select station_id, count(*) as n from many group by 1) using (station_id) order by 1, 2, 5",
        "select station_id from many where station_id not in (select station_id from few) group by 1 order by 1",
        "select station_id, count(*) from (select station_id from many union all select station_id from few) group by 1 order by 1",
        "select distinct station_id from many intersect select station_id from few order by 1",
        "select count(distinct station_id), count(*) from many",
        "select station_id, timestamp from many order by station_id desc, timestamp limit 7",
    ];
    for sql in statements {
        let run = |threads: &str| {
            let (many, few) = (table("many"), table("few"));
            crate::support::stdout(&["--table", &many, "--table", &few, sql, "--threads", threads, "--quiet"])
        };
        let alone = run("1");
        assert!(alone.lines().count() > 1, "{sql}");
        for threads in ["2", "3", "7"] {
            assert_eq!(run(threads), alone, "{sql} with {threads} threads");
        }
    }
}

#[test]
fn what_is_missing_comes_last_in_either_direction() {
    let (_directory, path) = dataset();
    let first = |order: &str| {
        let sql = format!(
            "select wind_speed_rate as wind from observations where station_id = '010010-99999' order by 1 {order} limit 5"
        );
        answer(&path, &sql, &[])
    };
    assert_eq!(first(""), "wind\n0.0\n1.0\n3.0\n4.0\n\"\"\n");
    assert_eq!(first("desc"), "wind\n4.0\n3.0\n1.0\n0.0\n\"\"\n");
    assert_eq!(first("desc nulls first"), "wind\n\"\"\n\"\"\n4.0\n3.0\n1.0\n");
    let sql = "select distinct station_id, first_value(wind_speed_rate) over (partition by station_id order by wind_speed_rate desc) as most,
                      last_value(wind_speed_rate) over (partition by station_id order by wind_speed_rate desc
                                                        rows between unbounded preceding and unbounded following) as last
               from observations order by 1";
    assert_eq!(
        answer(&path, sql, &[]),
        "station_id,most,last\n010010-99999,4.0,\n722010-12836,17.0,\n723150-03812,21.0,\n"
    );
    let sql = "select first_value(timestamp order by wind_speed_rate desc) as first from observations";
    assert_eq!(answer(&path, sql, &[]), "first\n2017-09-10T01:00:00Z\n");
}

#[test]
fn first_rows_of_an_order_are_those_of_the_whole() {
    // Values with ties and nulls over many batches.
    let made =
        "select value as id, case when value % 7 <> 0 then cast(value * 7919 % 1009 as double) end as v
                from generate_series(1, 200000)";
    let (directory, path) = dataset();
    let table = directory.path().join("t.parquet");
    answer(&path, made, &["-o", table.to_str().unwrap()]);
    for direction in ["asc", "desc"] {
        let first = format!(
            "select id, v from t where id > 11 and v is not null order by v {direction}, id limit 300"
        );
        let ranked = format!(
            "select id, v from (select *, row_number() over (order by v {direction}, id) as rank from t
             where id > 11 and v is not null) where rank <= 300 order by v {direction}, id"
        );
        assert_eq!(answer(&table, &first, &[]), answer(&table, &ranked, &[]), "{direction}");
    }
}
