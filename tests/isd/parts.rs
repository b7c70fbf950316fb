//! `isd-detect --part`, `--join` and `--split`: a dataset on many machines gives what it gives on one.

use std::fs;
use std::path::Path;

use isd_converters::ConvertOptions;
use serde_json::Value;
use tempfile::TempDir;

use crate::memory::{HOUR, Row, dataset};
use crate::shell::{ISD_DETECT, fails, fails_each, names, parquet, shown, succeeds};

const COLUMNS: [&str; 3] = ["air_temperature", "wind_direction", "wind_speed_rate"];

/// Forty stations in four blocks, of 40 to 430 hours: tenths with gaps and spikes. What `seed` changes is values alone.
fn rows(seed: u64) -> Vec<Row> {
    let mut state = seed;
    let mut below = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    let mut rows = Vec::new();
    for station in 0..40_i64 {
        for hour in 0..40 + station * 11 % 400 {
            let values = COLUMNS.map(|_| match below(60) {
                0..6 => None,
                6 => Some((500 + below(400)) as f64 / 10.0),
                _ => Some((20 + below(25)) as f64 / 10.0),
            });
            let id = format!("{}{:04}-99999", [10, 47, 72, 99][station as usize / 10], station * 17);
            rows.push((id, hour * HOUR, values.to_vec()));
        }
    }
    rows
}

/// A directory with the dataset `obs`, of some forty row groups, and a list of some of its stations.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    observations(home.path(), "obs", 1);
    let list = "\"USAF\",\"WBAN\",\"STATION NAME\",\"CTRY\",\"STATE\",\"ICAO\",\"LAT\",\"LON\",\"ELEV(M)\",\"BEGIN\",\"END\"\n\
        \"470170\",\"99999\",\"SOMEWHERE, \"\"HIGH\"\"\",\"KS\",\"\",\"\",\"+38.150\",\"+128.600\",\"\",\"19800101\",\"20200101\"\n\
        \"990646\",\"99999\",\"BUOY\",\"US\",\"FL\",\"\",\"+27.000\",\"-080.000\",\"+0001.0\",\"19800101\",\"20200101\"\n";
    fs::write(home.path().join("list.csv"), list).unwrap();
    home
}

fn observations(home: &Path, name: &str, seed: u64) {
    let options = ConvertOptions { row_group_rows: 300, overwrite: true, ..ConvertOptions::default() };
    dataset(&home.join(name), &COLUMNS, &rows(seed), &options);
}

/// Runs all of `count` parts with these options, the last first, into `directory`.
fn run_parts(home: &Path, options: &[&str], count: usize, directory: &str) {
    for number in (1..=count).rev() {
        let part = format!("{number}/{count}");
        succeeds(
            ISD_DETECT,
            home,
            &[options, &["--part", &part, "-o", directory, "--threads", "1"]].concat(),
        );
    }
}

/// Makes sure that a run and its joined parts write the same bytes, in every format.
fn same_as_one_run(home: &Path, options: &[&str], count: usize) {
    run_parts(home, options, count, "parts");
    for extension in ["parquet", "arrow", "csv", "ndjson"] {
        let (one, joined) = (format!("one.{extension}"), format!("joined.{extension}"));
        succeeds(ISD_DETECT, home, &[options, &["-o", &one]].concat());
        succeeds(ISD_DETECT, home, &["--join", "parts", "-o", &joined]);
        let bytes = |name: &str| fs::read(home.join(name)).unwrap();
        assert!(bytes(&one) == bytes(&joined), "{options:?}, {count} parts: {joined} differs");
    }
    assert!(parquet(&home.join("one.parquet")).num_rows() > 0, "{options:?}");
    fs::remove_dir_all(home.join("parts")).unwrap();
}

#[test]
fn any_number_of_parts_joined_is_the_file_of_one_run() {
    let home = home();
    for count in [1, 2, 3, 16, 100] {
        same_as_one_run(home.path(), &["obs", "-m", "wind_speed_rate"], count);
    }
}

