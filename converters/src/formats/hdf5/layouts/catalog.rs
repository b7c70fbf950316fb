//! What a layout says of a file: its columns by name, which dimension of each runs over rows or
//! stations, and where the stations and times are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::formats::hdf5::library::{Attribute, Hdf5Dataset, Hdf5File, Reason, Scalar};
use crate::{Error, ReadOptions, Result};

/// Columns that make a row's key.
pub const KEYS: [&str; 4] = ["station_usaf", "station_wban", "station_id", "timestamp"];

/// A group of an open file in which an archive is looked for.
#[derive(Clone)]
pub struct Scope {
    /// The file.
    pub file: Arc<dyn Hdf5File>,
    /// Its path, for messages.
    pub path: PathBuf,
    /// Path of the group without a slash at either end; empty at the root.
    pub group: String,
    /// The user's options.
    pub options: Arc<ReadOptions>,
}

impl Scope {
    /// The path in the file of a name in this group.
    pub fn place(&self, name: &str) -> String {
        if self.group.is_empty() { name.into() } else { format!("{}/{name}", self.group) }
    }

    /// The same in a group below.
    pub fn below(&self, group: &str) -> Self {
        Self { group: self.place(group), ..self.clone() }
    }

    /// The dataset of that name in the group; in a group below the root, else one at that path in the file.
    pub fn dataset(&self, name: &str) -> Result<Option<(String, Arc<dyn Hdf5Dataset>)>> {
        let name = name.trim_matches('/');
        let mut places = vec![self.place(name)];
        if !self.group.is_empty() && name.contains('/') {
            places.push(name.into());
        }
        for place in places {
            if let Some(dataset) =
                self.file.dataset(&place).map_err(|reason| self.unreadable(&place, &reason))?
            {
                return Ok(Some((place, dataset)));
            }
        }
        Ok(None)
    }

    /// Where the user says that a column lies, or its own name.
    pub fn name_of<'a>(&'a self, column: &'a str) -> &'a str {
        self.mapped(column).unwrap_or(column)
    }

    /// Where the user says that a column lies.
    pub fn mapped(&self, column: &str) -> Option<&str> {
        let mut paths = self.options.column_paths.iter().rev();
        paths.find(|(name, _)| name == column).map(|(_, path)| path.as_str())
    }

    /// What is wrong with the file as a whole.
    pub fn format_error(&self, found: impl Into<String>, hint: Option<&str>) -> Error {
        Error::Format { path: self.path.clone(), found: found.into(), hint: hint.map(Into::into) }
    }

    /// What is wrong with a column.
    pub fn column_error(&self, column: &str, found: impl Into<String>, hint: Option<String>) -> Error {
        Error::Column { path: self.path.clone(), column: column.into(), found: found.into(), hint }
    }

    fn unreadable(&self, place: &str, reason: &Reason) -> Error {
        self.column_error(place, format!("cannot be opened: {reason}"), None)
    }
}

/// Which dimensions of a dataset run over what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Axes {
    /// The one that runs over stations.
    pub station: Option<usize>,
    /// The one that runs over times, or over rows.
    pub time: Option<usize>,
}

/// Rows of an archive, or stations and times of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// One value a row.
    Rows(u64),
    /// One value for each station at each time.
    Grid {
        /// Number of stations.
        stations: u64,
        /// Number of times.
        times: u64,
    },
}

/// One column of a file, as a layout found it.
#[derive(Clone)]
pub struct Entry {
    /// HDF5 path, or table and member, for messages.
    pub place: String,
    /// Dataset that holds it.
    pub dataset: Arc<dyn Hdf5Dataset>,
    /// Its dimensions.
    pub axes: Axes,
    /// Elements that make one row: more than one for the columns of a block and the characters of a
    /// string.
    pub lanes: u64,
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
    /// A dataset that is a column by itself, its first dimension running over rows.
    pub fn whole(place: String, dataset: Arc<dyn Hdf5Dataset>) -> Self {
        use crate::formats::hdf5::library::Element;
        let scalar = match dataset.element() {
            Element::Scalar(scalar) => scalar.clone(),
            Element::Record { .. } => Scalar::Other("compound".into()),
        };
        let axes = Axes { station: None, time: Some(0) };
        Self { place, dataset, axes, lanes: 1, offset: 0, scalar, own_attributes: true, time_units: None }
    }

