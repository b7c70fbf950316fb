//! What the tests of NOAA's own formats share: reading a whole file, published samples, and damaged files.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use isd_converters::{Input, ReadOptions, Result, Tally, open_input};

/// All that a source yields.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub layout: &'static str,
    pub columns: Vec<String>,
    pub rows: Option<u64>,
    /// One an unbroken run.
    pub stations: Vec<String>,
    pub timestamps: Vec<i64>,
    /// By column, then row.
    pub values: Vec<Vec<Option<f64>>>,
    pub tally: Tally,
}

impl Read {
    /// The values of a row that are not missing.
    pub fn row(&self, row: usize) -> BTreeMap<String, f64> {
        let values = self.columns.iter().zip(&self.values);
        values.filter_map(|(name, values)| Some((name.clone(), values[row]?))).collect()
    }
}

pub fn options() -> ReadOptions {
    ReadOptions::default()
}

/// Reads a file on disk, which must succeed, and its rows without what is missing.
pub fn read(path: &Path) -> (Read, Vec<BTreeMap<String, f64>>) {
    let read = try_read(&Input::file(path), &options()).unwrap_or_else(|error| panic!("{error}"));
    let rows = (0..read.timestamps.len()).map(|row| read.row(row)).collect();
    (read, rows)
}

/// Reads an input to its end.
pub fn try_read(input: &Input, options: &ReadOptions) -> Result<Read> {
    let mut source = open_input(input, options)?;
    let columns: Vec<String> = source.columns().iter().map(|column| column.name.clone()).collect();
    let mut read = Read {
        layout: source.layout(),
        values: vec![Vec::new(); columns.len()],
        columns,
        rows: source.rows(),
        stations: Vec::new(),
        timestamps: Vec::new(),
        tally: Tally::default(),
    };
    while let Some(batch) = source.next_batch()? {
        assert_eq!(batch.first_row, read.timestamps.len() as u64);
        assert_eq!(batch.stations.iter().map(|run| run.rows).sum::<usize>(), batch.rows());
        assert_eq!(batch.columns.len(), read.columns.len());
        for run in &batch.stations {
            if read.stations.last().is_none_or(|last| **last != *run.station_id) {
                read.stations.push(run.station_id.to_string());
            }
        }
        read.timestamps.extend(&batch.timestamps);
        for (values, column) in read.values.iter_mut().zip(&batch.columns) {
            assert_eq!(column.iter().len(), batch.rows());
            assert!(column.iter().flatten().all(f64::is_finite));
            values.extend(column.iter());
        }
    }
    read.tally = source.tally();
    Ok(read)
}

/// A directory of published data, or nothing and a message where it is not at hand.
pub fn sample(name: &str) -> Option<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if directory.is_dir() {
        return Some(directory);
    }
    println!("skipped: {} is not there", directory.display());
    None
}

/// Reads a file many times, each time damaged in another way: bits flipped, cut short, pieces doubled or taken out.
/// Each must give an error or rows; a panic fails the test. The same seed gives the same damage.
pub fn mutations(content: &[u8], count: u64, options: &ReadOptions) {
    for seed in 0..count {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below.max(1) as u64) as usize
        };
        let mut damaged = content.to_vec();
        for _ in 0..=random(4) {
            let at = random(damaged.len());
            let end = (at + random(40)).min(damaged.len());
            match random(5) {
                0 => damaged.truncate(at),
                1 => drop(damaged.drain(at..end)),
                2 => damaged.extend_from_within(at..end),
                _ if damaged.is_empty() => {}
                _ => damaged[at] ^= 1 << random(8),
            }
        }
        if seed % 10 == 0 {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&damaged).unwrap();
            damaged = gzip.finish().unwrap();
        }
        let input = Input::member(Path::new("damaged"), Path::new(&seed.to_string()), damaged.into());
        let _ = try_read(&input, options);
    }
}
