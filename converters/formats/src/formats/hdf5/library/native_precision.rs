//! Numbers whose bits do not fill their bytes: the datatype message of a dataset in, the first type of such numbers out.
//!
//! `hdf5-reader` says how many bytes a number has, and no more. Source: HDF5 File Format Specification, IV.A.2.d, "The
//! Datatype Message".

/// Nesting of types that is looked into, as deep as `hdf5-reader` parses.
const DEPTH: usize = 32;

/// What is unusual about the first number in a datatype message that is no plain integer or no IEEE float of its size, such
/// as `12 bits of an integer of 16`; `None` where all numbers are plain.
///
/// A message that cannot be parsed has none: `hdf5-reader` has refused it.
pub fn unusual_number(message: &[u8]) -> Option<String> {
    let mut unusual = None;
    datatype(&mut Bytes(message), DEPTH, &mut unusual);
    unusual
}

/// What is left of a message.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, count: usize) -> Option<usize> {
        Some(self.take(count)?.iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    /// Passes over a name that ends with a zero, and over its padding to 8 bytes in old versions.
    fn name(&mut self, version: usize) -> Option<()> {
        let length = self.0.iter().position(|&byte| byte == 0)? + 1;
        self.take(if version < 3 { length.next_multiple_of(8) } else { length })?;
        Some(())
    }
}

/// Passes over one type and notes the first unusual number in it; `None` where the bytes end before.
fn datatype(bytes: &mut Bytes, depth: usize, unusual: &mut Option<String>) -> Option<()> {
    let (class, flags, size) = (bytes.number(1)?, bytes.number(3)?, bytes.number(4)?);
    let (class, version) = (class & 15, class >> 4);
    let depth = depth.checked_sub(1)?;
    match class {
        0 => {
            let (offset, precision) = (bytes.number(2)?, bytes.number(2)?);
            if (offset, precision) != (0, 8 * size) {
                note(unusual, format!("{precision} bits of an integer of {}", 8 * size));
            }
        }
        1 => {
            let fields = bytes.take(12)?;
            if !is_ieee(flags, size, fields) {
                note(unusual, format!("a float of {} bits that is not of IEEE 754", 8 * size));
            }
        }
        // Times; bit fields.
        2 => drop(bytes.take(2)?),
        4 => drop(bytes.take(4)?),
        // The tag of opaque bytes.
        5 => drop(bytes.take(flags & 255)?),
        6 => {
            for _ in 0..flags & 0xffff {
                bytes.name(version)?;
                let offset = if version < 3 { 4 } else { (size.max(1).ilog2() / 8 + 1) as usize };
                bytes.take(if version == 1 { offset + 28 } else { offset })?;
                datatype(bytes, depth, unusual)?;
            }
        }
        8 => {
            datatype(bytes, depth, unusual)?;
            let names = flags & 0xffff;
            (0..names).try_for_each(|_| bytes.name(version))?;
            bytes.take(names.checked_mul(size)?)?;
        }
        9 => datatype(bytes, depth, unusual)?,
        10 => {
            let rank = bytes.number(1)?;
            bytes.take(if version < 3 { 3 + 8 * rank } else { 4 * rank })?;
            datatype(bytes, depth, unusual)?;
        }
        // Strings and references have no properties.
        _ => {}
    }
    Some(())
}

fn note(unusual: &mut Option<String>, found: String) {
    unusual.get_or_insert(found);
}

/// Whether a float has the fields of a half, single or double in IEEE 754, in either byte order; sizes that are none of them
/// are refused elsewhere.
fn is_ieee(flags: usize, size: usize, fields: &[u8]) -> bool {
    // Bit offset and precision; place and size of the exponent, of the mantissa; bias.
    let (exponent, bias): (u8, u32) = match size {
        2 => (5, 15),
        4 => (8, 127),
        8 => (11, 1023),
        _ => return true,
    };
    let bits = 8 * size as u8;
    let mantissa = bits - 1 - exponent;
    let expected = [0, 0, bits, 0, mantissa, exponent, 0, mantissa];
    // The order of a VAX; the place of the sign; a mantissa without its leading bit.
    let plain = flags & 0x40 == 0 && flags >> 8 & 255 == usize::from(bits - 1) && flags >> 4 & 3 == 2;
    plain && fields.starts_with(&expected) && fields.ends_with(&bias.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(size: u8, offset: u8, precision: u8) -> Vec<u8> {
        vec![0x10, 8, 0, 0, size, 0, 0, 0, offset, 0, precision, 0]
    }

    fn single() -> Vec<u8> {
        let head = [0x11, 0x20, 31, 0, 4, 0, 0, 0];
        [&head[..], &[0, 0, 32, 0, 23, 8, 0, 23], &[127, 0, 0, 0]].concat()
    }

    #[test]
    fn numbers_that_fill_their_bytes_are_usual() {
        for plain in [integer(2, 0, 16), integer(8, 0, 64), single()] {
            assert_eq!(unusual_number(&plain), None);
        }
        let found = |message: &[u8]| unusual_number(message).unwrap();
        assert_eq!(found(&integer(2, 0, 12)), "12 bits of an integer of 16");
        assert_eq!(found(&integer(4, 3, 29)), "29 bits of an integer of 32");
        // The n-bit example of the HDF5 documentation: 20 bits, of which the exponent has 6.
        let head = [0x11, 0x20, 26, 0, 4, 0, 0, 0];
        let twenty = [&head[..], &[7, 0, 20, 0, 20, 6, 7, 13], &[31, 0, 0, 0]].concat();
        assert_eq!(found(&twenty), "a float of 32 bits that is not of IEEE 754");
    }

    #[test]
    fn members_are_looked_into() {
        let array = |base: Vec<u8>| [&[0x3a, 0, 0, 0, 8, 0, 0, 0, 1, 2, 0, 0, 0][..], &base].concat();
        let member = |name: &[u8], offset: u8, base: &[u8]| [name, &[0, offset], base].concat();
        let record = |second: Vec<u8>| {
            let head = vec![0x36, 2, 0, 0, 12, 0, 0, 0];
            [head, member(b"t", 0, &single()), member(b"values", 4, &array(second))].concat()
        };
        assert_eq!(unusual_number(&record(integer(4, 0, 32))), None);
        assert_eq!(unusual_number(&record(integer(4, 0, 17))).unwrap(), "17 bits of an integer of 32");
        // Names of the second version are padded, and offsets have four bytes.
        let head = [0x26, 1, 0, 0, 2, 0, 0, 0];
        let old = [&head[..], b"t\0\0\0\0\0\0\0", &[0; 4], &integer(2, 4, 12)].concat();
        assert_eq!(unusual_number(&old).unwrap(), "12 bits of an integer of 16");
        for cut in 0..old.len() {
            assert_eq!(unusual_number(&old[..cut]), None, "{cut}");
        }
    }
}
