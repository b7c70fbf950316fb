//! Stored bytes of one field of many rows in; unpacked values, times or station parts out.
//!
//! The number type is dispatched once for a run of rows, so that each loop below is compiled for
//! its type and has no call in it.

use std::sync::Arc;

use crate::formats::hdf5::cf::time::TimeUnits;
use crate::formats::hdf5::cf::{Number, Packing, Transform};
use crate::formats::hdf5::library::{NumberClass, NumberType};
use isd_dataset::column::widen;

/// A number type as HDF5 files store it.
trait Stored: Copy + PartialEq {
    fn to_f64(self) -> f64;
    fn to_number(self) -> Number;
    /// The attribute's number as this type, or `None` where it is no value of it.
    fn from_number(number: Number) -> Option<Self>;
}

macro_rules! stored_integers {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            // The narrow types would convert without loss; the macro is for the wide ones as well.
            #[allow(clippy::cast_lossless)]
            #[inline]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline]
            fn to_number(self) -> Number {
                Number::Int(i128::from(self))
            }
            fn from_number(number: Number) -> Option<Self> {
                match number {
                    Number::Int(v) => Self::try_from(v).ok(),
                    float => {
                        let v = float.to_f64();
                        (v.trunc() == v && v.abs() < 1e20).then(|| Self::try_from(v as i128).ok()).flatten()
                    }
                }
            }
        }
    )*};
}

stored_integers!(i8, u8, i16, u16, i32, u32, i64, u64);

impl Stored for f32 {
    #[inline]
    fn to_f64(self) -> f64 {
        widen(self)
    }
    #[inline]
    fn to_number(self) -> Number {
        Number::F32(self)
    }
    /// A double-precision attribute is rounded as the values that it stands for were.
    fn from_number(number: Number) -> Option<Self> {
        Some(number.to_f64() as f32)
    }
}

impl Stored for f64 {
    #[inline]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline]
    fn to_number(self) -> Number {
        Number::F64(self)
    }
    fn from_number(number: Number) -> Option<Self> {
        Some(number.to_f64())
    }
}

/// One field of consecutive rows.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Whole rows.
    pub bytes: &'a [u8],
    /// Bytes of one row.
    pub stride: usize,
    /// Bytes from the start of a row to the field.
    pub offset: usize,
}

/// Calls `$consume` with an iterator over the field's values, compiled for its number type.
macro_rules! with_values {
    ($number:expr, $field:expr, $consume:expr) => {
        match ($number.class, $number.size) {
            (NumberClass::Signed, 1) => with_values!(@order i8, 1, $number, $field, $consume),
            (NumberClass::Signed, 2) => with_values!(@order i16, 2, $number, $field, $consume),
            (NumberClass::Signed, 4) => with_values!(@order i32, 4, $number, $field, $consume),
            (NumberClass::Signed, _) => with_values!(@order i64, 8, $number, $field, $consume),
            (NumberClass::Unsigned, 1) => with_values!(@order u8, 1, $number, $field, $consume),
            (NumberClass::Unsigned, 2) => with_values!(@order u16, 2, $number, $field, $consume),
            (NumberClass::Unsigned, 4) => with_values!(@order u32, 4, $number, $field, $consume),
            (NumberClass::Unsigned, _) => with_values!(@order u64, 8, $number, $field, $consume),
            (NumberClass::Float, 4) => with_values!(@order f32, 4, $number, $field, $consume),
            (NumberClass::Float, _) => with_values!(@order f64, 8, $number, $field, $consume),
        }
    };
    (@order $type:ty, $size:literal, $number:expr, $field:expr, $consume:expr) => {
        if $number.big_endian {
            with_values!(@stride $type, $size, from_be_bytes, $field, $consume)
        } else {
            with_values!(@stride $type, $size, from_le_bytes, $field, $consume)
        }
    };
    (@stride $type:ty, $size:literal, $decode:ident, $field:expr, $consume:expr) => {{
        let field: Field<'_> = $field;
        if field.stride == $size && field.offset == 0 {
            $consume(field.bytes.as_chunks::<$size>().0.iter().map(|&bytes| <$type>::$decode(bytes)))
        } else {
            // The plan has checked that the field lies within the row.
            $consume(field.bytes.chunks_exact(field.stride.max(1)).map(|row| {
                let bytes = row.get(field.offset..).and_then(|rest| rest.first_chunk::<$size>());
                <$type>::$decode(bytes.copied().unwrap_or_default())
            }))
        }
    }};
}

