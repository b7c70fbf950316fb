use std::fs;

use isd_dataset::read::{Dataset, RowGroup};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use tempfile::TempDir;

use crate::support::{hourly, write};

/// All that is read of a row group; what cannot be read is an error's text.
fn read(group: &RowGroup) -> [Result<usize, String>; 4] {
    let rows: Vec<usize> = (0..group.rows()).step_by(7).collect();
    [
        group.stations().map(|runs| runs.iter().map(|run| run.rows).sum()).map_err(|e| e.to_string()),
        group.values("wind_speed_rate").map(|values| values.len()).map_err(|e| e.to_string()),
        group.timestamps().map(|times| times.len()).map_err(|e| e.to_string()),
        group.timestamps_at(&rows).map(|times| 7 * times.len()).map_err(|e| e.to_string()),
    ]
}

/// The library panics on some of them, such as on indices into a dictionary that is not there.
#[test]
fn a_damaged_page_is_an_error_or_read_whole() {
    let directory = TempDir::new().unwrap();
    let target = directory.path().join("observations");
    write(&hourly(&[("010010-99999", 1400), ("010020-99999", 2100)]), 5000, &target);
    let path = target.join("block=01").join("part-00000.parquet");
    let whole = fs::read(&path).unwrap();
    let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let columns = reader.metadata().row_group(0).columns();
    let mut state = 1_u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let (mut errors, cases) = (0, 600);
    for case in 0..cases {
        let (start, length) = columns[case % 3].byte_range();
        let place = start + draw(if case % 2 == 0 { length } else { length.min(64) });
        let mut damaged = whole.clone();
        damaged[place as usize] ^= 1 << draw(8);
        fs::write(&path, damaged).unwrap();
        for result in read(&Dataset::open(&target).unwrap().row_groups()[0]) {
            match result {
                Ok(rows) => assert_eq!(rows, 3500, "byte {place}"),
                Err(error) => {
                    errors += 1;
                    assert!(error.contains("part-00000.parquet: "), "byte {place}: {error}");
                }
            }
        }
    }
    assert!(errors > cases / 10, "{errors} errors");
}
