"""Expressions for lazy plans of Polars: the same numbers as those of tables."""

from __future__ import annotations

import isdtools
import isdtools.polars as isd
import polars as pl
import pytest
from conftest import WIND, Observations


@pytest.mark.parametrize("window", [30, "24h"])
def test_expressions_over_stations_are_the_columns_of_tables(window: int | str, small: Observations) -> None:
    frame = pl.DataFrame(small.table)
    time = "timestamp" if isinstance(window, str) else None
    plan = frame.lazy().select(
        isd.rolling_mean(WIND, window, time=time).over("station_id").alias("mean"),
        isd.rolling_std(pl.col(WIND), window, time=time, ddof=1).over("station_id").alias("std"),
        isd.rolling_zscore(WIND, window, time=time).over("station_id").alias("zscore"),
        isd.forward_fill(WIND, window, time=time).over("station_id").alias("filled"),
    )
    assert plan.collect_schema() == pl.Schema({name: pl.Float64() for name in ("mean", "std", "zscore", "filled")})
    found = plan.collect()
    expected = {
        "mean": isdtools.rolling_mean(frame, WIND, window),
        "std": isdtools.rolling_std(frame, WIND, window, ddof=1),
        "zscore": isdtools.rolling_zscore(frame, WIND, window),
        "filled": isdtools.forward_fill(frame, WIND, window),
    }
    for name, table in expected.items():
        assert found[name].alias(WIND).equals(table.to_polars()[WIND], null_equal=True), name
    assert found["zscore"].abs().gt(6).sum() > 0


def test_an_expression_keeps_its_name_and_its_place(small: Observations) -> None:
    frame = pl.LazyFrame(small.table).filter(pl.col("station_id") == small.table["station_id"][0].as_py())
    found = frame.with_columns(isd.forward_fill(WIND)).filter(pl.col(WIND).is_not_null()).collect()
    assert found.columns == small.table.column_names
    assert found.height > 12_000


def test_outliers_are_a_step_of_a_plan(small: Observations) -> None:
    plan = isd.outliers(pl.LazyFrame(small.table), WIND).filter(pl.col("zscore") > 0).select("station_id", "value")
    assert plan.collect_schema().names() == ["station_id", "value"]
    expected = pl.DataFrame(small.expected).filter(pl.col("zscore") > 0).select("station_id", "value")
    assert plan.collect().equals(expected)
    assert expected.height > 0
