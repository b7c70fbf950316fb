//! `isd-qc` as it is run from a shell: formats, summaries, refusals, and the datasets that it writes.

use std::fs::{self, File};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use insta::assert_snapshot;
use isd::qc::table::FLAG_COLUMNS;
use isd_dataset::read::Dataset;
use isd_dataset::time::iso8601;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{self, ISD_CONVERT, ISD_QC, ISD_SYNTH, fails_each, names, parquet};

/// A directory with the archive `a.h5` of 30 stations over two years, its dataset `obs`, and what was planted.
fn home() -> TempDir {
    let home = TempDir::new().unwrap();
    let synth = [
        "-o",
        "a.h5",
        "--stations",
        "30",
        "--years",
        "2",
        "--seed",
        "5",
        "-q",
        "--truth",
        "truth.csv",
        "--station-list",
        "list.csv",
    ];
    shell::succeeds(ISD_SYNTH, home.path(), &synth);
    shell::succeeds(ISD_CONVERT, home.path(), &["a.h5", "-o", "obs", "--stations", "list.csv", "-q"]);
    home
}

fn succeeds(home: &Path, arguments: &[&str]) -> (String, String) {
    shell::succeeds(ISD_QC, home, arguments)
}

fn metadata(path: &Path, key: &str) -> String {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone()).unwrap()
}

#[test]
fn every_source_format_and_number_of_threads_gives_the_same_flags() {
    let home = home();
    let home = home.path();
    succeeds(home, &["obs", "-o", "flags.csv", "-q"]);
    let flags = fs::read_to_string(home.join("flags.csv")).unwrap();
    let mut lines = flags.lines();
    assert_eq!(lines.next().unwrap(), FLAG_COLUMNS.join(","));
    let keys = |line: &str| -> Vec<String> {
        let cells: Vec<&str> = line.split(',').collect();
        // The value of a key is one and the same.
        [cells[0], cells[1], cells[2], cells[4]].map(str::to_owned).to_vec()
    };
    let sorted: Vec<Vec<String>> = lines.clone().map(keys).collect();
    assert!(sorted.len() > 1000 && sorted.windows(2).all(|pair| pair[0] < pair[1]));

    for arguments in [
        &["obs", "--threads", "1", "-o", "again.csv", "-q"][..],
        &["a.h5", "--stations", "list.csv", "-o", "again.csv", "-q"],
        &["obs", "--stations", "list.csv", "--threads", "3", "-o", "again.csv", "-q"],
    ] {
        succeeds(home, arguments);
        assert_eq!(fs::read_to_string(home.join("again.csv")).unwrap(), flags, "{arguments:?}");
    }
    assert_eq!(succeeds(home, &["obs", "-q"]).0, flags);
    succeeds(home, &["obs", "-o", "flags.parquet", "-q"]);
    let table = parquet(&home.join("flags.parquet"));
    assert_eq!(table.num_rows(), sorted.len());
    assert!(metadata(&home.join("flags.parquet"), "isd.tool").starts_with("isd-qc "));
    assert!(metadata(&home.join("flags.parquet"), "isd.parameters").contains("[tests.spike]"));
    for extension in ["arrow", "ndjson"] {
        succeeds(home, &["obs", "-o", &format!("flags.{extension}"), "-q"]);
    }
    let ndjson = fs::read_to_string(home.join("flags.ndjson")).unwrap();
    assert_eq!(ndjson.lines().count(), sorted.len());
    let times = table.column_by_name("timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
    for (row, line) in ndjson.lines().enumerate().step_by(97) {
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["timestamp"], iso8601(times.value(row)));
        assert_eq!(object["test"], table.column_by_name("test").unwrap().as_string::<i32>().value(row));
    }
}

