//! Stored numbers of one field of many rows in; physical values or times out.

use crate::formats::hdf5::cf::{TimeUnits, Transform, Unpacking, ValidRange};
use crate::formats::hdf5::library::number::{Stored, with_values};
use crate::formats::hdf5::library::{Number, StoredNumbers};

/// Writes one physical value a row into `out`; a missing one is NaN. Says how many of the values quality control had
/// removed.
pub fn unpack(stored: StoredNumbers<'_>, unpacking: &Unpacking, out: &mut [f64]) -> u64 {
    with_values!(stored, |values| unpack_values(values, unpacking, out))
}

fn unpack_values<T: Stored>(
    values: impl Iterator<Item = T> + Clone,
    unpacking: &Unpacking,
    out: &mut [f64],
) -> u64 {
    let stored = |numbers: &[Number]| -> Vec<T> {
        numbers.iter().filter_map(|&number| T::from_number(number)).collect()
    };
    let (mut missing, flagged) = (stored(&unpacking.missing), stored(&unpacking.flagged));
    let mut removed = 0;
    if !flagged.is_empty() {
        removed = values.clone().take(out.len()).filter(|v| flagged.contains(v)).count() as u64;
        missing.extend(flagged);
    }
    // No number equals NaN, which is missing without being named.
    missing.retain(|number| !number.to_f64().is_nan());
    let valid = unpacking.valid.map(|valid| (valid, values.clone()));
    // Nearly all numbers are stored as they are or as integers of a decimal's digits, and each case gets a loop of its own.
    match unpacking.transform {
        Transform::Identity => fill_with(values, &missing, out, |v| v),
        Transform::Quotient { divisor } => fill_with(values, &missing, out, |v| v / divisor),
        transform => fill_with(values, &missing, out, |v| transform.apply(v)),
    }
    if let Some((valid, values)) = valid {
        keep_valid(values, valid, out);
    }
    removed
}

fn fill_with<T: Stored>(
    values: impl Iterator<Item = T>,
    missing: &[T],
    out: &mut [f64],
    transform: impl Fn(f64) -> f64,
) {
    // Nearly all files have two missing numbers at most, and a loop without a search is compiled for vectors.
    match *missing {
        [] => fill(values, out, |_| false, transform),
        [only] => fill(values, out, |v| v == only, transform),
        [one, other] => fill(values, out, |v| v == one || v == other, transform),
        ref all => fill(values, out, |v| all.contains(&v), transform),
    }
}

/// Makes missing what stored numbers outside of a range have become.
fn keep_valid<T: Stored>(values: impl Iterator<Item = T>, valid: ValidRange, out: &mut [f64]) {
    // A bound is one of the stored type's numbers, or lies between two of them; one that the type does not reach is none,
    // as netCDF's readers have it.
    let bound = |number: Option<Number>| -> (Option<T>, Option<f64>) {
        let Some(number) = number else { return (None, None) };
        match T::from_number(number) {
            Some(exact) => (Some(exact), None),
            None => (None, Some(number.to_f64()).filter(|bound| bound.trunc() != *bound)),
        }
    };
    let (least, largest) = (bound(valid.least), bound(valid.largest));
    for (out, stored) in out.iter_mut().zip(values) {
        let below = least.0.is_some_and(|least| stored < least)
            || least.1.is_some_and(|least| stored.to_f64() < least);
        let above = largest.0.is_some_and(|largest| stored > largest)
            || largest.1.is_some_and(|largest| stored.to_f64() > largest);
        if below || above {
            *out = f64::NAN;
        }
    }
}

#[inline]
fn fill<T: Stored>(
    values: impl Iterator<Item = T>,
    out: &mut [f64],
    is_missing: impl Fn(T) -> bool,
    transform: impl Fn(f64) -> f64,
) {
    for (out, stored) in out.iter_mut().zip(values) {
        let value = transform(stored.to_f64());
        *out = if is_missing(stored) || !value.is_finite() { f64::NAN } else { value };
    }
}

/// What is wrong with a row, which is counted from the first of those that are unpacked.
pub type RowReason = (usize, String);

/// What stands for the time of a cell of a grid that has none, and hence no observation.
pub const NO_TIME: i64 = i64::MIN;

/// Writes one time a row into `out`, in microseconds since 1970.
///
/// A missing one becomes [`NO_TIME`] where times `may_be_missing`, as those of the cells of a grid.
///
/// # Errors
/// A number that is no time, or missing where none may be.
pub fn times(
    stored: StoredNumbers<'_>,
    units: TimeUnits,
    missing: &[Number],
    may_be_missing: bool,
    out: &mut [i64],
) -> Result<(), RowReason> {
    with_values!(stored, |values| fill_times(values, units, missing, may_be_missing, out))
}

