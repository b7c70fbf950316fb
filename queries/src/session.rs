//! In: table sources and SQL statements; out: their answers, batch by batch.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{CreateExternalTable, DdlStatement, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use futures::StreamExt;
use isd_dataset::unfinished::Unfinished;
use tempfile::TempDir;

use crate::buffered_merges::BufferedMerges;
use crate::copied_file::{CopiedFile, refuse_tables};
use crate::error::{Error, RegisteredTable, Result, Subject, one_line};
use crate::functions;
use crate::station_aggregates::StationAggregates;
use crate::tables::TableSource;
use crate::yielding_joins::YieldingJoins;

/// Rows that the engine works on at a time.
const BATCH_ROWS: usize = 32_768;

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
    /// The tables in the order in which they were registered; statements may add some.
    tables: Mutex<Vec<RegisteredTable>>,
    /// The views that statements made, in their order: names, and the statements as text.
    views: Mutex<Vec<(String, String)>>,
    /// The plan that was started last.
    running: Mutex<Option<Arc<dyn ExecutionPlan>>>,
    /// The directory of temporary files, for rows that memory does not hold.
    spills: TempDir,
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
        let config = SessionConfig::new().with_target_partitions(threads).with_batch_size(BATCH_ROWS);
        let mut config = config.with_information_schema(true);
        let settings = config.options_mut();
        settings.sql_parser.collect_spans = true;
        // The greatest of `order by … desc` is a value. What is missing comes last, in either direction.
        settings.sql_parser.default_null_ordering = "nulls_last".into();
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
            .with_physical_optimizer_rule(Arc::new(StationAggregates))
            .with_physical_optimizer_rule(Arc::new(YieldingJoins))
            .with_physical_optimizer_rule(Arc::new(BufferedMerges))
            .build();
        let mut context = SessionContext::new_with_state(state);
        functions::register(&mut context).map_err(|e| Error::Engine(one_line(&e.message())))?;
        Ok(Self {
            context,
            tables: Mutex::default(),
            views: Mutex::default(),
            running: Mutex::default(),
            spills,
            _unfinished: unfinished,
        })
    }

    /// Makes `source` readable as the table `name`, which replaces a table of that name; without a name, as
    /// `outliers`, `flags`, `events`, `members`, `observations` or `stations` by what its columns say it is, else as what its
    /// file is called. A table at an address needs a runtime with its drivers of time and network enabled. The stations that a dataset knows become the table `stations`, unless there is one. Returns the name.
    ///
    /// # Errors
    /// [`Error::Table`] when a file cannot be read as what its name says.
    pub async fn register(&mut self, name: Option<&str>, source: &TableSource) -> Result<String> {
        if let Some(stations) = source.stations()
            && self.known().iter().all(|known| known.name != STATIONS)
        {
            self.register_one(Some(STATIONS), &stations).await?;
        }
        self.register_one(name, source).await
    }

    /// Makes the store of an address known to the engine.
    fn open_store(&self, path: &Path) -> Result<()> {
        #[cfg(feature = "object-stores")]
        if isd_stores::is_address(path) {
            let failed = |found: String, hint| Error::Table { path: path.to_owned(), found, hint };
            let opened = isd_stores::open(path)
                .map_err(|e| failed(format!("cannot open: {e}"), isd_stores::hint(&e).map(str::to_owned)))?;
            let root =
                url::Url::parse(&opened.root).map_err(|e| failed(format!("is no address: {e}"), None))?;
            self.context.runtime_env().register_object_store(&root, opened.store);
        }
        let _ = path;
        Ok(())
    }

    async fn register_one(&mut self, name: Option<&str>, source: &TableSource) -> Result<String> {
        let unpacked = source.unpacked(self.spills.path())?;
        self.open_store(unpacked.path())?;
        let table = unpacked.open(&self.context.state()).await.map_err(|error| match error {
            // A file that the user knows by another name.
            Error::Table { ref path, .. } if path.starts_with(self.spills.path()) => {
                error.about(source.path())
            }
            error => error,
        })?;
        let source = &unpacked;
        let schema = table.schema();
        let name = name.map_or_else(|| source.default_name(&schema), str::to_owned);
        let columns = schema.fields().iter().map(|f| f.name().clone()).collect();
        let reference = TableReference::bare(name.as_str());
        self.context.deregister_table(reference.clone()).map_err(|e| self.explain(&e))?;
        self.context.register_table(reference, table).map_err(|e| self.explain(&e))?;
        let (path, parts) = (source.path().to_owned(), source.parts().to_owned());
        self.keep(RegisteredTable { name: name.clone(), path, parts, columns });
        Ok(name)
    }

    /// Makes sure that a file that results are to be written to is no file of a table, and lies in no dataset.
    ///
    /// # Errors
    /// [`Error::Sql`] where it is or does.
    pub fn check_output(&self, path: &Path) -> Result<()> {
        refuse_tables(path, &self.known())
    }

    fn keep(&self, table: RegisteredTable) {
        let mut tables = self.known();
        tables.retain(|known| known.name != table.name);
        tables.push(table);
    }

    pub(crate) fn known(&self) -> MutexGuard<'_, Vec<RegisteredTable>> {
        // Nothing is done to the list that could leave it half changed.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each table with its columns, in the order in which they were registered.
    #[must_use]
    pub fn tables(&self) -> Vec<(String, Vec<String>)> {
        self.known().iter().map(|table| (table.name.clone(), table.columns.clone())).collect()
    }

    /// How many rows the statement that was started last has read of its tables by now.
    #[must_use]
    pub fn rows_read(&self) -> usize {
        let plan = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut rows = 0;
        let mut pending: Vec<_> = plan.into_iter().collect();
        while let Some(plan) = pending.pop() {
            let children = plan.children();
            if children.is_empty() {
                rows += plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or(0);
            }
            pending.extend(children.into_iter().cloned());
        }
        rows
    }

    /// The statements that make the views that were made, as text that can be run again.
    #[must_use]
    pub fn views(&self) -> Vec<String> {
        let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let again = |sql: &String| {
            let rest =
                sql.strip_prefix("CREATE VIEW ").or_else(|| sql.strip_prefix("CREATE OR REPLACE VIEW "));
            rest.map_or_else(|| sql.clone(), |rest| format!("CREATE OR REPLACE VIEW {rest}"))
        };
        views.iter().map(|(_, sql)| again(sql)).collect()
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
    /// dataset's files are sorted and described by its manifest; `COPY (…) TO 'file'` writes elsewhere, to a file that appears
    /// when it is complete.
    ///
    /// # Errors
    /// [`Error::Sql`] when the statement is not valid or would write to a table's own files, [`Error::Run`] or
    /// [`Error::Table`] when it cannot start.
    pub async fn execute(&self, statement: Statement) -> Result<Answer> {
        let Statement(statement) = statement;
        let tables = self.known().clone();
        let plan = self.context.state().statement_to_plan(statement.clone()).await;
        let mut plan =
            plan.map_err(|e| Subject { tables: &tables, statement: Some(&statement) }.explain(&e))?;
        refuse_changes(&plan)?;
        let copy = match &mut plan {
            LogicalPlan::Copy(copy) => CopiedFile::redirect(copy, &tables)?,
            _ => None,
        };
        let external = match &plan {
            LogicalPlan::Ddl(DdlStatement::CreateExternalTable(create)) => Some(external_table(create)),
            _ => None,
        };
        let view = match &plan {
            LogicalPlan::Ddl(DdlStatement::CreateView(create)) => {
                Some((create.name.to_string(), Some(format!("{statement};\n"))))
            }
            LogicalPlan::Ddl(DdlStatement::DropView(drop)) => Some((drop.name.to_string(), None)),
            _ => None,
        };
        // What is wrong with a new table is wrong with its own file.
        let new = external.clone().map_or_else(Vec::new, |table| vec![table]);
        let about = if external.is_some() { &new } else { &tables };
        let explain = |e: DataFusionError| Subject { tables: about, statement: None }.explain(&e);
        let frame = self.context.execute_logical_plan(plan).await.map_err(explain)?;
        let context = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(explain)?;
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
        let stream = execute_stream(plan, context).map_err(explain)?;
        if let Some(table) = external {
            self.keep(table);
        }
        if let Some((name, definition)) = view {
            let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
            views.retain(|(known, _)| *known != name);
            views.extend(definition.map(|definition| (name, definition)));
        }
        Ok(Answer { stream, tables, copy })
    }

    fn explain(&self, error: &DataFusionError) -> Error {
        Subject { tables: &self.known(), statement: None }.explain(error)
    }

    /// The error for a statement that ended in a panic of the engine or of a library that it reads files with.
    #[must_use]
    pub fn after_panic(&self) -> Error {
        Subject { tables: &self.known(), statement: None }.explain_panic()
    }
}

