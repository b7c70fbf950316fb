use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;

use isd_converters::{Conversion, Course, FileChanges, RowChanges, convert};
use proptest::prelude::*;
use tar::Header;

use crate::dataset::{read, snapshot};
use crate::texts::day;
use crate::update::{Files, Stations, inodes, options, prune, three_blocks, update};

/// Cuts a file short, as a download that broke off.
fn cut(files: &mut Files, name: &str) -> Vec<u8> {
    let whole = fs::read(files.path(name)).unwrap();
    File::options().write(true).open(files.path(name)).unwrap().set_len(whole.len() as u64 / 2).unwrap();
    files.touch(name);
    whole
}

fn rows(files: &Files) -> BTreeMap<(String, i64), Vec<Option<u64>>> {
    let bits = |values: Vec<Option<f64>>| values.into_iter().map(|value| value.map(f64::to_bits)).collect();
    read(&files.target()).1.into_iter().map(|(id, time, values)| ((id, time), bits(values))).collect()
}

fn counts(conversion: &Conversion) -> (FileChanges, RowChanges) {
    (conversion.files, conversion.rows)
}

#[test]
#[cfg(unix)]
fn rows_of_files_that_are_gone_stay_until_they_are_pruned() {
    let mut files = three_blocks();
    let (before, files_before) = (rows(&files), inodes(&files.target()));
    let more = fs::read(files.path("more.h5")).unwrap();
    let modified = fs::metadata(files.path("more.h5")).unwrap().modified().unwrap();
    fs::remove_file(files.path("more.h5")).unwrap();
    fs::remove_file(files.path("03.h5")).unwrap();
    let conversion = files.update();
    assert_eq!((&conversion.course, conversion.blocks_kept), (&Course::Updated, 3));
    assert_eq!(conversion.gone, [files.path("03.h5"), files.path("more.h5")]);
    let expected = FileChanges { unchanged: 2, gone: 2, ..FileChanges::default() };
    assert_eq!(counts(&conversion), (expected, RowChanges::default()));
    assert_eq!((conversion.manifest.source_files, conversion.manifest.retained_files), (2, 2));
    assert_eq!((rows(&files), inodes(&files.target())), (before.clone(), files_before));

    // Nothing more happens, but they are named each time.
    let again = files.update();
    assert_eq!((again.course, again.gone.len()), (Course::Unchanged, 2));

    // Another file of a block changes: five rows of it are others, one is new.
    files.write("01.h5", &[(10_010, 0, 40), (10_020, 35, 6)], 1.5);
    let conversion = files.update();
    let expected = FileChanges { changed: 1, unchanged: 1, gone: 2, ..FileChanges::default() };
    assert_eq!(counts(&conversion), (expected, RowChanges { added: 1, replaced: 0, removed: 35 }));
    assert_eq!((conversion.blocks_written, conversion.blocks_kept), (1, 2));
    let is_kept = |key: &&(String, i64)| !(key.0.starts_with("010020") && key.1 < 35 * 3_600_000_000);
    let expected: BTreeSet<_> = before.keys().filter(is_kept).cloned().collect();
    assert!(
        rows(&files)
            .into_keys()
            .filter(|key| key.1 < 40 * 3_600_000_000 || !key.0.starts_with("010020"))
            .eq(expected)
    );

    // One of them is mounted again, as it was.
    fs::write(files.path("more.h5"), more).unwrap();
    File::options().write(true).open(files.path("more.h5")).unwrap().set_modified(modified).unwrap();
    let conversion = files.update();
    assert_eq!(
        (conversion.files.changed, conversion.gone.len(), conversion.rows),
        (1, 1, RowChanges::default())
    );
    let conversion = files.convert(&prune()).unwrap();
    assert_eq!((conversion.gone.len(), conversion.rows.removed, conversion.blocks_removed), (1, 60, 1));
    files.assert_as_fresh(&options());
}

