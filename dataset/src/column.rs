//! A value column: from what its source knows of it, and numbers as they are stored there, to those of a dataset.

use arrow::array::Float64Array;
use arrow::buffer::{BooleanBuffer, NullBuffer};
use serde::{Deserialize, Serialize};

use crate::Measurement;

/// What a source knows of one of its value columns.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Column name in the dataset.
    pub name: String,
    /// Where it lies in the source and how it is stored there, for people, such as `TMP, tenths`.
    pub origin: Option<String>,
    /// Units of the values as yielded (UDUNITS spelling), where the source or ISD's own table says them.
    pub units: Option<String>,
    /// What the column holds, for people.
    pub long_name: Option<String>,
    /// Scale of which every value is an integer multiple, as its decimal text (`0.1`).
    pub resolution: Option<String>,
}

impl ColumnInfo {
    /// Whether its values are in the units of ISD's measurement of that name, or nobody says otherwise. A column that is no
    /// such measurement is.
    #[must_use]
    pub fn is_in_usual_units(&self) -> bool {
        let usual = Measurement::named(&self.name).map(|measurement| measurement.units);
        self.units.as_deref().is_none_or(|units| usual.is_none_or(|usual| usual == units))
    }
}

/// Widens a float32 to the double that is nearest the same decimal: that of fewest digits after the point, at most six,
/// which the float32 is nearest to. Where there is none, the double equals the float32; NaN stays NaN.
#[inline]
#[must_use]
pub fn widen(value: f32) -> f64 {
    for factor in [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6] {
        let decimal = (f64::from(value) * factor).round() / factor;
        if decimal as f32 == value {
            return decimal;
        }
    }
    f64::from(value)
}

/// Makes an array of values in which NaN means missing: each NaN becomes a null with 0 in its place. An array without any
/// has no nulls.
#[must_use]
pub fn nullable(mut values: Vec<f64>) -> Float64Array {
    let valid = BooleanBuffer::collect_bool(values.len(), |i| !values[i].is_nan());
    let nulls = NullBuffer::new(valid);
    if nulls.null_count() == 0 {
        return Float64Array::new(values.into(), None);
    }
    for value in &mut values {
        *value = if value.is_nan() { 0.0 } else { *value };
    }
    Float64Array::new(values.into(), Some(nulls))
}
