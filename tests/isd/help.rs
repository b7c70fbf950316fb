//! `--help` and `--version` of each tool.

use tempfile::TempDir;

use crate::shell::{ISD_CONVERT, ISD_DETECT, ISD_EVENTS, ISD_QC, ISD_SYNTH, shown};

const TOOLS: [(&str, &str); 5] = [
    ("isd-synth", ISD_SYNTH),
    ("isd-convert", ISD_CONVERT),
    ("isd-detect", ISD_DETECT),
    ("isd-qc", ISD_QC),
    ("isd-events", ISD_EVENTS),
];

#[test]
// It lists one option more with that feature.
#[cfg(not(feature = "libhdf5"))]
fn help_lists_the_options() {
    let home = TempDir::new().unwrap();
    for (name, tool) in TOOLS {
        insta::assert_snapshot!(format!("{name}_help"), shown(tool, home.path(), &["--help"]));
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let home = TempDir::new().unwrap();
    for (name, tool) in TOOLS {
        assert_eq!(shown(tool, home.path(), &["--version"]), format!("{name} [VERSION]\n"));
    }
}
