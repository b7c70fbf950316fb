//! In: table sources and SQL statements; out: their answers, batch by batch.

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use futures::StreamExt;
use isd_dataset::unfinished::Unfinished;
use tempfile::TempDir;

use crate::buffered_merges::BufferedMerges;
use crate::error::{Error, RegisteredTable, Result, Subject, one_line};
use crate::functions;
use crate::tables::TableSource;
use crate::yielding_joins::YieldingJoins;

/// How a session works.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    threads: Option<NonZeroUsize>,
    memory_limit: Option<usize>,
}

impl SessionOptions {
    /// How many partitions of a plan run at once; by default as many as there are cores.
    #[must_use]
    pub fn with_threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.threads = threads;
        self
    }

    /// How many bytes of memory the sorts, joins and aggregations of queries may hold together; beyond that they use temporary
    /// files where they can. Unlimited by default.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: Option<usize>) -> Self {
        self.memory_limit = bytes;
        self
    }
}

/// Named tables that SQL can be run on.
pub struct Session {
    context: SessionContext,
    /// The tables in the order in which they were registered.
    tables: Vec<RegisteredTable>,
    /// The directory of temporary files, for rows that memory does not hold.
    _spills: TempDir,
    /// Has a run that is interrupted remove the directory.
    _unfinished: Unfinished,
}

/// Name of the table of a dataset's stations.
const STATIONS: &str = "stations";

