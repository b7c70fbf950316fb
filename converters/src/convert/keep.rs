//! Which blocks of an existing dataset stay, and which rows: an archive and the journals of what is there in; blocks to keep,
//! files to read and rows to retain out.
//!
//! A block stays as it is unless a source file that has, or had, rows of it was written to. One that is written anew is made
//! of all files that can be read; rows of files that cannot be, or that are gone, are taken from the dataset that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use isd_dataset::block::BlockRecord;
use isd_dataset::layout::{block_directory, part_name, staged_part_name};
use isd_dataset::write::Target;

use super::before::Before;
use super::changes::FileChanges;
use super::journal::{FileRecord, Journal, Settings, SourceRecord};
use crate::archive::{Archive, FileReport};
use crate::series::{Region, Retained, Selected, SeriesReport};
use crate::{Error, Result};

/// How a dataset came about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Course {
    /// It was written from the start.
    Whole,
    /// It was written from the start: no run was found that had completed anything.
    NothingToResume,
    /// It was to be resumed, but is complete: nothing was written.
    Complete,
    /// Blocks that a killed run had completed were kept.
    Resumed,
    /// Blocks whose source files had not changed were kept.
    Updated,
    /// It was up to date, and nothing was written.
    Unchanged,
    /// It was written from the start, though it was to be updated or resumed.
    Rewritten {
        /// Why, as a clause: `it was written with other options`.
        why: String,
    },
}

/// What is known of the archive's files, and which blocks need not be written.
pub(super) struct Keep {
    /// The files of the archive.
    sources: Vec<SourceRecord>,
    /// For each of them what it holds; `None` where it was not read before or has changed since.
    pub(super) known: Vec<Option<FileRecord>>,
    /// For each of them whether the dataset that is updated holds just that.
    unchanged: Vec<bool>,
    /// The dataset that is updated.
    before: Option<Before>,
    /// Its blocks that may be kept.
    usable: BTreeMap<String, BlockRecord>,
    /// Blocks of files that are gone and whose rows are to go, too.
    pruned: BTreeSet<String>,
    /// What the dataset holds of files that cannot be read, or not to their ends, or are gone, by path.
    pub(super) lost: BTreeMap<String, FileRecord>,
    /// Those of them that are gone.
    pub(super) gone: Vec<PathBuf>,
    /// The run that is resumed: its incomplete dataset, and the blocks of it that may be kept.
    interrupted: Option<(PathBuf, Journal)>,
    pub(super) course: Course,
}

/// A block that stays as it is: its files are linked or copied.
pub(super) struct Kept {
    pub(super) record: BlockRecord,
    /// The dataset that it lies in, which is left as it is, and how its parts are called there.
    dataset: PathBuf,
    name: fn(usize) -> String,
}

impl Kept {
    /// Whether it lies in that dataset.
    pub(super) fn is_of(&self, dataset: &Path) -> bool {
        self.dataset == dataset
    }
}

impl Keep {
    /// Keeps nothing: all files are read, and all blocks written.
    pub(super) fn nothing(sources: Vec<SourceRecord>) -> Self {
        Self {
            known: vec![None; sources.len()],
            unchanged: vec![false; sources.len()],
            sources,
            before: None,
            usable: BTreeMap::new(),
            pruned: BTreeSet::new(),
            lost: BTreeMap::new(),
            gone: Vec::new(),
            interrupted: None,
            course: Course::Whole,
        }
    }

    /// Keeps the blocks of a dataset whose source files are as they were. Of files that are gone the rows stay, unless they
    /// are to be pruned.
    pub(super) fn update(
        sources: Vec<SourceRecord>,
        before: Before,
        settings: &Settings,
        prune: bool,
    ) -> Self {
        let mut keep = Self { course: Course::Updated, ..Self::nothing(sources) };
        let journal = &before.journal;
        for (index, source) in keep.sources.iter().enumerate() {
            let file = journal.files.get(&source.path).filter(|file| file.source.is_unchanged(source));
            keep.unchanged[index] = file.is_some();
            keep.known[index] = file.cloned();
            if let (Some(_), Some(file)) = (file, journal.retained.get(&source.path)) {
                // It was read, but not to its end.
                keep.lost.insert(source.path.clone(), file.clone());
            }
        }
        let named: BTreeSet<&str> = keep.sources.iter().map(|source| &*source.path).collect();
        for (path, file) in before.contributions.iter().filter(|(path, _)| !named.contains(&***path)) {
            keep.gone.push(path.into());
            if prune {
                keep.pruned.extend(file.blocks().into_keys());
            } else {
                keep.lost.insert(path.clone(), file.clone());
            }
        }
        if let Some(why) = settings.difference(&journal.settings) {
            keep.course = Course::Rewritten { why };
        } else {
            let blocks = journal.blocks.iter();
            let whole = blocks.filter(|(_, block)| block.is_whole(&before.directory, part_name));
            keep.usable = whole.map(|(name, block)| (name.clone(), block.clone())).collect();
        }
        keep.before = Some(before);
        keep
    }

