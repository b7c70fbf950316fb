//! The pages of a row group's time column and some of its rows in, the times of those out: what lies between them is
//! summed up, not decoded.
//!
//! A series stores its times as differences, those of equal steps in no bits at all. To reach a row all differences
//! before it are added up, of which a block of equal steps is one multiplication.
//! The encoding is described in <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;

use super::hybrid::varint;

/// The integers of some rows, which ascend, of a column chunk of `rows` rows; pages without any of them are not read.
///
/// `None` where they cannot be told so: another encoding, values that may be missing, or a chunk that is broken, which
/// whoever decodes the rows will say.
pub(super) fn stored_integers(
    file: File,
    chunk: &ColumnChunkMetaData,
    rows: usize,
    pages: Vec<PageLocation>,
    wanted: &[usize],
) -> Option<Vec<i64>> {
    let column = chunk.column_descr();
    if column.physical_type() != Type::INT64 || column.max_rep_level() > 0 || column.max_def_level() > 0 {
        return None;
    }
    let ends = pages.iter().skip(1).map(|page| page.first_row_index as usize).chain([rows]);
    let ends: Vec<usize> = ends.collect();
    let mut pages = SerializedPageReader::new(Arc::new(file), chunk, rows, Some(pages)).ok()?;
    let mut found = Vec::with_capacity(wanted.len());
    let (mut start, mut left) = (0, wanted);
    for end in ends {
        let (here, behind) = left.split_at(left.partition_point(|row| *row < end));
        if here.is_empty() {
            pages.skip_next_page().ok()?;
        } else {
            let count = end.checked_sub(start)?;
            match pages.get_next_page().ok()?? {
                Page::DataPage { buf, num_values, encoding: Encoding::DELTA_BINARY_PACKED, .. }
                | Page::DataPageV2 { buf, num_values, encoding: Encoding::DELTA_BINARY_PACKED, .. }
                    if num_values as usize == count =>
                {
                    let mut integers = Integers::new(&buf, count)?;
                    for row in here {
                        found.push(integers.at(row - start)?);
                    }
                }
                _ => return None,
            }
        }
        (start, left) = (end, behind);
    }
    (found.len() == wanted.len()).then_some(found)
}

/// The integers of a page, of which each is the one before it and a difference.
struct Integers<'a> {
    /// What lies behind the part that is being added up.
    rest: &'a [u8],
    /// Differences in a part, and parts in a block.
    part: usize,
    parts: usize,
    /// Integers in the page.
    count: usize,
    /// The position that was reached, and the integer there.
    at: usize,
    value: i64,
    /// The position behind the part, and what its differences are: bits of one width, and all more than the least.
    end: usize,
    packed: &'a [u8],
    width: usize,
    least: i64,
    /// Differences of the part that were added up.
    done: usize,
    /// Widths of the block's other parts.
    widths: &'a [u8],
}

impl<'a> Integers<'a> {
    /// `None` where a page of `count` integers does not begin like this.
    fn new(bytes: &'a [u8], count: usize) -> Option<Self> {
        let (block, rest) = varint(bytes)?;
        let (parts, rest) = varint(rest)?;
        let (total, rest) = varint(rest)?;
        let (value, rest) = signed(rest)?;
        let (block, parts) = (usize::try_from(block).ok()?, usize::try_from(parts).ok()?);
        let part = block.checked_div(parts)?;
        let is_even = part.checked_mul(parts) == Some(block) && part > 0 && part % 32 == 0;
        (is_even && total == count as u64).then_some(Self {
            rest,
            part,
            parts,
            count,
            at: 0,
            value,
            end: 0,
            packed: &[],
            width: 0,
            least: 0,
            done: 0,
            widths: &[],
        })
    }

    /// The integer at a position, which is not before the last one asked for. `None` where the bytes do not hold it.
    fn at(&mut self, position: usize) -> Option<i64> {
        if position >= self.count {
            return None;
        }
        while position > self.end {
            self.advance(self.end);
            self.next_part(position)?;
        }
        self.advance(position);
        Some(self.value)
    }

    /// Goes on to the next part, or over a block of equal steps before `position`.
    fn next_part(&mut self, position: usize) -> Option<()> {
        if self.widths.is_empty() {
            let (least, rest) = signed(self.rest)?;
            (self.widths, self.rest) = rest.split_at_checked(self.parts)?;
            self.least = least;
            let block = self.part * self.parts;
            if position - self.at > block && self.widths.iter().all(|width| *width == 0) {
                self.value = self.value.wrapping_add(least.wrapping_mul(block as i64));
                self.at += block;
                (self.end, self.widths) = (self.at, &[]);
                return Some(());
            }
        }
        let (width, widths) = self.widths.split_first()?;
        self.width = usize::from(*width);
        if self.width > 64 {
            return None;
        }
        self.widths = widths;
        (self.packed, self.rest) = self.rest.split_at_checked(self.part / 8 * self.width)?;
        self.end = self.at + self.part;
        self.done = 0;
        Some(())
    }

    /// Adds up the differences to a position of the part.
    fn advance(&mut self, position: usize) {
        let steps = position - self.at;
        let sum = self.least.wrapping_mul(steps as i64);
        let more = sum_of_packed(self.packed, self.width, self.done..self.done + steps);
        self.value = self.value.wrapping_add(sum).wrapping_add(more as i64);
        self.at = position;
        self.done += steps;
    }
}

/// The sum of some of the integers of so many bits that are packed without gaps.
fn sum_of_packed(bytes: &[u8], width: usize, integers: Range<usize>) -> u64 {
    let mut sum = 0_u64;
    if width == 0 {
        return sum;
    }
    let mut next = integers.start;
    while next < integers.end {
        // Among equal steps a gap of some hours is a large number among zeros.
        let byte = next * width / 8;
        let (words, _) = bytes.get(byte..).unwrap_or_default().as_chunks::<8>();
        let zeros = words.iter().take_while(|word| **word == [0; 8]).count();
        let behind_zeros = if zeros > 0 { 8 * (byte + 8 * zeros) / width } else { 0 };
        if behind_zeros > next {
            next = behind_zeros;
        } else {
            sum = sum.wrapping_add(packed(bytes, next * width, width));
            next += 1;
        }
    }
    sum
}

/// The integer of 1 to 64 bits that begins at a bit, the least significant first.
#[inline]
fn packed(bytes: &[u8], bit: usize, width: usize) -> u64 {
    let bytes = bytes.get(bit / 8..).unwrap_or_default();
    let mask = u64::MAX >> (64 - width);
    match bytes.first_chunk() {
        Some(word) if bit % 8 + width <= 64 => u64::from_le_bytes(*word) >> (bit % 8) & mask,
        _ => {
            let word = bytes.iter().take(9).rev().fold(0, |word: u128, byte| word << 8 | u128::from(*byte));
            (word >> (bit % 8)) as u64 & mask
        }
    }
}

/// An integer of seven bits a byte, those of either sign in turns, and what follows.
fn signed(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (value, rest) = varint(bytes)?;
    Some(((value >> 1) as i64 ^ -((value & 1) as i64), rest))
}
