//! Runs that end before their time run in a process of their own: this test binary again, with [`CHILD`] set.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Instant;

use isd_converters::archive::Archive;
use isd_converters::{ConvertOptions, Course, ReadOptions, convert};
use isd_dataset::read::Dataset;

use crate::dataset::snapshot;
use crate::update::{Files, options};

/// Says to the child which directory holds its `source`, and how to convert it.
const CHILD: &str = "ISD_TEST_CHILD";
const SCENARIO: &str = "ISD_TEST_SCENARIO";

/// What the child does: nothing in a run of the tests themselves.
#[test]
fn child() {
    let Some(home) = env::var_os(CHILD).map(PathBuf::from) else { return };
    let scenario = env::var(SCENARIO).unwrap();
    let (mode, stop) = scenario.rsplit_once(' ').unwrap();
    let stop: u64 = stop.parse().unwrap();
    let mut paths: Vec<PathBuf> =
        fs::read_dir(home.join("source")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut archive = Archive::open(&paths, &ReadOptions::default(), !mode.contains("update")).unwrap();
    let options = ConvertOptions {
        overwrite: true,
        update: mode.contains("update"),
        resume: mode.contains("resume"),
        ..options()
    };
    let passed = AtomicU64::new(0);
    let progress = |_| {
        if passed.fetch_add(1, Ordering::SeqCst) + 1 == stop {
            std::process::abort();
        }
    };
    if let Err(error) = convert(&mut archive, &home.join("observations"), &options, &progress) {
        eprintln!("{error}");
        std::process::exit(17);
    }
}

fn start(home: &Path, scenario: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "interrupted::child", "--nocapture"])
        .envs([(CHILD, home.as_os_str()), (SCENARIO, scenario.as_ref())])
        .env_remove("RUST_BACKTRACE")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Converts in a child that aborts when it has told its progress so many times; 0 lets it finish.
fn child_run(home: &Path, scenario: &str) -> ExitStatus {
    start(home, scenario).wait().unwrap()
}

/// Files of one block each. When the progress is told of the fifth, the first block is complete, and so on.
fn blocks(rows: usize) -> Files {
    let mut files = Files::new();
    for block in 1..=8 {
        files.write(&format!("{block}.h5"), &[(block * 10_000 + 10, 0, rows)], block as f64);
    }
    files
}

/// Hidden directories beside the target.
fn hidden(files: &Files) -> usize {
    let names = fs::read_dir(files.home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_string_lossy().starts_with('.')).count()
}

#[test]
fn a_killed_run_is_resumed_where_it_stopped() {
    let files = blocks(60);
    for (stop, at_least) in [(1, 0), (6, 2), (8, 4)] {
        assert!(!child_run(files.home.path(), &format!("plain {stop}")).success());
        assert!(!files.target().exists());
        assert_eq!(hidden(&files), 1);
        let resume = ConvertOptions { resume: true, ..options() };
        let conversion = files.convert(&resume).unwrap();
        let course = if at_least == 0 { Course::NothingToResume } else { Course::Resumed };
        assert_eq!(conversion.course, course, "stopped at {stop}");
        assert!(conversion.blocks_kept >= at_least, "{} kept, stopped at {stop}", conversion.blocks_kept);
        assert_eq!(conversion.blocks_kept + conversion.blocks_written, 8);
        files.assert_as_fresh(&options());
        fs::remove_dir_all(files.target()).unwrap();
    }
}

#[test]
fn a_resumed_run_may_be_killed_and_resumed_again() {
    let files = blocks(60);
    for stop in [6, 5] {
        assert!(!child_run(files.home.path(), &format!("resume {stop}")).success());
    }
    let conversion = files.convert(&ConvertOptions { resume: true, ..options() }).unwrap();
    assert_eq!(conversion.course, Course::Resumed);
    assert!(conversion.blocks_kept >= 3, "{}", conversion.blocks_kept);
    files.assert_as_fresh(&options());
}

/// Of other files or with other options, what was complete is of no use.
#[test]
fn only_a_run_of_the_same_conversion_is_resumed() {
    let mut files = blocks(60);
    let resume = ConvertOptions { resume: true, ..options() };
    for change in 0..2 {
        assert!(!child_run(files.home.path(), "plain 7").success());
        let (options, expected) = if change == 0 {
            (ConvertOptions { float32: true, ..resume.clone() }, "float32 false instead of true")
        } else {
            files.write("5.h5", &[(50_010, 0, 61)], 5.0);
            (resume.clone(), "5.h5 has changed since")
        };
        let course = files.convert(&options).unwrap().course;
        assert!(matches!(&course, Course::Rewritten { why } if why.ends_with(expected)), "{course:?}");
        files.assert_as_fresh(&ConvertOptions { resume: false, ..options });
        fs::remove_dir_all(files.target()).unwrap();
    }
}

