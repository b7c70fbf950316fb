//! What is read from where: the columns that a layout found in a file and the user's options in,
//! the datasets to read and the fields to unpack from each out.

use std::ops::Range;
use std::sync::Arc;

use isd_dataset::names::list;

use super::fields::{DatasetFields, Target};
use super::packing::{Packing, numbers_of};
use super::times;
use crate::formats::hdf5::cf::Unpacking;
use crate::formats::hdf5::cf::units::{self, Units};
use crate::formats::hdf5::layouts::{Catalog, Entry, Extent, KEYS, Scope, StationPart, Stations};
use crate::formats::hdf5::library::{Number, NumberType, Scalar};
use crate::instants::NumberTimes;
use crate::source::did_you_mean;
use crate::{ColumnInfo, Error, MEASUREMENTS, Measurement, Result, Scale, SourceInfo};

/// What is read from where.
pub struct ReadPlan {
    /// Columns, layout and notes; the columns are in the order of [`Target::Value`]'s indexes.
    pub info: SourceInfo,
    /// Rows of every dataset, or stations and times.
    pub extent: Extent,
    /// The rows that were ever written, ascending and apart; `None` of all, and of a grid.
    pub written: Option<Vec<Range<u64>>>,
    /// How the stations are known.
    pub stations: Stations,
    /// Datasets, each read once.
    pub datasets: Vec<DatasetFields>,
    /// For each value column, whether it only qualifies others: a value of it alone makes no observation.
    pub companions: Vec<bool>,
    /// Other columns of a grid, which were not asked for: a value of theirs makes a cell an observation, too.
    pub others: Vec<DatasetFields>,
    /// What the file has instead of stations, where the rows are taken for a single series.
    pub instead: Option<String>,
    /// Whether times label the rows, as those of a single series.
    pub labelled_by_time: bool,
}

/// Finds all columns that the options ask for.
///
/// # Errors
/// A column that is missing or of the wrong type or length.
pub fn plan(scope: &Scope, catalog: &dyn Catalog) -> Result<ReadPlan> {
    let planner = Planner { scope, catalog };
    let time = planner.required("timestamp")?;
    let stations = match (catalog.stations(), scope.named_station()) {
        (Stations::One(_) | Stations::Group(_), Some(named)) => Stations::One(named.into()),
        (stations, _) => stations,
    };
    let extent = match &stations {
        Stations::Axis(names) => Extent::Grid { stations: names.len() as u64, times: time.rows() },
        _ => Extent::Rows(time.rows()),
    };
    if matches!(extent, Extent::Rows(0) | Extent::Grid { stations: 0, .. } | Extent::Grid { times: 0, .. }) {
        return Err(scope.format_error(format!("holds no rows: {} is empty", time.place), None));
    }
    let (times, number_times) = times::target(scope, &time, planner.number(&time)?)?;
    let written = match extent {
        Extent::Rows(rows) if time.dataset.obstacle().is_none() => times::written_rows(scope, &time, rows)?,
        _ => None,
    };
    if written.as_ref().is_some_and(Vec::is_empty) {
        return Err(scope.format_error(format!("holds no rows: {} was never written", time.place), None));
    }
    let mut plan = ReadPlan {
        info: SourceInfo {
            layout: catalog.layout(),
            notes: catalog.notes(),
            number_times: number_times.and_then(|times| times.recognised(&scope.options)),
            ..SourceInfo::default()
        },
        extent,
        written,
        stations,
        datasets: Vec::new(),
        companions: Vec::new(),
        others: Vec::new(),
        instead: None,
        labelled_by_time: catalog.is_labelled_by_time(),
    };
    plan.info.notes.extend(number_times.and_then(NumberTimes::note));
    match &plan.stations {
        Stations::Columns => {
            for (part, entry) in planner.stations()? {
                planner.add(&mut plan, &time, &entry, planner.station(part, &entry)?)?;
            }
        }
        Stations::Indexed(entry, first, names) => {
            let target = Target::StationIndex(planner.number(entry)?, *first, Arc::clone(names));
            let entry = entry.clone();
            planner.add(&mut plan, &time, &entry, target)?;
        }
        Stations::Group(_) => plan.instead = Some(planner.listing()),
        Stations::One(_) | Stations::Runs(_) | Stations::Axis(_) => {}
    }
    planner.add(&mut plan, &time, &time, times)?;
    let (mut notes, mut obstacle) = (Notes::default(), None);
    for (name, entry, asked) in planner.values(&scope.options.measurements)? {
        let usable = matches!(entry.scalar, Scalar::Number(_)) && entry.fits(extent);
        if !usable && !asked {
            notes.skipped.push(format!("{} ({}, {:?})", entry.place, entry.scalar, entry.dataset.shape()));
            continue;
        }
        if let Some((found, hint)) = entry.dataset.obstacle().filter(|_| !asked) {
            notes.skipped.push(format!("{} ({found})", entry.place));
            obstacle = obstacle.or(Some(planner.column_error(&entry.place, found, Some(hint))));
            continue;
        }
        let (target, info) = planner.value(&name, &entry, plan.info.columns.len(), &mut notes)?;
        planner.add(&mut plan, &time, &entry, target)?;
        plan.info.columns.push(info);
        plan.companions.push(catalog.is_companion(&name));
    }
    if plan.info.columns.is_empty() {
        if let Some(error) = obstacle {
            return Err(error);
        }
        let found = format!("holds no measurement; it has {}", planner.listing());
        return Err(scope.format_error(found, Some("name one with --column air_temperature=/path/in/file")));
    }
    if matches!(extent, Extent::Grid { .. }) {
        plan.others = planner.others(&plan)?;
    }
    plan.info.notes.extend(notes.lines());
    Ok(plan)
}

