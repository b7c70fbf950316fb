//! Tables that Python code holds: Arrow and Parquet files in, and what Python asks of a table out.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use arrow::array::{RecordBatch, RecordBatchReader as _};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi_stream::ArrowArrayStreamReader;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use bytes::Bytes;
use isd::output::write_table;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::capsules::{schema_capsule, stream_capsule, stream_of, table_capsule, table_of};

/// Record batches of one schema. A clone shares them.
#[derive(Debug, Clone)]
pub struct Table {
    /// The schema.
    pub schema: SchemaRef,
    /// The batches.
    pub batches: Vec<RecordBatch>,
}

impl Table {
    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// An Arrow file of the table.
    fn to_ipc(&self) -> Result<Vec<u8>, ArrowError> {
        let mut writer = FileWriter::try_new(Vec::new(), &self.schema)?;
        for batch in &self.batches {
            writer.write(batch)?;
        }
        writer.into_inner()
    }

    fn from_ipc(file: &[u8]) -> Result<Self, ArrowError> {
        let reader = FileReader::try_new(Cursor::new(file), None)?;
        let schema = reader.schema();
        Ok(Self { schema, batches: reader.collect::<Result<_, _>>()? })
    }

    fn from_parquet(file: &[u8]) -> Result<Self, ParquetError> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(file))?;
        let schema = reader.schema().clone();
        Ok(Self { schema, batches: reader.build()?.collect::<Result<_, _>>()? })
    }

    /// The first rows as aligned text, with a header.
    fn text(&self, rows: usize) -> Result<String, ArrowError> {
        let mut left = rows;
        let first = self.batches.iter().map(|batch| {
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            batch
        });
        let first: Vec<RecordBatch> = first.collect();
        let mut text = Vec::new();
        write_table(&mut text, &self.schema, first.iter().cloned().map(Ok))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Writes a stream of batches to an Arrow file, batch by batch.
fn write_ipc(batches: ArrowArrayStreamReader, path: &Path) -> Result<(), ArrowError> {
    let mut writer = FileWriter::try_new_buffered(File::create(path)?, &batches.schema())?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.finish()
}

/// Adds the functions on tables to the module.
///
/// # Errors
/// None that is known.
pub fn fill(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let failed = |error: ArrowError| PyValueError::new_err(format!("cannot read the table: {error}"));
    crate::add(module, c"stream", |arguments| {
        let (table,) = arguments.extract::<(Bound<'_, PyAny>,)>()?;
        Ok(stream_capsule(arguments.py(), &table_of(&table)?)?.unbind())
    })?;
    crate::add(module, c"schema", |arguments| {
        let (table,) = arguments.extract::<(Bound<'_, PyAny>,)>()?;
        Ok(schema_capsule(arguments.py(), &table_of(&table)?.schema)?.unbind())
    })?;
    crate::add(module, c"shape", |arguments| {
        let (table,) = arguments.extract::<(Bound<'_, PyAny>,)>()?;
        let table = table_of(&table)?;
        let names: Vec<String> = table.schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok((table.rows(), names))
    })?;
    crate::add(module, c"text", move |arguments| {
        let (table, rows) = arguments.extract::<(Bound<'_, PyAny>, usize)>()?;
        table_of(&table)?.text(rows).map_err(failed)
    })?;
    crate::add(module, c"to_ipc", move |arguments| {
        let (table,) = arguments.extract::<(Bound<'_, PyAny>,)>()?;
        let file = table_of(&table)?.to_ipc().map_err(failed)?;
        Ok(PyBytes::new(arguments.py(), &file).unbind())
    })?;
    crate::add(module, c"write_ipc", |arguments| {
        let (table, path) = arguments.extract::<(Bound<'_, PyAny>, PathBuf)>()?;
        let reader = stream_of(&table)?;
        let written = arguments.py().detach(|| write_ipc(reader, &path));
        written.map_err(|error| PyValueError::new_err(format!("cannot write {}: {error}", path.display())))
    })?;
    crate::add(module, c"from_parquet", |arguments| {
        let (file,) = arguments.extract::<(Bound<'_, PyBytes>,)>()?;
        let table = Table::from_parquet(file.as_bytes());
        let table = table.map_err(|error| PyValueError::new_err(format!("cannot read the part: {error}")))?;
        Ok(table_capsule(arguments.py(), table)?.unbind())
    })?;
    crate::add(module, c"from_ipc", move |arguments| {
        let (file,) = arguments.extract::<(Bound<'_, PyBytes>,)>()?;
        let table = Table::from_ipc(file.as_bytes()).map_err(failed)?;
        Ok(table_capsule(arguments.py(), table)?.unbind())
    })
}
