//! The encoding of dictionary indices and definition levels, both ways: a hybrid of run lengths and bit packing.
//!
//! The integers of a page are all of one width in bits. They are stored as runs, each after a header: either one integer and
//! how often it repeats, or groups of eight integers without gaps between their bits, the least significant bit first.

use super::bit_packing::pack;
use crate::varint::{append_unsigned, unsigned};

/// Integers of a group: those that are packed together, and as many equal ones as are worth a run of their own.
pub(super) const GROUP: usize = 8;

/// Integers that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run<'a> {
    /// One integer, `count` times.
    Repeated { value: usize, count: usize },
    /// `count` integers of at least one bit each, packed without gaps, the least significant bit first.
    Packed { bytes: &'a [u8], count: usize },
}

/// The runs of a page.
#[derive(Debug)]
pub(super) struct Runs<'a> {
    bytes: &'a [u8],
    /// Bits of an integer.
    width: u32,
    /// Integers that are still to come.
    left: usize,
}

impl<'a> Runs<'a> {
    /// The runs in `bytes` of `count` integers of `width` bits each.
    pub(super) fn new(bytes: &'a [u8], width: u32, count: usize) -> Self {
        Self { bytes, width, left: count }
    }

    /// The next run, which has at least one integer; `None` where the bytes do not hold it.
    fn run(&mut self) -> Option<Run<'a>> {
        if self.width > 32 {
            return None;
        }
        let (header, rest) = unsigned(self.bytes)?;
        let length = usize::try_from(header >> 1).ok()?;
        let (run, count);
        if header & 1 == 0 {
            let value;
            (value, self.bytes) = rest.split_at_checked(self.width.div_ceil(8) as usize)?;
            count = length.min(self.left);
            run = Run::Repeated { value: integer(value), count };
        } else {
            // Groups, of which the last may be filled up.
            let bytes;
            (bytes, self.bytes) = rest.split_at_checked(length.checked_mul(self.width as usize)?)?;
            count = length.checked_mul(GROUP)?.min(self.left);
            run = match self.width {
                0 => Run::Repeated { value: 0, count },
                _ => Run::Packed { bytes, count },
            };
        }
        self.left -= count;
        (count > 0).then_some(run)
    }
}

impl<'a> Iterator for Runs<'a> {
    /// `None` in place of a run that the bytes do not hold, which ends the iteration.
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

/// Reads an integer of at most eight bytes, the least significant byte first.
pub(super) fn integer(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte))
}

/// Reads a length of four bytes and as many bytes as it says; returns those and the bytes after them.
pub(super) fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// Bits of an index into a dictionary of so many entries. One entry would do with no bits, but not every reader knows of
/// indices without any.
pub(super) fn index_width(entries: usize) -> u32 {
    usize::BITS - entries.saturating_sub(1).max(1).leading_zeros()
}

/// Appends a run of `count` equal integers.
pub(super) fn append_run(bytes: &mut Vec<u8>, value: u32, count: usize, width: u32) {
    append_unsigned(bytes, (count as u64) << 1);
    bytes.extend(value.to_le_bytes().iter().take(width.div_ceil(8) as usize));
}

/// Appends integers of `width` bits each: as a run where a group or more are equal, else packed.
pub(super) fn append_integers(bytes: &mut Vec<u8>, integers: &[u32], width: u32) {
    // Integers from here on are still to be packed.
    let mut packed = 0;
    let mut at = 0;
    while let Some(group) = integers.get(at..at + GROUP) {
        let first = group[0];
        if group[GROUP - 1] != first || group.iter().any(|&integer| integer != first) {
            at += GROUP;
            continue;
        }
        append_packed(bytes, &integers[packed..at], width);
        let count = integers[at..].iter().take_while(|&&integer| integer == first).count();
        append_run(bytes, first, count, width);
        at += count;
        packed = at;
    }
    append_packed(bytes, &integers[packed..], width);
}

/// Appends a run of packed integers, if there are any; the last group is filled up with zeros.
fn append_packed(bytes: &mut Vec<u8>, integers: &[u32], width: u32) {
    if !integers.is_empty() {
        append_packed_header(bytes, integers.len());
        pack(bytes, integers, width);
    }
}

/// Appends the header of a run of packed integers, whose groups of eight are to follow.
pub(super) fn append_packed_header(bytes: &mut Vec<u8>, count: usize) {
    append_unsigned(bytes, (count.div_ceil(GROUP) as u64) << 1 | 1);
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
        assert_eq!(runs(&[5], 0, 10), Some(vec![Run::Repeated { value: 0, count: 10 }]));
        assert_eq!(runs(&[4, 1, 2], 9, 2), Some(vec![Run::Repeated { value: 513, count: 2 }]));
    }

    #[test]
    fn integers_of_every_width_come_back() {
        let mixed = |width: u32| {
            let any = |i: u32| i.wrapping_mul(2_654_435_761) >> (32 - width);
            let equal = std::iter::repeat_n(any(1), 21);
            (0..13).map(any).chain(equal).chain((0..3).map(any)).collect::<Vec<u32>>()
        };
        for width in 1..=32 {
            let integers = mixed(width);
            let mut bytes = Vec::new();
            append_integers(&mut bytes, &integers, width);
            let mut found = Vec::new();
            for run in Runs::new(&bytes, width, integers.len()) {
                match run.unwrap() {
                    Run::Repeated { value, count } => found.extend(std::iter::repeat_n(value as u32, count)),
                    Run::Packed { bytes, count } => found.extend((0..count as u32).map(|i| {
                        let bit = |bit: u32| u32::from(bytes[bit as usize / 8] >> (bit % 8) & 1);
                        (0..width).fold(0, |value, place| value | bit(i * width + place) << place)
                    })),
                }
            }
            assert_eq!(found, integers, "{width} bits");
        }
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
