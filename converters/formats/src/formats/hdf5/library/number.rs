//! Numbers as HDF5 files store them: bytes and their type in, numbers out.
//!
//! The type is dispatched once for many values, so that each loop over values is compiled for its type and has no call
//! in it.

use std::fmt;

use isd_dataset::column::widen;

/// A number as a file stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Any integer type.
    Int(i128),
    /// A single-precision number; its decimal is the shortest that reads back as it.
    F32(f32),
    /// A double-precision number.
    F64(f64),
}

impl Number {
    /// The number as a double; integers beyond 2^53 are rounded.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        match self {
            Self::Int(v) => v as f64,
            Self::F32(v) => f64::from(v),
            Self::F64(v) => v,
        }
    }
}

/// Whether a number is an integer, and of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberClass {
    /// Two's complement.
    Signed,
    /// Without sign.
    Unsigned,
    /// IEEE 754.
    Float,
}

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberType {
    class: NumberClass,
    /// Bytes: 1, 2, 4 or 8; floating point 4 or 8.
    size: u8,
    big_endian: bool,
}

impl NumberType {
    /// The type of numbers of `size` bytes, or `None` where numbers of that size cannot be decoded here.
    pub fn supported(class: NumberClass, size: usize, big_endian: bool) -> Option<Self> {
        let known = match class {
            NumberClass::Float => matches!(size, 4 | 8),
            NumberClass::Signed | NumberClass::Unsigned => matches!(size, 1 | 2 | 4 | 8),
        };
        known.then_some(Self { class, size: size as u8, big_endian })
    }

    /// Integer or floating point.
    pub fn class(self) -> NumberClass {
        self.class
    }

    /// Bytes of a number: 1, 2, 4 or 8; of a floating-point one 4 or 8.
    pub fn size(self) -> usize {
        self.size.into()
    }

    /// Whether the most significant byte comes first.
    pub fn is_big_endian(self) -> bool {
        self.big_endian
    }

    /// The integer type of the same bytes without sign; a type that has none is its own.
    #[must_use]
    pub fn unsigned(self) -> Self {
        match self.class {
            NumberClass::Signed => Self { class: NumberClass::Unsigned, ..self },
            _ => self,
        }
    }

    /// The bytes of a number of this type; `None` where the type has no such number.
    pub fn bytes_of(self, number: Number) -> Option<Vec<u8>> {
        let mut bytes = match (self.class, number) {
            (NumberClass::Float, number) if self.size == 4 => (number.to_f64() as f32).to_le_bytes().to_vec(),
            (NumberClass::Float, number) => number.to_f64().to_le_bytes().to_vec(),
            (_, number) => {
                let integer = match number {
                    Number::Int(integer) => integer,
                    float => i64::from_number(float)?.into(),
                };
                integer.to_le_bytes().get(..self.size())?.to_vec()
            }
        };
        if self.big_endian {
            bytes.reverse();
        }
        Some(bytes)
    }

    /// Whether it is an integer type.
    pub fn is_integer(self) -> bool {
        self.class != NumberClass::Float
    }
}

impl fmt::Display for NumberType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.class {
            NumberClass::Signed => "int",
            NumberClass::Unsigned => "uint",
            NumberClass::Float => "float",
        };
        write!(f, "{class}{}", u32::from(self.size) * 8)
    }
}

/// A Rust type in which HDF5 files store numbers.
pub trait Stored: Copy + PartialOrd {
    /// The value as a double; a single-precision one is the decimal that it was written as.
    fn to_f64(self) -> f64;
    /// The value with its kind.
    fn to_number(self) -> Number;
    /// The value where it is a whole number that certainly is what was stored: `None` for fractions, for single precision
    /// and for numbers that a double holds rounded.
    fn whole(self) -> Option<i64>;
    /// An attribute's number as this type, or `None` where the type has no such value.
    fn from_number(number: Number) -> Option<Self>;
}

