//! netCDF-4 with CF conventions: the variables of a group in, the catalog of its columns out.
//!
//! Found by a variable of times (`units = "... since ..."`). Stations lie along a dimension of their own (orthogonal or
//! incomplete multidimensional arrays), follow each other (contiguous ragged), are numbered by a variable (indexed
//! ragged), are named for every row, or there is one. CF Conventions 1.11, chapter 9 and appendix H.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use isd_dataset::names::list;

use super::catalog::{Catalog, Entry, Extent, Scope, Stations};
use super::meaning::{self, HADISD_FLAGGED, HADISD_MISSING};
use super::station_part::StationPart;
use super::texts;
use super::variables::{Dimension, Variable, axes, variables};
use crate::formats::hdf5::library::{Number, Scalar, StoredNumbers};
use crate::{MEASUREMENTS, Result};

/// The variables of a group and what they mean.
pub struct NetCdf {
    scope: Scope,
    variables: Vec<Variable>,
    time: usize,
    time_dimension: Option<Dimension>,
    /// Index of the variable that names the stations, row by row or along a dimension.
    station: Option<usize>,
    stations: Stations,
    /// Measurement and index of the variable that holds it under another name.
    renamed: Vec<(&'static str, usize)>,
    /// Names of the variables that hold the bounds of others, and of those that qualify others.
    bounds: Vec<String>,
    ancillary: Vec<String>,
    hadisd: bool,
    layout: &'static str,
    notes: Vec<String>,
}

impl NetCdf {
    /// The archive in a group, or `None` where no variable holds times. `station` names the only station of a file that
    /// does not name it.
    ///
    /// # Errors
    /// Stations that cannot be read, or that the variables do not have.
    pub fn open(scope: &Scope, station: Option<&str>) -> Result<Option<Self>> {
        let variables = variables(scope);
        let Some(time) = meaning::time(scope, &variables) else { return Ok(None) };
        let mut notes = Vec::new();
        let own = &variables[time];
        if own.name != "time" && scope.mapped("timestamp").is_none() {
            notes.push(format!("times were taken from {}", own.name));
        }
        let named = meaning::station(scope, &variables);
        let words = |attribute: &str| -> Vec<String> {
            let texts = variables.iter().filter_map(|variable| variable.entry.text(attribute));
            texts.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
        };
        let mut found = Self {
            bounds: words("bounds"),
            ancillary: words("ancillary_variables"),
            time_dimension: None,
            scope: scope.clone(),
            hadisd: meaning::is_hadisd(&variables),
            variables,
            time,
            station: named,
            stations: Stations::Columns,
            renamed: Vec::new(),
            layout: "netCDF-4 time series",
            notes,
        };
        found.check_no_field()?;
        found.set_stations(station)?;
        found.rename();
        found.note_left_out();
        Ok(Some(found))
    }

    /// Index of the variable that names the stations, and the dimension along which it does; `None` where it names one.
    fn station_dimension(&self) -> Option<(usize, Dimension)> {
        let station = self.station?;
        let variable = &self.variables[station];
        let names = texts::dimensions(&*variable.entry.dataset).len();
        let dimension = variable.dimensions.iter().take(names).find(|dimension| dimension.length != 1)?;
        Some((station, dimension.clone()))
    }

