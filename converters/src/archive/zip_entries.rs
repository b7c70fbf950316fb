//! The entries of a zip archive: its bytes in, the content of every file in it out, or why a file is left out.
//!
//! As PKWARE's APPNOTE.TXT 6.3.10 lays it out (sections 4.3 and 4.5.3): a directory at the end of the file says where each
//! file lies, with 64 bits where 32 do not do.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;

use flate2::Crc;
use flate2::read::DeflateDecoder;

use super::discover::{is_beside, is_hidden, path_of};
use super::tar_entries::{Found, Last, MEMBER_BYTES, plain};
use crate::{Error, Head, Input};

const LOCAL: u32 = 0x0403_4b50;
const LOCAL_BYTES: usize = 30;
const CENTRAL: u32 = 0x0201_4b50;
const CENTRAL_BYTES: usize = 46;
const END: u32 = 0x0605_4b50;
const END_BYTES: usize = 22;
const END_64: u32 = 0x0606_4b50;
const END_64_BYTES: usize = 56;
const LOCATOR_64: u32 = 0x0706_4b50;
const LOCATOR_64_BYTES: usize = 20;
/// A comment of that many bytes may follow the end of the directory.
const COMMENT_BYTES: usize = 65_535;
/// The extra field that holds numbers of 64 bits, and what stands in the place of such a number.
const EXTRA_64: u64 = 1;
const IN_EXTRA: u64 = 0xffff_ffff;
/// The bits of a Unix mode that say what a file is, and those of a symbolic link.
const KIND: u64 = 0o170_000;
const SYMLINK: u64 = 0o120_000;

/// Whether a file that begins so is a zip archive, which may be empty.
pub fn is_zip(head: &Head) -> bool {
    [LOCAL, END].iter().any(|magic| head.stored.starts_with(&magic.to_le_bytes()))
}

/// Hands every file of the archive to `each`, until that returns false.
///
/// # Errors
/// An archive whose directory cannot be read.
pub fn read_members(input: &Input, last: &mut Last, each: impl FnMut(Found) -> bool) -> io::Result<()> {
    match input.memory() {
        Some(bytes) => read(Cursor::new(bytes.clone()), input, last, each),
        None => read(BufReader::new(File::open(input.local()?)?), input, last, each),
    }
}

fn read(
    mut stored: impl Read + Seek,
    input: &Input,
    last: &mut Last,
    mut each: impl FnMut(Found) -> bool,
) -> io::Result<()> {
    let directory = directory(&mut stored)?;
    let mut rest = directory.as_slice();
    let mut number = 0;
    while !rest.is_empty() {
        let (entry, after) = Entry::of(rest)?;
        (rest, number) = (after, number + 1);
        *last = Some((entry.name.clone(), entry.offset));
        let is_directory = entry.name.as_os_str().as_encoded_bytes().ends_with(b"/");
        if is_directory || is_hidden(&entry.name) || is_beside(&entry.name) {
            continue;
        }
        let found = match entry.content(&mut stored) {
            Ok(content) => Found::Member(Input::member(input.path(), &entry.name, content.into()), number),
            Err(found) => {
                let path = input.path().join(plain(&entry.name).unwrap_or_default());
                let hint = Some("unpack the archive with `unzip` first".to_owned());
                Found::LeftOut(input.path().join(&entry.name), Error::Format { path, found, hint })
            }
        };
        if !each(found) {
            return Ok(());
        }
    }
    Ok(())
}

/// What the directory says of a file.
struct Entry {
    name: PathBuf,
    flags: u64,
    method: u64,
    checksum: u64,
    stored_bytes: u64,
    bytes: u64,
    mode: u64,
    /// Where its own header stands.
    offset: u64,
}

impl Entry {
    /// The first entry of a directory, and what follows it.
    fn of(directory: &[u8]) -> io::Result<(Self, &[u8])> {
        expect(directory, CENTRAL)?;
        let length = |at: usize| Ok::<_, io::Error>(number(directory, at, 2)? as usize);
        let (name_end, extra_end) = (CENTRAL_BYTES + length(28)?, CENTRAL_BYTES + length(28)? + length(30)?);
        let name = directory.get(CENTRAL_BYTES..name_end).ok_or_else(cut)?;
        let mut large = directory.get(name_end..extra_end).and_then(extra_64).unwrap_or_default();
        // Numbers of 64 bits stand one after the other, those alone for which 32 bits do not do.
        let mut number_64 = |at: usize| match number(directory, at, 4)? {
            IN_EXTRA => {
                let (first, after) = large.split_at_checked(8).ok_or_else(cut)?;
                large = after;
                number(first, 0, 8)
            }
            small => Ok(small),
        };
        let (bytes, stored_bytes, offset) = (number_64(24)?, number_64(20)?, number_64(42)?);
        let entry = Self {
            name: path_of(name),
            flags: number(directory, 8, 2)?,
            method: number(directory, 10, 2)?,
            checksum: number(directory, 16, 4)?,
            stored_bytes,
            bytes,
            mode: number(directory, 40, 2)?,
            offset,
        };
        Ok((entry, directory.get(extra_end + length(32)?..).ok_or_else(cut)?))
    }

