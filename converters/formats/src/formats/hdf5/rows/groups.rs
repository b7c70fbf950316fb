//! Batches out of a file whose groups are archives of their own, such as one a station: the groups
//! in, the rows of one group after the other out, in the columns of all groups.
//!
//! Small groups are read side by side, many to a batch; a large one is read in parallel by itself.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array};
use arrow::compute::concat;
use arrow::datatypes::Float64Type;
use isd_dataset::names::list;
use rayon::prelude::*;

use super::adapted::{Adapted, AscendingTimes, no_station};
use super::read_plan::{ReadPlan, plan};
use super::row_source::BATCH_ROWS;
use super::source;
use crate::formats::hdf5::layouts::{Extent, Scope, Stations, group_catalog};
use crate::source::{did_you_mean, in_canonical_order};
use crate::{Batch, ColumnInfo, Error, ReadOptions, Result, Source, SourceInfo, Tally};

/// Groups that are read for one batch, at most.
const SIDE_BY_SIDE: usize = 1024;

/// A file whose groups are read one after the other.
pub struct GroupsSource {
    path: Arc<Path>,
    groups: Vec<Group>,
    info: SourceInfo,
    next: usize,
    /// A large group that is being read.
    current: Option<Box<dyn Source>>,
    yielded: u64,
    tally: Tally,
}

struct Group {
    scope: Scope,
    station: String,
    /// Rows, or cells of a grid.
    rows: u64,
}

/// What the plan of a group says.
struct Summary {
    group: Group,
    info: SourceInfo,
    /// Whether all its cells are rows.
    exact: bool,
    /// Whether the group's name is taken for its station's.
    named: bool,
    /// What the group has instead of stations, where its name is taken for its station's and nothing but ascending times
    /// says that its rows are of one.
    instead: Option<String>,
}

impl GroupsSource {
    /// Reads the groups of `path` in their order; `notes` say what was left out of the file.
    ///
    /// # Errors
    /// A group that cannot be read, columns that differ in their units, a column that no group has.
    pub fn new(
        path: &Path,
        groups: Vec<(Scope, String)>,
        notes: Vec<String>,
        options: &ReadOptions,
    ) -> Result<Self> {
        let summaries: Vec<Result<Summary>> =
            groups.into_par_iter().map(|(scope, station)| summary(scope, station)).collect();
        let mut source = Self {
            path: path.into(),
            groups: Vec::new(),
            info: SourceInfo { layout: "HDF5 groups", rows: Some(0), notes, ..SourceInfo::default() },
            next: 0,
            current: None,
            yielded: 0,
            tally: Tally::default(),
        };
        let (mut left_out, mut named, mut empty) = (Vec::new(), Vec::new(), None);
        let only = summaries.len() == 1;
        for summary in summaries {
            match summary {
                Ok(summary) => {
                    let Group { scope, station, .. } = &summary.group;
                    if let Some(instead) = summary.instead.as_ref().filter(|_| only)
                        && !Stations::may_be_named(station)
                    {
                        return Err(no_station(
                            scope,
                            instead,
                            "it is not a station's, and may be that of many",
                        ));
                    }
                    if summary.named {
                        named.push(summary.group.station.clone());
                    }
                    source.add(summary)?;
                }
                // It holds nothing that can be read, which is no error as long as another group does.
                Err(Error::Format { path, found, hint }) => {
                    left_out.push(found.clone());
                    empty = empty.or(Some(Error::Format { path, found, hint }));
                }
                Err(error) => return Err(error),
            }
        }
        source.pick(options)?;
        if source.groups.len() > 1 {
            source.info.layout = "HDF5 with a group for each station";
        }
        if source.groups.is_empty() {
            return Err(empty.unwrap_or(Error::Format {
                path: path.to_owned(),
                found: "holds no observations".into(),
                hint: None,
            }));
        }
        if !left_out.is_empty() {
            source.info.notes.push(format!("groups left out: {}", list(&left_out)));
        }
        if !named.is_empty() {
            source
                .info
                .notes
                .push(format!("stations were named after the groups that hold them: {}", list(&named)));
        }
        Ok(source)
    }

