//! GHCNh, the successor of ISD: its pipe-separated files and Parquet copies in, a [`Source`] of their rows out.
//!
//! Both header generations (238 and 329 columns) and every Parquet copy give the same columns: ISD's measurements under
//! their canonical names, then GHCNh's other numeric variables.

mod csv;
mod parquet;
mod psv;
mod quality;
mod variables;

use csv::CsvLines;
pub use parquet::is_ghcnh as is_parquet;
use psv::PsvLines;

use super::text::TextSource;
use crate::{Error, Format, Head, Input, ReadOptions, Result, Source};

const PARQUET_MAGIC: &[u8] = b"PAR1";

/// GHCNh, as text or Parquet.
#[derive(Debug)]
pub struct Ghcnh;

impl Format for Ghcnh {
    fn name(&self) -> &'static str {
        "ghcnh"
    }

    fn is_text(&self, head: &Head) -> bool {
        !head.text.starts_with(PARQUET_MAGIC)
    }

    /// Whether it is GHCNh's text. Only the end of a Parquet file says which columns it has: see [`is_parquet`].
    fn recognises(&self, head: &Head) -> bool {
        psv::recognises(head) || csv::recognises(head)
    }

    fn open(&self, input: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
        let head = input.head()?;
        if head.text.starts_with(PARQUET_MAGIC) {
            if let Some(compression) = head.compression {
                let name = compression.name();
                return Err(Error::Format {
                    path: input.path().to_path_buf(),
                    found: format!("is a Parquet file inside {name}, which can only be read from its start"),
                    hint: Some(format!("unpack it with `{}` first", compression.program())),
                });
            }
            return parquet::open(input, options);
        }
        if csv::recognises(&head) && !psv::recognises(&head) {
            let lines = CsvLines::new(head.first_line(), options)
                .map_err(|error| error.of(input, "a file of GHCNh begins with a header of its names"))?;
            return Ok(Box::new(TextSource::new(input, lines, options)?));
        }
        let lines = PsvLines::new(head.first_line(), options).map_err(|error| {
            error.of(input, "a file of GHCNh begins with a header of names between pipes")
        })?;
        Ok(Box::new(TextSource::new(input, lines, options)?))
    }
}