/// All numbers of an attribute.
pub fn numbers(number: NumberType, bytes: &[u8]) -> Vec<Number> {
    let field = Field { bytes, stride: usize::from(number.size), offset: 0 };
    with_values!(number, field, collect_numbers)
}

fn collect_numbers<T: Stored>(values: impl Iterator<Item = T>) -> Vec<Number> {
    values.map(Stored::to_number).collect()
}

/// Writes one physical value a row into `out`; NaN is missing. Says how many values quality control
/// had removed.
pub fn unpack(number: NumberType, field: Field<'_>, packing: &Packing, out: &mut [f64]) -> u64 {
    with_values!(number, field, |values| unpack_values(values, packing, out))
}

fn unpack_values<T: Stored>(
    values: impl Iterator<Item = T> + Clone,
    packing: &Packing,
    out: &mut [f64],
) -> u64 {
    let stored = |numbers: &[Number]| -> Vec<T> {
        numbers.iter().filter_map(|&number| T::from_number(number)).collect()
    };
    let (mut missing, flagged) = (stored(&packing.missing), stored(&packing.flagged));
    let mut removed = 0;
    if !flagged.is_empty() {
        removed = values.clone().take(out.len()).filter(|v| flagged.contains(v)).count() as u64;
        missing.extend(flagged);
    }
    // Loops of their own for what nearly all files have: one missing value, or ISD's and another.
    match (packing.transform, missing.as_slice()) {
        (Transform::Identity, [only]) => fill(values, out, |v| v == *only, |v| v),
        (Transform::Identity, all) => fill(values, out, |v| all.contains(&v), |v| v),
        (transform, [only]) => fill(values, out, |v| v == *only, |v| transform.apply(v)),
        (transform, all) => fill(values, out, |v| all.contains(&v), |v| transform.apply(v)),
    }
    removed
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

/// A row counted from the first of a run, and what is wrong with it.
pub type RowReason = (usize, String);

/// Writes one time a row into `out`, in microseconds since 1970.
pub fn times(
    number: NumberType,
    field: Field<'_>,
    units: TimeUnits,
    missing: &[Number],
    out: &mut [i64],
) -> Result<(), RowReason> {
    with_values!(number, field, |values| fill_times(values, units, missing, out))
}

fn fill_times<T: Stored>(
    values: impl Iterator<Item = T>,
    units: TimeUnits,
    missing: &[Number],
    out: &mut [i64],
) -> Result<(), RowReason> {
    let missing: Vec<T> = missing.iter().filter_map(|&number| T::from_number(number)).collect();
    for (row, (out, stored)) in out.iter_mut().zip(values).enumerate() {
        if missing.contains(&stored) {
            return Err((row, format!("timestamp is the fill value {}", stored.to_f64())));
        }
        *out = units.micros(stored.to_number()).map_err(|reason| (row, reason))?;
    }
    Ok(())
}

/// A cell of a grid that has no time, and hence no observation.
pub const NO_TIME: i64 = i64::MIN;

/// Writes one time a cell into `out`, in microseconds since 1970; missing ones as [`NO_TIME`].
pub fn cell_times(
    number: NumberType,
    field: Field<'_>,
    units: TimeUnits,
    missing: &[Number],
    out: &mut [i64],
) -> Result<(), RowReason> {
    with_values!(number, field, |values| fill_cell_times(values, units, missing, out))
}

fn fill_cell_times<T: Stored>(
    values: impl Iterator<Item = T>,
    units: TimeUnits,
    missing: &[Number],
    out: &mut [i64],
) -> Result<(), RowReason> {
    let missing: Vec<T> = missing.iter().filter_map(|&number| T::from_number(number)).collect();
    for (cell, (out, stored)) in out.iter_mut().zip(values).enumerate() {
        *out = if missing.contains(&stored) || stored.to_f64().is_nan() {
            NO_TIME
        } else {
            units.micros(stored.to_number()).map_err(|reason| (cell, reason))?
        };
    }
    Ok(())
}

/// Consecutive rows with the same text.
pub type Runs = Vec<(Arc<str>, usize)>;

/// Which part of a station's name a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StationPart {
    /// `station_usaf`: six digits, or letters and digits.
    Usaf,
    /// `station_wban`: five digits.
    Wban,
    /// `station_id`: the source's own.
    Id,
}