impl Session {
    /// A session without tables.
    ///
    /// # Errors
    /// [`Error::Engine`] when there is no place for temporary files.
    pub fn new(options: &SessionOptions) -> Result<Self> {
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
        let spills = tempfile::Builder::new().prefix("isd-query-").tempdir();
        let spills = spills.map_err(|e| Error::Engine(format!("{}: {e}", std::env::temp_dir().display())))?;
        let unfinished = Unfinished::at(spills.path());
        let mut runtime = RuntimeEnvBuilder::new().with_temp_file_path(spills.path());
        if let Some(limit) = options.memory_limit {
            // What a sort reserves for merging its temporary files must leave it memory to sort in.
            let reserved = &mut settings.execution.sort_spill_reservation_bytes;
            *reserved = (*reserved).min(limit / (8 * threads));
            runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(limit)));
        }
        let runtime = runtime.build_arc().map_err(|e| Error::Engine(one_line(&e.message())))?;
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(YieldingJoins))
            .with_physical_optimizer_rule(Arc::new(BufferedMerges))
            .build();
        let context = SessionContext::new_with_state(state);
        functions::register(&context);
        Ok(Self { context, tables: Vec::new(), _spills: spills, _unfinished: unfinished })
    }

    /// Makes `source` readable as the table `name`, which replaces a table of that name; without a name, as
    /// `outliers`, `flags`, `events`, `members`, `observations` or `stations` by what its columns say it is, else as what its
    /// file is called. The stations that a dataset knows become the table `stations`, unless there is one. Returns the name.
    ///
    /// # Errors
    /// [`Error::Table`] when a file cannot be read as what its name says.
    pub async fn register(&mut self, name: Option<&str>, source: &TableSource) -> Result<String> {
        if let Some(stations) = source.stations()
            && self.tables.iter().all(|known| known.name != STATIONS)
        {
            self.register_one(Some(STATIONS), &stations).await?;
        }
        self.register_one(name, source).await
    }

    async fn register_one(&mut self, name: Option<&str>, source: &TableSource) -> Result<String> {
        let table = source.open(&self.context.state()).await?;
        let schema = table.schema();
        let name = name.map_or_else(|| source.default_name(&schema), str::to_owned);
        let columns = schema.fields().iter().map(|f| f.name().clone()).collect();
        let reference = TableReference::bare(name.as_str());
        self.context.deregister_table(reference.clone()).map_err(|e| self.explain(&e))?;
        self.context.register_table(reference, table).map_err(|e| self.explain(&e))?;
        self.tables.retain(|known| known.name != name);
        let (path, parts) = (source.path().to_owned(), source.parts().to_owned());
        self.tables.push(RegisteredTable { name: name.clone(), path, parts, columns });
        Ok(name)
    }

    /// Each table with its columns, in the order in which they were registered.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.tables.iter().map(|table| (table.name.as_str(), table.columns.as_slice()))
    }

    /// Names of all functions.
    #[must_use]
    pub fn functions(&self) -> Vec<String> {
        let state = self.context.state();
        let names = state.scalar_functions().keys().chain(state.aggregate_functions().keys());
        names.chain(state.window_functions().keys()).cloned().collect()
    }

    /// The statements of a text, with `;` between them.
    ///
    /// # Errors
    /// [`Error::Sql`] where it is no SQL, or holds no statement.
    pub fn parse(&self, sql: &str) -> Result<Vec<Statement>> {
        let limit = self.context.copied_config().options().sql_parser.recursion_limit.get();
        let parsed = DFParserBuilder::new(sql)
            .with_dialect(&GenericDialect {})
            .with_recursion_limit(limit)
            .build()
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|e| self.explain(&e))?;
        if parsed.is_empty() {
            return Err(Error::Sql {
                position: None,
                found: "there is no statement".into(),
                hint: Some("select count(*) from outliers".into()),
            });
        }
        Ok(parsed.into_iter().map(Statement).collect())
    }

    /// Plans a text of one statement and starts it.
    ///
    /// # Errors
    /// As [`Session::parse`] and [`Session::execute`], and [`Error::Sql`] for several statements.
    pub async fn run(&self, sql: &str) -> Result<Answer> {
        let mut statements = self.parse(sql)?;
        match statements.pop() {
            Some(statement) if statements.is_empty() => self.execute(statement).await,
            _ => Err(Error::Sql {
                position: None,
                found: "more than one statement".into(),
                hint: Some("give one statement a run; `;` may only end it".into()),
            }),
        }
    }

    /// Plans one statement and starts it. Tables are read-only: `INSERT`, `UPDATE` and `DELETE` are refused, since a
    /// dataset's files are sorted and described by its manifest; `COPY (…) TO 'file'` writes elsewhere.
    ///
    /// # Errors
    /// [`Error::Sql`] when the statement is not valid, [`Error::Run`] or [`Error::Table`] when it cannot start.
    pub async fn execute(&self, statement: Statement) -> Result<Answer> {
        let Statement(statement) = statement;
        let plan = self.context.state().statement_to_plan(statement.clone()).await;
        let plan =
            plan.map_err(|e| Subject { tables: &self.tables, statement: Some(&statement) }.explain(&e))?;
        if changes_tables(&plan).map_err(|e| self.explain(&e))? {
            return Err(Error::Sql {
                position: None,
                found: "tables are read-only".into(),
                hint: Some("COPY (SELECT …) TO 'file.parquet' writes a new file".into()),
            });
        }
        let frame = self.context.execute_logical_plan(plan).await.map_err(|e| self.explain(&e))?;
        let stream = frame.execute_stream().await.map_err(|e| self.explain(&e))?;
        Ok(Answer { stream, tables: self.tables.clone() })
    }

    fn explain(&self, error: &DataFusionError) -> Error {
        Subject { tables: &self.tables, statement: None }.explain(error)
    }

    /// The error for a statement that ended in a panic of the engine or of a library that it reads files with.
    #[must_use]
    pub fn after_panic(&self) -> Error {
        Subject { tables: &self.tables, statement: None }.explain_panic()
    }
}

/// A statement of a session, parsed.
#[derive(Debug, Clone)]
pub struct Statement(datafusion::sql::parser::Statement);

/// The rows that a statement gives, computed as they are asked for.
pub struct Answer {
    stream: SendableRecordBatchStream,
    tables: Vec<RegisteredTable>,
}

impl Answer {
    /// Names and types of the columns; none for a statement without a result.
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
        Some(next.map_err(|e| Subject { tables: &self.tables, statement: None }.explain(&e)))
    }
}

/// Whether a plan writes to a table, anywhere in it.
fn changes_tables(plan: &LogicalPlan) -> datafusion::error::Result<bool> {
    let mut changes = false;
    plan.apply_with_subqueries(|node| {
        changes |= matches!(node, LogicalPlan::Dml(_));
        Ok(if changes { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(changes)
}
