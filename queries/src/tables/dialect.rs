//! In: a CSV file; out: what its text says beyond the types that the engine infers from the values: what separates its fields,
//! and which columns hold digits that are a name rather than a number.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::files::unreadable;
use crate::error::{Error, Result};

/// What separates the fields of a line, in the order of preference.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// With it some programs begin text in UTF-8; it is no part of the text.
const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bytes of a number below which float64 holds it, unless it has an exponent.
const LONG_NUMBER: usize = 300;

/// How a CSV file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    /// What separates the fields.
    pub delimiter: u8,
    /// Columns of text, whatever their values look like.
    pub texts: BTreeSet<String>,
}

impl Dialect {
    /// Reads a whole file.
    ///
    /// Of the characters that separate fields, that of a file stands most often in its header. A column is text where a whole
    /// number begins with a zero, which is then part of a name (`007026`); where quotes are around each of its values while
    /// other columns have none; and where its name is that of an identifier of stations.
    ///
    /// # Errors
    /// [`Error::Table`] when the file cannot be read, it is not UTF-8 text with the names of its columns first, two of
    /// these are one, or a number is beyond the range of float64.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(|e| unreadable(path, &e))?);
        let start = file.fill_buf().map_err(|e| unreadable(path, &e))?;
        let start = start.strip_prefix(UTF_8_MARK).unwrap_or(start);
        refuse_other_text(path, start)?;
        let mut fields = Fields::new(delimiter(start));
        let mut is_start = true;
        let mut names: Vec<String> = Vec::new();
        let mut columns: Vec<Column> = Vec::new();
        loop {
            let bytes = file.fill_buf().map_err(|e| unreadable(path, &e))?;
            let (read, is_end) = (bytes.len(), bytes.is_empty());
            let bytes = if is_start { bytes.strip_prefix(UTF_8_MARK).unwrap_or(bytes) } else { bytes };
            is_start = false;
            // The last line may lack its end.
            let bytes = if is_end { b"\n" } else { bytes };
            for &byte in bytes {
                let Some(place) = fields.push(byte) else { continue };
                let refuse = |found: String, hint: &str| {
                    Err(Error::Table { path: path.to_owned(), found, hint: Some(hint.into()) })
                };
                if let Err(error) = std::str::from_utf8(fields.content()) {
                    let byte = fields.content()[error.valid_up_to()];
                    return refuse(
                        format!(
                            "line {}: byte 0x{byte:02x} is not UTF-8; most often such text is Latin-1",
                            place.line
                        ),
                        "convert it: `iconv -f ISO-8859-1 -t UTF-8` in a shell",
                    );
                }
                if place.is_header {
                    let name = String::from_utf8_lossy(fields.content()).into_owned();
                    if names.contains(&name) {
                        return refuse(
                            format!("two columns are called `{name}`"),
                            "rename one of them in the first line",
                        );
                    }
                    columns.push(Column::default());
                    names.push(name);
                } else if let (Some(column), Some(name)) =
                    (columns.get_mut(place.column), names.get(place.column))
                {
                    let value = fields.content();
                    if is_beyond_range(value) {
                        let value = String::from_utf8_lossy(value);
                        return refuse(
                            format!(
                                "line {}, column {name}: `{value}` is beyond the range of float64",
                                place.line
                            ),
                            "correct the number, or write nothing where it is missing",
                        );
                    }
                    column.add(value, fields.is_quoted());
                }
                fields.clear();
            }
            if is_end {
                break;
            }
            file.consume(read);
        }
        // Where everything is in quotes, they tell no column from another.
        let quotes_tell = columns.iter().any(|column| !column.is_all_quoted());
        let is_text = |(name, column): &(String, Column)| {
            column.has_leading_zero || (quotes_tell && column.is_all_quoted()) || is_identifier(name)
        };
        let texts = names.into_iter().zip(columns).filter(is_text).map(|(name, _)| name).collect();
        Ok(Self { delimiter: fields.delimiter, texts })
    }
}

/// Refuses text that is not what a CSV file of a table begins with, by its first bytes.
///
/// # Errors
/// [`Error::Table`] that says what it is.
fn refuse_other_text(path: &Path, start: &[u8]) -> Result<()> {
    let refuse = |found: &str, hint: &str| {
        Err(Error::Table { path: path.to_owned(), found: found.into(), hint: Some(hint.into()) })
    };
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or(start);
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || line.contains(&0) {
        return refuse("the text is UTF-16", "convert it: `iconv -f UTF-16 -t UTF-8` in a shell");
    }
    if start.starts_with(b"#") {
        return refuse(
            "the first line is a comment (`#`), expected the names of the columns",
            "remove the lines before the names: `grep -v '^#'` in a shell",
        );
    }
    let is_one_line = |text: &[u8]| !text.contains(&b'\n') && text.trim_ascii_end().contains(&b'\r');
    if is_one_line(start) {
        return refuse("its lines end in carriage returns alone", "convert it: `tr '\\r' '\\n'` in a shell");
    }
    Ok(())
}

