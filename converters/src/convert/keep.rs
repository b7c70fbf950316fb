//! Which blocks of an existing dataset stay: an archive and the journals of what is there in, blocks to keep out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use isd_dataset::block::BlockRecord;
use isd_dataset::layout::block_directory;
use isd_dataset::write::Target;

use super::journal::{FileRecord, JOURNAL, Journal, Settings, SourceRecord};
use crate::archive::Archive;
use crate::series::Selected;
use crate::{Error, Result};

/// How a dataset came about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Course {
    /// It was written from the start.
    Whole,
    /// It was written from the start: no run was found that had completed anything.
    NothingToResume,
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
    /// For each file of the archive what it holds; `None` where it was not read before or has changed since.
    pub(super) known: Vec<Option<FileRecord>>,
    /// Blocks that stay, by name.
    pub(super) kept: BTreeMap<String, Kept>,
    pub(super) course: Course,
    /// Blocks of the dataset that is updated.
    pub(super) before: Vec<String>,
}

/// A block that stays as it is: its files are linked or copied.
pub(super) struct Kept {
    pub(super) record: BlockRecord,
    /// The dataset that it lies in, which is left as it is.
    dataset: PathBuf,
}

impl Keep {
    /// Keeps nothing: all files are read, and all blocks written.
    pub(super) fn nothing(files: usize, course: Course) -> Self {
        Self { known: vec![None; files], kept: BTreeMap::new(), course, before: Vec::new() }
    }

