//! In: a series in the order of its window; out: its z-scores as `isd-detect` computes them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{
    Result, ScalarValue, exec_datafusion_err, exec_err, internal_err, plan_datafusion_err, plan_err,
};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{LimitEffect, PartitionEvaluator, Signature, Volatility, WindowUDFImpl};
use datafusion::physical_plan::PhysicalExpr;
use isd_kernel::arrow::rolling_outliers;
use isd_kernel::{Decimal, Outcome, RollingTest, Window};

/// `rolling_zscore(x, window [, min_periods]) over (partition by station_id order by timestamp)`.
///
/// The series is filled forward; the z-score of an observed value is its distance from the mean of the `window`
/// filled values before it, in their population standard deviations: the double nearest the exact result,
/// ±infinity where those values are all equal and it is another. It is null where `x` is, where fewer than `min_periods`
/// (by default `window`) values lie before it, and for a whole series of fewer than `min_periods` + 1 observed values.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct RollingZscore {
    signature: Signature,
}

impl Default for RollingZscore {
    fn default() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl WindowUDFImpl for RollingZscore {
    fn name(&self) -> &'static str {
        "rolling_zscore"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let numeric = |t: &DataType| t.is_numeric() || t.is_null();
        match arguments {
            [x, rest @ ..] if numeric(x) && (1..=2).contains(&rest.len()) => {
                let mut types = arguments.to_vec();
                types[0] = DataType::Float64;
                Ok(types)
            }
            _ => plan_err!(
                "rolling_zscore takes a number, the length of the window and, if wanted, min_periods"
            ),
        }
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let count = |what, index| super::row_count(self.name(), what, arguments.input_exprs(), index);
        let Some(window) = count("the window", 1)? else { return plan_err!("rolling_zscore takes a window") };
        let min_periods = count("min_periods", 2)?;
        // With a threshold of 0 the test reports whatever is not the mean.
        let test = RollingTest::builder()
            .window(Window::Rows(window))
            .threshold(Decimal::ZERO)
            .min_periods(min_periods)
            .build()
            .map_err(|e| plan_datafusion_err!("rolling_zscore: {e}"))?;
        Ok(Box::new(Scorer { test, scores: None, next: 0 }))
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Field::new(arguments.name(), DataType::Float64, true).into())
    }

    fn limit_effect(&self, _arguments: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        // Whether a series lies on a decimal grid is decided for the whole of it.
        LimitEffect::Unknown
    }
}

/// Scores one partition, a series, when all of it has been read: a query holds one series at a time.
#[derive(Debug)]
struct Scorer {
    test: RollingTest,
    /// The scores of the series, once they are computed.
    scores: Option<Float64Array>,
    /// The row whose score is asked for next.
    next: usize,
}

impl Scorer {
    fn score(&self, values: &[ArrayRef]) -> Result<Float64Array> {
        let Some(values) = values.first() else { return exec_err!("rolling_zscore takes a column") };
        let values = values.as_primitive::<Float64Type>();
        let mut found = Vec::new();
        let outcomes = rolling_outliers(values, None, &[values.len()], &self.test, &mut found)
            .map_err(|e| exec_datafusion_err!("rolling_zscore: {e}"))?;
        if outcomes != [Outcome::Tested] {
            return Ok(Float64Array::new_null(values.len()));
        }
        let is_observed = |row: &usize| values.is_valid(*row) && values.value(*row).is_finite();
        let first = (0..values.len()).find(is_observed).unwrap_or(values.len());
        // From the first value on all rows are filled, so that the windows grow by one a row. The test reports every value
        // but those that are their window's mean.
        let is_mean = |row: &usize| is_observed(row) && row.saturating_sub(first) >= self.test.min_periods();
        let mut scores: Vec<Option<f64>> =
            (0..values.len()).map(|row| is_mean(&row).then_some(0.0)).collect();
        for outlier in found {
            let Some(score) = scores.get_mut(outlier.row) else {
                return internal_err!(
                    "rolling_zscore: an outlier in row {} of {}",
                    outlier.row,
                    values.len()
                );
            };
            *score = Some(outlier.zscore);
        }
        Ok(scores.into())
    }
}

impl PartitionEvaluator for Scorer {
    fn supports_bounded_execution(&self) -> bool {
        true
    }

    /// Every row needs the whole series.
    fn get_range(&self, _row: usize, rows: usize) -> Result<Range<usize>> {
        Ok(0..rows)
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        Ok(Arc::new(self.score(values)?))
    }

    /// The score of the next row. The engine calls it for one row after the other once the series is complete.
    fn evaluate(&mut self, values: &[ArrayRef], _range: &Range<usize>) -> Result<ScalarValue> {
        let scores = match self.scores.take() {
            Some(scores) => scores,
            None => self.score(values)?,
        };
        if self.next >= scores.len() {
            return internal_err!("rolling_zscore: asked for row {} of {}", self.next, scores.len());
        }
        let score = scores.is_valid(self.next).then(|| scores.value(self.next));
        self.next += 1;
        self.scores = Some(scores);
        Ok(ScalarValue::Float64(score))
    }
}
