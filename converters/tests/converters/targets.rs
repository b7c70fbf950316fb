//! Mount points and other users need rights that not every test run has: such a run says so and ends.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use isd_converters::archive::Archive;
use isd_converters::{ConvertOptions, ReadOptions, convert};
use isd_dataset::layout::MANIFEST;
use isd_dataset::read::Dataset;

use crate::dataset::snapshot;
use crate::update::{options, three_blocks, update};

const CHILD: &str = "ISD_TEST_PLACE";

fn overwrite() -> ConvertOptions {
    ConvertOptions { overwrite: true, ..options() }
}

/// Modes of a dataset's directories and files, but for those of single blocks.
fn modes(dataset: &Path) -> Vec<(String, u32, u32)> {
    let mut found = Vec::new();
    for name in ["", MANIFEST, "_journal.ndjson", "block=01", "block=01/part-00000.parquet", "block=09"] {
        if let Ok(metadata) = fs::metadata(dataset.join(name)) {
            found.push((name.to_owned(), metadata.mode() & 0o7777, metadata.gid()));
        }
    }
    found
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn modes_and_groups_stay() {
    let mut files = three_blocks();
    let target = files.target();
    // Only root gives files to groups that it is not in.
    let group =
        if chown(&target, None, Some(4711)).is_ok() { 4711 } else { fs::metadata(&target).unwrap().gid() };
    for (name, mode) in [
        ("", 0o2770),
        ("block=01", 0o2750),
        ("block=01/part-00000.parquet", 0o640),
        (MANIFEST, 0o660),
        ("_journal.ndjson", 0o600),
    ] {
        chown(target.join(name), None, Some(group)).unwrap();
        set_mode(&target.join(name), mode);
    }
    let before = modes(&target);
    files.write("09.h5", &[(10_020, 40, 2), (90_010, 0, 2)], 1.0);
    assert_eq!(files.update().blocks_written, 2);
    let mut expected = before.clone();
    // A new block is like the first.
    expected.push(("block=09".to_owned(), 0o2750, group));
    assert_eq!(modes(&target), expected);
    let part = fs::metadata(target.join("block=09/part-00000.parquet")).unwrap();
    assert_eq!((part.mode() & 0o7777, part.gid()), (0o640, group));
    files.convert(&overwrite()).unwrap();
    assert_eq!(modes(&target), expected);

    // A directory that was made for it, too.
    fs::remove_dir_all(&target).unwrap();
    fs::create_dir(&target).unwrap();
    chown(&target, None, Some(group)).unwrap();
    set_mode(&target, 0o2770);
    files.convert(&options()).unwrap();
    assert_eq!(modes(&target)[0], (String::new(), 0o2770, group));
    assert_eq!(fs::metadata(target.join("block=01")).unwrap().gid(), group);
}

/// The bytes of a POSIX access control list: its version, then tag, rights and id of each entry.
#[cfg(target_os = "linux")]
fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(rights.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

#[test]
#[cfg(target_os = "linux")]
fn access_control_lists_stay() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};
    const NOBODY: u32 = u32::MAX;
    let files = three_blocks();
    let target = files.target();
    // Owner, user 4711, group, mask, others.
    let private = list(&[(1, 7, NOBODY), (2, 5, 4711), (4, 0, NOBODY), (0x10, 5, NOBODY), (0x20, 0, NOBODY)]);
    let (access, default) = ("system.posix_acl_access", "system.posix_acl_default");
    if setxattr(&target, access, &private, XattrFlags::empty()).is_err() {
        eprintln!("skipped: the file system has no access control lists");
        return;
    }
    setxattr(&target, default, &private, XattrFlags::empty()).unwrap();
    setxattr(target.join(MANIFEST), access, &private, XattrFlags::empty()).unwrap();
    let get = |path: &Path, name: &str| {
        let mut value = vec![0; 1024];
        getxattr(path, name, value.as_mut_slice()).map(|bytes| value[..bytes].to_vec())
    };
    files.convert(&overwrite()).unwrap();
    assert_eq!(get(&target, access).unwrap(), private);
    assert_eq!(get(&target, default).unwrap(), private);
    assert_eq!(get(&target.join(MANIFEST), access).unwrap(), private);
    // One that has none gets none, though it is made in a directory that hands them down.
    assert!(get(&target.join("block=01"), access).is_err());
    assert!(get(&target.join("block=01/part-00000.parquet"), access).is_err());
}