    /// Keeps the blocks of the dataset at `target` whose source files are as they were. New files are read, to know
    /// their blocks.
    ///
    /// # Errors
    /// A dataset without a journal, or one that cannot be read; a file that the dataset was made of and that is not
    /// among the sources, though it is there; what the archive reports.
    pub(super) fn update(
        archive: &mut Archive,
        target: &Target,
        sources: &[SourceRecord],
        settings: &Settings,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Self> {
        let Some(dataset) = target.previous() else {
            return Ok(Self::nothing(sources.len(), Course::Whole));
        };
        let journal = Journal::read(dataset)?.ok_or_else(|| Error::Format {
            path: dataset.to_owned(),
            found: format!("cannot be updated: it holds no {JOURNAL}, which says where its rows come from"),
            hint: Some("convert the archive once with --overwrite; that dataset can be updated".into()),
        })?;
        check_complete(archive, dataset, sources, &journal)?;
        if let Some(why) = settings.difference(&journal.settings) {
            return Ok(Self::nothing(sources.len(), Course::Rewritten { why }));
        }
        let known = |source: &SourceRecord| {
            let file = journal.files.get(&source.path)?;
            file.source.is_unchanged(source).then(|| file.clone())
        };
        let mut keep = Self {
            known: sources.iter().map(known).collect(),
            kept: BTreeMap::new(),
            course: Course::Updated,
            before: journal.blocks.keys().cloned().collect(),
        };
        let unchanged: BTreeSet<&str> =
            keep.known.iter().flatten().map(|file| file.source.path.as_str()).collect();
        let gone = journal.files.values().filter(|file| !unchanged.contains(&*file.source.path));
        let outdated: BTreeSet<String> = gone.flat_map(|file| file.blocks.keys().cloned()).collect();
        let all_known = unchanged.len() == journal.files.len();
        let blocks = journal.blocks.len();
        for (block, record) in journal.blocks {
            if !outdated.contains(&block) && record.is_whole(dataset) {
                keep.kept.insert(block, Kept { record, dataset: dataset.to_owned() });
            }
        }
        let new = keep.read_new(archive, sources, progress)?;
        if all_known && !new && keep.kept.len() == blocks {
            keep.course = Course::Unchanged;
        }
        Ok(keep)
    }

    /// Reads the files that are not known, and no longer keeps the blocks that they hold rows of; says whether there
    /// were any that could be read.
    fn read_new(
        &mut self,
        archive: &mut Archive,
        sources: &[SourceRecord],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<bool> {
        let mut new = false;
        // Where every block is written anyway, they are read then.
        while !self.kept.is_empty() && self.known.contains(&None) {
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
            for report in reader.take_finished() {
                self.kept.retain(|block, _| !report.blocks.contains_key(block));
                self.known[report.file] = Some(FileRecord::new(sources[report.file].clone(), &report));
                new = true;
            }
            match damaged {
                Some(damaged) => archive.skip(damaged.file, damaged.error)?,
                None => break,
            }
        }
        Ok(new)
    }

    /// Keeps as well the blocks that a run that was killed had completed; where there are several such runs, those of the
    /// one with the most rows.
    pub(super) fn resume(&mut self, target: &Target, sources: &[SourceRecord], settings: &Settings) {
        let rows = |journal: &Journal| journal.blocks.values().map(|block| block.rows).sum::<u64>();
        let mut useless = None;
        let found = target.abandoned().filter_map(|dataset| {
            // Nothing can be kept of a run whose journal is absent or cannot be read.
            let mut journal = Journal::read(&dataset).ok()??;
            journal.blocks.retain(|_, block| block.is_whole(&dataset));
            if journal.blocks.is_empty() {
                return None;
            }
            let differs = settings.difference(&journal.settings);
            match differs.or_else(|| source_difference(sources, &journal.sources)) {
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
        for (known, source) in self.known.iter_mut().zip(sources) {
            if known.is_none() {
                *known = journal.files.get(&source.path).cloned();
            }
        }
        for (block, record) in journal.blocks {
            self.kept.insert(block, Kept { record, dataset: dataset.clone() });
        }
        self.course = Course::Resumed;
    }

    /// What has to be read of the archive: files that are not known, or hold rows of a block that is to be written.
    pub(super) fn selected(&self) -> Selected {
        let needed = |file: &FileRecord| file.blocks.keys().any(|block| !self.kept.contains_key(block));
        Selected {
            files: self.known.iter().map(|file| file.as_ref().is_none_or(needed)).collect(),
            without: self.kept.keys().cloned().collect(),
        }
    }

    /// Puts the blocks that are kept into the new dataset, and into its journal.
    ///
    /// # Errors
    /// A file that can neither be linked nor copied.
    pub(super) fn place(&self, staged: &Path, journal: &mut Journal) -> Result<()> {
        for file in self.known.iter().flatten() {
            journal.add_file(file.clone());
        }
        journal.write(staged)?;
        for (block, kept) in &self.kept {
            let directory = staged.join(block_directory(block));
            fs::create_dir(&directory)
                .map_err(|error| Error::io(&directory, "cannot create directory", error))?;
            for (path, _) in kept.record.files() {
                share(&kept.dataset.join(&path), &staged.join(&path))?;
            }
            journal.append_block(staged, kept.record.clone())?;
        }
        Ok(())
    }

    /// Compares the blocks that were kept with what is known of the files after a pass over them, and no longer keeps
    /// those that hold other rows; says whether there were any.
    ///
    /// A run that was killed may not have come to a file with more rows of a block that it thought complete, and a file
    /// that was read before may be unreadable now.
    pub(super) fn drop_outdated(&mut self, journal: &Journal, sources: &[SourceRecord]) -> bool {
        let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
        for (block, count) in journal.files.values().flat_map(|file| &file.blocks) {
            *rows.entry(block).or_default() += count;
        }
        let before = self.kept.len();
        self.kept.retain(|block, kept| rows.get(&**block) == Some(&kept.record.source_rows()));
        self.known = sources.iter().map(|source| journal.files.get(&source.path).cloned()).collect();
        self.kept.len() < before
    }
}

/// Checks that an update does not remove rows only because their files were not named.
///
/// # Errors
/// A file that the dataset was made of and that is not among the sources, though it is there.
fn check_complete(
    archive: &Archive,
    dataset: &Path,
    sources: &[SourceRecord],
    journal: &Journal,
) -> Result<()> {
    let failed = archive.failures().into_iter().filter_map(|failure| std::path::absolute(failure.path).ok());
    let failed: BTreeSet<PathBuf> = failed.collect();
    let named: BTreeSet<&str> = sources.iter().map(|source| &*source.path).collect();
    let forgotten = |path: &&String| {
        !named.contains(path.as_str()) && Path::new(path).exists() && !failed.contains(Path::new(path))
    };
    let mut forgotten = journal.files.keys().filter(forgotten);
    let Some(first) = forgotten.next() else { return Ok(()) };
    let others = match forgotten.count() {
        0 => String::new(),
        1 => ", nor is one other".to_owned(),
        others => format!(", nor are {others} others"),
    };
    Err(Error::Format {
        path: first.into(),
        found: format!(
            "is a part of {}, but not among the sources of this update{others}",
            dataset.display()
        ),
        hint: Some("name the whole archive; --overwrite makes a dataset of some files alone".into()),
    })
}

/// How the files of an archive differ from those of a run that was killed; `None` where they do not.
fn source_difference(sources: &[SourceRecord], before: &[SourceRecord]) -> Option<String> {
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