#[test]
fn what_is_planted_is_found_and_hardly_anything_else() {
    let home = home();
    let (json, _) = succeeds(home.path(), &["obs", "--truth", "truth.csv", "--json"]);
    let summary: Value = serde_json::from_str(&json).unwrap();
    let truth = &summary["truth"];
    let number = |value: &Value| value.as_u64().unwrap() as f64;
    let share = |kind: &str| {
        let found = truth["kinds"].as_array().unwrap().iter().find(|known| known["kind"] == kind);
        let found = found.unwrap_or_else(|| panic!("no {kind} planted"));
        number(&found["found"]) / number(&found["planted"])
    };
    for (kind, least) in [
        ("gross_error", 0.98),
        ("stuck, as long as streak promises", 0.98),
        ("repeated_day", 0.95),
        ("spike", 0.9),
        ("dew_point", 0.95),
    ] {
        assert!(share(kind) >= least, "{kind}: {}", share(kind));
    }
    for weather in ["storm", "heat_wave", "cold_spell"] {
        assert!(share(weather) < 0.02, "{weather}: {}", share(weather));
    }
    assert!(number(&truth["false_alarms"]) / number(&truth["clean"]) < 0.002, "{truth}");
    assert!(number(&truth["false_errors"]) / number(&truth["clean"]) < 0.0005, "{truth}");
}

#[test]
fn the_summary_says_what_was_found_and_what_did_not_run() {
    let home = TempDir::new().unwrap();
    let home = home.path();
    let synth = ["-o", "a.h5", "--stations", "3", "--rows-per-station", "3000", "--seed", "2", "-q"];
    shell::succeeds(ISD_SYNTH, home, &synth);
    shell::succeeds(ISD_CONVERT, home, &["a.h5", "-o", "obs", "-q"]);
    assert_snapshot!("qc_summary", shell::shown(ISD_QC, home, &["obs", "-o", "flags.csv"]));
    assert_snapshot!(
        "qc_json",
        shell::shown(ISD_QC, home, &["obs", "-m", "air_temperature", "--tests", "spike,pressure", "--json"])
    );
    let flags = fs::read_to_string(home.join("flags.csv")).unwrap();
    let spike = flags.lines().find(|line| line.contains(",spike,")).unwrap();
    let cells: Vec<&str> = spike.split(',').collect();
    assert_snapshot!("qc_explain", shell::shown(ISD_QC, home, &["obs", "--explain", cells[0], cells[1]]));
}

#[test]
fn a_printed_configuration_can_be_given_back() {
    let home = home();
    let home = home.path();
    let (printed, _) = shell::succeeds(ISD_QC, home, &["--print-config"]);
    assert_snapshot!("qc_print_config", printed);
    fs::write(home.join("qc.toml"), &printed).unwrap();
    let profile = ["obs", "-q", "--profile", "talk"];
    let default = succeeds(home, &["obs", "-q"]).0;
    assert_ne!(succeeds(home, &profile).0, default);
    assert_eq!(succeeds(home, &[&profile[..], &["--config", "qc.toml"]].concat()).0, default);
}

#[test]
fn profiles_and_flags_choose_the_tests() {
    let home = home();
    let tests = |arguments: &[&str]| -> Vec<String> {
        let (table, _) = succeeds(home.path(), &[&["obs", "-q"], arguments].concat());
        let mut tests: Vec<String> =
            table.lines().skip(1).map(|line| line.split(',').nth(4).unwrap().to_owned()).collect();
        tests.sort();
        tests.dedup();
        tests
    };
    assert_eq!(tests(&["--profile", "talk"]), ["rolling"]);
    assert_eq!(tests(&["--profile", "qartod"]), ["spike", "streak", "world_record"]);
    assert_eq!(tests(&["--tests", "spike,hampel", "-m", "air_temperature"]), ["hampel", "spike"]);
    assert!(!tests(&["--disable", "streak,clean_up"]).contains(&"streak".to_owned()));
    assert!(tests(&["--profile", "hadisd"]).contains(&"neighbour".to_owned()));
}

