//! The first look at a file: its leading bytes in, either where the HDF5 data start and end or an
//! error that says what the file is instead.
//!
//! HDF5 File Format Specification version 3.0, section II.A (superblock).

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use crate::{Error, Result};

const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
/// A superblock lies at byte 0, or after a user block of 512 × 2^n bytes.
const FIRST_USER_BLOCK: u64 = 512;
/// A user block larger than this is not searched for.
const LAST_USER_BLOCK: u64 = 1 << 30;
/// Longer than every version's superblock up to the end-of-file address.
const SUPERBLOCK_BYTES: u64 = 64;

/// Whether a file that begins with `head` is HDF5, as far as that shows.
pub fn recognises(head: &[u8]) -> bool {
    let user_blocks = std::iter::successors(Some(FIRST_USER_BLOCK), |at| Some(at * 2));
    let mut places =
        std::iter::once(0).chain(user_blocks).map(|at| at as usize).take_while(|&at| at < head.len());
    places.any(|at| head.get(at..).is_some_and(|bytes| bytes.starts_with(SIGNATURE)))
}

/// Checks that `path` is an HDF5 file and complete.
///
/// # Errors
/// What the file is instead: a directory, empty, classic netCDF, something else, cut short, or still being written.
pub fn check(path: &Path) -> Result<()> {
    let io = |action| move |source| Error::Io { path: path.to_owned(), action, source };
    let mut file = File::open(path).map_err(io("cannot open"))?;
    let metadata = file.metadata().map_err(io("cannot read"))?;
    if metadata.is_dir() {
        return Err(format_error(path, "is a directory, expected an HDF5 file", Some("give a file in it")));
    }
    let length = metadata.len();
    if length == 0 {
        return Err(format_error(path, "is empty, expected an HDF5 file", None));
    }
    let mut at = 0;
    while at < length && at <= LAST_USER_BLOCK {
        let head = read_at(&mut file, at).map_err(io("cannot read"))?;
        if head.starts_with(SIGNATURE) {
            return check_length(path, &head, at, length);
        }
        if at == 0 {
            refuse_known(path, &head)?;
        }
        at = if at == 0 { FIRST_USER_BLOCK } else { at * 2 };
    }
    let hint = "give an HDF5 file (.h5, .hdf5, netCDF-4), or the text it was made from";
    Err(format_error(path, "is not an HDF5 file: it has no HDF5 signature", Some(hint)))
}

fn format_error(path: &Path, found: impl Into<String>, hint: Option<&str>) -> Error {
    Error::Format { path: path.to_owned(), found: found.into(), hint: hint.map(Into::into) }
}

fn read_at(file: &mut File, at: u64) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut head = Vec::new();
    match file.take(SUPERBLOCK_BYTES).read_to_end(&mut head) {
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(head),
    }
}

/// Names the formats that people give in place of HDF5.
fn refuse_known(path: &Path, head: &[u8]) -> Result<()> {
    let (name, hint) = match head {
        [b'C', b'D', b'F', 1 | 2 | 5, ..] => (
            "is a classic netCDF-3 file, expected HDF5",
            "convert it with `nccopy -k nc4 in.nc out.nc`, which writes HDF5",
        ),
        [b'P', b'A', b'R', b'1', ..] => ("is a Parquet file, expected HDF5", "it needs no conversion"),
        [0x1f, 0x8b, ..] => ("is gzip-compressed, expected HDF5", "unpack it with gunzip first"),
        _ => return Ok(()),
    };
    Err(format_error(path, name, Some(hint)))
}

/// Compares the file's length with the end-of-file address in its superblock.
fn check_length(path: &Path, head: &[u8], at: u64, length: u64) -> Result<()> {
    let cut = || format_error(path, "is cut short within the superblock", Some("copy or write it again"));
    let version = *head.get(8).ok_or_else(cut)?;
    let (offset_size, flags, base_at, end_at) = match version {
        0 | 1 => {
            let size = usize::from(*head.get(13).ok_or_else(cut)?);
            let base = if version == 0 { 24 } else { 28 };
            (size, 0, base, base + 2 * size)
        }
        2 | 3 => {
            let size = usize::from(*head.get(9).ok_or_else(cut)?);
            (size, *head.get(11).ok_or_else(cut)?, 12, 12 + 2 * size)
        }
        _ => {
            let found = format!("has an HDF5 superblock of version {version}, expected 0 to 3");
            return Err(format_error(path, found, None));
        }
    };
    if !matches!(offset_size, 2 | 4 | 8) {
        let found = format!("has a damaged superblock: addresses of {offset_size} bytes");
        return Err(format_error(path, found, None));
    }
    let address = |from: usize| -> Result<u64> {
        let bytes = head.get(from..from + offset_size).ok_or_else(cut)?;
        Ok(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    };
    // The end is counted from where the writer thought byte 0 to be; a user block put in front
    // later moves it with the superblock.
    let end = address(end_at)?.checked_sub(address(base_at)?).and_then(|bytes| bytes.checked_add(at));
    match end {
        Some(end) if length < end => {
            let found = format!("is cut short: {length} bytes, and its superblock says {end}");
            Err(format_error(path, found, Some("copy or write it again")))
        }
        None => Err(format_error(path, "has a damaged superblock: its end lies before its start", None)),
        // Only version 3 keeps the flags up to date (bit 0: open for writing, bit 2: SWMR).
        Some(_) if version == 3 && flags & 0b101 != 0 => {
            let hint = "close it in the program that writes it; after a crash, `h5clear -s` marks it closed";
            Err(format_error(path, "is marked as still open for writing", Some(hint)))
        }
        Some(_) => Ok(()),
    }
}
