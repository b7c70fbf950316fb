//! Tables of any writer: Parquet and Arrow IPC in, a [`Source`] of their rows out. What CSV shares with them is here, too.
//!
//! The keys are found by their usual names or by those that the user gives (`names`); every other column of numbers, or of
//! texts that are numbers, is a value (`plan`, `meaning`). Arrays of any type become doubles, texts and times (`leaves`,
//! `arrays`, `times`, `markers`).

mod arrays;
mod arrow_check;
mod arrow_ipc;
pub mod clock;
pub mod dialect;
mod leaves;
pub mod markers;
pub mod meaning;
pub mod names;
mod parquet;
mod plan;
mod source;
mod times;

use arrow_ipc::{ArrowFile, FEATHER_1_MAGIC, FILE_MAGIC, STREAM_MAGIC};
use parquet::ParquetFile;
use source::{TableFile, TableSource};

use super::ghcnh;
use super::isd_groups::pad;
use super::text::shown;
use crate::instants::OneUnit;
use crate::{Error, Format, Head, Input, ReadOptions, Result, Source};

/// How Parquet begins.
pub const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Parquet of any writer; where its columns are GHCNh's, it is read as that.
#[derive(Debug)]
pub struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn is_text(&self, _head: &Head) -> bool {
        false
    }

    fn recognises(&self, head: &Head) -> bool {
        head.text.starts_with(PARQUET_MAGIC)
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        refuse_compressed(input, "Parquet")?;
        let file = ParquetFile::open(input)?;
        if options.format.is_none() && ghcnh::is_parquet(file.schema()) {
            return ghcnh::Ghcnh.open(input, options);
        }
        Ok(OneUnit::check(Box::new(TableSource::new(input, &file, options)?)))
    }
}

/// Arrow IPC of any writer, as a file or as a stream.
#[derive(Debug)]
pub struct ArrowIpc;

impl Format for ArrowIpc {
    fn name(&self) -> &'static str {
        "arrow"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["feather", "ipc"]
    }

    fn is_text(&self, _head: &Head) -> bool {
        false
    }

    fn recognises(&self, head: &Head) -> bool {
        [FILE_MAGIC, STREAM_MAGIC, FEATHER_1_MAGIC].iter().any(|magic| head.text.starts_with(magic))
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let head = refuse_compressed(input, "Arrow IPC")?;
        if head.text.starts_with(FEATHER_1_MAGIC) {
            return Err(Error::Format {
                path: input.path().to_path_buf(),
                found: "is a Feather file of version 1, expected version 2".into(),
                hint: Some("write it again with pyarrow.feather.write_feather, or as Parquet".into()),
            });
        }
        let file = ArrowFile::open(input, head.text.starts_with(STREAM_MAGIC))?;
        Ok(OneUnit::check(Box::new(TableSource::new(input, &file, options)?)))
    }
}

/// The beginning of a file that must not be compressed as a whole.
///
/// # Errors
/// A file that is.
fn refuse_compressed(input: &Input, kind: &str) -> Result<Head> {
    let head = input.head()?;
    let Some(compression) = head.compression else { return Ok(head) };
    Err(Error::Format {
        path: input.path().to_path_buf(),
        found: format!(
            "is a file of {kind} inside {}, which can only be read from its start",
            compression.name()
        ),
        hint: Some(format!("unpack it with `{}` first", compression.program())),
    })
}

/// `USAF-WBAN` in `text`, or the USAF alone where there is no column of WBANs, padded with zeros.
///
/// # Errors
/// What is wrong with one of them.
pub fn usaf_wban<'a>(usaf: &[u8], wban: Option<&[u8]>, text: &'a mut [u8; 12]) -> Result<&'a str, String> {
    text[6] = b'-';
    if !pad(&mut text[..6], whole(usaf)) {
        return Err(format!("station_usaf is {}, expected up to 6 digits or capital letters", shown(usaf)));
    }
    let length = match wban {
        None => 6,
        // ISD writes 99999 for a station without a WBAN.
        Some(b"") => {
            text[7..].copy_from_slice(b"99999");
            12
        }
        Some(wban) if pad(&mut text[7..], whole(wban)) => 12,
        Some(wban) => return Err(format!("station_wban is {}, expected up to 5 digits", shown(wban))),
    };
    str::from_utf8(&text[..length]).map_err(|_| "internal error: a station is no text".into())
}

/// An identifier without the fraction that it gets where a column of integers with gaps becomes one of floats.
fn whole(field: &[u8]) -> &[u8] {
    field.strip_suffix(b".0").unwrap_or(field)
}
