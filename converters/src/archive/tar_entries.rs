//! The entries of a tar archive: its bytes in, the content of every file in it out, or why a file is left out.
//!
//! As GNU tar unpacks it: contiguous files and sparse ones are files, and a link is another name of the file it leads to.
//! What links lead to may come after them or long before, so that the archive is read once more where it has any.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use tar::{Entry, EntryType};

use super::discover::{is_beside, is_hidden};
use crate::{Error, Head, Input};

/// Byte at which POSIX.1-1988 puts the magic of a header; older ones have none.
const MAGIC_AT: usize = 257;
/// Bytes of a header, and where its checksum stands.
const HEADER: usize = 512;
const CHECKSUM: std::ops::Range<usize> = 148..156;
/// A member larger than this is not read into memory.
pub const MEMBER_BYTES: u64 = 256 << 20;
/// Links that lead to links, at most.
const CHAIN: usize = 40;
/// Beginning of the names of records that say where a sparse file's data lie, as GNU tar writes them in POSIX archives.
const PAX_SPARSE: &str = "GNU.sparse.";

/// Whether a file that begins so is a tar archive: by the magic of its first header or, of version 7, its checksum.
pub fn is_tar(head: &Head) -> bool {
    head.text.get(MAGIC_AT..MAGIC_AT + 5) == Some(b"ustar") || has_checksum(&head.text)
}

/// Whether the first header holds the sum of its bytes.
fn has_checksum(text: &[u8]) -> bool {
    let Some(header) = text.get(..HEADER) else { return false };
    let field = header.get(CHECKSUM).unwrap_or_default();
    let digits: Vec<u8> = field.iter().copied().filter(|byte| !matches!(byte, b' ' | 0)).collect();
    let stored = str::from_utf8(&digits).ok().and_then(|digits| u32::from_str_radix(digits, 8).ok());
    let bytes = header.iter().enumerate();
    let sum = bytes.map(|(at, &byte)| if CHECKSUM.contains(&at) { 32 } else { u32::from(byte) }).sum::<u32>();
    header.first() != Some(&0) && stored == Some(sum)
}

/// A file in an archive.
pub enum Found {
    /// Its content, and the byte of the archive, unpacked, at which it begins: of files of one name the last one counts.
    Member(Input, u64),
    /// A file that is left out, and why.
    LeftOut(PathBuf, Error),
    /// A file for which the archive is refused.
    Refused(Error),
}

/// Name of the latest file, and the byte of the archive, unpacked, at which it begins.
pub type Last = Option<(PathBuf, u64)>;

/// Hands every file of the archive to `each`, until that returns false.
///
/// # Errors
/// An archive that cannot be read to its end.
pub fn read_members(input: &Input, last: &mut Last, mut each: impl FnMut(Found) -> bool) -> io::Result<()> {
    let mut links = Links::default();
    let mut archive = tar::Archive::new(input.reader().map_err(io::Error::other)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name: PathBuf = entry.path()?.into_owned();
        let place = entry.raw_header_position();
        *last = Some((name.clone(), place));
        let is_directory = name.as_os_str().as_encoded_bytes().ends_with(b"/");
        let kind = entry.header().entry_type();
        links.add_known(&name, place, is_directory || kind.is_dir());
        let passed_over = is_directory || is_hidden(&name) || is_beside(&name);
        if matches!(kind, EntryType::Link | EntryType::Symlink) {
            // Others may lead on from one that is passed over.
            links.add(&name, &entry, !passed_over)?;
            continue;
        }
        if passed_over {
            continue;
        }
        let found = match left_out(kind, &mut entry)? {
            Kind::File => member(input, &name, place, &mut entry)?,
            Kind::Nothing => continue,
            Kind::LeftOut(found) => Found::LeftOut(input.path().join(&name), refusal(input, &name, found)),
        };
        if !each(found) {
            return Ok(());
        }
    }
    links.read(input, each)
}

/// What an entry is that is neither a link nor a directory.
enum Kind {
    File,
    /// Nothing that is unpacked, such as the archive's label.
    Nothing,
    /// A file that is not read, and what it is.
    LeftOut(String),
}

fn left_out(kind: EntryType, entry: &mut Entry<'_, impl Read>) -> io::Result<Kind> {
    Ok(match kind {
        EntryType::Regular | EntryType::Continuous if is_pax_sparse(entry)? => {
            Kind::LeftOut("is a sparse file in the form of POSIX archives".to_owned())
        }
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
        EntryType::Directory | EntryType::XGlobalHeader | EntryType::XHeader => Kind::Nothing,
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            Kind::LeftOut("is no regular file, but a device or a pipe".to_owned())
        }
        other => match other.as_byte() {
            // The label of a volume, a list of a directory's files, records of Solaris.
            b'V' | b'D' | b'X' => Kind::Nothing,
            b'M' => Kind::LeftOut("is the rest of a file that begins in another volume".to_owned()),
            byte => {
                Kind::LeftOut(format!("is an entry of the type {:?}, which is not known", char::from(byte)))
            }
        },
    })
}

