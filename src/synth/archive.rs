//! The archive file: series in the order of their stations in, a flat HDF5 file in the layout of ISD archives out.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use isd_dataset::MEASUREMENTS;
use rayon::prelude::*;
use rust_hdf5::format::messages::filter::{FilterPipeline, apply_filters};
use rust_hdf5::{DatatypeMessage, H5Dataset, H5File, Hdf5Error};

use super::error::{Result, SynthError};
use super::options::{Compression, Storage};
use super::series::SyntheticSeries;
use super::weather::MISSING;

/// Rows that are converted and written at a time where storage is contiguous: 2 MB a column, which costs the operating
/// system half of what writes of 512 kB do.
const CONTIGUOUS_ROWS: usize = 1 << 18;

/// Bytes of an element: all types used here have 64 bits.
const ELEMENT_BYTES: u32 = 8;

/// A column of the archive, which is an HDF5 dataset of one element a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ArchiveColumn {
    Usaf,
    Wban,
    Timestamp,
    /// Index of the measurement.
    Measurement(usize),
}

impl ArchiveColumn {
    /// All columns, in the order in which the file has them.
    fn all() -> impl Iterator<Item = Self> {
        [Self::Usaf, Self::Wban, Self::Timestamp]
            .into_iter()
            .chain((0..MEASUREMENTS.len()).map(Self::Measurement))
    }

    /// Name of its HDF5 dataset.
    fn name(self) -> &'static str {
        match self {
            Self::Usaf => "station_usaf",
            Self::Wban => "station_wban",
            Self::Timestamp => "timestamp",
            Self::Measurement(index) => MEASUREMENTS[index].name,
        }
    }

    /// Appends the elements of some rows of a series, as 64 bits each; a missing value is NaN.
    fn append_bits(self, series: &SyntheticSeries, rows: std::ops::Range<usize>, bits: &mut Vec<u64>) {
        let key = |number: u32, bits: &mut Vec<u64>| bits.resize(bits.len() + rows.len(), number.into());
        match self {
            Self::Usaf => key(series.station.usaf, bits),
            Self::Wban => key(series.station.wban, bits),
            Self::Timestamp => bits
                .extend(series.reports.hours[rows].iter().map(|&hour| (f64::from(hour) * 3_600.0).to_bits())),
            Self::Measurement(index) => {
                bits.extend(series.reports.columns[index][rows].iter().map(|&stored| {
                    let value = if stored == MISSING { f64::NAN } else { f64::from(stored) };
                    value.to_bits()
                }));
            }
        }
    }
}

/// Writes an archive, row by row.
pub(super) struct ArchiveWriter {
    /// The file under its final name, for messages.
    path: PathBuf,
    file: OpenFile,
    datasets: Vec<(ArchiveColumn, H5Dataset)>,
    /// Rows of a chunk; `None` for contiguous storage.
    chunk_rows: Option<usize>,
    filters: Option<FilterPipeline>,
    /// Number of rows that the file is made for.
    rows: usize,
    /// Number of rows that are written.
    written: usize,
    /// Series with rows that are not written yet.
    pending: VecDeque<Arc<SyntheticSeries>>,
    /// Number of rows of the first of them that are.
    skip: usize,
    /// Number of rows that are not.
    pending_rows: usize,
}

/// An HDF5 file that is closed when it is dropped. An open `H5File` that is dropped prints to standard error that it
/// could not be completed.
struct OpenFile(Option<H5File>);

impl OpenFile {
    /// Completes the file.
    fn close(mut self) -> Result<(), Hdf5Error> {
        self.0.take().map_or(Ok(()), H5File::close_no_sync)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            // It is dropped because of another failure, which is reported.
            let _ = file.close_no_sync();
        }
    }
}

/// Consecutive rows of the archive: series, and which rows of each.
type Piece = Vec<(Arc<SyntheticSeries>, std::ops::Range<usize>)>;

