//! The dataset's writer: from row groups of whole stations to Parquet files, in a directory that appears once complete.
//!
//! [`Target`] is the directory, [`DatasetWriter`] what writes the files of its blocks into it.

mod abandoned;
mod attributes;
mod columns;
mod part;
mod place;
mod publish;
mod replaced;
mod version;

use std::fs;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use parquet::file::properties::WriterProperties;

use crate::block::BlockRecord;
use crate::layout::{FILE_ROW_GROUPS, block_directory, part_name, staged_part_name};
use crate::series_group::SeriesGroup;
use crate::write::part::{Part, properties};
use crate::{Error, Result};

pub use publish::Target;
pub use replaced::Replaceable;

/// Writes row groups in order, one file a block until that is full.
pub struct DatasetWriter {
    directory: PathBuf,
    schema: SchemaRef,
    properties: WriterProperties,
    part_name: fn(usize) -> String,
    open: Option<OpenBlock>,
}

/// The block that is being written.
struct OpenBlock {
    record: BlockRecord,
    part: Part,
}

impl DatasetWriter {
    /// Prepares to write files of that schema, see [`schema`](crate::layout::schema), into an existing directory.
    ///
    /// # Errors
    /// The Parquet library does not accept its properties, which are constants.
    pub fn new(directory: &Path, schema: SchemaRef) -> Result<Self> {
        let properties = properties(directory)?;
        Ok(Self { directory: directory.to_owned(), schema, properties, part_name, open: None })
    }

    /// Prepares to write files into the directory of a [`Target`], under names that no reader takes for a part: publishing
    /// gives them their final names.
    ///
    /// # Errors
    /// Those of [`DatasetWriter::new`].
    pub fn staged(target: &Path, schema: SchemaRef) -> Result<Self> {
        Ok(Self { part_name: staged_part_name, ..Self::new(target, schema)? })
    }

    /// Encodes the columns of a row group in parallel and appends it to its block. Where it is the first of a block, the
    /// block before is completed and its record returned. A block's row groups come one after the other.
    ///
    /// # Errors
    /// A file that cannot be created or written, a block that was completed before, or a value that does not fit into
    /// float32.
    pub fn write(&mut self, group: &SeriesGroup) -> Result<Option<BlockRecord>> {
        let mut before = None;
        let mut open = match self.open.take() {
            Some(open) if open.record.block == group.block => open,
            other => {
                before = other.map(OpenBlock::finish).transpose()?;
                let directory = self.directory.join(block_directory(&group.block));
                fs::create_dir(&directory)
                    .map_err(|error| Error::io(&directory, "cannot create directory", error))?;
                let record = BlockRecord { block: group.block.clone(), ..BlockRecord::default() };
                OpenBlock { part: self.part(&record)?, record }
            }
        };
        if open.part.row_groups() >= FILE_ROW_GROUPS {
            open.record.parts.push(open.part.finish()?);
            open.part = self.part(&open.record)?;
        }
        let nulls = open.part.append(group, &self.schema)?;
        open.record.add(group, &nulls);
        self.open = Some(open);
        Ok(before)
    }

    /// Completes the last block and returns its record; `None` where nothing was written.
    ///
    /// # Errors
    /// A file that cannot be written to its end.
    pub fn finish(self) -> Result<Option<BlockRecord>> {
        self.open.map(OpenBlock::finish).transpose()
    }

    /// Creates the next file of a block.
    fn part(&self, record: &BlockRecord) -> Result<Part> {
        let directory = self.directory.join(block_directory(&record.block));
        Part::create(directory.join((self.part_name)(record.parts.len())), &self.schema, &self.properties)
    }
}

impl OpenBlock {
    fn finish(mut self) -> Result<BlockRecord> {
        self.record.parts.push(self.part.finish()?);
        Ok(self.record)
    }
}
