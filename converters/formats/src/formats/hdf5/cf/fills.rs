//! netCDF's default fill values: a type in, the number that stands where nothing was written out.
//!
//! netCDF User's Guide, "Fill values" (`NC_FILL_SHORT` and so on of `netcdf.h`).

use crate::formats::hdf5::library::{Number, NumberClass, NumberType};

/// What stands in a variable of that type that has no `_FillValue` where nothing was written; `None` of a type that netCDF
/// does not have.
pub fn default_fill(number: NumberType) -> Option<Number> {
    Some(match (number.class(), number.size()) {
        (NumberClass::Signed, 1) => Number::Int(-127),
        (NumberClass::Signed, 2) => Number::Int(-32_767),
        (NumberClass::Signed, 4) => Number::Int(-2_147_483_647),
        (NumberClass::Signed, 8) => Number::Int(-9_223_372_036_854_775_806),
        (NumberClass::Unsigned, 1) => Number::Int(255),
        (NumberClass::Unsigned, 2) => Number::Int(65_535),
        (NumberClass::Unsigned, 4) => Number::Int(4_294_967_295),
        (NumberClass::Unsigned, 8) => Number::Int(18_446_744_073_709_551_614),
        (NumberClass::Float, 4) => Number::F32(9.969_21e36),
        (NumberClass::Float, 8) => Number::F64(9.969_209_968_386_869e36),
        _ => return None,
    })
}

/// Whether a type has 8 bits: any of its few numbers may be meant, so that no default counts as missing.
pub fn is_byte(number: NumberType) -> bool {
    number.size() == 1
}
