use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use isd_converters::JOURNAL;
use isd_converters::archive::Archive;
use isd_converters::{
    Conversion, ConvertOptions, Course, Duplicates, Quality, ReadOptions, Result, RowChanges, Scale, convert,
};
use isd_dataset::layout::MANIFEST;
use isd_dataset::manifest::Manifest;
use isd_dataset::read::Dataset;
use proptest::prelude::*;
use rust_hdf5::H5File;
use tempfile::TempDir;

use crate::archives::{Storage, dataset as column};
use crate::dataset::{read, snapshot};

/// Hourly rows of stations in one source file: (USAF number, first hour, rows).
pub type Stations = Vec<(i64, i64, usize)>;

/// Source files in a directory, each written at a moment of its own: file systems tell milliseconds apart at best.
pub struct Files {
    pub home: TempDir,
    pub clock: u64,
}

impl Files {
    pub fn new() -> Self {
        Self { home: TempDir::new().unwrap(), clock: 1_600_000_000 }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("source").join(name)
    }

    pub fn target(&self) -> PathBuf {
        self.home.path().join("observations")
    }

    /// Writes a file, whose values are about `value` and hard to compress.
    pub fn write(&mut self, name: &str, stations: &[(i64, i64, usize)], value: f64) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        let rows = || {
            stations.iter().flat_map(|&(id, first, rows)| (0..rows).map(move |at| (id, first + at as i64)))
        };
        let file = H5File::create(&path).unwrap();
        column(&file, "station_usaf", &rows().map(|row| row.0).collect::<Vec<_>>(), Storage::Contiguous);
        column(&file, "station_wban", &rows().map(|_| 99_999_i64).collect::<Vec<_>>(), Storage::Contiguous);
        let times: Vec<f64> = rows().map(|row| 3600.0 * row.1 as f64).collect();
        column(&file, "timestamp", &times, Storage::Contiguous);
        let values: Vec<f64> =
            rows().map(|row| if row.1 % 7 == 3 { f64::NAN } else { value + (row.1 as f64).sin() }).collect();
        column(&file, "wind_speed_rate", &values, Storage::Contiguous);
        file.close().unwrap();
        self.touch(name);
    }

    /// Gives a file a time of its own.
    pub fn touch(&mut self, name: &str) {
        self.clock += 1;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.clock);
        File::options().write(true).open(self.path(name)).unwrap().set_modified(time).unwrap();
    }

    pub fn archive(&self) -> Archive {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        Archive::open(&paths, &ReadOptions::default(), false).unwrap()
    }

    pub fn convert(&self, options: &ConvertOptions) -> Result<Conversion> {
        convert(&mut self.archive(), &self.target(), options, &|_| ())
    }

    pub fn update(&self) -> Conversion {
        self.convert(&update()).unwrap()
    }

    /// The dataset is what a conversion from the start gives, byte for byte, but for paths of its own.
    pub fn assert_as_fresh(&self, options: &ConvertOptions) {
        let fresh = self.home.path().join("fresh");
        convert(&mut self.archive(), &fresh, options, &|_| ()).unwrap();
        let (expected, found) = (contents(&fresh), contents(&self.target()));
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&expected));
        for (name, bytes) in &expected {
            assert!(found[name] == *bytes, "{} differs", name.display());
        }
        Dataset::open(&self.target()).unwrap();
        fs::remove_dir_all(&fresh).unwrap();
        let mut names: Vec<_> =
            fs::read_dir(self.home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["observations", "source"], "something is left");
    }
}

fn contents(dataset: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = snapshot(dataset).into_iter();
    files.map(|(path, bytes)| (path.strip_prefix(dataset).unwrap().to_owned(), bytes)).collect()
}

pub fn options() -> ConvertOptions {
    ConvertOptions { row_group_rows: 50, sort_bytes: 20_000, ..ConvertOptions::default() }
}

pub fn update() -> ConvertOptions {
    ConvertOptions { update: true, ..options() }
}

/// An update that follows the files wherever they go.
pub fn prune() -> ConvertOptions {
    ConvertOptions { prune: true, ..update() }
}

/// Three files of a block each, and one of two of these blocks.
pub fn three_blocks() -> Files {
    let mut files = Files::new();
    files.write("01.h5", &[(10_010, 0, 40), (10_020, 0, 40)], 1.5);
    files.write("02.h5", &[(20_010, 0, 60)], 2.5);
    files.write("03.h5", &[(30_010, 0, 60)], 3.5);
    files.write("more.h5", &[(10_010, 40, 20), (20_010, 60, 10)], 4.5);
    files.convert(&options()).unwrap();
    files
}