#[test]
fn rows_of_files_that_cannot_be_read_stay_while_others_are_taken_anew() {
    let mut files = three_blocks();
    let before = rows(&files);
    let whole = cut(&mut files, "more.h5");
    let mut archive = files.archive();
    let conversion = convert(&mut archive, &files.target(), &update(), &|_| ()).unwrap();
    let expected = FileChanges { unchanged: 3, unreadable: 1, ..FileChanges::default() };
    assert_eq!(counts(&conversion), (expected, RowChanges::default()));
    assert_eq!(archive.failures().len(), 1);
    assert_eq!((conversion.manifest.failed_files, conversion.manifest.retained_files), (1, 1));
    assert_eq!(rows(&files), before);
    // To prune is to remove what is gone, not what is damaged.
    assert_eq!(files.convert(&prune()).unwrap().course, Course::Unchanged);
    assert_eq!(rows(&files), before);

    // Another file of the same station: the first five hours are not in it any more, and every seventh is without a value.
    files.write("02.h5", &[(20_010, 5, 55)], 7.5);
    let conversion = files.update();
    assert_eq!(conversion.rows, RowChanges { added: 0, replaced: 47, removed: 5 });
    let found = rows(&files);
    for (key, values) in &before {
        let hour = key.1 / 3_600_000_000;
        let is_of_changed = key.0.starts_with("020010") && hour < 60;
        match found.get(key) {
            None => assert!(is_of_changed && hour < 5),
            Some(found) => assert_eq!(found != values, is_of_changed && hour % 7 != 3),
        }
    }
    fs::write(files.path("more.h5"), &whole).unwrap();
    files.touch("more.h5");
    assert_eq!(files.update().rows, RowChanges::default());
    files.assert_as_fresh(&options());
}

/// Whatever a run is told, rows that nobody can read again are not thrown away.
#[test]
fn a_damaged_block_with_rows_of_lost_files_is_an_error() {
    let files = three_blocks();
    fs::remove_file(files.path("more.h5")).unwrap();
    let part = files.target().join("block=02/part-00000.parquet");
    File::options().write(true).open(&part).unwrap().set_len(99).unwrap();
    let before = snapshot(files.home.path());
    let error = files.convert(&update()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("block=02: is damaged, and the only place of rows of") && text.contains("more.h5"),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("--overwrite"));
    assert_eq!(snapshot(files.home.path()), before);
}

/// A tar archive of one file a station.
fn tar(path: &Path, members: &[(&str, &[u8])]) {
    let mut builder = tar::Builder::new(File::create(path).unwrap());
    for (name, content) in members {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.finish().unwrap();
}

/// A tar archive can be read although a member of it cannot: the member's rows stay all the same.
#[test]
fn rows_of_damaged_members_of_tar_archives_stay() {
    let mut files = Files::new();
    fs::create_dir_all(files.path("")).unwrap();
    let (a, b, c) = ("010010-99999-2015", "020010-99999-2015", "030010-99999-2015");
    let damaged = day(2015, 51).replace("10132", "1o132");
    tar(&files.path("1.tar"), &[(a, day(2015, 51).as_bytes()), (b, day(2015, 52).as_bytes())]);
    tar(&files.path("2.tar"), &[(c, day(2015, 53).as_bytes())]);
    files.touch("1.tar");
    let conversion = files.convert(&options()).unwrap();
    assert_eq!(conversion.manifest.rows, 72);
    let before = rows(&files);

    tar(&files.path("1.tar"), &[(a, day(2015, 54).as_bytes()), (b, damaged.as_bytes())]);
    files.touch("1.tar");
    let conversion = files.update();
    let expected = FileChanges { unchanged: 1, unreadable: 1, ..FileChanges::default() };
    assert_eq!(counts(&conversion), (expected, RowChanges { added: 0, replaced: 24, removed: 0 }));
    assert!(rows(&files).keys().eq(before.keys()));
    // The same again, whether anything else changes or not.
    assert_eq!(files.update().course, Course::Unchanged);
    tar(&files.path("3.tar"), &[("020020-99999-2015", day(2015, 55).as_bytes())]);
    assert_eq!(files.update().rows, RowChanges { added: 24, replaced: 0, removed: 0 });
    tar(&files.path("1.tar"), &[(a, day(2015, 54).as_bytes()), (b, day(2015, 52).as_bytes())]);
    files.touch("1.tar");
    assert_eq!(files.update().rows, RowChanges::default());
    files.assert_as_fresh(&options());
}

/// What happens to a file between two updates.
#[derive(Debug, Clone)]
enum Fate {
    Written(Stations, u8),
    Gone,
    Cut,
}

fn stations() -> impl Strategy<Value = Stations> {
    let station = (prop::sample::select(vec![10_010, 10_020, 20_010, 30_010]), 0..40_i64, 1..25_usize);
    prop::collection::vec(station, 1..4)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => (stations(), 0..3_u8).prop_map(|(stations, value)| Fate::Written(stations, value)),
        2 => Just(Fate::Gone),
        2 => Just(Fate::Cut),
    ]
}