/// Blocks are complete as long as the archive is in order. A run that was killed before it came to the file with more
/// rows of them could not know.
#[test]
fn a_block_that_only_looked_complete_is_written_again() {
    let mut files = blocks(60);
    // By its first row the last file; its other rows are of stations long gone by.
    files.write("9.h5", &[(90_010, 0, 5), (10_010, 60, 10), (20_010, 10, 3)], 9.0);
    assert!(!child_run(files.home.path(), "plain 7").success());
    let conversion = files.convert(&ConvertOptions { resume: true, ..options() }).unwrap();
    assert_eq!(conversion.manifest.rows, 8 * 60 + 5 + 10);
    files.assert_as_fresh(&options());
}

#[test]
fn a_killed_update_leaves_the_dataset_and_is_resumed() {
    let mut files = blocks(60);
    files.convert(&options()).unwrap();
    for block in 2..=8 {
        files.write(&format!("{block}.h5"), &[(block * 10_000 + 10, 0, 70)], block as f64);
    }
    let before = snapshot(&files.target());
    // The seven files that are new are read twice, the first time to know their blocks.
    assert!(!child_run(files.home.path(), "update 13").success());
    assert_eq!(snapshot(&files.target()), before);
    let resume = ConvertOptions { update: true, resume: true, ..options() };
    let conversion = files.convert(&resume).unwrap();
    assert_eq!(conversion.course, Course::Resumed);
    assert!(conversion.blocks_kept >= 3 && conversion.blocks_written > 0, "{conversion:?}");
    files.assert_as_fresh(&options());
}

/// What `--resume` said at all times does: nothing where the dataset is complete.
#[test]
fn to_resume_what_is_complete_does_nothing() {
    let mut files = blocks(60);
    let resume = ConvertOptions { resume: true, ..options() };
    files.convert(&resume).unwrap();
    let before = snapshot(files.home.path());
    let conversion = files.convert(&resume).unwrap();
    assert_eq!((conversion.course, conversion.files.unchanged), (Course::Complete, 8));
    let error = files.convert(&ConvertOptions { float32: true, ..resume.clone() }).unwrap_err();
    assert!(error.to_string().contains("of another conversion: float32 false instead of true"), "{error}");
    assert_eq!(snapshot(files.home.path()), before);
    files.write("5.h5", &[(50_010, 0, 61)], 5.0);
    let conversion = files.convert(&resume).unwrap();
    assert_eq!((conversion.course, conversion.files.changed), (Course::Complete, 1));
    let conversion = files.convert(&ConvertOptions { update: true, ..resume }).unwrap();
    assert_eq!((conversion.blocks_written, conversion.rows.added), (1, 1));
    files.assert_as_fresh(&options());
}

#[test]
fn a_killed_overwriting_is_resumed() {
    let mut files = blocks(60);
    files.convert(&options()).unwrap();
    files.write("8.h5", &[(80_010, 0, 70)], 8.0);
    let before = snapshot(&files.target());
    assert!(!child_run(files.home.path(), "plain 7").success());
    assert_eq!(snapshot(&files.target()), before);
    let resume = ConvertOptions { overwrite: true, resume: true, ..options() };
    let conversion = files.convert(&resume).unwrap();
    assert_eq!(conversion.course, Course::Resumed);
    assert!(conversion.blocks_kept >= 3 && conversion.blocks_written > 0, "{conversion:?}");
    files.assert_as_fresh(&options());
}

/// A run that was killed had retained rows of a file that can be read again: its blocks are of no use.
#[test]
fn a_killed_update_that_retained_other_rows_is_not_resumed() {
    let mut files = blocks(60);
    files.write("more.h5", &[(20_010, 60, 10), (30_010, 60, 10)], 9.0);
    files.convert(&options()).unwrap();
    let more = fs::read(files.path("more.h5")).unwrap();
    fs::write(files.path("more.h5"), vec![0; more.len()]).unwrap();
    files.touch("more.h5");
    for block in 2..=8 {
        files.write(&format!("{block}.h5"), &[(block * 10_000 + 10, 0, 59)], block as f64);
    }
    assert!(!child_run(files.home.path(), "update 13").success());
    // Without a change that shows, as where a disk can be read again.
    let modified = fs::metadata(files.path("more.h5")).unwrap().modified().unwrap();
    fs::write(files.path("more.h5"), &more).unwrap();
    fs::File::options().write(true).open(files.path("more.h5")).unwrap().set_modified(modified).unwrap();
    files.convert(&ConvertOptions { update: true, resume: true, ..options() }).unwrap();
    files.assert_as_fresh(&options());
}

