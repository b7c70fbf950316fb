//! In: a dataset's table and the filters of a query; out: the same table, its files picked by station as well.
//!
//! A dataset keeps a station under `block=`, the first two characters of its id. A query that names stations
//! need not list, let alone open, the files of other blocks; the engine alone would look into the statistics
//! of every one of them.

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

/// The Hive key of a dataset.
pub(super) const BLOCK: &str = "block";

const STATION_ID: &str = "station_id";

/// Characters of a station's id that make its block.
const BLOCK_LENGTH: usize = 2;

/// The files of a dataset.
#[derive(Debug)]
pub(super) struct BlockTable(pub ListingTable);

#[async_trait]
impl TableProvider for BlockTable {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        self.0.table_type()
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
            .filter_map(blocks_of)
            .map(|blocks| col(BLOCK).in_list(blocks.into_iter().map(lit).collect(), false))
            .collect();
        filters.extend(blocks);
        self.0.scan(state, projection, &filters, limit).await
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.0.supports_filters_pushdown(filters)
    }
}

/// The blocks outside of which no row can pass the filter, where it says.
fn blocks_of(filter: &Expr) -> Option<BTreeSet<String>> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let station = match (left.as_ref(), right.as_ref()) {
                (column, station) if is_station(column) => station,
                (station, column) if is_station(column) => station,
                _ => return None,
            };
            Some(BTreeSet::from([block_of(text(station)?)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let mut blocks = blocks_of(left)?;
            blocks.append(&mut blocks_of(right)?);
            Some(blocks)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (blocks_of(left), blocks_of(right)) {
                (Some(a), Some(b)) => Some(&a & &b),
                (a, b) => a.or(b),
            }
        }
        Expr::InList(InList { expr, list, negated: false }) if is_station(expr) => {
            list.iter().map(|station| block_of(text(station)?)).collect()
        }
        Expr::Like(Like { negated: false, expr, pattern, escape_char: None, case_insensitive: false })
            if is_station(expr) =>
        {
            let literal = text(pattern)?.split(['%', '_', '\\']).next()?;
            // Of a pattern that ends within the block, `7%`, nothing follows.
            (literal.chars().count() >= BLOCK_LENGTH).then(|| block_of(literal)).flatten().map(|b| [b].into())
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

/// The block of a station, unless its directory's name is encoded: then the files' statistics must do.
fn block_of(station: &str) -> Option<String> {
    let block: String = station.chars().take(BLOCK_LENGTH).collect();
    block.chars().all(|c| c.is_ascii_alphanumeric()).then_some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(filter: &Expr) -> Option<Vec<String>> {
        blocks_of(filter).map(|blocks| blocks.into_iter().collect())
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
