//! From a page that zstd has compressed to the same page decompressed.
//!
//! The library makes a compressor and a decompressor for each column chunk anew, which makes finding the outliers of a
//! column take 2 % longer. Here each thread keeps its decompressor.

use std::cell::RefCell;

use bytes::Bytes;
use parquet::column::page::Page;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::get_frame_content_size;

thread_local! {
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Decompresses a page. `None` where it is broken, or does not say how many bytes it will have.
pub(super) fn decompressed(mut page: Page) -> Option<Page> {
    match &mut page {
        Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => *buf = decompress(buf)?.into(),
        Page::DataPageV2 { buf, is_compressed: true, def_levels_byte_len, rep_levels_byte_len, .. } => {
            // Levels are never compressed.
            let levels = (*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize)?;
            let (levels, values) = buf.split_at_checked(levels)?;
            // A page without a value has no further bytes, not even an empty frame.
            let values = if values.is_empty() { Vec::new() } else { decompress(values)? };
            *buf = Bytes::from([levels, &values].concat());
        }
        Page::DataPageV2 { is_compressed: false, .. } => {}
    }
    Some(page)
}

/// Decompresses a frame of zstd. `None` where it is broken, or does not say how many bytes it holds.
fn decompress(frame: &[u8]) -> Option<Vec<u8>> {
    let size = get_frame_content_size(frame).ok()??;
    // The format's sizes are integers of 32 bits.
    let size = usize::try_from(i32::try_from(size).ok()?).ok()?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).ok()?;
    DECOMPRESSOR.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Decompressor::new().ok();
        }
        kept.as_mut()?.decompress_to_buffer(frame, &mut bytes).ok()
    })?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use zstd::bulk::compress;
    use zstd::stream::encode_all;

    use super::*;

    #[test]
    fn frames_are_decompressed_if_they_say_how_much_they_hold() {
        let data: Vec<u8> = (0..100_000_u32).map(|i| (i * i / 128) as u8).collect();
        for length in [0, 1, 1000, 100_000] {
            let frame = compress(&data[..length], 1).unwrap();
            assert_eq!(decompress(&frame).as_deref(), Some(&data[..length]));
            for cut in [0, 3, frame.len() - 1] {
                assert_eq!(decompress(&frame[..cut]), None, "{cut} bytes of {length}");
            }
        }
        // The frame of a stream was begun before anybody knew how long it would be.
        let frame = encode_all(&data[..], 1).unwrap();
        assert_eq!(decompress(&frame), None);
        // More than a page may have: 2^62 bytes, in a field of eight.
        let vast = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &(1_u64 << 62).to_le_bytes(), &[1, 0, 0]].concat();
        assert_eq!(get_frame_content_size(&vast).ok(), Some(Some(1 << 62)));
        assert_eq!(decompress(&vast), None);
    }
}
