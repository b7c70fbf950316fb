//! In: Parquet files that a pattern matches, below directories such as `block=72`; out: how to list just these of a directory,
//! so that they have the columns that the directory would have.
//!
//! The engine knows Hive keys of what lies below a directory, not of files that are named one by one.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::datasource::listing::helpers::parse_partitions_for_path;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::utils::{conjunction, disjunction};
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::col;
use glob::Pattern;
use isd_dataset::layout::MANIFEST;

use super::TableSource;
use super::files::{is_pattern, parquet_files, table_url};
use crate::error::Result;

/// Some of the Parquet files below a directory.
#[derive(Debug)]
pub(super) struct Selection {
    /// The directory above all keys, with the pattern of what follows the keys.
    pub url: ListingTableUrl,
    /// Whether `isd-convert` wrote the directory.
    pub is_of_dataset: bool,
    /// The files, as the engine names them.
    files: Vec<ListingTableUrl>,
}

impl Selection {
    /// The files of a pattern; none where they have no keys, or no pattern says which files of a directory they are.
    pub fn of(source: &TableSource) -> Result<Option<Self>> {
        if !is_pattern(source.path()) {
            return Ok(None);
        }
        let Some(base) = source.parts.first().and_then(|part| above_keys(part)) else { return Ok(None) };
        let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
        // The engine matches what is left of a path without its keys.
        let base_depth = if base == Path::new(".") { 0 } else { base.components().count() };
        let pattern: Vec<String> = source
            .path()
            .components()
            .skip(base_depth)
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .filter(|part| !part.contains('='))
            .collect();
        let directory = table_url(&base)?;
        let files = source.parts.iter().map(|part| table_url(part)).collect::<Result<Vec<_>>>()?;
        let is_of_dataset = base.join(MANIFEST).is_file();
        // Where the names do not matter the keys alone tell the files.
        for pattern in [Pattern::new(&pattern.join("/")).ok(), None] {
            let Ok(url) = ListingTableUrl::try_new(directory.get_url().clone(), pattern) else { continue };
            let selection = Self { url, is_of_dataset, files: files.clone() };
            if selection.is_exact(&base)? {
                return Ok(Some(selection));
            }
        }
        Ok(None)
    }

    /// Whether the pattern and the keys tell the files from all others below the directory.
    fn is_exact(&self, directory: &Path) -> Result<bool> {
        let wanted: BTreeSet<&str> = self.files.iter().map(|file| file.prefix().as_ref()).collect();
        let keys: BTreeSet<Vec<&str>> =
            self.files.iter().filter_map(|file| self.key_segments(file)).collect();
        if keys.iter().any(Vec::is_empty) {
            return Ok(false);
        }
        let mut listed = 0;
        for file in parquet_files(directory)? {
            let file = table_url(&file)?;
            let is_listed = self.url.contains(file.prefix(), false)
                && self.key_segments(&file).is_some_and(|segments| keys.contains(&segments));
            if is_listed && !wanted.contains(file.prefix().as_ref()) {
                return Ok(false);
            }
            listed += usize::from(is_listed);
        }
        Ok(listed == wanted.len())
    }

    /// The parts of a file's path below the directory that are `key=value`.
    fn key_segments<'a>(&self, file: &'a ListingTableUrl) -> Option<Vec<&'a str>> {
        Some(self.url.strip_prefix(file.prefix())?.filter(|segment| segment.contains('=')).collect())
    }

    /// Which values of the keys the files have, as a filter; none where not every part `key=value` of a path is a column, so
    /// that the columns do not tell which files are meant.
    pub fn filter(&self, keys: &[(String, DataType)]) -> EngineResult<Option<Expr>> {
        let mut rows = BTreeSet::new();
        for file in &self.files {
            let names = keys.iter().map(|(name, _)| name.as_str());
            let values = parse_partitions_for_path(&self.url, file.prefix(), names);
            let depth = self.key_segments(file).map_or(0, |segments| segments.len());
            let Some(values) = values.filter(|values| values.len() == depth) else { return Ok(None) };
            rows.insert(values);
        }
        let mut filters = Vec::with_capacity(rows.len());
        for row in rows {
            let mut equal = Vec::with_capacity(row.len());
            for ((name, data_type), value) in keys.iter().zip(row) {
                let value = ScalarValue::try_from_string(value.into_owned(), data_type)?;
                equal.push(col(name).eq(lit(value)));
            }
            filters.extend(conjunction(equal));
        }
        Ok(disjunction(filters))
    }
}

/// The part of a path above the first `key=value`; none where there is none, or where a file has it in its name.
fn above_keys(file: &Path) -> Option<PathBuf> {
    let is_key = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains('=');
    let directory = file.parent()?;
    let depth = directory.components().position(|part| is_key(&part))?;
    Some(directory.components().take(depth).collect())
}