fn is_pax_sparse(entry: &mut Entry<'_, impl Read>) -> io::Result<bool> {
    let Some(records) = entry.pax_extensions()? else { return Ok(false) };
    for record in records {
        if record?.key().is_ok_and(|key| key.starts_with(PAX_SPARSE)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The content of an entry, or that it is too large.
fn member(input: &Input, name: &Path, place: u64, entry: &mut Entry<'_, impl Read>) -> io::Result<Found> {
    let size = entry.size();
    if size > MEMBER_BYTES {
        let found = format!("has {size} bytes, more than is read from inside an archive");
        return Ok(Found::Refused(refusal(input, name, found)));
    }
    let mut content = Vec::with_capacity(size as usize);
    if (entry.read_to_end(&mut content)? as u64) < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Found::Member(Input::member(input.path(), name, content.into()), place))
}

fn refusal(input: &Input, name: &Path, found: String) -> Error {
    Error::Format {
        path: input.path().join(name),
        found,
        hint: Some("unpack the archive with `tar -xf` first".into()),
    }
}

/// A link in an archive.
struct Link {
    /// Its name as it stands in the archive.
    name: PathBuf,
    /// The path that it leads to.
    target: PathBuf,
    /// Where it stands in the archive.
    place: u64,
    /// Whether it is a name of observations.
    is_read: bool,
}

/// The links of an archive, and what they may lead to.
#[derive(Default)]
struct Links {
    found: Vec<Link>,
    /// Where the last file of each path begins.
    files: HashMap<PathBuf, u64>,
    directories: HashSet<PathBuf>,
}

impl Links {
    /// Notes a name that links may lead to.
    fn add_known(&mut self, name: &Path, place: u64, is_directory: bool) {
        let Some(path) = plain(name) else { return };
        self.directories.extend(path.ancestors().skip(1).map(Path::to_owned));
        if is_directory {
            self.directories.insert(path);
        } else {
            self.files.insert(path, place);
        }
    }

    /// Adds a link. A hard link leads to a name in the archive, a symbolic one to a path from where it lies.
    fn add(&mut self, name: &Path, entry: &Entry<'_, impl Read>, is_read: bool) -> io::Result<()> {
        let Some(target) = entry.link_name()? else { return Ok(()) };
        let is_hard = entry.header().entry_type().is_hard_link();
        let beside = if is_hard { Path::new("") } else { name.parent().unwrap_or(Path::new("")) };
        let (name, target) = (name.to_owned(), beside.join(target));
        self.found.push(Link { name, target, place: entry.raw_header_position(), is_read });
        Ok(())
    }

    /// Hands to `each` what the links lead to, under their own names.
    fn read(self, input: &Input, mut each: impl FnMut(Found) -> bool) -> io::Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        // A name that stands twice is what the last entry of it says.
        let is_last = |path: &PathBuf, place: u64| self.files.get(path).is_none_or(|&file| file <= place);
        let mut next: HashMap<PathBuf, &Link> = HashMap::new();
        for link in &self.found {
            if let Some(path) = plain(&link.name).filter(|path| is_last(path, link.place)) {
                next.insert(path, link);
            }
        }
        // Links to each file.
        let mut wanted: HashMap<PathBuf, Vec<&Link>> = HashMap::new();
        for link in self.found.iter().filter(|link| link.is_read) {
            let is_replaced = plain(&link.name)
                .is_some_and(|path| next.get(&path).is_none_or(|last| last.place != link.place));
            let mut path = plain(&link.target);
            for _ in 0..CHAIN {
                match path.as_ref().and_then(|path| next.get(path)) {
                    Some(further) => path = plain(&further.target),
                    None => break,
                }
            }
            let target = link.target.display();
            let found = match path {
                _ if is_replaced => "is a link that a later member of the same name replaces".to_owned(),
                Some(path) if next.contains_key(&path) => {
                    format!("is a link to {target}, which leads on in a loop of links")
                }
                Some(path) if self.files.contains_key(&path) => {
                    wanted.entry(path).or_default().push(link);
                    continue;
                }
                Some(path) if self.directories.contains(&path) => {
                    format!("is a link to {target}, a directory, whose files are read under their own names")
                }
                _ => format!("is a link to {target}, which is not in the archive"),
            };
            let path = input.path().join(&link.name);
            if !each(Found::LeftOut(path.clone(), Error::Format { path, found, hint: None })) {
                return Ok(());
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let mut archive = tar::Archive::new(input.reader().map_err(io::Error::other)?);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let Some(path) = plain(&entry.path()?) else { continue };
            let place = entry.raw_header_position();
            if self.files.get(&path) != Some(&place) {
                continue;
            }
            let Some(links) = wanted.remove(&path) else { continue };
            let kind = entry.header().entry_type();
            let found = match left_out(kind, &mut entry)? {
                Kind::File => member(input, &path, place, &mut entry)?,
                Kind::Nothing => {
                    Found::LeftOut(PathBuf::new(), refusal(input, &path, "is no file".to_owned()))
                }
                Kind::LeftOut(found) => Found::LeftOut(PathBuf::new(), refusal(input, &path, found)),
            };
            for Link { name, place, .. } in links {
                let found = match &found {
                    Found::Member(target, _) => {
                        let content = target.memory().cloned().unwrap_or_default();
                        Found::Member(Input::member(input.path(), name, content), *place)
                    }
                    Found::LeftOut(_, error) | Found::Refused(error) => Found::LeftOut(
                        input.path().join(name),
                        refusal(input, name, format!("is a link to a file that is left out: {error}")),
                    ),
                };
                if !each(found) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// A path without `.` and with every `..` taken; `None` of one that leads out of the archive.
pub fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_that_links_lead_to() {
        for (path, expected) in [
            ("a/b", Some("a/b")),
            ("./a/../b", Some("b")),
            ("a//b/.", Some("a/b")),
            ("../a", None),
            ("/a", None),
        ] {
            assert_eq!(plain(Path::new(path)), expected.map(PathBuf::from), "{path}");
        }
    }
}