    fn add(&mut self, summary: Summary) -> Result<()> {
        for column in summary.info.columns {
            match self.info.columns.iter_mut().find(|known| known.name == column.name) {
                None => self.info.columns.push(column),
                Some(known) if known.units == column.units => {
                    known.resolution =
                        known.resolution.take().filter(|known| Some(known) == column.resolution.as_ref());
                }
                Some(known) => {
                    let units = |units: &Option<String>| units.clone().unwrap_or_else(|| "no units".into());
                    return Err(Error::Column {
                        path: self.path.to_path_buf(),
                        column: summary.group.scope.place(&column.name),
                        found: format!(
                            "is in {}, but in {} in the groups before",
                            units(&column.units),
                            units(&known.units)
                        ),
                        hint: Some("give all groups the same units".into()),
                    });
                }
            }
        }
        self.info.layout = summary.info.layout;
        self.info.rows = self.info.rows.filter(|_| summary.exact).map(|rows| rows + summary.group.rows);
        for note in summary.info.notes {
            if !self.info.notes.contains(&note) {
                self.info.notes.push(note);
            }
        }
        self.groups.push(summary.group);
        Ok(())
    }

    /// Puts the columns in order and keeps those that were asked for.
    fn pick(&mut self, options: &ReadOptions) -> Result<()> {
        in_canonical_order(&mut self.info.columns);
        if options.measurements.is_empty() {
            return Ok(());
        }
        for asked in &options.measurements {
            if self.info.columns.iter().all(|column| column.name != *asked) {
                let names: Vec<String> = self.info.columns.iter().map(|column| column.name.clone()).collect();
                return Err(Error::Column {
                    path: self.path.to_path_buf(),
                    column: asked.clone(),
                    found: format!("does not exist in any group; they have {}", list(&names)),
                    hint: did_you_mean(asked, names.iter().map(String::as_str)),
                });
            }
        }
        self.info.columns.retain(|column| options.measurements.contains(&column.name));
        Ok(())
    }

    /// The groups from the next one on that are read side by side.
    fn side_by_side(&self) -> &[Group] {
        let mut cells = 0;
        let rest = &self.groups[self.next..];
        let together = rest.iter().take(SIDE_BY_SIDE).take_while(|group| {
            cells += group.rows;
            cells <= BATCH_ROWS
        });
        &rest[..together.count()]
    }

    /// A group's batch with the columns of all groups; those that the group lacks are null.
    fn widened(&mut self, batch: Batch, columns: &[ColumnInfo]) -> Batch {
        let first_row = self.yielded;
        self.yielded += batch.rows() as u64;
        Batch { first_row, ..batch.with_columns(columns, &self.info.columns) }
    }
}

/// What a group holds.
fn summary(scope: Scope, station: String) -> Result<Summary> {
    let everything = ReadOptions { measurements: Vec::new(), ..(*scope.options).clone() };
    let all = Scope { options: Arc::new(everything), ..scope.clone() };
    let plan = plan_of(&all, &station)?;
    let (rows, exact) = match plan.extent {
        Extent::Rows(rows) => (rows, true),
        Extent::Grid { stations, times } => (stations.saturating_mul(times), false),
    };
    // What was never written is no row.
    let rows = plan
        .written
        .as_ref()
        .map_or(rows, |written| written.iter().map(|range| range.end - range.start).sum());
    let named = matches!(&plan.stations, Stations::One(name) | Stations::Group(name) if **name == *station);
    Ok(Summary {
        group: Group { scope, station, rows },
        info: plan.info,
        exact,
        named,
        instead: plan.instead.filter(|_| !plan.labelled_by_time),
    })
}

fn plan_of(scope: &Scope, station: &str) -> Result<ReadPlan> {
    let catalog = group_catalog(scope, station)?;
    let gone = || scope.format_error(format!("{} is no archive any more", scope.path_in_file()), None);
    plan(scope, catalog.ok_or_else(gone)?.as_ref())
}

/// Everything in a small group.
struct Read {
    columns: Vec<ColumnInfo>,
    batches: Vec<Batch>,
    tally: Tally,
}

