//! How the numbers of a column become values: its name, its units and the reading options in, a [`Meaning`] out.

use super::names::Columns;
use crate::formats::hdf5::cf::units::{self, Units};
use crate::formats::hdf5::cf::{Transform, Unpacking};
use crate::{ColumnInfo, Error, Measurement, Result, Scale};

/// What ISD stores for a missing value.
const MISSING: f64 = -9999.0;
/// What ISD stores for an amount of precipitation too small to measure.
pub const TRACE: f64 = -1.0;

/// How a column's numbers become values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stored {
    /// They are values.
    AsWritten,
    /// They are in other units.
    Converted(Transform),
    /// Tenths, of which -1 is a trace where `trace`. Unless that is `certain`, since the user says so, a number with a
    /// fraction shows that they are none.
    Tenths {
        /// Whether -1 is a trace.
        trace: bool,
        /// Whether the user says that they are tenths.
        certain: bool,
    },
}

/// A value column and how its numbers become values.
pub struct Meaning {
    /// What is known of the column as it is yielded.
    pub info: ColumnInfo,
    /// How its numbers become values.
    pub stored: Stored,
    /// What the user should know of that.
    pub note: Option<String>,
    /// The numbers that are no values.
    pub missing: Missing,
}

/// The numbers of a column that are no values.
pub struct Missing {
    numbers: Vec<f64>,
    /// From here on a value, in its own units, is larger than any of its measurement.
    too_large: f64,
}

impl Missing {
    fn of(columns: &Columns, name: &str, measurement: Option<&Measurement>) -> Self {
        let numbers = [MISSING].into_iter().chain(columns.options.missing_of(name)).collect();
        let too_large = measurement.map_or(f64::INFINITY, |measurement| match measurement.units {
            "degC" => 90.0,
            "hPa" => 1100.0,
            "degree" => 361.0,
            "mm" => 999.0,
            // Metres a second, and codes.
            _ => 99.0,
        });
        Self { numbers, too_large }
    }

    /// Whether a stored number means a missing value.
    #[inline]
    pub fn contains(&self, number: f64) -> bool {
        self.numbers.contains(&number)
    }

    /// Whether a stored number that is not among them looks as if it should be: nines and no other digit, and its `value` is
    /// too small, or where it is a measurement too large, to be one.
    #[inline]
    pub fn looks_like_one(&self, number: f64, value: f64) -> bool {
        (value <= -99.0 || value >= self.too_large) && is_of_nines(number.abs())
    }
}

/// Whether all digits of a positive number are nines.
#[cold]
fn is_of_nines(number: f64) -> bool {
    let text = number.to_string();
    text.bytes().all(|byte| matches!(byte, b'9' | b'.'))
}

impl Meaning {
    /// The meaning of the column of `own`, which is what the source says of it; `tenths` says whether the numbers of
    /// ISD's measurements are tenths.
    ///
    /// # Errors
    /// Units that the user gives and that cannot be, or tenths with units.
    pub fn new(columns: &Columns, own: ColumnInfo, tenths: bool) -> Result<Self> {
        let name = own.name.clone();
        let measurement = Measurement::named(&name);
        let failed = |found: String, hint: Option<String>| Error::Column {
            path: columns.path.to_path_buf(),
            column: name.clone(),
            found,
            hint,
        };
        let given = columns.options.units_of(&name);
        let units = units::of_column(own.units.clone(), given, measurement)
            .map_err(|(found, hint)| failed(found, Some(hint)))?;
        let unstated = units.is_none() && !tenths && columns.options.path_of(&name).is_some();
        let missing = Missing::of(columns, &name, measurement);
        let Some(measurement) = measurement else {
            return Ok(Self {
                info: ColumnInfo { units, ..own },
                stored: Stored::AsWritten,
                note: None,
                missing,
            });
        };
        let mut info = ColumnInfo { long_name: Some(measurement.long_name.to_owned()), ..own };
        let comparison = units.as_deref().map_or(Units::Same, |units| units::compare(measurement, units));
        let (stored, note) = match comparison {
            Units::Convert(_) if tenths && measurement.isd_decimals == 1 => {
                let units = units.unwrap_or_default();
                let hint = "leave out --scale isd, or --unit for this column";
                return Err(failed(format!("cannot be ISD's tenths and in {units}"), Some(hint.into())));
            }
            Units::Convert(conversion) => {
                let unpacking = Unpacking::new(None, None, Vec::new(), Some(conversion))
                    .map_err(|reason| failed(reason, None))?;
                let from = units.unwrap_or_default();
                info.resolution = None;
                (
                    Stored::Converted(unpacking.transform),
                    Some(format!("units were converted: {name} from {from} to {}", measurement.units)),
                )
            }
            Units::Same if tenths && measurement.isd_decimals == 1 => {
                let certain = columns.options.scale == Scale::Isd;
                (Stored::Tenths { trace: measurement.trace, certain }, None)
            }
            Units::Same => {
                let own = measurement.units;
                let note = || format!("{name} is taken to be in {own}; --unit {name}=UNIT says otherwise");
                (Stored::AsWritten, (unstated && own != "1").then(note))
            }
            Units::Unknown => {
                let found = units.unwrap_or_default();
                let note = format!(
                    "kept in units that have no known conversion to the measurement's own: {name} ({found}, not {})",
                    measurement.units
                );
                info.units = Some(found);
                return Ok(Self { info, stored: Stored::AsWritten, note: Some(note), missing });
            }
        };
        info.units = Some(measurement.units.to_owned());
        Ok(Self { info, stored, note, missing })
    }
}
