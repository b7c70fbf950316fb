//! A look at the beginning of every file: paths in, what each beginning says out, in the order of the first rows.

use std::path::PathBuf;
use std::sync::Arc;

use isd_dataset::layout::check_columns;
use rayon::prelude::*;

use super::beginning::{Beginning, Probed, open_what_there_is};
use super::combined::{check_wanted, refuse_other_units};
use super::failures::Failures;
use super::files::{Opener, SourceFile};
use super::progress::ReadProgress;
use super::tar::{Members, TarSource};
use super::tar_entries::is_tar;
use super::zip_entries::is_zip;
use crate::{Error, Head, Input, ReadOptions, Result, format_names, format_of};

/// A file of more stored bytes is read piece by piece, and one of fewer as a whole, beside others.
const SMALL_BYTES: u64 = 8 << 20;

/// Looks at every file, several at a time.
///
/// # Errors
/// A file that cannot be read and must not be left out, or measurements asked for that no file has.
pub fn probe(
    paths: &[PathBuf],
    options: &ReadOptions,
    failures: &Failures,
    progress: &Arc<ReadProgress>,
) -> Result<Vec<Probed>> {
    // A single file need not be put in order, and its error is the error of all.
    let alone = paths.len() == 1;
    let found: Vec<Result<(SourceFile, Beginning)>> = paths
        .par_iter()
        .with_max_len(1)
        .map(|path| {
            let file = SourceFile::at(path)?;
            let beginning = look(&file, options, failures, progress, alone)?;
            Ok((file, beginning))
        })
        .collect();
    let mut probed = Vec::new();
    for (path, found) in paths.iter().zip(found) {
        match found {
            Ok((file, beginning)) => probed.push(Probed { file, beginning: Some(beginning) }),
            Err(error) if alone => return Err(error),
            Err(error) => {
                failures.add(path, error)?;
                // It is listed among the files of the archive, even where nothing is known of it.
                let unknown = |_| SourceFile { path: path.clone(), bytes: 0, modified_ns: 0 };
                let file = SourceFile::at(path).unwrap_or_else(unknown);
                probed.push(Probed { file, beginning: None });
            }
        }
    }
    refuse_other_units(&mut probed, failures)?;
    if probed.iter().all(|file| file.beginning.is_none()) {
        return Err(none_readable(paths, failures));
    }
    check_wanted(&probed, options)?;
    // Stable: files whose first rows are unknown or the same keep the order in which they were named.
    probed.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok(probed)
}

/// The key that files are sorted by: those whose first row is known come first, by its station and time.
fn key(probed: &Probed) -> (bool, Option<&(Arc<str>, i64)>) {
    let first = probed.beginning.as_ref().and_then(|beginning| beginning.first.as_ref());
    (first.is_none(), first)
}

/// Looks at the beginning of one file, or of each member where it is a tar archive.
fn look(
    file: &SourceFile,
    options: &ReadOptions,
    failures: &Failures,
    progress: &Arc<ReadProgress>,
    alone: bool,
) -> Result<Beginning> {
    let input = Input::file(&file.path);
    let head = input.head()?;
    let counting = input.clone().counted(progress.counter());
    if is_tar(&head) || is_zip(&head) {
        let members = Arc::new(Members::look(&input, options, failures, alone)?);
        let open = {
            let (members, options, failures) = (Arc::clone(&members), options.clone(), failures.clone());
            move |input: &Input| Box::new(TarSource::open(input, &options, &failures, &members))
        };
        let source = open(&input);
        let opener = Opener { open: Box::new(move || Ok(open(&counting))), small: false };
        return Ok(Beginning { layouts: members.layouts.clone(), ..Beginning::of(source, opener, !alone)? });
    }
    let format = format_of(&input, options)?;
    // The beginning of a text says all that is asked for here.
    let beginning = whole_lines(&input, &head).filter(|_| format.is_text(&head));
    let (source, options) = open_what_there_is(format, beginning.as_ref().unwrap_or(&input), options, alone)?;
    check_columns(&source.info().columns, &file.path)?;
    let opener =
        Opener { open: Box::new(move || format.open(&counting, &options)), small: file.bytes <= SMALL_BYTES };
    Beginning::of(source, opener, !alone)
}

/// The whole lines of a file's head, as an input of the same name; `None` where there are none.
fn whole_lines(input: &Input, head: &Head) -> Option<Input> {
    let end = head.text.iter().rposition(|&byte| byte == b'\n')? + 1;
    Some(input.with_content(head.text.get(..end)?.to_vec().into()))
}

/// The error of files none of which can be read.
fn none_readable(paths: &[PathBuf], failures: &Failures) -> Error {
    let failures = failures.list();
    let first = failures.first();
    let path = first.map(|failure| &failure.path).or(paths.first()).map_or_else(PathBuf::new, Clone::clone);
    let reason = first.map(|failure| {
        let message = failure.error.to_string();
        let own = format!("{}: ", path.display());
        format!("; this one: {}", message.strip_prefix(&own).unwrap_or(&message))
    });
    Error::Format {
        found: format!("none of the {} files can be read{}", paths.len(), reason.as_deref().unwrap_or("")),
        hint: first.and_then(|failure| failure.error.hint()).or_else(|| {
            Some(format!("name files of observations: the formats are {}", format_names().join(", ")))
        }),
        path,
    }
}
