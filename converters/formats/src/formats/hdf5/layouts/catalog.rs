//! What a layout says of a file: an open group in; out come its columns by name, which dimension of each runs over rows
//! or stations, and where the stations and times are.

use std::path::PathBuf;
use std::sync::Arc;

use crate::formats::hdf5::library::{
    Attribute, Element, Hdf5Dataset, Hdf5File, Members, Number, Reason, Scalar, VIRTUAL,
};
use crate::{Error, ReadOptions, Result};

/// Columns that make a row's key.
pub const KEYS: [&str; 4] = ["station_usaf", "station_wban", "station_id", "timestamp"];

/// How the attribute `NAME` of a dataset begins that stands for a dimension and holds nothing.
const BARE_DIMENSION: &str = "This is a netCDF dimension but not a netCDF variable";

/// A group of an open file in which an archive is looked for.
#[derive(Clone)]
pub struct Scope {
    /// The file.
    pub file: Arc<dyn Hdf5File>,
    /// Its path, for messages.
    pub path: PathBuf,
    /// Path of the group without a slash at either end; empty at the root.
    pub group: String,
    /// The table in the group that is meant; `None` of the group as a whole.
    pub table: Option<String>,
    /// The user's options.
    pub options: Arc<ReadOptions>,
}

impl Scope {
    /// The path in the file of a name in this group.
    pub fn place(&self, name: &str) -> String {
        if self.group.is_empty() { name.into() } else { format!("{}/{name}", self.group) }
    }

    /// The scope of a table in this group.
    pub fn table(&self, name: &str) -> Self {
        Self { table: Some(name.into()), ..self.clone() }
    }

    /// The path of what is meant: the group, or the table in it.
    pub fn path_in_file(&self) -> String {
        self.table.as_ref().map_or_else(|| self.group.clone(), |table| self.place(table))
    }

    /// The scope of a group below this one.
    pub fn below(&self, group: &str) -> Self {
        Self { group: self.place(group), table: None, ..self.clone() }
    }

    /// The group's path as the libraries take it.
    fn group_path(&self) -> &str {
        if self.group.is_empty() { "/" } else { &self.group }
    }

    /// Names of what the group holds; none where it cannot be listed, so that what can be read of a damaged file is.
    pub fn members(&self) -> Members {
        self.file.members(self.group_path()).unwrap_or_default()
    }

    /// The group's own attribute of that name, where there is one that can be read.
    pub fn attribute(&self, name: &str) -> Option<Attribute> {
        self.file.attribute(self.group_path(), name).ok().flatten()
    }

    /// The dataset of that name and where it lies: in the group, else, where the name is a path, in the file. `None`
    /// where there is none.
    ///
    /// # Errors
    /// A dataset that cannot be opened.
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

    /// The station that the user says all rows are of: `--column station_id==NAME`; `None` where the user does not.
    pub fn named_station(&self) -> Option<&str> {
        self.mapped("station_id")?.strip_prefix('=').map(str::trim).filter(|name| !name.is_empty())
    }

    /// Where the user says that a column lies; its own name where the user does not say.
    pub fn name_of<'a>(&'a self, column: &'a str) -> &'a str {
        self.mapped(column).unwrap_or(column)
    }

    /// Where the user says that a column lies; `None` where the user does not say.
    pub fn mapped(&self, column: &str) -> Option<&str> {
        let mut paths = self.options.column_paths.iter().rev();
        paths.find(|(name, _)| name == column).map(|(_, path)| path.as_str())
    }

    /// Whether a dataset of the file is a variable of netCDF: it lies along named dimensions, or netCDF has left its marks.
    pub fn is_netcdf(&self, dataset: &dyn Hdf5Dataset) -> bool {
        let marked = |name: &str| matches!(dataset.attribute(name), Ok(Some(_)));
        marked("_Netcdf4Dimid")
            || marked("_Netcdf4Coordinates")
            || marked("DIMENSION_LIST")
            || matches!(dataset.attribute("CLASS"), Ok(Some(class)) if class.text() == Some("DIMENSION_SCALE"))
            || matches!(self.file.attribute("/", "_NCProperties"), Ok(Some(_)))
    }

    /// The error of a file that is wrong as a whole.
    pub fn format_error(&self, found: impl Into<String>, hint: Option<&str>) -> Error {
        Error::Format { path: self.path.clone(), found: found.into(), hint: hint.map(Into::into) }
    }

