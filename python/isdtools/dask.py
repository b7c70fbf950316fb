"""Outliers by a Dask cluster: of datasets, and of Dask DataFrames. Needs Dask, with ``distributed`` for datasets.

Each worker must have isdtools, and be able to read the dataset under the same path.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from . import _memory
from ._arguments import PathArgument
from ._parts import Part, join, parts

__all__ = ["detect", "outliers"]

#: Parts for each thread of the cluster: a worker that is done early takes another one.
_PARTS_A_THREAD = 2


def detect(
    dataset: PathArgument,
    measurement: str | Sequence[str] | None = None,
    *,
    client: Any = None,
    n: int | None = None,
    output: PathArgument | None = None,
    **options: Any,
) -> Any:
    """Find the outliers of a dataset by a cluster: :func:`isdtools.detect`, in parts.

    Where a worker is lost, others do its parts again.

    Parameters
    ----------
    dataset : path
        Dataset that ``convert`` wrote, under a path that the workers see.
    measurement : str or sequence of str
        Measurements to test.
    client : distributed.Client, optional
        The cluster. Default: the client that was made last.
    n : int, optional
        Number of parts. Default: two for each thread of the cluster.
    output : path, optional
        File to write, on this machine: byte for byte the one that :func:`isdtools.detect` writes.
    **options
        Those of :func:`isdtools.detect`; ``threads`` of each worker's task is 1 by default.

    Returns
    -------
    Table or dict
        The outliers; with ``output`` the summary as a dict.

    Raises
    ------
    IsdError, ValueError, TypeError
        As :func:`isdtools.detect`.
    """
    if client is None:
        from distributed import get_client

        client = get_client()
    if n is None:
        n = max(1, _PARTS_A_THREAD * sum(client.nthreads().values()))
    options = {"threads": 1, **options}
    # A dataset may have changed since the same was asked for last: nothing is taken from an earlier call.
    found = client.map(_detect, parts(os.path.abspath(dataset), n), measurement=measurement, options=options, pure=False)
    try:
        return join(client.gather(found), output)
    except BaseException:
        client.cancel(found)
        raise


def outliers(
    observations: Any,
    measurements: str | Sequence[str] | None = None,
    *,
    partitioned: bool = False,
    station: str = "station_id",
    **options: Any,
) -> Any:
    """Find the outliers of a Dask DataFrame, partition by partition: :func:`isdtools.outliers`, with the same options.

    Parameters
    ----------
    observations : dask.dataframe.DataFrame
        As :func:`isdtools.outliers` takes it; stations may be its index.
    measurements : str or sequence of str, optional
        Columns to test.
    partitioned : bool
        Whether the rows of each station lie in one partition already. Otherwise they are brought together first.
    station : str
        What the column of stations is called.
    **options
        Those of :func:`isdtools.outliers`; ``threads`` is 1 by default.

    Returns
    -------
    dask.dataframe.DataFrame
        Its partitions are the tables that :func:`isdtools.outliers` gives; sorted within each.
    """
    options = {"threads": 1, "station": station, **options}
    if station not in observations.columns:
        observations = observations.reset_index()
    if not partitioned:
        observations = observations.shuffle(on=station)
    # Tells of bad options before anything runs.
    empty = _outliers(observations._meta, measurements, options)
    return observations.map_partitions(_outliers, measurements, options, meta=empty)


def _detect(part: Part, measurement: str | Sequence[str] | None, options: dict[str, Any]) -> Any:
    return part.detect(measurement, **options)


def _outliers(frame: Any, measurements: str | Sequence[str] | None, options: dict[str, Any]) -> Any:
    return _memory.outliers(frame, measurements, **options).to_pandas()
