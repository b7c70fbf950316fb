//! In: two positions; out: the distance between them.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, PrimitiveArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, utils::take_function_args};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use isd_dataset::geography::Position;

/// `great_circle_km(lat1, lon1, lat2, lon2)`: positions in degrees, distance in km; null where an argument is.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct GreatCircle {
    signature: Signature,
}

impl Default for GreatCircle {
    fn default() -> Self {
        Self { signature: Signature::exact(vec![DataType::Float64; 4], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for GreatCircle {
    fn name(&self) -> &'static str {
        "great_circle_km"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [lat1, lon1, lat2, lon2] =
            take_function_args(self.name(), ColumnarValue::values_to_arrays(&arguments.args)?)?;
        let degrees = [&lat1, &lon1, &lat2, &lon2].map(AsArray::as_primitive::<Float64Type>);
        let [lat1, lon1, lat2, lon2] = degrees;
        let distances: Float64Array = (0..lat1.len())
            .map(|row| {
                let missing = degrees.iter().any(|column| column.is_null(row));
                (!missing).then(|| {
                    let position =
                        |latitude: &PrimitiveArray<Float64Type>, longitude: &PrimitiveArray<Float64Type>| {
                            Position { latitude: latitude.value(row), longitude: longitude.value(row) }
                        };
                    position(lat1, lon1).distance_km(position(lat2, lon2))
                })
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(distances)))
    }
}
