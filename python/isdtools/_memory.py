"""Tables in memory: outliers and rolling statistics of whatever has ``__arrow_c_stream__``."""

from __future__ import annotations

from collections.abc import Sequence

from . import _native
from ._arguments import Option, Window, arguments
from ._table import Table


def outliers(
    observations: object,
    measurements: str | Sequence[str] | None = None,
    window: Window = 30,
    threshold: float = 6,
    *,
    include_current: bool = False,
    min_periods: int | None = None,
    ddof: int = 0,
    min_std: float = 0,
    fill_limit: Window | None = None,
    test_filled: bool = False,
    force: bool = False,
    station: str = "station_id",
    time: str = "timestamp",
    threads: int | None = None,
) -> Table:
    """Find the observations that lie far from those before them: the test of ``isd-detect``, on a table in memory.

    Each missing value of a station is filled with the last one before it. An observed value is an outlier if it lies more
    than ``threshold`` standard deviations from the mean of the ``window`` filled values before it. The decision is exact.

    Parameters
    ----------
    observations : any table with ``__arrow_c_stream__``
        Polars, pandas 3, pyarrow, DuckDB and others; N rows with ``station`` (texts, also categorical or dictionary),
        ``time`` (timestamps of any unit; without a zone they are UTC) and columns of numbers. Doubles are not copied where
        each station's rows lie together in time order and in one chunk; rows in any other order are sorted first.
    measurements : str or sequence of str, optional
        Columns to test. Null, NaN and infinite values are missing. Default: all columns of numbers but
        ``wind_direction``, ``sky_condition`` and precipitation, of which a linear z-score means nothing.
    window : int, str or timedelta
        Values in the window, or how long it reaches back: ``"90m"``, ``"24h"``, ``"7d"``, ``"2w"``.
    threshold : float
        Standard deviations that an outlier exceeds.
    include_current : bool
        End the window at the tested value instead of before it.
    min_periods : int, optional
        Values that a window must hold. Default: the whole window; 10 where it is a time.
    ddof : int
        Degrees of freedom taken off the variance's divisor: 0 population, 1 sample.
    min_std : float
        Least standard deviation to test against, in the measurement's units.
    fill_limit : int, str or timedelta, optional
        Fill missing values for so many rows, or so long, and no further.
    test_filled : bool
        Test and report filled values too, marked as such.
    force : bool
        Test a measurement even where a linear z-score of it means nothing.
    station, time : str
        What the key columns are called.
    threads : int, optional
        Number of threads. Default: all cores.

    Returns
    -------
    Table
        One row an outlier, sorted by station, time and measurement; no value is null: ``station_id`` (text),
        ``timestamp`` (microseconds, UTC), ``measurement`` (text), ``value``, ``rolling_mean``, ``rolling_std`` (in the
        measurement's units), ``zscore`` (in standard deviations; infinite where these are 0), ``window_count``,
        ``filled``, ``window_filled``.

    Raises
    ------
    TypeError
        A column of another type, or an object that is no table; the message names it.
    ValueError
        Options that make no test, a column that is absent, a row without station or time, or two rows of one station
        and time.

    Examples
    --------
    >>> import isdtools, pyarrow as pa
    >>> hours = pa.array(range(0, 48 * 3600, 3600), pa.timestamp("s", "UTC"))
    >>> wind = [3.0 + hour % 3 / 10 for hour in range(48)]
    >>> wind[40] = 45.8
    >>> table = pa.table({"station_id": ["724920-23237"] * 48, "timestamp": hours, "wind_speed_rate": wind})
    >>> found = isdtools.outliers(table, "wind_speed_rate")
    >>> found.to_arrow().select(["value", "rolling_mean", "window_count"]).to_pylist()
    [{'value': 45.8, 'rolling_mean': 3.1, 'window_count': 30}]
    """
    options = [
        ("window", window, 30),
        ("threshold", threshold, 6),
        ("include_current", include_current, False),
        ("min_periods", min_periods, None),
        ("ddof", ddof, 0),
        ("min_std", min_std, 0),
        ("fill_limit", fill_limit, None),
        ("test_filled", test_filled, False),
        ("force", force, False),
        ("threads", threads, None),
    ]
    names = _names(measurements)
    return Table(_native.outliers(observations, (names, station, time), _line(names, options)))


def rolling_mean(
    observations: object,
    measurements: str | Sequence[str] | None = None,
    window: Window = 30,
    *,
    include_current: bool = False,
    min_periods: int | None = None,
    station: str = "station_id",
    time: str = "timestamp",
    threads: int | None = None,
) -> Table:
    """Mean of the window of each row, as ``isd-detect`` has it: the double nearest the exact mean.

    A window is made of the values before the row, station by station; missing ones are no part of it. To have them count as
    ``isd-detect`` does, fill them first: :func:`forward_fill`.

    Parameters
    ----------
    observations, measurements, window, include_current, min_periods, threads
        As for :func:`outliers`. By default all columns of numbers are taken.
    station : str
        What the column of stations is called, if there is one: the rows of each lie together. Without it all rows are of
        one station.
    time : str
        What the column of times is called; only a window that is a time needs it, and then times ascend.

    Returns
    -------
    Table
        As many rows as ``observations``, in the same order; for each measurement a column of doubles under its name, in
        its units. Null where there are fewer than ``min_periods`` values in the window.

    Raises
    ------
    TypeError, ValueError
        As for :func:`outliers`; and where the rows of a station lie in two places.

    Examples
    --------
    >>> import isdtools, pyarrow as pa
    >>> table = pa.table({"station_id": ["a", "a", "a", "b"], "wind_speed_rate": [0.1, 0.2, 0.6, 9.0]})
    >>> isdtools.rolling_mean(table, "wind_speed_rate", 2).to_arrow()["wind_speed_rate"].to_pylist()
    [None, None, 0.15, None]
    """
    options = _window(window, include_current, min_periods, threads)
    return _columns("rolling_mean", observations, measurements, station, time, options)