#[test]
fn a_clean_dataset_lacks_what_is_erroneous_and_a_wide_one_says_it() {
    let home = home();
    let home = home.path();
    succeeds(home, &["obs", "-o", "flags.parquet", "--released", "--clean", "clean", "--wide", "wide", "-q"]);
    let flags = parquet(&home.join("flags.parquet"));
    let erroneous = count(&flags, "erroneous");
    let (before, clean, wide) = (open(home, "obs"), open(home, "clean"), open(home, "wide"));
    let nulls = |dataset: &Dataset| -> u64 {
        dataset.manifest().unwrap().columns.iter().take(5).map(|column| column.nulls).sum()
    };
    let values = erroneous
        .iter()
        .filter(|(_, _, measurement)| !measurement.starts_with("liquid") && measurement != "sky_condition");
    assert_eq!(nulls(&clean) - nulls(&before), values.count() as u64);
    assert_eq!(clean.rows(), before.rows());
    assert!(home.join("clean/_stations.csv").exists());
    assert!(
        clean
            .manifest()
            .unwrap()
            .notes
            .contains(&"values that isd-qc found erroneous are missing".to_owned())
    );
    // What is clean can be controlled again.
    succeeds(home, &["clean", "-o", "again.csv", "-q"]);

    let names: Vec<&str> = wide.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names[..3], ["air_temperature", "air_temperature_flags", "air_temperature_qartod"]);
    let (mut fails, mut missing, mut suspects) = (0, 0, 0);
    let mut spike_bits = 0;
    for group in wide.row_groups() {
        let (mut air, mut bits, mut qartod) = (Vec::new(), Vec::new(), Vec::new());
        let nulls = group.values_into("air_temperature", &mut air).unwrap();
        group.values_into("air_temperature_flags", &mut bits).unwrap();
        group.values_into("air_temperature_qartod", &mut qartod).unwrap();
        for row in 0..air.len() {
            let valid = nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
            assert_eq!(qartod[row] == 9.0, !valid);
            assert_eq!(bits[row] > 0.0 && valid, qartod[row] == 3.0 || qartod[row] == 4.0);
            missing += usize::from(!valid);
            fails += usize::from(qartod[row] == 4.0);
            suspects += usize::from(qartod[row] == 3.0);
            // The spike test is the eighth.
            spike_bits += usize::from(valid && bits[row] as u32 & 128 != 0);
        }
    }
    let air = |keys: &std::collections::BTreeSet<(String, i64, String)>| {
        keys.iter().filter(|key| key.2 == "air_temperature").count()
    };
    assert_eq!((fails, suspects), (air(&erroneous), air(&(&count(&flags, "suspect") - &erroneous))));
    assert_eq!(missing as u64, before.manifest().unwrap().columns[0].nulls);
    let tests = flags.column_by_name("test").unwrap().as_string::<i32>();
    let measurements = flags.column_by_name("measurement").unwrap().as_string::<i32>();
    let spikes = (0..flags.num_rows())
        .filter(|&row| tests.value(row) == "spike" && measurements.value(row) == "air_temperature");
    assert_eq!(spike_bits, spikes.count());
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(part(&home.join("wide"))).unwrap()).unwrap();
    let field = reader.schema().field_with_name("air_temperature_flags").unwrap();
    assert!(field.metadata()["flag_meanings"].starts_with("duplicate_month isolated_cluster "));
    assert!(field.metadata()["flag_masks"].starts_with("1, 2, 4, "));
}

fn open(home: &Path, name: &str) -> Dataset {
    Dataset::open(&home.join(name)).unwrap()
}

/// Some file of a dataset.
fn part(dataset: &Path) -> std::path::PathBuf {
    let block = names(dataset).into_iter().find(|name| name.starts_with("block=")).unwrap();
    dataset.join(block).join("part-00000.parquet")
}

