//! Outliers of a dataset: its row groups in, on as many threads as there are, a detection out.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use isd_converters::keys;
use isd_dataset::layout::STATION_ID;
use isd_dataset::read::{Dataset, RowGroup, Times, read_ahead};
use isd_dataset::time::iso8601;
use isd_dataset::{Error, StationRun, Tally};

use crate::detect::detection::{Detection, order_row_groups};
use crate::detect::error::DetectError;
use crate::detect::group::TestedGroup;
use crate::detect::parts::Part;
use crate::detect::spool::Spool;
use crate::detect::threads::on_threads;
use crate::detect::wanted::Wanted;
use crate::plan::OutlierOptions;
use crate::plan::scan::SpareBuffers;
use crate::plan::selected_stations::SelectedStations;
use crate::plan::whole_series::WholeSeries;

/// Detects the outliers of a dataset, row group by row group, on as many threads as the current rayon pool has.
///
/// `progress` is told how many rows are done, from any thread. The result does not depend on the number of threads or
/// on how the dataset is cut into files and row groups. Memory is bounded by the row groups that are worked on at once:
/// outliers beyond a limit go to a temporary file. Every thread of the pool takes part and is waited for, so that the
/// caller must not block any of them.
///
/// # Errors
/// An unreadable dataset, a measurement that it lacks, stations split across row groups, or, where the dataset is not
/// `isd-convert`'s own, stations without a name or times that do not ascend.
pub fn detect(
    dataset: &Dataset,
    options: &OutlierOptions,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Detection, DetectError> {
    detect_wanted(dataset, options, &Wanted::default(), progress)
}

/// [`detect`], for those outliers that are `wanted`: of row groups without a wanted station, the stations alone are read.
///
/// # Errors
/// Those of [`detect`].
pub fn detect_wanted(
    dataset: &Dataset,
    options: &OutlierOptions,
    wanted: &Wanted,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Detection, DetectError> {
    let row_groups = dataset.row_groups().into_iter().enumerate().collect();
    detect_row_groups(dataset, row_groups, options, wanted, progress)
}

/// [`detect_wanted`], for the row groups of one [part](Part) of the dataset. Which these are depends on the dataset's
/// footers alone, whatever is wanted.
///
/// # Errors
/// Those of [`detect`]; that a station has rows in another part, too, only [`order_row_groups`] of all parts can tell.
pub fn detect_part(
    dataset: &Dataset,
    part: Part,
    options: &OutlierOptions,
    wanted: &Wanted,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Detection, DetectError> {
    let row_groups = dataset.row_groups();
    let rows: Vec<u64> = row_groups.iter().map(|group| group.rows() as u64).collect();
    let own = part.items(&rows).into_iter().map(|number| (number, row_groups[number].clone()));
    detect_row_groups(dataset, own.collect(), options, wanted, progress)
}

/// Detects the outliers of some row groups, each with its number in the dataset.
fn detect_row_groups(
    dataset: &Dataset,
    mut row_groups: Vec<(usize, RowGroup)>,
    options: &OutlierOptions,
    wanted: &Wanted,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Detection, DetectError> {
    // Small ones last, so that the threads end together.
    row_groups.sort_by_key(|(_, row_group)| Reverse(row_group.rows()));
    let columns: Vec<&str> = options.measurements.iter().map(String::as_str).collect();
    let times = if options.test.needs_time() { Times::All } else { Times::Few };
    // Where stations are chosen, only those of each row group are sure to be read.
    let (columns, times) =
        if wanted.selection.is_of_all_stations() { (&columns[..], times) } else { (&[][..], Times::None) };
    read_ahead(&mut row_groups.iter_mut().map(|(_, group)| group).collect::<Vec<_>>(), columns, times);
    let done = AtomicU64::new(0);
    let buffers = SpareBuffers::default();
    let spool = Mutex::new(Spool::default());
    let groups: Vec<Option<(usize, TestedGroup)>> = on_threads(&row_groups, |(number, row_group)| {
        let report = || {
            let rows = row_group.rows() as u64;
            progress(done.fetch_add(rows, Ordering::Relaxed) + rows);
        };
        let Some(series) = SelectedStations::of(Arc::new(row_group.clone()), &wanted.selection)? else {
            report();
            return Ok(None);
        };
        let keep = |outliers| spool.lock().unwrap_or_else(PoisonError::into_inner).push(outliers);
        let group = TestedGroup::test(&series, options, wanted, &buffers, keep)?;
        // What isd-convert wrote has stations and is sorted.
        if dataset.manifest().is_none() {
            check_names(&*series, &group.stations)?;
            check_order(&*series, &group.stations)?;
        }
        report();
        Ok::<_, DetectError>(Some((*number, group)))
    })?;

    let groups = groups.into_iter().flatten().filter(|(_, group)| !group.stations.is_empty());
    let mut groups: Vec<_> = groups.map(|(number, group)| (group.account(number), group)).collect();
    order_row_groups(&mut groups, |(account, group)| (account, &group.path))?;
    let (accounts, groups): (Vec<_>, Vec<_>) = groups.into_iter().unzip();
    let mut spool = spool.into_inner().unwrap_or_else(PoisonError::into_inner);
    spool.arrange(groups.iter().filter_map(|group| group.outliers))?;
    let detection = Detection::new(&groups, spool, &options.measurements, Tally::default());
    Ok(Detection { row_groups: accounts, ..detection })
}

/// Makes sure that the stations are named as an archive's must be. Errors: one that says that there is none, or that is to
/// be read otherwise than it is written.
fn check_names(series: &dyn WholeSeries, stations: &[StationRun]) -> Result<(), DetectError> {
    let refused = |found: String| {
        let (path, column) = (series.path().to_owned(), STATION_ID.to_owned());
        DetectError::from(Error::Column { path, column, found, hint: None })
    };
    for run in stations {
        if keys::station(run.station_id.as_bytes()).map_err(refused)? != &*run.station_id {
            return Err(refused(format!("{:?} has blanks around it", run.station_id)));
        }
    }
    Ok(())
}

/// Makes sure that the times of each station ascend. Errors: times that do not ascend, or that cannot be read.
fn check_order(series: &dyn WholeSeries, stations: &[StationRun]) -> Result<(), DetectError> {
    let times = series.timestamps()?;
    let mut rest: &[i64] = times.values();
    for run in stations {
        let Some((own, later)) = rest.split_at_checked(run.rows) else {
            return Err(
                Error::internal(format!("fewer times than rows at station {}", run.station_id)).into()
            );
        };
        if let Some(pair) = own.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(DetectError::Unsorted {
                path: series.path().to_owned(),
                station: run.station_id.to_string(),
                time: iso8601(pair[1]),
            });
        }
        rest = later;
    }
    Ok(())
}
