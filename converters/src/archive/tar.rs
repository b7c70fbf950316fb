//! Tar archives, plain or compressed: one file in, the rows of its members out, one member after another.
//!
//! The archive is read front to back, by a thread that hands whole members on, of which several are read at a time:
//! once to know the columns of them all, then for their rows.

use std::collections::{HashSet, VecDeque};
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
use super::tar_entries::{Found, read_members};
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
}

impl Members {
    /// Looks at every member: the archive is read to its end. Where it is `alone`, its members must have all measurements
    /// that the options ask for.
    ///
    /// # Errors
    /// An unreadable archive, or one without a member that can be read.
    pub fn look(input: &Input, options: &ReadOptions, failures: &Failures, alone: bool) -> Result<Self> {
        let mut queue = Queue::new(input);
        let mut probed: Vec<Probed<()>> = Vec::new();
        let mut refused = HashSet::new();
        let (mut unreadable, mut hint): (Vec<String>, _) = (Vec::new(), None);
        loop {
            let Some(members) = queue.next()? else { break };
            for (path, error) in members.left_out {
                hint = hint.or_else(|| error.hint());
                unreadable.push(error.to_string());
                failures.add(&path, error)?;
            }
            let members = members.files;
            let looked: Vec<Result<_>> =
                members.par_iter().with_max_len(1).map(|member| look_at_member(member, options)).collect();
            for (member, looked) in members.iter().zip(looked) {
                match looked {
                    Ok(member) => probed.push(member),
                    Err(error) => {
                        hint = hint.or_else(|| error.hint());
                        unreadable.push(error.to_string());
                        refused.insert(member.path().to_path_buf());
                        failures.add(member.path(), error)?;
                    }
                }
            }
        }
        refuse_other_units(&mut probed, failures)?;
        let (readable, others): (Vec<_>, Vec<_>) =
            probed.into_iter().partition(|file| file.beginning.is_some());
        refused.extend(others.into_iter().map(|file| file.file.path));
        if readable.is_empty() {
            let found = match unreadable.as_slice() {
                [] => "is a tar archive without files".to_owned(),
                names => format!("is a tar archive without a file that can be read: {}", list(names)),
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
            _ => "tar archive of several layouts",
        };
        let info = SourceInfo { columns: wanted, layout, notes: notes(&readable), ..SourceInfo::default() };
        Ok(Self { info, layouts, refused })
    }
}

/// The members of an archive in their order, read by a thread of their own.
struct Queue {
    members: Receiver<Found>,
}

/// A few members of an archive.
#[derive(Default)]
struct Few {
    files: Vec<Input>,
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
            if let Err(error) = read_members(&archive, &mut last, each) {
                let found = match last {
                    None => format!("cannot read it as a tar archive: {error}"),
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
                Ok(Found::Member(member)) => {
                    bytes += member.memory().map_or(0, Bytes::len);
                    few.files.push(member);
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
        let read_one = |member: &Input| {
            let refused = known.refused.contains(&**member.path());
            (!refused).then(|| read_member(member, options, &known.info.columns))
        };
        let read: Vec<Option<Result<_>>> = members.par_iter().with_max_len(1).map(read_one).collect();
        for (member, read) in members.iter().zip(read) {
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
            if let Some(member) = members.iter().find(|member| **member.path() == *path) {
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
