//! In: tables that are compressed, objects in a store, or come by standard input; out: the same tables in files that the engine can read.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use isd_dataset::storage;
use isd_stores::{Object, Stream, is_address};

use super::files::unreadable;
use super::{TableSource, storage_of};
use crate::error::{Error, Result};

/// How a table that comes by standard input is named.
const STANDARD_INPUT: &str = "-";
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Whether a path stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}

/// The name of a file without `.gz`; none where it does not end so.
pub(super) fn packed_name(path: &Path) -> Option<&Path> {
    let is_packed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    path.file_stem().filter(|_| is_packed).map(Path::new)
}

impl TableSource {
    /// The same table, read from files below `directory` where its own are compressed, objects or standard input.
    ///
    /// # Errors
    /// [`Error::Table`] when a file cannot be read to its end, or holds nothing that can be a table.
    pub(crate) fn unpacked(&self, directory: &Path) -> Result<Self> {
        let is_object = |part: &Path| is_address(part) && !self.is_directory();
        let is_as_it_is =
            |part: &PathBuf| !is_standard_input(part) && packed_name(part).is_none() && !is_object(part);
        if self.parts.iter().all(is_as_it_is) {
            return Ok(self.clone());
        }
        // Of its own, since there may be others.
        let directory =
            tempfile::Builder::new().tempdir_in(directory).map_err(|e| unreadable(directory, &e))?.keep();
        let mut unpacked = self.clone();
        for (index, part) in unpacked.parts.iter_mut().enumerate() {
            let broken = |e: io::Error| Error::Table {
                path: part.clone(),
                found: format!("cannot be read to its end: {e}"),
                hint: Some("it is damaged, or was not written to its end".into()),
            };
            let place = directory.join(index.to_string());
            fs::create_dir(&place).map_err(broken)?;
            let file = if is_standard_input(part) {
                write_input(io::stdin().lock(), &place).map_err(broken)?
            } else if let Some(name) = packed_name(part) {
                let file = place.join(name);
                let packed = storage::local(part).map_err(|e| unreadable(part, &e))?;
                let packed = File::open(packed).map_err(|e| unreadable(part, &e))?;
                copy(&mut MultiGzDecoder::new(BufReader::new(packed)), &file).map_err(broken)?;
                file
            } else if let (true, Some(name)) = (is_object(part), part.file_name()) {
                let file = place.join(name);
                let object = Object::open(part).map_err(|e| unreadable(part, &e))?;
                copy(&mut Stream::of(object), &file).map_err(|e| unreadable(part, &e))?;
                file
            } else {
                part.clone()
            };
            unpacked.storage = storage_of(&file).map_err(|error| error.about(part))?;
            *part = file;
        }
        Ok(unpacked)
    }
}

/// Writes input to a file whose name says what its first bytes are.
fn write_input(mut input: impl BufRead, place: &Path) -> io::Result<PathBuf> {
    if input.fill_buf()?.starts_with(GZIP) {
        return write_plain(BufReader::new(MultiGzDecoder::new(input)), place);
    }
    write_plain(input, place)
}

fn write_plain(mut input: impl BufRead, place: &Path) -> io::Result<PathBuf> {
    let start = input.fill_buf()?;
    let extension = match start {
        [b'P', b'A', b'R', b'1', ..] => "parquet",
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [0xff, 0xff, 0xff, 0xff, ..] => "arrow",
        text if text.trim_ascii_start().starts_with(b"{") => "ndjson",
        _ => "csv",
    };
    let file = place.join("stdin").with_extension(OsStr::new(extension));
    copy(&mut input, &file)?;
    Ok(file)
}

fn copy(input: &mut impl Read, file: &Path) -> io::Result<()> {
    io::copy(input, &mut File::create(file)?).map(drop)
}
