//! In: a column in the order of its window; out: that column with nulls filled from the last value before them.

use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    LimitEffect, PartitionEvaluator, Signature, TypeSignature, Volatility, WindowUDFImpl,
};
use datafusion::physical_plan::PhysicalExpr;

/// `forward_fill(x [, rows]) over (partition by … order by …)`: nulls before the first value stay; with `rows`, so do nulls
/// more than so many rows after the last value.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ForwardFill {
    signature: Signature,
}

impl Default for ForwardFill {
    fn default() -> Self {
        let arguments = TypeSignature::OneOf(vec![TypeSignature::Any(1), TypeSignature::Any(2)]);
        Self { signature: Signature::new(arguments, Volatility::Immutable) }
    }
}

impl WindowUDFImpl for ForwardFill {
    fn name(&self) -> &'static str {
        "forward_fill"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let limit = super::row_count(self.name(), "the limit", arguments.input_exprs(), 1)?;
        Ok(Box::new(Filler { limit, last: None, age: 0 }))
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        let Some(field) = arguments.input_fields().first() else {
            return exec_err!("forward_fill takes a column");
        };
        Ok(field.as_ref().clone().with_name(arguments.name()).with_nullable(true).into())
    }

    fn limit_effect(&self, _arguments: &[std::sync::Arc<dyn PhysicalExpr>]) -> LimitEffect {
        LimitEffect::None
    }
}

/// Fills one partition, row by row, so that it runs in the memory of a batch.
#[derive(Debug)]
struct Filler {
    /// The most rows after a value that it fills; without limit where none.
    limit: Option<usize>,
    /// The last value, which is not null.
    last: Option<ScalarValue>,
    /// Rows since `last`.
    age: usize,
}

impl PartitionEvaluator for Filler {
    fn is_causal(&self) -> bool {
        true
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let Some(column) = values.first() else { return exec_err!("forward_fill takes a column") };
        let value = ScalarValue::try_from_array(column, range.start)?;
        if !value.is_null() {
            self.age = 0;
            self.last = Some(value.clone());
            return Ok(value);
        }
        self.age += 1;
        match &self.last {
            Some(last) if self.limit.is_none_or(|limit| self.age <= limit) => Ok(last.clone()),
            _ => Ok(value),
        }
    }
}