/// Reads a small group.
fn read_all(path: &Path, group: &Group, columns: &[ColumnInfo]) -> Result<Read> {
    let mut source = open(path, group, columns)?;
    let mut batches = Vec::new();
    while let Some(batch) = source.next_batch()? {
        batches.push(batch);
    }
    Ok(Read { columns: source.info().columns.clone(), batches, tally: source.tally() })
}

/// Opens a group for those of the columns that it has.
fn open(path: &Path, group: &Group, columns: &[ColumnInfo]) -> Result<Box<dyn Source>> {
    let mut plan = plan_of(&group.scope_of(columns)?, &group.station)?;
    plan.info.notes.clear();
    let instead = plan.instead.take();
    let source = source(path, plan)?;
    Ok(match instead {
        Some(instead) => {
            Box::new(Adapted { source, adapter: AscendingTimes::new(group.scope.clone(), instead) })
        }
        None => source,
    })
}

impl Group {
    /// The scope of the group, whose options ask for those of the columns that it has.
    fn scope_of(&self, columns: &[ColumnInfo]) -> Result<Scope> {
        if self.scope.options.measurements.is_empty() {
            return Ok(self.scope.clone());
        }
        let catalog = group_catalog(&self.scope, &self.station)?;
        let has = |name: &str| -> Result<bool> {
            catalog
                .as_ref()
                .map_or(Ok(false), |catalog| Ok(catalog.find(self.scope.name_of(name))?.is_some()))
        };
        let mut measurements = Vec::new();
        for column in columns {
            if has(&column.name)? {
                measurements.push(column.name.clone());
            }
        }
        let options = ReadOptions { measurements, ..(*self.scope.options).clone() };
        Ok(Scope { options: Arc::new(options), ..self.scope.clone() })
    }
}

impl Source for GroupsSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn tally(&self) -> Tally {
        let mut tally = self.tally.clone();
        if let Some(current) = &self.current {
            tally.add(&current.tally());
        }
        tally.rejected.retain(|name, _| self.info.columns.iter().any(|column| column.name == *name));
        tally
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        loop {
            if let Some(mut current) = self.current.take() {
                if let Some(batch) = current.next_batch()? {
                    let columns = current.info().columns.clone();
                    self.current = Some(current);
                    return Ok(Some(self.widened(batch, &columns)));
                }
                self.tally.add(&current.tally());
                continue;
            }
            let together = self.side_by_side();
            if together.is_empty() {
                let Some(group) = self.groups.get(self.next) else { return Ok(None) };
                self.current = Some(open(&self.path, group, &self.info.columns)?);
                self.next += 1;
                continue;
            }
            let count = together.len();
            let read: Vec<Result<Read>> =
                together.par_iter().map(|group| read_all(&self.path, group, &self.info.columns)).collect();
            self.next += count;
            let first_row = self.yielded;
            let mut batches = Vec::new();
            for group in read {
                let Read { columns, batches: own, tally } = group?;
                self.tally.add(&tally);
                batches.extend(own.into_iter().map(|batch| self.widened(batch, &columns)));
            }
            if let Some(batch) = joined(batches, first_row, &self.path)? {
                return Ok(Some(batch));
            }
        }
    }
}

/// Several batches as one; `None` of none.
fn joined(batches: Vec<Batch>, first_row: u64, path: &Arc<Path>) -> Result<Option<Batch>> {
    let Some(first) = batches.first() else { return Ok(None) };
    let column = |at: usize| -> Result<Float64Array> {
        let arrays: Vec<&dyn Array> = batches.iter().map(|batch| &batch.columns[at] as &dyn Array).collect();
        let array = concat(&arrays).map_err(|error| Error::internal(error.to_string()))?;
        Ok(array.as_primitive::<Float64Type>().clone())
    };
    let columns = (0..first.columns.len()).into_par_iter().map(column).collect::<Result<_>>()?;
    Ok(Some(Batch {
        path: Arc::clone(path),
        first_row,
        columns,
        timestamps: batches.iter().flat_map(|batch| batch.timestamps.iter().copied()).collect(),
        stations: batches.into_iter().flat_map(|batch| batch.stations).collect(),
    }))
}