impl ArchiveWriter {
    /// Creates the file at `partial`, for `rows` rows. Messages name it `path`. Errors: the HDF5 writer fails.
    pub(super) fn create(partial: &Path, path: &Path, layout: Storage, rows: usize) -> Result<Self> {
        let chunk_rows = layout.effective_chunk_rows().map(|chunk| chunk.min(rows));
        let filters = match layout.compression {
            Compression::None => None,
            Compression::Gzip(level) => Some(FilterPipeline::shuffle_deflate(ELEMENT_BYTES, level)),
        };
        let failed = |dataset: &str, source| SynthError::Hdf5 {
            path: path.to_path_buf(),
            dataset: dataset.to_string(),
            source,
        };
        let created = H5File::create(partial).map_err(|source| failed("/", source))?;
        // Times of creation would make two runs write different bytes.
        let untimed = created.set_track_times(false).map_err(|source| failed("/", source));
        let datasets: Result<Vec<_>> = untimed.and_then(|()| {
            let create = |column: ArchiveColumn| {
                create_dataset(&created, column, rows, chunk_rows, filters.as_ref())
                    .map(|dataset| (column, dataset))
                    .map_err(|source| failed(column.name(), source))
            };
            ArchiveColumn::all().map(create).collect()
        });
        let file = OpenFile(Some(created));
        let datasets = datasets?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            datasets,
            chunk_rows,
            filters,
            rows,
            written: 0,
            pending: VecDeque::new(),
            skip: 0,
            pending_rows: 0,
        })
    }

    /// Appends series in the order of their stations; compresses chunks on the threads of `pool`.
    /// Errors: the HDF5 writer fails.
    pub(super) fn append(
        &mut self,
        series: impl IntoIterator<Item = Arc<SyntheticSeries>>,
        pool: &rayon::ThreadPool,
    ) -> Result<()> {
        for one in series {
            self.pending_rows += one.rows();
            self.pending.push_back(one);
        }
        let unit = self.chunk_rows.unwrap_or(CONTIGUOUS_ROWS);
        let mut pieces = Vec::new();
        while self.pending_rows >= unit {
            pieces.push(self.take(unit));
        }
        self.write(pieces, pool)
    }

    /// Writes the last rows and completes the file. Its bytes are handed to the operating system, but not forced to the
    /// disk: an archive that is lost in a power cut can be made again.
    /// Errors: the HDF5 writer fails, or fewer rows came than the file was made for.
    pub(super) fn finish(mut self, pool: &rayon::ThreadPool) -> Result<()> {
        if self.pending_rows > 0 {
            let last = self.take(self.pending_rows);
            self.write(vec![last], pool)?;
        }
        if self.written != self.rows {
            return Err(SynthError::Incomplete {
                path: self.path,
                rows: self.written as u64,
                expected: self.rows as u64,
            });
        }
        drop(self.datasets);
        let path = self.path;
        self.file.close().map_err(|source| SynthError::Hdf5 { path, dataset: "/".into(), source })
    }

    /// Takes the next `rows` of the pending rows.
    fn take(&mut self, rows: usize) -> Piece {
        let mut piece = Vec::new();
        let mut wanted = rows;
        while wanted > 0
            && let Some(first) = self.pending.front()
        {
            let taken = wanted.min(first.rows() - self.skip);
            piece.push((Arc::clone(first), self.skip..self.skip + taken));
            self.skip += taken;
            wanted -= taken;
            if self.skip == first.rows() {
                self.pending.pop_front();
                self.skip = 0;
            }
        }
        self.pending_rows -= rows;
        piece
    }

    /// Writes pieces, each a chunk long; of any length where storage is contiguous.
    fn write(&mut self, pieces: Vec<Piece>, pool: &rayon::ThreadPool) -> Result<()> {
        let failed = |column: ArchiveColumn, source| SynthError::Hdf5 {
            path: self.path.clone(),
            dataset: column.name().into(),
            source,
        };
        let Some(chunk_rows) = self.chunk_rows else {
            let mut bits = Vec::with_capacity(CONTIGUOUS_ROWS);
            for piece in pieces {
                for (column, dataset) in &self.datasets {
                    gather(*column, &piece, &mut bits);
                    // Bits of a double or a 64-bit integer: the writer checks the width alone.
                    dataset
                        .write_slice(&[self.written], &[bits.len()], &bits)
                        .map_err(|source| failed(*column, source))?;
                }
                self.written += bits.len();
            }
            return Ok(());
        };
        let first_chunk = self.written / chunk_rows;
        let jobs: Vec<(usize, usize)> = (0..pieces.len())
            .flat_map(|piece| (0..self.datasets.len()).map(move |column| (piece, column)))
            .collect();
        let columns: Vec<ArchiveColumn> = self.datasets.iter().map(|(column, _)| *column).collect();
        let filters = self.filters.as_ref();
        // A few chunks at a time, so that not all encoded bytes are in memory at once.
        for jobs in jobs.chunks(columns.len().max(4 * pool.current_num_threads())) {
            let encode = |&(piece, column): &(usize, usize)| {
                let bytes = chunk_bytes(columns[column], &pieces[piece], chunk_rows);
                match filters {
                    Some(filters) => apply_filters(filters, &bytes).map_err(Hdf5Error::from),
                    None => Ok(bytes),
                }
            };
            let encoded: Vec<_> = if filters.is_some() {
                pool.install(|| jobs.par_iter().map(encode).collect())
            } else {
                jobs.iter().map(encode).collect()
            };
            for (&(piece, column), bytes) in jobs.iter().zip(encoded) {
                let (column, dataset) = &self.datasets[column];
                let chunk = first_chunk + piece;
                bytes
                    .and_then(|bytes| match filters {
                        Some(_) => dataset.write_chunk_raw(chunk, &bytes, 0),
                        None => dataset.write_chunk(chunk, &bytes),
                    })
                    .map_err(|source| failed(*column, source))?;
            }
        }
        self.written += pieces.iter().flatten().map(|(_, rows)| rows.len()).sum::<usize>();
        Ok(())
    }
}

