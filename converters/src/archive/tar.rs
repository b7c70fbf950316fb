//! Tar archives, plain or compressed, and zip archives: one file in, the rows of its members out, one member after another.
//!
//! The archive is read front to back, by a thread that hands whole members on, of which several are read at a time:
//! once to know the columns of them all, then for their rows.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use bytes::Bytes;
use isd_dataset::error::DAMAGED;
use isd_dataset::names::list;
use rayon::prelude::*;

use super::beginning::{Probed, look_at_member, open_member};
use super::combined::{check_wanted, columns, layouts, notes, refuse_other_units};
use super::failures::Failures;
use super::reader::read_whole;
use super::tar_entries::{self, Found};
use super::zip_entries::{self, is_zip};
use crate::{Batch, ColumnInfo, Error, Input, ReadOptions, Result, Source, SourceInfo, Tally};

/// Bytes of the members that are read at a time, unless a single one is larger.
const TOGETHER_BYTES: usize = 64 << 20;
/// Members that are held ready for the next read.
const WAITING: usize = 2;

/// What the members of an archive hold together, as the files of a directory do.
pub struct Members {
    info: SourceInfo,
    /// Layouts of the members, each once.
    pub layouts: Vec<&'static str>,
    /// Paths of members that cannot be read, or not beside the others.
    refused: HashSet<PathBuf>,
    /// Paths of members of which there are several, and where the last of them begins, which replaces the others.
    last: HashMap<PathBuf, u64>,
}

impl Members {
    /// Looks at every member: the archive is read to its end. Where it is `alone`, its members must have all measurements
    /// that the options ask for.
    ///
    /// # Errors
    /// An unreadable archive, or one without a member that can be read.
    pub fn look(input: &Input, options: &ReadOptions, failures: &Failures, alone: bool) -> Result<Self> {
        let mut queue = Queue::new(input);
        let kind = if is_zip(&input.head()?) { "zip" } else { "tar" };
        let mut probed: Vec<Probed<()>> = Vec::new();
        let mut refused = HashSet::new();
        let mut last: HashMap<PathBuf, u64> = HashMap::new();
        let mut several: HashSet<PathBuf> = HashSet::new();
        let mut places: Vec<u64> = Vec::new();
        let mut failed: Vec<(PathBuf, u64, Error)> = Vec::new();
        let (mut unreadable, mut hint): (Vec<String>, _) = (Vec::new(), None);
        loop {
            let Some(members) = queue.next()? else { break };
            for (path, error) in members.left_out {
                hint = hint.or_else(|| error.hint());
                unreadable.push(error.to_string());
                failures.add(&path, error)?;
            }
            let members = members.files;
            let looked: Vec<Result<_>> = members
                .par_iter()
                .with_max_len(1)
                .map(|(member, _)| look_at_member(member, options))
                .collect();
            for ((member, place), looked) in members.iter().zip(looked) {
                let path = member.path().to_path_buf();
                let known = last.entry(path.clone()).or_insert(*place);
                if *known != *place {
                    *known = (*known).max(*place);
                    several.insert(path.clone());
                }
                match looked {
                    Ok(member) => {
                        probed.push(member);
                        places.push(*place);
                    }
                    Err(error) => failed.push((path, *place, error)),
                }
            }
        }
        last.retain(|path, _| several.contains(path));
        let is_replaced = |path: &Path, place: u64| last.get(path).is_some_and(|&last| last != place);
        let mut places = places.into_iter();
        probed.retain(|member| !is_replaced(&member.file.path, places.next().unwrap_or_default()));
        for (path, _, error) in failed.into_iter().filter(|(path, place, _)| !is_replaced(path, *place)) {
            hint = hint.or_else(|| error.hint());
            unreadable.push(error.to_string());
            failures.add(&path, error)?;
            refused.insert(path);
        }
        refuse_other_units(&mut probed, failures)?;
        let (readable, others): (Vec<_>, Vec<_>) =
            probed.into_iter().partition(|file| file.beginning.is_some());
        refused.extend(others.into_iter().map(|file| file.file.path));
        if readable.is_empty() {
            let found = match unreadable.as_slice() {
                [] => format!("is a {kind} archive without files"),
                names => format!("is a {kind} archive without a file that can be read: {}", list(names)),
            };
            return Err(Error::Format { path: input.path().to_path_buf(), found, hint });
        }
        if alone {
            check_wanted(&readable, options)?;
        }
        let mut wanted = columns(&readable, options);
        if wanted.is_empty() {
            // Files beside the archive may have what was asked for.
            wanted = columns(&readable, &ReadOptions::default());
        }
        let layouts = layouts(&readable);
        let layout = match *layouts {
            [layout] => layout,
            _ => "archive of several layouts",
        };
        let mut notes = notes(&readable);
        let mut names: Vec<String> = last.keys().map(|path| path.display().to_string()).collect();
        names.sort();
        if !names.is_empty() {
            notes.push(format!("of several members of one name the last is read: {}", list(&names)));
        }
        let info = SourceInfo { columns: wanted, layout, notes, ..SourceInfo::default() };
        Ok(Self { info, layouts, refused, last })
    }
}

impl Members {
    /// Whether a later member of the same name replaces the one at that place.
    fn is_replaced(&self, member: &Input, place: u64) -> bool {
        self.last.get(&**member.path()).is_some_and(|&last| last != place)
    }
}

