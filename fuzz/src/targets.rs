//! The readers that are tried: bytes in; a few words on what became of them out.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bytes::Bytes;
use isd::qc::Settings;
use isd::qc::config::{apply, print};
use isd_converters::archive::Archive;
use isd_converters::{Input, ReadOptions, Source, format_names, inspect, open, open_input};
use isd_dataset::read::Dataset;
use tempfile::TempDir;

/// A reader that takes bytes.
pub struct Target {
    /// Its name, which is that of its directory of seeds, too.
    pub name: &'static str,
    /// Reads the input; says what became of it, so that new kinds of outcome are noticed. It panics where rows break a promise.
    pub run: fn(&[u8]) -> String,
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "text", run: text },
    Target { name: "hdf5", run: hdf5 },
    Target { name: "tar", run: tar },
    Target { name: "dataset", run: dataset },
    Target { name: "config", run: config },
    #[cfg(feature = "queries")]
    Target { name: "table", run: crate::queries::table },
    #[cfg(feature = "queries")]
    Target { name: "sql", run: crate::queries::sql },
];

/// Where inputs that must be files are written: in memory, where the system has such a place.
static PLACE: LazyLock<Option<TempDir>> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).ok() } else { TempDir::new().ok() }
});

/// Writes an input to a file.
///
/// # Panics
/// It cannot be written.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let place = PLACE.as_ref().map(TempDir::path);
    let path = place.map(|place| place.join(name));
    let written = path.as_ref().is_some_and(|path| {
        path.parent().is_some_and(|parent| std::fs::create_dir_all(parent).is_ok())
            && std::fs::write(path, bytes).is_ok()
    });
    assert!(written, "no place for an input");
    path.unwrap_or_default()
}

/// Text of any format, as it is recognised, and as a format that the input's length picks.
fn text(bytes: &[u8]) -> String {
    let input =
        Input::member(Path::new("a.tar"), Path::new("722030-12844-2017"), Bytes::copy_from_slice(bytes));
    let names = format_names();
    let format = names.get(bytes.len() % names.len()).map(|name| (*name).to_owned());
    let as_named = read(open_input(&input, &ReadOptions { format, ..ReadOptions::default() }));
    read(open_input(&input, &ReadOptions::default())) + &as_named
}

fn hdf5(bytes: &[u8]) -> String {
    read(open(&file("a.h5", bytes), &ReadOptions::default()))
}

fn tar(bytes: &[u8]) -> String {
    let archive = Archive::open(&[file("a.tar", bytes)], &ReadOptions::default(), false);
    match archive.and_then(|mut archive| inspect(&mut archive, &|_| {})) {
        Ok(found) => format!("{found:?}"),
        Err(error) => refused(&error),
    }
}

/// Reads a source to its end.
///
/// # Panics
/// A batch whose parts differ in length, or a value that is no number and not missing either.
fn read(source: isd_converters::Result<Box<dyn Source>>) -> String {
    let mut rows = 0;
    let ended = source.and_then(|mut source| {
        while let Some(batch) = source.next_batch()? {
            rows += batch.rows();
            assert_eq!(
                batch.stations.iter().map(|run| run.rows).sum::<usize>(),
                batch.rows(),
                "rows of stations"
            );
            assert!(batch.stations.iter().all(|run| !run.station_id.is_empty()), "a station without a name");
            for values in &batch.columns {
                assert_eq!(values.len(), batch.rows(), "values of a column");
                assert!(values.iter().flatten().all(f64::is_finite), "a value that is no number");
            }
        }
        Ok(source.tally())
    });
    let read = if rows == 0 { "nothing" } else { "rows" };
    match ended {
        Ok(tally) => format!("{read}, {tally:?}"),
        Err(error) => format!("{read}, {}", refused(&error)),
    }
}

/// A Parquet file of ours: column by column, with the decoders that are written by hand.
fn dataset(bytes: &[u8]) -> String {
    let part = file("observations/block=72/part-00000.parquet", bytes);
    let read = || {
        let directory = part.ancestors().nth(2).unwrap_or(&part);
        let dataset = Dataset::open(directory)?;
        let mut rows = 0;
        for group in dataset.row_groups() {
            let stations = group.stations()?;
            assert_eq!(stations.iter().map(|run| run.rows).sum::<usize>(), group.rows(), "rows of stations");
            assert_eq!(group.timestamps()?.len(), group.rows(), "times");
            let some: Vec<usize> = (0..group.rows()).step_by(3).collect();
            assert_eq!(group.timestamps_at(&some)?.len(), some.len(), "single times");
            for column in dataset.columns() {
                assert_eq!(group.values(&column.name)?.len(), group.rows(), "values");
            }
            rows += group.rows();
        }
        Ok(rows)
    };
    let ended: isd_dataset::Result<usize> = read();
    match ended {
        Ok(rows) => format!("{} rows", rows.min(9)),
        Err(error) => refused(&error),
    }
}

/// A configuration of quality control: what is taken is printed as a configuration that is taken again, and says the same.
fn config(bytes: &[u8]) -> String {
    let take = |bytes: &[u8]| {
        let mut settings = Settings::default();
        apply(&file("qc.toml", bytes), &mut settings).map(|()| print(&settings))
    };
    match take(bytes) {
        Ok(printed) => {
            let again = take(printed.as_bytes());
            assert!(
                again.as_ref().is_ok_and(|again| *again == printed),
                "a configuration that is not taken again"
            );
            "taken".to_owned()
        }
        Err(error) => refused(&error),
    }
}

/// What an error says, without the path.
///
/// # Panics
/// It is not one line.
pub fn refused(error: &impl Display) -> String {
    let message = error.to_string();
    assert!(!message.contains('\n'), "a message of several lines: {message:?}");
    message
}
