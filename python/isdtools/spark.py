"""Outliers by Spark. Needs PySpark 4 with pyarrow; each executor must have isdtools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import _memory

if TYPE_CHECKING:
    import pyarrow
    import pyspark.sql

__all__ = ["SCHEMA", "outliers"]

#: The table of outliers as Spark writes its types, for ``applyInArrow`` and ``mapInArrow`` of your own.
SCHEMA = (
    "station_id string, timestamp timestamp, measurement string, value double, rolling_mean double, rolling_std double, "
    "zscore double, window_count bigint, filled boolean, window_filled bigint"
)


def outliers(
    observations: pyspark.sql.DataFrame,
    measurements: str | Sequence[str] | None = None,
    *,
    partitions: int | None = None,
    station: str = "station_id",
    time: str = "timestamp",
    **options: Any,
) -> pyspark.sql.DataFrame:
    """Find the outliers of a Spark DataFrame: :func:`isdtools.outliers`, with the same options, by ``mapInArrow``.

    The rows are partitioned by station first. A partition must fit into the memory of an executor's Python process.

    Parameters
    ----------
    observations : pyspark.sql.DataFrame
        Rows with ``station`` (string), ``time`` (timestamp) and columns of numbers, in any order.
    measurements : str or sequence of str, optional
        Columns to test.
    partitions : int, optional
        Number of partitions. Default: that of Spark's shuffles.
    station, time : str
        What the key columns are called.
    **options
        Those of :func:`isdtools.outliers`; ``threads`` is 1 by default.

    Returns
    -------
    pyspark.sql.DataFrame
        The rows that :func:`isdtools.outliers` gives, in no order: see :data:`SCHEMA`.

    Raises
    ------
    TypeError, ValueError
        As :func:`isdtools.outliers` for the columns and options, at once; what it says of the rows, when Spark runs.
    """
    options = {"threads": 1, "station": station, "time": time, **options}
    if measurements is not None:
        names = [measurements] if isinstance(measurements, str) else list(measurements)
        # Nothing else is shuffled. What is not there is told below.
        held = [name for name in (station, time, *names) if name in observations.columns]
        observations = observations.select(*dict.fromkeys(held))
    _memory.outliers(observations.limit(0).toArrow(), measurements, **options)

    def find(batches: Iterable[pyarrow.RecordBatch]) -> Iterator[pyarrow.RecordBatch]:
        import pyarrow

        rows = list(batches)
        if rows:
            yield from _memory.outliers(pyarrow.Table.from_batches(rows), measurements, **options).to_arrow().to_batches()

    keyed = observations.repartition(station) if partitions is None else observations.repartition(partitions, station)
    return keyed.mapInArrow(find, SCHEMA)
