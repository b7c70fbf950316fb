//! Filters of chunks: the bytes of a chunk as LZF packs them in, its elements out; names of filters that cannot be read.
//!
//! Numbers: the HDF Group's list of registered filters.

use hdf5_reader::error;
use hdf5_reader::filters::{FilterFn, FilterRegistry};
use hdf5_reader::messages::filter_pipeline::FilterDescription;

/// h5py's LZF.
const LZF: u16 = 32_000;
/// Numbers of the filters that can be decoded.
const KNOWN: [u16; 8] = [1, 2, 3, 4, 5, 6, LZF, 32_004];
/// Most that a chunk is decoded to (HDF5 allows no more).
const MAX_OUTPUT: usize = u32::MAX as usize;

/// The filters that `hdf5-reader` knows by itself, and LZF.
pub fn registry() -> FilterRegistry {
    let mut registry = FilterRegistry::new();
    let lzf: FilterFn = Box::new(|filter, data, _| {
        // h5py stores its own and LZF's version, and the bytes of a chunk.
        let expected = filter.client_data.get(2).map_or(0, |&bytes| bytes as usize);
        lzf(data, expected)
            .ok_or_else(|| error::Error::InvalidData("the LZF data of a chunk are damaged".into()))
    });
    registry.register(LZF, lzf);
    registry
}

/// Name of the first filter that cannot be decoded; `None` where all can.
pub fn unknown(filters: &[FilterDescription]) -> Option<String> {
    let filter = filters.iter().find(|filter| !KNOWN.contains(&filter.id))?;
    let name = match filter.id {
        305 => "lzo",
        307 => "bzip2",
        32_001 => "blosc",
        32_002 => "mafisc",
        32_003 => "snappy",
        32_008 => "bitshuffle",
        32_010 => "spdp",
        32_013 => "zfp",
        32_015 => "zstd",
        32_017 => "sz",
        32_026 => "blosc2",
        id => {
            let own = filter.name.as_deref().map_or("", |name| name.trim_matches(['\0', ' ']));
            return Some(if own.is_empty() {
                format!("filter {id}")
            } else {
                format!("{own} (filter {id})")
            });
        }
    };
    Some(format!("{name} (filter {})", filter.id))
}

/// Decodes LZF: literal bytes, and copies from what has been decoded; `None` where they do not add up.
///
/// A first byte below 32 is the number of literal bytes less one. Otherwise its upper three bits are
/// the length of a copy less two (7: the next byte is added) and its lower five the upper bits of
/// the distance less one, whose lower eight follow.
fn lzf(data: &[u8], expected: usize) -> Option<Vec<u8>> {
    // No encoder packs more than 264 bytes into three.
    let mut out: Vec<u8> = Vec::with_capacity(expected.min(data.len().saturating_mul(88)));
    let mut rest = data.iter();
    while let Some(&control) = rest.next() {
        let control = usize::from(control);
        if control < 32 {
            let (literals, others) = rest.as_slice().split_at_checked(control + 1)?;
            out.extend_from_slice(literals);
            rest = others.iter();
        } else {
            let mut length = control >> 5;
            if length == 7 {
                length += usize::from(*rest.next()?);
            }
            let distance = (control & 31) << 8 | usize::from(*rest.next()?);
            let from = out.len().checked_sub(distance + 1)?;
            if distance > length {
                out.extend_from_within(from..from + length + 2);
            } else {
                // What is copied overlaps with where it goes: the bytes repeat.
                for at in from..from + length + 2 {
                    out.push(*out.get(at)?);
                }
            }
        }
        if out.len() > MAX_OUTPUT {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_copies_and_runs() {
        assert_eq!(lzf(&[2, b'a', b'b', b'c'], 3).unwrap(), b"abc");
        // "abcabcabc": three literals, then six bytes from three back, overlapping.
        assert_eq!(lzf(&[2, b'a', b'b', b'c', 4 << 5, 2], 9).unwrap(), b"abcabcabc");
        // One zero, then 2 + 7 + 3 copies of it.
        assert_eq!(lzf(&[0, 0, 7 << 5, 3, 0], 13).unwrap(), [0; 13]);
        // A copy that does not overlap.
        assert_eq!(lzf(&[3, 1, 2, 3, 4, 1 << 5, 3], 7).unwrap(), [1, 2, 3, 4, 1, 2, 3]);
        for damaged in [&[5, 1][..], &[1 << 5, 0], &[0, 9, 1 << 5], &[0, 9, 7 << 5, 1], &[0, 9, 1 << 5, 1]] {
            assert_eq!(lzf(damaged, 100), None, "{damaged:?}");
        }
    }

    #[test]
    fn filters_have_names() {
        let filter = |id, name: Option<&str>| FilterDescription {
            id,
            name: name.map(Into::into),
            client_data: Vec::new(),
        };
        assert_eq!(unknown(&[filter(2, None), filter(1, None), filter(LZF, None)]), None);
        assert_eq!(unknown(&[filter(2, None), filter(32_001, None)]).unwrap(), "blosc (filter 32001)");
        assert_eq!(unknown(&[filter(40_000, Some("mine\0"))]).unwrap(), "mine (filter 40000)");
        assert_eq!(unknown(&[filter(40_000, None)]).unwrap(), "filter 40000");
    }
}