    /// The error of a column.
    pub fn column_error(&self, column: &str, found: impl Into<String>, hint: Option<String>) -> Error {
        Error::Column { path: self.path.clone(), column: column.into(), found: found.into(), hint }
    }

    fn unreadable(&self, place: &str, reason: &Reason) -> Error {
        let hint = (reason == VIRTUAL).then(|| {
            "copy the elements into a file of its own, such as `h5repack -l CONTI in.h5 out.h5` where the others are at hand"
                .to_owned()
        });
        self.column_error(place, format!("cannot be opened: {reason}"), hint)
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
    /// Elements that make one row: more than one for the columns of a block and the characters of a string.
    pub row_elements: u64,
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
        let unsigned = || {
            let attribute = dataset.attribute("_Unsigned").ok().flatten();
            attribute.is_some_and(|attribute| {
                attribute.text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
            })
        };
        let scalar = match dataset.element() {
            // netCDF's classic types have no unsigned integers: an attribute says that they are.
            Element::Scalar(Scalar::Number(number)) if number.is_integer() && unsigned() => {
                Scalar::Number(number.unsigned())
            }
            Element::Scalar(scalar) => scalar.clone(),
            Element::Record { .. } => Scalar::Other("compound".into()),
        };
        // A single element has no dimensions.
        let axes = Axes { station: None, time: (!dataset.shape().is_empty()).then_some(0) };
        Self {
            place,
            dataset,
            axes,
            row_elements: 1,
            offset: 0,
            scalar,
            own_attributes: true,
            time_units: None,
        }
    }

    /// The column's own attribute of that name; `None` where there is none.
    pub fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason> {
        if self.own_attributes { self.dataset.attribute(name) } else { Ok(None) }
    }

    /// The column's own attribute of that name; `None` where there is none.
    ///
    /// # Errors
    /// An attribute that cannot be read, as an error of the file of `scope`.
    pub fn attribute_in(&self, scope: &Scope, name: &str) -> Result<Option<Attribute>> {
        let error = |reason| scope.column_error(&self.place, format!("attribute {name}: {reason}"), None);
        self.attribute(name).map_err(error)
    }

    /// The text of the column's own attribute, where it has one that can be read.
    pub fn text(&self, name: &str) -> Option<String> {
        self.attribute(name).ok().flatten()?.text().map(str::to_owned)
    }

    /// Length of the dimension that runs over rows; 1 where there is none.
    pub fn rows(&self) -> u64 {
        self.axes.time.and_then(|axis| self.dataset.shape().get(axis)).map_or(1, |&length| length)
    }

    /// Whether the dataset stands for a netCDF dimension and holds nothing (netCDF-4 file format, "Dimensions without
    /// variables").
    pub fn is_bare_dimension(&self) -> bool {
        self.text("NAME").is_some_and(|name| name.starts_with(BARE_DIMENSION))
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.dataset.element().size() * self.row_elements as usize
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
        lengths && others.map(|(_, &length)| length).product::<u64>() == self.row_elements
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
    /// The rows of each follow each other, that many of them.
    Runs(Vec<(Arc<str>, u64)>),
    /// A column holds the number of the station among these, counted from the number given.
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

    /// Whether a name may be a station's rather than what a group of many is called, such as `obs` or `weather`: it has a
    /// digit, or is of three to five capitals, such as `EHAM`.
    pub fn may_be_named(name: &str) -> bool {
        let capitals = (3..=5).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_uppercase());
        capitals || name.chars().any(|c| c.is_ascii_digit())
    }
}

/// The columns of a file, by name.
pub trait Catalog: Send + Sync {
    /// Name of the layout, such as `flat HDF5`.
    fn layout(&self) -> &'static str;

    /// The column at a path in the file, or of that name; `None` where there is none.
    ///
    /// # Errors
    /// A column that is there but cannot be opened.
    fn find(&self, path: &str) -> Result<Option<Entry>>;

    /// Names of all columns, for messages and for what is carried along; empty where the file cannot be listed.
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

    /// Whether times label the rows, as those of a single series.
    fn is_labelled_by_time(&self) -> bool {
        false
    }

    /// Whether a column qualifies others, as quality codes do: it alone is no observation.
    fn is_companion(&self, _name: &str) -> bool {
        false
    }

    /// Stored numbers that mean missing, and those in place of values that quality control removed,
    /// which the layout knows besides the file's attributes.
    fn sentinels(&self, _entry: &Entry) -> (Vec<Number>, Vec<Number>) {
        (Vec::new(), Vec::new())
    }

    /// What the user should know about what was taken for what.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}
