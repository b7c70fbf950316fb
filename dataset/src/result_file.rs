//! The tables that the tools write, read again: a Parquet, CSV or Arrow file in, some of its columns out, batch by batch.

use std::fs::File;
use std::io::Seek;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::ConvertedType;

use crate::guard::guarded;
use crate::{Error, Result, storage};

/// Rows of a Parquet file that are read at a time.
const BATCH_ROWS: usize = 65_536;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// Hands the batches of a file to `take`, of Parquet with the `columns` alone; of CSV all columns are texts. The extension names
/// the type: `.parquet`, `.csv` or `.arrow`.
///
/// # Errors
/// A file that cannot be opened, what `take` returns, and what `broken` makes of the reason why a file cannot be read.
pub fn read(
    path: &Path,
    columns: &[&str],
    broken: impl Fn(String) -> Error,
    mut take: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let local = storage::local(path).map_err(|source| Error::io(path, "cannot open", source))?;
    let file = File::open(&local).map_err(|source| Error::io(path, "cannot open", source))?;
    let mut batches: Batches = match path.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => {
            let reader = guarded(|| {
                let builder = with_dictionaries(file)?;
                let needed = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
                builder.with_projection(needed).with_batch_size(BATCH_ROWS).build()
            });
            Box::new(reader.map_err(&broken)?)
        }
        Some("arrow") => Box::new(guarded(|| FileReader::try_new(file, None)).map_err(&broken)?),
        Some("csv") => csv_batches(file).map_err(|error| broken(error.to_string()))?,
        _ => return Err(broken("its name does not end in .parquet, .csv or .arrow".to_owned())),
    };
    // A damaged page may have the library panic.
    while let Some(batch) = guarded(|| batches.next().transpose()).map_err(&broken)? {
        take(&batch)?;
    }
    Ok(())
}

/// A reader of a Parquet file whose columns of texts are given as dictionaries: stations and names are said many times over.
fn with_dictionaries(file: File) -> parquet::errors::Result<ParquetRecordBatchReaderBuilder<File>> {
    let found = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    // Texts of other kinds, such as JSON, cannot be given so.
    let is_text = |name: &str| {
        let column = found.parquet_schema().columns().iter().find(|column| column.path().parts() == [name]);
        column.is_some_and(|column| column.converted_type() == ConvertedType::UTF8)
    };
    let fields = found.schema().fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 if is_text(field.name()) => Field::clone(field).with_data_type(texts()),
        _ => Field::clone(field),
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options)?;
    Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata))
}

/// The type of a column that says few texts many times.
#[must_use]
pub fn texts() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// A column as an array of `kind`. An empty text is a missing number; a text that is no number or time is an error.
///
/// # Errors
/// Values that cannot become such.
pub fn cast(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef, ArrowError> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let unpacked = match column.data_type() {
        DataType::Dictionary(_, values) if kind.is_numeric() => {
            Some(cast_with_options(column, values, &options)?)
        }
        _ => None,
    };
    let column = unpacked.as_ref().unwrap_or(column);
    match column.as_string_opt::<i32>().filter(|_| kind.is_numeric()) {
        Some(texts) => {
            let filled: StringArray = texts.iter().map(|text| text.filter(|text| !text.is_empty())).collect();
            cast_with_options(&filled, kind, &options)
        }
        None => cast_with_options(column, kind, &options),
    }
}

/// The batches of a CSV file, all of whose columns are texts. Errors: a file that is no CSV.
fn csv_batches(mut file: File) -> Result<Batches, ArrowError> {
    let format = csv::reader::Format::default().with_header(true);
    let (schema, _) = format.infer_schema(&file, Some(1))?;
    file.rewind()?;
    let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
    let schema = Arc::new(Schema::new(schema.fields().iter().map(text).collect::<Vec<_>>()));
    Ok(Box::new(csv::ReaderBuilder::new(schema).with_format(format).build(file)?))
}

#[cfg(test)]
mod tests {
    use parquet::data_type::ByteArrayType;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    #[test]
    fn texts_of_any_kind_are_read() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("flags.parquet");
        let kinds = ["UTF8", "JSON", "ENUM"];
        for kind in kinds {
            let message = format!("message schema {{ REQUIRED BYTE_ARRAY verdict ({kind}); }}");
            let properties = Arc::new(WriterProperties::builder().set_dictionary_enabled(true).build());
            let schema = Arc::new(parse_message_type(&message)?);
            let mut writer = SerializedFileWriter::new(File::create(&path)?, schema, properties)?;
            let mut rows = writer.next_row_group()?;
            let mut column = rows.next_column()?.ok_or("no column")?;
            let values = ["bad", "good", "bad"].map(Into::into);
            column.typed::<ByteArrayType>().write_batch(&values, None, None)?;
            column.close()?;
            rows.close()?;
            writer.close()?;
            let mut found = Vec::new();
            let broken = |found: String| Error::internal(format!("{kind}: {found}"));
            read(&path, &["verdict"], broken, |batch| {
                let column = batch.column_by_name("verdict").ok_or_else(|| broken("no verdict".into()))?;
                let read = cast(column, &DataType::Utf8).map_err(|error| broken(error.to_string()))?;
                found.extend(read.as_string::<i32>().iter().flatten().map(str::to_owned));
                Ok(())
            })?;
            assert_eq!(found, ["bad", "good", "bad"], "{kind}");
        }
        Ok(())
    }
}