/// The stations and times that a file covers.
#[derive(Debug, Clone, Default)]
struct Covered(BTreeSet<String>, i64, i64);

impl Covered {
    fn of(stations: &Stations) -> Self {
        let first = stations.iter().map(|station| station.1).min().unwrap();
        let last = stations.iter().map(|station| station.1 + station.2 as i64 - 1).max().unwrap();
        let ids = stations.iter().map(|station| format!("{:06}-99999", station.0)).collect();
        Self(ids, first * 3_600_000_000, last * 3_600_000_000)
    }

    fn holds(&self, key: &(String, i64)) -> bool {
        self.0.contains(&key.0) && (self.1..=self.2).contains(&key.1)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// The rows are those of the files that can be read, and those of before that files covered which cannot be: the former
    /// count where a file that was written to covers the row, else the latter.
    #[test]
    fn updates_keep_what_is_lost(
        first in prop::collection::vec((stations(), 0..3_u8), 2..5),
        steps in prop::collection::vec(prop::collection::vec((0..5_usize, fate()), 1..3), 1..5),
    ) {
        let mut files = Files::new();
        let name = |at: usize| format!("{at}.h5");
        files.write("always.h5", &[(20_010, 0, 30), (40_010, 0, 30)], 7.0);
        let mut readable: BTreeMap<usize, Covered> = BTreeMap::new();
        let mut lost: BTreeMap<usize, Covered> = BTreeMap::new();
        for (at, (stations, value)) in first.iter().enumerate() {
            files.write(&name(at), stations, f64::from(*value));
            readable.insert(at, Covered::of(stations));
        }
        files.convert(&options()).unwrap();
        for step in steps {
            let before = rows(&files);
            let mut written: BTreeMap<usize, Covered> = BTreeMap::new();
            for (at, fate) in step {
                match fate {
                    Fate::Written(stations, value) => {
                        files.write(&name(at), &stations, f64::from(value));
                        written.insert(at, Covered::of(&stations));
                        continue;
                    }
                    Fate::Gone => drop(fs::remove_file(files.path(&name(at)))),
                    Fate::Cut if files.path(&name(at)).exists() => drop(cut(&mut files, &name(at))),
                    Fate::Cut => {}
                }
                written.remove(&at);
                if let Some(covered) = readable.remove(&at) {
                    lost.insert(at, covered);
                }
            }
            for (at, covered) in &written {
                lost.remove(at);
                readable.insert(*at, covered.clone());
            }
            files.update();

            let fresh = Files { home: tempfile::TempDir::new_in(files.home.path()).unwrap(), ..Files::new() };
            convert(&mut files.archive(), &fresh.target(), &options(), &|_| ()).unwrap();
            let mut expected = rows(&fresh);
            for (key, values) in before {
                let counts = !written.values().any(|covered| covered.holds(&key));
                if lost.values().any(|covered| covered.holds(&key)) && (counts || !expected.contains_key(&key)) {
                    expected.insert(key, values);
                }
            }
            prop_assert_eq!(rows(&files), expected);
            prop_assert_eq!(files.update().course, Course::Unchanged);
        }
        // In the end all are there again.
        for at in 0..5 {
            files.write(&name(at), &[(10_010, at as i64, 3)], 1.0);
        }
        files.update();
        files.assert_as_fresh(&options());
    }
}
