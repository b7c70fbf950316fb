//! The targets of isd-query: tables and statements.

use std::fmt::Write as _;
use std::sync::LazyLock;

use isd_queries::{Error, Session, SessionOptions, TableSource};
use tokio::runtime::{Builder, Runtime};

use crate::targets::{file, refused};

static RUNTIME: LazyLock<Option<Runtime>> = LazyLock::new(|| Builder::new_current_thread().build().ok());

/// A Parquet, CSV or NDJSON file, told apart by its first bytes: opened, and all of it selected.
pub fn table(bytes: &[u8]) -> String {
    let name = match bytes {
        [b'P', b'A', b'R', ..] => "t.parquet",
        [b'{', ..] => "t.ndjson",
        _ => "t.csv",
    };
    answer(name, bytes, "select * from t")
}

/// A statement on a small table.
pub fn sql(bytes: &[u8]) -> String {
    let rows = "station_id,timestamp,value,filled\n010010-99999,2017-09-10T00:00:00Z,1.5,true\n\
                722030-12844,2017-09-10T01:00:00Z,-2,false\n";
    answer("t.csv", rows.as_bytes(), &String::from_utf8_lossy(bytes))
}

fn answer(name: &str, bytes: &[u8], sql: &str) -> String {
    let Some(runtime) = RUNTIME.as_ref() else { return "no runtime".into() };
    let path = file(name, bytes);
    let answered = runtime.block_on(async {
        let mut session = Session::new(&SessionOptions::default().with_memory_limit(Some(64 << 20)))?;
        session.register(Some("t"), &TableSource::detect(path)?).await?;
        let mut outcome = String::new();
        let mut rows = 0;
        let mut answer = session.run(sql).await?;
        while let Some(batch) = answer.next().await {
            rows += batch?.num_rows();
            // A cross join of a few rows with itself may go on for ever.
            if rows > 10_000 {
                break;
            }
        }
        write!(outcome, "{} columns", answer.schema().fields().len())
            .map_err(|_| Error::Engine("formatting".into()))?;
        Ok::<_, Error>(outcome)
    });
    answered.unwrap_or_else(|error| refused(&error))
}
