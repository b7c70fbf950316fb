//! Which rows of a dataset have storage: its header and the index of its chunks in, ranges of rows out.
//!
//! Loggers make their datasets long and write the beginning; what was never written has no chunk in the file.

use std::ops::Range;

use hdf5_reader::btree_v1::{BTreeV1Key, collect_btree_v1_leaves_storage};
use hdf5_reader::chunk_index::{
    ChunkEntry, collect_implicit_chunk_entries, collect_v2_chunk_entries_storage,
};
use hdf5_reader::error::Error;
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::messages::layout::{ChunkIndexing, DataLayout};

/// Chunks of an index that lists those without storage as well, at most: more are not looked at.
const MOST_LISTED: u64 = 1 << 24;

/// What of a dataset has storage.
pub enum Written {
    /// All of it may have.
    Any,
    /// These ranges of the first dimension, ascending and apart.
    Rows(Vec<Range<u64>>),
    /// Unknown: by its index, which is damaged, a chunk begins at this row, within another. Readers would pass over it.
    Misplaced(u64),
}

/// What of a dataset its layout has storage for.
///
/// # Errors
/// An index of chunks that cannot be read.
pub fn ranges(
    file: &hdf5_reader::Hdf5File,
    dataset: &hdf5_reader::Dataset,
    layout: &DataLayout,
) -> Result<Written, Error> {
    let superblock = file.superblock();
    let (offset_size, length_size) = (superblock.offset_size, superblock.length_size);
    let undefined = |address: u64| {
        offset_size < 8 && address == (1_u64 << (8 * u32::from(offset_size))) - 1 || address == u64::MAX
    };
    let (address, dims, indexing) = match layout {
        DataLayout::Chunked { address, dims, chunk_indexing, .. } => (*address, dims, chunk_indexing),
        DataLayout::Contiguous { address, .. } if undefined(*address) => {
            return Ok(Written::Rows(Vec::new()));
        }
        _ => return Ok(Written::Any),
    };
    if undefined(address) {
        return Ok(Written::Rows(Vec::new()));
    }
    let (storage, shape) = (file.storage(), dataset.shape());
    let Some((&rows, &chunk_rows)) = shape.first().zip(dims.first()) else { return Ok(Written::Any) };
    let chunk_rows = u64::from(chunk_rows).max(1);
    let per_dimension =
        shape.iter().zip(dims).map(|(&length, &chunk)| length.div_ceil(u64::from(chunk).max(1)));
    let chunks = per_dimension.fold(1_u64, u64::saturating_mul);
    let listed = !matches!(indexing, None | Some(ChunkIndexing::BTreeV2));
    if chunks <= 1 || listed && chunks > MOST_LISTED {
        return Ok(Written::Any);
    }
    let firsts = |entries: Vec<ChunkEntry>| -> Vec<u64> {
        entries.iter().filter_map(|entry| entry.offsets.first().copied()).collect()
    };
    let mut firsts: Vec<u64> = match indexing {
        None => {
            let dimensions = u32::try_from(dataset.ndim()).unwrap_or(u32::MAX);
            let leaves = collect_btree_v1_leaves_storage(
                storage,
                address,
                offset_size,
                length_size,
                Some(dimensions),
                dims,
                None,
            )?;
            let first = |key: BTreeV1Key| match key {
                BTreeV1Key::RawData { offsets, .. } => offsets.first().copied(),
                BTreeV1Key::Group { .. } => None,
            };
            leaves.into_iter().filter_map(|(key, _)| first(key)).collect()
        }
        Some(ChunkIndexing::SingleChunk { .. }) => return Ok(Written::Any),
        Some(ChunkIndexing::BTreeV2) => {
            let dimensions = u32::try_from(dataset.ndim()).unwrap_or(u32::MAX);
            firsts(collect_v2_chunk_entries_storage(
                storage,
                address,
                offset_size,
                length_size,
                dimensions,
                dims,
                None,
            )?)
        }
        Some(ChunkIndexing::Implicit) => {
            let size = dataset.raw_element_size()?;
            firsts(collect_implicit_chunk_entries(address, shape, dims, size, None, storage.len())?)
        }
        Some(ChunkIndexing::FixedArray { .. }) => firsts(collect_fixed_array_chunk_entries_storage(
            storage,
            address,
            offset_size,
            length_size,
            shape,
            dims,
            None,
        )?),
        Some(ChunkIndexing::ExtensibleArray { .. }) => {
            firsts(collect_extensible_array_chunk_entries_storage(
                storage,
                address,
                offset_size,
                length_size,
                shape,
                dataset.max_dims(),
                dims,
                None,
            )?)
        }
    };
    if let Some(row) = firsts.iter().find(|first| !first.is_multiple_of(chunk_rows)) {
        return Ok(Written::Misplaced(*row));
    }
    firsts.sort_unstable();
    firsts.dedup();
    Ok(joined(&firsts, chunk_rows, rows))
}

/// What chunks of so many rows, which begin at these ascending ones, hold of all `rows`.
fn joined(firsts: &[u64], chunk_rows: u64, rows: u64) -> Written {
    let mut written: Vec<Range<u64>> = Vec::new();
    for &first in firsts {
        let end = rows.min(first.saturating_add(chunk_rows));
        match written.last_mut() {
            _ if first >= end => {}
            Some(last) if last.end >= first => last.end = end,
            _ => written.push(first..end),
        }
    }
    let whole = matches!(written.as_slice(), [only] if *only == (0..rows));
    if whole { Written::Any } else { Written::Rows(written) }
}