    /// The column's own attribute.
    pub fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason> {
        if self.own_attributes { self.dataset.attribute(name) } else { Ok(None) }
    }

    /// The text of the column's own attribute, where it has one that can be read.
    pub fn text(&self, name: &str) -> Option<String> {
        self.attribute(name).ok().flatten()?.text().map(str::to_owned)
    }

    /// Length of the dimension that runs over rows.
    pub fn rows(&self) -> u64 {
        self.axes.time.and_then(|axis| self.dataset.shape().get(axis)).copied().unwrap_or(1)
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.dataset.element().size() * self.lanes as usize
    }

    /// Whether it has a value for every row, or every station and time.
    pub fn fits(&self, extent: Extent) -> bool {
        let shape = self.dataset.shape();
        let along = |axis: Option<usize>| match axis {
            Some(axis) => shape.get(axis).copied(),
            None => Some(1),
        };
        let lengths = match extent {
            Extent::Rows(rows) => along(self.axes.time) == Some(rows) && self.axes.station.is_none(),
            Extent::Grid { stations, times } => {
                along(self.axes.station) == Some(stations) && along(self.axes.time) == Some(times)
            }
        };
        let axes = [self.axes.station, self.axes.time];
        let others = shape.iter().enumerate().filter(|(axis, _)| !axes.contains(&Some(*axis)));
        lengths && others.map(|(_, &length)| length).product::<u64>() == self.lanes
    }
}

/// How the stations of the rows are known.
#[derive(Clone)]
pub enum Stations {
    /// From columns of the rows, which [`Catalog::find`] knows.
    Columns,
    /// All rows are of one.
    One(Arc<str>),
    /// All rows are taken for those of one, named after their group, as long as they are a single series.
    Group(Arc<str>),
    /// So many rows of each follow each other.
    Runs(Vec<(Arc<str>, u64)>),
    /// A column holds the number of the station, counted from the second.
    Indexed(Box<Entry>, i128, Arc<[Arc<str>]>),
    /// The stations of a grid.
    Axis(Arc<[Arc<str>]>),
}

impl Stations {
    /// The station of a group whose rows do not say theirs.
    ///
    /// A name such as `010010-99999` is a station's. Any other, which may be that of a whole archive, is taken for one
    /// only where the rows are a single series: stations are never merged.
    pub fn of_group(name: &str) -> Self {
        let usaf_wban = name.split_once(['-', '_']).is_some_and(|(usaf, wban)| {
            let usaf = usaf.len() == 6 && usaf.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
            usaf && wban.len() == 5 && wban.bytes().all(|b| b.is_ascii_digit())
        });
        if usaf_wban { Self::One(name.into()) } else { Self::Group(name.into()) }
    }
}

/// The columns of a file, by name.
pub trait Catalog: Send + Sync {
    /// Name of the layout, such as `flat HDF5`.
    fn layout(&self) -> &'static str;

    /// The column at a path in the file, or of that name.
    fn find(&self, path: &str) -> Result<Option<Entry>>;

    /// Names of all columns, for messages and for what is carried along; empty where the file
    /// cannot be listed.
    fn names(&self) -> Vec<String>;

    /// Names of columns that are there but cannot be read, for messages.
    fn unreadable(&self) -> &[String] {
        &[]
    }

    /// What to do about a column that cannot be read.
    fn remedy(&self) -> Option<&'static str> {
        None
    }

    /// How the stations are known.
    fn stations(&self) -> Stations {
        Stations::Columns
    }

    /// Whether a column qualifies others, as quality codes do: it alone is no observation.
    fn is_companion(&self, _name: &str) -> bool {
        false
    }

    /// Stored numbers that mean missing, and those in place of values that quality control removed,
    /// which the layout knows besides the file's attributes.
    fn sentinels(
        &self,
        _entry: &Entry,
    ) -> (Vec<crate::formats::hdf5::cf::Number>, Vec<crate::formats::hdf5::cf::Number>) {
        (Vec::new(), Vec::new())
    }

    /// What the user should know about what was taken for what.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The path of a file without directories and extension: the last resort for a station's name.
pub fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "station".into(), |stem| stem.to_string_lossy().trim().to_owned())
}