    fn set_stations(&mut self, default: Option<&str>) -> Result<()> {
        let stations = self.station_dimension();
        let times = &self.variables[self.time].dimensions;
        let of_stations =
            |time: &&Dimension| stations.as_ref().is_some_and(|(_, dimension)| time.is(dimension));
        let mut own: Vec<&Dimension> = times.iter().filter(|time| !of_stations(time)).collect();
        if own.is_empty() && times.len() == 1 {
            // Stations and times are one dimension: every row names its station.
            own.extend(times.first());
        }
        let longer = own.iter().find(|dimension| dimension.length > 1).or(own.last());
        self.time_dimension = longer.map(|dimension| (*dimension).clone());
        let (time_dimension, Some((station, dimension))) = (self.time_dimension.clone(), stations) else {
            return self.set_one_station(default);
        };
        let along = |variable: &Variable| variable.dimensions.iter().any(|other| other.is(&dimension));
        let both = |variable: &Variable| {
            let axes = axes(&variable.dimensions, Some(&dimension), time_dimension.as_ref());
            axes.station.is_some() && (axes.time.is_some() || time_dimension.is_none())
        };
        let names = |found: &Self| -> Result<Arc<[Arc<str>]>> {
            let variable = &found.variables[station];
            let names = texts::stations(&*variable.entry.dataset)
                .map_err(|reason| found.scope.column_error(&variable.entry.place, reason, None))?;
            found.check_apart(variable, &names, &dimension)?;
            Ok(names.into())
        };
        let ragged = |attribute: &str| {
            self.variables.iter().position(|variable| variable.entry.text(attribute).is_some())
        };
        if let Some(counts) = ragged("sample_dimension").filter(|&at| along(&self.variables[at])) {
            self.stations = Stations::Runs(self.runs(&self.variables[counts], &names(self)?)?);
            self.layout = "netCDF-4 ragged array";
        } else if let Some(index) = ragged("instance_dimension") {
            let mut entry = self.variables[index].entry.clone();
            entry.axes = axes(&self.variables[index].dimensions, None, time_dimension.as_ref());
            let first = meaning::first_index(&self.scope, &entry)?;
            self.stations = Stations::Indexed(Box::new(entry), first, names(self)?);
            self.layout = "netCDF-4 indexed array";
        } else if time_dimension.as_ref().is_some_and(|time| time.is(&dimension))
            && !self.variables.iter().any(|v| v.dimensions.iter().filter(|d| d.is(&dimension)).count() > 1)
        {
            self.layout = "netCDF-4 rows";
        } else if self.variables.iter().any(|variable| meaning::is_number(variable) && both(variable)) {
            self.stations = Stations::Axis(names(self)?);
            self.layout = "netCDF-4 grid of stations and times";
        } else {
            let found = format!(
                "has {} stations along {}, but no variable of numbers for stations and times",
                dimension.length, self.variables[station].name
            );
            return Err(self
                .scope
                .format_error(found, Some("name the columns with --column air_temperature=/path/in/file")));
        }
        Ok(())
    }

    /// Checks that no two stations along a dimension have one name.
    fn check_apart(&self, named: &Variable, names: &[Arc<str>], dimension: &Dimension) -> Result<()> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for (at, name) in names.iter().enumerate() {
            let Some(before) = seen.insert(name, at) else { continue };
            let found = format!(
                "names both station {before} and station {at} {name:?}, expected a name of its own for each of {} \
                 stations",
                names.len()
            );
            let others: Vec<String> = self
                .variables
                .iter()
                .filter(|other| other.name != named.name && texts::are_names(&*other.entry.dataset))
                .filter(|other| {
                    let own = texts::dimensions(&*other.entry.dataset).len();
                    matches!(other.dimensions.get(..own), Some([only]) if only.is(dimension))
                        && !other.entry.is_bare_dimension()
                })
                .map(|other| other.name.clone())
                .collect();
            let hint = match others.as_slice() {
                [] => "add a variable of station identifiers to the file and name it with --column station_id=NAME"
                    .to_owned(),
                [first, ..] => {
                    format!("take another variable, such as --column station_id={first}; there are {}", list(&others))
                }
            };
            return Err(self.scope.column_error(&named.entry.place, found, Some(hint)));
        }
        Ok(())
    }

    /// Refuses a field over latitudes and longitudes, which has no stations.
    fn check_no_field(&self) -> Result<()> {
        if self.station.is_some() {
            return Ok(());
        }
        // The dimension is called so, or a variable along it alone holds such positions.
        let runs = |dimension: &Dimension, position: meaning::Position| {
            dimension.length > 1
                && (dimension.name.as_deref().is_some_and(|name| meaning::is_called(name, position))
                    || self.variables.iter().any(|other| {
                        let own = matches!(other.dimensions.as_slice(), [only] if only.is(dimension));
                        own && (meaning::is_called(&other.name, position)
                            || meaning::is_along(other, position))
                    }))
        };
        let numbers = self.variables.iter().filter(|variable| meaning::is_number(variable));
        let mut fields = numbers.filter_map(|variable| {
            let along = |position| variable.dimensions.iter().position(|dimension| runs(dimension, position));
            let latitude = along(meaning::Position::Latitude)?;
            let longitude = along(meaning::Position::Longitude).filter(|&longitude| longitude != latitude)?;
            let length = |at: usize| variable.dimensions.get(at).map_or(1, |dimension| dimension.length);
            Some((variable, length(latitude), length(longitude)))
        });
        let Some((variable, latitudes, longitudes)) = fields.next() else { return Ok(()) };
        let found = format!(
            "holds fields over {latitudes} latitudes and {longitudes} longitudes, such as {}, expected series of stations",
            variable.name
        );
        let hint =
            "take series at points out of it first, such as with `cdo remapnn,lon=5.2_lat=52.1 in.nc out.nc`";
        Err(self.scope.format_error(found, Some(hint)))
    }

