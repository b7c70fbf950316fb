//! What an update changed: the blocks of the dataset before it and after it in, numbers of rows out.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use isd_dataset::block::BlockRecord;
use isd_dataset::layout::{part_name, staged_part_name};
use isd_dataset::read::RowGroup;
use rayon::prelude::*;
use serde::Serialize;

use crate::series::{BatchRows, same, stored_batch, stored_row_groups};
use crate::{ColumnInfo, Result};

/// What became of the source files. A file that is there is counted once; those that are gone are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FileChanges {
    /// Files that the dataset held no rows of.
    #[serde(rename = "files_new")]
    pub new: u64,
    /// Files that were written to since they were read, or could not be read at the last time.
    #[serde(rename = "files_changed")]
    pub changed: u64,
    /// Files that are as they were.
    #[serde(rename = "files_unchanged")]
    pub unchanged: u64,
    /// Files that cannot be read, or not to their ends: rows that the dataset held of them stay.
    #[serde(rename = "files_unreadable")]
    pub unreadable: u64,
    /// Files that the dataset held rows of and that are not there any more.
    #[serde(rename = "files_gone")]
    pub gone: u64,
}

/// Numbers of rows that an update changed, by station and time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RowChanges {
    /// Rows that were not there before.
    #[serde(rename = "rows_added")]
    pub added: u64,
    /// Rows that have other values than before.
    #[serde(rename = "rows_replaced")]
    pub replaced: u64,
    /// Rows that are not there any more.
    #[serde(rename = "rows_removed")]
    pub removed: u64,
}

/// A dataset's directory, its blocks by name, and how their parts are called.
pub(super) struct Blocks<'a> {
    pub(super) directory: &'a Path,
    pub(super) blocks: &'a BTreeMap<String, BlockRecord>,
}

impl RowChanges {
    /// Compares a dataset, `old`, with the one that is to take its place, `new`, but for the blocks that `kept` says. Both have
    /// these columns.
    ///
    /// # Errors
    /// A file that cannot be read. A block of the old dataset that is damaged counts as none.
    pub(super) fn between(
        old: &Blocks<'_>,
        new: &Blocks<'_>,
        columns: &[ColumnInfo],
        kept: impl Fn(&str) -> bool + Sync,
    ) -> Result<Self> {
        let mut names: Vec<&String> = old.blocks.keys().chain(new.blocks.keys()).collect();
        names.sort();
        names.dedup();
        let changes = names.into_par_iter().with_max_len(1).filter(|name| !kept(name)).map(|name| {
            let before = old.blocks.get(name).filter(|block| block.is_whole(old.directory, part_name));
            match (before, new.blocks.get(name)) {
                (Some(before), Some(after)) => {
                    let before = stored_row_groups(old.directory, before, part_name)?;
                    let after = stored_row_groups(new.directory, after, staged_part_name)?;
                    Self::of_rows(StoredRows::new(before, columns)?, StoredRows::new(after, columns)?)
                }
                (before, after) => Ok(Self {
                    added: after.map_or(0, |block| block.rows),
                    replaced: 0,
                    removed: before.map_or(0, |block| block.rows),
                }),
            }
        });
        changes.try_reduce(Self::default, |a, b| {
            Ok(Self {
                added: a.added + b.added,
                replaced: a.replaced + b.replaced,
                removed: a.removed + b.removed,
            })
        })
    }

    /// Compares sorted rows.
    fn of_rows(mut before: StoredRows<'_>, mut after: StoredRows<'_>) -> Result<Self> {
        let mut changes = Self::default();
        loop {
            let order = match (before.key(), after.key()) {
                (None, None) => return Ok(changes),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(before), Some(after)) => before.cmp(&after),
            };
            match order {
                Ordering::Less => changes.removed += 1,
                Ordering::Greater => changes.added += 1,
                Ordering::Equal => changes.replaced += u64::from(!before.says_the_same(&after)),
            }
            if order != Ordering::Greater {
                before.step()?;
            }
            if order != Ordering::Less {
                after.step()?;
            }
        }
    }
}

/// The rows of a block, one after another.
struct StoredRows<'a> {
    groups: std::vec::IntoIter<RowGroup>,
    columns: &'a [ColumnInfo],
    rows: Option<BatchRows>,
}

impl<'a> StoredRows<'a> {
    fn new(groups: Vec<RowGroup>, columns: &'a [ColumnInfo]) -> Result<Self> {
        let mut rows = Self { groups: groups.into_iter(), columns, rows: None };
        rows.next_group()?;
        Ok(rows)
    }

    fn next_group(&mut self) -> Result<()> {
        let batch = self.groups.next().map(|group| stored_batch(&group, self.columns));
        self.rows = batch.transpose()?.map(BatchRows::new);
        Ok(())
    }

    /// Station and time of the row; `None` after the last.
    fn key(&self) -> Option<(&Arc<str>, i64)> {
        self.rows.as_ref()?.key()
    }

    fn step(&mut self) -> Result<()> {
        let Some(rows) = &mut self.rows else { return Ok(()) };
        rows.step();
        if rows.key().is_none() { self.next_group() } else { Ok(()) }
    }

    /// Whether the row has the values of one of other rows, to the bit.
    fn says_the_same(&self, other: &Self) -> bool {
        let (Some(own), Some(other)) = (&self.rows, &other.rows) else { return false };
        let columns = own.batch.columns.iter().zip(&other.batch.columns);
        columns.into_iter().all(|(a, b)| same(a, own.row, b, other.row))
    }
}