/// What was seen of a column.
#[derive(Debug, Default)]
struct Column {
    /// A whole number that begins with a zero.
    has_leading_zero: bool,
    values: u64,
    quoted: u64,
}

impl Column {
    fn add(&mut self, value: &[u8], is_quoted: bool) {
        if value.is_empty() && !is_quoted {
            return;
        }
        self.values += 1;
        self.quoted += u64::from(is_quoted);
        self.has_leading_zero |=
            value.len() > 1 && value.starts_with(b"0") && value.iter().all(u8::is_ascii_digit);
    }

    /// Whether quotes are around each of its values, of which there is one at least.
    fn is_all_quoted(&self) -> bool {
        self.values > 0 && self.quoted == self.values
    }
}

/// Splits text into fields, byte by byte.
struct Fields {
    delimiter: u8,
    /// The field so far, without the quotes around it.
    content: Vec<u8>,
    quotes: Quotes,
    column: usize,
    line: u64,
    is_header: bool,
}

/// Where a field stands with its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// It has none.
    No,
    /// They are open: what separates fields or lines is text.
    Open,
    /// They were closed, unless another follows at once, which is one of the text.
    Closed,
}

/// A field that has ended.
struct Place {
    is_header: bool,
    column: usize,
    /// Counted from 1, as an editor does.
    line: u64,
}

impl Fields {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, content: Vec::new(), quotes: Quotes::No, column: 0, line: 1, is_header: true }
    }

    /// Takes the next byte; the place of the field that it ends.
    #[inline]
    fn push(&mut self, byte: u8) -> Option<Place> {
        if self.quotes == Quotes::Open {
            if byte == b'"' {
                self.quotes = Quotes::Closed;
            } else {
                self.line += u64::from(byte == b'\n');
                self.content.push(byte);
            }
            return None;
        }
        if byte == b'"' && (self.quotes == Quotes::Closed || self.content.is_empty()) {
            if self.quotes == Quotes::Closed {
                self.content.push(byte);
            }
            self.quotes = Quotes::Open;
            return None;
        }
        if byte != self.delimiter && byte != b'\n' {
            self.content.push(byte);
            return None;
        }
        let ends_line = byte == b'\n';
        if ends_line && self.content.last() == Some(&b'\r') {
            self.content.pop();
        }
        let place = Place { is_header: self.is_header, column: self.column, line: self.line };
        self.line += u64::from(ends_line);
        self.column = if ends_line { 0 } else { self.column + 1 };
        self.is_header &= !ends_line;
        // An empty line has no field.
        let is_empty_line = ends_line && place.column == 0 && self.content.is_empty() && !self.is_quoted();
        (!is_empty_line).then_some(place)
    }

    fn content(&self) -> &[u8] {
        &self.content
    }

    fn is_quoted(&self) -> bool {
        self.quotes != Quotes::No
    }

    fn clear(&mut self) {
        self.content.clear();
        self.quotes = Quotes::No;
    }
}

/// What stands most often in the first line, outside of quotes.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or(start);
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut is_open = false;
    for &byte in line {
        is_open ^= byte == b'"';
        if let (false, Some(which)) = (is_open, DELIMITERS.iter().position(|&known| known == byte)) {
            counts[which] += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or(0);
    DELIMITERS
        .into_iter()
        .zip(counts)
        .find(|(_, count)| *count == most)
        .map_or(b',', |(delimiter, _)| delimiter)
}

/// Whether a column holds identifiers of stations, by the name that NOAA's and others' files give it.
fn is_identifier(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(name.as_str(), "station_id" | "station" | "usaf" | "wban" | "ghcn_id") || name.starts_with("wmo")
}

/// Whether text is a number that float64 takes for infinite.
fn is_beyond_range(value: &[u8]) -> bool {
    let may_be = value.len() > LONG_NUMBER || value.iter().any(|byte| matches!(byte, b'e' | b'E'));
    may_be
        && value.iter().any(u8::is_ascii_digit)
        && std::str::from_utf8(value).is_ok_and(|text| text.trim().parse::<f64>().is_ok_and(f64::is_infinite))
}
