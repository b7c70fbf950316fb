//! In: a plan to run; out: the same plan, in which sorted parts are computed side by side before they are merged.
//!
//! A merge takes rows from its parts in the order of their keys. Where parts are ranges of stations, it takes all of the first
//! before it takes more of the second, and the engine keeps just one batch ready: the threads would work one after the other.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::buffer::BufferExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

/// Bytes of rows that each part may have ready.
const READY: usize = 32 << 20;

/// Puts a buffer below every merge.
#[derive(Debug)]
pub(crate) struct BufferedMerges;

impl PhysicalOptimizerRule for BufferedMerges {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = plan.transform_up(|node| {
            let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>() else {
                return Ok(Transformed::no(node));
            };
            let buffered = Arc::new(BufferExec::new(Arc::clone(merge.input()), READY));
            let merge =
                SortPreservingMergeExec::new(merge.expr().clone(), buffered).with_fetch(merge.fetch());
            Ok(Transformed::yes(Arc::new(merge) as Arc<dyn ExecutionPlan>))
        })?;
        Ok(plan.data)
    }

    fn name(&self) -> &'static str {
        "BufferedMerges"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
