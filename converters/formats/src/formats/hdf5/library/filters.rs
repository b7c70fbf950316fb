//! Filters of chunks: the bytes of a chunk as deflate, shuffle or LZF left them in, its elements out; names of filters that
//! cannot be read.
//!
//! Numbers: the HDF Group's list of registered filters.

use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::{Decompress, FlushDecompress, Status};
use hdf5_reader::error;
use hdf5_reader::filters::{FILTER_DEFLATE, FILTER_SHUFFLE, FilterFn, FilterRegistry};
use hdf5_reader::messages::filter_pipeline::FilterDescription;

use super::shuffle::unshuffle;

/// h5py's LZF.
const LZF: u16 = 32_000;
/// Numbers of the filters that can be decoded.
const KNOWN: [u16; 8] = [1, 2, 3, 4, 5, 6, LZF, 32_004];
/// Bytes beyond those of a chunk that a filter before deflate may have added, such as a checksum.
const ADDED_BYTES: usize = 1 << 16;

/// The filters that `hdf5-reader` knows by itself, and LZF, for chunks of at most `max_chunk_bytes`. Shuffle is our own:
/// the library's takes half of the time of a chunk that gzip has packed.
pub fn registry(max_chunk_bytes: usize) -> FilterRegistry {
    let mut registry = FilterRegistry::new();
    let max_output = max_chunk_bytes + ADDED_BYTES;
    let shuffle: FilterFn = Box::new(|filter, data, element_size| {
        Ok(unshuffle(data, filter.client_data.first().map_or(element_size, |&size| size as usize)))
    });
    registry.register(FILTER_SHUFFLE, shuffle);
    // Beside a shuffle that is not its own, the library does not bound what its deflate writes.
    let last_output = AtomicUsize::new(0);
    let deflate: FilterFn = Box::new(move |_, data, _| {
        // Chunks of a dataset are of one size; other sizes cost an allocation.
        let output = inflate(data, last_output.load(Ordering::Relaxed), max_output).ok_or_else(|| {
            error::Error::DecompressionError("the deflate data of a chunk are damaged".into())
        })?;
        last_output.store(output.len(), Ordering::Relaxed);
        Ok(output)
    });
    registry.register(FILTER_DEFLATE, deflate);
    let lzf: FilterFn = Box::new(move |filter, data, _| {
        // h5py stores its own and LZF's version, and the bytes of a chunk.
        let expected = filter.client_data.get(2).map_or(0, |&bytes| bytes as usize);
        lzf(data, expected, max_output)
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

/// Decodes a zlib stream into about `expected` and at most `max_output` bytes; `None` where it is damaged, does not end, or
/// holds more.
fn inflate(data: &[u8], expected: usize, max_output: usize) -> Option<Vec<u8>> {
    let mut decoder = Decompress::new(true);
    let mut output = Vec::new();
    let mut more = expected.max(data.len().saturating_mul(4)) + 64;
    loop {
        output.try_reserve_exact(more.min((max_output + 1).checked_sub(output.len())?)).ok()?;
        let rest = data.get(usize::try_from(decoder.total_in()).ok()?..)?;
        match decoder.decompress_vec(rest, &mut output, FlushDecompress::None).ok()? {
            _ if output.len() > max_output => return None,
            Status::StreamEnd => return Some(output),
            // It had room left, so that what is missing is input.
            _ if output.len() < output.capacity() => return None,
            _ => more = output.len(),
        }
    }
}

/// Decodes LZF: literal bytes, and copies from what has been decoded; `None` where they do not add up.
///
/// A first byte below 32 is the number of literal bytes less one. Otherwise its upper three bits are
/// the length of a copy less two (7: the next byte is added) and its lower five the upper bits of
/// the distance less one, whose lower eight follow.
fn lzf(data: &[u8], expected: usize, max_output: usize) -> Option<Vec<u8>> {
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
        if out.len() > max_output {
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
        assert_eq!(lzf(&[2, b'a', b'b', b'c'], 3, 1 << 20).unwrap(), b"abc");
        // "abcabcabc": three literals, then six bytes from three back, overlapping.
        assert_eq!(lzf(&[2, b'a', b'b', b'c', 4 << 5, 2], 9, 1 << 20).unwrap(), b"abcabcabc");
        // One zero, then 2 + 7 + 3 copies of it.
        assert_eq!(lzf(&[0, 0, 7 << 5, 3, 0], 13, 1 << 20).unwrap(), [0; 13]);
        // A copy that does not overlap.
        assert_eq!(lzf(&[3, 1, 2, 3, 4, 1 << 5, 3], 7, 1 << 20).unwrap(), [1, 2, 3, 4, 1, 2, 3]);
        for damaged in [&[5, 1][..], &[1 << 5, 0], &[0, 9, 1 << 5], &[0, 9, 7 << 5, 1], &[0, 9, 1 << 5, 1]] {
            assert_eq!(lzf(damaged, 100, 1 << 20), None, "{damaged:?}");
        }
    }

    #[test]
    fn deflate_ends_where_it_should() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(|i| (i * i).to_le_bytes()).collect();
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, &content).unwrap();
        let packed = encoder.finish().unwrap();
        for expected in [0, 1, content.len() - 1, content.len(), content.len() + 1] {
            assert_eq!(
                inflate(&packed, expected, content.len()).as_deref(),
                Some(&content[..]),
                "{expected}"
            );
            assert_eq!(inflate(&packed, expected, content.len() - 1), None);
            assert_eq!(inflate(&packed[..packed.len() - 5], expected, 1 << 20), None);
        }
        assert_eq!(inflate(&[], 0, 100), None);
        assert_eq!(inflate(&content, 0, 1 << 20), None);
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
