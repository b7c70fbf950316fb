//! A pandas `HDFStore` or PyTables table: a dataset of compounds in, the catalog of its columns out.

use std::sync::Arc;

use super::catalog::{Catalog, Entry, Scope, Stations};
use super::pickle;
use crate::Result;
use crate::formats::hdf5::library::{Element, Hdf5Dataset, Member, Scalar};

/// A pandas or PyTables table: one compound a row.
pub struct Table {
    dataset: Arc<dyn Hdf5Dataset>,
    at: String,
    columns: Vec<TableColumn>,
    stations: Stations,
    notes: Vec<String>,
}

struct TableColumn {
    name: String,
    offset: usize,
    scalar: Scalar,
    time_units: Option<&'static str>,
}

/// What pandas calls the table in the group of a frame.
pub const PANDAS_TABLE: &str = "table";

/// The row label of a pandas table.
const INDEX: &str = "index";

impl Table {
    /// The table of that name, or `None` where there is none.
    ///
    /// # Errors
    /// A table whose attributes cannot be read or name other columns than it has.
    pub fn open(scope: &Scope, name: &str) -> Result<Option<Self>> {
        let Some((at, dataset)) = scope.dataset(name)? else { return Ok(None) };
        let Element::Record { members, .. } = dataset.element() else { return Ok(None) };
        let error = |column: &str, found: String| scope.column_error(&format!("{at}: {column}"), found, None);
        let mut columns = Vec::new();
        for member in members {
            let text = |suffix: &str| -> Result<Option<String>> {
                let attribute = dataset
                    .attribute(&format!("{}_{suffix}", member.name))
                    .map_err(|reason| error(&member.name, reason))?;
                Ok(attribute.and_then(|attribute| attribute.text().map(str::to_owned)))
            };
            let kind = text("kind")?;
            let stored = if member.name == INDEX { kind.clone() } else { text("dtype")? };
            let time_units = stored.as_deref().and_then(datetime_units);
            let names = match kind.as_deref().and_then(pickle::strings) {
                Some(names) => names,
                None if member.name.starts_with("values_block_") => {
                    let found = "has no list of column names that can be read".to_owned();
                    let hint = "write the table with data_columns=True";
                    return Err(scope.column_error(
                        &format!("{at}: {}", member.name),
                        found,
                        Some(hint.into()),
                    ));
                }
                None => vec![member.name.clone()],
            };
            let mut member = member.clone();
            if kind.is_none() && member.count != 1 {
                // Of another writer than pandas, who names each of a block's columns.
                member.scalar = Scalar::Other(format!("{} values a row", member.count));
                member.count = 1;
            }
            if names.len() != member.count {
                let found = format!("has {} values a row for the columns {}", member.count, names.join(", "));
                return Err(error(&member.name, found));
            }
            if text("meta")?.as_deref() == Some("category") {
                // Integers that number the categories, which lie elsewhere.
                member.scalar = Scalar::Other("a pandas category".into());
            } else if stored.as_deref().is_some_and(is_span) {
                member.scalar = Scalar::Other("a pandas timedelta".into());
            }
            columns.extend(table_columns(&member, names, time_units));
        }
        Ok(Some(Self { dataset, at, columns, stations: Stations::Columns, notes: Vec::new() }))
    }

    /// The table with all its rows taken for those of one station.
    pub fn of_station(self, station: &str) -> Self {
        Self { stations: Stations::of_group(station), ..self }
    }

    /// The table with what is to be said of the file that it lies in.
    pub fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    fn entry(&self, column: &TableColumn) -> Entry {
        Entry {
            place: format!("{}: {}", self.at, column.name),
            offset: column.offset,
            scalar: column.scalar.clone(),
            own_attributes: false,
            time_units: column.time_units,
            ..Entry::whole(self.at.clone(), Arc::clone(&self.dataset))
        }
    }
}

/// The columns that share one member.
fn table_columns(
    member: &Member,
    names: Vec<String>,
    time_units: Option<&'static str>,
) -> impl Iterator<Item = TableColumn> {
    names.into_iter().enumerate().map(move |(i, name)| TableColumn {
        name,
        offset: member.offset + i * member.scalar.size(),
        scalar: member.scalar.clone(),
        time_units,
    })
}

/// Units of pandas' `datetime64` types; one without a unit counts nanoseconds.
pub fn datetime_units(dtype: &str) -> Option<&'static str> {
    let unit = dtype.strip_prefix("datetime64")?;
    match unit.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty()) {
        None | Some("ns") => Some("ns"),
        Some("us") => Some("us"),
        Some("ms") => Some("ms"),
        Some("s") => Some("s"),
        Some(_) => None,
    }
}

/// Whether pandas' type is one of spans of time, which are no times and in units of pandas.
pub fn is_span(dtype: &str) -> bool {
    dtype.starts_with("timedelta64")
}

impl Catalog for Table {
    fn layout(&self) -> &'static str {
        if self.at.rsplit('/').next() == Some(PANDAS_TABLE) {
            "pandas table in HDF5"
        } else {
            "table in HDF5"
        }
    }

    fn find(&self, path: &str) -> Result<Option<Entry>> {
        let path = path.trim_start_matches('/');
        // After the path of the table, or of the group that is pandas' name of it.
        let group = self.at.strip_suffix(PANDAS_TABLE).unwrap_or(&self.at).trim_end_matches('/');
        let below = |at: &str| path.strip_prefix(at)?.strip_prefix('/').filter(|_| !at.is_empty());
        let name = below(&self.at).or_else(|| below(group)).unwrap_or(path);
        let column = self.columns.iter().find(|column| column.name == name);
        // A frame that is indexed by time has its timestamps there.
        let indexed = || {
            let index =
                self.columns.iter().find(|column| column.name == INDEX && column.time_units.is_some());
            index.filter(|_| name == "timestamp")
        };
        Ok(column.or_else(indexed).map(|column| self.entry(column)))
    }

    fn is_labelled_by_time(&self) -> bool {
        self.columns.iter().any(|column| column.name == INDEX && column.time_units.is_some())
    }

    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).filter(|name| name != INDEX).collect()
    }

    fn stations(&self) -> Stations {
        self.stations.clone()
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}
