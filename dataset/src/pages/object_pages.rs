//! The pages of an object in a store: which ranges of it will be read, fetched together once the first of them is.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use isd_stores::{Object, ReadAhead};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;

/// Bytes between two ranges that are fetched with them rather than by a request of its own.
const GAP: u64 = 32 << 10;
/// Bytes that are fetched where nobody has said how many will be read.
const BLOCK: u64 = 16 << 10;

/// A Parquet file in a store, and what of it will be read.
#[derive(Debug)]
pub(crate) struct ObjectPages {
    object: Object,
    /// The end of the file, which was fetched with the footer: where it begins, and its bytes.
    tail: Option<(u64, Bytes)>,
    /// Ranges that will be read, in ascending order.
    ranges: Vec<Range<u64>>,
    fetched: OnceLock<Vec<Bytes>>,
    /// What fetches them before they are asked for, where there is such.
    ahead: Option<Arc<ReadAhead>>,
}

impl ObjectPages {
    /// An object of which these ranges will be read.
    pub(crate) fn new(
        object: Object,
        tail: Option<(u64, Bytes)>,
        ranges: Vec<Range<u64>>,
        ahead: Option<Arc<ReadAhead>>,
    ) -> Self {
        Self { object, tail, ranges, fetched: OnceLock::new(), ahead }
    }

    pub(crate) fn len(&self) -> u64 {
        self.object.len()
    }

    /// Fetches the ranges that will be read. Errors: a request that failed for good.
    pub(crate) fn fetch(&self) -> io::Result<()> {
        self.fetched().map(|_| ())
    }

    fn fetched(&self) -> io::Result<&[Bytes]> {
        if let Some(fetched) = self.fetched.get() {
            return Ok(fetched);
        }
        let bytes = match (&self.ahead, &self.ranges[..]) {
            (Some(ahead), [range]) => vec![ahead.fetch(&self.object, range.clone())?],
            _ => self.object.fetch_all(&self.ranges)?,
        };
        Ok(self.fetched.get_or_init(|| bytes))
    }

    /// The bytes from `start` on that are at hand, or will be with the ranges; none where it lies in none of them.
    fn at_hand(&self, start: u64) -> io::Result<Option<Bytes>> {
        if let Some(index) = self.ranges.iter().position(|range| range.contains(&start)) {
            let bytes = &self.fetched()?[index];
            return Ok(Some(bytes.slice((start - self.ranges[index].start) as usize..)));
        }
        let in_tail = self.tail.as_ref().filter(|(begin, _)| *begin <= start && start < self.len());
        Ok(in_tail.map(|(begin, bytes)| bytes.slice((start - begin) as usize..)))
    }

    /// The bytes of a range, which ends in the object.
    pub(crate) fn bytes(&self, range: Range<u64>) -> io::Result<Bytes> {
        let length = (range.end - range.start) as usize;
        match self.at_hand(range.start)? {
            Some(bytes) if bytes.len() >= length => Ok(bytes.slice(..length)),
            _ => match &self.ahead {
                Some(ahead) => ahead.fetch(&self.object, range),
                None => self.object.fetch(range),
            },
        }
    }
}

/// The bytes of an object from a place of it on.
pub(crate) struct ObjectFrom {
    pages: Arc<ObjectPages>,
    position: u64,
    current: Bytes,
}

impl ObjectFrom {
    pub(crate) fn new(pages: Arc<ObjectPages>, position: u64) -> Self {
        Self { pages, position, current: Bytes::new() }
    }
}

impl Read for ObjectFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && !buffer.is_empty() && self.position < self.pages.len() {
            self.current = if let Some(bytes) = self.pages.at_hand(self.position)? {
                bytes
            } else {
                let end = self.pages.len().min(self.position + BLOCK);
                self.pages.object.fetch(self.position..end)?
            };
        }
        let read = buffer.len().min(self.current.len());
        buffer[..read].copy_from_slice(&self.current.split_to(read));
        self.position += read as u64;
        Ok(read)
    }
}

/// Where a column chunk lies; `None` where a damaged footer has negative numbers, on which the library would panic.
fn place_of(chunk: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset());
    let start = u64::try_from(start).ok()?;
    Some(start..start.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?)
}

/// What of a column chunk is read for some of its rows, in ascending ranges: the dictionary and the pages that hold one of
/// them, near ones together. All of it where the rows or the places of its pages are not known.
pub(crate) fn ranges_of(
    chunk: &ColumnChunkMetaData,
    pages: Option<&[PageLocation]>,
    row_count: usize,
    rows: Option<&[Range<usize>]>,
) -> Vec<Range<u64>> {
    let Some(Range { start, end }) = place_of(chunk) else { return Vec::new() };
    let (Some(pages), Some(rows)) = (pages.filter(|pages| !pages.is_empty()), rows) else {
        return std::iter::once(start..end).collect();
    };
    let place = |page: &PageLocation| {
        let start = u64::try_from(page.offset).unwrap_or(0);
        start..start.saturating_add(u64::try_from(page.compressed_page_size).unwrap_or(0))
    };
    let first_row = |page: &PageLocation| usize::try_from(page.first_row_index).unwrap_or(0);
    let holds_rows = |(number, page): &(usize, &PageLocation)| {
        let end = pages.get(number + 1).map_or(row_count, first_row);
        let own = first_row(page)..end;
        // The ranges of rows ascend: the first that ends behind the page's beginning decides.
        let next = rows.partition_point(|range| range.end <= own.start);
        rows.get(next).is_some_and(|range| range.start < own.end)
    };
    let dictionary = start..place(&pages[0]).start.max(start);
    let needed = pages.iter().enumerate().filter(holds_rows).map(|(_, page)| place(page));
    let mut near: Vec<Range<u64>> = Vec::new();
    for range in std::iter::once(dictionary).chain(needed).filter(|range| !range.is_empty()) {
        match near.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => last.end = last.end.max(range.end),
            _ => near.push(range),
        }
    }
    near
}
