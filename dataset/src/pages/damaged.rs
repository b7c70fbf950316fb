//! Damaged pages, read by hand and by the library: whatever is wrong with a page, it must not become other values.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};

use super::{StoredChunk, read_stations, read_values, write_stations, write_values};
use crate::StationRun;

const ROWS: usize = 3000;
const PAGE_ROWS: usize = 512;
/// Changes to each file.
const CASES: usize = 150;

/// A column that is read row by row: its cells as texts, so that columns of all types compare.
type Cells = Vec<Option<String>>;

/// A file of one column and one row group.
struct OneColumn {
    file: File,
    metadata: ArrowReaderMetadata,
    bytes: Vec<u8>,
}

impl OneColumn {
    fn new(mut file: File) -> Self {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options).unwrap();
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        Self { file, metadata, bytes }
    }

    fn by_library(column: ArrayRef, nullable: bool, properties: WriterProperties) -> Self {
        let field = Field::new("column", column.data_type().clone(), nullable);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column]).unwrap();
        let file = tempfile::tempfile().unwrap();
        let mut writer =
            ArrowWriter::try_new(file.try_clone().unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        Self::new(file)
    }

    /// A file whose pages are written by hand.
    fn by_hand(column: &ArrayRef, stations: &[StationRun]) -> Self {
        let field =
            Field::new("column", column.data_type().clone(), column.data_type() == &DataType::Float64);
        let file = tempfile::tempfile().unwrap();
        let schema = Arc::new(Schema::new(vec![field]));
        let writer =
            ArrowWriter::try_new(file.try_clone().unwrap(), schema, Some(properties().build())).unwrap();
        let (mut writer, _) = writer.into_serialized_writer().unwrap();
        let descriptor = writer.schema_descr().column(0);
        let chunk = match column.as_primitive_opt::<Float64Type>() {
            Some(values) => write_values(values, &descriptor, ZstdLevel::default(), PAGE_ROWS),
            None => write_stations(stations, &descriptor, ZstdLevel::default(), PAGE_ROWS),
        };
        let chunk = chunk.unwrap().unwrap();
        let mut group = writer.next_row_group().unwrap();
        group.append_column(&chunk.bytes, chunk.close).unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        Self::new(file)
    }

    /// Where the pages lie.
    fn pages(&self) -> Range<usize> {
        let (start, length) = self.metadata.metadata().row_group(0).column(0).byte_range();
        start as usize..(start + length) as usize
    }

    fn write(&mut self, place: usize, byte: u8) {
        self.file.seek(SeekFrom::Start(place as u64)).unwrap();
        self.file.write_all(&[byte]).unwrap();
    }

    /// The cells as the library reads them; `None` where it fails or panics.
    fn read_by_library(&self) -> Option<Cells> {
        let read = || -> Option<Cells> {
            let file = self.file.try_clone().unwrap();
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let mut cells = Vec::new();
            for batch in reader.build().ok()? {
                let batch = batch.ok()?;
                if let Some(values) = batch.column(0).as_primitive_opt::<Float64Type>() {
                    cells.extend(texts_of(values));
                } else {
                    let ids = batch.column(0).as_string::<i32>().iter();
                    cells.extend(ids.map(|id| id.map(str::to_owned)));
                }
            }
            (cells.len() == ROWS).then_some(cells)
        };
        catch_unwind(AssertUnwindSafe(read)).ok().flatten()
    }

    /// The cells as they are read by hand.
    fn read_by_hand(&self) -> Option<Cells> {
        let metadata = self.metadata.metadata();
        let pages = metadata.offset_index().map(|index| index[0][0].page_locations().clone());
        let chunk = StoredChunk {
            file: self.file.try_clone().unwrap(),
            metadata: metadata.row_group(0).column(0),
            rows: ROWS,
            pages,
        };
        if self.metadata.schema().field(0).data_type() == &DataType::Float64 {
            let mut values = Vec::new();
            let has_value = read_values(chunk, Some, &mut values)?;
            Some(texts_of(&Float64Array::new(values.into(), Some(has_value.into()))).collect())
        } else {
            let runs = read_stations(chunk)?;
            let repeated = |run: StationRun| std::iter::repeat_n(Some(run.station_id.to_string()), run.rows);
            Some(runs.into_iter().flat_map(repeated).collect())
        }
    }
}