/// A statement of a session, parsed.
#[derive(Debug, Clone)]
pub struct Statement(datafusion::sql::parser::Statement);

/// The rows that a statement gives, computed as they are asked for.
pub struct Answer {
    stream: SendableRecordBatchStream,
    tables: Vec<RegisteredTable>,
    /// The file that it writes.
    copy: Option<CopiedFile>,
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
    /// [`Error::Run`] when the statement fails on a value, [`Error::Table`] when a file does, [`Error::File`] when a file that
    /// it wrote cannot be put in place.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        let Some(next) = self.stream.next().await else {
            return self.copy.take().and_then(|copy| copy.finish().err()).map(Err);
        };
        if next.is_err() {
            // What is half-written is not put in place, even where the caller goes on.
            self.copy = None;
        }
        Some(next.map_err(|e| Subject { tables: &self.tables, statement: None }.explain(&e)))
    }
}

/// Refuses a plan that writes to a table, anywhere in it, or that writes a file while it is explained.
fn refuse_changes(plan: &LogicalPlan) -> Result<()> {
    let refuse = |found: &str, hint: &str| {
        Err(Error::Sql { position: None, found: found.into(), hint: Some(hint.into()) })
    };
    let mut changes = false;
    let looked = plan.apply_with_subqueries(|node| {
        changes |= matches!(node, LogicalPlan::Dml(_));
        Ok(if changes { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    if changes || looked.is_err() {
        return refuse(
            "tables are read-only",
            "COPY (SELECT …) TO 'file.parquet' writes what is selected to another file",
        );
    }
    match plan {
        LogicalPlan::Analyze(analyze) if matches!(*analyze.input, LogicalPlan::Copy(_)) => {
            refuse("EXPLAIN ANALYZE would write the file", "explain the SELECT without COPY")
        }
        _ => Ok(()),
    }
}

/// The table that `CREATE EXTERNAL TABLE` makes.
fn external_table(create: &CreateExternalTable) -> RegisteredTable {
    let parts: Vec<PathBuf> = create.locations.iter().map(PathBuf::from).collect();
    let path = parts.first().cloned().unwrap_or_default();
    let columns = create.schema.fields().iter().map(|field| field.name().clone()).collect();
    RegisteredTable { name: create.name.table().to_owned(), path, parts, columns }
}