impl StationPart {
    /// Name of the column.
    pub fn column(self) -> &'static str {
        match self {
            Self::Usaf => "station_usaf",
            Self::Wban => "station_wban",
            Self::Id => "station_id",
        }
    }

    /// Digits to which a number is padded with zeros, and whether it may have more.
    fn digits(self) -> (usize, bool) {
        match self {
            Self::Usaf => (6, false),
            Self::Wban => (5, false),
            Self::Id => (6, true),
        }
    }

    /// The part that a number stands for.
    pub fn of_number(self, number: Number) -> Result<Arc<str>, String> {
        let column = self.column();
        let (digits, longer) = self.digits();
        let expected = if longer { "a number from 0".into() } else { format!("at most {digits} digits") };
        let id = match number {
            Number::Int(v) => u64::try_from(v).ok(),
            float => {
                let v = float.to_f64();
                (v >= 0.0 && v.trunc() == v && v < 9.0e15).then_some(v as u64)
            }
        };
        let found = match number {
            Number::Int(v) => v.to_string(),
            float => float.to_f64().to_string(),
        };
        let id = id.ok_or_else(|| format!("{column} is {found}, expected {expected}"))?;
        if !longer && id >= 10_u64.pow(digits as u32) {
            return Err(format!("{column} is {found}, expected {expected}"));
        }
        Ok(format!("{id:0digits$}").into())
    }

    /// The part that a string holds.
    pub fn of_text(self, text: &str) -> Result<Arc<str>, String> {
        let column = self.column();
        let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
        let (digits, longer) = self.digits();
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(format!("{column} is {text:?}, expected a station"));
        }
        if longer {
            return Ok(text.into());
        }
        if text.len() > digits || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("{column} is {text:?}, expected at most {digits} digits or letters"));
        }
        Ok(if text.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("{text:0>digits$}").into()
        } else {
            text.into()
        })
    }
}

/// The station part of each row of numbers, in runs.
pub fn number_runs(part: StationPart, number: NumberType, field: Field<'_>) -> Result<Runs, RowReason> {
    with_values!(number, field, |values| collect_number_runs(values, part))
}

fn collect_number_runs<T: Stored>(
    values: impl Iterator<Item = T>,
    part: StationPart,
) -> Result<Runs, RowReason> {
    collect_runs(values, |value| part.of_number(value.to_number()))
}

/// The station part of each row of fixed strings of `size` bytes, in runs.
pub fn fixed_text_runs(part: StationPart, size: usize, field: Field<'_>) -> Result<Runs, RowReason> {
    let texts = field.bytes.chunks_exact(field.stride.max(1)).map(|row| {
        let text = row.get(field.offset..field.offset + size).unwrap_or_default();
        text.split(|&byte| byte == 0).next().unwrap_or_default()
    });
    collect_runs(texts, |bytes| match std::str::from_utf8(bytes) {
        Ok(text) => part.of_text(text),
        Err(_) => Err(format!("{} is not UTF-8", part.column())),
    })
}

/// The station part of each string, in runs.
pub fn text_runs(part: StationPart, texts: &[String]) -> Result<Runs, RowReason> {
    collect_runs(texts.iter().map(String::as_str), |text| part.of_text(text))
}

/// The station that each row's number points to, counted from `first`, in runs.
pub fn indexed_runs(
    number: NumberType,
    field: Field<'_>,
    first: i128,
    stations: &[Arc<str>],
) -> Result<Runs, RowReason> {
    with_values!(number, field, |values| collect_indexed_runs(values, first, stations))
}

