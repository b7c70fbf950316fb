//! What tells one version of a dataset from another: footers and small files in, a few digits out.

use std::io::ErrorKind;

use parquet::file::metadata::RowGroupMetaData;

use crate::layout::{MANIFEST, STATIONS, dataset_directory};
use crate::read::Dataset;
use crate::{Error, Result, storage};

impl Dataset {
    /// Sixteen hexadecimal digits that are the same for each copy of the dataset, wherever it lies, and others once it is
    /// written anew with other rows: a checksum of the names of its files, of their footers (rows, sizes, nulls and least and
    /// greatest values of each column), of its manifest and of its table of stations. No value is read.
    ///
    /// # Errors
    /// A manifest or a table of stations that cannot be read.
    pub fn fingerprint(&self) -> Result<String> {
        let mut checksum = Checksum::default();
        let directory = dataset_directory(&self.path);
        for name in [MANIFEST, STATIONS] {
            let path = directory.join(name);
            match storage::read(&path) {
                Ok(bytes) => checksum.add(&bytes),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(source) => return Err(Error::io(&path, "cannot read", source)),
            }
        }
        for file in &self.files {
            // Where the dataset lies does not matter.
            let name = file.path.strip_prefix(&directory).unwrap_or(&file.path);
            checksum.add(name.to_string_lossy().as_bytes());
            for group in file.metadata().row_groups() {
                checksum.add_row_group(group);
            }
        }
        Ok(format!("{:016x}", checksum.0))
    }
}

/// A checksum of 64 bits: FNV-1a (Fowler, Noll and Vo).
struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    /// Adds a text and its length, so that two texts are told from one.
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&(bytes.len() as u64).to_le_bytes()) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn add_row_group(&mut self, group: &RowGroupMetaData) {
        self.add(&group.num_rows().to_le_bytes());
        for column in group.columns() {
            self.add(column.column_path().string().as_bytes());
            self.add(&column.compressed_size().to_le_bytes());
            self.add(&column.uncompressed_size().to_le_bytes());
            if let Some(statistics) = column.statistics() {
                self.add(&statistics.null_count_opt().unwrap_or(u64::MAX).to_le_bytes());
                self.add(statistics.min_bytes_opt().unwrap_or_default());
                self.add(statistics.max_bytes_opt().unwrap_or_default());
            }
        }
    }
}
