//! A dataset that is shorter than the dimensions it lies along, as netCDF's unlimited ones: the dataset and its full shape
//! in, a dataset of that shape out, which has fill values beyond its end.

use std::ops::Range;
use std::sync::Arc;

use super::{
    Attribute, Element, Hdf5Dataset, Reason, Scalar, StoredBytes, StoredNumbers, selected, selected_within,
};
use crate::formats::hdf5::cf::default_fill;

/// A dataset with elements beyond its end.
pub struct Padded {
    dataset: Arc<dyn Hdf5Dataset>,
    shape: Vec<u64>,
    /// The bytes of an element beyond the end.
    fill: Vec<u8>,
    written: Vec<Range<u64>>,
}

impl Padded {
    /// The dataset with that shape, which is nowhere shorter than its own. Elements beyond its end are its `_FillValue`,
    /// else the default of netCDF for its type.
    pub fn new(dataset: Arc<dyn Hdf5Dataset>, shape: Vec<u64>) -> Self {
        let own = dataset.attribute("_FillValue").ok().flatten().and_then(|fill| fill.number());
        let fill = match dataset.element() {
            Element::Scalar(Scalar::Number(number)) => {
                own.or_else(|| default_fill(*number)).and_then(|fill| number.bytes_of(fill))
            }
            _ => None,
        };
        let fill = fill.unwrap_or_else(|| dataset.fill());
        let rows = dataset.shape().first().copied().unwrap_or(0);
        let written = match dataset.written() {
            Some(written) => written.to_vec(),
            None => std::iter::once(0..rows).filter(|rows| !rows.is_empty()).collect(),
        };
        Self { dataset, shape, fill, written }
    }

    /// The part of each range that the dataset has.
    fn inside(&self, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
        let lengths = self.dataset.shape().iter();
        ranges
            .iter()
            .zip(lengths)
            .map(|(range, &length)| range.start.min(length)..range.end.min(length))
            .collect()
    }
}

/// Puts the elements of the dataset where they belong among those of the ranges, which hold fill values.
fn spread<T: Clone>(inside: &[Range<u64>], ranges: &[Range<u64>], found: &[T], out: &mut [T], size: usize) {
    let lengths = |ranges: &[Range<u64>]| -> Vec<usize> {
        ranges.iter().map(|range| (range.end - range.start) as usize).collect()
    };
    let (own, all) = (lengths(inside), lengths(ranges));
    let run = own.last().copied().unwrap_or(1) * size;
    if run == 0 {
        return;
    }
    for (number, elements) in found.chunks_exact(run).enumerate() {
        // The place of the run's first element, dimension by dimension from the last but one.
        let (mut rest, mut at, mut stride) = (number, 0, all.last().copied().unwrap_or(1));
        for (&own, &all) in own.iter().zip(&all).rev().skip(1) {
            at += rest % own * stride;
            rest /= own;
            stride *= all;
        }
        if let Some(place) = out.get_mut(at * size..at * size + run) {
            place.clone_from_slice(elements);
        }
    }
}

impl Hdf5Dataset for Padded {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn element(&self) -> &Element {
        self.dataset.element()
    }

    fn chunk(&self) -> Option<&[u64]> {
        self.dataset.chunk()
    }

    fn obstacle(&self) -> Option<(Reason, String)> {
        self.dataset.obstacle()
    }

    fn dimensions(&self) -> Vec<Option<String>> {
        self.dataset.dimensions()
    }

    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason> {
        if name == "_FillValue"
            && let Element::Scalar(Scalar::Number(number)) = self.element()
        {
            // What lies beyond the end is missing, whatever the type.
            let fill = StoredNumbers::side_by_side(*number, &self.fill).to_vec();
            return Ok(Some(Attribute::Numbers(fill)));
        }
        self.dataset.attribute(name)
    }

    fn written(&self) -> Option<&[Range<u64>]> {
        Some(&self.written)
    }

    fn fill(&self) -> Vec<u8> {
        self.fill.clone()
    }

    fn read(&self, ranges: &[Range<u64>]) -> Result<StoredBytes, Reason> {
        let elements = selected_within(&self.shape, ranges)?;
        let inside = self.inside(ranges);
        if inside == ranges {
            return self.dataset.read(ranges);
        }
        let size = self.element().size();
        let bytes = elements.checked_mul(size).ok_or("too many elements at once")?;
        let mut out: Vec<u8> = self.fill.iter().copied().cycle().take(bytes).collect();
        if selected(&inside).is_some_and(|elements| elements > 0) {
            spread(&inside, ranges, &self.dataset.read(&inside)?, &mut out, size);
        }
        Ok(StoredBytes::Owned(out))
    }

    fn read_strings(&self, ranges: &[Range<u64>]) -> Result<Vec<String>, Reason> {
        let inside = self.inside(ranges);
        let mut out = vec![String::new(); selected_within(&self.shape, ranges)?];
        if selected(&inside).is_some_and(|elements| elements > 0) {
            spread(&inside, ranges, &self.dataset.read_strings(&inside)?, &mut out, 1);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_go_where_they_belong() {
        // Two rows of three, of which the file has one row of two.
        let mut out = [0; 6];
        spread(&[4..5, 0..2], &[4..6, 0..3], &[1, 2], &mut out, 1);
        assert_eq!(out, [1, 2, 0, 0, 0, 0]);
        // Of two times, rows and columns each the first time, of elements of two bytes.
        let mut out = [0; 16];
        spread(&[0..2, 0..2, 0..1], &[0..2, 0..2, 0..2], &[1, 1, 2, 2, 3, 3, 4, 4], &mut out, 2);
        assert_eq!(out, [1, 1, 0, 0, 2, 2, 0, 0, 3, 3, 0, 0, 4, 4, 0, 0]);
    }
}
