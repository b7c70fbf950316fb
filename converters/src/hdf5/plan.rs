//! What is read from where: the columns that a layout found in a file and the user's options in,
//! the datasets to read and the fields to unpack from each out.

use std::path::Path;
use std::sync::Arc;

use super::file::{Attribute, Hdf5Dataset, NumberType, Reason, Scalar};
use super::stored::StationPart;
use crate::cf::{Number, Packing};
use crate::cf_time::TimeUnits;
use crate::names::{list, nearest};
use crate::{ColumnInfo, Error, MEASUREMENTS, Measurement, ReadOptions, Result, Scale};

/// Columns that make a row's key.
pub const KEYS: [&str; 4] = ["station_usaf", "station_wban", "station_id", "timestamp"];

/// NumPy's `NaT`, which would be a time of the year 1677 in nanoseconds.
const NOT_A_TIME: Number = Number::Int(i64::MIN as i128);
/// How the attribute `NAME` begins of a dataset that stands for a dimension and holds nothing
/// (netCDF-4 file format, "Dimensions without variables").
const BARE_DIMENSION: &str = "This is a netCDF dimension but not a netCDF variable";

/// One column of a file, as a layout found it.
#[derive(Clone)]
pub struct Entry {
    /// HDF5 path, or table and member, for messages.
    pub place: String,
    /// Dataset that holds it.
    pub dataset: Arc<dyn Hdf5Dataset>,
    /// Bytes from the start of a row.
    pub offset: usize,
    /// Type of its values.
    pub scalar: Scalar,
    /// Whether the dataset's attributes are this column's.
    pub own_attributes: bool,
    /// Units that the layout itself says the times of this column have.
    pub time_units: Option<&'static str>,
}

impl Entry {
    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason> {
        if self.own_attributes { self.dataset.attribute(name) } else { Ok(None) }
    }

    fn rows(&self) -> u64 {
        self.dataset.shape().first().copied().unwrap_or(0)
    }
}

/// The columns of a file, by name.
pub trait Catalog {
    /// Name of the layout, such as `flat HDF5`.
    fn layout(&self) -> &'static str;

    /// The column at a path in the file, or of that name.
    fn find(&self, path: &str) -> Result<Option<Entry>>;

    /// Names of all columns, for messages and for what is carried along; empty where the file
    /// cannot be listed.
    fn names(&self) -> Vec<String>;
}

/// A field of a row and what becomes of it.
pub struct Field {
    /// Path, or table and member, for messages.
    pub place: String,
    /// Bytes from the start of a row.
    pub offset: usize,
    /// What it becomes.
    pub target: Target,
}

/// What a field becomes.
pub enum Target {
    /// Values of the column of that index.
    Value(usize, NumberType, Packing),
    /// Times.
    Time(NumberType, TimeUnits, Vec<Number>),
    /// A part of the station's name, stored as that type.
    Station(StationPart, Scalar),
}

/// A dataset and the fields that are taken from its rows.
pub struct Storage {
    /// The dataset.
    pub dataset: Arc<dyn Hdf5Dataset>,
    /// Its path, for messages.
    pub place: String,
    /// Fields of a row.
    pub fields: Vec<Field>,
}

/// What is read from where.
pub struct Plan {
    /// Name of the layout.
    pub layout: &'static str,
    /// Rows of every dataset.
    pub rows: u64,
    /// Datasets, each read once.
    pub storages: Vec<Storage>,
    /// Value columns, in the order of [`Target::Value`]'s indexes.
    pub columns: Vec<ColumnInfo>,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Finds all columns that the options ask for.
///
/// # Errors
/// A column that is missing or of the wrong type or length.
pub fn plan(path: &Path, catalog: &dyn Catalog, options: &ReadOptions) -> Result<Plan> {
    let planner = Planner { path, catalog, options };
    let time = planner.required("timestamp")?;
    let rows = time.rows();
    if rows == 0 {
        return Err(Error::Format {
            path: path.to_owned(),
            found: format!("holds no rows: {} is empty", time.place),
            hint: None,
        });
    }
    let mut plan =
        Plan { layout: catalog.layout(), rows, storages: Vec::new(), columns: Vec::new(), notes: Vec::new() };
    for (part, entry) in planner.stations()? {
        planner.add(&mut plan, &time, &entry, planner.station(part, &entry)?)?;
    }
    planner.add(&mut plan, &time, &time, planner.time(&time)?)?;
    let mut skipped = Vec::new();
    let mut unscaled = Vec::new();
    for (name, entry, asked) in planner.values()? {
        let usable = matches!(entry.scalar, Scalar::Number(_))
            && entry.dataset.shape().len() == 1
            && entry.rows() == rows;
        if !usable && !asked {
            skipped.push(format!("{} ({}, {:?})", entry.place, entry.scalar, entry.dataset.shape()));
            continue;
        }
        let (target, info) = planner.value(&name, &entry, plan.columns.len(), &mut unscaled)?;
        planner.add(&mut plan, &time, &entry, target)?;
        plan.columns.push(info);
    }
    if plan.columns.is_empty() {
        return Err(Error::Format {
            path: path.to_owned(),
            found: format!("holds no measurement; it has {}", planner.listing()),
            hint: Some("name one with --column air_temperature=/path/in/file".into()),
        });
    }
    if !unscaled.is_empty() {
        plan.notes.push(format!(
            "values are stored as found, without a scale_factor, for {}; if they are ISD's tenths, --scale isd converts them",
            unscaled.join(", ")
        ));
    }
    if !skipped.is_empty() {
        plan.notes.push(format!("left out, since they are no column of numbers: {}", list(&skipped)));
    }
    Ok(plan)
}

fn is_bare_dimension(entry: &Entry) -> bool {
    matches!(entry.attribute("NAME"), Ok(Some(name)) if name.text().is_some_and(|n| n.starts_with(BARE_DIMENSION)))
}

struct Planner<'a> {
    path: &'a Path,
    catalog: &'a dyn Catalog,
    options: &'a ReadOptions,
}