/// Names of columns by what a note says of them.
#[derive(Default)]
struct Notes {
    skipped: Vec<String>,
    unscaled: Vec<String>,
    converted: Vec<String>,
    foreign: Vec<String>,
    limited: Vec<String>,
}

impl Notes {
    fn lines(self) -> impl Iterator<Item = String> {
        let line = |names: &[String], before: &str, after: &str| {
            (!names.is_empty()).then(|| format!("{before}{}{after}", list(names)))
        };
        let isd = "; if they are ISD's tenths, --scale isd converts them";
        let unscaled = "values are stored as found, without a scale_factor, for ";
        [
            line(&self.unscaled, unscaled, isd),
            line(&self.converted, "units were converted: ", ""),
            line(&self.foreign, "kept in units that have no known conversion to the measurement's own: ", ""),
            line(&self.limited, "values outside valid_min, valid_max or valid_range are missing: ", ""),
            line(&self.skipped, "left out, since they are no column of numbers: ", ""),
        ]
        .into_iter()
        .flatten()
    }
}

struct Planner<'a> {
    scope: &'a Scope,
    catalog: &'a dyn Catalog,
}

impl Planner<'_> {
    fn column_error(&self, column: &str, found: impl Into<String>, hint: Option<String>) -> Error {
        self.scope.column_error(column, found, hint)
    }

    fn listing(&self) -> String {
        let mut names = self.catalog.names();
        names.extend_from_slice(self.catalog.unreadable());
        if names.is_empty() { "nothing that can be listed".into() } else { list(&names) }
    }

    /// The column of that name; `None` where there is none, unless the user says where it lies.
    fn entry(&self, column: &str) -> Result<Option<Entry>> {
        let Some(mapped) = self.scope.mapped(column) else { return self.catalog.find(column) };
        let entry = self.catalog.find(mapped)?;
        if entry.is_none() {
            let found =
                format!("is to lie at {mapped}, which does not exist; the file has {}", self.listing());
            return Err(self.column_error(column, found, self.suggestion(mapped)));
        }
        Ok(entry)
    }

    fn suggestion(&self, name: &str) -> Option<String> {
        let names = self.catalog.names();
        did_you_mean(name.trim_start_matches('/'), names.iter().map(|name| name.trim_start_matches('/')))
    }

    fn required(&self, column: &str) -> Result<Entry> {
        self.entry(column)?.ok_or_else(|| {
            let found = format!("does not exist; the file has {}", self.listing());
            self.column_error(column, found, Some(format!("name it with --column {column}=/path/in/file")))
        })
    }

    /// The fields that name a row's station: USAF and WBAN, USAF alone, or the source's own.
    fn stations(&self) -> Result<Vec<(StationPart, Entry)>> {
        if self.scope.mapped("station_id").is_none()
            && let Some(usaf) = self.entry("station_usaf")?
        {
            let wban = self.entry("station_wban")?;
            return Ok([(StationPart::Usaf, Some(usaf)), (StationPart::Wban, wban)]
                .into_iter()
                .filter_map(|(part, entry)| Some((part, entry?)))
                .collect());
        }
        if let Some(id) = self.entry("station_id")? {
            return Ok(vec![(StationPart::Id, id)]);
        }
        let found = format!("does not exist, nor does station_id; the file has {}", self.listing());
        Err(self.column_error(
            "station_usaf",
            found,
            Some("name it with --column station_id=/path/in/file".into()),
        ))
    }

    /// The value columns in their order, each with whether it was asked for by name; all of them where none is.
    fn values(&self, asked: &[String]) -> Result<Vec<(String, Entry, bool)>> {
        let mut columns: Vec<(String, Entry, bool)> = Vec::new();
        let mut take = |name: &str, entry: Option<Entry>, asked| {
            if let Some(entry) = entry
                && columns.iter().all(|(known, ..)| known != name)
            {
                columns.push((name.into(), entry, asked));
            }
        };
        if !asked.is_empty() {
            let canonical =
                MEASUREMENTS.iter().map(|m| m.name).filter(|name| asked.iter().any(|a| a == name));
            let others = asked.iter().map(String::as_str).filter(|name| Measurement::named(name).is_none());
            for name in canonical.chain(others) {
                take(name, Some(self.asked(name)?), true);
            }
            return Ok(columns);
        }
        for measurement in &MEASUREMENTS {
            take(measurement.name, self.entry(measurement.name)?, true);
        }
        let mapped = &self.scope.options.column_paths;
        for (name, _) in mapped {
            if !KEYS.contains(&name.as_str()) {
                take(name, self.entry(name)?, true);
            }
        }
        for name in self.catalog.names() {
            let is_mapped = mapped.iter().any(|(_, path)| path.trim_start_matches('/') == name);
            // A file may well hold a damaged dataset that nobody asked for.
            if !is_mapped
                && !KEYS.contains(&name.as_str())
                && let Ok(Some(entry)) = self.catalog.find(&name)
                && !entry.is_bare_dimension()
            {
                take(&name, Some(entry), false);
            }
        }
        Ok(columns)
    }

    /// A value column that the user asks for by name.
    fn asked(&self, name: &str) -> Result<Entry> {
        if KEYS.contains(&name) {
            return Err(self.column_error(name, "is part of the key, expected a measurement", None));
        }
        self.entry(name)?.ok_or_else(|| {
            let found = format!("does not exist; the file has {}", self.listing());
            let hint = self.suggestion(name);
            self.column_error(name, found, hint.or_else(|| Some(format!("--column {name}=/path/in/file"))))
        })
    }

    /// The columns that decide together with the planned ones whether a cell of a grid is an observation: a grid has the
    /// same rows whichever columns are asked for.
    fn others(&self, plan: &ReadPlan) -> Result<Vec<DatasetFields>> {
        if self.scope.options.measurements.is_empty() {
            return Ok(Vec::new());
        }
        let mut others = Vec::new();
        for (name, entry, _) in self.values(&[])? {
            let number = matches!(entry.scalar, Scalar::Number(_));
            let planned = plan.datasets.iter().any(|dataset| dataset.place == entry.place);
            if number && !planned && entry.fits(plan.extent) && !self.catalog.is_companion(&name) {
                let (target, _) = self.value(&name, &entry, 0, &mut Notes::default())?;
                others.push(DatasetFields::of(&entry, target));
            }
        }
        Ok(others)
    }

    fn number(&self, entry: &Entry) -> Result<NumberType> {
        match &entry.scalar {
            Scalar::Number(number) => Ok(*number),
            other => {
                let hint = self.catalog.remedy().map(str::to_owned);
                Err(self.column_error(&entry.place, format!("is {other}, expected numbers"), hint))
            }
        }
    }

    fn text_attribute(&self, entry: &Entry, name: &str) -> Result<Option<String>> {
        Ok(entry.attribute_in(self.scope, name)?.and_then(|attribute| attribute.text().map(str::to_owned)))
    }

    fn station(&self, part: StationPart, entry: &Entry) -> Result<Target> {
        match &entry.scalar {
            Scalar::Number(_) | Scalar::FixedText(1..) | Scalar::VariableText => {
                Ok(Target::Station(part, entry.scalar.clone()))
            }
            other => {
                let remedy =
                    self.catalog.remedy().unwrap_or("store the stations as plain strings or integers");
                let hint = format!("{remedy}, or name another column with --column station_id=NAME");
                Err(self.column_error(
                    &entry.place,
                    format!("is {other}, expected numbers or strings"),
                    Some(hint),
                ))
            }
        }
    }

    /// How a value column is unpacked, and what is known of it; what the user should know of it goes to `notes`.
    fn value(
        &self,
        name: &str,
        entry: &Entry,
        index: usize,
        notes: &mut Notes,
    ) -> Result<(Target, ColumnInfo)> {
        let number = self.number(entry)?;
        let measurement = Measurement::named(name);
        let (mut missing, mut flagged) = self.catalog.sentinels(entry);
        let packing = Packing::of(self.scope, entry, number)?;
        let (mut scale, offset) = (packing.scale, packing.offset);
        missing.extend(packing.missing);
        missing.extend(self.scope.options.missing_of(name).map(Number::F64));
        flagged.extend(numbers_of(self.scope, entry, number, &["flagged_value"])?);
        let stated = self.text_attribute(entry, "units")?;
        let mut units = units::of_column(stated, self.scope.options.units_of(name), measurement)
            .map_err(|(found, hint)| self.column_error(&entry.place, found, Some(hint)))?;
        // An offset alone does not say which decimals the values are multiples of.
        let mut on_grid = number.is_integer() || scale.is_some();
        if scale.is_none() && offset.is_none() {
            match measurement {
                Some(measurement) if self.scope.options.scale == Scale::Isd => {
                    scale = Some(Unpacking::decimal_scale(measurement.isd_decimals));
                    units = units.or_else(|| Some(measurement.units.to_owned()));
                    on_grid = true;
                }
                Some(measurement) if units.is_none() && measurement.isd_decimals > 0 => {
                    notes.unscaled.push(name.into());
                }
                _ => {}
            }
        } else if let Some(measurement) = measurement {
            units = units.or_else(|| Some(measurement.units.to_owned()));
        }
        let mut conversion = None;
        if let (Some(measurement), Some(found)) = (measurement, &units) {
            let own = measurement.units;
            match units::compare(measurement, found) {
                Units::Same => units = Some(own.into()),
                Units::Convert(exact) => {
                    notes.converted.push(format!("{name} from {found} to {own}"));
                    (conversion, units) = (Some(exact), Some(own.into()));
                }
                Units::Unknown => notes.foreign.push(format!("{name} ({found}, not {own})")),
            }
        }
        let mut unpacking = Unpacking::new(scale, offset, missing, conversion).map_err(|reason| {
            let hint = "correct the attribute, or pick other columns with -m";
            self.column_error(&entry.place, reason, Some(hint.into()))
        })?;
        unpacking.flagged = flagged;
        unpacking.resolution = unpacking.resolution.filter(|_| on_grid);
        unpacking.valid = packing.valid;
        if unpacking.valid.is_some() {
            notes.limited.push(name.into());
        }
        let long_name = self.text_attribute(entry, "long_name")?;
        let info = ColumnInfo {
            name: name.into(),
            origin: Some(entry.place.clone()),
            units,
            long_name: long_name.or_else(|| measurement.map(|m| m.long_name.to_owned())),
            resolution: unpacking.resolution.clone(),
        };
        Ok((Target::Value(index, number, unpacking), info))
    }

    /// Adds a field to the dataset that holds it.
    ///
    /// # Errors
    /// A column that does not have a value for every row, or cannot be read.
    fn add(&self, plan: &mut ReadPlan, time: &Entry, entry: &Entry, target: Target) -> Result<()> {
        // The times of a grid lie along one of its dimensions, or are as many as its cells.
        let along = entry.place == time.place && entry.fits(Extent::Rows(time.rows()));
        if !along && !entry.fits(plan.extent) {
            let shape = entry.dataset.shape();
            let found = match plan.extent {
                Extent::Rows(rows) if shape.len() == 1 => {
                    format!("has {} rows, but {} has {rows}; expected the same", entry.rows(), time.place)
                }
                Extent::Rows(_) => format!("has the shape {shape:?}, expected one dimension"),
                Extent::Grid { stations, times } => {
                    format!("has the shape {shape:?}, expected {stations} stations and {times} times")
                }
            };
            return Err(self.column_error(&entry.place, found, None));
        }
        if let Some((found, hint)) = entry.dataset.obstacle() {
            return Err(self.column_error(&entry.place, found, Some(hint)));
        }
        let mut added = DatasetFields::of(entry, target);
        // Fields of one record are taken from the same bytes; the columns of a grid are read one by one.
        let rows = matches!(plan.extent, Extent::Rows(_));
        let same = |known: &&mut DatasetFields| rows && Arc::ptr_eq(&known.dataset, &entry.dataset);
        match plan.datasets.iter_mut().find(same) {
            Some(known) => known.fields.append(&mut added.fields),
            None => plan.datasets.push(added),
        }
        Ok(())
    }
}
