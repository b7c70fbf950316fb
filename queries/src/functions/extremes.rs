//! In: doubles; out: their maximum or minimum, found by looking for what exceeds the one so far.
//!
//! The engine compares doubles in their total order, bit by bit and null by null. Few values exceed the greatest before them,
//! so that here most are passed over by one comparison, 64 at a time, and whether they are null does not matter.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};

/// `max(x)` or `min(x)` as the engine has it, but faster for a column of doubles.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Extreme {
    engine: Arc<AggregateUDF>,
}

impl Extreme {
    pub(super) fn new(engine: Arc<AggregateUDF>) -> Self {
        Self { engine }
    }
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.engine.return_type(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.engine.coerce_types(arguments)
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let is_double = *arguments.return_field.data_type() == DataType::Float64;
        let engine = self.engine.accumulator(arguments)?;
        if !is_double {
            return Ok(engine);
        }
        let is_greatest = self.is_descending() == Some(true);
        Ok(Box::new(ExtremeDouble { engine, is_greatest }))
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        self.engine.groups_accumulator_supported(arguments)
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.engine.create_groups_accumulator(arguments)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.engine.create_sliding_accumulator(arguments)
    }

    fn is_descending(&self) -> Option<bool> {
        self.engine.is_descending()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.engine.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.engine.reverse_udf()
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.engine.value_from_stats(statistics)
    }

    fn set_monotonicity(&self, values: &DataType) -> SetMonotonicity {
        self.engine.inner().set_monotonicity(values)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.documentation()
    }
}

/// The engine's accumulator, which is given one double instead of many.
#[derive(Debug)]
struct ExtremeDouble {
    engine: Box<dyn Accumulator>,
    /// Whether it is the maximum.
    is_greatest: bool,
}

impl Accumulator for ExtremeDouble {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let doubles = values.first().and_then(|values| values.as_primitive_opt::<Float64Type>());
        let extreme = doubles.and_then(|values| {
            if self.is_greatest {
                beyond_all(values, f64::NEG_INFINITY, |value, greatest| value <= greatest)
            } else {
                beyond_all(values, f64::INFINITY, |value, least| value >= least)
            }
        });
        match extreme {
            Some(extreme) => self.engine.update_batch(&[Arc::new(Float64Array::from_value(extreme, 1))]),
            None => self.engine.update_batch(values),
        }
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.engine.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.engine.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.engine.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.engine.size()
    }
}

/// The value that all others are within, of those that are not null. `start` is what every value is beyond.
///
/// None where that takes the total order of doubles: where it is a NaN or a zero, which has a sign. None, too, where no value
/// is beyond `start`.
fn beyond_all(values: &Float64Array, start: f64, is_within: impl Fn(f64, f64) -> bool) -> Option<f64> {
    let mut extreme = start;
    for (chunk, slice) in values.values().chunks(CHUNK).enumerate() {
        // Without a branch a value, so that it is done for several at once. What is stored for a null is a value like another.
        if slice.iter().fold(true, |all, &value| all & is_within(value, extreme)) {
            continue;
        }
        for (index, &value) in slice.iter().enumerate() {
            if !is_within(value, extreme) && values.is_valid(chunk * CHUNK + index) {
                if value.is_nan() {
                    return None;
                }
                extreme = value;
            }
        }
    }
    (extreme != start && extreme != 0.0).then_some(extreme)
}

/// Values that are passed over at a time.
const CHUNK: usize = 64;

#[cfg(test)]
mod tests {
    use datafusion::functions_aggregate::min_max::{MaxAccumulator, MinAccumulator};

    use super::*;

    /// The maximum and the minimum of batches, as bits: a NaN is no other, and zeros have signs. First the engine's, then ours.
    fn extremes(batches: &[ArrayRef]) -> [[Option<u64>; 2]; 2] {
        let engine = |is_greatest: bool| -> Box<dyn Accumulator> {
            if is_greatest {
                Box::new(MaxAccumulator::try_new(&DataType::Float64).unwrap())
            } else {
                Box::new(MinAccumulator::try_new(&DataType::Float64).unwrap())
            }
        };
        let ours = |is_greatest| Box::new(ExtremeDouble { engine: engine(is_greatest), is_greatest });
        let bits = |mut accumulator: Box<dyn Accumulator>| {
            for batch in batches {
                accumulator.update_batch(&[Arc::clone(batch)]).unwrap();
            }
            match accumulator.evaluate().unwrap() {
                ScalarValue::Float64(value) => value.map(f64::to_bits),
                other => panic!("{other:?}"),
            }
        };
        [[bits(engine(true)), bits(engine(false))], [bits(ours(true)), bits(ours(false))]]
    }

    #[test]
    fn what_is_stored_for_a_null_does_not_count() {
        let valid = vec![true, false, true, false, true];
        let values = Float64Array::new(vec![3.0, 99.0, -7.5, f64::NAN, 8.25].into(), Some(valid.into()));
        let expected = [8.25, -7.5].map(|value: f64| Some(value.to_bits()));
        assert_eq!(extremes(&[Arc::new(values)]), [expected; 2]);
    }

    #[test]
    fn extremes_are_those_of_the_total_order() {
        let special = [0.0, -0.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 1e-310];
        // What batches hold beside multiples of 0.1, and how often, in a thousand.
        let kinds = [
            (&special[..], 0),
            (&special, 4),
            (&special[..2], 1000),
            (&special[4..], 30),
            (&special[5..6], 1000),
        ];
        // Marsaglia's xorshift.
        let mut state = 88_172_645_463_325_252_u64;
        let mut below = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % bound as u64) as usize
        };
        let mut values_found = 0;
        for round in 0..400 {
            let (special, often) = kinds[round % 5];
            let missing = [0, 300, 999, 1000][round / 5 % 4];
            let mut batch = || {
                let rows = 1 + below(300);
                let mut value = || match below(1000) {
                    kind if kind < often => special[below(special.len())],
                    _ => below(2001) as f64 / 10.0 - 100.0,
                };
                let values: Vec<f64> = (0..rows).map(|_| value()).collect();
                let valid: Vec<bool> = (0..rows).map(|_| below(1000) >= missing).collect();
                let first = below(rows);
                let batch = Float64Array::new(values.into(), (missing > 0).then(|| valid.into()));
                Arc::new(batch.slice(first, rows - first)) as ArrayRef
            };
            let [engine, ours] = extremes(&[batch(), batch(), batch()]);
            assert_eq!(ours, engine, "round {round}");
            values_found += ours.iter().flatten().count();
        }
        assert!(values_found > 400, "{values_found}");
    }
}
