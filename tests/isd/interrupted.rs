//! Tools that are told to stop: what they leave behind.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::shell::{ISD_CONVERT, ISD_DETECT, ISD_EVENTS, ISD_QC, ISD_SYNTH, names, succeeds};

/// Starts a tool that would run for long, tells it to stop as soon as a file is there, and gives its exit status and
/// what it said.
#[cfg(unix)]
fn stopped(home: &TempDir, tool: &str, arguments: &[&str], signal: &str) -> (Option<i32>, String) {
    let before = names(home.path());
    let child = Command::new(tool).args(arguments).current_dir(home).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    while names(home.path()) == before {
        assert!(started.elapsed() < Duration::from_mins(1), "it makes no file");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
#[cfg(unix)]
fn an_interrupted_tool_says_so_and_removes_what_is_half_written() {
    let home = TempDir::new().unwrap();
    let long = ["-o", "a.h5", "--stations", "20000", "--years", "10", "--compression", "gzip", "-q"];
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        assert_eq!(
            stopped(&home, ISD_SYNTH, &long, signal),
            (Some(status), "error: interrupted\n".to_owned())
        );
        assert!(names(home.path()).is_empty(), "{:?}", names(home.path()));
    }

    let short = ["-o", "a.h5", "--stations", "1200", "--rows-per-station", "2000", "-q"];
    assert!(Command::new(ISD_SYNTH).args(short).current_dir(&home).status().unwrap().success());
    let detect = ["a.h5", "--all", "--window", "7d", "-o", "out.parquet", "-q"];
    let (status, said) = stopped(&home, ISD_DETECT, &detect, "-INT");
    // Where the machine is fast, it was finished first.
    if status == Some(130) {
        assert_eq!(said, "error: interrupted\n");
        assert_eq!(names(home.path()), ["a.h5"]);
    } else {
        assert_eq!(
            (status, names(home.path())),
            (Some(0), vec!["a.h5".to_owned(), "out.parquet".to_owned()])
        );
        fs::remove_file(home.path().join("out.parquet")).unwrap();
    }

    let convert = ["a.h5", "-o", "obs", "-q"];
    let (status, said) = stopped(&home, ISD_CONVERT, &convert, "-INT");
    if status == Some(130) {
        assert_eq!(
            said,
            "error: interrupted\nhint: the same command with --resume goes on where it stopped\n"
        );
        assert!(!home.path().join("obs").exists());
    }
    let resume = [&convert[..], &["--resume"]].concat();
    if status == Some(130) {
        let resumed = Command::new(ISD_CONVERT).args(resume).current_dir(&home).status();
        assert!(resumed.unwrap().success());
    }
    assert_eq!(names(home.path()), ["a.h5", "obs"]);

    // The hint holds for a dataset that is to be replaced, too.
    let overwrite = [&convert[..], &["--overwrite"]].concat();
    let (status, said) = stopped(&home, ISD_CONVERT, &overwrite, "-INT");
    if status == Some(130) {
        assert_eq!(
            said,
            "error: interrupted\nhint: the same command with --resume goes on where it stopped\n"
        );
    }
    let resumed = Command::new(ISD_CONVERT).args(overwrite).arg("--resume").current_dir(&home).status();
    assert!(resumed.unwrap().success());
    assert_eq!(names(home.path()), ["a.h5", "obs"]);
}

#[test]
#[cfg(unix)]
fn interrupted_quality_control_and_events_leave_nothing() {
    let home = TempDir::new().unwrap();
    let synth =
        ["-o", "a.h5", "--stations", "300", "--rows-per-station", "6000", "--station-list", "list.csv", "-q"];
    succeeds(ISD_SYNTH, home.path(), &synth);
    succeeds(ISD_CONVERT, home.path(), &["a.h5", "-o", "obs", "--stations", "list.csv", "-q"]);
    let before = names(home.path());
    let runs: [(&str, &[&str]); 2] = [
        (ISD_QC, &["obs", "-o", "flags.csv", "--clean", "clean", "--thresholds", "limits.json", "-q"]),
        (ISD_EVENTS, &["obs", "-o", "events.geojson", "--members", "members.csv", "-q"]),
    ];
    for (tool, run) in runs {
        let interrupted = (0..20).any(|_| {
            let (status, said) = stopped(&home, tool, run, "-TERM");
            if status == Some(143) {
                assert_eq!(said, "error: interrupted\n");
                assert_eq!(names(home.path()), before);
                return true;
            }
            // It was finished before the signal reached it: once more.
            assert_eq!((status, said.as_str()), (Some(0), ""));
            for name in names(home.path()).iter().filter(|name| !before.contains(name)) {
                let path = home.path().join(name);
                if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
            }
            false
        });
        assert!(interrupted, "{tool} is always done first");
    }
}

#[test]
#[cfg(unix)]
fn what_was_started_to_outlive_its_terminal_does() {
    let home = TempDir::new().unwrap();
    let mut child = Command::new("nohup")
        .args([ISD_SYNTH, "-o", "a.h5", "--stations", "800", "-q"])
        .current_dir(&home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while names(home.path()).is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    // It may have come to its end by now.
    let _ = Command::new("kill").args(["-HUP", &child.id().to_string()]).status();
    assert!(child.wait().unwrap().success());
    assert_eq!(names(home.path()), ["a.h5"]);
}
