//! Making an archive: options, storage and targets in, files under their final names and a summary out.
//!
//! All threads make series, a batch of stations at a time, while the calling thread writes the previous batch in the order
//! of its stations. At most three batches are in memory, whatever the size of the archive.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;

use super::archive::ArchiveWriter;
use super::error::{Result, SynthError};
use super::network::station;
use super::options::{Storage, SynthOptions};
use super::output::{PartialFile, Targets, TextFile};
use super::planted::PlantedKind;
use super::planted::truth;
use super::schedule::Schedule;
use super::series::SyntheticSeries;
use super::station_list;

/// A batch has at least this many rows and a station a thread, unless that would be more than [`MOST_BATCH_ROWS`].
const LEAST_BATCH_ROWS: usize = 1 << 20;

/// A batch ends when it has this many rows: 20 bytes each, 80 MB.
const MOST_BATCH_ROWS: usize = 4 << 20;

/// What was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArchiveSummary {
    /// Number of rows of the archive.
    pub rows: u64,
    /// Number of stations of the archive.
    pub stations: usize,
    /// Size of the HDF5 file in bytes.
    pub bytes: u64,
    /// Number of planted values of each kind that there are any of, in the order of the kinds.
    pub planted: BTreeMap<PlantedKind, u64>,
    /// Time that it took, in seconds.
    pub seconds: f64,
}

/// A series and its lines in the list of planted values.
type Finished = (SyntheticSeries, String);

/// Makes the archive that `options` describe, and the other files that `targets` name, on `threads` threads (0 for one a
/// core). `progress` is told from time to time how many rows are written, and of how many.
///
/// # Errors
/// Options out of range, or targets that exist or cannot be written. No target is then made or changed.
pub fn write_archive(
    options: &SynthOptions,
    layout: Storage,
    targets: &Targets,
    threads: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ArchiveSummary> {
    let started = Instant::now();
    options.validate()?;
    layout.validate()?;
    targets.check()?;
    let (partial, file) = PartialFile::create(&targets.archive)?;
    // The HDF5 writer opens it anew by its name.
    drop(file);
    let truth = TextFile::create(targets.truth.as_deref(), truth::HEADER)?;
    let list = TextFile::create(targets.station_list.as_deref(), &station_list::header())?;

    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|source| SynthError::Threads { threads, source })?;
    let spans = pool.install(|| spans(options));
    let rows = spans.iter().map(|span| span.rows).sum();
    let list = write_station_list(list, options, &spans)?;

    let archive = ArchiveWriter::create(partial.temporary(), &targets.archive, layout, rows)?;
    let mut job = Job { archive, truth, planted: BTreeMap::new(), written: 0, rows };
    let batches = batches(&spans, pool.current_num_threads());
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        let (pool, with_truth) = (&pool, targets.truth.is_some());
        scope.spawn(move || generate(options, &batches, with_truth, pool, &sender));
        // An error ends the loop and drops the receiver, which ends the generator.
        receiver.into_iter().try_for_each(|batch| job.write(batch, pool, progress))
    })?;
    let Job { archive, truth, planted, .. } = job;
    archive.finish(&pool)?;
    let truth = truth.finish()?;
    let bytes = partial.bytes()?;
    for file in [truth, list, Some(partial)].into_iter().flatten() {
        file.keep(targets.overwrite)?;
    }
    Ok(ArchiveSummary {
        rows: rows as u64,
        stations: options.stations,
        bytes,
        planted,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// How long one station's series is.
struct Span {
    rows: usize,
    /// Hours of the first and of the last report, since 1970-01-01T00:00Z.
    hours: (i32, i32),
}

/// The span of each station.
fn spans(options: &SynthOptions) -> Vec<Span> {
    (0..options.stations)
        .into_par_iter()
        .map(|index| {
            let schedule = Schedule::new(options, index);
            Span { rows: schedule.rows(), hours: schedule.span_hours }
        })
        .collect()
}

/// Writes the list of stations to `list`.
fn write_station_list(
    mut list: TextFile,
    options: &SynthOptions,
    spans: &[Span],
) -> Result<Option<PartialFile>> {
    for (index, span) in spans.iter().enumerate() {
        list.write(&station_list::line(&station(options, index), span.hours))?;
    }
    list.finish()
}

/// The stations of each batch, as ranges of indexes.
fn batches(spans: &[Span], threads: usize) -> Vec<std::ops::Range<usize>> {
    let mut batches = Vec::new();
    let (mut first, mut rows) = (0, 0);
    for (index, span) in spans.iter().enumerate() {
        rows += span.rows;
        let after = index + 1;
        let enough = rows >= LEAST_BATCH_ROWS && after - first >= threads;
        if enough || rows >= MOST_BATCH_ROWS || after == spans.len() {
            batches.push(first..after);
            (first, rows) = (after, 0);
        }
    }
    batches
}

/// Makes the batches in order and sends them, until all are made or the receiver is gone.
fn generate(
    options: &SynthOptions,
    batches: &[std::ops::Range<usize>],
    with_truth: bool,
    pool: &ThreadPool,
    sender: &SyncSender<Vec<Finished>>,
) {
    for batch in batches {
        let finished = pool.install(|| {
            let one = |index| {
                let series = SyntheticSeries::new(options, index);
                let lines = if with_truth { truth::lines(&series) } else { String::new() };
                (series, lines)
            };
            batch.clone().into_par_iter().with_max_len(1).map(one).collect()
        });
        if sender.send(finished).is_err() {
            return;
        }
    }
}

/// The files that are being written.
struct Job {
    archive: ArchiveWriter,
    truth: TextFile,
    /// Number of planted values of each kind.
    planted: BTreeMap<PlantedKind, u64>,
    /// Number of rows that are written.
    written: u64,
    /// Number of rows in all.
    rows: usize,
}

impl Job {
    /// Writes a batch.
    fn write(
        &mut self,
        batch: Vec<Finished>,
        pool: &ThreadPool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        for (series, lines) in batch {
            for planted in &series.planted {
                *self.planted.entry(planted.kind).or_default() += 1;
            }
            self.truth.write(&lines)?;
            self.written += series.rows() as u64;
            self.archive.append([Arc::new(series)], pool)?;
            progress(self.written, self.rows as u64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_cover_all_stations_once_and_are_bounded() {
        let spans =
            |rows: &[usize]| -> Vec<Span> { rows.iter().map(|&rows| Span { rows, hours: (0, 0) }).collect() };
        for (rows, threads) in [(vec![65_000; 100], 2), (vec![2_000_000; 9], 8), (vec![10; 5], 64)] {
            let spans = spans(&rows);
            let batches = batches(&spans, threads);
            assert_eq!(batches.iter().map(std::ops::Range::len).sum::<usize>(), rows.len());
            assert!(batches.windows(2).all(|pair| pair[0].end == pair[1].start));
            for batch in batches {
                let rows: usize = spans[batch].iter().map(|span| span.rows).sum();
                assert!(rows < MOST_BATCH_ROWS + SynthOptions::MAX_ROWS_PER_STATION as usize);
            }
        }
    }
}
