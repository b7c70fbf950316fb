use std::path::{Path, PathBuf};

use isd_converters::{ReadOptions, Scale, open};

use crate::archives::{read, read_path};

/// A file of the shared data, or `None` with a message where there are none.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/hdf5").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

#[test]
fn the_published_archive_and_the_pandas_table_agree() {
    let (Some(flat), Some(table)) = (shared("isdlite.hdf5"), shared("isdlite-pandas-table.h5")) else {
        return;
    };
    for scale in [Scale::Attributes, Scale::Isd] {
        let options = ReadOptions { scale, ..ReadOptions::default() };
        let flat = read_path(&flat, &options).unwrap();
        assert_eq!(flat.timestamps.len(), 993_786);
        assert_eq!(flat.stations.len(), 63);
        let mut source = open(&table, &options).unwrap();
        assert_eq!(source.layout(), "pandas table in HDF5");
        assert_eq!(read(source.as_mut()).unwrap(), read_path(&table, &options).unwrap());
        let table = read_path(&table, &options).unwrap();
        assert_eq!(table.timestamps.len(), 52_346);
        assert_eq!(table.stations.len(), 6);
        let mut at = 0;
        for (station, rows) in &table.stations {
            let position = flat.stations.iter().position(|(id, _)| id == station).unwrap();
            assert_eq!(flat.stations[position].1, *rows, "{station}");
            let from: usize = flat.stations[..position].iter().map(|(_, rows)| rows).sum();
            assert_eq!(flat.timestamps[from..from + rows], table.timestamps[at..at + rows], "{station}");
            for ((name, whole), (other, part)) in flat.columns.iter().zip(&table.columns) {
                assert_eq!(name, other);
                assert_eq!(whole[from..from + rows], part[at..at + rows], "{station} {name}");
            }
            at += rows;
        }
    }
}

#[test]
fn files_of_other_writers_are_read_or_refused_in_one_line() {
    let Some(root) = shared("third-party") else { return };
    let mut files = 0;
    for directory in std::fs::read_dir(root).unwrap() {
        for file in std::fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            files += 1;
            let Err(error) = read_path(&path, &ReadOptions::default()) else { continue };
            let message = error.to_string();
            assert!(!message.contains('\n') && message.contains(&*path.to_string_lossy()), "{message}");
            if path.parent().is_some_and(|parent| parent.ends_with("netcdf3")) {
                assert!(message.contains("classic netCDF-3"), "{message}");
            }
            if path.parent().is_some_and(|parent| parent.ends_with("pandas-fixed")) {
                assert!(message.contains("fixed format"), "{message}");
            }
        }
    }
    assert!(files > 0);
}
