//! Where stations begin and end in a column of ids: an array of texts in, runs of rows with the same id out.

use arrow::array::{
    Array, ArrayRef, AsArray, GenericStringArray, OffsetSizeTrait, StringViewArray, downcast_dictionary_array,
};
use arrow::compute::cast;
use arrow::datatypes::{ArrowNativeType, DataType};

use isd_converters::keys;

use crate::errors::Refusal;

/// Rows that are compared at once.
const BLOCK: usize = 64;

/// Consecutive rows of one station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The station's id.
    pub id: String,
    /// Number of rows.
    pub rows: usize,
}

/// The runs of an array of texts, plain or in a dictionary. Two runs beside each other differ.
///
/// # Errors
/// An array of another type, a null, or an id that says that there is no station or has blanks around it; `name` is what the column is called, and `before` the number of rows before the array.
pub fn runs(ids: &ArrayRef, name: &str, before: usize) -> Result<Vec<Run>, Refusal> {
    let is_text =
        |found: &DataType| matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match ids.data_type() {
        found if is_text(found) => {}
        DataType::Dictionary(_, values) if is_text(values) => {}
        found => return Err(Refusal::Type(format!("{name}: expected texts, found {found}"))),
    }
    if let Some(nulls) = ids.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        let row = (0..ids.len()).find(|row| nulls.is_null(*row)).unwrap_or_default();
        return Err(Refusal::value(format!("{name}: row {} has no station", before + row)));
    }
    let runs = match ids.data_type() {
        DataType::Utf8 => {
            let ids = ids.as_string::<i32>();
            named(text_runs(ids), |row| ids.value(row))
        }
        DataType::LargeUtf8 => {
            let ids = ids.as_string::<i64>();
            named(text_runs(ids), |row| ids.value(row))
        }
        DataType::Utf8View => {
            let ids = ids.as_string_view();
            named(view_runs(ids), |row| ids.value(row))
        }
        _ => {
            let texts = cast(ids.as_any_dictionary().values(), &DataType::Utf8);
            let texts = texts.map_err(|error| Refusal::Type(format!("{name}: {error}")))?;
            let texts = texts.as_string::<i32>();
            let (lengths, key) = dictionary_runs(ids);
            named(lengths, |row| texts.value(key(row)))
        }
    };
    // What says that there is none, such as "nan", would join the rows of several stations.
    let mut row = before;
    for run in &runs {
        let found = match keys::station(run.id.as_bytes()) {
            Ok(id) if *id == *run.id => None,
            Ok(_) => Some(format!("has the station_id {:?}, with blanks around it", run.id)),
            Err(found) => Some(found),
        };
        if let Some(found) = found {
            return Err(Refusal::value(format!("{name}: row {row} {found}")));
        }
        row += run.rows;
    }
    Ok(runs)
}

/// Runs of those lengths; `text` gives the id in a row.
fn named<'a>(lengths: Vec<usize>, text: impl Fn(usize) -> &'a str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::with_capacity(lengths.len());
    let mut row = 0;
    for rows in lengths {
        let id = text(row);
        row += rows;
        match runs.last_mut() {
            // Two keys of a dictionary may stand for one text.
            Some(last) if last.id == id => last.rows += rows,
            _ => runs.push(Run { id: id.to_owned(), rows }),
        }
    }
    runs
}

/// Lengths of runs of equal rows among `rows`; `is_same` says whether a row is as the one before it.
fn lengths(rows: usize, is_same: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut ends: Vec<usize> = (1..rows).filter(|row| !is_same(*row)).collect();
    ends.extend((rows > 0).then_some(rows));
    let mut start = 0;
    for end in &mut ends {
        (start, *end) = (*end, *end - start);
    }
    ends
}

/// Lengths of the runs of equal keys, and what gives the key of a row.
fn dictionary_runs(ids: &ArrayRef) -> (Vec<usize>, Box<dyn Fn(usize) -> usize + '_>) {
    downcast_dictionary_array! {
        ids => {
            let keys = ids.keys().values();
            (lengths(keys.len(), |row| keys[row] == keys[row - 1]), Box::new(|row| keys[row].as_usize()))
        }
        // The caller has looked at the type.
        _ => (Vec::new(), Box::new(|row| row))
    }
}

fn view_runs(ids: &StringViewArray) -> Vec<usize> {
    let views = ids.views();
    // Texts of up to twelve bytes stand in their views. Longer ones whose views differ may be the same all the same.
    lengths(views.len(), |row| {
        views[row] == views[row - 1] || views[row] as u32 > 12 && ids.value(row) == ids.value(row - 1)
    })
}

fn text_runs<O: OffsetSizeTrait>(ids: &GenericStringArray<O>) -> Vec<usize> {
    let (offsets, bytes) = (ids.value_offsets(), ids.value_data());
    let at = |row: usize| offsets[row].as_usize();
    // Whether the rows after `first`, a block of them, are all as `first`: of the same length, so that moved by that length
    // their bytes are the same.
    let is_uniform = |first: usize| {
        let length = at(first + 1) - at(first);
        let end = at(first + 1 + BLOCK);
        offsets[first..=first + 1 + BLOCK].windows(2).all(|pair| (pair[1] - pair[0]).as_usize() == length)
            && bytes[at(first)..end - length] == bytes[at(first) + length..end]
    };
    let mut runs = Vec::new();
    let (mut start, mut row) = (0, 1);
    while row < ids.len() {
        if row + BLOCK <= ids.len() && is_uniform(row - 1) {
            row += BLOCK;
            continue;
        }
        for row in row..(row + BLOCK).min(ids.len()) {
            if bytes[at(row)..at(row + 1)] != bytes[at(row - 1)..at(row)] {
                runs.push(row - start);
                start = row;
            }
        }
        row += BLOCK;
    }
    runs.extend((!ids.is_empty()).then_some(ids.len() - start));
    runs
}
