//! [`Hdf5File`] by the pure-Rust library `hdf5-reader`: a path in, datasets and their bytes out.
//!
//! The library is given limits, and a panic over a damaged file becomes an error.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hdf5_reader::error::Error;
use hdf5_reader::messages::HdfMessage;
use hdf5_reader::messages::filter_pipeline::FilterDescription;
use hdf5_reader::messages::layout::DataLayout;
use hdf5_reader::{Datatype, H5Type, OpenOptions, SliceInfo, SliceInfoElem};

use isd_dataset::guard::guarded;

use super::native_precision::unusual_number;
use super::native_types::{attribute, element};
use super::written::Written;
use super::{
    Attribute, Element, Hdf5Dataset, Hdf5File, Members, Reason, StoredBytes, VIRTUAL, filters, scale_names,
    selected_within, written,
};
use crate::text_encoding::decoded;

/// Bytes of the largest chunk that is decoded: memory holds one for each thread.
const MAX_CHUNK_BYTES: usize = 256 << 20;
/// Bytes of the rows that one call reads, at most.
const MAX_READ_BYTES: usize = 512 << 20;
/// Bytes of the largest object header that is read; real ones have a few KiB.
const MAX_HEADER_BYTES: usize = 16 << 20;
/// The class of a layout that refers to other datasets (HDF5 File Format Specification, data layout message).
const VIRTUAL_CLASS: u8 = 3;
/// Slots of the chunk cache, which holds the few chunks that several batches share.
const CACHE_SLOTS: usize = 521;

/// A file read by `hdf5-reader`.
pub struct NativeFile {
    file: hdf5_reader::Hdf5File,
    scales: Scales,
}

/// Names of dimension scales by the addresses that references hold.
type Scales = Arc<Mutex<HashMap<u64, Option<String>>>>;

impl NativeFile {
    /// Opens a file, keeping up to `cache_bytes` of decoded chunks (0 keeps none).
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, Reason> {
        let options = OpenOptions::default()
            .with_chunk_cache_bytes(cache_bytes)
            .with_chunk_cache_slots(CACHE_SLOTS)
            .with_filter_registry(filters::registry(MAX_CHUNK_BYTES))
            .with_max_chunk_bytes(MAX_CHUNK_BYTES)
            .with_max_read_bytes(MAX_READ_BYTES)
            .with_max_object_header_bytes(MAX_HEADER_BYTES);
        let file = guarded(|| hdf5_reader::Hdf5File::open_with_options(path, options))?;
        Ok(Self { file, scales: Scales::default() })
    }
}

fn is_not_found(error: &Error) -> bool {
    match error {
        Error::DatasetNotFound(_) | Error::GroupNotFound(_) => true,
        Error::Context { source, .. } => is_not_found(source),
        _ => false,
    }
}

/// Whether the layout of a dataset refers to other datasets.
fn is_virtual(error: &Error) -> bool {
    match error {
        Error::UnsupportedLayoutClass(class) => *class == VIRTUAL_CLASS,
        Error::Context { source, .. } => is_virtual(source),
        _ => false,
    }
}

impl Hdf5File for NativeFile {
    fn dataset(&self, path: &str) -> Result<Option<Arc<dyn Hdf5Dataset>>, Reason> {
        let opened = guarded(|| match self.file.dataset(path) {
            Err(error) if is_not_found(&error) => Ok::<_, Error>(None),
            Err(error) if is_virtual(&error) => Err(Error::Other(VIRTUAL.into())),
            opened => {
                let dataset = opened?;
                let storage = Storage::of(&self.file, &dataset)?;
                Ok(Some((dataset, storage)))
            }
        })?;
        let Some((dataset, storage)) = opened else { return Ok(None) };
        let element = element(dataset.dtype(), dataset.vlen_reference_size())?;
        let chunk: Option<Vec<u64>> = dataset.chunks().map(|chunk| {
            let lengths = chunk.iter().map(|&length| u64::from(length).max(1));
            lengths.take(dataset.ndim()).collect()
        });
        let chunk = chunk.filter(|chunk| chunk.len() == dataset.ndim());
        let foreign_fill = dataset
            .fill_value()
            .and_then(|fill| fill.value.clone())
            .filter(|fill| !fill.is_empty() && fill.len() != element.size());
        let group = path.trim_matches('/').rsplit_once('/').map_or("", |(group, _)| group).into();
        let (file, scales) = (self.file.clone(), Arc::clone(&self.scales));
        Ok(Some(Arc::new(NativeDataset {
            file,
            group,
            scales,
            dataset,
            element,
            storage,
            chunk,
            foreign_fill,
            written: OnceLock::new(),
        })))
    }

