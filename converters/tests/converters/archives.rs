//! Archives written for a test, and everything that is read from one.

use std::path::{Path, PathBuf};

use isd_converters::{Batch, Error, ReadOptions, Result, Scale, Source, open};
use rust_hdf5::format::messages::datatype::DatatypeMessage;
use rust_hdf5::{H5Dataset, H5File, H5Type, VarLenUnicode};
use tempfile::TempDir;

/// How the datasets of a fixture are stored.
#[derive(Clone, Copy, Debug)]
pub enum Storage {
    Contiguous,
    Chunked(usize),
    Gzip(usize),
}

pub const STORAGES: [Storage; 5] =
    [Storage::Contiguous, Storage::Chunked(7), Storage::Gzip(64), Storage::Gzip(100), Storage::Gzip(ROWS)];

pub const ROWS: usize = 1_000;

pub fn dataset<T: H5Type>(file: &H5File, name: &str, values: &[T], storage: Storage) -> H5Dataset {
    let builder = file.new_dataset::<T>().shape([values.len()]);
    let builder = match storage {
        Storage::Contiguous => builder,
        Storage::Chunked(rows) => builder.chunk(&[rows]),
        Storage::Gzip(rows) => builder.chunk(&[rows]).shuffle_deflate(4),
    };
    let dataset = builder.create(name).unwrap();
    dataset.write_raw(values).unwrap();
    dataset
}

pub fn number<T: H5Type>(dataset: &H5Dataset, name: &str, value: T) {
    dataset.new_attr::<T>().shape(()).create(name).unwrap().write_numeric(&value).unwrap();
}

pub fn text(dataset: &H5Dataset, name: &str, value: &str) {
    dataset.new_attr::<VarLenUnicode>().shape(()).create(name).unwrap().write_string(value).unwrap();
}

/// A fixed-length string attribute, as PyTables writes them.
pub fn fixed_text(dataset: &H5Dataset, name: &str, text: &str) {
    let datatype = DatatypeMessage::fixed_string(text.len() as u32);
    dataset.set_attr_typed(name, datatype, text.as_bytes().to_vec()).unwrap();
}

/// Three stations of an hour a row, as the tests below expect them.
pub fn keys(file: &H5File, storage: Storage) {
    let usaf: Vec<i64> = (0..ROWS).map(|row| [10_010, 720_000, 999_999][row * 3 / ROWS]).collect();
    let wban: Vec<i64> = (0..ROWS).map(|row| if row < ROWS / 2 { 99_999 } else { 12 }).collect();
    dataset(file, "station_usaf", &usaf, storage);
    dataset(file, "station_wban", &wban, storage);
    dataset(file, "timestamp", &times(), storage);
}

pub fn times() -> Vec<f64> {
    (0..ROWS).map(|row| 1_420_070_400.0 + 3600.0 * row as f64).collect()
}

/// Tenths as stored, with the two kinds of missing value.
pub fn tenths() -> Vec<f64> {
    (0..ROWS)
        .map(|row| match row % 50 {
            7 => f64::NAN,
            9 => -9999.0,
            _ => row as f64 - 300.0,
        })
        .collect()
}

pub struct Fixture {
    _directory: TempDir,
    pub path: PathBuf,
}

pub fn fixture(write: impl FnOnce(&H5File)) -> Fixture {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("archive.h5");
    let file = H5File::create(&path).unwrap();
    write(&file);
    file.close().unwrap();
    Fixture { _directory: directory, path }
}

pub fn archive(storage: Storage) -> Fixture {
    fixture(|file| {
        keys(file, storage);
        dataset(file, "air_temperature", &tenths(), storage);
        dataset(file, "wind_speed_rate", &tenths(), storage);
    })
}

/// Everything that a source yields, its batches joined.
#[derive(Debug, PartialEq)]
pub struct Everything {
    pub stations: Vec<(String, usize)>,
    pub timestamps: Vec<i64>,
    pub columns: Vec<(String, Vec<Option<f64>>)>,
}

