//! What of an earlier conversion may stay: an archive and the journals of what is there in, blocks to keep out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::archive::Archive;
use crate::convert::Course;
use crate::convert::journal::JOURNAL;
use crate::convert::journal::{FileRecord, Journal, Settings, SourceRecord};
use crate::series::Part;
use crate::{Error, Result};
use isd_dataset::block::BlockRecord;
use isd_dataset::layout::block_directory;
use isd_dataset::write::Target;

/// What is known of the archive's files, and which blocks need not be written.
pub(super) struct Plan {
    /// For each file of the archive, what it holds, if it was read before and has not changed since.
    pub(super) known: Vec<Option<FileRecord>>,
    pub(super) kept: BTreeMap<String, Kept>,
    pub(super) course: Course,
    /// Blocks of the dataset that is updated.
    pub(super) before: Vec<String>,
}

/// A block that stays as it is.
pub(super) struct Kept {
    pub(super) record: BlockRecord,
    /// The dataset that it lies in, which is left as it is.
    dataset: PathBuf,
}

impl Plan {
    /// Keeps nothing.
    pub(super) fn whole(files: usize, course: Course) -> Self {
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
            return Ok(Self::whole(sources.len(), Course::Whole));
        };
        let journal = Journal::read(dataset)?.ok_or_else(|| Error::Format {
            path: dataset.to_owned(),
            found: format!("cannot be updated: it holds no {JOURNAL}, which says where its rows come from"),
            hint: Some("convert the archive once with --overwrite; that dataset can be updated".into()),
        })?;
        check_complete(archive, dataset, sources, &journal)?;
        if let Some(why) = settings.difference(&journal.settings) {
            return Ok(Self::whole(sources.len(), Course::Rewritten { why }));
        }
        let known = |source: &SourceRecord| {
            let file = journal.files.get(&source.path)?;
            file.source.is_unchanged(source).then(|| file.clone())
        };
        let mut plan = Self {
            known: sources.iter().map(known).collect(),
            kept: BTreeMap::new(),
            course: Course::Updated,
            before: journal.blocks.keys().cloned().collect(),
        };
        let unchanged: BTreeSet<&str> =
            plan.known.iter().flatten().map(|file| file.source.path.as_str()).collect();
        let gone = journal.files.values().filter(|file| !unchanged.contains(&*file.source.path));
        let outdated: BTreeSet<String> = gone.flat_map(|file| file.blocks.keys().cloned()).collect();
        let all_known = unchanged.len() == journal.files.len();
        let blocks = journal.blocks.len();
        for (block, record) in journal.blocks {
            if !outdated.contains(&block) && record.is_whole(dataset) {
                plan.kept.insert(block, Kept { record, dataset: dataset.to_owned() });
            }
        }
        let new = plan.read_new(archive, sources, progress)?;
        if all_known && !new && plan.kept.len() == blocks {
            plan.course = Course::Unchanged;
        }
        Ok(plan)
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
        // Where every block is written anyway, it is enough to read them then.
        while !self.kept.is_empty() && self.known.contains(&None) {
            let mut reader = archive.read(|file, _| self.known.get(file).is_some_and(Option::is_none));
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
                if let Some((known, source)) = self.known.get_mut(report.file).zip(sources.get(report.file)) {
                    *known = Some(FileRecord::new(source.clone(), &report));
                    new = true;
                }
            }
            match damaged {
                Some(damaged) => archive.skip(damaged.file, damaged.error)?,
                None => break,
            }
        }
        Ok(new)
    }

    /// Keeps as well what a run that was killed had completed, of the one that came furthest.
    pub(super) fn resume(&mut self, target: &Target, sources: &[SourceRecord], settings: &Settings) {
        let rows = |journal: &Journal| journal.blocks.values().map(|block| block.rows).sum::<u64>();
        let mut useless = None;
        let found = target.unfinished().filter_map(|dataset| {
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

    /// What of the archive has to be read: files that are not known, or hold rows of a block that is to be written.
    pub(super) fn part(&self) -> Part {
        let needed = |file: &FileRecord| file.blocks.keys().any(|block| !self.kept.contains_key(block));
        Part {
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
    /// those of other rows; says whether there were any.
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

/// Makes sure that an update does not take rows out only because their files were not named.
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

/// How the files of an archive differ from those of a run that was killed, if they do.
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
