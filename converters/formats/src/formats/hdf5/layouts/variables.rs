//! The variables of a group of a netCDF-4 file: an open file in, its datasets and their dimensions by name out.

use std::collections::HashMap;
use std::sync::Arc;

use super::catalog::{Axes, Entry, Scope};
use crate::formats::hdf5::library::Hdf5Dataset;
use crate::formats::hdf5::library::padded::Padded;

/// A variable and the dimension scales of its dimensions.
pub struct Variable {
    /// Its name in the group.
    pub name: String,
    /// The variable; its axes are known once time and stations are.
    pub entry: Entry,
    /// Its dimensions, in the order of its shape.
    pub dimensions: Vec<Dimension>,
}

/// A dimension of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Its name, where the file says it.
    pub name: Option<String>,
    /// Number of elements along it.
    pub length: u64,
}

impl Dimension {
    /// Whether two variables share it: by name where both say one, else by length.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.name, &other.name) {
            (Some(a), Some(b)) => a == b,
            _ => self.length == other.length,
        }
    }
}

/// The datasets of a group that can be opened.
pub fn variables(scope: &Scope) -> Vec<Variable> {
    let open = |name: String| {
        let place = scope.place(&name);
        // A damaged one is reported when it is asked for.
        let dataset = scope.file.dataset(&place).ok()??;
        let scales = dataset.dimensions();
        let lengths = dataset.shape().iter();
        let dimensions =
            scales.into_iter().zip(lengths).map(|(name, &length)| Dimension { name, length }).collect();
        Some(Variable { name, entry: Entry::whole(place, dataset), dimensions })
    };
    let mut variables: Vec<Variable> = scope.members().datasets.into_iter().filter_map(open).collect();
    let mut lengths: HashMap<String, u64> = HashMap::new();
    for dimension in variables.iter().flat_map(|variable| &variable.dimensions) {
        if let Some(name) = &dimension.name {
            let length = lengths.entry(name.clone()).or_default();
            *length = dimension.length.max(*length);
        }
    }
    for variable in &mut variables {
        let full = variable.dimensions.iter().map(|dimension| {
            let length = dimension.name.as_ref().and_then(|name| lengths.get(name));
            length.map_or(dimension.length, |&length| length)
        });
        let dataset = padded(&variable.entry.dataset, full.collect());
        for (dimension, &length) in variable.dimensions.iter_mut().zip(dataset.shape()) {
            dimension.length = length;
        }
        variable.entry.dataset = dataset;
    }
    variables
}

/// The dataset as long as its dimensions are: what was not written of an unlimited one has fill values.
pub fn padded(dataset: &Arc<dyn Hdf5Dataset>, shape: Vec<u64>) -> Arc<dyn Hdf5Dataset> {
    // Only a dataset in chunks may be longer than what is written of it.
    if shape == dataset.shape() || dataset.chunk().is_none() {
        return Arc::clone(dataset);
    }
    Arc::new(Padded::new(Arc::clone(dataset), shape))
}

/// Which dimensions run over stations and times, each taken once; others must have length 1.
pub fn axes(dimensions: &[Dimension], station: Option<&Dimension>, time: Option<&Dimension>) -> Axes {
    let mut axes = Axes::default();
    // A dimension with the very name comes before one that has the length only.
    for by_name in [true, false] {
        for (axis, dimension) in dimensions.iter().enumerate() {
            let is = |other: Option<&Dimension>| {
                other.is_some_and(|other| {
                    dimension.is(other)
                        && dimension.length == other.length
                        && (dimension.name.is_some() && dimension.name == other.name) == by_name
                })
            };
            if axes.station == Some(axis) || axes.time == Some(axis) {
                continue;
            }
            if axes.station.is_none() && is(station) {
                axes.station = Some(axis);
            } else if axes.time.is_none() && is(time) {
                axes.time = Some(axis);
            }
        }
    }
    axes
}
