//! From the stations of a row group to the pages of its station column.
//!
//! The library takes the column row by row: it looks each id up in its dictionary, and counts how often the index repeats.
//! Here the runs are known, and are stored as such.

use parquet::basic::{BoundaryOrder, Type, ZstdLevel};
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use super::column_chunk::{
    DataPage, DictionaryPage, EncodedChunk, PageBytes, Parts, column_chunk, compressor,
};
use super::hybrid::{append_run, index_width};
use crate::StationRun;

/// Rows that a station must have on average, which make the dictionary a quarter of a byte a row before it is compressed.
/// The library stores the ids of shorter series better.
const LEAST_ROWS: usize = 64;
/// Bytes of the longest id: statistics of longer ones would have to be cut.
const LONGEST_ID: usize = 64;

/// Encodes the stations of a row group, in ascending order, in data pages of `page_rows` rows.
///
/// `None` where the library should do it: no rows, short series, long ids, or a column that is not one of strings in which
/// every row has a value.
///
/// # Errors
/// A level that zstd does not have, or what the library would not accept of a column's metadata.
pub(crate) fn write_stations(
    stations: &[StationRun],
    column: &ColumnDescPtr,
    level: ZstdLevel,
    page_rows: usize,
) -> Result<Option<EncodedChunk>> {
    let rows: usize = stations.iter().map(|run| run.rows).sum();
    let (Some(first), Some(last)) = (stations.first(), stations.last()) else { return Ok(None) };
    let suits = column.physical_type() == Type::BYTE_ARRAY
        && column.max_def_level() == 0
        && column.max_rep_level() == 0
        && rows / LEAST_ROWS >= stations.len()
        && stations.iter().all(|run| run.station_id.len() <= LONGEST_ID);
    if !suits {
        return Ok(None);
    }
    let bound = |run: &StationRun| Some(ByteArray::from(&*run.station_id));
    let statistics = ValueStatistics::new(bound(first), bound(last), None, Some(0), false);
    let mut compressor = compressor(level)?;
    let dictionary = DictionaryPage {
        bytes: PageBytes::new(&dictionary(stations), &mut compressor)?,
        entries: stations.len(),
    };
    let pages = Pages::new(stations, page_rows).map(|page| {
        Ok(DataPage {
            bytes: PageBytes::new(&page.indices, &mut compressor)?,
            rows: page.rows,
            nulls: 0,
            bounds: Some((page.first.as_bytes().to_vec(), page.last.as_bytes().to_vec())),
            text_bytes: Some(page.text_bytes),
        })
    });
    let parts = Parts {
        column,
        level,
        dictionary,
        pages: pages.collect::<Result<_>>()?,
        order: BoundaryOrder::ASCENDING,
        statistics: Statistics::from(statistics),
    };
    column_chunk(parts).map(Some)
}

/// The ids in the plain encoding: each follows its length.
fn dictionary(stations: &[StationRun]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in stations {
        bytes.extend((run.station_id.len() as u32).to_le_bytes());
        bytes.extend(run.station_id.bytes());
    }
    bytes
}

/// The rows of a data page.
struct Page<'a> {
    /// The width of an index in bits, as a byte, then runs of indices.
    indices: Vec<u8>,
    rows: usize,
    /// Bytes of the ids of all rows together.
    text_bytes: usize,
    /// Id of the first row.
    first: &'a str,
    /// Id of the last row.
    last: &'a str,
}

/// Cuts the runs of stations into pages.
struct Pages<'a> {
    stations: &'a [StationRun],
    page_rows: usize,
    /// Bits of an index.
    width: u32,
    /// The station of the next row.
    station: usize,
    /// Rows of that station that are in pages already.
    taken: usize,
}

impl<'a> Pages<'a> {
    fn new(stations: &'a [StationRun], page_rows: usize) -> Self {
        Self { stations, page_rows, width: index_width(stations.len()), station: 0, taken: 0 }
    }
}

impl<'a> Iterator for Pages<'a> {
    type Item = Page<'a>;

