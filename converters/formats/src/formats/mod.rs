//! The formats: an [`Input`] in, the [`Source`] that reads it out, by its content or by the name of its format.

pub mod ghcnh;
mod global_hourly;
pub mod hdf5;
mod isd_groups;
mod isd_lite;
mod isd_raw;
mod station_csv;
mod table;
pub mod text;

use std::path::Path;

use isd_dataset::layout::{STATION_ID, TIMESTAMP};
use isd_dataset::names::list;

use table::dialect::Dialect;
use table::names::how_to_name;

use crate::compression::Compression;
use crate::{Error, Format, Head, Input, ReadOptions, Result, Source};

/// All formats, the most easily told apart first.
pub const FORMATS: [&dyn Format; 8] = [
    &hdf5::Hdf5,
    &isd_lite::IsdLite,
    &isd_raw::IsdRaw,
    &ghcnh::Ghcnh,
    &global_hourly::GlobalHourly,
    &table::Parquet,
    &table::ArrowIpc,
    &station_csv::StationCsv,
];

/// Opens a file of observations, recognising its format by its content unless the options name it.
///
/// ```no_run
/// use isd_formats::{ReadOptions, Result, open};
///
/// fn main() -> Result<()> {
///     let mut source = open("isdlite.hdf5".as_ref(), &ReadOptions::default())?;
///     while let Some(batch) = source.next_batch()? {
///         println!("{} rows of {} stations", batch.rows(), batch.stations.len());
///     }
///     Ok(())
/// }
/// ```
///
/// # Errors
/// What the file is or lacks.
pub fn open(path: &Path, options: &ReadOptions) -> Result<Box<dyn Source>> {
    open_input(&Input::file(path), options)
}

/// Opens a file of observations, or a member of an archive, as [`open`] does.
///
/// # Errors
/// What the file is or lacks.
pub fn open_input(input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
    format_of(input, options)?.open(input, options)
}

/// The format that the options name, or that the content is of.
///
/// # Errors
/// A name that no format has, an unreadable file, or one that no format recognises.
pub fn format_of(input: &Input, options: &ReadOptions) -> Result<&'static dyn Format> {
    if let Some(name) = &options.format {
        let has_name =
            |format: &&dyn Format| format.name() == name || format.aliases().contains(&name.as_str());
        return FORMATS.into_iter().find(has_name).ok_or_else(|| Error::Format {
            path: input.path().to_path_buf(),
            found: format!("cannot be read as {name}, which is no format"),
            hint: Some(format!("the formats are {}", format_names().join(", "))),
        });
    }
    let head = input.head()?;
    FORMATS
        .into_iter()
        .find(|format| format.recognises_with(&head, options))
        .ok_or_else(|| refused(input, &head, options))
}

/// Names of all formats, without their aliases.
#[must_use]
pub fn format_names() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name()).collect()
}