/// The file of each block, as the file system knows it.
#[cfg(unix)]
pub fn inodes(dataset: &Path) -> HashMap<String, u64> {
    use std::os::unix::fs::MetadataExt;
    let files = snapshot(dataset).into_keys().filter(|path| path.extension().is_some_and(|e| e == "parquet"));
    let block = |path: &Path| path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    files.map(|path| (block(&path), path.metadata().unwrap().ino())).collect()
}

#[test]
fn an_update_without_changes_writes_nothing() {
    let files = three_blocks();
    let before = snapshot(files.home.path());
    let conversion = files.update();
    assert_eq!(conversion.course, Course::Unchanged);
    assert_eq!((conversion.blocks_written, conversion.blocks_kept, conversion.bytes_out), (0, 3, 0));
    assert_eq!(conversion.manifest, Manifest::read(&files.target()).unwrap());
    assert_eq!(snapshot(files.home.path()), before);
}

#[test]
#[cfg(unix)]
fn an_update_writes_only_the_blocks_of_files_that_changed() {
    let mut files = three_blocks();
    let before = inodes(&files.target());
    // A changed file, whose rows are of block 03 alone.
    files.write("03.h5", &[(30_010, 0, 61)], 3.5);
    let conversion = files.update();
    assert_eq!(conversion.course, Course::Updated);
    assert_eq!((conversion.blocks_written, conversion.blocks_kept), (1, 2));
    let after = inodes(&files.target());
    assert_eq!((before["block=01"], before["block=02"]), (after["block=01"], after["block=02"]));
    assert_ne!(before["block=03"], after["block=03"]);
    files.assert_as_fresh(&options());
}

#[test]
fn new_changed_and_vanished_files_are_followed() {
    let mut files = three_blocks();
    // New: rows of a block that is there, of one that is not, and some that are there already.
    files.write("new.h5", &[(20_010, 50, 30), (40_010, 0, 5)], 9.5);
    let conversion = files.update();
    assert_eq!((conversion.blocks_written, conversion.blocks_kept), (2, 2));
    assert_eq!(conversion.manifest.source_files, 5);
    assert!(conversion.manifest.duplicates > 0);
    files.assert_as_fresh(&options());

    // Vanished: its station, and the block that held nothing else.
    fs::remove_file(files.path("03.h5")).unwrap();
    fs::remove_file(files.path("new.h5")).unwrap();
    let conversion = files.convert(&prune()).unwrap();
    assert_eq!((conversion.blocks_written, conversion.blocks_kept), (1, 1));
    assert_eq!((conversion.manifest.rows, conversion.manifest.stations), (170, 3));
    assert!(!files.target().join("block=03").exists());
    files.assert_as_fresh(&options());

    // Moved to another block, with fewer rows.
    files.write("02.h5", &[(50_010, 0, 3)], 2.5);
    files.update();
    files.assert_as_fresh(&options());

    // Touched, but the same.
    files.touch("01.h5");
    assert_eq!(files.update().blocks_written, 1);
    files.assert_as_fresh(&options());
}

#[test]
fn an_update_with_a_part_of_the_archive_is_refused() {
    let files = three_blocks();
    let before = snapshot(&files.target());
    let some = [files.path("01.h5"), files.path("more.h5")];
    let mut archive = Archive::open(&some, &ReadOptions::default(), false).unwrap();
    let error = convert(&mut archive, &files.target(), &update(), &|_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("02.h5: is a part of") && text.contains("nor is one other"), "{text}");
    assert!(error.hint().unwrap().contains("the whole archive"));
    assert_eq!(snapshot(&files.target()), before);

    // What is gone need not be named.
    fs::remove_file(files.path("02.h5")).unwrap();
    fs::remove_file(files.path("03.h5")).unwrap();
    let mut archive = Archive::open(&some, &ReadOptions::default(), false).unwrap();
    let conversion = convert(&mut archive, &files.target(), &prune(), &|_| ()).unwrap();
    assert_eq!((conversion.course, conversion.blocks_removed), (Course::Updated, 1));
    assert_eq!(conversion.manifest.rows, 110);
}

