//! The pages of a column chunk: a file in, decompressed pages out.
//!
//! The Parquet library makes what compresses and what decompresses for each column chunk anew, which takes longer than to
//! decompress a short one. Here each thread keeps what decompresses zstd, and the library hands pages over as they are stored.

use std::cell::RefCell;
use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::get_frame_content_size;

use crate::pages::chunk_bytes::ChunkBytes;

thread_local! {
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Pages, one after the other; `None` in place of one that cannot be read: the last one worth looking at.
pub(crate) struct ChunkPages {
    stored: SerializedPageReader<ChunkBytes>,
    /// Whether the pages are still compressed, by zstd.
    is_compressed: bool,
}

impl ChunkPages {
    /// The pages of a column chunk of `rows` rows; `places` are their places, if known. `None` where the file does not hold it.
    pub fn read(
        file: File,
        chunk: &ColumnChunkMetaData,
        rows: usize,
        places: Option<Vec<PageLocation>>,
    ) -> Option<Self> {
        let bytes = Arc::new(ChunkBytes::read(file, chunk)?);
        let is_compressed = matches!(chunk.compression(), Compression::ZSTD(_));
        let stored = if is_compressed {
            let stored =
                chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build().ok()?;
            SerializedPageReader::new(bytes, &stored, rows, places)
        } else {
            SerializedPageReader::new(bytes, chunk, rows, places)
        };
        Some(Self { stored: stored.ok()?, is_compressed })
    }

    /// Passes over a page. `None` where there is none.
    pub fn pass_over(&mut self) -> Option<()> {
        self.stored.skip_next_page().ok()
    }
}

impl Iterator for ChunkPages {
    type Item = Option<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        let page = self.stored.get_next_page().transpose()?.ok();
        Some(if self.is_compressed { page.and_then(decompressed) } else { page })
    }
}

fn decompressed(mut page: Page) -> Option<Page> {
    match &mut page {
        Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => *buf = decompress(buf)?.into(),
        Page::DataPageV2 { buf, is_compressed: true, def_levels_byte_len, rep_levels_byte_len, .. } => {
            // Levels never are.
            let levels = (*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize)?;
            let (levels, values) = buf.split_at_checked(levels)?;
            // A page of missing values has no bytes of others, not even of an empty frame.
            let values = if values.is_empty() { Vec::new() } else { decompress(values)? };
            *buf = Bytes::from([levels, &values].concat());
        }
        Page::DataPageV2 { .. } => {}
    }
    Some(page)
}

/// What a frame of zstd holds, which says how much it is.
fn decompress(frame: &[u8]) -> Option<Vec<u8>> {
    let size = get_frame_content_size(frame).ok()??;
    // No page has more.
    let size = usize::try_from(i32::try_from(size).ok()?).ok()?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).ok()?;
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let mut decompressor = match kept.take() {
            Some(decompressor) => decompressor,
            None => Decompressor::new().ok()?,
        };
        let result = decompressor.decompress_to_buffer(frame, &mut bytes);
        *kept = Some(decompressor);
        result.ok()
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
        // Of a stream nobody knows it beforehand.
        let frame = encode_all(&data[..], 1).unwrap();
        assert_eq!(decompress(&frame), None);
        // More than a page may have: 2^62 bytes, in a field of eight.
        let vast = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &(1_u64 << 62).to_le_bytes(), &[1, 0, 0]].concat();
        assert_eq!(get_frame_content_size(&vast).ok(), Some(Some(1 << 62)));
        assert_eq!(decompress(&vast), None);
    }
}
