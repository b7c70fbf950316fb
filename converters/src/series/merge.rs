//! Merging: segments of sorted rows in, in the order in which their rows came; one sorted stream of batches out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::rows_in_memory::{RowsInMemory, StationNumbers};
use super::sort::{FRAME_BYTES, Scratch, Segment, SegmentReader, SegmentWriter, Sorted, frame_rows};
use crate::{Batch, Result};

/// Rows of a batch.
const BATCH_ROWS: usize = 1 << 16;

/// Sorted rows as batches.
pub(super) struct Merge<'a> {
    /// Is told how many rows have been given.
    progress: &'a (dyn Fn(u64) + Sync),
    rows: u64,
    stations: StationNumbers,
    heads: Heads,
    columns: usize,
    /// Lives as long as its files are read.
    _scratch: Scratch,
}

impl<'a> Merge<'a> {
    /// Merges the segments, by way of longer segments where they are too many to be read at once.
    ///
    /// # Errors
    /// A segment that cannot be written or read.
    pub(super) fn new(sorted: Sorted, progress: &'a (dyn Fn(u64) + Sync)) -> Result<Self> {
        let Sorted { stations, columns, memory, mut segments, mut scratch, .. } = sorted;
        let ranks = stations.ranks();
        // Memory holds each frame twice: as it is stored, and as rows.
        let at_once = (memory / (4 * FRAME_BYTES)).max(2);
        while segments.len() > at_once {
            let mut longer = Vec::new();
            let mut rest = segments.into_iter();
            loop {
                let some: Vec<Segment> = rest.by_ref().take(at_once).collect();
                if some.len() < 2 {
                    longer.extend(some);
                    break;
                }
                longer.push(longer_segment(some, &ranks, columns, &mut scratch)?);
            }
            segments = longer;
        }
        Ok(Self {
            progress,
            rows: 0,
            stations,
            heads: Heads::new(segments, ranks)?,
            columns,
            _scratch: scratch,
        })
    }

    /// The next rows in order, rows of one key in the order in which they came; `None` after the last.
    ///
    /// # Errors
    /// A segment that cannot be read.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>> {
        let rows = self.heads.next(self.columns, BATCH_ROWS)?;
        self.rows += rows.as_ref().map_or(0, |rows| rows.len() as u64);
        (self.progress)(self.rows);
        Ok(rows.map(|rows| rows.into_batch(&self.stations)))
    }
}

/// Writes several segments as one.
fn longer_segment(
    segments: Vec<Segment>,
    ranks: &[u32],
    columns: usize,
    scratch: &mut Scratch,
) -> Result<Segment> {
    let mut heads = Heads::new(segments, ranks.to_vec())?;
    let path = scratch.file()?;
    let mut writer = SegmentWriter::create(&path, columns)?;
    while let Some(rows) = heads.next(columns, frame_rows(columns))? {
        writer.write(rows)?;
    }
    writer.finish()?;
    Ok(Segment::Disk(vec![path]))
}

/// Where a row belongs: rank of its station, time, and number of its segment. Rows of one key come in the order of their
/// segments.
type Place = (u32, i64, usize);

/// The frames of some segments whose rows come next.
struct Heads {
    ranks: Vec<u32>,
    segments: Vec<Head>,
    /// The next row of every segment that has one, the first of all on top.
    queue: BinaryHeap<Reverse<Place>>,
}

struct Head {
    reader: SegmentReader,
    rows: RowsInMemory,
    at: usize,
}

/// Rows of a head that come next.
struct Stretch {
    head: usize,
    start: usize,
    end: usize,
}

impl Heads {
    fn new(segments: Vec<Segment>, ranks: Vec<u32>) -> Result<Self> {
        let mut all = Self { ranks, segments: Vec::new(), queue: BinaryHeap::new() };
        for (number, segment) in segments.into_iter().enumerate() {
            all.segments.push(Head {
                reader: SegmentReader::new(segment),
                rows: RowsInMemory::default(),
                at: 0,
            });
            if let Some(place) = all.refill(number)? {
                all.queue.push(Reverse(place));
            }
        }
        Ok(all)
    }

    /// Reads the next frame of a segment; says where its first row belongs, `None` after the last.
    fn refill(&mut self, number: usize) -> Result<Option<Place>> {
        let head = &mut self.segments[number];
        head.at = 0;
        // After the last frame no rows are left in memory.
        head.rows = head.reader.next()?.unwrap_or_default();
        Ok((head.rows.len() > 0).then(|| head.place(number, 0, &self.ranks)))
    }

    /// The next rows, at most so many; `None` after the last.
    fn next(&mut self, columns: usize, limit: usize) -> Result<Option<RowsInMemory>> {
        let mut out = RowsInMemory::with_capacity(columns, limit);
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut rows = 0;
        while rows < limit {
            let Some(top) = self.queue.peek_mut() else { break };
            let Reverse((_, _, number)) = *top;
            PeekMut::pop(top);
            let bound = self.queue.peek().map(|Reverse(place)| *place);
            let head = &mut self.segments[number];
            let start = head.at;
            let end = head.end_before(bound, number, &self.ranks).min(start + limit - rows);
            head.at = end;
            rows += end - start;
            stretches.push(Stretch { head: number, start, end });
            let place = if end == head.rows.len() {
                self.copy(&mut stretches, &mut out);
                self.refill(number)?
            } else {
                Some(self.segments[number].place(number, end, &self.ranks))
            };
            self.queue.extend(place.map(Reverse));
        }
        self.copy(&mut stretches, &mut out);
        Ok((rows > 0).then_some(out))
    }

    /// Copies the rows of the stretches, column by column.
    fn copy(&self, stretches: &mut Vec<Stretch>, out: &mut RowsInMemory) {
        for Stretch { head, start, end } in &*stretches {
            out.stations.extend_from_slice(&self.segments[*head].rows.stations[*start..*end]);
        }
        for Stretch { head, start, end } in &*stretches {
            out.times.extend_from_slice(&self.segments[*head].rows.times[*start..*end]);
        }
        for (index, column) in out.columns.iter_mut().enumerate() {
            for Stretch { head, start, end } in &*stretches {
                column.extend_from_slice(&self.segments[*head].rows.columns[index][*start..*end]);
            }
        }
        stretches.clear();
    }
}

impl Head {
    fn place(&self, number: usize, row: usize, ranks: &[u32]) -> Place {
        (ranks[self.rows.stations[row] as usize], self.rows.times[row], number)
    }

    /// End of the rows that come before `bound`, of which the next is one.
    fn end_before(&self, bound: Option<Place>, number: usize, ranks: &[u32]) -> usize {
        let rows = self.rows.len();
        let Some(bound) = bound else { return rows };
        // Runs may take turns row by row, or series by series: the step doubles.
        let before = |row: usize| self.place(number, row, ranks) < bound;
        let mut known = self.at;
        let mut step = 1;
        while known + step < rows && before(known + step) {
            known += step;
            step *= 2;
        }
        let mut end = rows.min(known + step);
        let mut start = known + 1;
        while start < end {
            let middle = usize::midpoint(start, end);
            if before(middle) {
                start = middle + 1;
            } else {
                end = middle;
            }
        }
        start
    }
}
