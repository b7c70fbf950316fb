//! Integers of a few bytes, seven bits a byte, as Parquet and Thrift have them: LEB128.
//!
//! The lowest seven bits come first; the highest bit of a byte says that another one follows. Signed integers are mapped
//! to unsigned ones first, so that small ones are short whatever their sign: 0, -1, 1, -2, 2 … to 0, 1, 2, 3, 4 …

/// The most bytes that an integer of 64 bits takes.
pub(crate) const LONGEST: usize = 10;

/// Appends an unsigned integer.
pub(crate) fn append_unsigned(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Appends a signed integer.
pub(crate) fn append_signed(bytes: &mut Vec<u8>, value: i64) {
    append_unsigned(bytes, (value << 1 ^ value >> 63) as u64);
}

/// Reads an unsigned integer; returns it and the bytes after it, or `None` where the bytes end before it does or it has
/// more than 64 bits.
#[inline]
pub(crate) fn unsigned(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes {
        [byte @ ..0x80, rest @ ..] => Some((u64::from(*byte), rest)),
        _ => longer(bytes),
    }
}

/// Reads an unsigned integer of any length.
fn longer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(LONGEST) {
        let bits = u64::from(byte & 0x7f);
        if place == LONGEST - 1 && bits > 1 {
            return None;
        }
        value |= bits << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// Reads a signed integer; returns it and the bytes after it, or `None` where [`unsigned`] does.
#[inline]
pub(crate) fn signed(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (value, rest) = unsigned(bytes)?;
    Some(((value >> 1) as i64 ^ -((value & 1) as i64), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_integers_take_a_byte_whatever_their_sign() {
        for (value, byte) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (63, 126), (-64, 127)] {
            let mut bytes = Vec::new();
            append_signed(&mut bytes, value);
            assert_eq!(bytes, [byte], "{value}");
        }
    }

    #[test]
    fn integers_that_are_cut_or_too_wide_are_none() {
        assert_eq!(unsigned(&[]), None);
        assert_eq!(unsigned(&[0x80]), None);
        assert_eq!(unsigned(&[0xff; 12]), None);
        let mut most = [0xff; LONGEST];
        most[LONGEST - 1] = 1;
        assert_eq!(unsigned(&most), Some((u64::MAX, &[][..])));
        most[LONGEST - 1] = 2;
        assert_eq!(unsigned(&most), None);
    }

    proptest! {
        #[test]
        fn integers_come_back(value: u64, bits in 0_u32..64, after in prop::collection::vec(any::<u8>(), 0..3)) {
            let value = value >> bits;
            let mut bytes = Vec::new();
            append_unsigned(&mut bytes, value);
            prop_assert!(bytes.len() <= LONGEST);
            bytes.extend(&after);
            prop_assert_eq!(unsigned(&bytes), Some((value, &after[..])));
            let mut bytes = Vec::new();
            append_signed(&mut bytes, value as i64);
            bytes.extend(&after);
            prop_assert_eq!(signed(&bytes), Some((value as i64, &after[..])));
        }
    }
}