#[test]
fn an_update_through_a_link_leaves_the_link() {
    let mut files = three_blocks();
    let real = files.home.path().join("disk");
    fs::rename(files.target(), &real).unwrap();
    std::os::unix::fs::symlink("disk", files.target()).unwrap();
    files.write("03.h5", &[(30_010, 0, 61)], 3.5);
    assert_eq!(files.update().rows.added, 1);
    assert!(files.target().is_symlink() && real.join(MANIFEST).is_file());
    assert_eq!(Dataset::open(&real).unwrap().rows(), 231);
}

/// Runs this test again as a process that may mount file systems which nobody else sees; `None` in that process.
fn where_mounting_is_allowed(test: &str, home: &Path) -> bool {
    let ways: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
    let may_mount = |way: &&&[&str]| {
        let mut command = Command::new("unshare");
        command.args(**way).args(["mount", "-t", "tmpfs", "none"]).arg(home);
        command.output().is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.iter().find(may_mount) else {
        eprintln!("skipped: no file system may be mounted here");
        return false;
    };
    let output = Command::new("unshare")
        .args(*way)
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, home)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

fn mount(arguments: &[&str], place: &Path) {
    assert!(Command::new("mount").args(arguments).arg(place).status().unwrap().success());
}

/// The Parquet files below a directory that other readers find by a pattern, hidden directories included.
fn parquet_below(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = snapshot(directory).into_keys().collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    found.sort();
    found
}

/// A container's volume: the directory is there, and cannot be renamed.
#[test]
#[cfg(target_os = "linux")]
fn a_dataset_at_a_mount_point_is_replaced_inside() {
    let Some(home) = env::var_os(CHILD).map(PathBuf::from) else {
        let files = three_blocks();
        where_mounting_is_allowed("places::a_dataset_at_a_mount_point_is_replaced_inside", files.home.path());
        return;
    };
    let mut files = three_blocks();
    let volume = home.join("volume");
    let archive = || files.archive();
    fs::create_dir_all(&volume).unwrap();
    mount(&["-t", "tmpfs", "none"], &volume);
    fs::create_dir(volume.join("lost+found")).unwrap();
    let names = || {
        let mut names: Vec<_> = fs::read_dir(&volume)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    // While it is written nobody takes a part of it for observations.
    let seen = std::sync::Mutex::new(0);
    let watch = |_| {
        *seen.lock().unwrap() += 1;
        assert!(parquet_below(&volume).iter().all(|path| path.starts_with(volume.join("data"))));
    };
    convert(&mut archive(), &volume, &options(), &watch).unwrap();
    assert_eq!(names(), ["data", "lost+found"]);
    let dataset = Dataset::open(&volume).unwrap();
    assert_eq!((dataset.rows(), dataset.manifest().unwrap().rows), (230, 230));
    let error = convert(&mut archive(), &volume, &options(), &|_| ()).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    convert(&mut archive(), &volume, &overwrite(), &watch).unwrap();
    files.write("03.h5", &[(30_010, 0, 61)], 3.5);
    let conversion = convert(&mut files.archive(), &volume, &update(), &watch).unwrap();
    assert_eq!((conversion.blocks_written, conversion.blocks_kept), (1, 2));
    assert_eq!(Dataset::open(&volume).unwrap().rows(), 231);
    assert_eq!(names(), ["data", "lost+found"]);
    assert!(*seen.lock().unwrap() > 0);

    // Another run is seen, and what is no dataset is refused.
    let refused = std::sync::Mutex::new(Vec::new());
    let second = |_| {
        let error = convert(&mut files.archive(), &volume, &overwrite(), &|_| ()).unwrap_err();
        refused.lock().unwrap().push(error.to_string());
    };
    convert(&mut files.archive(), &volume, &overwrite(), &second).unwrap();
    let refused = refused.into_inner().unwrap();
    assert!(refused.iter().all(|error| error.contains("is being written by another run")), "{refused:?}");
    assert!(!refused.is_empty());
    fs::write(volume.join("thesis.txt"), "").unwrap();
    let error = convert(&mut files.archive(), &volume, &overwrite(), &|_| ()).unwrap_err();
    assert!(error.to_string().contains("it holds thesis.txt"), "{error}");

    // A dataset of the usual kind that somebody mounts: it is moved inside, with its mode.
    let usual = files.target();
    set_mode(&usual, 0o2750);
    mount(&["--bind", usual.to_str().unwrap()], &usual);
    let conversion = files.convert(&update()).unwrap();
    assert_eq!((conversion.blocks_written, conversion.blocks_kept), (1, 2));
    assert!(!usual.join(MANIFEST).exists() && usual.join("data").join(MANIFEST).is_file());
    assert_eq!(fs::metadata(usual.join("data")).unwrap().mode() & 0o7777, 0o2750);
    assert_eq!((Dataset::open(&usual).unwrap().rows(), parquet_below(&usual).len()), (231, 3));
    assert_eq!(files.update().course, isd_converters::Course::Unchanged);
}

/// What was being moved inside when the run was killed is moved by the next.
#[test]
fn a_move_that_was_begun_is_completed() {
    let files = three_blocks();
    let target = files.target();
    fs::create_dir(target.join("data")).unwrap();
    fs::rename(target.join("block=02"), target.join("data/block=02")).unwrap();
    assert_eq!(Dataset::open(&target).unwrap().rows(), 230);
    assert_eq!(files.update().course, isd_converters::Course::Unchanged);
    assert!(!target.join(MANIFEST).exists() && target.join("data/block=01").is_dir());
    assert_eq!(Dataset::open(&target).unwrap().rows(), 230);

    // Somebody's own directory of that name is not touched.
    fs::rename(target.join("data"), files.home.path().join("whole")).unwrap();
    fs::remove_dir(&target).unwrap();
    fs::rename(files.home.path().join("whole"), &target).unwrap();
    fs::create_dir(target.join("data")).unwrap();
    fs::write(target.join("data/thesis.txt"), "").unwrap();
    let error = files.convert(&update()).unwrap_err();
    assert!(error.to_string().contains("holds data, which is no part of a dataset"), "{error}");
}

/// As a user who may write the dataset's directory, but not the one that it is in; and as one who may not write at all.
#[test]
#[cfg(target_os = "linux")]
fn another_user_writes_inside_or_is_told() {
    if let Some(home) = env::var_os(CHILD).map(PathBuf::from) {
        let mut paths: Vec<_> =
            fs::read_dir(home.join("source")).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let archive = || Archive::open(&paths, &ReadOptions::default(), true).unwrap();
        let target = home.join("observations");
        let conversion = convert(&mut archive(), &target, &overwrite(), &|_| ()).unwrap();
        assert_eq!(conversion.manifest.rows, 230);
        assert!(target.join("data").join(MANIFEST).is_file());
        let error = convert(&mut archive(), &home.join("theirs"), &overwrite(), &|_| ()).unwrap_err();
        assert!(error.to_string().contains("ermission denied"), "{error}");
        assert!(error.hint().unwrap().contains("who may"), "{error}");
        return;
    }
    let files = three_blocks();
    let theirs = files.home.path().join("theirs");
    convert(&mut files.archive(), &theirs, &options(), &|_| ()).unwrap();
    let give = |path: &Path| chown(path, Some(4711), Some(4711));
    let target = files.target();
    if give(&target).is_err() {
        eprintln!("skipped: only root becomes another user");
        return;
    }
    for path in snapshot(&target).into_keys() {
        give(path.parent().unwrap()).unwrap();
        give(&path).unwrap();
    }
    give(&target).unwrap();
    set_mode(files.home.path(), 0o755);
    let before = snapshot(&theirs);
    let program = files.home.path().join("tests");
    fs::copy(env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid", "4711", "--regid", "4711", "--clear-groups"])
        .arg(program)
        .args(["--exact", "places::another_user_writes_inside_or_is_told", "--nocapture"])
        .env(CHILD, files.home.path())
        .env("TMPDIR", files.home.path())
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no setpriv");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(Dataset::open(&target).unwrap().rows(), 230);
    assert_eq!(snapshot(&theirs), before);
}

#[test]
#[cfg(target_os = "linux")]
fn a_dataset_that_can_only_be_read_is_left_alone() {
    let files = three_blocks();
    let Some(home) = env::var_os(CHILD).map(PathBuf::from) else {
        where_mounting_is_allowed("places::a_dataset_that_can_only_be_read_is_left_alone", files.home.path());
        return;
    };
    let target = home.join("disk");
    fs::create_dir_all(&target).unwrap();
    convert(&mut files.archive(), &target.join("here"), &options(), &|_| ()).unwrap();
    mount(&["--bind", target.to_str().unwrap()], &target);
    mount(&["-o", "remount,bind,ro"], &target);
    let before = snapshot(&target);
    let error = convert(&mut files.archive(), &target.join("here"), &overwrite(), &|_| ()).unwrap_err();
    assert!(error.to_string().contains("ead-only file system"), "{error}");
    assert_eq!(snapshot(&target), before);
}
