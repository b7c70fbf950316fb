//! From the path of a Parquet file to what its footer says.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};

use crate::guard::guarded;
use crate::layout::{STATION_ID, TIMESTAMP, column_info};
use crate::pages::{ObjectPages, PageFile};
use crate::read::find_files::Found;
use crate::{ColumnInfo, Error, Result};
use bytes::Bytes;
use isd_stores::{Object, ReadAhead};

/// The part of an object that is fetched for its footer: about what `isd-convert` writes behind the pages.
const TAIL_SHARE: u64 = 160;
const LEAST_TAIL: u64 = 8 << 10;
const MOST_TAIL: u64 = 64 << 10;

/// A Parquet file of a dataset: its footer has been read.
#[derive(Debug)]
pub(super) struct DataFile {
    pub(super) path: PathBuf,
    storage: Storage,
    /// The footer, by which the library reads all columns but the stations.
    pub(super) footer: ArrowReaderMetadata,
    /// The same footer with `station_id` as a dictionary: the library decodes its keys row by row, not its strings.
    pub(super) stations_footer: ArrowReaderMetadata,
    /// Why an object could not be read.
    failure: Mutex<Option<io::Error>>,
}

/// Where the bytes of a file are.
#[derive(Debug)]
enum Storage {
    File {
        /// The file, where it is kept open: what is read of it is of the file that the footer is of, whatever takes its name.
        file: Option<Arc<File>>,
        /// Its size and time of change, by which another one of its name is told from it.
        state: (u64, Option<SystemTime>),
    },
    Object {
        object: Object,
        /// The end of it, where that is kept: where it begins, and its bytes.
        tail: Option<(u64, Bytes)>,
    },
}

impl Storage {
    /// Opens a file to read its footer; `ahead` fetches the ends of objects. Errors: a file or an object that cannot be opened.
    fn open(found: &Found, ahead: &ReadAhead) -> io::Result<(Self, PageFile)> {
        match found {
            Found::File(path) => {
                let file = Arc::new(File::open(path)?);
                let state = state_of(&file)?;
                Ok((Self::File { file: Some(Arc::clone(&file)), state }, PageFile::File(file)))
            }
            Found::Object(entry) => {
                let object = Object::of(entry)?;
                let range = tail_of(&object);
                let tail = (range.start, ahead.fetch(&object, range)?);
                let pages = ObjectPages::new(object.clone(), Some(tail.clone()), Vec::new(), None);
                Ok((Self::Object { object, tail: Some(tail) }, PageFile::Object(Arc::new(pages))))
            }
        }
    }

    /// Lets go of what need not be kept to read the file.
    fn close(&mut self) {
        match self {
            Self::File { file, .. } => *file = None,
            Self::Object { tail, .. } => *tail = None,
        }
    }
}

/// The end of an object that its footer is likely to lie in. The footer, and what lies before it, grow with the file.
fn tail_of(object: &Object) -> Range<u64> {
    let bytes = (object.len() / TAIL_SHARE).clamp(LEAST_TAIL, MOST_TAIL);
    object.len().saturating_sub(bytes)..object.len()
}

/// What fetches the ends of objects, several at once, in the order in which they will be opened.
/// Errors: an object whose store cannot be opened.
pub(super) fn tails_of(found: &[Found]) -> Result<ReadAhead> {
    let tail = |found: &Found| match found {
        Found::File(_) => Ok(None),
        Found::Object(entry) => {
            let object = Object::of(entry).map_err(|error| Error::io(&entry.path, "cannot open", error))?;
            let range = tail_of(&object);
            Ok(Some((object, range)))
        }
    };
    let tails = found.iter().map(tail).collect::<Result<Vec<_>>>()?;
    Ok(ReadAhead::new(tails.into_iter().flatten().collect()))
}

impl DataFile {
    /// Reads the footer, of an object by `tails`; `keep_open` says whether the file stays open.
    /// Errors: a file that cannot be opened or is no Parquet, one with two columns of one name, one without the key columns,
    /// or whose stations are no strings.
    pub(super) fn open(found: &Found, tails: &ReadAhead, keep_open: bool) -> Result<Self> {
        let path = found.path().to_owned();
        let cannot_open = |source| Error::io(&path, "cannot open", source);
        let (mut storage, file) = Storage::open(found, tails).map_err(cannot_open)?;
        if !keep_open {
            storage.close();
        }
        // Where a page begins is needed to read single times; statistics of pages are not.
        let options = ArrowReaderOptions::new()
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_column_index_policy(PageIndexPolicy::Skip);
        // The library panics on types that it does not know.
        let footer = guarded(|| ArrowReaderMetadata::load(&file, options.clone()))
            .map_err(|error| not_parquet(&path, &error))?;
        let negative = |group: &&RowGroupMetaData| group.num_rows() < 0;
        if let Some(group) = footer.metadata().row_groups().iter().find(negative) {
            let found = format!("a row group of {} rows", group.num_rows());
            return Err(not_parquet(&path, &found));
        }
        let schema = footer.schema();
        let mut seen = HashSet::new();
        if let Some(twice) = schema.fields().iter().find(|field| !seen.insert(field.name())) {
            // Columns are read by name: the second would never be.
            let found = format!("holds two columns called {}", twice.name());
            return Err(Error::Format { path, found, hint: Some("give one of them another name".into()) });
        }
        for key in [STATION_ID, TIMESTAMP] {
            if schema.field_with_name(key).is_err() {
                return Err(Error::Column {
                    path: path.clone(),
                    column: key.into(),
                    found: format!("no such column; the file holds {}", names(schema)),
                    hint: Some("name a dataset that isd-convert wrote".into()),
                });
            }
        }
        let options = options.with_schema(as_dictionary(schema));
        let stations_footer =
            guarded(|| ArrowReaderMetadata::try_new(Arc::clone(footer.metadata()), options)).map_err(
                |_| Error::Column {
                    path: path.clone(),
                    column: STATION_ID.into(),
                    found: format!("expected strings, found {}", type_of(schema, STATION_ID)),
                    hint: None,
                },
            )?;
        Ok(Self { path, storage, footer, stations_footer, failure: Mutex::new(None) })
    }

