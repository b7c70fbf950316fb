//! The tools as they are run from a shell: all that a run shows, for snapshots, and what every failure looks like.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub const ISD_CONVERT: &str = env!("CARGO_BIN_EXE_isd-convert");
pub const ISD_DETECT: &str = env!("CARGO_BIN_EXE_isd-detect");
pub const ISD_EVENTS: &str = env!("CARGO_BIN_EXE_isd-events");
pub const ISD_QC: &str = env!("CARGO_BIN_EXE_isd-qc");
pub const ISD_SYNTH: &str = env!("CARGO_BIN_EXE_isd-synth");

/// Names of what lies in a directory, hidden files included.
pub fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All rows of a Parquet file.
pub fn parquet(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// Runs a tool in a directory to its end.
pub fn run(tool: &str, home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(tool);
    if may_write(&home.join(LOCKED)) {
        // Who may write everywhere, as root may, gives that up for the run.
        command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override", "--inh-caps=-dac_override", tool]);
    }
    // Help is wrapped to the width that COLUMNS says.
    command.args(arguments).current_dir(home).env_remove("COLUMNS").output().unwrap()
}

/// Name of the directory in which [`lock`] lets nothing be written.
const LOCKED: &str = "locked";

fn may_write(directory: &Path) -> bool {
    let probe = directory.join("probe");
    File::create(&probe).is_ok() && fs::remove_file(&probe).is_ok()
}

/// Runs a tool that must succeed: standard output and standard error.
pub fn succeeds(tool: &str, home: &Path, arguments: &[&str]) -> (String, String) {
    let output = run(tool, home, arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    (stdout, stderr)
}

/// Runs a tool that must fail with that status and leave no new file. Returns all that it shows, for a snapshot: one error
/// line, and at most one hint.
pub fn fails(tool: &str, home: &Path, arguments: &[&str], status: i32) -> String {
    let before = names(home);
    let output = run(tool, home, arguments);
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines[0].starts_with("error: ") && lines.len() <= 2, "{arguments:?}: {stderr}");
    assert!(lines[1..].iter().all(|line| line.starts_with("hint: ")), "{arguments:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(names(home), before, "{arguments:?}");
    shown_of(&output)
}

/// What several runs show that must fail with one status, each after a line with its arguments, for one snapshot.
pub fn fails_each<'a>(tool: &str, home: &Path, runs: &[impl AsRef<[&'a str]>], status: i32) -> String {
    let runs = runs.iter().map(AsRef::as_ref);
    runs.map(|run| format!("> {}\n{}", run.join(" "), fails(tool, home, run, status)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// All that a run shows, for a snapshot: standard output; standard error, where there is any, after a line `[stderr]`; the
/// status, where it is not 0, in a line `[status 1]`. What differs from run to run is replaced: the version by `[VERSION]`,
/// times, rates and sizes by `[TIME]`, `[RATE]` and `[SIZE]`, and their numbers in JSON by 0; the path of a temporary file is
/// left out.
pub fn shown(tool: &str, home: &Path, arguments: &[&str]) -> String {
    shown_of(&run(tool, home, arguments))
}

/// What an ended run has shown.
fn shown_of(output: &Output) -> String {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        // A snapshot does not tell whether its text ends in a line break.
        assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
        text.lines().map(|line| steady(line) + "\n").collect::<String>()
    };
    let mut shown = text(&output.stdout);
    let errors = text(&output.stderr);
    if !errors.is_empty() {
        shown += "[stderr]\n";
        shown += &errors;
    }
    if !output.status.success() {
        let status = output.status.code().unwrap();
        shown.extend(["[status ", &status.to_string(), "]\n"]);
    }
    shown.replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
}

/// What a run has shown whose files may have 1024 bytes at most, as on a disk that fills up.
#[cfg(target_os = "linux")]
pub fn shown_on_full_disk(tool: &str, home: &Path, arguments: &[&str]) -> String {
    let script = "ulimit -f 1 && trap '' XFSZ && exec \"$0\" \"$@\"";
    shown_of(&run("bash", home, &[&["-c", script, tool], arguments].concat()))
}

/// Makes the directory `locked`, in which nothing may be written.
#[cfg(unix)]
pub fn lock(home: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir(home.join(LOCKED)).unwrap();
    fs::set_permissions(home.join(LOCKED), fs::Permissions::from_mode(0o555)).unwrap();
}

/// A line without what differs from run to run.
fn steady(line: &str) -> String {
    // The name of a temporary file is random.
    let mut line = line.split(" at path ").next().unwrap_or_default().to_owned();
    for key in ["seconds", "rows_per_second", "bytes_in", "bytes_out", "bytes"] {
        let key = format!("\"{key}\":");
        if let Some((before, after)) = line.clone().split_once(&key) {
            let end = after.find([',', '}']).unwrap();
            line = format!("{before}{key}0{}", &after[end..]);
        }
    }
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let unit = word.trim_end_matches([',', ')', ';']);
        let name = match unit {
            "s" => "[TIME]",
            "rows/s" => "[RATE]",
            "B" | "KiB" | "MiB" => "[SIZE]",
            _ => "",
        };
        let number = words.last().map(|number| number.trim_start_matches('(').replace(',', ""));
        // Times that were measured have decimals, unlike those of messages.
        let measured = |number: &str| number.parse::<f64>().is_ok() && (unit != "s" || number.contains('.'));
        if !name.is_empty() && number.is_some_and(|number| measured(&number)) {
            let number = words.pop().unwrap();
            let open = if number.starts_with('(') { "(" } else { "" };
            words.push(format!("{open}{name}{}", &word[unit.len()..]));
        } else {
            words.push(word.to_owned());
        }
    }
    words.join(" ")
}

#[test]
fn only_what_differs_from_run_to_run_is_replaced() {
    for (line, expected) in [
        ("5,825 rows in 0.02 s (1,230,000 rows/s)", "5,825 rows in [TIME] ([RATE])"),
        ("wrote out.csv (58 rows, 5.38 KiB)", "wrote out.csv (58 rows, [SIZE])"),
        ("264.00 KiB in a.h5; 0.0 s, 120 rows/s", "[SIZE] in a.h5; [TIME], [RATE]"),
        (
            r#"{"rows":5,"seconds":0.25,"rows_per_second":20.0}"#,
            r#"{"rows":5,"seconds":0,"rows_per_second":0}"#,
        ),
        ("a window of 0 s", "a window of 0 s"),
        ("wind_speed_rate  m s-1", "wind_speed_rate  m s-1"),
    ] {
        assert_eq!(steady(line), expected);
    }
}
