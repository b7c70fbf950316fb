//! The hybrid of run lengths and bit packing that Parquet has for levels and for dictionary indices: bytes in, its runs
//! out.
//!
//! See <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

/// Values that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run<'a> {
    /// One value, so many times.
    Repeated { value: usize, count: usize },
    /// So many values of the width in bits, packed without gaps, the least significant bit first.
    Packed { bytes: &'a [u8], count: usize },
}

/// The runs of so many values.
#[derive(Debug)]
pub(crate) struct Runs<'a> {
    bytes: &'a [u8],
    width: u32,
    left: usize,
}

impl<'a> Runs<'a> {
    /// `width` is that of a value, in bits.
    pub fn new(bytes: &'a [u8], width: u32, values: usize) -> Self {
        Self { bytes, width, left: values }
    }

    /// The next run; it is never empty. `None` where the bytes do not hold it.
    fn run(&mut self) -> Option<Run<'a>> {
        if self.width > 32 {
            return None;
        }
        let (header, rest) = varint(self.bytes)?;
        let length = usize::try_from(header >> 1).ok()?;
        let (run, count);
        if header & 1 == 0 {
            let value;
            (value, self.bytes) = rest.split_at_checked(self.width.div_ceil(8) as usize)?;
            count = length.min(self.left);
            run = Run::Repeated { value: integer(value), count };
        } else {
            // Groups of eight values, of which the last may be filled up.
            let bytes;
            (bytes, self.bytes) = rest.split_at_checked(length.checked_mul(self.width as usize)?)?;
            count = length.checked_mul(8)?.min(self.left);
            run = Run::Packed { bytes, count };
        }
        self.left -= count;
        (count > 0).then_some(run)
    }
}

impl<'a> Iterator for Runs<'a> {
    /// `None` in place of a run that the bytes do not hold: the last item.
    type Item = Option<Run<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let run = self.run();
        if run.is_none() {
            self.left = 0;
        }
        Some(run)
    }
}

/// An integer of at most eight bytes, the least significant first.
pub(crate) fn integer(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte))
}

/// An integer of seven bits a byte, and what follows.
#[inline]
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    if let [byte @ ..0x80, rest @ ..] = bytes {
        return Some((u64::from(*byte), rest));
    }
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// An integer of seven bits a byte, those of either sign in turns, and what follows.
#[inline]
pub(crate) fn signed(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (value, rest) = varint(bytes)?;
    Some(((value >> 1) as i64 ^ -((value & 1) as i64), rest))
}

/// What lies behind a length of four bytes, so long, and what follows.
pub(crate) fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_read_as_parquet_describes_them() {
        // The example of the format's description: 0 to 7 in three bits each.
        let packed = [0b0000_0011, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let runs = |bytes, width, values| Runs::new(bytes, width, values).collect::<Option<Vec<_>>>();
        let expected = Run::Packed { bytes: &packed[1..], count: 8 };
        assert_eq!(runs(&packed, 3, 8), Some(vec![expected]));
        // The last group is filled up.
        let expected = Run::Packed { bytes: &packed[1..], count: 5 };
        assert_eq!(runs(&packed, 3, 5), Some(vec![expected]));
        // 300 times 5, then twice 1; the second run says more values than there are.
        let expected = [Run::Repeated { value: 5, count: 300 }, Run::Repeated { value: 1, count: 2 }];
        assert_eq!(runs(&[0b1101_1000, 0b0000_0100, 5, 8, 1], 3, 302), Some(expected.to_vec()));
        // No bits at all: the only value there is.
        assert_eq!(runs(&[20], 0, 10), Some(vec![Run::Repeated { value: 0, count: 10 }]));
        assert_eq!(runs(&[4, 1, 2], 9, 2), Some(vec![Run::Repeated { value: 513, count: 2 }]));
    }

    #[test]
    fn broken_runs_are_none() {
        for bytes in [&[][..], &[0x80], &[3], &[3, 1, 2], &[0, 1], &[1], &[0xff; 12]] {
            assert_eq!(Runs::new(bytes, 3, 8).collect::<Option<Vec<_>>>(), None, "{bytes:?}");
        }
        assert_eq!(Runs::new(&[16, 0, 0, 0, 0, 0], 33, 8).collect::<Option<Vec<_>>>(), None);
        assert_eq!(sized(&[3, 0, 0, 0, b'a', b'b']), None);
        assert_eq!(sized(&[1, 0, 0, 0, b'a', b'b']), Some((&b"a"[..], &b"b"[..])));
    }
}