#[test]
fn whatever_is_asked_for_is_joined_to_the_file_of_one_run() {
    let home = home();
    let wind = ["obs", "-m", "wind_speed_rate"];
    let choices: [&[&str]; 8] = [
        &["obs", "--all", "--quiet"],
        &["obs", "--all", "--force", "--threshold", "3.5", "--window", "20", "--test-filled"],
        &["--window", "2d", "--min-periods", "12", "--ddof", "1", "--min-std", "0.2", "--fill-limit", "6h"],
        &["--stations", "list.csv"],
        &["--stations", "list.csv", "--columns", "value,name,latitude", "--station", "47,99"],
        &["--columns", "timestamp,zscore"],
        &["--from", "1970-01-03", "--to", "1970-01-09"],
        &["--engine", "expressions", "-m", "air_temperature"],
    ];
    for choice in choices {
        let options = if choice[0] == "obs" { choice.to_vec() } else { [&wind, choice].concat() };
        same_as_one_run(home.path(), &options, 5);
    }
}

#[test]
fn the_joined_summary_counts_what_that_of_one_run_counts() {
    let home = home();
    let options = ["obs", "--all"];
    run_parts(home.path(), &options, 7, "parts");
    let summary = |arguments: &[&str]| -> Value {
        let arguments = [arguments, &["-o", "out.csv", "--json", "--quiet"]].concat();
        let mut summary: Value =
            serde_json::from_str(&succeeds(ISD_DETECT, home.path(), &arguments).0).unwrap();
        for field in ["dataset", "seconds", "rows_per_second"] {
            assert!(summary.as_object_mut().unwrap().remove(field).is_some());
        }
        summary
    };
    assert_eq!(summary(&["--join", "parts"]), summary(&options));
    let (joined, _) = succeeds(ISD_DETECT, home.path(), &["--join", "parts"]);
    assert_eq!(joined, succeeds(ISD_DETECT, home.path(), &options).0);
    let status = crate::shell::run(ISD_DETECT, home.path(), &["--join", "parts", "--exit-code"]).status;
    assert_eq!(status.code(), Some(5));
}