def rolling_std(
    observations: object,
    measurements: str | Sequence[str] | None = None,
    window: Window = 30,
    *,
    include_current: bool = False,
    min_periods: int | None = None,
    ddof: int = 0,
    station: str = "station_id",
    time: str = "timestamp",
    threads: int | None = None,
) -> Table:
    """Standard deviation of the window of each row, as ``isd-detect`` has it: the double nearest the exact one.

    ``ddof`` is 0 for the deviation of a population and 1 for that of a sample. All else is as for :func:`rolling_mean`,
    whose examples hold likewise.

    Examples
    --------
    >>> import isdtools, pyarrow as pa
    >>> table = pa.table({"wind_speed_rate": [0.3, 0.3, 0.7, 4.0]})
    >>> isdtools.rolling_std(table, window=2, include_current=True).to_arrow()["wind_speed_rate"].to_pylist()
    [None, 0.0, 0.2, 1.65]
    """
    options = [*_window(window, include_current, min_periods, threads), ("ddof", ddof, 0)]
    return _columns("rolling_std", observations, measurements, station, time, options)


def rolling_zscore(
    observations: object,
    measurements: str | Sequence[str] | None = None,
    window: Window = 30,
    *,
    include_current: bool = False,
    min_periods: int | None = None,
    ddof: int = 0,
    station: str = "station_id",
    time: str = "timestamp",
    threads: int | None = None,
) -> Table:
    """Distance of each value from the mean of its window, in standard deviations of the window: signed doubles.

    Missing values are filled with the last one before them, as in :func:`outliers`, which reports what lies beyond its
    threshold. Infinite where the values of the window are all equal and the value is another; 0 where it is their mean. Null where
    the value is missing, where the window holds fewer than ``min_periods`` values, and for a whole station with fewer
    than ``min_periods + 1`` values. All else is as for :func:`rolling_mean`.

    Examples
    --------
    >>> import isdtools, pyarrow as pa
    >>> table = pa.table({"wind_speed_rate": [2.0, 4.0, 3.0, 5.5]})
    >>> isdtools.rolling_zscore(table, window=2).to_arrow()["wind_speed_rate"].to_pylist()
    [None, None, 0.0, 4.0]
    """
    options = [*_window(window, include_current, min_periods, threads), ("ddof", ddof, 0), ("threshold", 0, None)]
    return _columns("rolling_zscore", observations, measurements, station, time, options)


def forward_fill(
    observations: object,
    measurements: str | Sequence[str] | None = None,
    limit: Window | None = None,
    *,
    station: str = "station_id",
    time: str = "timestamp",
    threads: int | None = None,
) -> Table:
    """Fill each missing value with the last one before it, station by station.

    ``limit`` says for how many rows, or how long (``"24h"``), and no further. What stays missing is null. All else is as
    for :func:`rolling_mean`.

    Examples
    --------
    >>> import isdtools, pyarrow as pa
    >>> table = pa.table({"station_id": ["a", "a", "a", "b"], "wind_speed_rate": [2.6, None, None, None]})
    >>> isdtools.forward_fill(table, limit=1).to_arrow()["wind_speed_rate"].to_pylist()
    [2.6, 2.6, None, None]
    """
    options: list[Option] = [("fill_limit", limit, None), ("threads", threads, None)]
    return _columns("forward_fill", observations, measurements, station, time, options)


def _window(
    window: Window, include_current: bool, min_periods: int | None, threads: int | None
) -> list[Option]:
    return [
        ("window", window, 30),
        ("include_current", include_current, False),
        ("min_periods", min_periods, None),
        ("threads", threads, None),
    ]


def _columns(
    kind: str,
    observations: object,
    measurements: str | Sequence[str] | None,
    station: str,
    time: str,
    options: Sequence[Option],
) -> Table:
    names = _names(measurements)
    # Statistics are of any numbers; it is the test that means nothing for some.
    line = _line(names, [*options, ("force", True, False)])
    return Table(_native.columns(observations, kind, (names, station, time), line))


def _names(measurements: str | Sequence[str] | None) -> list[str]:
    if measurements is None:
        return []
    names = [measurements] if isinstance(measurements, str) else list(measurements)
    if not names:
        raise ValueError("measurements: expected at least one; None stands for all")
    return names


def _line(names: Sequence[str], options: Sequence[Option]) -> list[str]:
    """A command line of ``isd-detect``, whose parser checks the options."""
    tested = [f"--measurement={name}" for name in names] or ["--all", "--quiet"]
    return ["isd-detect", *arguments(options), *tested, "--", "observations"]
