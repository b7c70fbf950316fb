//! Tar archives, plain or gzip: from one file to the rows of its members, one member after another.
//!
//! The archive is read once, front to back, by a thread that hands whole members on; several of them are read at a
//! time.

use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use bytes::Bytes;
use rayon::prelude::*;

use super::Failures;
use super::reader::{aligned, read_whole};
use crate::{
    Batch, ColumnInfo, Error, Head, Input, ReadOptions, Result, Source, Tally, format_of, names::list,
};

/// Where POSIX.1-1988 puts the magic of a header.
const MAGIC_AT: usize = 257;
/// A member larger than this is not read into memory.
const MEMBER_BYTES: u64 = 256 << 20;
/// Bytes of members that are read at a time, but for one that is larger.
const TOGETHER_BYTES: usize = 64 << 20;
/// Members that wait for their turn.
const WAITING: usize = 2;

/// Whether a file that begins so is a tar archive.
pub fn is_tar(head: &Head) -> bool {
    head.text.get(MAGIC_AT..MAGIC_AT + 5) == Some(b"ustar")
}

type Member = Result<Input>;

/// The rows of an archive's members.
pub struct TarSource {
    path: Arc<Path>,
    members: Receiver<Member>,
    /// A member that was taken from the channel, to be read next.
    next: Option<Input>,
    options: ReadOptions,
    failures: Failures,
    layout: &'static str,
    columns: Vec<ColumnInfo>,
    notes: Vec<String>,
    tally: Tally,
    ready: VecDeque<Batch>,
    rows: u64,
}

impl TarSource {
    /// Reads the first member, which says what columns there are.
    ///
    /// # Errors
    /// An unreadable archive, or one without a member that can be read.
    pub fn open(input: &Input, options: &ReadOptions, failures: &Failures) -> Result<Self> {
        let (sender, members) = sync_channel(WAITING);
        let archive = input.clone();
        thread::spawn(move || {
            let path = Arc::clone(archive.path());
            let each = |member| sender.send(member).is_ok();
            if let Err(error) = read_members(&archive, each) {
                // Nobody listens any more: then nobody misses it.
                let _ = sender.send(Err(Error::Io {
                    path: path.to_path_buf(),
                    action: "cannot read",
                    source: error,
                }));
            }
        });
        let mut source = Self {
            path: Arc::clone(input.path()),
            members,
            next: None,
            options: options.clone(),
            failures: failures.clone(),
            layout: "",
            columns: Vec::new(),
            notes: Vec::new(),
            tally: Tally::default(),
            ready: VecDeque::new(),
            rows: 0,
        };
        source.find_columns()?;
        Ok(source)
    }

    /// Looks at members until one can be opened.
    fn find_columns(&mut self) -> Result<()> {
        let mut unreadable = Vec::new();
        while let Some(member) = self.receive()? {
            match format_of(&member, &self.options).and_then(|format| format.open(&member, &self.options)) {
                Ok(source) => {
                    self.layout = source.layout();
                    self.columns = source.columns().to_vec();
                    self.notes = source.notes().to_vec();
                    self.next = Some(member);
                    return Ok(());
                }
                Err(error) => {
                    unreadable.push(member.path().display().to_string());
                    self.failures.add(member.path(), error)?;
                }
            }
        }
        let found = match unreadable.as_slice() {
            [] => "is a tar archive without files".to_owned(),
            names => format!("is a tar archive without a file that can be read: {}", list(names)),
        };
        Err(Error::Format { path: self.path.to_path_buf(), found, hint: None })
    }

    fn receive(&mut self) -> Result<Option<Input>> {
        match self.next.take() {
            Some(member) => Ok(Some(member)),
            None => self.members.recv().ok().transpose(),
        }
    }

    /// Reads the next few members.
    fn advance(&mut self) -> Result<bool> {
        let mut members = Vec::new();
        let mut bytes = 0;
        while let Some(member) = self.receive()? {
            bytes += member.memory().map_or(0, Bytes::len);
            members.push(member);
            if bytes > TOGETHER_BYTES || members.len() == 4 * rayon::current_num_threads() {
                break;
            }
        }
        let options = &self.options;
        let read: Vec<Result<_>> =
            members.par_iter().with_max_len(1).map(|member| read_member(member, options)).collect();
        for (member, read) in members.iter().zip(read) {
            let foreign = |columns: &[ColumnInfo]| {
                columns
                    .iter()
                    .map(|c| &c.name)
                    .find(|name| self.columns.iter().all(|known| known.name != **name))
                    .cloned()
            };
            match read {
                Ok((source, batches)) => {
                    if let Some(name) = foreign(source.columns()) {
                        let hint = Some("unpack the archive and convert the files".into());
                        let found = "is a column that the first file of the archive does not have".into();
                        let path = member.path().to_path_buf();
                        self.failures
                            .add(member.path(), Error::Column { path, column: name, found, hint })?;
                        continue;
                    }
                    self.tally.add(&source.tally());
                    let columns = &self.columns;
                    self.ready
                        .extend(batches.into_iter().map(|batch| aligned(batch, source.columns(), columns)));
                }
                Err(error) => self.failures.add(member.path(), error)?,
            }
        }
        Ok(!members.is_empty())
    }
}

/// All rows of a member.
fn read_member(member: &Input, options: &ReadOptions) -> Result<(Box<dyn Source>, Vec<Batch>)> {
    let (source, batches) = read_whole(format_of(member, options)?.open(member, options)?)?;
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
    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn rows(&self) -> Option<u64> {
        None
    }

    fn layout(&self) -> &'static str {
        self.layout
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn tally(&self) -> Tally {
        self.tally.clone()
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        while self.ready.is_empty() {
            if !self.advance()? {
                return Ok(None);
            }
        }
        let batch = self.ready.pop_front();
        self.rows += batch.as_ref().map_or(0, |batch| batch.rows() as u64);
        Ok(batch)
    }
}

/// Hands every regular file of the archive to `each`, until that says no.
fn read_members(input: &Input, mut each: impl FnMut(Member) -> bool) -> std::io::Result<()> {
    let reader = input.reader().map_err(std::io::Error::other)?;
    let mut archive = tar::Archive::new(reader);
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name: PathBuf = entry.path()?.into_owned();
        let hidden = name.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden || super::discover::is_beside(&name) {
            continue;
        }
        let size = entry.size();
        let member = if size > MEMBER_BYTES {
            Err(Error::Format {
                path: input.path().join(&name),
                found: format!("has {size} bytes, more than is read from inside an archive"),
                hint: Some("unpack the archive with `tar -xf` first".into()),
            })
        } else {
            let mut content = Vec::with_capacity(size as usize);
            if (entry.read_to_end(&mut content)? as u64) < size {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            Ok(Input::member(input.path(), &name, content.into()))
        };
        if !each(member) {
            break;
        }
    }
    Ok(())
}
