//! Directories in; the valid inputs that mutations start from out.

use std::io;
use std::path::Path;

/// The files of `fuzz/seeds/NAME`.
///
/// # Errors
/// The directory cannot be read.
pub fn of_target(name: &str) -> io::Result<Vec<Vec<u8>>> {
    read_directory(&Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name))
}

/// The files of a directory, in the order of their names.
///
/// # Errors
/// The directory or a file of it cannot be read.
pub fn read_directory(directory: &Path) -> io::Result<Vec<Vec<u8>>> {
    let entries = std::fs::read_dir(directory)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    paths.iter().map(std::fs::read).collect()
}
