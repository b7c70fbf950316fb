//! In: a dataset's table and the filters of a query; out: a table that reads the files of the stations asked for.
//!
//! A dataset keeps a station under `block=`, the first two characters of its id. A query that names stations need not
//! open the files of other blocks; without this the engine would read the statistics of each of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::ListingTable;
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator, TableProviderFilterPushDown, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::col;
use isd_dataset::layout::{BLOCK, STATION_ID, block_of, block_prefix};

use super::station_ranges::in_station_ranges;

/// The files of a dataset, or those below directories of Hive keys that a pattern matches.
#[derive(Debug)]
pub(super) struct BlockTable {
    pub table: ListingTable,
    /// Whether a station lies under the key `block` that its id says.
    pub has_blocks: bool,
    /// Which keys the table has, where it has not all that are there.
    pub only: Option<Expr>,
}

#[async_trait]
impl TableProvider for BlockTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        self.table.table_type()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut filters = filters.to_vec();
        let blocks: Vec<Expr> = filters
            .iter()
            .filter(|_| self.has_blocks)
            .filter_map(blocks_asked_for)
            .map(|blocks| col(BLOCK).in_list(blocks.into_iter().map(lit).collect(), false))
            .collect();
        filters.extend(blocks);
        filters.extend(self.only.clone());
        let scan = self.table.scan(state, projection, &filters, limit).await?;
        let schema = self.schema();
        let asks_for_stations =
            |&column: &usize| schema.fields().get(column).is_some_and(|f| f.name() == STATION_ID);
        if projection.is_none_or(|columns| columns.iter().any(asks_for_stations)) {
            return in_station_ranges(scan, state.config().target_partitions());
        }
        Ok(scan)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }
}

/// The blocks outside of which no row passes the filter; none where rows of any block may.
fn blocks_asked_for(filter: &Expr) -> Option<BTreeSet<String>> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let station = match (left.as_ref(), right.as_ref()) {
                (column, station) if is_station(column) => station,
                (station, column) if is_station(column) => station,
                _ => return None,
            };
            Some(BTreeSet::from([plain_block(text(station)?)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let mut blocks = blocks_asked_for(left)?;
            blocks.append(&mut blocks_asked_for(right)?);
            Some(blocks)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (blocks_asked_for(left), blocks_asked_for(right)) {
                (Some(a), Some(b)) => Some(&a & &b),
                (a, b) => a.or(b),
            }
        }
        Expr::InList(InList { expr, list, negated: false }) if is_station(expr) => {
            list.iter().map(|station| plain_block(text(station)?)).collect()
        }
        Expr::Like(Like { negated: false, expr, pattern, escape_char: None, case_insensitive: false })
            if is_station(expr) =>
        {
            let literal = text(pattern)?.split(['%', '_', '\\']).next()?;
            // What follows a literal within the block, as in `7%`, decides on the block, too.
            let decides = block_prefix(&format!("{literal}0")) == block_prefix(literal);
            decides.then(|| plain_block(literal)).flatten().map(|block| [block].into())
        }
        _ => None,
    }
}

fn is_station(expr: &Expr) -> bool {
    matches!(expr, Expr::Column(column) if column.name == STATION_ID)
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

/// The block of a station; none where the name of its directory is escaped, so that the files' statistics must do.
fn plain_block(station: &str) -> Option<String> {
    let block = block_of(station);
    (block == block_prefix(station)).then_some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(filter: &Expr) -> Option<Vec<String>> {
        blocks_asked_for(filter).map(|blocks| blocks.into_iter().collect())
    }

    #[test]
    fn blocks_follow_from_what_is_asked_of_the_station() {
        let id = || col(STATION_ID);
        let is = |station: &str| id().eq(lit(station));
        let of = |blocks: &[&str]| Some(blocks.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(blocks(&is("722010-12836")), of(&["72"]));
        assert_eq!(blocks(&lit("A00001-99999").eq(id())), of(&["A0"]));
        assert_eq!(blocks(&is("722010").or(is("010010"))), of(&["01", "72"]));
        assert_eq!(blocks(&is("722010").and(is("010010"))), of(&[]), "no station is both");
        assert_eq!(blocks(&is("722010").and(col("value").gt(lit(5)))), of(&["72"]));
        assert_eq!(blocks(&id().in_list(vec![lit("722010"), lit("723")], false)), of(&["72"]));
        assert_eq!(blocks(&id().like(lit("7220%"))), of(&["72"]));
    }

    #[test]
    fn where_nothing_follows_every_block_is_read() {
        let id = || col(STATION_ID);
        assert_eq!(blocks(&id().eq(lit("722010")).or(col("value").gt(lit(5)))), None);
        assert_eq!(blocks(&id().in_list(vec![lit("722010")], true)), None);
        assert_eq!(blocks(&id().not_eq(lit("722010"))), None);
        assert_eq!(blocks(&id().like(lit("7%"))), None);
        assert_eq!(blocks(&id().like(lit("_2%"))), None);
        assert_eq!(blocks(&id().not_like(lit("72%"))), None);
        assert_eq!(blocks(&id().eq(lit("a/b"))), None, "its directory is block=a%2F");
        assert_eq!(blocks(&id().eq(col("other"))), None);
    }
}
