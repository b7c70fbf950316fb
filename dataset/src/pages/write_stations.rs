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
/// `None` where the library should do it: no rows, short series, long ids, or a column that is not one of strings in
/// which every row has a value.
/// Errors: a level that zstd does not have, or what the library would not accept of a column's metadata.
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
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::ArrowSchemaConverter;

    use super::*;

    #[test]
    fn short_series_and_long_ids_are_left_to_the_library() {
        let schema = Schema::new(vec![Field::new("station_id", DataType::Utf8, false)]);
        let column = ArrowSchemaConverter::new().convert(&schema).unwrap().column(0);
        let is_left = |stations: &[(&str, usize)]| {
            let run = |&(id, rows): &(&str, usize)| StationRun { station_id: id.into(), rows };
            let stations: Vec<StationRun> = stations.iter().map(run).collect();
            write_stations(&stations, &column, ZstdLevel::default(), 2048).unwrap().is_none()
        };
        assert!(is_left(&[("a", 63)]));
        assert!(!is_left(&[("a", 64), ("b", 64)]));
        assert!(is_left(&[("a", 64), ("b", 63)]));
        assert!(is_left(&[]));
        assert!(is_left(&[(&"x".repeat(65), 1000)]));
    }
}