macro_rules! stored_integers {
    ($($type:ty),*) => {$(
        impl Stored for $type {
            #[allow(clippy::cast_lossless, reason = "only the wide types of the macro can lose digits")]
            #[inline]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline]
            fn to_number(self) -> Number {
                Number::Int(i128::from(self))
            }
            #[inline]
            fn whole(self) -> Option<i64> {
                i64::try_from(self).ok()
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
    #[inline]
    fn whole(self) -> Option<i64> {
        None
    }
    /// Rounds a double-precision attribute as the values that it stands for were rounded.
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
    #[inline]
    fn whole(self) -> Option<i64> {
        // A double of this size has no room for fractions: adding it rounds to a whole number, which then are its last bits.
        const SHIFT: f64 = 1.5 * (1_u64 << 52) as f64;
        const LIMIT: f64 = (1_u64 << 51) as f64;
        let shifted = self + SHIFT;
        let whole = shifted.to_bits().wrapping_sub(SHIFT.to_bits()) as i64;
        (self.abs() < LIMIT && shifted - SHIFT == self).then_some(whole)
    }
    fn from_number(number: Number) -> Option<Self> {
        Some(number.to_f64())
    }
}

/// The stored bytes of one field of consecutive rows.
#[derive(Clone, Copy)]
pub struct FieldBytes<'a> {
    bytes: &'a [u8],
    stride: usize,
    offset: usize,
    size: usize,
}

impl<'a> FieldBytes<'a> {
    /// The field of `size` bytes that begins `offset` bytes into each row of `stride` bytes; `None` where it would not
    /// lie within its row.
    pub fn new(bytes: &'a [u8], stride: usize, offset: usize, size: usize) -> Option<Self> {
        let within = stride > 0 && offset.checked_add(size).is_some_and(|end| end <= stride);
        within.then_some(Self { bytes, stride, offset, size })
    }

    /// The bytes of the field in each whole row.
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        self.bytes.chunks_exact(self.stride).map(move |row| &row[self.offset..self.offset + self.size])
    }
}

/// The stored numbers of one field of consecutive rows.
#[derive(Clone, Copy)]
pub struct StoredNumbers<'a> {
    /// How each of them is stored.
    pub number: NumberType,
    field: FieldBytes<'a>,
}

impl<'a> StoredNumbers<'a> {
    /// The numbers that begin `offset` bytes into each row of `stride` bytes; `None` where one would not lie within its
    /// row.
    pub fn new(number: NumberType, bytes: &'a [u8], stride: usize, offset: usize) -> Option<Self> {
        Some(Self { number, field: FieldBytes::new(bytes, stride, offset, number.size())? })
    }

    /// Numbers that lie side by side.
    pub fn side_by_side(number: NumberType, bytes: &'a [u8]) -> Self {
        let size = number.size();
        Self { number, field: FieldBytes { bytes, stride: size, offset: 0, size } }
    }

    /// All numbers.
    pub fn to_vec(self) -> Vec<Number> {
        fn collected<T: Stored>(values: impl Iterator<Item = T>) -> Vec<Number> {
            values.map(Stored::to_number).collect()
        }
        with_values!(self, collected)
    }

    /// The bytes of all numbers, of `N` bytes each, where nothing lies between them.
    pub fn whole<const N: usize>(self) -> Option<&'a [[u8; N]]> {
        (self.field.stride == N).then_some(self.field.bytes.as_chunks().0)
    }

    /// The bytes of each number, which has `N`.
    pub fn arrays<const N: usize>(self) -> impl ExactSizeIterator<Item = [u8; N]> + Clone {
        self.field.rows().map(|bytes| {
            let mut array = [0; N];
            array.copy_from_slice(bytes);
            array
        })
    }
}

/// Calls `$consume` with an iterator over the numbers, compiled for their type.
macro_rules! with_values {
    ($stored:expr, $consume:expr) => {{
        use $crate::formats::hdf5::library::number::NumberClass;
        let stored: $crate::formats::hdf5::library::number::StoredNumbers<'_> = $stored;
        match (stored.number.class(), stored.number.size()) {
            (NumberClass::Signed, 1) => with_values!(@order i8, 1, stored, $consume),
            (NumberClass::Signed, 2) => with_values!(@order i16, 2, stored, $consume),
            (NumberClass::Signed, 4) => with_values!(@order i32, 4, stored, $consume),
            (NumberClass::Signed, _) => with_values!(@order i64, 8, stored, $consume),
            (NumberClass::Unsigned, 1) => with_values!(@order u8, 1, stored, $consume),
            (NumberClass::Unsigned, 2) => with_values!(@order u16, 2, stored, $consume),
            (NumberClass::Unsigned, 4) => with_values!(@order u32, 4, stored, $consume),
            (NumberClass::Unsigned, _) => with_values!(@order u64, 8, stored, $consume),
            (NumberClass::Float, 4) => with_values!(@order f32, 4, stored, $consume),
            (NumberClass::Float, _) => with_values!(@order f64, 8, stored, $consume),
        }
    }};
    (@order $type:ty, $size:literal, $stored:expr, $consume:expr) => {
        if $stored.number.is_big_endian() {
            with_values!(@stride $type, $size, from_be_bytes, $stored, $consume)
        } else {
            with_values!(@stride $type, $size, from_le_bytes, $stored, $consume)
        }
    };
    (@stride $type:ty, $size:literal, $decode:ident, $stored:expr, $consume:expr) => {
        match $stored.whole::<$size>() {
            Some(all) => $consume(all.iter().map(|&bytes| <$type>::$decode(bytes))),
            None => $consume($stored.arrays::<$size>().map(<$type>::$decode)),
        }
    };
}
pub(crate) use with_values;
