//! In: a plan to run; out: the same, whose joins give way now and then, so that it can be stopped.
//!
//! The engine sees to it that what reads files gives way. A join of two million rows with two million makes
//! batch after batch without reading any, and what adds them up takes them all in one go: nobody would hear of
//! Ctrl-C for hours.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

/// Puts every join below a node that gives way.
#[derive(Debug)]
pub(crate) struct GivingWay;

impl PhysicalOptimizerRule for GivingWay {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| {
            if node.name().ends_with("JoinExec") {
                Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
            } else {
                Ok(Transformed::no(node))
            }
        })?;
        Ok(plan.data)
    }

    fn name(&self) -> &'static str {
        "GivingWay"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