#[test]
fn a_run_without_resume_removes_what_dead_runs_left() {
    let files = blocks(20);
    for _ in 0..2 {
        assert!(!child_run(files.home.path(), "resume 3").success());
    }
    assert_eq!(hidden(&files), 2);
    assert_eq!(files.convert(&options()).unwrap().course, Course::Whole);
    files.assert_as_fresh(&options());
}

/// SIGKILL at any moment: the name stands for the previous dataset or for the new one, whole, and a re-run succeeds.
#[test]
#[cfg(unix)]
fn twenty_kills_leave_a_whole_dataset() {
    let mut files = blocks(3000);
    files.convert(&options()).unwrap();
    let old = snapshot(&files.target());
    for block in 1..=8 {
        // Every other file is out of order with the rest, so that some moments are those of sorting.
        let stations = [(block * 10_000 + 10, 0, 3000), (block * 5_000 + 10, 1, 500)];
        files.write(&format!("{block}.h5"), &stations, 0.5);
    }
    let began = Instant::now();
    assert!(child_run(files.home.path(), "plain 0").success());
    let whole_run = began.elapsed();
    let new = snapshot(&files.target());
    assert!(new != old);
    let previous = files.home.path().join("source/previous");
    fs::rename(files.target(), &previous).unwrap();
    let mut state = 7_u64;
    let mut killed = 0;
    fs::remove_dir_all(&previous).unwrap();
    for round in 0..20 {
        if !files.target().exists() {
            restore(&old, &files);
        }
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (state >> 40) as f64 / (1_u64 << 24) as f64;
        let mut child = start(files.home.path(), if round % 2 == 0 { "plain 0" } else { "resume 0" });
        sleep(whole_run.mul_f64(share));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = snapshot(&files.target());
        assert!(found == old || found == new, "round {round}: neither the old dataset nor the new one");
        killed += usize::from(found == old);
        Dataset::open(&files.target()).unwrap();
        if round % 5 == 4 {
            assert!(child_run(files.home.path(), "resume 0").success());
            assert!(snapshot(&files.target()) == new, "round {round}");
            assert_eq!(hidden(&files), 0);
        }
        if snapshot(&files.target()) == new {
            fs::remove_dir_all(files.target()).unwrap();
        }
    }
    assert!(killed > 0, "no run was killed before its end");
}

/// SIGKILL at any moment of an update in which one file is damaged and one is gone: the dataset is the old or the new one,
/// whole, and has all rows.
#[test]
#[cfg(unix)]
fn fifty_kills_of_an_update_lose_no_row() {
    let mut files = blocks(2000);
    files.write("gone.h5", &[(10_010, 2000, 50), (60_020, 0, 50)], 1.0);
    files.write("damaged.h5", &[(20_010, 2000, 50), (70_020, 0, 50)], 2.0);
    files.convert(&options()).unwrap();
    let old = snapshot(&files.target());
    fs::remove_file(files.path("gone.h5")).unwrap();
    fs::File::options().write(true).open(files.path("damaged.h5")).unwrap().set_len(200).unwrap();
    files.touch("damaged.h5");
    for block in 1..=6 {
        // Every other file is out of order with the rest, so that some moments are those of sorting.
        let stations = [(block * 10_000 + 10, 0, 2000), (block * 5_000 + 10, 1, 300)];
        files.write(&format!("{block}.h5"), &stations, 0.5);
    }
    let began = Instant::now();
    assert!(child_run(files.home.path(), "update 0").success());
    let whole_run = began.elapsed();
    let new = snapshot(&files.target());
    let rows = Dataset::open(&files.target()).unwrap().rows();
    // Of the stations 10010, 20010 and 30010 the 300 rows are there twice.
    assert_eq!(rows, 8 * 2000 + 200 + 6 * 300 - 3 * 300);
    let put_back = || {
        fs::remove_dir_all(files.target()).unwrap();
        restore(&old, &files);
    };
    put_back();
    let mut state = 11_u64;
    let mut killed = 0;
    for round in 0..50 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (state >> 40) as f64 / (1_u64 << 24) as f64;
        let mut child = start(files.home.path(), if round % 2 == 0 { "update 0" } else { "update resume 0" });
        sleep(whole_run.mul_f64(share));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = snapshot(&files.target());
        assert!(found == old || found == new, "round {round}: neither the old dataset nor the new one");
        Dataset::open(&files.target()).unwrap();
        killed += usize::from(found == old);
        if round % 10 == 9 {
            assert!(child_run(files.home.path(), "update resume 0").success());
            assert!(snapshot(&files.target()) == new, "round {round}");
        }
        if snapshot(&files.target()) == new {
            put_back();
        }
    }
    assert!(killed > 0, "no run was killed before its end");
}