pub fn read(source: &mut dyn Source) -> Result<Everything> {
    let all = read_rows(source)?;
    // A grid does not know how many of its cells are observations.
    assert!(source.info().rows.is_none_or(|rows| rows == all.timestamps.len() as u64));
    Ok(all)
}

/// As [`read`], of a source whose number of rows may turn out to be another.
pub fn read_rows(source: &mut dyn Source) -> Result<Everything> {
    let names: Vec<String> = source.info().columns.iter().map(|column| column.name.clone()).collect();
    let mut all = Everything {
        stations: Vec::new(),
        timestamps: Vec::new(),
        columns: names.into_iter().map(|name| (name, Vec::new())).collect(),
    };
    while let Some(batch) = source.next_batch()? {
        check(&batch, all.timestamps.len(), all.columns.len());
        all.timestamps.extend(&batch.timestamps);
        for run in &batch.stations {
            match all.stations.last_mut() {
                Some((id, rows)) if **id == *run.station_id => *rows += run.rows,
                _ => all.stations.push((run.station_id.to_string(), run.rows)),
            }
        }
        for ((_, values), column) in all.columns.iter_mut().zip(&batch.columns) {
            values.extend(column.iter());
        }
    }
    Ok(all)
}

/// What every batch promises.
fn check(batch: &Batch, first_row: usize, columns: usize) {
    assert_eq!(batch.first_row, first_row as u64);
    assert_eq!(batch.columns.len(), columns);
    assert_eq!(batch.stations.iter().map(|run| run.rows).sum::<usize>(), batch.rows());
    assert!(batch.stations.iter().all(|run| run.rows > 0));
    for column in &batch.columns {
        assert_eq!(column.len(), batch.rows());
        assert!(column.iter().flatten().all(f64::is_finite));
    }
}

/// Reads a file; where the C library is compiled in, it must read the same, or refuse it too.
pub fn read_path(path: &Path, options: &ReadOptions) -> Result<Everything> {
    let native = open(path, options).and_then(|mut source| read(source.as_mut()));
    #[cfg(feature = "libhdf5")]
    {
        let options = ReadOptions { hdf5_reader: isd_converters::Hdf5Reader::Libhdf5, ..options.clone() };
        let library = open(path, &options).and_then(|mut source| read(source.as_mut()));
        match (&native, &library) {
            (Ok(native), Ok(library)) => assert!(native == library, "{}: the readers differ", path.display()),
            (Err(_), Err(_)) => {}
            (native, library) => panic!(
                "{}: the readers differ: {:?} and {:?}",
                path.display(),
                native.as_ref().map(|_| ()),
                library.as_ref().map(|_| ())
            ),
        }
    }
    native
}

/// The one-line message of the error that opening or reading gives.
pub fn refusal(path: &Path, options: &ReadOptions) -> (Error, String) {
    let error = read_path(path, options).expect_err("the file should be refused");
    let message = error.to_string();
    assert!(!message.contains('\n'), "{message}");
    (error, message)
}

pub fn isd() -> ReadOptions {
    ReadOptions { scale: Scale::Isd, ..ReadOptions::default() }
}

/// Reads a file again and again with other bits of it flipped.
pub fn survives_flipped_bits(path: &Path, rounds: usize) {
    // xorshift64, so that the same bits are flipped in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let bytes = std::fs::read(path).unwrap();
    for round in 0..rounds {
        let mut broken = bytes.clone();
        // Mostly in the metadata, most of which lies in front or behind.
        for _ in 0..=round % 3 {
            let at = match round % 4 {
                0 => random(bytes.len()),
                1 => bytes.len() - 1 - random(bytes.len().min(2048)),
                _ => random(bytes.len().min(4096)),
            };
            broken[at] ^= 1 << random(8);
        }
        std::fs::write(path, &broken).unwrap();
        // Data without a checksum may read differently; it must only not panic or hang.
        let _ = open(path, &ReadOptions::default()).and_then(|mut source| {
            while source.next_batch()?.is_some() {}
            Ok(())
        });
    }
}
