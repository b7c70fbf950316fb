//! In: a plan to run; out: the same plan, whose filters leave out what cannot be among the first rows of an order any more.
//!
//! `order by … limit n` keeps the best n rows so far, and knows by them which rows are of no use from then on. The engine asks
//! that after a filter has copied all rows that pass it. Asked within the filter, next to nothing is copied.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::BinaryExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

/// Has the filter right below a limited sort ask what the sort asks.
#[derive(Debug)]
pub(crate) struct EarlyTop;

impl PhysicalOptimizerRule for EarlyTop {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| {
            let Some(sort) = node.downcast_ref::<SortExec>() else { return Ok(Transformed::no(node)) };
            let useful = sort.dynamic_expressions_produced().pop();
            let (Some(useful), Some(filter)) = (useful, sort.input().downcast_ref::<FilterExec>()) else {
                return Ok(Transformed::no(node));
            };
            // With a projection the columns below the filter have other places than those above it.
            if filter.projection().is_some() {
                return Ok(Transformed::no(node));
            }
            // What follows in an `and` is not computed where no row passes its beginning.
            let both = BinaryExpr::new(useful, Operator::And, Arc::clone(filter.predicate()));
            let filter = FilterExecBuilder::from(filter).with_predicate(Arc::new(both)).build()?;
            Ok(Transformed::yes(replace_children_if_necessary(node, vec![Arc::new(filter)])?))
        })?;
        Ok(plan.data)
    }

    fn name(&self) -> &'static str {
        "EarlyTop"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