    fn members(&self, group: &str) -> Result<Members, Reason> {
        let (mut groups, mut datasets) = guarded(|| self.file.group(group)?.member_names())?;
        // The members of large groups come in the order of a hash.
        groups.sort();
        datasets.sort();
        Ok(Members { groups, datasets })
    }

    fn attribute(&self, group: &str, name: &str) -> Result<Option<Attribute>, Reason> {
        guarded(|| attribute(self.file.group(group)?.attribute(name)))
    }
}

struct NativeDataset {
    file: hdf5_reader::Hdf5File,
    /// Path of the group that it lies in.
    group: String,
    scales: Scales,
    dataset: hdf5_reader::Dataset,
    element: Element,
    storage: Storage,
    chunk: Option<Vec<u64>>,
    /// A fill value that is not of the elements' size.
    foreign_fill: Option<Vec<u8>>,
    /// What has storage, once it has been asked for.
    written: OnceLock<Written>,
}

/// How a dataset is stored, as far as it decides how it is read.
#[derive(Default)]
struct Storage {
    /// Address in this file where all elements lie side by side.
    contiguous: Option<u64>,
    /// In the object header.
    compact: bool,
    filters: Vec<FilterDescription>,
    /// As the header has it; `None` where elements lie in other files.
    layout: Option<DataLayout>,
}

