//! Short lists of names, read whole: a dataset of strings, of character arrays or of station numbers
//! in, one string each out.

use std::ops::Range;
use std::sync::Arc;

use super::station_part::StationPart;
use crate::formats::hdf5::library::{Element, Hdf5Dataset, Reason, Scalar, StoredNumbers, selected};
use crate::text_encoding::decoded;

/// Bytes of a list of names, at most: more are no list of stations.
const MOST_BYTES: usize = 256 << 20;

/// Dimensions of a dataset of names, without the one that runs over the characters of each.
pub fn dimensions(dataset: &dyn Hdf5Dataset) -> &[u64] {
    let shape = dataset.shape();
    match dataset.element() {
        // One character an element, as netCDF stores strings.
        Element::Scalar(Scalar::FixedText(1)) => shape.split_last().map_or(shape, |(_, rest)| rest),
        _ => shape,
    }
}

/// Whether the elements may be names: strings or integers.
pub fn are_names(dataset: &dyn Hdf5Dataset) -> bool {
    match dataset.element() {
        Element::Scalar(Scalar::FixedText(1..) | Scalar::VariableText) => true,
        Element::Scalar(Scalar::Number(number)) => number.is_integer(),
        _ => false,
    }
}

/// All strings, without their padding.
///
/// # Errors
/// Elements that are no strings, or cannot be read.
pub fn all(dataset: &dyn Hdf5Dataset) -> Result<Vec<String>, Reason> {
    let whole = whole(dataset)?;
    let trimmed = |text: &str| text.trim_matches(|c: char| c == '\0' || c.is_whitespace()).to_owned();
    match dataset.element() {
        Element::Scalar(Scalar::VariableText) => {
            Ok(dataset.read_strings(&whole)?.iter().map(|text| trimmed(text)).collect())
        }
        Element::Scalar(Scalar::FixedText(size @ 1..)) => {
            let bytes = dataset.read(&whole)?;
            let characters =
                if *size == 1 { dataset.shape().last().map_or(1, |&length| length as usize) } else { 1 };
            let texts = bytes.chunks_exact((size * characters).max(1)).map(|text| {
                let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
                trimmed(&decoded(&text[..end]))
            });
            Ok(texts.collect())
        }
        other => Err(format!("is {other:?}, expected strings")),
    }
}

/// The names of stations: strings, or numbers padded with zeros to six digits.
///
/// # Errors
/// A dataset that cannot be read, or an element that is no name of a station.
pub fn stations(dataset: &dyn Hdf5Dataset) -> Result<Vec<Arc<str>>, Reason> {
    let names: Vec<Result<Arc<str>, Reason>> = match dataset.element() {
        Element::Scalar(Scalar::Number(number)) => {
            let bytes = dataset.read(&whole(dataset)?)?;
            let numbers = StoredNumbers::side_by_side(*number, &bytes).to_vec();
            numbers.into_iter().map(|number| StationPart::Id.of_number(number)).collect()
        }
        _ => all(dataset)?.iter().map(|text| StationPart::Id.of_text(text)).collect(),
    };
    let named = names.into_iter().enumerate();
    named.map(|(row, name)| name.map_err(|reason| format!("station {row}: {reason}"))).collect()
}

/// The ranges of all elements.
///
/// # Errors
/// A dataset that cannot be read, or is too large for a list of names.
fn whole(dataset: &dyn Hdf5Dataset) -> Result<Vec<Range<u64>>, Reason> {
    if let Some((found, _)) = dataset.obstacle() {
        return Err(found);
    }
    let ranges: Vec<Range<u64>> = dataset.shape().iter().map(|&length| 0..length).collect();
    let size = dataset.element().size().max(16);
    match selected(&ranges).and_then(|elements| elements.checked_mul(size)) {
        Some(bytes) if bytes <= MOST_BYTES => Ok(ranges),
        _ => Err(format!("has the shape {:?}, too large for a list of names", dataset.shape())),
    }
}
