//! A pandas frame in the fixed format: the blocks of a group in, the catalog of its columns out.
//!
//! `axis0` names the columns and `axis1` labels the rows; `blockN_values` holds rows of the columns
//! that `blockN_items` names. A frame indexed by time has its timestamps in `axis1`.

use std::sync::Arc;

use super::catalog::{Axes, Catalog, Entry, Scope, Stations};
use super::table::{datetime_units, is_span};
use super::texts;
use crate::formats::hdf5::library::{Element, Hdf5Dataset, Scalar};
use crate::{Measurement, Result};

/// What is said to whoever has a frame that cannot be read.
const AS_TABLE: &str = "write it with df.to_hdf(path, key='isdlite', format='table', data_columns=True)";

/// The columns of a frame.
pub struct Frame {
    columns: Vec<(String, Entry)>,
    index: Entry,
    /// The name of the index, where it has one.
    index_name: Option<String>,
    /// Columns that pandas pickled, and their names.
    pickled: Vec<(String, Entry)>,
    pickled_names: Vec<String>,
    stations: Stations,
}

impl Frame {
    /// The frame in a group, or `None` where there is none.
    ///
    /// # Errors
    /// A frame that cannot be read: an index of several levels, names that are pickled.
    pub fn open(scope: &Scope) -> Result<Option<Self>> {
        let Some((place, index)) = scope.dataset("axis1")? else {
            let levels = scope.dataset("axis1_level0")?.is_some() && scope.dataset("axis0")?.is_some();
            if !levels {
                return Ok(None);
            }
            let found =
                format!("{} is a pandas frame with an index of several levels, expected one", scope.group);
            return Err(scope.format_error(found, Some("write it with df.reset_index().to_hdf(path, key='isdlite', format='table', data_columns=True)")));
        };
        let mut index = Entry::whole(place, index);
        let kind = index.attribute_in(scope, "kind")?;
        index.time_units = kind.and_then(|kind| datetime_units(kind.text()?));
        let index_name = index.text("name");
        index.own_attributes = false;
        let (mut columns, mut pickled) = (Vec::new(), Vec::new());
        for block in 0.. {
            let Some((place, values)) = scope.dataset(&format!("block{block}_values"))? else { break };
            let names = column_names(scope, &format!("block{block}_items"))?;
            let Element::Scalar(Scalar::Number(_)) = values.element() else {
                pickled.extend(names.into_iter().map(|name| {
                    let place = format!("{place}: {name}");
                    let scalar = Scalar::Other("a column of objects that pandas pickled".into());
                    (name, Entry { scalar, ..Entry::whole(place, Arc::clone(&values)) })
                }));
                continue;
            };
            columns.extend(block_columns(scope, &place, &values, names)?);
        }
        if columns.is_empty() && pickled.is_empty() {
            return Ok(None);
        }
        let pickled_names = pickled.iter().map(|(name, _)| name.clone()).collect();
        Ok(Some(Self { columns, index, index_name, pickled, pickled_names, stations: Stations::Columns }))
    }

    /// The frame with all its rows taken for those of one station.
    pub fn of_station(self, station: &str) -> Self {
        Self { stations: Stations::of_group(station), ..self }
    }
}

/// The names in `blockN_items`.
fn column_names(scope: &Scope, items: &str) -> Result<Vec<String>> {
    let pickled = || {
        let found = "has names that pandas pickled, expected strings";
        scope.column_error(&scope.place(items), found, Some(AS_TABLE.into()))
    };
    let (_, dataset) = scope.dataset(items)?.ok_or_else(pickled)?;
    texts::all(&*dataset).map_err(|_| pickled())
}

/// The columns of one block: rows of one value for each.
fn block_columns(
    scope: &Scope,
    place: &str,
    values: &Arc<dyn Hdf5Dataset>,
    names: Vec<String>,
) -> Result<Vec<(String, Entry)>> {
    let row_elements = names.len() as u64;
    if values.shape().len() != 2 || values.shape().get(1) != Some(&row_elements) {
        let found = format!("has the shape {:?}, expected rows of {row_elements} columns", values.shape());
        return Err(scope.column_error(place, found, Some(AS_TABLE.into())));
    }
    let whole = Entry::whole(place.into(), Arc::clone(values));
    let value_type = whole.attribute_in(scope, "value_type")?.and_then(|kind| kind.text().map(str::to_owned));
    let time_units = value_type.as_deref().and_then(datetime_units);
    let span = value_type.as_deref().is_some_and(is_span);
    let scalar = if span { Scalar::Other("a pandas timedelta".into()) } else { whole.scalar.clone() };
    let size = values.element().size();
    let entry = |(i, name): (usize, String)| {
        let entry = Entry {
            place: format!("{place}: {name}"),
            axes: Axes { station: None, time: Some(0) },
            row_elements,
            offset: i * size,
            own_attributes: false,
            time_units,
            scalar: scalar.clone(),
            ..whole.clone()
        };
        (name, entry)
    };
    Ok(names.into_iter().enumerate().map(entry).collect())
}

impl Catalog for Frame {
    fn layout(&self) -> &'static str {
        "pandas frame in HDF5"
    }

    fn find(&self, path: &str) -> Result<Option<Entry>> {
        let name = path.trim_matches('/');
        let named = |columns: &[(String, Entry)]| {
            columns.iter().find(|(column, _)| column == name).map(|(_, entry)| entry.clone())
        };
        let indexed = (name == "timestamp" && self.index.time_units.is_some())
            || name == "index"
            || self.index_name.as_deref() == Some(name);
        // A measurement may well be missing; a key that is there must not be taken for one that is not.
        let pickled = || named(&self.pickled).filter(|_| Measurement::named(name).is_none());
        Ok(named(&self.columns).or_else(|| indexed.then(|| self.index.clone())).or_else(pickled))
    }

    fn is_labelled_by_time(&self) -> bool {
        self.index.time_units.is_some()
    }

    fn unreadable(&self) -> &[String] {
        &self.pickled_names
    }

    fn remedy(&self) -> Option<&'static str> {
        Some(AS_TABLE)
    }

    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    fn stations(&self) -> Stations {
        self.stations.clone()
    }

    fn notes(&self) -> Vec<String> {
        let pickled = self.pickled_names.join(", ");
        let note = || format!("left out, since pandas pickled them: {pickled}");
        (!pickled.is_empty()).then(note).into_iter().collect()
    }
}