    /// The file's pages. Of an object these ranges are fetched, by `ahead` if there is one.
    /// Errors: a file that cannot be opened, or another one of its name than that which the footer is of; an object whose
    /// ranges cannot be fetched.
    pub(super) fn pages(
        &self,
        ranges: impl FnOnce() -> Vec<Range<u64>>,
        ahead: Option<&Arc<ReadAhead>>,
    ) -> Result<PageFile> {
        let (file, state) = match &self.storage {
            Storage::File { file, state } => (file, state),
            Storage::Object { object, tail } => {
                let pages = ObjectPages::new(object.clone(), tail.clone(), ranges(), ahead.cloned());
                self.fetch(&pages)?;
                return Ok(PageFile::Object(Arc::new(pages)));
            }
        };
        if let Some(file) = file {
            return Ok(PageFile::File(Arc::clone(file)));
        }
        let cannot_open = |source| Error::io(&self.path, "cannot open", source);
        let file = File::open(&self.path).map_err(cannot_open)?;
        if state_of(&file).map_err(cannot_open)? != *state {
            return Err(Error::Format {
                path: self.path.clone(),
                found: "was replaced while it was read".into(),
                hint: Some("run again".into()),
            });
        }
        Ok(PageFile::File(Arc::new(file)))
    }

    /// Fetches what of an object will be read. A failure is final: what reads in another way must not wait for it again.
    fn fetch(&self, pages: &ObjectPages) -> Result<()> {
        let cannot_read = |source| Error::io(&self.path, "cannot read", source);
        let failure = || self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failed) = &*failure() {
            return Err(cannot_read(isd_stores::again(failed)));
        }
        pages.fetch().map_err(|error| {
            *failure() = Some(isd_stores::again(&error));
            cannot_read(error)
        })
    }

    /// The object that the file is; `None` of a local file.
    pub(super) fn object(&self) -> Option<&Object> {
        match &self.storage {
            Storage::Object { object, .. } => Some(object),
            Storage::File { .. } => None,
        }
    }

    /// Where what is kept of an object's end begins; its own end where nothing is kept.
    pub(super) fn tail_start(&self) -> u64 {
        match &self.storage {
            Storage::Object { tail: Some((start, _)), .. } => *start,
            Storage::Object { object, .. } => object.len(),
            Storage::File { .. } => 0,
        }
    }

    /// What the footer says of the file's columns and row groups.
    pub(super) fn metadata(&self) -> &ParquetMetaData {
        self.footer.metadata()
    }

    /// The columns of numbers, in the file's order.
    pub(super) fn value_columns(&self) -> Vec<ColumnInfo> {
        let fields = self.footer.schema().fields().iter();
        fields.filter(|field| field.data_type().is_numeric()).map(|field| column_info(field)).collect()
    }

    /// The number of a column among all that are not nested; `None` where there is none of that name.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.footer.parquet_schema().columns().iter().position(|column| column.path().parts() == [name])
    }

    /// The error for a column that the file does not have.
    pub(super) fn no_column(&self, name: &str) -> Error {
        self.column_error(name, format!("no such column; the file holds {}", names(self.footer.schema())))
    }

    /// The error for what was found in a column.
    pub(super) fn column_error(&self, column: &str, found: String) -> Error {
        Error::Column { path: self.path.clone(), column: column.into(), found, hint: None }
    }
}

/// How stations are decoded: each id once.
pub(super) fn station_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// A schema with the stations as [`station_type`], unless they are not marked as strings: those would be decoded as
/// something else than promised.
fn as_dictionary(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        if field.name() == STATION_ID && !matches!(field.data_type(), DataType::Binary) {
            Arc::new(Field::new(STATION_ID, station_type(), field.is_nullable()))
        } else {
            Arc::clone(field)
        }
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()).with_metadata(schema.metadata().clone()))
}

fn names(schema: &Schema) -> String {
    schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ")
}

fn type_of(schema: &Schema, column: &str) -> String {
    schema.field_with_name(column).map_or_else(|_| "none".into(), |field| field.data_type().to_string())
}

/// The error for a file that the library cannot read.
pub(super) fn not_parquet(path: &Path, error: &impl Display) -> Error {
    Error::Format {
        path: path.to_owned(),
        found: format!("cannot be read as Parquet: {error}"),
        hint: Some("convert the archive with isd-convert, again if this is its result".into()),
    }
}

/// Size of a file, and when it was modified, where that is known.
fn state_of(file: &File) -> io::Result<(u64, Option<SystemTime>)> {
    let metadata = file.metadata()?;
    Ok((metadata.len(), metadata.modified().ok()))
}