/// The error of a file that no format recognises.
fn refused(input: &Input, head: &Head, options: &ReadOptions) -> Error {
    let inside = head.compression.zip(Compression::of(&head.text));
    let (found, hint) = match head.text.as_slice() {
        _ if inside.is_some() => inside.map(compressed_twice).unwrap_or_default(),
        [] => ("is empty, expected a file of observations".to_owned(), None),
        [b'C', b'D', b'F', 1 | 2 | 5, ..] => (
            "is a classic netCDF-3 file, expected HDF5 or netCDF-4".to_owned(),
            Some("convert it with `nccopy -k nc4 in.nc out.nc`, which writes HDF5".to_owned()),
        ),
        [0x0e, 0x03, 0x13, 0x01, ..] => (
            "is an HDF4 file, expected HDF5".to_owned(),
            Some("convert it with `h4toh5` of the HDF Group".to_owned()),
        ),
        [b'P', b'K', 3, 4, ..] => packed("a zip archive inside another file", "unzip"),
        [0x5d, 0, 0, ..] => packed("compressed as .lzma", "unlzma"),
        text if text.get(257..262) == Some(b"ustar") => packed("a tar archive inside another", "tar -xf"),
        [0x1f, 0x9d, ..] => packed("compressed by `compress`, as .Z", "uncompress"),
        [b'7', b'z', 0xbc, 0xaf, ..] => packed("a 7z archive", "7z x"),
        [b'R', b'a', b'r', b'!', ..] => packed("a RAR archive", "unrar x"),
        [0x04, 0x22, 0x4d, 0x18, ..] => packed("compressed as .lz4", "unlz4"),
        text if is_page(text) => (
            format!("is a web page{}, expected observations", title(text)),
            Some("a server answered with it instead of the file: download the file again".to_owned()),
        ),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => (
            "begins as UTF-16 or UTF-32 and cannot be decoded".to_owned(),
            Some("save it as UTF-8".to_owned()),
        ),
        text if text.starts_with(b"\"TOA5\"") || text.starts_with(b"TOA5,") => (
            "is a TOA5 table of a Campbell logger, whose header has four lines, which is not read".to_owned(),
            Some(
                "leave the names and the rows, as `sed '1d;3,4d'` does, and name the station with --column station_id==STATION"
                    .to_owned(),
            ),
        ),
        _ if is_aligned(head) => (
            "is a table whose columns are separated by blanks, as NDBC's are, which is not read".to_owned(),
            Some(
                "put commas between the columns, join those of the time to one, and leave out the line of units"
                    .to_owned(),
            ),
        ),
        _ if Dialect::of(head).is_table(head) => of_unknown_keys(&Dialect::of(head), options),
        _ => (
            "is of no format that is known here".to_owned(),
            Some(format!("the formats are {}; --format names one", format_names().join(", "))),
        ),
    };
    Error::Format { path: input.path().to_path_buf(), found, hint }
}

/// What a table is that has no column for a key, or for both, and how the user names it.
fn of_unknown_keys(table: &Dialect, options: &ReadOptions) -> (String, Option<String>) {
    let lacking = table.lacking(options);
    let found = format!(
        "is a table without a column known as {}; it has {}",
        lacking.join(" and "),
        list(&table.names)
    );
    let hint = match lacking.as_slice() {
        [key] => how_to_name(key),
        _ => format!("name them with --column {STATION_ID}=NAME --column {TIMESTAMP}=NAME"),
    };
    (found, Some(hint))
}

/// What a file is that is compressed twice, and what to do about it.
fn compressed_twice((outer, inner): (Compression, Compression)) -> (String, Option<String>) {
    let found = format!("is compressed by {} inside {}, which is not read", inner.name(), outer.name());
    (found, Some(format!("unpack it with `{}` first", outer.program())))
}

/// Whether a text is a table whose columns are separated by blanks: three names or more, and lines below of as many words.
fn is_aligned(head: &Head) -> bool {
    let mut lines = head.lines().filter(|line| !line.trim_ascii().is_empty());
    let words = |line: &[u8]| line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
    let header = lines.next().unwrap_or_default();
    let is_of_names = header.iter().any(u8::is_ascii_alphabetic)
        && !header.iter().any(|byte| b",;|<".contains(byte) || *byte < b' ');
    let whole: Vec<&[u8]> = lines.take(3).collect();
    let names = words(header);
    is_of_names && names > 2 && whole.len() > 1 && whole.iter().all(|line| words(line) == names)
}

/// What a compressed file or an archive is that is not read here, and the program that unpacks it.
fn packed(what: &str, program: &str) -> (String, Option<String>) {
    (format!("is {what}, which is not read"), Some(format!("unpack it with `{program}` first")))
}

/// Whether a text is a page in HTML or a server's answer in XML.
fn is_page(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    [b"<!doctype html".as_slice(), b"<html", b"<head", b"<?xml", b"<error"]
        .iter()
        .any(|start| text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start)))
}

/// The title of a page, in brackets and after a blank; empty where there is none.
fn title(page: &[u8]) -> String {
    let page = String::from_utf8_lossy(page);
    let lower = page.to_ascii_lowercase();
    let between = || {
        let start = lower.find("<title>")? + "<title>".len();
        let end = start + lower.get(start..)?.find("</title>")?;
        page.get(start..end)
    };
    let words: Vec<&str> = between().unwrap_or("").split_whitespace().take(12).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(" ")) }
}