/// The values with that verdict by any test: station, time and measurement.
fn count(flags: &RecordBatch, verdict: &str) -> std::collections::BTreeSet<(String, i64, String)> {
    let text = |name: &str| flags.column_by_name(name).unwrap().as_string::<i32>();
    let times = flags.column_by_name("timestamp").unwrap().as_primitive::<TimestampMicrosecondType>();
    let lower = flags.column_by_name("lower").unwrap().as_primitive::<Float64Type>();
    assert!(lower.null_count() < flags.num_rows());
    (0..flags.num_rows())
        .filter(|&row| text("verdict").value(row) == verdict)
        .map(|row| {
            (
                text("station_id").value(row).to_owned(),
                times.value(row),
                text("measurement").value(row).to_owned(),
            )
        })
        .collect()
}

#[test]
fn thresholds_are_kept_and_used() {
    let home = home();
    let home = home.path();
    let run = ["obs", "-q", "--thresholds", "limits.json"];
    let first = succeeds(home, &run).0;
    let kept = fs::read_to_string(home.join("limits.json")).unwrap();
    let limits: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(limits["stations"].as_object().unwrap().len(), 30);
    assert_eq!(succeeds(home, &run).0, first);
    assert_eq!(fs::read_to_string(home.join("limits.json")).unwrap(), kept);
    let other = fails_each(ISD_QC, home, &[[&run[..], &["--profile", "hadisd"]].concat()], 1);
    assert!(other.contains("error: limits.json: was derived with other tests or parameters"), "{other}");
    fs::write(home.join("limits.json"), "{\"a\": 1}").unwrap();
    let refused = fails_each(ISD_QC, home, &[run], 1);
    assert!(refused.contains("error: limits.json: is no file of thresholds: "), "{refused}");
    // Neighbours, which here find much, judge by what is derived whether it is kept or not.
    fs::write(
        home.join("near.toml"),
        "[tests.neighbour]\nleast_spread = 0\nfactor = 3\nleast_values = 1\nagreement = 1\n",
    )
    .unwrap();
    let near = ["obs", "-q", "--config", "near.toml"];
    let kept = succeeds(home, &[&near[..], &["--thresholds", "near.json"]].concat()).0;
    assert!(kept == succeeds(home, &near).0, "--thresholds changes what is found");
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    let home = home();
    let home = home.path();
    fs::write(home.join("qc.toml"), "[tests.spike]\nfacter = 6\n").unwrap();
    fs::write(home.join("list"), "no list\n").unwrap();
    fs::write(home.join("empty.csv"), "").unwrap();
    let usage: [&[&str]; 7] = [
        &["obs", "--tests", "spiek"],
        &["obs", "--disable", "rollin"],
        &["obs", "-m", "temperature"],
        &["obs", "-o", "flags.txt"],
        &["obs", "-o", "obs/flags.parquet"],
        &["obs", "--explain", "a", "tomorrow"],
        &[],
    ];
    assert_snapshot!("qc_usage", fails_each(ISD_QC, home, &usage, 2));
    let failures: [&[&str]; 8] = [
        &["nothing"],
        &["obs", "--config", "qc.toml"],
        &["obs", "--config", "no.toml"],
        &["obs", "--stations", "list"],
        &["obs", "--truth", "empty.csv"],
        &["obs", "--clean", "obs"],
        &["obs", "--explain", "a", "2000-01-01T00:00"],
        &["obs", "-o", "no/flags.csv"],
    ];
    assert_snapshot!("qc_failures", fails_each(ISD_QC, home, &failures, 1));
}

#[test]
fn a_broken_row_group_is_named_and_nothing_is_left() {
    let home = home();
    let home = home.path();
    let path = part(&home.join("obs"));
    let mut bytes = fs::read(&path).unwrap();
    // Past the magic number, within the first pages.
    bytes[40..4000].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    let shown = fails_each(ISD_QC, home, &[["obs", "-o", "flags.csv", "--clean", "clean"]], 1);
    assert!(shown.contains("part-00000.parquet"), "{shown}");
}