    /// Keeps as well the blocks that a run that was killed had completed; where there are several such runs, those of the
    /// one with the most rows.
    pub(super) fn resume(&mut self, target: &Target, settings: &Settings) {
        let rows = |journal: &Journal| journal.blocks.values().map(|block| block.rows).sum::<u64>();
        let mut useless = None;
        let found = target.abandoned().filter_map(|dataset| {
            // Nothing can be kept of a run whose journal is absent or cannot be read.
            let mut journal = Journal::read(&dataset).ok()??;
            journal.blocks.retain(|_, block| block.is_whole(&dataset, staged_part_name));
            if journal.blocks.is_empty() {
                return None;
            }
            let differs = settings.difference(&journal.settings);
            match differs.or_else(|| source_difference(&self.sources, &journal.sources)) {
                None => Some((dataset, journal)),
                Some(why) => {
                    useless = Some(why);
                    None
                }
            }
        });
        let Some((dataset, journal)) = found.max_by_key(|(_, journal)| rows(journal)) else {
            if self.course == Course::Whole {
                self.course = useless.map_or(Course::NothingToResume, |why| Course::Rewritten {
                    why: format!("what the interrupted run had completed cannot be kept: {why}"),
                });
            }
            return;
        };
        for (known, source) in self.known.iter_mut().zip(&self.sources) {
            if known.is_none() {
                *known = journal.files.get(&source.path).cloned();
            }
        }
        self.interrupted = Some((dataset, journal));
        self.course = Course::Resumed;
    }

    /// Takes note of the files that are known to be unreadable before any is read.
    pub(super) fn note_failures(&mut self, archive: &Archive) {
        (0..self.sources.len())
            .filter(|&index| archive.is_left_out(index))
            .for_each(|index| self.lose(index));
    }

    /// Reads the files that are not known, to know their blocks, stations and times: as long as they may leave a block of the
    /// dataset as it is, or rows that would stay are at stake.
    ///
    /// # Errors
    /// What the archive reports.
    pub(super) fn read_new(&mut self, archive: &mut Archive, progress: &(dyn Fn(u64) + Sync)) -> Result<()> {
        // Where every block is written anyway, they are read then.
        while self.before.is_some()
            && (0..self.known.len()).any(|file| self.known[file].is_none() && !archive.is_left_out(file))
            && (!self.lost.is_empty() || !self.kept().is_empty())
        {
            let mut reader = archive.read(|file, _| self.known[file].is_none());
            let mut rows = 0;
            let damaged = loop {
                match reader.next_batch() {
                    Ok(Some(batch)) => {
                        rows += batch.rows() as u64;
                        progress(rows);
                    }
                    Ok(None) => break None,
                    Err(damaged) => break Some(damaged),
                }
            };
            let mut wanted: BTreeSet<usize> =
                (0..self.known.len()).filter(|&i| self.known[i].is_none()).collect();
            for report in reader.take_finished() {
                wanted.remove(&report.file);
                self.take(archive, &report);
            }
            let Some(damaged) = damaged else {
                for index in wanted {
                    self.lose(index);
                }
                break;
            };
            archive.skip(damaged.file, damaged.error)?;
            self.lose(damaged.file);
        }
        Ok(())
    }