    /// Names the only station: by its variable, by an attribute, else by the name of its group or file.
    fn set_one_station(&mut self, default: Option<&str>) -> Result<()> {
        let named = match self.station {
            Some(at) => {
                let variable = &self.variables[at];
                let names = texts::stations(&*variable.entry.dataset)
                    .map_err(|reason| self.scope.column_error(&variable.entry.place, reason, None))?;
                names.first().cloned()
            }
            None => None,
        };
        let station = named.or_else(|| {
            let (attribute, station) = meaning::station_attribute(&self.scope)?;
            self.notes.push(format!("the station {station} was taken from {attribute}"));
            StationPart::Id.of_text(&station).ok()
        });
        let station = match (station, default) {
            (Some(station), _) => station,
            (None, Some(default)) => default.into(),
            (None, None) => {
                let station = stem(&self.scope.path);
                self.notes.push(format!(
                    "no station is named: the file's name {station} was taken; --column station_id=/path/in/file names one"
                ));
                station.into()
            }
        };
        self.stations = Stations::One(station);
        Ok(())
    }

    /// The stations of a contiguous ragged array and how many rows each has.
    fn runs(&self, counts: &Variable, names: &[Arc<str>]) -> Result<Vec<(Arc<str>, u64)>> {
        let Scalar::Number(number) = counts.entry.scalar else {
            return Err(self.scope.column_error(&counts.entry.place, "holds no numbers of rows", None));
        };
        let ranges: Vec<_> = counts.entry.dataset.shape().iter().map(|&length| 0..length).collect();
        let bytes = counts.entry.dataset.read(&ranges);
        let bytes = bytes.map_err(|reason| self.scope.column_error(&counts.entry.place, reason, None))?;
        let rows: Vec<u64> = StoredNumbers::side_by_side(number, &bytes)
            .to_vec()
            .into_iter()
            .map(|count| match count {
                Number::Int(count) => u64::try_from(count).ok(),
                float => Some(float.to_f64()).filter(|count| *count >= 0.0).map(|count| count as u64),
            })
            .collect::<Option<_>>()
            .ok_or_else(|| {
                self.scope.column_error(&counts.entry.place, "holds a number of rows below 0", None)
            })?;
        let runs: Vec<(Arc<str>, u64)> = names.iter().cloned().zip(rows.iter().copied()).collect();
        let (total, expected) = (
            runs.iter().fold(0_u64, |total, (_, rows)| total.saturating_add(*rows)),
            self.time_dimension.as_ref().map_or(1, |dimension| dimension.length),
        );
        if total != expected || runs.len() != rows.len() {
            let found = format!("counts {total} rows of {} stations, but there are {expected}", runs.len());
            return Err(self.scope.column_error(&counts.entry.place, found, None));
        }
        Ok(runs)
    }

    fn extent(&self) -> Extent {
        let times = self.time_dimension.as_ref().map_or(1, |dimension| dimension.length);
        match &self.stations {
            Stations::Axis(names) => Extent::Grid { stations: names.len() as u64, times },
            _ => Extent::Rows(times),
        }
    }

    /// The variable at an index as a column, with which of its dimensions runs over what; `None` where there is none.
    fn column(&self, at: usize) -> Option<Entry> {
        let variable = self.variables.get(at)?;
        let stations = match self.stations {
            Stations::Axis(_) => self.station_dimension().map(|(_, dimension)| dimension),
            _ => None,
        };
        let mut entry = variable.entry.clone();
        entry.axes = axes(&variable.dimensions, stations.as_ref(), self.time_dimension.as_ref());
        if self.station == Some(at) && matches!(self.stations, Stations::Columns) {
            let characters = entry.dataset.shape().iter().skip(texts::dimensions(&*entry.dataset).len());
            entry.row_elements = characters.product();
        }
        Some(entry)
    }

    /// Whether a variable is a column of observations: numbers that vary with time.
    fn is_column(&self, at: usize) -> bool {
        let Some(variable) = self.variables.get(at) else { return false };
        at != self.time
            && meaning::is_number(variable)
            && !meaning::is_time(variable)
            && !self.bounds.contains(&variable.name)
            // The coordinate of the dimension numbers the rows.
            && self.time_dimension.as_ref().is_none_or(|time| time.name.as_ref() != Some(&variable.name))
            && self.column(at).is_some_and(|entry| {
                let varies = match self.time_dimension {
                    Some(_) => entry.axes.time.is_some(),
                    None => !meaning::is_position(variable),
                };
                varies && entry.fits(self.extent())
            })
    }