fn collect_indexed_runs<T: Stored>(
    values: impl Iterator<Item = T>,
    first: i128,
    stations: &[Arc<str>],
) -> Result<Runs, RowReason> {
    collect_runs(values, |value| {
        let index = match value.to_number() {
            Number::Int(index) => usize::try_from(index - first).ok(),
            _ => None,
        };
        index.and_then(|index| stations.get(index)).cloned().ok_or_else(|| {
            format!("station index is {}, but there are {} stations", value.to_f64(), stations.len())
        })
    })
}

fn collect_runs<T: Copy + PartialEq>(
    values: impl Iterator<Item = T>,
    format: impl Fn(T) -> Result<Arc<str>, String>,
) -> Result<Runs, RowReason> {
    let mut runs = Runs::new();
    let mut current = None;
    for (row, value) in values.enumerate() {
        match runs.last_mut() {
            Some((_, rows)) if current == Some(value) => *rows += 1,
            _ => {
                runs.push((format(value).map_err(|reason| (row, reason))?, 1));
                current = Some(value);
            }
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG_SHORT: NumberType = NumberType { class: NumberClass::Signed, size: 2, big_endian: true };
    const DOUBLE: NumberType = NumberType { class: NumberClass::Float, size: 8, big_endian: false };

    #[test]
    fn a_field_within_wider_rows_is_unpacked() {
        let rows = [[9_u8, 0, 51, 9], [9, 0xff, 0xff, 9], [9, 0xd8, 0xf1, 9]].concat();
        let field = Field { bytes: &rows, stride: 4, offset: 1 };
        let mut out = [0.0; 3];
        unpack(
            BIG_SHORT,
            field,
            &Packing::new(Some(Packing::decimal_scale(1)), None, Vec::new(), None).unwrap(),
            &mut out,
        );
        assert_eq!(out[..2], [5.1, -0.1]);
        assert!(out[2].is_nan(), "-9999 is missing");
    }

    #[test]
    fn every_kind_of_missing_is_nan() {
        let stored = [1.5, -9999.0, f64::NAN, f64::INFINITY, 7.0, 8.0];
        let bytes: Vec<u8> = stored.iter().flat_map(|v| v.to_le_bytes()).collect();
        let field = Field { bytes: &bytes, stride: 8, offset: 0 };
        let mut out = [0.0; 6];
        let packing = Packing::new(None, None, vec![Number::Int(7), Number::F32(8.0)], None).unwrap();
        let packing = Packing { flagged: vec![Number::F64(1.5), Number::Int(3)], ..packing };
        assert_eq!(unpack(DOUBLE, field, &packing, &mut out), 1);
        assert_eq!(out.map(f64::is_nan), [true; 6]);
        let packing = Packing { flagged: Vec::new(), ..packing };
        assert_eq!(unpack(DOUBLE, field, &packing, &mut out), 0);
        assert_eq!(out.map(f64::is_nan), [false, true, true, true, true, true]);
    }

    #[test]
    fn station_parts() {
        let usaf = |number| StationPart::Usaf.of_number(number).map(|text| text.to_string());
        assert_eq!(usaf(Number::Int(10)).unwrap(), "000010");
        assert_eq!(usaf(Number::F64(999_999.0)).unwrap(), "999999");
        for bad in [Number::Int(-1), Number::Int(1_000_000), Number::F64(f64::NAN), Number::F64(1.5)] {
            assert!(usaf(bad).is_err(), "{bad:?}");
        }
        let text = |part: StationPart, text| part.of_text(text).map(|text| text.to_string());
        assert_eq!(text(StationPart::Usaf, "A00001").unwrap(), "A00001");
        assert_eq!(text(StationPart::Wban, " 123 ").unwrap(), "00123");
        assert_eq!(text(StationPart::Id, "KJFK \0").unwrap(), "KJFK");
        assert_eq!(text(StationPart::Id, "010010-99999").unwrap(), "010010-99999");
        assert_eq!(StationPart::Id.of_number(Number::Int(72_503_014_732)).unwrap().as_ref(), "72503014732");
        assert!(text(StationPart::Usaf, "1234567").is_err() && text(StationPart::Id, " ").is_err());
    }
}
