//! The sink of a conversion: row groups in, complete blocks and their lines in the journal out.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;

use isd_dataset::block::BlockRecord;
use isd_dataset::layout::block_directory;
use isd_dataset::selection::Selection;
use isd_dataset::series_group::SeriesGroup;
use isd_dataset::write::DatasetWriter;

use super::journal::{FileRecord, Journal};
use crate::archive::FileReport;
use crate::series::{Retained, Sink};
use crate::{Error, Result};

/// Writes blocks into a dataset that may hold some already.
pub(super) struct DatasetSink<'a> {
    directory: PathBuf,
    schema: SchemaRef,
    writer: DatasetWriter,
    journal: Journal,
    /// The journal as it was when nothing was written yet.
    before: Journal,
    /// Rows among those taken that were read of an earlier dataset.
    retained: &'a Retained,
    /// Which stations and times are written.
    selection: &'a Selection,
}

impl<'a> DatasetSink<'a> {
    /// Goes on with the dataset in `directory`, whose journal on disk is `journal`.
    pub(super) fn new(
        directory: &Path,
        schema: SchemaRef,
        journal: Journal,
        retained: &'a Retained,
        selection: &'a Selection,
    ) -> Result<Self> {
        Ok(Self {
            retained,
            selection,
            writer: DatasetWriter::staged(directory, schema.clone())?,
            directory: directory.to_owned(),
            schema,
            before: journal.clone(),
            journal,
        })
    }

    /// Completes the last block.
    pub(super) fn finish(mut self) -> Result<Journal> {
        let writer =
            std::mem::replace(&mut self.writer, DatasetWriter::staged(&self.directory, self.schema.clone())?);
        let last = writer.finish()?;
        self.complete(last)?;
        Ok(self.journal)
    }

    fn complete(&mut self, block: Option<BlockRecord>) -> Result<()> {
        let Some(block) = block else { return Ok(()) };
        let block = BlockRecord { retained: self.retained.count(&block.block), ..block };
        self.journal.append_block(&self.directory, block)
    }
}

impl Sink for DatasetSink<'_> {
    fn take(&mut self, group: SeriesGroup) -> Result<()> {
        let Some(group) = self.selection.rows_of(group) else { return Ok(()) };
        let complete = self.writer.write(&group)?;
        self.complete(complete)
    }

    fn files_read(&mut self, files: &[FileReport]) -> Result<()> {
        for report in files {
            let record = FileRecord::new(self.before.sources[report.file].clone(), report);
            self.journal.append_file(&self.directory, record)?;
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<()> {
        self.journal = self.before.clone();
        self.journal.write(&self.directory)?;
        self.writer = DatasetWriter::staged(&self.directory, self.schema.clone())?;
        remove_other_blocks(&self.directory, &self.journal)
    }
}

/// Removes the blocks that are not in the journal.
pub(super) fn remove_other_blocks(dataset: &Path, journal: &Journal) -> Result<()> {
    let cannot_list = |error| Error::io(dataset, "cannot list the directory", error);
    for entry in fs::read_dir(dataset).map_err(cannot_list)? {
        let path = entry.map_err(cannot_list)?.path();
        let kept = journal.blocks.keys().any(|block| path.ends_with(block_directory(block)));
        if path.is_dir() && !kept {
            fs::remove_dir_all(&path).map_err(|error| Error::io(&path, "cannot remove", error))?;
        }
    }
    Ok(())
}
