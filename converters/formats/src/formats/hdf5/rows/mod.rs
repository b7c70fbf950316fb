//! Rows: the columns that a layout found in, batches of observations out.
//!
//! [`plan`] decides what is read from where; [`source`] reads it row by row or as a grid of stations and times, and
//! [`GroupsSource`] reads one group of a file after another.

mod adapted;
mod fields;
mod grid;
mod groups;
mod packing;
mod read_plan;
mod row_source;
mod station_runs;
mod times;
mod unpack;

use std::path::Path;

pub use adapted::{Adapted, Traces};
pub use fields::DatasetFields;
use grid::GridSource;
pub use groups::GroupsSource;
pub use read_plan::{ReadPlan, plan};
pub use row_source::LARGE_CHUNK_ROWS;
use row_source::RowSource;

use crate::formats::hdf5::layouts::{Extent, Stations};
use crate::instants::OneUnit;
use crate::{Error, Result, Source};

/// The source that reads `path` by a plan.
///
/// # Errors
/// The times of a grid that cannot be read.
pub fn source(path: &Path, plan: ReadPlan) -> Result<Box<dyn Source>> {
    let source: Box<dyn Source> = match (plan.extent, &plan.stations) {
        (Extent::Rows(rows), _) => Box::new(RowSource::new(path, plan, rows)),
        (Extent::Grid { times, .. }, Stations::Axis(names)) => {
            let names = names.clone();
            Box::new(GridSource::new(path, plan, names, times)?)
        }
        (Extent::Grid { .. }, _) => return Err(Error::internal("a grid without names of stations")),
    };
    Ok(OneUnit::check(source))
}
