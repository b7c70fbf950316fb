use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use insta::assert_snapshot;
use isd_queries::{Session, SessionOptions};
use tempfile::TempDir;

use crate::support::{answer, place, shown, write_parquet};

#[test]
fn copy_writes_whole_files_and_none_of_a_table() {
    let place = place();
    let files = || {
        let entries = std::fs::read_dir(place.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.join(" ")
    };
    let before = files();
    let parquet = std::fs::read(place.path().join("outliers.parquet")).unwrap();
    let run = |sql: &str| shown(&place, &["outliers.parquet", "observations", sql, "--quiet"]);
    assert_snapshot!(run("copy (select * from outliers) to 'outliers.parquet'"), @"
    [stderr]
    error: SQL: outliers.parquet belongs to the table `outliers`, which is read-only
    hint: write to another file
    [status 1]
    ");
    assert_snapshot!(run("copy outliers to 'observations/../outliers.parquet' stored as csv"), @"
    [stderr]
    error: SQL: observations/../outliers.parquet belongs to the table `outliers`, which is read-only
    hint: write to another file
    [status 1]
    ");
    assert_snapshot!(run("copy outliers to 'observations/block=72/part-00009.parquet'"), @"
    [stderr]
    error: SQL: observations/block=72/part-00009.parquet belongs to the table `observations`, which is read-only
    hint: write to another file
    [status 1]
    ");
    let write = |arguments: &[&str]| {
        shown(&place, &[&["outliers.parquet", "select 1 as x", "-o"], arguments].concat())
    };
    assert_snapshot!(write(&["outliers.parquet"]), @"
    [stderr]
    error: SQL: outliers.parquet belongs to the table `outliers`, which is read-only
    hint: write to another file
    [status 1]
    ");
    let refused = write(&["observations/block=72/new.csv"]);
    assert!(refused.contains("error: SQL: observations/block=72/new.csv lies in the dataset"), "{refused}");
    assert!(!place.path().join("observations/block=72/new.csv").exists());
    // It fails after the first rows are written.
    let late = "copy (select 1 / (30000 - value) as x from generate_series(1, 40000)) to 'late.csv'";
    assert_snapshot!(run(late), @"
    [stderr]
    error: Divide by zero error
    [status 1]
    ");
    assert_snapshot!(run("explain analyze copy outliers to 'explained.csv'"), @"
    [stderr]
    error: SQL: EXPLAIN ANALYZE would write the file
    hint: explain the SELECT without COPY
    [status 1]
    ");
    assert_eq!(files(), before);
    assert_eq!(std::fs::read(place.path().join("outliers.parquet")).unwrap(), parquet);

    assert_snapshot!(run("copy (select value from outliers order by 1 limit 2) to 'copy.csv'"), @"
    count
    2
    ");
    assert_eq!(std::fs::read_to_string(place.path().join("copy.csv")).unwrap(), "value\n0.5\n20.0\n");
    run("copy (select value from outliers order by 1 limit 1) to 'copy.csv'");
    assert_eq!(std::fs::read_to_string(place.path().join("copy.csv")).unwrap(), "value\n0.5\n");
    run(
        "copy (select value, measurement from outliers) to 'parts/' stored as parquet partitioned by (measurement)",
    );
    let parts = place.path().join("parts");
    assert_eq!(
        answer(&parts, "select measurement, count(*) as n from outliers group by 1", &[]),
        "measurement,n\nwind_speed_rate,5\n"
    );
    assert_snapshot!(run("copy outliers to 'parts/' stored as csv"), @"
    [stderr]
    error: parts/: cannot write: entity already exists
    [status 1]
    ");
}

#[test]
fn new_table_that_cannot_be_read_is_named() {
    let place = place();
    std::fs::write(place.path().join("broken.parquet"), "no Parquet").unwrap();
    std::fs::write(place.path().join("sites.csv"), "site,rank\na,1\nb,second\n").unwrap();
    let run = |sql: &str| shown(&place, &["outliers.parquet", sql, "--quiet"]);
    assert_snapshot!(run("create external table b stored as parquet location 'broken.parquet'"), @"
    [stderr]
    error: broken.parquet: Parquet error: Invalid Parquet file. Corrupt footer
    hint: correct the file, or write it again
    [status 1]
    ");
    assert_snapshot!(run("create external table s (site varchar, rank bigint) stored as csv location 'sites.csv' options ('format.has_header' 'true'); select * from s"), @"
    [stderr]
    error: sites.csv: line 3, column rank: found `second`, expected Int64
    hint: correct the file, or write it again
    [status 1]
    ");
}

#[test]
fn two_columns_of_one_name_in_parquet_are_refused() {
    let place = TempDir::new().unwrap();
    let one = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let fields = ["a", "v", "v"].map(|name| Field::new(name, DataType::Int64, true));
    let batch =
        RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), vec![one(), one(), one()]).unwrap();
    write_parquet(&place.path().join("t.parquet"), &batch);
    write_parquet(&place.path().join("d/kind=a/t.parquet"), &batch);
    assert_snapshot!(shown(&place, &["t.parquet", "select * from t"]), @"
    [stderr]
    error: t.parquet: two columns are called `v`
    hint: rename one of them where the file is written
    [status 1]
    ");
    assert_snapshot!(shown(&place, &["d", "select * from d"]), @"
    [stderr]
    error: d/kind=a/t.parquet: two columns are called `v`
    hint: rename one of them where the file is written
    [status 1]
    ");
}

#[test]
fn failed_copy_is_not_put_in_place_by_asking_on() {
    let place = TempDir::new().unwrap();
    let target = place.path().join("late.csv");
    let sql = format!(
        "copy (select 1 / (30000 - value) as x from generate_series(1, 40000)) to '{}'",
        target.display()
    );
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    runtime.block_on(async {
        let session = Session::new(&SessionOptions::default()).unwrap();
        let mut answer = session.run(&sql).await.unwrap();
        let mut failures = 0;
        while let Some(batch) = answer.next().await {
            failures += usize::from(batch.is_err());
        }
        assert_eq!(failures, 1);
    });
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