    /// The content of the file, or why it cannot be read.
    fn content(&self, stored: &mut (impl Read + Seek)) -> Result<Vec<u8>, String> {
        let damaged = |error: io::Error| format!("is damaged: {error}");
        if plain(&self.name).is_none() {
            return Err("has a name that leads out of the archive".to_owned());
        } else if self.flags & 1 != 0 {
            return Err("is encrypted, which is not read".to_owned());
        } else if self.mode & KIND == SYMLINK {
            return Err("is a link, which is not followed inside a zip archive".to_owned());
        } else if self.bytes > MEMBER_BYTES {
            return Err(format!("has {} bytes, more than is read from inside an archive", self.bytes));
        }
        let header = read_at(stored, self.offset, LOCAL_BYTES).map_err(damaged)?;
        expect(&header, LOCAL).map_err(damaged)?;
        let names = number(&header, 26, 2).and_then(|name| Ok(name + number(&header, 28, 2)?));
        let skipped = i64::try_from(names.map_err(damaged)?).unwrap_or(i64::MAX);
        stored.seek_relative(skipped).map_err(damaged)?;
        let packed = stored.take(self.stored_bytes);
        let mut content = Vec::new();
        // What the directory says of the size is not trusted.
        let read = match self.method {
            0 => packed.take(MEMBER_BYTES).read_to_end(&mut content),
            8 => DeflateDecoder::new(packed).take(self.bytes + 1).read_to_end(&mut content),
            method => return Err(format!("is compressed by the method {method} of zip, which is not read")),
        };
        read.map_err(damaged)?;
        let mut checksum = Crc::new();
        checksum.update(&content);
        if content.len() as u64 != self.bytes || u64::from(checksum.sum()) != self.checksum {
            return Err("is damaged: its bytes are not those that its checksum is of".to_owned());
        }
        Ok(content)
    }
}

/// The directory at the end of an archive.
fn directory(stored: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    let length = stored.seek(SeekFrom::End(0))?;
    let tail_start = length.saturating_sub((END_BYTES + COMMENT_BYTES + LOCATOR_64_BYTES) as u64);
    let tail = read_at(stored, tail_start, (length - tail_start) as usize)?;
    let mut ends = tail.windows(END_BYTES).enumerate().rev();
    let (place, end) = ends.find(|(_, end)| expect(end, END).is_ok()).ok_or_else(cut)?;
    let locator = place.checked_sub(LOCATOR_64_BYTES).and_then(|start| tail.get(start..place));
    let (bytes, offset) = match locator.filter(|locator| expect(locator, LOCATOR_64).is_ok()) {
        Some(locator) => {
            let end = read_at(stored, number(locator, 8, 8)?, END_64_BYTES)?;
            expect(&end, END_64)?;
            (number(&end, 40, 8)?, number(&end, 48, 8)?)
        }
        None => (number(end, 12, 4)?, number(end, 16, 4)?),
    };
    if bytes > length {
        return Err(cut());
    }
    read_at(stored, offset, bytes as usize)
}

/// What an extra field holds of numbers of 64 bits; `None` where there is nothing.
fn extra_64(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let (kind, size) = (number(extra, 0, 2).ok()?, number(extra, 2, 2).ok()? as usize);
        let (field, after) = extra.get(4..)?.split_at_checked(size)?;
        if kind == EXTRA_64 {
            return Some(field);
        }
        extra = after;
    }
}

fn read_at(stored: &mut (impl Read + Seek), offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
    stored.seek(SeekFrom::Start(offset))?;
    let mut read = vec![0; bytes];
    stored.read_exact(&mut read)?;
    Ok(read)
}

/// The number of so many bytes, of which the first is the least.
fn number(bytes: &[u8], at: usize, size: usize) -> io::Result<u64> {
    let bytes = bytes.get(at..at + size).ok_or_else(cut)?;
    Ok(bytes.iter().rev().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
}

fn expect(bytes: &[u8], signature: u32) -> io::Result<()> {
    if bytes.starts_with(&signature.to_le_bytes()) { Ok(()) } else { Err(cut()) }
}

/// The error of an archive without what must be there.
fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its directory is cut short or damaged")
}
