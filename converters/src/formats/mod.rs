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

use isd_dataset::names::list;

use table::dialect::Dialect;

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
/// use isd_converters::{ReadOptions, Result, open};
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
        .ok_or_else(|| refused(input, &head))
}

/// Names of all formats, without their aliases.
#[must_use]
pub fn format_names() -> Vec<&'static str> {
    FORMATS.iter().map(|format| format.name()).collect()
}

/// The error of a file that no format recognises.
fn refused(input: &Input, head: &Head) -> Error {
    let (found, hint) = match head.text.as_slice() {
        [] => ("is empty, expected a file of observations".to_owned(), None),
        [b'C', b'D', b'F', 1 | 2 | 5, ..] => (
            "is a classic netCDF-3 file, expected HDF5 or netCDF-4".to_owned(),
            Some("convert it with `nccopy -k nc4 in.nc out.nc`, which writes HDF5".to_owned()),
        ),
        [0x0e, 0x03, 0x13, 0x01, ..] => (
            "is an HDF4 file, expected HDF5".to_owned(),
            Some("convert it with `h4toh5` of the HDF Group".to_owned()),
        ),
        [b'P', b'K', 3, 4, ..] => {
            ("is a zip file".to_owned(), Some("unpack it with `unzip` first".to_owned()))
        }
        _ if head.text.starts_with(&[0xff, 0xfe]) || head.text.starts_with(&[0xfe, 0xff]) => (
            "is of no format that is known here: it begins as UTF-16 or UTF-32".to_owned(),
            Some("save it as UTF-8".to_owned()),
        ),
        _ if Dialect::of(head).is_table() => (
            format!("is of no format that is known here: a table of {}", list(&Dialect::of(head).names)),
            Some("name its keys: --column station_id=NAME --column timestamp=NAME".to_owned()),
        ),
        _ => (
            "is of no format that is known here".to_owned(),
            Some(format!("the formats are {}; --format names one", format_names().join(", "))),
        ),
    };
    Error::Format { path: input.path().to_path_buf(), found, hint }
}