    /// The blocks that stay.
    pub(super) fn kept(&self) -> BTreeMap<String, Kept> {
        let mut outdated = self.pruned.clone();
        for (index, source) in self.sources.iter().enumerate().filter(|(index, _)| !self.unchanged[*index]) {
            let known = self.known[index].as_ref();
            if known.is_some() || !self.lost.contains_key(&source.path) {
                outdated.extend(
                    known
                        .into_iter()
                        .chain(self.contribution(source))
                        .flat_map(|file| file.blocks().into_keys()),
                );
            }
        }
        let mut kept = BTreeMap::new();
        if let Some((dataset, journal)) = &self.interrupted {
            for (block, record) in &journal.blocks {
                let (record, dataset) = (record.clone(), dataset.clone());
                kept.insert(block.clone(), Kept { record, dataset, name: staged_part_name });
            }
        }
        if let Some(before) = &self.before {
            for (block, record) in self.usable.iter().filter(|(block, _)| !outdated.contains(*block)) {
                let (record, dataset) = (record.clone(), before.directory.clone());
                kept.insert(block.clone(), Kept { record, dataset, name: part_name });
            }
        }
        kept
    }

    fn contribution(&self, source: &SourceRecord) -> Option<&FileRecord> {
        self.before.as_ref()?.contributions.get(&source.path)
    }

    /// Takes note of a file that was read to its end.
    fn take(&mut self, archive: &Archive, report: &FileReport) {
        let record = FileRecord::new(self.sources[report.file].clone(), report);
        match self.contribution(&record.source).cloned() {
            // Members of it could not be read.
            Some(before) if archive.has_failed(report.file) && before.has_more_than(&record) => {
                self.lost.insert(before.source.path.clone(), before);
            }
            _ => drop(self.lost.remove(&record.source.path)),
        }
        self.known[report.file] = Some(record);
    }

    /// Takes a file as one that cannot be read: rows that the dataset holds of it stay.
    fn lose(&mut self, index: usize) {
        self.known[index] = None;
        if let Some(file) = self.contribution(&self.sources[index]).cloned() {
            self.lost.insert(file.source.path.clone(), file);
        }
    }

    /// Whether the dataset that is updated is what the update would make.
    pub(super) fn is_up_to_date(&self) -> bool {
        let kept = self.kept();
        let Some(Before { directory, journal, .. }) = &self.before else { return false };
        let known = || self.known.iter().flatten().map(|file| &file.source.path);
        self.known.iter().zip(&self.unchanged).all(|(known, unchanged)| known.is_none() || *unchanged)
            && known().collect::<BTreeSet<_>>().into_iter().eq(journal.files.keys())
            && self.lost.keys().eq(journal.retained.keys())
            && journal.blocks.keys().eq(kept.keys())
            && kept.values().all(|kept| kept.is_of(directory))
    }

    /// What has to be read: of the archive files that are not known, or hold rows of a block that is to be written; of the
    /// dataset that is updated rows of such a block whose files cannot be read.
    ///
    /// # Errors
    /// Rows that are to stay lie in a block of which a file is missing or damaged.
    pub(super) fn selected(&self, kept: &BTreeMap<String, Kept>) -> Result<Selected> {
        let needed = |file: &FileRecord| file.blocks().keys().any(|block| !kept.contains_key(block));
        let mut retained = Retained::default();
        if let Some(Before { directory, journal, .. }) = &self.before {
            let regions: Vec<Region> = self.lost.values().filter_map(FileRecord::region).collect();
            let mut blocks = BTreeSet::new();
            for file in self.lost.values() {
                for block in file.blocks().into_keys().filter(|block| !kept.contains_key(block)) {
                    if let Some(record) = journal.blocks.get(&block)
                        && blocks.insert(block)
                        && !record.is_whole(directory, part_name)
                    {
                        return Err(Error::Format {
                            path: directory.join(block_directory(&record.block)),
                            found: format!(
                                "is damaged, and the only place of rows of {}, which cannot be read",
                                file.source.path
                            ),
                            hint: Some("bring that file back, or leave its rows out with --overwrite".into()),
                        });
                    }
                }
            }
            let blocks = blocks.iter().filter_map(|block| journal.blocks.get(block)).cloned().collect();
            let changed = self.known.iter().zip(&self.unchanged).filter(|(_, unchanged)| !**unchanged);
            let changed = changed.filter_map(|(file, _)| file.as_ref()?.region());
            retained = Retained::new(directory.clone(), blocks, regions, changed);
        }
        Ok(Selected {
            files: self.known.iter().map(|file| file.as_ref().is_none_or(needed)).collect(),
            without: kept.keys().cloned().collect(),
            retained,
        })
    }

