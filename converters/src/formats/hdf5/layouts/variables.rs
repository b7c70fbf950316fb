//! The variables of a group of a netCDF-4 file: an open file in, its datasets and their dimensions by name out.

use super::catalog::{Axes, Entry, Scope};

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
    scope.members().datasets.into_iter().filter_map(open).collect()
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
