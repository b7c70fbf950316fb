"""Rolling statistics and outliers for Polars' lazy plans. Needs Polars.

>>> import isdtools.polars as isd, polars as pl
>>> frame = pl.LazyFrame({"station_id": ["a", "a", "a", "b"], "wind": [0.1, 0.2, 0.6, 9.0]})
>>> frame.select(isd.rolling_mean("wind", 2).over("station_id").alias("mean")).collect()["mean"].to_list()
[None, None, 0.15, None]

Each expression sees a whole series at once: use ``.over("station_id")``, with rows in time order. Values are not copied
on the way in; what Polars gathers for ``over`` it copies itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from . import _memory
from ._arguments import Window
from ._table import Table

__all__ = ["forward_fill", "outliers", "rolling_mean", "rolling_std", "rolling_zscore"]


def rolling_mean(
    values: str | pl.Expr, window: Window = 30, *, time: str | pl.Expr | None = None, **options: Any
) -> pl.Expr:
    """Mean of each row's window: :func:`isdtools.rolling_mean` as an expression.

    Parameters
    ----------
    values : str or expression
        Numbers, in time order.
    window : int, str or timedelta
        Values in the window, or how long it reaches back, such as ``"7d"``.
    time : str or expression
        Times of the rows, which a window that is a time needs.
    **options
        ``include_current``, ``min_periods``.

    Returns
    -------
    polars.Expr
        Float64, as many rows; null where the window holds too few values.
    """
    return _expression(_memory.rolling_mean, values, time, window=window, **options)


def rolling_std(
    values: str | pl.Expr, window: Window = 30, *, time: str | pl.Expr | None = None, **options: Any
) -> pl.Expr:
    """Standard deviation of each row's window: :func:`isdtools.rolling_std` as an expression; see :func:`rolling_mean`."""
    return _expression(_memory.rolling_std, values, time, window=window, **options)


def rolling_zscore(
    values: str | pl.Expr, window: Window = 30, *, time: str | pl.Expr | None = None, **options: Any
) -> pl.Expr:
    """Z-score of each row: :func:`isdtools.rolling_zscore` as an expression; see :func:`rolling_mean`."""
    return _expression(_memory.rolling_zscore, values, time, window=window, **options)


def forward_fill(
    values: str | pl.Expr, limit: Window | None = None, *, time: str | pl.Expr | None = None
) -> pl.Expr:
    """Missing values filled with the last one before them: :func:`isdtools.forward_fill` as an expression.

    Null, NaN and infinite values are missing. A ``limit`` that is a time needs ``time``.
    """
    return _expression(_memory.forward_fill, values, time, limit=limit)


def outliers(
    observations: pl.LazyFrame, measurements: str | Sequence[str] | None = None, **options: Any
) -> pl.LazyFrame:
    """Outliers of a lazy frame: :func:`isdtools.outliers` as a step of its plan, with the same options and table."""

    def find(frame: pl.DataFrame) -> pl.DataFrame:
        return _memory.outliers(frame, measurements, **options).to_polars()

    # The types do not depend on the rows.
    empty = pl.DataFrame(schema=pl.Schema({"station_id": pl.String(), "timestamp": pl.Datetime("us"), "x": pl.Float64()}))
    return observations.map_batches(find, schema=_memory.outliers(empty).to_polars().schema)


def _expression(
    statistic: Callable[..., Table], values: str | pl.Expr, time: str | pl.Expr | None, **options: Any
) -> pl.Expr:
    inputs = [values] if time is None else [values, time]

    def compute(columns: Sequence[pl.Series]) -> pl.Series:
        frame = pl.DataFrame([column.alias(name) for column, name in zip(columns, ("values", "timestamp"))])
        found = pl.Series(statistic(frame, "values", threads=1, **options).to_polars().to_series())
        return found.alias(columns[0].name)

    expressions = [pl.col(input) if isinstance(input, str) else input for input in inputs]
    return pl.map_batches(expressions, compute, return_dtype=pl.Float64)
