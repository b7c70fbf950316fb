//! What a column's attributes say of its stored numbers: an [`Entry`] in, which of them are missing or valid and how the
//! others are unpacked out.
//!
//! CF Conventions 1.11, sections 2.5.1 and 8.1, and the netCDF User's Guide, "Attribute conventions": `_FillValue`,
//! `missing_value`, `valid_min`, `valid_max`, `valid_range`, `scale_factor`, `add_offset` and `_Unsigned`; a netCDF
//! variable without `_FillValue` has the default of its type.

use crate::Result;
use crate::formats::hdf5::cf::{ValidRange, default_fill, is_byte};
use crate::formats::hdf5::layouts::{Entry, Scope};
use crate::formats::hdf5::library::{Attribute, Element, Number, NumberType, Scalar};

/// What a column's attributes say of its stored numbers.
pub struct Packing {
    /// Those that mean a missing value.
    pub missing: Vec<Number>,
    /// Those that are values, where a range is given.
    pub valid: Option<ValidRange>,
    /// `scale_factor`.
    pub scale: Option<Number>,
    /// `add_offset`.
    pub offset: Option<Number>,
}

impl Packing {
    /// What the attributes of a column of `number`s say.
    ///
    /// # Errors
    /// An attribute that cannot be read or is no number.
    pub fn of(scope: &Scope, entry: &Entry, number: NumberType) -> Result<Self> {
        let scale = number_of(scope, entry, "scale_factor")?;
        let offset = number_of(scope, entry, "add_offset")?;
        let fill = numbers_of(scope, entry, number, &["_FillValue"])?;
        let mut missing = numbers_of(scope, entry, number, &["missing_value"])?;
        if fill.is_empty()
            && let Some(default) = default_fill(stored_type(entry).unwrap_or(number))
            && !is_byte(number)
            && entry.own_attributes
            && scope.is_netcdf(&*entry.dataset)
        {
            missing.push(reinterpreted(entry, number, default));
        }
        missing.extend(fill);
        let valid = valid_range(scope, entry, number, scale, offset)?;
        Ok(Self { missing, valid, scale, offset })
    }
}

/// The numbers of some attributes, as the stored numbers of the column.
///
/// # Errors
/// An attribute that cannot be read.
pub fn numbers_of(scope: &Scope, entry: &Entry, number: NumberType, names: &[&str]) -> Result<Vec<Number>> {
    let mut numbers = Vec::new();
    for name in names {
        let found = entry.attribute_in(scope, name)?;
        let found = found.iter().flat_map(Attribute::numbers);
        numbers.extend(found.map(|found| reinterpreted(entry, number, found)));
    }
    Ok(numbers)
}

/// The number of an attribute; `None` where there is no such attribute.
///
/// # Errors
/// An attribute that cannot be read or is no number.
pub fn number_of(scope: &Scope, entry: &Entry, name: &str) -> Result<Option<Number>> {
    let Some(attribute) = entry.attribute_in(scope, name)? else { return Ok(None) };
    match attribute.number() {
        Some(number) => Ok(Some(number)),
        None => Err(scope.column_error(&entry.place, format!("attribute {name} is not a number"), None)),
    }
}

/// The type as which the dataset of a column stores it.
fn stored_type(entry: &Entry) -> Option<NumberType> {
    match entry.dataset.element() {
        Element::Scalar(Scalar::Number(number)) => Some(*number),
        _ => None,
    }
}

/// An attribute's number where the column's integers are taken without sign: as they are.
fn reinterpreted(entry: &Entry, number: NumberType, found: Number) -> Number {
    let stored = stored_type(entry).unwrap_or(number);
    match found {
        Number::Int(negative) if stored != number && negative < 0 => {
            Number::Int(negative + (1_i128 << (8 * number.size())))
        }
        other => other,
    }
}

/// `valid_range`, or `valid_min` and `valid_max`, as stored numbers.
fn valid_range(
    scope: &Scope,
    entry: &Entry,
    number: NumberType,
    scale: Option<Number>,
    offset: Option<Number>,
) -> Result<Option<ValidRange>> {
    let of = |name: &str| numbers_of(scope, entry, number, &[name]);
    let (least, largest) = match of("valid_range")?.as_slice() {
        [least, largest] => (Some(*least), Some(*largest)),
        _ => (of("valid_min")?.first().copied(), of("valid_max")?.first().copied()),
    };
    if least.is_none() && largest.is_none() {
        return Ok(None);
    }
    let is_float = |number: Option<Number>| matches!(number, Some(Number::F32(_) | Number::F64(_)));
    let packed = scale.is_some() || offset.is_some();
    // A range in the type of the unpacked values is one of unpacked values (netCDF User's Guide).
    if packed && number.is_integer() && (is_float(least) || is_float(largest)) {
        let scale = scale.map_or(1.0, Number::to_f64);
        let offset = offset.map_or(0.0, Number::to_f64);
        let stored = |bound: Number| {
            let stored = (bound.to_f64() - offset) / scale;
            let nearest = stored.round();
            let near = (stored - nearest).abs() <= 1e-6 * nearest.abs().max(1.0);
            Number::F64(if near { nearest } else { stored })
        };
        let bounds = (least.map(stored), largest.map(stored));
        let (least, largest) = if scale < 0.0 { (bounds.1, bounds.0) } else { bounds };
        return Ok(Some(ValidRange { least, largest }));
    }
    Ok(Some(ValidRange { least, largest }))
}