/// What an update would change besides rows is named, and nothing is written.
#[test]
fn an_update_with_other_options_or_columns_is_refused() {
    let mut files = three_blocks();
    let before = snapshot(files.home.path());
    let read = |change: fn(&mut ReadOptions)| {
        let mut read = ReadOptions::default();
        change(&mut read);
        read
    };
    for (options, difference) in [
        (
            ConvertOptions { duplicates: Duplicates::First, ..update() },
            "duplicates \"first\" instead of \"last\"",
        ),
        (ConvertOptions { float32: true, ..update() }, "float32 true instead of false"),
        (
            ConvertOptions { read: read(|read| read.quality = Quality::Keep), ..update() },
            "quality \"keep\" instead of \"drop\"",
        ),
        (
            ConvertOptions { read: read(|read| read.scale = Scale::Isd), ..update() },
            "scale \"isd\" instead of \"attributes\"",
        ),
        (
            ConvertOptions {
                read: read(|read| read.measurements = vec!["wind_speed_rate".into()]),
                ..update()
            },
            "measurements [\"wind_speed_rate\"] instead of default",
        ),
    ] {
        let error = files.convert(&options).unwrap_err();
        let expected = format!("an update would change more than rows: {difference}");
        assert!(error.to_string().ends_with(&expected), "{error}");
        assert!(error.hint().unwrap().contains("--overwrite"));
    }
    assert_eq!(snapshot(files.home.path()), before);

    let file = H5File::create(files.path("wet.h5")).unwrap();
    column(&file, "station_usaf", &[60_010_i64], Storage::Contiguous);
    column(&file, "station_wban", &[1_i64], Storage::Contiguous);
    column(&file, "timestamp", &[0.0_f64], Storage::Contiguous);
    column(&file, "liquid_precipitation_1h", &[1.0_f64], Storage::Contiguous);
    file.close().unwrap();
    files.touch("wet.h5");
    let error = files.convert(&update()).unwrap_err();
    assert!(error.to_string().ends_with("more than rows: a new column liquid_precipitation_1h"), "{error}");
    let conversion = files.convert(&ConvertOptions { overwrite: true, ..options() }).unwrap();
    assert_eq!(conversion.manifest.columns.len(), 2);

    // A column that no file has any more stays.
    fs::remove_file(files.path("wet.h5")).unwrap();
    let conversion = files.convert(&prune()).unwrap();
    assert_eq!((conversion.rows.removed, conversion.manifest.columns.len()), (1, 2));
    assert_eq!(conversion.manifest.columns[1].nulls, 230);
}

#[test]
fn a_dataset_without_a_journal_cannot_be_updated() {
    let files = three_blocks();
    fs::remove_file(files.target().join(JOURNAL)).unwrap();
    let before = snapshot(files.home.path());
    let error = files.convert(&update()).unwrap_err();
    assert!(error.to_string().contains("cannot be updated") && error.hint().unwrap().contains("--overwrite"));
    assert_eq!(snapshot(files.home.path()), before);
    fs::write(files.target().join(JOURNAL), "{\"settings\":1}\n").unwrap();
    let error = files.convert(&update()).unwrap_err();
    assert!(error.to_string().contains("_journal.ndjson: line 1"), "{error}");
}

#[test]
fn an_update_of_nothing_is_a_conversion() {
    let files = three_blocks();
    fs::remove_dir_all(files.target()).unwrap();
    assert_eq!(files.update().course, Course::Whole);
    files.assert_as_fresh(&options());
}

/// A block whose file is gone or was cut short is written again.
#[test]
fn a_block_that_was_lost_is_written_again() {
    let files = three_blocks();
    fs::remove_file(files.target().join("block=01/part-00000.parquet")).unwrap();
    File::options()
        .write(true)
        .open(files.target().join("block=03/part-00000.parquet"))
        .unwrap()
        .set_len(9)
        .unwrap();
    let conversion = files.update();
    assert_eq!((conversion.blocks_written, conversion.blocks_kept), (2, 1));
    files.assert_as_fresh(&options());
}

#[test]
fn a_second_run_on_the_same_target_is_refused() {
    let files = three_blocks();
    let refused = std::sync::Mutex::new(Vec::new());
    let overwrite = ConvertOptions { overwrite: true, ..options() };
    let progress = |_| {
        let error = files.convert(&overwrite).unwrap_err();
        refused.lock().unwrap().push(error.to_string());
    };
    convert(&mut files.archive(), &files.target(), &overwrite, &progress).unwrap();
    let refused = refused.into_inner().unwrap();
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|error| error.contains("is being written by another run")), "{refused:?}");
    files.assert_as_fresh(&options());
}

/// Where two directories cannot change places in one step, a run may be killed between the two steps.
#[test]
fn a_dataset_that_was_put_aside_is_put_back() {
    let files = three_blocks();
    let before = read(&files.target());
    let hidden = files.home.path().join(".observations.a1B2c3.tmp");
    fs::create_dir_all(hidden.join("dataset")).unwrap();
    fs::rename(files.target(), hidden.join("replaced")).unwrap();
    // Another target's, for all that it looks like it.
    let other = files.home.path().join(".observations.2.a1B2c3.tmp");
    fs::create_dir(&other).unwrap();
    let error = files.convert(&options()).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(read(&files.target()), before);
    assert_eq!(files.update().course, Course::Unchanged);
    assert!(!hidden.exists() && other.exists());
    assert!(files.target().join(MANIFEST).is_file());
}

