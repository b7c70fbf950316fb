//! Row groups that will be read one after the other, and which columns of them: what of objects is fetched ahead.

use std::sync::Arc;

use isd_stores::{Object, ReadAhead};

use crate::layout::{STATION_ID, TIMESTAMP};
use crate::pages::ranges_of;
use crate::read::row_group::RowGroup;
use crate::time_steps::place_of;

/// Which times of a row group will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// None, or nobody knows.
    None,
    /// Those of a few rows: [`RowGroup::timestamps_at`].
    Few,
    /// All: [`RowGroup::timestamps`].
    All,
}

/// Says of row groups that their stations, these value columns and these times will be read, nearly in this order, so that of
/// objects several requests are under way while earlier row groups are worked on. Of local files nothing changes.
pub fn read_ahead(groups: &mut [&mut RowGroup], columns: &[&str], times: Times) {
    let mut ranges = Vec::new();
    for group in groups.iter() {
        let Some(object) = group.file.object() else { continue };
        let mut add = |range| ranges.push((Object::clone(object), range));
        let list = place_of(group.file.metadata(), group.index()).filter(|_| times != Times::None);
        let all_times = (times == Times::All && list.is_none()).then_some(TIMESTAMP);
        // Where the footer says which station it is, nothing is read.
        let stations = group.only_station().is_none().then_some(STATION_ID);
        for column in stations.into_iter().chain(columns.iter().copied()).chain(all_times) {
            let Some(column) = group.file.column(column) else { continue };
            ranges_of(group.metadata().column(column), None, group.rows(), None)
                .into_iter()
                .for_each(&mut add);
        }
        // What has been fetched with the footer is not fetched again.
        if let Some((start, length)) = list.filter(|(start, _)| *start < group.file.tail_start())
            && let Some(end) = start.checked_add(length).filter(|end| *end <= object.len())
        {
            add(start..end);
        }
    }
    if ranges.is_empty() {
        return;
    }
    let ahead = Arc::new(ReadAhead::new(ranges));
    for group in groups {
        group.ahead = Some(Arc::clone(&ahead));
    }
}