/// Replaces the contents of `bits` by the elements of a piece of a column.
fn gather(column: ArchiveColumn, piece: &Piece, bits: &mut Vec<u64>) {
    bits.clear();
    for (series, rows) in piece {
        column.append_bits(series, rows.clone(), bits);
    }
}

/// The bytes of a whole chunk of a column, little-endian, with zeros after the last row.
fn chunk_bytes(column: ArchiveColumn, piece: &Piece, chunk_rows: usize) -> Vec<u8> {
    let mut bits = Vec::with_capacity(chunk_rows);
    gather(column, piece, &mut bits);
    let mut bytes = vec![0; chunk_rows * ELEMENT_BYTES as usize];
    for (place, bits) in bytes.chunks_exact_mut(ELEMENT_BYTES as usize).zip(bits) {
        place.copy_from_slice(&bits.to_le_bytes());
    }
    bytes
}

/// Creates the HDF5 dataset of a column, with its attributes.
fn create_dataset(
    file: &H5File,
    column: ArchiveColumn,
    rows: usize,
    chunk_rows: Option<usize>,
    filters: Option<&FilterPipeline>,
) -> Result<H5Dataset, Hdf5Error> {
    macro_rules! create {
        ($element:ty) => {{
            let mut builder = file.new_dataset::<$element>().shape([rows]);
            if let Some(chunk_rows) = chunk_rows {
                builder = builder.chunk(&[chunk_rows]);
            }
            if let Some(filters) = filters {
                builder = builder.filter_pipeline(filters.clone());
            }
            builder.create(column.name())?
        }};
    }
    let text = |dataset: &H5Dataset, name: &str, value: &str| {
        // A text of fixed length, which every reader takes; some C programs cannot convert one of variable length.
        let kind = DatatypeMessage::fixed_string(value.len() as u32 + 1);
        dataset.set_attr_typed(name, kind, [value.as_bytes(), &[0]].concat())
    };
    let number = |dataset: &H5Dataset, name: &str, value: f64| {
        dataset.new_attr::<f64>().shape(()).create(name)?.write_numeric(&value)
    };
    Ok(match column {
        ArchiveColumn::Usaf | ArchiveColumn::Wban => {
            let dataset = create!(i64);
            let name =
                if column == ArchiveColumn::Usaf { "USAF station number" } else { "WBAN station number" };
            text(&dataset, "long_name", name)?;
            dataset
        }
        ArchiveColumn::Timestamp => {
            let dataset = create!(f64);
            text(&dataset, "long_name", "time of observation")?;
            text(&dataset, "units", "seconds since 1970-01-01 00:00:00 UTC")?;
            text(&dataset, "calendar", "standard")?;
            dataset
        }
        ArchiveColumn::Measurement(index) => {
            let measurement = &MEASUREMENTS[index];
            let dataset = create!(f64);
            text(&dataset, "long_name", measurement.long_name)?;
            text(&dataset, "units", measurement.units)?;
            number(&dataset, "scale_factor", if measurement.isd_decimals == 1 { 0.1 } else { 1.0 })?;
            number(&dataset, "missing_value", f64::NAN)?;
            dataset
        }
    })
}