/// A source file's stations, and the value of all its rows.
fn content() -> impl Strategy<Value = (Stations, u8)> {
    let station = (prop::sample::select(vec![10_010, 10_020, 20_010, 30_010]), 0..40_i64, 1..25_usize);
    (prop::collection::vec(station, 1..4), 0..3_u8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever becomes of the source files, the dataset follows.
    #[test]
    fn updates_follow_any_changes(
        first in prop::collection::vec(content(), 1..4),
        steps in prop::collection::vec((0..5_usize, prop::option::weighted(0.7, content())), 1..5),
    ) {
        let mut files = Files::new();
        let name = |at: usize| format!("{at}.h5");
        files.write("always.h5", &[(20_010, 0, 30), (40_010, 0, 30)], 7.0);
        for (at, (stations, value)) in first.iter().enumerate() {
            files.write(&name(at), stations, f64::from(*value));
        }
        files.convert(&options()).unwrap();
        for (at, content) in steps {
            match content {
                Some((stations, value)) => files.write(&name(at), &stations, f64::from(value)),
                None => drop(fs::remove_file(files.path(&name(at)))),
            }
            files.convert(&prune()).unwrap();
            files.assert_as_fresh(&options());
        }
    }
}

/// The two rows of one key lie on either side of a station that the update passes over.
#[test]
fn an_update_resolves_duplicates_around_rows_that_it_passes_over() {
    let mut files = Files::new();
    files.write("0.h5", &[(30_010, 32, 7), (20_010, 0, 1), (30_010, 38, 1)], 0.0);
    files.write("1.h5", &[(30_010, 0, 1)], 0.0);
    files.convert(&options()).unwrap();
    fs::remove_file(files.path("1.h5")).unwrap();
    let conversion = files.convert(&prune()).unwrap();
    assert_eq!((conversion.blocks_written, conversion.blocks_kept), (1, 1));
    assert_eq!((conversion.manifest.rows, conversion.manifest.identical), (8, 1));
    files.assert_as_fresh(&options());
}

/// A file that fails after rows of it were taken: in an update all of its rows stay as they were; in a new dataset there is
/// none of them, wherever they had got to by then.
#[test]
fn a_file_that_fails_half_way_leaves_no_row() {
    const ROWS: usize = 500_000;
    let mut files = three_blocks();
    for out_of_order in [false, true] {
        let path = files.path("00.h5");
        let _ = fs::remove_file(&path);
        let file = H5File::create(&path).unwrap();
        let storage = Storage::Gzip(8192);
        column(&file, "station_usaf", &vec![10_005_i64; ROWS], storage);
        column(&file, "station_wban", &vec![99_999_i64; ROWS], storage);
        let time = |row: usize| if out_of_order && row == 2 { 0.0 } else { 3600.0 * row as f64 };
        column(&file, "timestamp", &(0..ROWS).map(time).collect::<Vec<_>>(), storage);
        // Noise to the last bit, so that the file is large and most of it is values.
        let noise = |row: usize| {
            let mixed = (row as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            (mixed ^ (mixed >> 29)) as f64 / 2_f64.powi(64)
        };
        for name in ["wind_speed_rate", "air_temperature", "dew_point_temperature"] {
            column(&file, name, &(0..ROWS).map(noise).collect::<Vec<_>>(), storage);
        }
        file.close().unwrap();
        let overwrite = ConvertOptions { overwrite: true, ..options() };
        files.convert(&overwrite).unwrap();
        let before = read(&files.target());
        let mut bytes = fs::read(&path).unwrap();
        assert!(bytes.len() > 9 << 20, "{} bytes are read as a whole", bytes.len());
        let damaged = bytes.len() / 2;
        bytes[damaged..damaged + 4096].fill(0x55);
        fs::write(&path, &bytes).unwrap();

        files.touch("00.h5");
        // A block of it is written anew.
        files.write("01.h5", &[(10_010, 0, 39 + usize::from(out_of_order)), (10_020, 0, 40)], 1.5);
        let conversion = files.update();
        assert_eq!((conversion.files.unreadable, conversion.files.changed), (1, 1));
        let changed = RowChanges { added: 0, replaced: 0, removed: 1 };
        assert_eq!(
            conversion.rows,
            if out_of_order { RowChanges { added: 1, removed: 0, ..changed } } else { changed }
        );
        assert_eq!(read(&files.target()).1.len() + 1, before.1.len() + 2 * usize::from(out_of_order));

        let mut archive = files.archive();
        let conversion = convert(&mut archive, &files.target(), &overwrite, &|_| ()).unwrap();
        assert!(archive.progress().passes() > 1, "no row was taken before the failure");
        assert_eq!(archive.failures().len(), 1);
        let rows = 229 + u64::from(out_of_order);
        assert_eq!((conversion.manifest.rows, conversion.manifest.failed_files), (rows, 1));
        assert_eq!(read(&files.target()).0.concat().len(), 4);
    }
}