    fn next(&mut self) -> Option<Page<'a>> {
        let first = &*self.stations.get(self.station)?.station_id;
        let mut page = Page { indices: vec![self.width as u8], rows: 0, text_bytes: 0, first, last: first };
        while let Some(run) = self.stations.get(self.station) {
            let rows = (run.rows - self.taken).min(self.page_rows - page.rows);
            if rows > 0 {
                append_run(&mut page.indices, self.station as u32, rows, self.width);
                page.rows += rows;
                page.text_bytes += rows * run.station_id.len();
                page.last = &run.station_id;
                self.taken += rows;
            }
            if self.taken < run.rows {
                break;
            }
            (self.station, self.taken) = (self.station + 1, 0);
        }
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
    };
    use parquet::file::metadata::PageIndexPolicy;
    use parquet::file::properties::{EnabledStatistics, WriterProperties};
    use proptest::prelude::*;

    use super::super::{StoredChunk, read_stations};
    use super::*;

    const PAGE_ROWS: usize = 2048;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("station_id", DataType::Utf8, false)]))
    }

    fn properties() -> WriterProperties {
        WriterProperties::builder()
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .build()
    }

    fn names(stations: &[StationRun]) -> Vec<&str> {
        stations.iter().flat_map(|run| std::iter::repeat_n(&*run.station_id, run.rows)).collect()
    }

    /// A file of two row groups as written here, or `None` where that is left to the library.
    fn file_of(stations: &[StationRun]) -> Option<File> {
        let file = tempfile::tempfile().unwrap();
        let writer = ArrowWriter::try_new(file.try_clone().unwrap(), schema(), Some(properties())).unwrap();
        let (mut writer, _) = writer.into_serialized_writer().unwrap();
        let column = writer.schema_descr().column(0);
        for _ in 0..2 {
            let EncodedChunk { bytes, close } =
                write_stations(stations, &column, ZstdLevel::default(), PAGE_ROWS).unwrap()?;
            let mut group = writer.next_row_group().unwrap();
            group.append_column(&bytes, close).unwrap();
            group.close().unwrap();
        }
        writer.close().unwrap();
        Some(file)
    }

    fn file_of_library(stations: &[StationRun]) -> File {
        let file = tempfile::tempfile().unwrap();
        let mut writer =
            ArrowWriter::try_new(file.try_clone().unwrap(), schema(), Some(properties())).unwrap();
        let ids: ArrayRef = Arc::new(StringArray::from(names(stations)));
        for _ in 0..2 {
            writer.write(&RecordBatch::try_new(schema(), vec![Arc::clone(&ids)]).unwrap()).unwrap();
            writer.flush().unwrap();
        }
        writer.close().unwrap();
        file
    }

    fn metadata(file: &File) -> ArrowReaderMetadata {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        ArrowReaderMetadata::load(file, options).unwrap()
    }

    fn ids(file: File, selection: Option<RowSelection>) -> Vec<String> {
        let metadata = metadata(&file);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        let texts = |batch: RecordBatch| {
            let column = batch.column(0).as_string::<i32>().clone();
            assert_eq!(column.null_count(), 0);
            column.iter().map(|id| id.unwrap().to_owned()).collect::<Vec<_>>()
        };
        builder.build().unwrap().flat_map(|batch| texts(batch.unwrap())).collect()
    }

    fn stations(rows: &[usize]) -> Vec<StationRun> {
        let station = |(number, &rows): (usize, &usize)| StationRun {
            station_id: format!("{number:04}-é").into(),
            rows,
        };
        rows.iter().enumerate().map(station).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_pages_are_those_of_the_library(
            rows in prop::collection::vec(
                prop_oneof![64_usize..300, 1900_usize..2200, 4000_usize..9000, Just(2048)], 1..40
            ),
            skipped in 0_usize..5000,
        ) {
            let stations = stations(&rows);
            let (file, library) = (file_of(&stations).unwrap(), file_of_library(&stations));
            let (here, there) = (metadata(&file), metadata(&library));
            let (here, there) = (here.metadata(), there.metadata());
            let expected = names(&stations);
            for group in 0..2 {
                let (chunk, other) = (here.row_group(group).column(0), there.row_group(group).column(0));
                prop_assert_eq!(chunk.statistics(), other.statistics());
                prop_assert_eq!(chunk.num_values(), other.num_values());
                prop_assert_eq!(
                    chunk.unencoded_byte_array_data_bytes(),
                    other.unencoded_byte_array_data_bytes()
                );
                prop_assert_eq!(
                    &here.column_index().unwrap()[group][0],
                    &there.column_index().unwrap()[group][0]
                );
                let (index, other) =
                    (&here.offset_index().unwrap()[group][0], &there.offset_index().unwrap()[group][0]);
                let starts = |pages: &[parquet::file::page_index::offset_index::PageLocation]| {
                    pages.iter().map(|page| page.first_row_index).collect::<Vec<_>>()
                };
                prop_assert_eq!(starts(index.page_locations()), starts(other.page_locations()));
                prop_assert_eq!(
                    index.unencoded_byte_array_data_bytes(),
                    other.unencoded_byte_array_data_bytes()
                );
                let runs = read_stations(StoredChunk {
                    file: file.try_clone().unwrap(),
                    metadata: chunk,
                    rows: expected.len(),
                    pages: Some(index.page_locations().clone()),
                });
                let runs = runs.unwrap();
                prop_assert_eq!(names(&runs), &expected[..]);
            }
            let twice = [&expected[..], &expected[..]].concat();
            let skipped = skipped.min(twice.len());
            let selection =
                vec![RowSelector::skip(skipped), RowSelector::select(twice.len() - skipped)].into();
            prop_assert_eq!(ids(file.try_clone().unwrap(), Some(selection)), &twice[skipped..]);
            prop_assert_eq!(ids(file, None), twice);
        }
    }

    #[test]
    fn one_station_and_the_most_that_a_width_holds_are_stored() {
        for count in [1, 2, 3, 255, 256, 257] {
            let stations = stations(&vec![64; count]);
            let expected = names(&stations);
            let twice = [&expected[..], &expected[..]].concat();
            assert_eq!(ids(file_of(&stations).unwrap(), None), twice, "{count} stations");
        }
    }

    #[test]
    fn short_series_and_long_ids_are_left_to_the_library() {
        assert!(file_of(&stations(&[63])).is_none());
        assert!(file_of(&stations(&[64, 64])).is_some());
        assert!(file_of(&stations(&[64, 63])).is_none());
        assert!(file_of(&[]).is_none());
        let long = StationRun { station_id: "x".repeat(65).into(), rows: 1000 };
        assert!(file_of(&[long]).is_none());
    }
}