    /// Finds which variables are the measurements.
    fn rename(&mut self) {
        let named = |name: &str| self.variables.iter().position(|variable| variable.name == name);
        let mut renamed = Vec::new();
        for measurement in &MEASUREMENTS {
            let mapped = self.scope.mapped(measurement.name).is_some();
            if mapped || named(measurement.name).is_some_and(|at| self.is_column(at)) {
                continue;
            }
            if self.hadisd {
                let variable = meaning::hadisd_variable(measurement.name).and_then(named);
                renamed.extend(variable.filter(|&at| self.is_column(at)).map(|at| (measurement.name, at)));
                continue;
            }
            let candidates: Vec<usize> = (0..self.variables.len())
                .filter(|&at| {
                    meaning::measures(&self.variables[at], measurement.name)
                        && self.is_column(at)
                        && !self.is_companion(&self.variables[at].name)
                })
                .collect();
            match candidates.as_slice() {
                [] => {}
                [only] => renamed.push((measurement.name, *only)),
                several => {
                    let names: Vec<String> =
                        several.iter().map(|&at| self.variables[at].name.clone()).collect();
                    self.notes.push(format!(
                        "{} may be any of {}, which keep their names; --column {}={} takes one",
                        measurement.name,
                        list(&names),
                        measurement.name,
                        names.first().map_or("NAME", String::as_str)
                    ));
                }
            }
        }
        let taken: Vec<String> =
            renamed.iter().map(|&(name, at)| format!("{name} from {}", self.variables[at].name)).collect();
        if !taken.is_empty() {
            self.notes.push(format!("measurements were taken by their meaning: {}", taken.join(", ")));
        }
        self.renamed = renamed;
    }

    fn note_left_out(&mut self) {
        let left_out: Vec<String> = self
            .variables
            .iter()
            .enumerate()
            .filter(|&(at, variable)| {
                meaning::is_number(variable)
                    && variable.entry.dataset.shape().iter().product::<u64>() > 1
                    && !meaning::is_time(variable)
                    && !variable.entry.is_bare_dimension()
                    && self.station != Some(at)
                    && !self.is_column(at)
            })
            .map(|(_, variable)| format!("{} {:?}", variable.name, variable.entry.dataset.shape()))
            .collect();
        if !left_out.is_empty() {
            let names = list(&left_out);
            self.notes.push(format!(
                "left out, since they are not of one value for each station and time: {names}"
            ));
        }
    }
}

impl Catalog for NetCdf {
    fn layout(&self) -> &'static str {
        if self.hadisd { "HadISD in netCDF-4" } else { self.layout }
    }

    fn find(&self, path: &str) -> Result<Option<Entry>> {
        let name = path.trim_start_matches('/');
        if name == "timestamp" {
            return Ok(self.column(self.time));
        }
        if name == "station_id" && matches!(self.stations, Stations::Columns) {
            return Ok(self.station.and_then(|at| self.column(at)));
        }
        let renamed = self.renamed.iter().find(|(measurement, _)| *measurement == name).map(|&(_, at)| at);
        let place = self.scope.place(name);
        let own = || {
            self.variables.iter().position(|variable| {
                variable.name == name || variable.entry.place == name || variable.entry.place == place
            })
        };
        Ok(renamed.or_else(own).and_then(|at| self.column(at)))
    }

    fn names(&self) -> Vec<String> {
        let named = (0..self.variables.len())
            .filter(|&at| self.is_column(at) && self.renamed.iter().all(|&(_, renamed)| renamed != at));
        named.map(|at| self.variables[at].name.clone()).collect()
    }

    fn stations(&self) -> Stations {
        self.stations.clone()
    }

    fn is_companion(&self, name: &str) -> bool {
        let renamed = self.renamed.iter().find(|(measurement, _)| *measurement == name);
        let name = renamed.map_or(name, |&(_, at)| self.variables[at].name.as_str());
        self.ancillary.iter().any(|ancillary| ancillary == name)
            || self.variables.iter().any(|variable| variable.name == name && meaning::is_flag(variable))
    }

    fn sentinels(&self, entry: &Entry) -> (Vec<Number>, Vec<Number>) {
        let is_float = matches!(entry.scalar, Scalar::Number(number) if !number.is_integer());
        match (self.hadisd, is_float) {
            (false, _) => (Vec::new(), Vec::new()),
            (true, true) => (vec![HADISD_MISSING.0], vec![HADISD_FLAGGED.0]),
            (true, false) => (vec![HADISD_MISSING.1], vec![HADISD_FLAGGED.1]),
        }
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

/// The name of a file without its extension: the last resort for a station's name.
fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "station".into(), |stem| stem.to_string_lossy().trim().to_owned())
}
