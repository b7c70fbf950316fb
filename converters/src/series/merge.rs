//! Merging sorted runs: runs in the order in which their rows came in, one sorted stream of batches out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::series::sort::{FRAME_BYTES, Run, RunReader, RunWriter, Scratch, Sorted, frame_rows};
use crate::series::unsorted_rows::{Rows, Stations};
use crate::{Batch, Result};

/// Rows of a batch.
const BATCH_ROWS: usize = 1 << 16;

/// Sorted rows as batches.
pub(super) struct Merge {
    stations: Stations,
    heads: Heads,
    columns: usize,
    /// Lives as long as its files are read.
    _scratch: Scratch,
}

impl Merge {
    /// Merges the runs, by way of longer runs where they are too many to be read at once.
    ///
    /// # Errors
    /// A run that cannot be written or read.
    pub(super) fn new(sorted: Sorted) -> Result<Self> {
        let Sorted { stations, columns, memory, mut runs, mut scratch, .. } = sorted;
        let ranks = stations.ranks();
        // A frame is held as it is stored and as rows.
        let at_once = (memory / (4 * FRAME_BYTES)).max(2);
        while runs.len() > at_once {
            let mut longer = Vec::new();
            let mut rest = runs.into_iter();
            loop {
                let some: Vec<Run> = rest.by_ref().take(at_once).collect();
                if some.len() < 2 {
                    longer.extend(some);
                    break;
                }
                longer.push(longer_run(some, &ranks, columns, &mut scratch)?);
            }
            runs = longer;
        }
        Ok(Self { stations, heads: Heads::new(runs, ranks)?, columns, _scratch: scratch })
    }

    /// The next rows in order, rows of one key in the order in which they came; `None` behind the last.
    ///
    /// # Errors
    /// A run that cannot be read.
    pub(super) fn next_batch(&mut self) -> Result<Option<Batch>> {
        let rows = self.heads.next(self.columns, BATCH_ROWS)?;
        Ok(rows.map(|rows| rows.into_batch(&self.stations)))
    }
}

/// Writes several runs as one.
fn longer_run(runs: Vec<Run>, ranks: &[u32], columns: usize, scratch: &mut Scratch) -> Result<Run> {
    let mut heads = Heads::new(runs, ranks.to_vec())?;
    let path = scratch.file()?;
    let mut writer = RunWriter::create(&path, columns)?;
    while let Some(rows) = heads.next(columns, frame_rows(columns))? {
        writer.write(rows)?;
    }
    writer.finish()?;
    Ok(Run::Disk(vec![path]))
}

/// Rank of the station, time, and number of the run: rows of one key come in the order of their runs.
type Place = (u32, i64, usize);

/// The foremost rows of some runs.
struct Heads {
    ranks: Vec<u32>,
    runs: Vec<Head>,
    /// The next row of every run that has one, the first of all on top.
    queue: BinaryHeap<Reverse<Place>>,
}

struct Head {
    reader: RunReader,
    rows: Rows,
    at: usize,
}

/// Rows of a head that come next.
struct Stretch {
    head: usize,
    start: usize,
    end: usize,
}

impl Heads {
    fn new(runs: Vec<Run>, ranks: Vec<u32>) -> Result<Self> {
        let mut all = Self { ranks, runs: Vec::new(), queue: BinaryHeap::new() };
        for (number, run) in runs.into_iter().enumerate() {
            all.runs.push(Head { reader: RunReader::new(run), rows: Rows::default(), at: 0 });
            if let Some(place) = all.refill(number)? {
                all.queue.push(Reverse(place));
            }
        }
        Ok(all)
    }

    /// Reads the head's next frame; says where its first row belongs.
    fn refill(&mut self, number: usize) -> Result<Option<Place>> {
        let head = &mut self.runs[number];
        head.at = 0;
        head.rows = head.reader.next()?.unwrap_or_default();
        Ok((head.rows.len() > 0).then(|| head.place(number, 0, &self.ranks)))
    }

    /// The next rows, at most so many; `None` behind the last.
    fn next(&mut self, columns: usize, limit: usize) -> Result<Option<Rows>> {
        let mut out = Rows::with_capacity(columns, limit);
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut rows = 0;
        while rows < limit {
            let Some(top) = self.queue.peek_mut() else { break };
            let Reverse((_, _, number)) = *top;
            PeekMut::pop(top);
            let bound = self.queue.peek().map(|Reverse(place)| *place);
            let head = &mut self.runs[number];
            let start = head.at;
            let end = head.end_before(bound, number, &self.ranks).min(start + limit - rows);
            head.at = end;
            rows += end - start;
            stretches.push(Stretch { head: number, start, end });
            let place = if end == head.rows.len() {
                self.copy(&mut stretches, &mut out);
                self.refill(number)?
            } else {
                Some(self.runs[number].place(number, end, &self.ranks))
            };
            self.queue.extend(place.map(Reverse));
        }
        self.copy(&mut stretches, &mut out);
        Ok((rows > 0).then_some(out))
    }

    /// Copies the rows of the stretches, column by column.
    fn copy(&self, stretches: &mut Vec<Stretch>, out: &mut Rows) {
        for Stretch { head, start, end } in &*stretches {
            out.stations.extend_from_slice(&self.runs[*head].rows.stations[*start..*end]);
        }
        for Stretch { head, start, end } in &*stretches {
            out.times.extend_from_slice(&self.runs[*head].rows.times[*start..*end]);
        }
        for (index, column) in out.columns.iter_mut().enumerate() {
            for Stretch { head, start, end } in &*stretches {
                column.extend_from_slice(&self.runs[*head].rows.columns[index][*start..*end]);
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
