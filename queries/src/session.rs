//! In: table sources and SQL statements; out: their answers, batch by batch.

use std::num::NonZeroUsize;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::StreamExt;

use crate::error::{Error, Known, Registered, Result};
use crate::functions;
use crate::tables::TableSource;

/// How a session works.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    threads: Option<NonZeroUsize>,
}

impl SessionOptions {
    /// How many partitions of a plan run at once; by default as many as there are cores.
    #[must_use]
    pub fn with_threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.threads = threads;
        self
    }
}

/// Named tables that SQL can be run on.
pub struct Session {
    context: SessionContext,
    /// The tables in the order in which they were registered.
    tables: Vec<Registered>,
}

impl Session {
    /// A session without tables.
    #[must_use]
    pub fn new(options: &SessionOptions) -> Self {
        let threads = options
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get);
        let mut config = SessionConfig::new().with_target_partitions(threads).with_information_schema(true);
        let settings = config.options_mut();
        settings.sql_parser.collect_spans = true;
        // A dataset may be nested below directories that are no Hive keys.
        settings.execution.listing_table_ignore_subdirectory = false;
        // A dataset is sorted by station and time, and its files say so: windows over stations need no sort.
        settings.execution.split_file_groups_by_statistics = true;
        settings.optimizer.prefer_existing_sort = true;
        let context = SessionContext::new_with_config(config);
        functions::register(&context);
        Self { context, tables: Vec::new() }
    }

    /// Makes `source` readable as the table `name`, which replaces a table of that name; without a name, as
    /// `outliers`, `observations` or `stations` by what its columns say it is, else as what its file is called.
    /// Returns the name.
    ///
    /// # Errors
    /// [`Error::Table`] when a file cannot be read as what its name says.
    pub async fn register(&mut self, name: Option<&str>, source: &TableSource) -> Result<String> {
        let table = source.open(&self.context.state()).await?;
        let schema = table.schema();
        let name = name.map_or_else(|| source.default_name(&schema), str::to_owned);
        let columns = schema.fields().iter().map(|f| f.name().clone()).collect();
        let reference = TableReference::bare(name.as_str());
        self.context.deregister_table(reference.clone()).map_err(|e| self.known(&e))?;
        self.context.register_table(reference, table).map_err(|e| self.known(&e))?;
        self.tables.retain(|known| known.name != name);
        self.tables.push(Registered { name: name.clone(), path: source.path().to_owned(), columns });
        Ok(name)
    }

    /// Names of the tables, in the order in which they were registered.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// Plans one statement and starts it.
    ///
    /// Tables are read-only: `INSERT`, `UPDATE` and `DELETE` are refused, since a dataset's files are sorted
    /// and described by its manifest; `COPY (…) TO 'file'` writes elsewhere.
    ///
    /// # Errors
    /// [`Error::Sql`] when the statement is not valid, [`Error::Run`] or [`Error::Table`] when it cannot start.
    pub async fn run(&self, sql: &str) -> Result<Answer> {
        let plan = self.context.state().create_logical_plan(sql).await.map_err(|e| self.known(&e))?;
        if changes_tables(&plan).map_err(|e| self.known(&e))? {
            return Err(Error::Sql {
                position: None,
                found: "tables are read-only".into(),
                hint: Some("COPY (SELECT …) TO 'file.parquet' writes a new file".into()),
            });
        }
        let frame = self.context.execute_logical_plan(plan).await.map_err(|e| self.known(&e))?;
        let stream = frame.execute_stream().await.map_err(|e| self.known(&e))?;
        Ok(Answer { stream, tables: self.tables.clone() })
    }

    fn known(&self, error: &DataFusionError) -> Error {
        Known(&self.tables).explain(error)
    }
}

/// The rows that a statement gives, computed as they are asked for.
pub struct Answer {
    stream: SendableRecordBatchStream,
    tables: Vec<Registered>,
}

impl Answer {
    /// Names and types of the columns; of none for a statement without a result.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next batch, or `None` after the last.
    ///
    /// # Errors
    /// [`Error::Run`] when the statement fails on a value, [`Error::Table`] when a file does.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        let next = self.stream.next().await?;
        Some(next.map_err(|e| Known(&self.tables).explain(&e)))
    }
}

fn changes_tables(plan: &LogicalPlan) -> datafusion::error::Result<bool> {
    let mut changes = false;
    plan.apply_with_subqueries(|node| {
        changes |= matches!(node, LogicalPlan::Dml(_));
        Ok(if changes { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(changes)
}