impl Planner<'_> {
    fn column_error(&self, column: &str, found: impl Into<String>, hint: Option<String>) -> Error {
        Error::Column { path: self.path.to_owned(), column: column.into(), found: found.into(), hint }
    }

    fn listing(&self) -> String {
        let names = self.catalog.names();
        if names.is_empty() { "nothing that can be listed".into() } else { list(&names) }
    }

    /// Where the user says that a column lies.
    fn mapped(&self, column: &str) -> Option<&str> {
        let mut paths = self.options.column_paths.iter().rev();
        paths.find(|(name, _)| name == column).map(|(_, path)| path.as_str())
    }

    /// The column, where there is one; one that the user maps must be there.
    fn entry(&self, column: &str) -> Result<Option<Entry>> {
        let Some(mapped) = self.mapped(column) else { return self.catalog.find(column) };
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
        let name = name.trim_start_matches('/');
        nearest(name, names.iter().map(|name| name.trim_start_matches('/')))
            .map(|near| format!("did you mean {near}?"))
    }

    fn required(&self, column: &str) -> Result<Entry> {
        self.entry(column)?.ok_or_else(|| {
            let found = format!("does not exist; the file has {}", self.listing());
            self.column_error(column, found, Some(format!("name it with --column {column}=/path/in/file")))
        })
    }

    /// The fields that name a row's station: USAF and WBAN, USAF alone, or the source's own.
    fn stations(&self) -> Result<Vec<(StationPart, Entry)>> {
        if self.mapped("station_id").is_none()
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

    /// The value columns in their order, each with whether it was asked for by name.
    fn values(&self) -> Result<Vec<(String, Entry, bool)>> {
        let mut columns: Vec<(String, Entry, bool)> = Vec::new();
        let asked = &self.options.measurements;
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
        for (name, _) in &self.options.column_paths {
            if !KEYS.contains(&name.as_str()) {
                take(name, self.entry(name)?, true);
            }
        }
        for name in self.catalog.names() {
            let mapped =
                self.options.column_paths.iter().any(|(_, path)| path.trim_start_matches('/') == name);
            // A file may well hold a damaged dataset that nobody asked for.
            if !mapped
                && !KEYS.contains(&name.as_str())
                && let Ok(Some(entry)) = self.catalog.find(&name)
                && !is_bare_dimension(&entry)
            {
                take(&name, Some(entry), false);
            }
        }
        Ok(columns)
    }

    /// A value column that `measurements` names.
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

    fn number(&self, entry: &Entry) -> Result<NumberType> {
        match &entry.scalar {
            Scalar::Number(number) => Ok(*number),
            other => Err(self.column_error(&entry.place, format!("is {other}, expected numbers"), None)),
        }
    }

    fn attribute(&self, entry: &Entry, name: &str) -> Result<Option<Attribute>> {
        entry
            .attribute(name)
            .map_err(|reason| self.column_error(&entry.place, format!("attribute {name}: {reason}"), None))
    }

    fn text_attribute(&self, entry: &Entry, name: &str) -> Result<Option<String>> {
        Ok(self.attribute(entry, name)?.and_then(|attribute| attribute.text().map(str::to_owned)))
    }

    fn number_attribute(&self, entry: &Entry, name: &str) -> Result<Option<Number>> {
        let Some(attribute) = self.attribute(entry, name)? else { return Ok(None) };
        match attribute.number() {
            Some(number) => Ok(Some(number)),
            None => Err(self.column_error(&entry.place, format!("attribute {name} is not a number"), None)),
        }
    }

    /// `_FillValue` and all `missing_value`s.
    fn missing(&self, entry: &Entry) -> Result<Vec<Number>> {
        let mut missing = Vec::new();
        for name in ["_FillValue", "missing_value"] {
            missing.extend(self.attribute(entry, name)?.map(|a| a.numbers()).unwrap_or_default());
        }
        Ok(missing)
    }

    fn station(&self, part: StationPart, entry: &Entry) -> Result<Target> {
        match &entry.scalar {
            Scalar::Number(_) | Scalar::FixedText(1..) | Scalar::VariableText => {
                Ok(Target::Station(part, entry.scalar.clone()))
            }
            other => {
                let hint = "store the stations as plain strings or integers".into();
                Err(self.column_error(
                    &entry.place,
                    format!("is {other}, expected numbers or strings"),
                    Some(hint),
                ))
            }
        }
    }

    fn time(&self, entry: &Entry) -> Result<Target> {
        let number = self.number(entry)?;
        let calendar = self.text_attribute(entry, "calendar")?;
        let own = self.text_attribute(entry, "units")?;
        let units = match own.as_deref().or(entry.time_units) {
            None => TimeUnits::UNIX_SECONDS,
            Some(units) => TimeUnits::parse(units, calendar.as_deref())
                .map_err(|reason| self.column_error(&entry.place, reason, None))?,
        };
        let mut missing = self.missing(entry)?;
        if entry.time_units.is_some() {
            missing.push(NOT_A_TIME);
        }
        Ok(Target::Time(number, units, missing))
    }

    /// How a value column is unpacked, and what is said of it.
    fn value(
        &self,
        name: &str,
        entry: &Entry,
        index: usize,
        unscaled: &mut Vec<String>,
    ) -> Result<(Target, ColumnInfo)> {
        let number = self.number(entry)?;
        let measurement = Measurement::named(name);
        let missing = self.missing(entry)?;
        let scale = self.number_attribute(entry, "scale_factor")?;
        let offset = self.number_attribute(entry, "add_offset")?;
        let units = self.text_attribute(entry, "units")?;
        let mut scale_known = true;
        let mut packing = match (measurement, self.options.scale) {
            _ if scale.is_some() || offset.is_some() => Packing::from_attributes(scale, offset, missing)
                .map_err(|reason| {
                    let hint = "correct the attribute, or pick other columns with -m";
                    self.column_error(&entry.place, reason, Some(hint.into()))
                })?,
            (Some(measurement), Scale::Isd) => Packing::decimals(measurement.isd_decimals, missing),
            _ => {
                scale_known = false;
                if units.is_none() && measurement.is_some_and(|m| m.isd_decimals > 0) {
                    unscaled.push(name.into());
                }
                Packing::as_stored(missing)
            }
        };
        // An offset alone says nothing of the values' grid.
        if scale.is_none() && offset.is_some() && !number.is_integer() {
            packing.resolution = None;
        }
        if !scale_known && number.is_integer() {
            packing.resolution = Some("1".into());
        }
        let isd_units = measurement.filter(|_| scale_known).map(|m| m.units.to_owned());
        let long_name = self.text_attribute(entry, "long_name")?;
        let info = ColumnInfo {
            name: name.into(),
            origin: Some(entry.place.clone()),
            units: units.or(isd_units),
            long_name: long_name.or_else(|| measurement.map(|m| m.long_name.to_owned())),
            resolution: packing.resolution.clone(),
        };
        Ok((Target::Value(index, number, packing), info))
    }

    /// Adds a field to the dataset that holds it, once its length is that of the timestamps.
    fn add(&self, plan: &mut Plan, time: &Entry, entry: &Entry, target: Target) -> Result<()> {
        if entry.dataset.shape().len() != 1 {
            let found = format!("has the shape {:?}, expected one dimension", entry.dataset.shape());
            return Err(self.column_error(&entry.place, found, None));
        }
        if entry.rows() != plan.rows {
            let found =
                format!("has {} rows, but {} has {}; expected the same", entry.rows(), time.place, plan.rows);
            return Err(self.column_error(&entry.place, found, None));
        }
        let field = Field { place: entry.place.clone(), offset: entry.offset, target };
        // Fields of one record are taken from the same bytes.
        let same = |storage: &&mut Storage| Arc::ptr_eq(&storage.dataset, &entry.dataset);
        match plan.storages.iter_mut().find(same) {
            Some(storage) => storage.fields.push(field),
            None => plan.storages.push(Storage {
                dataset: Arc::clone(&entry.dataset),
                place: entry.place.clone(),
                fields: vec![field],
            }),
        }
        Ok(())
    }
}
