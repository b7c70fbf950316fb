//! The stations of a row group in, the pages of its station column out: what is known as a run is stored as one.
//!
//! The Parquet library takes a row at a time, looks its station up in a dictionary and counts how often it repeats; of a
//! million rows of a few stations all of that is known beforehand.

use parquet::basic::{BoundaryOrder, Encoding, Type, ZstdLevel};
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::StationRun;
use crate::pages::column_pages::{
    Body, ColumnPages, DataPage, Parts, append_run, column_pages, compressor, index_width,
};

/// Rows a station must have on average, which make the dictionary a quarter of a byte a row before it is compressed. Of
/// more and shorter series the library stores the ids better.
const LEAST_ROWS: usize = 64;
/// Statistics of longer ids would have to be cut.
const LONGEST_ID: usize = 64;

/// Encodes the stations of a row group, in ascending order, in data pages of `page_rows` rows; `None` where the library
/// should do it: of short series, long ids, or a column that is not one of strings of which none is missing.
///
/// # Errors
/// None but what the library would not accept of a column's metadata.
pub(crate) fn station_pages(
    stations: &[StationRun],
    column: &ColumnDescPtr,
    level: ZstdLevel,
    page_rows: usize,
) -> Result<Option<ColumnPages>> {
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
    let parts = Parts {
        column,
        level,
        dictionary: Some((Body::new(&dictionary(stations), &mut compressor)?, stations.len())),
        encoding: Encoding::RLE_DICTIONARY,
        pages: Pages::new(stations, page_rows)
            .map(|page| page.encoded(&mut compressor))
            .collect::<Result<_>>()?,
        order: BoundaryOrder::ASCENDING,
        statistics: Statistics::from(statistics),
    };
    column_pages(parts).map(Some)
}

/// The ids, each behind its length.
fn dictionary(stations: &[StationRun]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for run in stations {
        bytes.extend((run.station_id.len() as u32).to_le_bytes());
        bytes.extend(run.station_id.bytes());
    }
    bytes
}

/// Rows of a data page.
struct Page<'a> {
    /// Width of an index in bits, then the runs.
    indices: Vec<u8>,
    rows: usize,
    /// Bytes of all its ids.
    text_bytes: usize,
    first: &'a str,
    last: &'a str,
}

impl Page<'_> {
    fn encoded(self, compressor: &mut Compressor<'_>) -> Result<DataPage> {
        Ok(DataPage {
            body: Body::new(&self.indices, compressor)?,
            rows: self.rows,
            nulls: 0,
            bounds: Some((self.first.as_bytes().to_vec(), self.last.as_bytes().to_vec())),
            text_bytes: Some(self.text_bytes),
        })
    }
}

/// Cuts runs into pages.
struct Pages<'a> {
    stations: &'a [StationRun],
    page_rows: usize,
    /// Bits of an index.
    width: u32,
    /// The station that comes next, and how many of its rows are in pages.
    station: usize,
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

    use super::super::station_runs::stored_runs;
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
            let ColumnPages { bytes, close } =
                station_pages(stations, &column, ZstdLevel::default(), PAGE_ROWS).unwrap()?;
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
                let runs = stored_runs(
                    file.try_clone().unwrap(),
                    chunk,
                    expected.len(),
                    Some(index.page_locations().clone()),
                );
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