impl Storage {
    fn of(file: &hdf5_reader::Hdf5File, dataset: &hdf5_reader::Dataset) -> Result<Self, Error> {
        let mut storage = Self::default();
        let mut external = false;
        let header = file.get_or_parse_header(dataset.address())?;
        for message in &header.messages {
            match message {
                HdfMessage::ExternalFiles(_) => external = true,
                HdfMessage::FilterPipeline(pipeline) => storage.filters.clone_from(&pipeline.filters),
                HdfMessage::DataLayout(layout) => {
                    if !matches!(layout.layout, DataLayout::Compact { .. }) {
                        storage.layout = Some(layout.layout.clone());
                    }
                    match layout.layout {
                        // An address beyond the file is either undefined (nothing written: fill values)
                        // or damage; the library itself tells the two apart.
                        DataLayout::Contiguous { address, size }
                            if size == dataset.raw_byte_len()? as u64
                                && address
                                    .checked_add(size)
                                    .is_some_and(|end| end <= file.storage().len()) =>
                        {
                            storage.contiguous = Some(address);
                        }
                        DataLayout::Compact { .. } => storage.compact = true,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        storage.contiguous = storage.contiguous.filter(|_| !external);
        storage.layout = storage.layout.filter(|_| !external);
        Ok(storage)
    }
}

impl Hdf5Dataset for NativeDataset {
    fn shape(&self) -> &[u64] {
        self.dataset.shape()
    }

    fn element(&self) -> &Element {
        &self.element
    }

    fn chunk(&self) -> Option<&[u64]> {
        self.chunk.as_deref()
    }

    fn obstacle(&self) -> Option<(Reason, String)> {
        if let Some(filter) = filters::unknown(&self.storage.filters) {
            let hint = "rewrite it with `h5repack -f GZIP=4 in.h5 out.h5` where that filter is installed";
            return Some((format!("is compressed with {filter}, which cannot be read here"), hint.into()));
        }
        let unusual = guarded(|| self.dataset.raw_datatype()).map(|message| unusual_number(&message));
        if let Some(unusual) = unusual.unwrap_or_else(Some) {
            let hint = "write its numbers again as integers or floats that fill their bytes";
            return Some((
                format!("holds numbers of a type that cannot be read here: {unusual}"),
                hint.into(),
            ));
        }
        if let Written::Misplaced(row) = self.stored_rows() {
            let found =
                format!("has a damaged index of chunks, by which one begins at row {row}, within another");
            return Some((found, "copy or download the file again".into()));
        }
        let elements = self.chunk()?.iter().try_fold(1_u64, |n, &length| n.checked_mul(length));
        let bytes = elements.and_then(|n| n.checked_mul(self.element.size() as u64));
        if bytes.is_none_or(|bytes| bytes > MAX_CHUNK_BYTES as u64) {
            let found = format!(
                "has chunks of {:?} elements, more than {} MiB each",
                self.chunk()?,
                MAX_CHUNK_BYTES >> 20
            );
            let small = vec!["65536"; self.shape().len().min(1)].join("x");
            let hint =
                format!("rewrite it in smaller ones, such as `h5repack -l CHUNK={small} in.h5 out.h5`");
            return Some((found, hint));
        }
        None
    }

    fn dimensions(&self) -> Vec<Option<String>> {
        // A list that is absent or cannot be read names no scale: dimensions are then told apart by their lengths.
        let listed = guarded(|| self.listed_dimensions()).unwrap_or_default();
        let names = listed.into_iter().map(|address| self.scale_name(address?)).collect();
        scale_names(self, self.dataset.name(), names)
    }

    fn attribute(&self, name: &str) -> Result<Option<Attribute>, Reason> {
        guarded(|| attribute(self.dataset.attribute(name)))
    }

    fn written(&self) -> Option<&[Range<u64>]> {
        match self.stored_rows() {
            Written::Rows(rows) => Some(rows),
            Written::Any | Written::Misplaced(_) => None,
        }
    }

    fn fill(&self) -> Vec<u8> {
        let own = self.dataset.fill_value().and_then(|fill| fill.value.clone());
        let size = self.element.size();
        own.filter(|fill| fill.len() == size).unwrap_or_else(|| vec![0; size])
    }

    fn read(&self, ranges: &[Range<u64>]) -> Result<StoredBytes, Reason> {
        let size = self.element.size();
        let beyond = || format!("elements {ranges:?} lie beyond the dataset");
        let length = selected_within(self.shape(), ranges)?.checked_mul(size).ok_or_else(beyond)?;
        let bytes = match (self.storage.contiguous, consecutive(self.shape(), ranges)) {
            (Some(address), Some(first)) => {
                let from = first.checked_mul(size as u64).and_then(|skip| address.checked_add(skip));
                let from = from.ok_or_else(beyond)?;
                StoredBytes::Mapped(guarded(|| self.file.storage().read_range(from, length))?)
            }
            _ if self.storage.compact => StoredBytes::Owned(self.read_compact(ranges)?),
            _ => self.read_selection(ranges)?,
        };
        if bytes.len() != length {
            return Err(format!("{} bytes were read, expected {length}", bytes.len()));
        }
        self.check_fill(ranges, &bytes)?;
        Ok(bytes)
    }

    fn read_strings(&self, ranges: &[Range<u64>]) -> Result<Vec<String>, Reason> {
        let size = self.dataset.vlen_reference_size();
        let references = self.read_selection(ranges)?;
        references.chunks_exact(size).map(|reference| self.resolved(reference)).collect()
    }

    fn read_member_strings(&self, ranges: &[Range<u64>], offset: usize) -> Result<Vec<String>, Reason> {
        let size = self.dataset.vlen_reference_size();
        let records = self.read(ranges)?;
        let outside = || Reason::from("a string does not lie within its record");
        let references = records.chunks_exact(self.element.size().max(1));
        let text = |record: &[u8]| self.resolved(record.get(offset..offset + size).ok_or_else(outside)?);
        references.map(text).collect()
    }
}

/// Number of the first selected element, where all of them follow each other in the file; else `None`.
fn consecutive(shape: &[u64], ranges: &[Range<u64>]) -> Option<u64> {
    let mut first = 0_u64;
    // After the first dimension of which more than one element is selected, all must be whole.
    let mut several = false;
    for (range, &length) in ranges.iter().zip(shape) {
        if several && *range != (0..length) {
            return None;
        }
        several |= range.end - range.start != 1;
        first = first.checked_mul(length)?.checked_add(range.start)?;
    }
    Some(first)
}

impl NativeDataset {
    fn stored_rows(&self) -> &Written {
        self.written.get_or_init(|| {
            let Some(layout) = &self.storage.layout else { return Written::Any };
            // An index that cannot be read is reported when the chunks are.
            guarded(|| written::ranges(&self.file, &self.dataset, layout)).unwrap_or(Written::Any)
        })
    }

    /// The string that a reference points to; empty where it was never written.
    fn resolved(&self, reference: &[u8]) -> Result<String, Reason> {
        let text = guarded(|| self.dataset.resolve_vlen_reference_bytes(reference, 1))?;
        Ok(decoded(&text).into_owned())
    }

    /// Checks that no rows were never written that the library has filled with a wrong value.
    ///
    /// Where a dataset has no fill value of its own, the library takes the attribute `_FillValue`, whatever its
    /// type: h5py makes a plain -9999 an int64, whose bytes are -9999, -1, -1, -1 in a dataset of
    /// int16. Such a chunk is that pattern from end to end, which no written one is.
    fn check_fill(&self, ranges: &[Range<u64>], bytes: &[u8]) -> Result<(), Reason> {
        let (Some(fill), size) = (&self.foreign_fill, self.element.size()) else { return Ok(()) };
        let Some(range) = ranges.first().filter(|range| !range.is_empty()) else { return Ok(()) };
        let row = bytes.len() / (range.end - range.start) as usize;
        let chunk = self.chunk().and_then(|chunk| chunk.first()).map_or(u64::MAX, |&rows| rows);
        let mut from = range.start;
        while from < range.end {
            let to = range.end.min(from.saturating_add(chunk - from % chunk));
            let at = |row_number: u64| (row_number - range.start) as usize * row;
            let pattern = fill.iter().cycle().skip(at(from) % fill.len());
            if size > 0 && bytes[at(from)..at(to)].iter().zip(pattern).all(|(byte, filled)| byte == filled) {
                return Err(format!(
                    "rows {from} to {} were never written, and _FillValue is not of the dataset's type",
                    to - 1
                ));
            }
            from = to;
        }
        Ok(())
    }

    /// Addresses of the dimension scales that `DIMENSION_LIST` refers to, the first of each dimension.
    fn listed_dimensions(&self) -> Result<Vec<Option<u64>>, Error> {
        let list = self.dataset.attribute("DIMENSION_LIST")?;
        let size = self.dataset.vlen_reference_size();
        list.raw_data
            .chunks_exact(size)
            .map(|reference| {
                let addresses = self.dataset.resolve_vlen_reference_bytes(reference, 8)?;
                Ok(addresses.first_chunk().map(|address| u64::from_le_bytes(*address)))
            })
            .collect()
    }

    /// Name of the dataset at an address: a sibling, or one at the root that the whole file shares.
    fn scale_name(&self, address: u64) -> Option<String> {
        let mut scales = self.scales.lock().unwrap_or_else(PoisonError::into_inner);
        let name = scales.entry(address).or_insert_with(|| {
            let named =
                |group: &str| guarded(|| self.file.group(group)?.child_name_by_address(address)).ok()?;
            named(&self.group).or_else(|| named("/"))
        });
        name.clone()
    }

    /// The selected elements of a compact dataset, which is read whole: it never has more than 64 KiB.
    fn read_compact(&self, ranges: &[Range<u64>]) -> Result<Vec<u8>, Reason> {
        let whole: Vec<Range<u64>> = self.shape().iter().map(|&length| 0..length).collect();
        let bytes = self.read_selection(&whole)?;
        let shape = self.shape();
        let size = self.element.size();
        let mut out = Vec::new();
        // Numbers of the first element of each innermost run, dimension by dimension.
        let mut firsts = vec![0_u64];
        let inner = ranges.len().saturating_sub(1);
        for (range, &length) in ranges.iter().zip(shape).take(inner) {
            firsts = firsts.iter().flat_map(|&at| range.clone().map(move |i| at * length + i)).collect();
        }
        // A dataset without dimensions has a single element.
        let (run, length) =
            (ranges.last().map_or(0..1, Clone::clone), shape.last().map_or(1, |&length| length));
        for first in firsts {
            let at = |element: u64| (first * length + element) as usize * size;
            let run =
                bytes.get(at(run.start)..at(run.end)).ok_or("it holds fewer bytes than its shape says")?;
            out.extend_from_slice(run);
        }
        Ok(out)
    }

    fn read_selection(&self, ranges: &[Range<u64>]) -> Result<StoredBytes, Reason> {
        let slice = |range: &Range<u64>| SliceInfoElem::Slice { start: range.start, end: range.end, step: 1 };
        let selection = SliceInfo { selections: ranges.iter().map(slice).collect() };
        match self.element.size() {
            2 => self.read_elements::<2>(&selection),
            4 => self.read_elements::<4>(&selection),
            8 => self.read_elements::<8>(&selection),
            _ => guarded(|| {
                let rows = self.dataset.read_slice::<RawRow>(&selection)?;
                // Where nothing is selected there is no first row, and there are no bytes.
                let bytes = rows.into_iter().next().and_then(|first| first.0).unwrap_or_default();
                Ok::<_, Error>(StoredBytes::Shared(bytes))
            }),
        }
    }

    /// The selected elements of a dataset whose elements have `N` bytes. The library decodes them where they stay.
    fn read_elements<const N: usize>(&self, selection: &SliceInfo) -> Result<StoredBytes, Reason> {
        let (elements, _) =
            guarded(|| self.dataset.read_slice::<RawElement<N>>(selection))?.into_raw_vec_and_offset();
        // In place: a wrapper is gone, and no byte moves.
        let bytes: Vec<[u8; N]> = elements.into_iter().map(|element| element.0).collect();
        Ok(StoredBytes::Owned(bytes.into_flattened()))
    }
}

/// An element of `N` bytes as stored.
#[derive(Clone)]
struct RawElement<const N: usize>([u8; N]);

impl<const N: usize> H5Type for RawElement<N> {
    fn hdf5_type() -> Datatype {
        Datatype::Opaque { size: N as u32, tag: String::new() }
    }

    fn from_bytes(bytes: &[u8], _: &Datatype) -> Result<Self, Error> {
        let short = || Error::InvalidData(format!("an element of {} bytes, expected {N}", bytes.len()));
        bytes.first_chunk().copied().map(Self).ok_or_else(short)
    }

    fn element_size(_: &Datatype) -> usize {
        N
    }

    fn native_copy_compatible(_: &Datatype) -> bool {
        true
    }
}

/// Rows of any type as stored: the first one holds the bytes of all.
///
/// The library decodes into one value a row and offers nothing else for a range of rows of a
/// compound; this way the bytes are copied once, whatever the type.
#[derive(Clone)]
struct RawRow(Option<Arc<[u8]>>);

impl H5Type for RawRow {
    fn hdf5_type() -> Datatype {
        Datatype::Opaque { size: 1, tag: String::new() }
    }

    fn from_bytes(bytes: &[u8], _: &Datatype) -> Result<Self, Error> {
        Ok(Self(Some(bytes.into())))
    }

    fn element_size(_: &Datatype) -> usize {
        0
    }

    fn decode_vec(raw: &[u8], _: &Datatype, count: usize) -> Option<Result<Vec<Self>, Error>> {
        let mut rows = vec![Self(None); count];
        if let Some(first) = rows.first_mut() {
            first.0 = Some(raw.into());
        }
        Some(Ok(rows))
    }
}
