//! Statements that analysts write, against what DuckDB answered on the same data: `tests/interop/battery.py` makes
//! the files of `queries/tests/battery` and says how values are written there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use isd_queries::{Session, SessionOptions, TableSource};
use tempfile::TempDir;

use crate::support::run;

const TABLES: [&str; 3] = ["observations", "outliers", "stations"];

fn battery(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/battery").join(file)
}

/// Title and the rest of each block.
fn blocks(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.trim_end().split("\n\n").map(|block| {
        let (title, rest) = block.split_once('\n').unwrap_or((block, ""));
        (title.strip_prefix("-- ").unwrap(), rest)
    })
}

/// The value as `battery.py` writes it.
fn shown(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "null".into();
    }
    let float = |value: f64| if value.is_infinite() { value.to_string() } else { format!("{value:.9e}") };
    match column.data_type() {
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let value = column.as_primitive::<Decimal128Type>().value(row);
            float(value as f64 / 10_f64.powi(i32::from(*scale)))
        }
        other => {
            let text = ArrayFormatter::try_new(column, &FormatOptions::default()).unwrap();
            let text = text.value(row).to_string();
            // Without a zone it is UTC as well.
            let bare = matches!(other, DataType::Timestamp(_, None));
            if bare { text + "Z" } else { text }
        }
    }
}

fn lines(batches: &[RecordBatch]) -> String {
    let row = |batch: &RecordBatch, row| {
        batch.columns().iter().map(|column| shown(column, row)).collect::<Vec<_>>().join(" | ")
    };
    let rows = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |k| row(batch, k)));
    rows.collect::<Vec<_>>().join("\n")
}

async fn session(directory: PathBuf) -> Session {
    let mut session = Session::new(&SessionOptions::default()).unwrap();
    for table in TABLES {
        let source = TableSource::detect(directory.join(format!("{table}.parquet"))).unwrap();
        session.register(Some(table), &source).await.unwrap();
    }
    session
}

#[test]
fn answers_are_duckdbs() {
    let directory = TempDir::new().unwrap();
    for table in TABLES {
        let source = format!("{table}={}", battery(&format!("{table}.csv")).display());
        let parquet = directory.path().join(format!("{table}.parquet"));
        let sql = format!("select * from {table}");
        let output = run(&["--table", &source, &sql, "-o", parquet.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let statements = std::fs::read_to_string(battery("statements.sql")).unwrap();
    let expected = std::fs::read_to_string(battery("expected.txt")).unwrap();
    let expected: HashMap<&str, &str> = blocks(&expected).collect();
    assert!(expected.len() >= 60);
    let path = directory.path().to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().thread_stack_size(64 << 20).build().unwrap();
    let mut differing = Vec::new();
    for (title, sql) in blocks(&statements) {
        let (sql, path) = (sql.to_owned(), path.clone());
        let answer = runtime.spawn(async move {
            let session = session(path).await;
            let mut answer = session.run(&sql).await?;
            let mut batches = Vec::new();
            while let Some(batch) = answer.next().await {
                batches.push(batch?);
            }
            Ok::<_, isd_queries::Error>(lines(&batches))
        });
        let answer = runtime.block_on(answer).unwrap().unwrap_or_else(|error| format!("error: {error}"));
        if answer != expected[title] {
            differing.push(format!("-- {title}\n{answer}\nexpected:\n{}\n", expected[title]));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