    /// Puts the blocks that are kept into the new dataset, and into its journal.
    ///
    /// # Errors
    /// A file that can neither be linked nor copied.
    pub(super) fn place(
        &self,
        kept: &BTreeMap<String, Kept>,
        staged: &Path,
        journal: &mut Journal,
    ) -> Result<()> {
        for file in self.known.iter().flatten() {
            journal.add_file(file.clone());
        }
        journal.retained.clone_from(&self.lost);
        journal.write(staged)?;
        for (block, kept) in kept {
            let directory = staged.join(block_directory(block));
            fs::create_dir(&directory)
                .map_err(|error| Error::io(&directory, "cannot create directory", error))?;
            for ((from, _), (to, _)) in kept.record.files(kept.name).zip(kept.record.files(staged_part_name))
            {
                share(&kept.dataset.join(from), &staged.join(to))?;
            }
            journal.append_block(staged, kept.record.clone())?;
        }
        Ok(())
    }

    /// Compares what was kept and retained with what is known of the files after a pass over them; says whether the pass
    /// was in vain, because other blocks are to be kept or other rows retained.
    ///
    /// A file may turn out to be unreadable, and a run that was killed may not have come to a file with more rows of a block
    /// that it thought complete, or may have retained other rows.
    pub(super) fn learn(&mut self, archive: &Archive, selected: &Selected, report: &SeriesReport) -> bool {
        let lost_before: BTreeSet<String> = self.lost.keys().cloned().collect();
        let mut unread: BTreeSet<usize> =
            (0..self.known.len()).filter(|&index| selected.files[index]).collect();
        for report in &report.files {
            unread.remove(&report.file);
            self.take(archive, report);
        }
        for index in unread {
            self.lose(index);
        }
        let mut in_vain = !self.lost.keys().eq(lost_before.iter());
        if let Some((_, journal)) = &mut self.interrupted {
            let mut rows: BTreeMap<String, u64> = BTreeMap::new();
            for (block, count) in self.known.iter().flatten().flat_map(FileRecord::blocks) {
                *rows.entry(block).or_default() += count;
            }
            let blocks = journal.blocks.len();
            let is_same = self.lost.keys().eq(journal.retained.keys());
            journal.blocks.retain(|block, record| is_same && rows.get(block) == Some(&record.source_rows()));
            in_vain |= journal.blocks.len() < blocks;
        }
        in_vain
    }

    /// What became of the archive's files.
    pub(super) fn file_changes(&self, archive: &Archive) -> FileChanges {
        let mut changes = FileChanges { gone: self.gone.len() as u64, ..FileChanges::default() };
        for (index, source) in self.sources.iter().enumerate() {
            let count = if archive.has_failed(index) {
                &mut changes.unreadable
            } else if self.unchanged[index] {
                &mut changes.unchanged
            } else if self.contribution(source).is_some() {
                &mut changes.changed
            } else {
                &mut changes.new
            };
            *count += 1;
        }
        changes
    }

    /// The dataset that is updated: its directory and its blocks.
    pub(super) fn before(&self) -> Option<(&Path, &BTreeMap<String, BlockRecord>)> {
        self.before.as_ref().map(|before| (&*before.directory, &before.journal.blocks))
    }
}

/// How the files of an archive differ from those of a run that was killed; `None` where they do not.
pub(super) fn source_difference(sources: &[SourceRecord], before: &[SourceRecord]) -> Option<String> {
    let mut old: BTreeMap<&str, &SourceRecord> =
        before.iter().map(|source| (source.path.as_str(), source)).collect();
    for source in sources {
        match old.remove(source.path.as_str()) {
            None => return Some(format!("{} is new since", source.path)),
            Some(old) if !source.is_unchanged(old) => {
                return Some(format!("{} has changed since", source.path));
            }
            Some(_) => {}
        }
    }
    if let Some(path) = old.keys().next() {
        return Some(format!("{path} is gone since"));
    }
    let same_order = sources.iter().map(|source| &source.path).eq(before.iter().map(|source| &source.path));
    (!same_order).then(|| "the source files come in another order".to_owned())
}

/// Gives a file a second name, or copies it where it cannot have one.
fn share(from: &Path, to: &Path) -> Result<()> {
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)
        .and_then(|_| fs::File::open(to)?.sync_all())
        .map_err(|error| Error::io(to, "cannot write", error))
}
