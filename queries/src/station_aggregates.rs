//! In: a plan to run; out: the same plan, in which groups that are stations are aggregated one after the other.
//!
//! Where rows come station by station, the rows of a group are a run. To find the group of each row by its hash, and to keep
//! the state of all groups, is then most of what an aggregation does. Here, slices of a run go to the accumulators that
//! aggregations without groups have, or to those of groups as the rows of one.

use std::iter;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{self, partition};
use datafusion::common::cast::as_boolean_array;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{ScalarValue, internal_datafusion_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::{OrderingRequirements, Partitioning, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{
    AggregateExec, AggregateMode, aggregate_expressions, evaluate_group_by, evaluate_many,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, InputOrderMode, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt, stream};

/// Replaces the aggregations whose groups are the stations of a dataset.
#[derive(Debug)]
pub(crate) struct StationAggregates;

impl PhysicalOptimizerRule for StationAggregates {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| match node.downcast_ref::<AggregateExec>() {
            Some(aggregate) if has_runs(aggregate) => {
                Ok(Transformed::yes(Arc::new(StationAggregateExec::new(aggregate.clone())) as _))
            }
            _ => Ok(Transformed::no(node)),
        })?;
        Ok(plan.data)
    }

    fn name(&self) -> &'static str {
        "StationAggregates"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether the one key of the groups is what the input is both sorted by and divided by into ranges. Only scans of tables of
/// stations are divided so, where their files say which stations they hold; that these are sorted the files say, too.
fn has_runs(aggregate: &AggregateExec) -> bool {
    let in_one_stage = matches!(aggregate.mode(), AggregateMode::Single | AggregateMode::SinglePartitioned);
    let groups = aggregate.group_expr();
    let [(key, _)] = groups.expr() else { return false };
    let is_divided_by_key = match aggregate.input().output_partitioning() {
        Partitioning::Range(ranges) => ranges.ordering().len() == 1 && ranges.ordering().first().expr.eq(key),
        _ => false,
    };
    in_one_stage
        && groups.is_single()
        && is_divided_by_key
        && *aggregate.input_order_mode() == InputOrderMode::Sorted
        && aggregate.limit_options().is_none()
}

/// An aggregation of rows that come group by group.
#[derive(Debug)]
struct StationAggregateExec {
    /// What is computed.
    aggregate: AggregateExec,
    metrics: ExecutionPlanMetricsSet,
}

impl StationAggregateExec {
    fn new(aggregate: AggregateExec) -> Self {
        Self { aggregate, metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for StationAggregateExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Station")?;
        self.aggregate.fmt_as(format, f)
    }
}

impl ExecutionPlan for StationAggregateExec {
    fn name(&self) -> &'static str {
        "StationAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.aggregate.properties()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.aggregate.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.aggregate.required_input_ordering()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.aggregate.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.aggregate.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.aggregate.apply_expressions(f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = Arc::new(self.aggregate.clone()).replace_children(children, options)?;
        let aggregate = replaced.downcast_ref::<AggregateExec>().cloned();
        let aggregate = aggregate.ok_or_else(|| internal_datafusion_err!("an aggregation became another"))?;
        Ok(Arc::new(Self::new(aggregate)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, part: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let groups = Groups::new(&self.aggregate)?;
        let input = self.aggregate.input().execute(part, context)?;
        let metrics = BaselineMetrics::new(&self.metrics, part);
        let ended = stream::try_unfold((Some(input), groups, metrics), next_ended);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), ended)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// What is left to do: the input until it ends, the groups, and what is measured of them.
type Left = (Option<SendableRecordBatchStream>, Groups, BaselineMetrics);

/// Reads on until groups have ended; gives these, and what is left to do.
async fn next_ended((mut input, mut groups, metrics): Left) -> Result<Option<(RecordBatch, Left)>> {
    while let Some(rows) = &mut input {
        let batch = rows.next().await.transpose()?;
        let timer = metrics.elapsed_compute().timer();
        if let Some(batch) = batch {
            groups.add(&batch)?;
        } else {
            groups.end_run()?;
            input = None;
        }
        let ended = groups.take_ended()?;
        timer.done();
        if let Some(ended) = ended {
            return Ok(Some((ended.record_output(&metrics), (input, groups, metrics))));
        }
    }
    metrics.done();
    Ok(None)
}

/// The group whose rows are coming, and those before it.
struct Groups {
    aggregate: AggregateExec,
    /// The arguments of each aggregate.
    arguments: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    /// The key of the group whose rows are coming, and its state of each aggregate: one group's, which is little, so that
    /// it does not count as memory of the query.
    run: Option<(ScalarValue, Vec<State>)>,
    /// The key, and the value of each aggregate, of the groups that have ended.
    ended: Vec<Vec<ScalarValue>>,
}

impl Groups {
    fn new(aggregate: &AggregateExec) -> Result<Self> {
        Ok(Self {
            arguments: aggregate_expressions(aggregate.aggr_expr(), aggregate.mode(), 0)?,
            run: None,
            ended: vec![Vec::new(); aggregate.schema().fields().len()],
            aggregate: aggregate.clone(),
        })
    }

    /// Adds the rows that come next.
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let groups = evaluate_group_by(self.aggregate.group_expr(), batch)?;
        let Some(keys) = groups.first().and_then(|columns| columns.first()) else { return Ok(()) };
        let arguments = evaluate_many(&self.arguments, batch)?;
        let filter_of = |filter: &Arc<dyn PhysicalExpr>| {
            Ok(as_boolean_array(&filter.evaluate(batch)?.into_array(batch.num_rows())?)?.clone())
        };
        let filters = self.aggregate.filter_expr().iter();
        let filters = filters.map(|filter| filter.as_ref().map(filter_of).transpose());
        let filters = filters.collect::<Result<Vec<Option<BooleanArray>>>>()?;
        let first_group = vec![0; batch.num_rows()];
        for Range { start, end } in partition(&[Arc::clone(keys)])?.ranges() {
            let key = ScalarValue::try_from_array(keys, start)?;
            if self.run.as_ref().is_none_or(|(last, _)| *last != key) {
                self.end_run()?;
                let states = self.aggregate.aggr_expr().iter().map(|aggregate| State::new(aggregate));
                self.run = Some((key, states.collect::<Result<_>>()?));
            }
            let Some((_, states)) = &mut self.run else { continue };
            let rows = end - start;
            for ((state, arguments), filter) in states.iter_mut().zip(&arguments).zip(&filters) {
                let arguments = arguments.iter().map(|argument| argument.slice(start, rows));
                let filter = filter.as_ref().map(|filter| filter.slice(start, rows));
                state.add(arguments.collect(), filter.as_ref(), &first_group[..rows])?;
            }
        }
        Ok(())
    }

    /// Puts the group whose rows were coming to those that have ended.
    fn end_run(&mut self) -> Result<()> {
        let Some((key, states)) = self.run.take() else { return Ok(()) };
        let values = states.into_iter().map(State::value);
        for (column, value) in self.ended.iter_mut().zip(iter::once(Ok(key)).chain(values)) {
            column.push(value?);
        }
        Ok(())
    }

    /// The groups that have ended since the last call, if any: a row each, the key first.
    fn take_ended(&mut self) -> Result<Option<RecordBatch>> {
        if self.ended.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let columns = self.ended.iter_mut().map(|column| ScalarValue::iter_to_array(column.drain(..)));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        Ok(Some(RecordBatch::try_new(self.aggregate.schema(), columns)?))
    }
}

/// What an aggregate knows of a group.
enum State {
    /// Of values that are the same however the rows are cut into slices.
    OfSlices(Box<dyn Accumulator>),
    /// Of sums that are rounded, which must not depend on slices: the accumulator of groups goes row by row. It has one.
    OfRows(Box<dyn GroupsAccumulator>),
}

impl State {
    fn new(aggregate: &AggregateFunctionExpr) -> Result<Self> {
        let is_rounded =
            aggregate.field().data_type().is_floating() && aggregate.fun().is_descending().is_none();
        if is_rounded && aggregate.groups_accumulator_supported() {
            return Ok(Self::OfRows(aggregate.create_groups_accumulator()?));
        }
        Ok(Self::OfSlices(aggregate.create_accumulator()?))
    }

    /// Adds rows, or of these what a filter says. `first_group` has the number of the first group for each row.
    fn add(
        &mut self,
        mut arguments: Vec<ArrayRef>,
        filter: Option<&BooleanArray>,
        first_group: &[usize],
    ) -> Result<()> {
        match self {
            Self::OfSlices(accumulator) => {
                if let Some(filter) = filter {
                    for argument in &mut arguments {
                        *argument = compute::filter(argument, filter)?;
                    }
                }
                accumulator.update_batch(&arguments)
            }
            Self::OfRows(accumulator) => accumulator.update_batch(&arguments, first_group, filter, 1),
        }
    }

    fn value(self) -> Result<ScalarValue> {
        match self {
            Self::OfSlices(mut accumulator) => accumulator.evaluate(),
            Self::OfRows(mut accumulator) => {
                ScalarValue::try_from_array(&accumulator.evaluate(EmitTo::First(1))?, 0)
            }
        }
    }
}
