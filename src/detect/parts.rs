//! Parts of a dataset, for many machines: rows of its row groups in, which row groups each part has out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Parts that a dataset can be cut into, at most: as many as five digits of a file's name can count.
pub const MOST_PARTS: usize = 99_999;

/// One of the parts that a dataset is cut into: `3/16` is the third of sixteen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    number: usize,
    of: usize,
}

impl Part {
    /// Part `number`, from 1, of `of`; `None` where there is no such part, or there are more than [`MOST_PARTS`].
    #[must_use]
    pub fn new(number: usize, of: usize) -> Option<Self> {
        ((1..=of).contains(&number) && of <= MOST_PARTS).then_some(Self { number, of })
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        self.number
    }

    /// Number of parts.
    #[must_use]
    pub fn of(self) -> usize {
        self.of
    }

    /// Name of the file of its outliers, such as `part-00003-of-00016.parquet`.
    #[must_use]
    pub fn file_name(self) -> String {
        format!("part-{:05}-of-{:05}.parquet", self.number, self.of)
    }

    /// The part whose file has that name; `None` for any other name.
    #[must_use]
    pub fn of_file_name(name: &str) -> Option<Self> {
        let (number, of) = name.strip_prefix("part-")?.strip_suffix(".parquet")?.split_once("-of-")?;
        Self::new(number.parse().ok()?, of.parse().ok()?).filter(|part| part.file_name() == name)
    }

    /// Positions of the part's items, in ascending order: see [`split`].
    #[must_use]
    pub fn items(self, rows: &[u64]) -> Vec<usize> {
        split(rows, self.of).swap_remove(self.number - 1)
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(number, of)| number.parse().ok().zip(of.parse().ok()));
        let part = numbers.and_then(|(number, of)| Self::new(number, of));
        part.ok_or_else(|| {
            format!("expected K/N, such as 3/16 for the third of 16 parts, with N at most {MOST_PARTS}")
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Cuts items of so many rows into `parts` parts of nearly as many rows; gives the positions of each part's items, ascending.
///
/// Each item is in one part. The longest comes first, and each goes to the part with the fewest rows so far, of several to
/// the first (Graham 1969, "Bounds on multiprocessing timing anomalies"). So no part has more rows than the mean and its own
/// shortest item, nor more than 4/3 of the least possible, and two parts differ at most by the longest item. It depends on
/// `rows` and `parts` alone, so that all machines cut alike. Where there are fewer items than parts, the last parts are empty.
/// With 0 parts there are none.
#[must_use]
pub fn split(rows: &[u64], parts: usize) -> Vec<Vec<usize>> {
    let mut longest_first: Vec<usize> = (0..rows.len()).collect();
    longest_first.sort_by_key(|&item| Reverse(rows[item]));
    let mut split = vec![Vec::new(); parts];
    let mut loads: BinaryHeap<Reverse<(u64, usize)>> = (0..parts).map(|part| Reverse((0, part))).collect();
    for item in longest_first {
        let Some(Reverse((load, part))) = loads.pop() else { break };
        split[part].push(item);
        loads.push(Reverse((load + rows[item], part)));
    }
    for items in &mut split {
        items.sort_unstable();
    }
    split
}

/// How evenly a dataset is cut into parts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Balance {
    /// Number of parts.
    pub parts: usize,
    /// Number of those that have no row group, as where there are fewer row groups than parts.
    pub empty_parts: usize,
    /// Number of row groups of the part with most.
    pub most_row_groups: usize,
    /// Number of rows of a part in the mean, rounded down.
    pub mean_rows: u64,
    /// Number of rows of the largest part.
    pub most_rows: u64,
    /// Rows of the largest part as a multiple of the mean: 1 where all are equal, or there are no rows.
    pub largest_share: f64,
    /// Bytes that a part reads in the mean, rounded down.
    pub mean_bytes: u64,
    /// Bytes that the part reads that reads most.
    pub most_bytes: u64,
}

impl Balance {
    /// The balance of row groups with so many rows, of which so many bytes are read, cut into `parts` parts.
    #[must_use]
    pub fn of(rows: &[u64], bytes: &[u64], parts: usize) -> Self {
        let split = split(rows, parts);
        let of = |items: &[u64]| -> (u64, u64) {
            let sum = |part: &Vec<usize>| part.iter().filter_map(|&item| items.get(item)).sum();
            let mean = items.iter().sum::<u64>() / (parts.max(1) as u64);
            (mean, split.iter().map(sum).max().unwrap_or(0))
        };
        let ((mean_rows, most_rows), (mean_bytes, most_bytes)) = (of(rows), of(bytes));
        let all: u64 = rows.iter().sum();
        Self {
            parts,
            empty_parts: split.iter().filter(|part| part.is_empty()).count(),
            most_row_groups: split.iter().map(Vec::len).max().unwrap_or(0),
            mean_rows,
            most_rows,
            largest_share: if all == 0 { 1.0 } else { most_rows as f64 * parts as f64 / all as f64 },
            mean_bytes,
            most_bytes,
        }
    }
}
