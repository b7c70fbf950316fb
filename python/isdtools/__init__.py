"""Outliers in weather station archives: the isd tools, for Python.

Datasets and archives on disk: :func:`convert`, :func:`inspect`, :func:`detect`, :func:`qc`, :func:`events`. Tables in
memory, of any library that speaks Arrow (Polars, pandas 3, pyarrow, DuckDB): :func:`outliers`, :func:`rolling_mean`,
:func:`rolling_std`, :func:`rolling_zscore`, :func:`forward_fill`. Pictures: :func:`plot_series`. Many machines: :func:`parts` and :func:`join`,
:mod:`isdtools.dask`, :mod:`isdtools.spark`. Lazy plans: :mod:`isdtools.polars`.
"""

from ._errors import IsdError, IsdWarning
from ._memory import forward_fill, outliers, rolling_mean, rolling_std, rolling_zscore
from ._native import __version__
from ._parts import Part, PartOutliers, join, parts
from ._plots import Plot, plot_series
from ._table import Table
from ._tools import convert, detect, events, inspect, qc

__all__ = [
    "IsdError",
    "IsdWarning",
    "Part",
    "PartOutliers",
    "Plot",
    "Table",
    "__version__",
    "convert",
    "detect",
    "events",
    "forward_fill",
    "inspect",
    "join",
    "outliers",
    "parts",
    "plot_series",
    "qc",
    "rolling_mean",
    "rolling_std",
    "rolling_zscore",
]