/// Writes files back as they were.
fn restore(snapshot: &std::collections::HashMap<PathBuf, Vec<u8>>, files: &Files) {
    for (path, bytes) in snapshot {
        assert!(path.starts_with(files.target()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// The same on a file system that fills up. A namespace of its own lets the child mount one, and takes it away again.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_the_previous_dataset() {
    const SIZE: &str = "ISD_TEST_DISK";
    if let Some(home) = env::var_os(SIZE) {
        on_a_small_disk(Path::new(&home));
        return;
    }
    let mut files = blocks(30_000);
    files.write("9.h5", &[(90_010, 0, 5), (10_010, 30_000, 5)], 9.0);
    let run = |arguments: &[&str], program: &Path| {
        Command::new("unshare")
            .args(arguments)
            .arg(program)
            .args(["--exact", "interrupted::a_full_disk_leaves_the_previous_dataset", "--nocapture"])
            .env(SIZE, files.home.path())
            .output()
    };
    let may_mount = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(arguments).args(["mount", "-t", "tmpfs", "none"]).arg(files.path(""));
        command.output().is_ok_and(|output| output.status.success())
    };
    let ways: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
    let Some(way) = ways.into_iter().find(|way| may_mount(way)) else {
        eprintln!("skipped: no file system may be mounted here");
        return;
    };
    let output = run(way, &env::current_exe().unwrap()).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(target_os = "linux")]
fn on_a_small_disk(home: &Path) {
    let disk = home.join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |size: &str| {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", size, "none"]).arg(&disk).status().unwrap().success()
    };
    assert!(mount("size=64m"));
    let target = disk.join("observations");
    let sources = |names: std::ops::RangeInclusive<u8>| -> Vec<PathBuf> {
        names.map(|name| home.join("source").join(format!("{name}.h5"))).collect()
    };
    let small_memory = ConvertOptions { sort_bytes: 1 << 20, ..options() };
    let overwrite = ConvertOptions { overwrite: true, ..small_memory.clone() };
    let update = ConvertOptions { update: true, ..small_memory.clone() };
    let try_convert = |paths: &[PathBuf], target: &Path, options: &ConvertOptions| {
        let mut archive = Archive::open(paths, &ReadOptions::default(), true).unwrap();
        convert(&mut archive, target, options, &|_| ())
    };
    try_convert(&sources(1..=1), &target, &small_memory).unwrap();
    let before = snapshot(&disk);
    let used: u64 = before.values().map(|bytes| bytes.len() as u64).sum();
    // In order, and with the rows of the last file out of order.
    for last in [8, 9] {
        let whole = try_convert(&sources(1..=last), &home.join("whole"), &overwrite).unwrap();
        assert_eq!(whole.sorted, last == 9);
        for share in [0.05, 0.3, 0.6, 0.8] {
            let room = used + (whole.bytes_out as f64 * share) as u64;
            assert!(mount(&format!("remount,size={}k", room >> 10)));
            for options in [&overwrite, &update] {
                let error = try_convert(&sources(1..=last), &target, options).unwrap_err();
                assert!(error.to_string().contains("o space left"), "{error}");
                assert!(error.hint().unwrap().contains("free some disk space"));
                assert!(snapshot(&disk) == before, "the previous dataset has changed");
            }
        }
    }
    assert!(mount("remount,size=64m"));
    try_convert(&sources(1..=9), &target, &update).unwrap();
    assert_eq!(Dataset::open(&target).unwrap().rows(), 240_010);
    assert_eq!(fs::read_dir(&disk).unwrap().count(), 1);
}
