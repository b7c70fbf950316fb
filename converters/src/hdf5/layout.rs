//! The two layouts of an archive: an open HDF5 file in, the catalog of its columns out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{Element, Hdf5Dataset, Hdf5File, Member, Scalar};
use super::pickle;
use super::plan::{Catalog, Entry, KEYS};
use crate::names::list;
use crate::{Error, ReadOptions, Result};

/// Where the archive of the talk has its table.
const TALK_TABLE: &str = "isdlite/table";

/// Recognises the layout of a file.
///
/// # Errors
/// What the file holds instead.
pub fn recognise(file: Arc<dyn Hdf5File>, path: &Path, options: &ReadOptions) -> Result<Box<dyn Catalog>> {
    let flat = Flat { file, path: path.to_owned() };
    let column = |name: &'static str| {
        let mapped = options.column_paths.iter().rev().find(|(column, _)| column == name);
        mapped.map_or(name, |(_, path)| path.as_str())
    };
    for key in KEYS {
        if flat.find(column(key))?.is_some() {
            return Ok(Box::new(flat));
        }
    }
    if let Some(table) = Table::open(&flat, TALK_TABLE)? {
        return Ok(Box::new(table));
    }
    let groups = flat.file.members("/").map(|members| members.groups).unwrap_or_default();
    let (mut tables, mut broken) = (Vec::new(), None);
    for group in &groups {
        let at = format!("{group}/table");
        match Table::open(&flat, &at) {
            Ok(Some(table)) => tables.push((at, table)),
            Ok(None) => {}
            // Of interest only where nothing else is the archive.
            Err(error) => broken = broken.or(Some(error)),
        }
    }
    if tables.len() > 1 {
        let names: Vec<String> = tables.into_iter().map(|(at, _)| at).collect();
        return Err(Error::Format {
            path: path.to_owned(),
            found: format!("holds several tables, expected one: {}", names.join(", ")),
            hint: Some("write the one to convert to a file of its own".into()),
        });
    }
    match tables.pop() {
        Some((_, table)) => Ok(Box::new(table)),
        None => Err(broken.unwrap_or_else(|| flat.unknown(&groups))),
    }
}

/// Flat 1-D datasets, one a column.
struct Flat {
    file: Arc<dyn Hdf5File>,
    path: PathBuf,
}

impl Flat {
    fn dataset(&self, at: &str) -> Result<Option<Arc<dyn Hdf5Dataset>>> {
        self.file.dataset(at).map_err(|reason| Error::Column {
            path: self.path.clone(),
            column: at.into(),
            found: format!("cannot be opened: {reason}"),
            hint: None,
        })
    }

    /// Why a file is neither layout.
    fn unknown(&self, groups: &[String]) -> Error {
        let error = |found: String, hint: &str| Error::Format {
            path: self.path.clone(),
            found,
            hint: Some(hint.into()),
        };
        for group in groups {
            let fixed = ["axis0", "block0_values"]
                .iter()
                .all(|member| matches!(self.file.dataset(&format!("{group}/{member}")), Ok(Some(_))));
            if fixed {
                return error(
                    format!("{group} is a pandas frame in the fixed format, expected the table format"),
                    "write it with df.to_hdf(path, key='isdlite', format='table', data_columns=True)",
                );
            }
        }
        let names = match self.file.members("/") {
            Ok(members) if !members.datasets.is_empty() => list(&members.datasets),
            Ok(_) if !groups.is_empty() => format!("the groups {}", list(groups)),
            Ok(_) => "nothing".into(),
            Err(reason) => format!("a root that cannot be listed ({reason})"),
        };
        error(
            format!(
                "is no archive known here: expected datasets such as station_usaf and timestamp, or a table \
                 at {TALK_TABLE}; it has {names}"
            ),
            "name the columns with --column timestamp=/path/in/file --column station_id=/path/in/file",
        )
    }
}

impl Catalog for Flat {
    fn layout(&self) -> &'static str {
        "flat HDF5"
    }

    fn find(&self, path: &str) -> Result<Option<Entry>> {
        Ok(self.dataset(path)?.map(|dataset| {
            let scalar = match dataset.element() {
                Element::Scalar(scalar) => scalar.clone(),
                Element::Record { .. } => Scalar::Other("compound".into()),
            };
            Entry { place: path.into(), dataset, offset: 0, scalar, own_attributes: true, time_units: None }
        }))
    }

    fn names(&self) -> Vec<String> {
        self.file.members("/").map(|members| members.datasets).unwrap_or_default()
    }
}

/// A pandas or PyTables table: one compound a row.
struct Table {
    dataset: Arc<dyn Hdf5Dataset>,
    at: String,
    columns: Vec<TableColumn>,
}

struct TableColumn {
    name: String,
    offset: usize,
    scalar: Scalar,
    time_units: Option<&'static str>,
}

/// The row label of a pandas table.
const INDEX: &str = "index";

impl Table {
    /// The table at `at`, or `None` where there is none.
    fn open(flat: &Flat, at: &str) -> Result<Option<Self>> {
        let Some(dataset) = flat.dataset(at)? else { return Ok(None) };
        let Element::Record { members, .. } = dataset.element() else { return Ok(None) };
        let error = |column: &str, found: String| Error::Column {
            path: flat.path.clone(),
            column: format!("{at}: {column}"),
            found,
            hint: None,
        };
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
                    return Err(Error::Column {
                        path: flat.path.clone(),
                        column: format!("{at}: {}", member.name),
                        found,
                        hint: Some("write the table with data_columns=True".into()),
                    });
                }
                None => vec![member.name.clone()],
            };
            if names.len() != member.count {
                let found = format!("has {} values a row for the columns {}", member.count, names.join(", "));
                return Err(error(&member.name, found));
            }
            let mut member = member.clone();
            if text("meta")?.as_deref() == Some("category") {
                // Integers that number the categories, which lie elsewhere.
                member.scalar = Scalar::Other("a pandas category".into());
            }
            columns.extend(table_columns(&member, names, time_units));
        }
        Ok(Some(Self { dataset, at: at.into(), columns }))
    }

    fn entry(&self, column: &TableColumn) -> Entry {
        Entry {
            place: format!("{}: {}", self.at, column.name),
            dataset: Arc::clone(&self.dataset),
            offset: column.offset,
            scalar: match &column.scalar {
                // Only a dataset of such strings by itself can be read.
                Scalar::VariableText => Scalar::Other("variable-length string in a compound".into()),
                scalar => scalar.clone(),
            },
            own_attributes: false,
            time_units: column.time_units,
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
fn datetime_units(dtype: &str) -> Option<&'static str> {
    let unit = dtype.strip_prefix("datetime64")?;
    match unit.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty()) {
        None | Some("ns") => Some("ns"),
        Some("us") => Some("us"),
        Some("ms") => Some("ms"),
        Some("s") => Some("s"),
        Some(_) => None,
    }
}

impl Catalog for Table {
    fn layout(&self) -> &'static str {
        "pandas table in HDF5"
    }

    fn find(&self, path: &str) -> Result<Option<Entry>> {
        let path = path.trim_start_matches('/');
        let name = path.strip_prefix(&self.at).map_or(path, |rest| rest.trim_start_matches('/'));
        let column = self.columns.iter().find(|column| column.name == name);
        // A frame that is indexed by time has its timestamps there.
        let indexed = || {
            let index =
                self.columns.iter().find(|column| column.name == INDEX && column.time_units.is_some());
            index.filter(|_| name == "timestamp")
        };
        Ok(column.or_else(indexed).map(|column| self.entry(column)))
    }

    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).filter(|name| name != INDEX).collect()
    }
}
