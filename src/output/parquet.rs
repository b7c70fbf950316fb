//! The Parquet of outliers: record batches in, a file's bytes out.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use isd_dataset::layout::TIMESTAMP;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use rayon::prelude::*;

use crate::plan::table::ZSCORE;

/// Rows of a row group: few enough that a reader skips the row groups of other stations, and reads several at a time.
const ROW_GROUP_ROWS: usize = 1 << 17;

/// Writes the table to `out`. Its columns must be flat, as those of the outliers table are.
/// Errors: a batch that is an error, or `out` fails.
pub(super) fn write_parquet(
    out: impl Write + Send,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
    metadata: &[(String, String)],
) -> Result<(), ParquetError> {
    // Some readers look for it in the schema, some beside it.
    let with_metadata = Schema::clone(schema).with_metadata(metadata.iter().cloned().collect());
    let writer = ArrowWriter::try_new(out, Arc::new(with_metadata), Some(properties(metadata)))?;
    let (mut file, factory) = writer.into_serialized_writer()?;
    let mut append = |chunks: Vec<ArrowColumnChunk>| {
        let mut group = file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut group)?;
        }
        group.close().map(|_| ())
    };
    let mut encoded = None;
    for (index, rows) in row_groups(batches).enumerate() {
        let rows = rows?;
        // The row group before this one is written meanwhile.
        let (written, chunks) = rayon::join(
            || encoded.take().map_or(Ok(()), &mut append),
            || encode(factory.create_column_writers(index)?, schema, &rows),
        );
        written?;
        encoded = Some(chunks?);
    }
    encoded.map_or(Ok(()), append)?;
    file.close()?;
    Ok(())
}

/// Encodes the columns of a row group, in parallel.
fn encode(
    writers: Vec<ArrowColumnWriter>,
    schema: &SchemaRef,
    rows: &[RecordBatch],
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    let columns = writers.into_par_iter().zip(schema.fields().par_iter()).enumerate().with_max_len(1);
    let chunks = columns.map(|(index, (mut writer, field))| {
        for batch in rows {
            for leaf in &compute_leaves(field, batch.column(index))? {
                writer.write(leaf)?;
            }
        }
        writer.close()
    });
    chunks.collect()
}

fn properties(metadata: &[(String, String)]) -> WriterProperties {
    let pairs = metadata.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
    let timestamp = || ColumnPath::from(TIMESTAMP);
    // The z-scores are nearly all different: a dictionary of them takes longer to write, and no less space.
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(pairs))
        .set_column_dictionary_enabled(timestamp(), false)
        .set_column_encoding(timestamp(), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(ZSCORE.into(), false)
        .build()
}

/// Cuts and gathers the batches to row groups of [`ROW_GROUP_ROWS`] rows; the last one has fewer.
fn row_groups(
    mut batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> impl Iterator<Item = Result<Vec<RecordBatch>, ArrowError>> {
    let mut rest: Option<RecordBatch> = None;
    std::iter::from_fn(move || {
        let (mut group, mut missing) = (Vec::new(), ROW_GROUP_ROWS);
        while missing > 0 {
            let batch = match rest.take().map(Ok).or_else(|| batches.next()) {
                Some(Ok(batch)) => batch,
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            };
            let rows = missing.min(batch.num_rows());
            if rows < batch.num_rows() {
                rest = Some(batch.slice(rows, batch.num_rows() - rows));
            }
            if rows > 0 {
                group.push(batch.slice(0, rows));
                missing -= rows;
            }
        }
        (!group.is_empty()).then_some(Ok(group))
    })
}