/// The members of an archive in their order, read by a thread of their own.
struct Queue {
    members: Receiver<Found>,
}

/// A few members of an archive.
#[derive(Default)]
struct Few {
    /// Each with its place in the archive.
    files: Vec<(Input, u64)>,
    /// Members that are no files of observations by themselves, and why they are left out.
    left_out: Vec<(PathBuf, Error)>,
}

impl Queue {
    fn new(archive: &Input) -> Self {
        let (sender, members) = sync_channel(WAITING);
        let archive = archive.clone();
        thread::spawn(move || {
            let each = |member| sender.send(member).is_ok();
            let mut last = None;
            let is_zip = archive.head().is_ok_and(|head| is_zip(&head));
            let (kind, read) = if is_zip {
                ("zip", zip_entries::read_members(&archive, &mut last, each))
            } else {
                ("tar", tar_entries::read_members(&archive, &mut last, each))
            };
            if let Err(error) = read {
                let found = match last {
                    None => format!("cannot read it as a {kind} archive: {error}"),
                    Some((name, byte)) => {
                        format!("cannot read on from byte {byte}, where {} begins: {error}", name.display())
                    }
                };
                let (path, hint) = (archive.path().to_path_buf(), Some(DAMAGED.to_owned()));
                // A queue that was dropped needs no error.
                let _ = sender.send(Found::Refused(Error::Format { path, found, hint }));
            }
        });
        Self { members }
    }

    /// The next few members; `None` after the last.
    ///
    /// # Errors
    /// An archive that cannot be read on, or a member that is too large.
    fn next(&mut self) -> Result<Option<Few>> {
        let mut few = Few::default();
        let mut bytes = 0;
        while bytes <= TOGETHER_BYTES && few.files.len() < 4 * rayon::current_num_threads() {
            match self.members.recv() {
                Ok(Found::Member(member, place)) => {
                    bytes += member.memory().map_or(0, Bytes::len);
                    few.files.push((member, place));
                }
                Ok(Found::LeftOut(path, error)) => few.left_out.push((path, error)),
                Ok(Found::Refused(error)) => return Err(error),
                Err(_) => break,
            }
        }
        Ok((!few.files.is_empty() || !few.left_out.is_empty()).then_some(few))
    }
}

/// The rows of an archive's members.
pub struct TarSource {
    input: Input,
    queue: Queue,
    members: Arc<Members>,
    options: ReadOptions,
    failures: Failures,
    tally: Tally,
    ready: VecDeque<Batch>,
}

impl TarSource {
    /// Reads the archive whose members have been looked at.
    pub fn open(input: &Input, options: &ReadOptions, failures: &Failures, members: &Arc<Members>) -> Self {
        Self {
            input: input.clone(),
            queue: Queue::new(input),
            members: Arc::clone(members),
            options: options.clone(),
            failures: failures.clone(),
            tally: Tally::default(),
            ready: VecDeque::new(),
        }
    }

    /// Reads the next few members; says whether there were any.
    fn advance(&mut self) -> Result<bool> {
        let Some(members) = self.queue.next()? else { return Ok(false) };
        for (path, error) in members.left_out {
            self.failures.add(&path, error)?;
        }
        let members = members.files;
        let (options, known) = (&self.options, &*self.members);
        let read_one = |(member, place): &(Input, u64)| {
            let refused = known.refused.contains(&**member.path()) || known.is_replaced(member, *place);
            (!refused).then(|| read_member(member, options, &known.info.columns))
        };
        let read: Vec<Option<Result<_>>> = members.par_iter().with_max_len(1).map(read_one).collect();
        for ((member, _), read) in members.iter().zip(read) {
            match read {
                None => {}
                Some(Ok((source, batches))) => {
                    self.tally.add(&source.tally());
                    self.ready.extend(batches);
                }
                Some(Err(error)) => self.failures.add(member.path(), error)?,
            }
        }
        Ok(true)
    }
}

/// All rows of a member, with these columns.
fn read_member(
    member: &Input,
    options: &ReadOptions,
    columns: &[ColumnInfo],
) -> Result<(Box<dyn Source>, Vec<Batch>)> {
    let (source, batches) = read_whole(open_member(member, options)?, columns)?;
    match batches {
        Some(batches) => Ok((source, batches)),
        None => Err(Error::Format {
            path: member.path().to_path_buf(),
            found: "has more rows than are read from inside an archive".into(),
            hint: Some("unpack the archive with `tar -xf` first".into()),
        }),
    }
}

impl Source for TarSource {
    fn info(&self) -> &SourceInfo {
        &self.members.info
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn line_of(&self, path: &Path, row: u64) -> Option<u64> {
        let mut queue = Queue::new(&self.input);
        loop {
            let members = queue.next().ok()??.files;
            let is_it = |(member, place): &&(Input, u64)| {
                **member.path() == *path && !self.members.is_replaced(member, *place)
            };
            if let Some((member, _)) = members.iter().find(is_it) {
                return open_member(member, &self.options).ok()?.line_of(path, row);
            }
        }
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        while self.ready.is_empty() {
            if !self.advance()? {
                return Ok(None);
            }
        }
        Ok(self.ready.pop_front())
    }
}
