//! The validity bitmap of Arrow, borrowed: which slots of a slice hold an observed value.

use crate::LengthError;

/// A borrowed validity bitmap: bit `offset + i` of `bytes`, counted from the least significant bit of the first byte, is
/// set where slot `i` holds a value and clear where slot `i` is null.
///
/// This is the layout that Arrow and Polars share.
#[derive(Debug, Clone, Copy)]
pub struct Validity<'a> {
    bytes: &'a [u8],
    offset: usize,
    len: usize,
}

impl<'a> Validity<'a> {
    /// Borrows the bits of `len` slots, the first of which is `offset` bits into `bytes`.
    ///
    /// # Errors
    /// `bytes` holds fewer than `offset + len` bits.
    pub fn new(bytes: &'a [u8], offset: usize, len: usize) -> Result<Self, LengthError> {
        let held = bytes.len().saturating_mul(8).saturating_sub(offset);
        if held < len {
            return Err(LengthError { what: "a validity bitmap", found: held, expected: len });
        }
        Ok(Self { bytes, offset, len })
    }

    /// Number of slots.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no slots.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether slot `i` holds a value.
    ///
    /// # Panics
    /// If `i` is not below [`Validity::len`].
    #[inline]
    #[must_use]
    pub fn is_valid(&self, i: usize) -> bool {
        assert!(i < self.len);
        let bit = self.offset + i;
        self.bytes[bit / 8] >> (bit % 8) & 1 == 1
    }

    /// The bits of the `len` slots from slot `start` on.
    ///
    /// # Panics
    /// If the slots reach beyond [`Validity::len`].
    #[must_use]
    pub fn slice(&self, start: usize, len: usize) -> Self {
        assert!(start + len <= self.len);
        Self { bytes: self.bytes, offset: self.offset + start, len }
    }

    /// The bits of the 64 slots from `start` on, that of slot `start` lowest. Slots beyond the end read as 0.
    #[inline]
    #[must_use]
    pub(crate) fn word(&self, start: usize) -> u64 {
        let bit = self.offset + start;
        let (byte, shift) = (bit / 8, bit % 8);
        let word = if let Some(nine) = self.bytes.get(byte..byte + 9) {
            let low =
                u64::from_le_bytes([nine[0], nine[1], nine[2], nine[3], nine[4], nine[5], nine[6], nine[7]]);
            // The ninth byte supplies what the shift leaves open; `<< 1 << …` because a shift by 64 is none.
            low >> shift | (u64::from(nine[8]) << 1) << (63 - shift)
        } else {
            let tail = &self.bytes[byte.min(self.bytes.len())..];
            let mut wide = 0_u128;
            for (k, b) in tail.iter().take(9).enumerate() {
                wide |= u128::from(*b) << (8 * k);
            }
            (wide >> shift) as u64
        };
        let left = self.len.saturating_sub(start);
        if left >= 64 { word } else { word & ((1_u64 << left) - 1) }
    }

    /// Number of slots that hold a value.
    #[must_use]
    pub fn count_valid(&self) -> usize {
        (0..self.len).step_by(64).map(|start| self.word(start).count_ones() as usize).sum()
    }
}
