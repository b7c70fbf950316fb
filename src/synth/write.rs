//! Making an archive: options, layout and targets in, files under their final names and a summary out.
//!
//! Series are made by all threads, a batch of stations at a time, while the calling thread writes the
//! batch before in station order. Three batches at most are held, whatever the size of the archive.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::Serialize;

use super::archive::ArchiveWriter;
use super::fault::Kind;
use super::network::station;
use super::options::{Layout, Options};
use super::output::{Partial, Targets, Text, length};
use super::schedule::Schedule;
use super::series::Series;
use super::{Error, Result, station_list, truth};

/// A batch holds at least so many rows and a station a thread, unless it would pass [`MOST_BATCH_ROWS`].
const LEAST_BATCH_ROWS: usize = 1 << 20;

/// A batch ends when it holds so many rows: 20 bytes each, 80 MB.
const MOST_BATCH_ROWS: usize = 4 << 20;

/// What was made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Rows of the archive.
    pub rows: u64,
    /// Stations of the archive.
    pub stations: usize,
    /// Length of the HDF5 file.
    pub bytes: u64,
    /// Planted values that are single spikes.
    pub gross_errors: u64,
    /// Planted values of stuck sensors.
    pub stuck_values: u64,
    /// Planted values of storms.
    pub storm_values: u64,
    /// Time that it took.
    pub seconds: f64,
}

impl Summary {
    /// Rows made a second.
    #[must_use]
    pub fn rows_per_second(&self) -> f64 {
        self.rows as f64 / self.seconds.max(1e-9)
    }
}

/// A series and its lines of the list of planted values.
type Finished = (Series, String);

/// Makes the archive that `options` describe, and the files beside it that `targets` name, on
/// `threads` threads (0 for one a core). `progress` hears, now and then, of rows written and of rows in all.
///
/// # Errors
/// Options out of range, targets that exist or cannot be written. Then no target is there that was not
/// there before, and none that was has changed.
pub fn write_archive(
    options: &Options,
    layout: Layout,
    targets: &Targets,
    threads: usize,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Summary> {
    let started = Instant::now();
    options.validate()?;
    layout.validate()?;
    targets.check()?;
    let (partial, file) = Partial::create(&targets.archive)?;
    // The HDF5 writer opens it anew by its name.
    drop(file);
    let truth = Text::create(targets.truth.as_deref(), truth::HEADER)?;
    let list = Text::create(targets.station_list.as_deref(), station_list::HEADER)?;

    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|source| Error::Threads { threads, source })?;
    let spans = pool.install(|| spans(options));
    let rows = spans.iter().map(|span| span.rows).sum();
    let list = write_station_list(list, options, &spans)?;

    let archive = ArchiveWriter::create(partial.temporary(), &targets.archive, layout, rows)?;
    let mut job = Job { archive, truth, planted: [0; 3], written: 0, rows };
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
    let bytes = length(partial.temporary());
    for file in [truth, list, Some(partial)].into_iter().flatten() {
        file.keep(targets.overwrite)?;
    }
    let [storm_values, stuck_values, gross_errors] = planted;
    Ok(Summary {
        rows: rows as u64,
        stations: options.stations,
        bytes,
        gross_errors,
        stuck_values,
        storm_values,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// How long one station's series is.
struct Span {
    rows: usize,
    hours: (i32, i32),
}

fn spans(options: &Options) -> Vec<Span> {
    (0..options.stations)
        .into_par_iter()
        .map(|index| {
            let schedule = Schedule::new(options, index);
            Span { rows: schedule.rows(), hours: schedule.span_hours() }
        })
        .collect()
}

fn write_station_list(mut list: Text, options: &Options, spans: &[Span]) -> Result<Option<Partial>> {
    for (index, span) in spans.iter().enumerate() {
        list.write(&station_list::line(&station(options, index), span.hours))?;
    }
    list.finish()
}

/// Ranges of stations to make at a time.
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

/// Makes the batches in order, until all are made or nobody wants more.
fn generate(
    options: &Options,
    batches: &[std::ops::Range<usize>],
    with_truth: bool,
    pool: &ThreadPool,
    sender: &SyncSender<Vec<Finished>>,
) {
    for batch in batches {
        let finished = pool.install(|| {
            let one = |index| {
                let series = Series::new(options, index);
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

/// The files being written.
struct Job {
    archive: ArchiveWriter,
    truth: Text,
    /// Planted values, by [`Kind`].
    planted: [u64; 3],
    written: u64,
    rows: usize,
}

impl Job {
    fn write(
        &mut self,
        batch: Vec<Finished>,
        pool: &ThreadPool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<()> {
        for (series, lines) in batch {
            for planted in &series.planted {
                self.planted[match planted.kind {
                    Kind::Storm => 0,
                    Kind::Stuck => 1,
                    Kind::GrossError => 2,
                }] += 1;
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
                assert!(rows < MOST_BATCH_ROWS + Options::MAX_ROWS_PER_STATION as usize);
            }
        }
    }
}