#[test]
fn a_part_that_is_there_is_skipped_and_left_as_it_is() {
    let home = home();
    let part = ["obs", "-m", "wind_speed_rate", "--part", "3/16", "-o", "out/parts"];
    insta::assert_snapshot!(shown(ISD_DETECT, home.path(), &part));
    assert_eq!(names(&home.path().join("out/parts")), ["part-00003-of-00016.parquet"]);
    let file = home.path().join("out/parts/part-00003-of-00016.parquet");
    let (before, bytes) = (fs::metadata(&file).unwrap().modified().unwrap(), fs::read(&file).unwrap());
    // A copy of the dataset is the same, wherever it lies.
    let copy = home.path().join("elsewhere/copy");
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::rename(home.path().join("obs"), &copy).unwrap();
    let part = ["elsewhere/copy", "-m", "wind_speed_rate", "--part", "3/16", "-o", "out/parts"];
    insta::assert_snapshot!(shown(ISD_DETECT, home.path(), &part));
    insta::assert_snapshot!(shown(ISD_DETECT, home.path(), &[&part[..], &["--json"]].concat()));
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
    // Lost, it is made again, with the same bytes.
    fs::remove_file(&file).unwrap();
    succeeds(ISD_DETECT, home.path(), &part);
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_part_of_another_result_is_refused() {
    let home = home();
    let wind = ["obs", "-m", "wind_speed_rate", "--part", "1/2", "-o", "parts"];
    succeeds(ISD_DETECT, home.path(), &wind);
    let others: [&[&str]; 4] = [
        &["--threshold", "7"],
        &["--columns", "station_id,value"],
        &["--station", "72"],
        &["--stations", "list.csv"],
    ];
    let runs: Vec<Vec<&str>> = others.iter().map(|other| [&wind, *other].concat()).collect();
    insta::assert_snapshot!(fails_each(ISD_DETECT, home.path(), &runs, 1));
    // Other values in the same places, as an update brings them.
    observations(home.path(), "obs", 2);
    let shown = fails(ISD_DETECT, home.path(), &wind, 1);
    assert!(
        shown
            .contains("parts/part-00001-of-00002.parquet: is part of another result: its dataset_version is")
    );
    // A file that no run of a part wrote, and one that is cut off.
    for bytes in [&b"PAR1 it is not"[..], b""] {
        fs::write(home.path().join("parts/part-00001-of-00002.parquet"), bytes).unwrap();
        let shown = fails(ISD_DETECT, home.path(), &wind, 1);
        assert!(
            shown.contains("is no part that isd-detect wrote") && shown.contains("hint: remove it"),
            "{shown}"
        );
    }
}

#[test]
fn parts_are_joined_when_all_of_one_result_are_there() {
    let home = home();
    let wind = ["obs", "-m", "wind_speed_rate"];
    run_parts(home.path(), &wind, 9, "parts");
    let join = ["--join", "parts", "-o", "all.parquet"];
    let file =
        |number: usize, of: usize| home.path().join(format!("parts/part-{number:05}-of-{of:05}.parquet"));
    let mut refused = String::new();
    let mut refuses = || refused += &fails(ISD_DETECT, home.path(), &join, 1);
    for number in [2, 6, 7, 8] {
        fs::rename(file(number, 9), home.path().join(format!("kept-{number}"))).unwrap();
    }
    refuses();
    for number in [6, 7, 8] {
        fs::rename(home.path().join(format!("kept-{number}")), file(number, 9)).unwrap();
    }
    refuses();
    // One of another test in its place.
    succeeds(
        ISD_DETECT,
        home.path(),
        &[&wind[..], &["--part", "2/9", "-o", "parts", "--threshold", "5"]].concat(),
    );
    refuses();
    // One of a result with other parts.
    fs::rename(home.path().join("kept-2"), file(2, 9)).unwrap();
    succeeds(ISD_DETECT, home.path(), &[&wind[..], &["--part", "1/3", "-o", "parts"]].concat());
    refuses();
    fs::remove_file(file(1, 3)).unwrap();
    // A part under another one's name.
    fs::copy(file(3, 9), file(2, 9)).unwrap();
    refuses();
    insta::assert_snapshot!(refused);
    fs::remove_file(file(2, 9)).unwrap();
    succeeds(ISD_DETECT, home.path(), &[&wind[..], &["--part", "2/9", "-o", "parts"]].concat());
    // What else lies there does not matter.
    fs::write(home.path().join("parts/slurm-1.out"), "").unwrap();
    succeeds(ISD_DETECT, home.path(), &join);
}

#[test]
fn what_makes_no_sense_of_parts_is_refused() {
    let home = home();
    fs::write(
        home.path().join("wind.csv"),
        "station_id,timestamp,wind_speed_rate\na,2017-01-01T00:00:00Z,5.1\n",
    )
    .unwrap();
    fs::create_dir(home.path().join("empty")).unwrap();
    let runs: [&[&str]; 12] = [
        &["obs", "-m", "wind_speed_rate", "--part", "0/16", "-o", "parts"],
        &["obs", "-m", "wind_speed_rate", "--part", "17/16", "-o", "parts"],
        &["obs", "-m", "wind_speed_rate", "--part", "3", "-o", "parts"],
        &["obs", "-m", "wind_speed_rate", "--part", "3/16"],
        &["obs", "-m", "wind_speed_rate", "--part", "3/16", "-o", "parts", "--since-file", "state"],
        &["obs", "-m", "wind_speed_rate", "--part", "3/16", "-o", "obs/parts/of/it"],
        &["wind.csv", "-m", "wind_speed_rate", "--part", "3/16", "-o", "parts"],
        &["wind.csv", "-m", "wind_speed_rate", "--split", "16"],
        &["obs", "-m", "wind_speed_rate", "--split", "0"],
        &["--join", "parts", "obs"],
        &["--join", "parts", "--threshold", "5"],
        &["-m", "wind_speed_rate"],
    ];
    insta::assert_snapshot!(fails_each(ISD_DETECT, home.path(), &runs, 2));
    let runs: [&[&str]; 4] = [
        &["--join", "nowhere", "-o", "all.csv"],
        &["--join", "empty", "-o", "all.csv"],
        &["--join", "obs", "-o", "all.csv"],
        &["obs", "-m", "wind_speed_rate", "--part", "3/16", "-o", "wind.csv"],
    ];
    insta::assert_snapshot!(fails_each(ISD_DETECT, home.path(), &runs, 1));
    run_parts(home.path(), &["obs", "-m", "wind_speed_rate"], 1, "parts");
    let over_a_part = ["--join", "parts", "-o", "parts/part-00001-of-00001.parquet"];
    insta::assert_snapshot!(fails(ISD_DETECT, home.path(), &over_a_part, 2));
}

#[test]
fn parts_without_a_station_that_is_asked_for_are_joined_like_the_others() {
    let home = home();
    let options = ["obs", "-m", "wind_speed_rate", "--station"];
    same_as_one_run(home.path(), &[&options[..], &["720357-99999"]].concat(), 6);
    run_parts(home.path(), &[&options[..], &["80"]].concat(), 3, "none");
    let none = fails(ISD_DETECT, home.path(), &["--join", "none", "-o", "all.csv"], 1);
    assert_eq!(none, "[stderr]\nerror: none: no part holds a station of --station 80\n[status 1]\n");
}

#[test]
fn a_split_says_what_the_parts_will_be() {
    let home = home();
    let split = ["obs", "-m", "wind_speed_rate", "--split", "1,2,16,100"];
    let (table, _) = succeeds(ISD_DETECT, home.path(), &split);
    let (json, _) = succeeds(ISD_DETECT, home.path(), &[&split[..], &["--json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(table.lines().count(), 5);
    let rows = rows(1).len() as u64;
    assert_eq!(json["rows"], rows);
    for (line, split) in table.lines().skip(1).zip(json["splits"].as_array().unwrap()) {
        let parts = split["parts"].as_u64().unwrap();
        assert!(line.starts_with(&format!("{parts},")), "{line}");
        assert_eq!(split["mean_rows"], rows / parts);
        // The parts themselves are as large as that.
        let read = |number| {
            let part = format!("{number}/{parts}");
            let run = ["obs", "-m", "wind_speed_rate", "-o", "parts", "--json", "--part", &part];
            let summary: Value = serde_json::from_str(&succeeds(ISD_DETECT, home.path(), &run).0).unwrap();
            summary["rows"].as_u64().unwrap()
        };
        let sizes: Vec<u64> = (1..=parts).map(read).collect();
        assert_eq!(sizes.iter().sum::<u64>(), rows);
        assert_eq!(split["most_rows"], *sizes.iter().max().unwrap());
        assert_eq!(split["empty_parts"], sizes.iter().filter(|size| **size == 0).count());
        let share = *sizes.iter().max().unwrap() as f64 * parts as f64 / rows as f64;
        assert!((split["largest_share"].as_f64().unwrap() - share).abs() < 1e-12);
    }
}

#[test]
fn the_job_array_of_the_documentation_can_be_run_again_after_failures() {
    const DOCS: &str = include_str!("../../docs/clusters.md");
    let (_, after) = DOCS.split_once("<!-- script: parts -->\n```sh\n").unwrap();
    let (script, _) = after.split_once("```").unwrap();
    let home = home();
    observations(home.path(), "observations", 1);
    fs::write(home.path().join("parts.sh"), script).unwrap();
    let tools = Path::new(ISD_DETECT).parent().unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let task = |number: usize| {
        let number = number.to_string();
        let variables = [("SLURM_ARRAY_TASK_ID", &*number), ("SLURM_CPUS_PER_TASK", "1"), ("PATH", &*path)];
        let mut command = std::process::Command::new("sh");
        assert!(command.arg("parts.sh").envs(variables).current_dir(home.path()).status().unwrap().success());
    };
    (1..=16).filter(|number| ![2, 6, 7, 8].contains(number)).for_each(task);
    let join = ["--join", "parts", "-o", "outliers.parquet"];
    // As the page shows it.
    let shown = fails(ISD_DETECT, home.path(), &join, 1);
    let shown =
        shown.strip_prefix("[stderr]\n").and_then(|shown| shown.strip_suffix("[status 1]\n")).unwrap();
    assert!(DOCS.contains(&format!("$ isd-detect --join parts -o outliers.parquet\n{shown}")), "{shown}");
    (1..=16).for_each(task);
    succeeds(ISD_DETECT, home.path(), &join);
    succeeds(ISD_DETECT, home.path(), &["observations", "-m", "wind_speed_rate", "-o", "one.parquet"]);
    let bytes = |name| fs::read(home.path().join(name)).unwrap();
    assert!(bytes("outliers.parquet") == bytes("one.parquet"));
}