fn fill_times<T: Stored>(
    values: impl Iterator<Item = T> + Clone,
    units: TimeUnits,
    missing: &[Number],
    may_be_missing: bool,
    out: &mut [i64],
) -> Result<(), RowReason> {
    let missing: Vec<T> = missing.iter().filter_map(|&number| T::from_number(number)).collect();
    if fill_whole_times(values.clone(), units, &missing, out) {
        return Ok(());
    }
    for (row, (out, stored)) in out.iter_mut().zip(values).enumerate() {
        *out = if may_be_missing && (missing.contains(&stored) || stored.to_f64().is_nan()) {
            NO_TIME
        } else if missing.contains(&stored) {
            return Err((row, format!("timestamp is the fill value {}", stored.to_f64())));
        } else {
            units.micros(stored.to_number()).map_err(|reason| (row, reason))?
        };
    }
    Ok(())
}

/// Writes the times where all are whole numbers of units of whole microseconds, as in nearly all files, and none is missing;
/// else says no, and `out` holds anything.
fn fill_whole_times<T: Stored>(
    values: impl Iterator<Item = T>,
    units: TimeUnits,
    missing: &[T],
    out: &mut [i64],
) -> bool {
    let Some(units) = units.whole() else { return false };
    let is_time = |stored: T| stored.whole().is_some_and(|whole| units.range.contains(&whole));
    if missing.iter().any(|&number| is_time(number)) {
        return false;
    }
    let mut all = true;
    // Without an early end, which costs more than the rest of a row.
    for (out, stored) in out.iter_mut().zip(values) {
        let whole = stored.whole().unwrap_or(i64::MIN);
        all &= units.range.contains(&whole);
        *out = whole.wrapping_mul(units.micros).wrapping_add(units.epoch);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::hdf5::library::{NumberClass, NumberType};

    #[test]
    fn a_field_within_wider_rows_is_unpacked() {
        let rows = [[9_u8, 0, 51, 9], [9, 0xff, 0xff, 9], [9, 0xd8, 0xf1, 9]].concat();
        let big_short = NumberType::supported(NumberClass::Signed, 2, true).unwrap();
        let stored = StoredNumbers::new(big_short, &rows, 4, 1).unwrap();
        let mut out = [0.0; 3];
        let tenths = Unpacking::new(Some(Unpacking::decimal_scale(1)), None, Vec::new(), None).unwrap();
        unpack(stored, &tenths, &mut out);
        assert_eq!(out[..2], [5.1, -0.1]);
        assert!(out[2].is_nan(), "-9999 is missing");
        assert!(StoredNumbers::new(big_short, &rows, 4, 3).is_none(), "it does not lie within the row");
    }

    #[test]
    fn every_kind_of_missing_is_nan() {
        let values = [1.5, -9999.0, f64::NAN, f64::INFINITY, 7.0, 8.0];
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let double = NumberType::supported(NumberClass::Float, 8, false).unwrap();
        let stored = StoredNumbers::side_by_side(double, &bytes);
        let mut out = [0.0; 6];
        let unpacking = Unpacking::new(None, None, vec![Number::Int(7), Number::F32(8.0)], None).unwrap();
        let unpacking = Unpacking { flagged: vec![Number::F64(1.5), Number::Int(3)], ..unpacking };
        assert_eq!(unpack(stored, &unpacking, &mut out), 1);
        assert_eq!(out.map(f64::is_nan), [true; 6]);
        let unpacking = Unpacking { flagged: Vec::new(), ..unpacking };
        assert_eq!(unpack(stored, &unpacking, &mut out), 0);
        assert_eq!(out.map(f64::is_nan), [false, true, true, true, true, true]);
    }

    #[test]
    fn times_are_the_same_however_many_are_whole() {
        let double = NumberType::supported(NumberClass::Float, 8, false).unwrap();
        let long = NumberType::supported(NumberClass::Signed, 8, false).unwrap();
        let whole = [0.0, -1.0, 1_500_000_000.0, 7_258_118_399.0, -11_676_096_000.0];
        let others = [0.5, -1e-6, 1e9 + 0.25, 4_503_599_627_370_497.0, 1e300, f64::NAN, -0.0];
        for units in
            ["seconds since 1970-01-01", "hours since 1900-01-01", "milliseconds since 2000-01-01", "ns"]
        {
            let units = TimeUnits::parse(units, None).unwrap();
            for numbers in whole.iter().chain(&others).map(|&other| [whole.as_slice(), &[other]].concat()) {
                let expected: Result<Vec<i64>, String> =
                    numbers.iter().map(|&number| units.micros(Number::F64(number))).collect();
                let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
                let mut out = vec![0; numbers.len()];
                let found = times(StoredNumbers::side_by_side(double, &bytes), units, &[], false, &mut out);
                assert_eq!(found.map(|()| out).map_err(|(_, reason)| reason), expected);
            }
            let numbers = [1_i64, 2, -3, 1 << 20];
            let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
            let stored = StoredNumbers::side_by_side(long, &bytes);
            let mut out = [0; 4];
            times(stored, units, &[Number::Int(i64::MIN.into())], false, &mut out).unwrap();
            assert_eq!(out, numbers.map(|number| units.micros(Number::Int(number.into())).unwrap()));
            let missing = [Number::Int(-3)];
            assert_eq!(times(stored, units, &missing, false, &mut out).unwrap_err().0, 2);
            times(stored, units, &missing, true, &mut out).unwrap();
            assert_eq!(out[2], NO_TIME);
        }
    }
}
