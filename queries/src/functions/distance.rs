//! In: two positions; out: the distance between them.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, utils::take_function_args};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// Mean radius of the Earth (IUGG), in km.
const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Length of the great circle arc between two positions in degrees, by the haversine formula, in km.
fn great_circle_km(latitude_1: f64, longitude_1: f64, latitude_2: f64, longitude_2: f64) -> f64 {
    let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let cosines = latitude_1.to_radians().cos() * latitude_2.to_radians().cos();
    let haversine = half_sine(latitude_2 - latitude_1) + cosines * half_sine(longitude_2 - longitude_1);
    // Rounding may take the haversine of antipodes past 1.
    2.0 * EARTH_RADIUS_KM * haversine.sqrt().min(1.0).asin()
}

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
                    great_circle_km(lat1.value(row), lon1.value(row), lat2.value(row), lon2.value(row))
                })
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(distances)))
    }
}