/// The bits of doubles, which are the same for no two of them.
fn texts_of(values: &Float64Array) -> impl Iterator<Item = Option<String>> {
    values.iter().map(|value| value.map(|value| format!("{value} {:x}", value.to_bits())))
}

fn properties() -> parquet::file::properties::WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(64)
}

/// Files with this column: of other writers' encodings, and by hand.
fn files(column: &ArrayRef, nullable: bool, stations: &[StationRun]) -> Vec<(String, OneColumn)> {
    let mut files = vec![("by hand".to_owned(), OneColumn::by_hand(column, stations))];
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for compression in [Compression::UNCOMPRESSED, zstd, Compression::SNAPPY, Compression::LZ4_RAW] {
            let properties = properties().set_writer_version(version).set_compression(compression).build();
            let name = format!("{version:?}, {compression:?}, nullable {nullable}");
            files.push((name, OneColumn::by_library(Arc::clone(column), nullable, properties)));
        }
    }
    // A dictionary that does not hold all values.
    let overflowing = properties().set_dictionary_page_size_limit(64).build();
    files.push(("overflowing".to_owned(), OneColumn::by_library(Arc::clone(column), nullable, overflowing)));
    files
}

/// Changes one byte of the pages, again and again, and compares what is read by hand and by the library.
fn damage(column: &mut OneColumn, name: &str) {
    let original = column.read_by_library().unwrap();
    if let Some(cells) = column.read_by_hand() {
        assert_eq!(cells, original, "{name}");
    }
    let pages = column.pages();
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for case in 0..CASES {
        // Every other time among the first bytes, where headers and the dictionary are.
        let length = if case % 2 == 0 { pages.len() } else { pages.len().min(64) };
        let place = pages.start + draw(length);
        let change = if draw(2) == 0 { 1 << draw(8) } else { 1 + draw(255) };
        let byte = column.bytes[place];
        column.write(place, byte ^ change as u8);
        let (here, there) = (column.read_by_hand(), column.read_by_library());
        column.write(place, byte);
        // What the library refuses may still hold all values, such as where a header has another size.
        let Some(here) = here else { continue };
        let expected = there.as_ref().unwrap_or(&original);
        if let Some(row) = (0..ROWS).find(|row| here[*row] != expected[*row]) {
            panic!(
                "{name}, {byte} ^ {change} at {place} of {pages:?}: row {row} is {:?}, not {:?}, read by the library: {}",
                here[row],
                expected[row],
                there.is_some()
            );
        }
    }
}

#[test]
fn damaged_values_are_those_of_the_library_or_none() {
    let value = |row: usize| f64::from((row * row % 300) as u32) / 10.0;
    // Runs of nulls and of equal values, and others that take turns.
    let some: Float64Array = (0..ROWS)
        .map(|row| match row {
            700..1300 => None,
            1300..1600 => Some(7.5),
            _ => (row % 7 > 1).then_some(value(row)),
        })
        .collect();
    let all: Float64Array = (0..ROWS).map(|row| Some(value(row))).collect();
    for (values, nullable) in [(some, true), (all.clone(), true), (all, false)] {
        let column: ArrayRef = Arc::new(values);
        for (name, mut file) in files(&column, nullable, &[]) {
            damage(&mut file, &name);
        }
    }
}

#[test]
fn damaged_stations_are_those_of_the_library_or_none() {
    let stations: Vec<StationRun> = [700, 64, 200, 1000, 36, 1000]
        .into_iter()
        .enumerate()
        .map(|(number, rows)| StationRun { station_id: format!("{number:06}-é").into(), rows })
        .collect();
    let ids = stations.iter().flat_map(|run| std::iter::repeat_n(&*run.station_id, run.rows));
    let column: ArrayRef = Arc::new(ids.map(Some).collect::<StringArray>());
    assert_eq!(column.len(), ROWS);
    for nullable in [false, true] {
        for (name, mut file) in files(&column, nullable, &stations) {
            damage(&mut file, &name);
        }
    }
}
