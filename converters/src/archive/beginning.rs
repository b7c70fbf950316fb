//! The beginning of a file: the file or a member of an archive in, its columns, its first row and how to open it out.

use std::sync::Arc;

use isd_dataset::layout::check_columns;

use super::files::{Opener, SourceFile};
use crate::{Format, Input, ReadOptions, Result, Source, SourceInfo, format_of};

/// A file, or a member of an archive file, and what its beginning says.
pub struct Probed<O = Opener> {
    pub file: SourceFile,
    /// `None` of a file that cannot be read.
    pub beginning: Option<Beginning<O>>,
}

/// What the beginning of a file says.
pub struct Beginning<O = Opener> {
    pub info: SourceInfo,
    /// Layouts found: of an archive file those of its members, each once.
    pub layouts: Vec<&'static str>,
    /// Station and time of the first row, where it was read.
    pub first: Option<(Arc<str>, i64)>,
    /// What opens the file; nothing for members of archive files.
    pub opener: O,
}

impl<O> Beginning<O> {
    /// What is known of a source that was just opened. Its `first` row is read where that puts it in order among others.
    ///
    /// # Errors
    /// A first batch that cannot be read.
    pub fn of(mut source: Box<dyn Source>, opener: O, first: bool) -> Result<Self> {
        let first = if first { source.next_batch()? } else { None };
        let first = first.and_then(|batch| {
            let station = batch.stations.iter().find(|run| run.rows > 0)?;
            Some((Arc::clone(&station.station_id), *batch.timestamps.first()?))
        });
        Ok(Self { info: source.info().clone(), layouts: vec![source.info().layout], first, opener })
    }
}

/// Looks at the beginning of a member of an archive file.
pub fn look_at_member(member: &Input, options: &ReadOptions) -> Result<Probed<()>> {
    let source = open_member(member, options)?;
    check_columns(&source.info().columns, member.path())?;
    let file = SourceFile { path: member.path().to_path_buf(), bytes: 0, modified_ns: 0 };
    Ok(Probed { file, beginning: Some(Beginning::of(source, (), false)?) })
}

/// Opens a member of an archive file for those of the measurements asked for that it has.
pub fn open_member(member: &Input, options: &ReadOptions) -> Result<Box<dyn Source>> {
    Ok(open_what_there_is(format_of(member, options)?, member, options, false)?.0)
}

/// Opens a file for those of the measurements asked for that it has, and says with which options: where other files
/// have the rest, its rows lack them. Where the file is `alone`, it must have them all.
pub fn open_what_there_is(
    format: &dyn Format,
    input: &Input,
    options: &ReadOptions,
    alone: bool,
) -> Result<(Box<dyn Source>, ReadOptions)> {
    let error = match format.open(input, options) {
        Ok(source) => return Ok((source, options.clone())),
        Err(error) if alone || options.measurements.is_empty() => return Err(error),
        Err(error) => error,
    };
    let mut own = ReadOptions { measurements: Vec::new(), ..options.clone() };
    // A file that cannot be opened at all is refused for the reason of the first attempt.
    let Ok(everything) = format.open(input, &own) else { return Err(error) };
    let has = |name: &&String| everything.info().columns.iter().any(|column| column.name == **name);
    own.measurements = options.measurements.iter().filter(has).cloned().collect();
    if own.measurements.len() == options.measurements.len() {
        return Err(error);
    }
    // A file that has none of them is opened for all its columns: its rows count all the same.
    Ok((if own.measurements.is_empty() { everything } else { format.open(input, &own)? }, own))
}
