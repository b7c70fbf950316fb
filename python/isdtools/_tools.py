"""The tools as functions. Generated from their command lines by ``tests/generate.py``: change these instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ._run import run, run_table

if TYPE_CHECKING:
    from ._arguments import PathArgument, Source, Time, Window
    from ._progress import Progress


def convert(
    source: Source,
    output: PathArgument | None = None,
    *,
    measurement: str | Sequence[str] | None = None,
    float32: bool = False,
    stations: PathArgument | None = None,
    overwrite: bool = False,
    update: bool = False,
    prune: bool = False,
    resume: bool = False,
    dry_run: bool = False,
    wait: bool | str | timedelta | None = None,
    station: str | Sequence[str] | None = None,
    country: str | Sequence[str] | None = None,
    state: str | Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    from_: Time | None = None,
    to: Time | None = None,
    format: Literal["hdf5", "isd-lite", "isd-raw", "ghcnh", "global-hourly", "parquet", "arrow", "station-csv"] | None = None,
    column: Mapping[str, str] | None = None,
    unit: Mapping[str, str] | None = None,
    missing: float | str | Sequence[float | str] | None = None,
    scale: Literal["attributes", "isd"] = "attributes",
    quality: Literal["drop", "keep"] = "drop",
    duplicates: Literal["error", "first", "last"] = "last",
    time_unit: Literal["nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours", "days"] | None = None,
    time_format: str | None = None,
    strict: bool = False,
    threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Convert archives of station observations into a dataset: sorted, partitioned Parquet that isd-detect and any
    other Parquet reader take.

    Parameters
    ----------
    source : path, sequence of paths, or table
        Files, directories, patterns such as '2017/*.gz', or - for a list on standard input: HDF5 and netCDF-4,
        ISD-Lite, raw ISD, Global Hourly CSV, GHCNh, station CSV; plain, compressed, or in a tar or zip archive.
        Or a table with ``__arrow_c_stream__`` (Polars, pandas 3, pyarrow, DuckDB), which is put by as a file
        first.
    output : path, optional
        Directory to write the dataset to.
    measurement : str or sequence of str, optional
        Measurements to convert, separated by commas or by repeating the flag [default: all].
    float32 : bool, default False
        Store values as float32: half the size, seven digits.
    stations : path, optional
        Station list, isd-history.csv or GHCNh's, whose places go over those that the source says.
    overwrite : bool, default False
        Replace the dataset if it exists.
    update : bool, default False
        Bring the dataset up to date with the whole archive: write only the partitions anew whose source files
        changed. Rows of files that are gone or cannot be read any more stay.
    prune : bool, default False
        Remove in an update the rows of files that are gone.
    resume : bool, default False
        Go on where an interrupted run of this command stopped; a dataset that is complete is left as it is.
    dry_run : bool, default False
        Say what would be converted to what, and convert nothing.
    wait : bool or str or timedelta, optional
        Where another run is writing the target, wait until it has ended, or for TIME at most (30s, 10m, 2h)
        [default: end with status 4].
    station : str or sequence of str, optional
        Stations, separated by commas or by repeating the flag: an id, the beginning of one (722020 is
        722020-12839, 72 a whole block), or a pattern such as '*-12839'.
    country : str or sequence of str, optional
        Stations of these countries, by code, separated by commas: US,CA.
    state : str or sequence of str, optional
        Stations of these states, by code, separated by commas: FL,GA.
    bbox : sequence of float or str, optional
        Stations within these degrees of longitude and latitude; where W is greater than E, across the date line.
    from_ : str, date or datetime, optional
        First time, in UTC: 2017-09-10, 2017-09-10T06:00 or '2017-09-10 06:00'.
    to : str, date or datetime, optional
        Last time, in UTC; a date is that whole day.
    format : {hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv}, optional
        What the files are [default: recognised by their content].
    column : dict of str to str, optional
        Read column NAME from the column or path PATH of the file instead of from its usual place; may be
        repeated.
    unit : dict of str to str, optional
        Take the values of column NAME to be in UNIT, where the source does not say; may be repeated.
    missing : float or str or Sequence[float or str], optional
        Take NUMBER, as it is stored, for a missing value of column NAME, or of all of tables and HDF5; may be
        repeated.
    scale : {attributes, isd}, default attributes
        What the stored values of HDF5 are multiplied by.
    quality : {drop, keep}, default drop
        What becomes of values that failed the source's own quality control.
    duplicates : {error, first, last}, default last
        Which of several rows of one station and time to keep, where they differ.
    time_unit : {nanoseconds, microseconds, milliseconds, seconds, minutes, hours, days}, optional
        What times that are numbers count since 1970 [default: recognised by their digits and magnitude].
    time_format : str, optional
        Format of the times, in the letters of strftime, such as "%d.%m.%Y %H:%M" [default: recognised].
    strict : bool, default False
        Stop at the first file that cannot be read, instead of leaving it out.
    threads : int, optional
        Number of threads [default: all cores].
    progress : bool or callable, default False
        ``True`` shows a bar (tqdm's, where it is installed); a function is called with a dict of counts.

    Returns
    -------
    dict
        What was converted to what: rows, stations, columns, files that were left out, seconds.

    Raises
    ------
    IsdError
        What the tool ends with; ``path`` and ``hint`` say more. Nothing half-written is left behind.
    ValueError, TypeError
        Arguments that make no sense, in the words of the tool.
    """
    options = [
        ("output", output, None),
        ("measurement", measurement, None),
        ("float32", float32, False),
        ("stations", stations, None),
        ("overwrite", overwrite, False),
        ("update", update, False),
        ("prune", prune, False),
        ("resume", resume, False),
        ("dry_run", dry_run, False),
        ("wait", wait, None),
        ("station", station, None),
        ("country", country, None),
        ("state", state, None),
        ("bbox", bbox, None),
        ("from_", from_, None),
        ("to", to, None),
        ("format", format, None),
        ("column", column, None),
        ("unit", unit, None),
        ("missing", missing, None),
        ("scale", scale, "attributes"),
        ("quality", quality, "drop"),
        ("duplicates", duplicates, "last"),
        ("time_unit", time_unit, None),
        ("time_format", time_format, None),
        ("strict", strict, False),
        ("threads", threads, None),
    ]
    return run("isd-convert", source, options, progress)


def inspect(
    source: Source,
    *,
    measurement: str | Sequence[str] | None = None,
    format: Literal["hdf5", "isd-lite", "isd-raw", "ghcnh", "global-hourly", "parquet", "arrow", "station-csv"] | None = None,
    column: Mapping[str, str] | None = None,
    unit: Mapping[str, str] | None = None,
    missing: float | str | Sequence[float | str] | None = None,
    scale: Literal["attributes", "isd"] = "attributes",
    quality: Literal["drop", "keep"] = "drop",
    duplicates: Literal["error", "first", "last"] = "last",
    time_unit: Literal["nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours", "days"] | None = None,
    time_format: str | None = None,
    strict: bool = False,
    threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Say what a source holds: columns, stations, times, missing values.

    Parameters
    ----------
    source : path, sequence of paths, or table
        Files, directories, patterns such as '2017/*.gz', or - for a list on standard input: HDF5 and netCDF-4,
        ISD-Lite, raw ISD, Global Hourly CSV, GHCNh, station CSV; plain, compressed, or in a tar or zip archive.
        Or a table with ``__arrow_c_stream__`` (Polars, pandas 3, pyarrow, DuckDB), which is put by as a file
        first.
    measurement : str or sequence of str, optional
        Measurements to convert, separated by commas or by repeating the flag [default: all].
    format : {hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv}, optional
        What the files are [default: recognised by their content].
    column : dict of str to str, optional
        Read column NAME from the column or path PATH of the file instead of from its usual place; may be
        repeated.
    unit : dict of str to str, optional
        Take the values of column NAME to be in UNIT, where the source does not say; may be repeated.
    missing : float or str or Sequence[float or str], optional
        Take NUMBER, as it is stored, for a missing value of column NAME, or of all of tables and HDF5; may be
        repeated.
    scale : {attributes, isd}, default attributes
        What the stored values of HDF5 are multiplied by.
    quality : {drop, keep}, default drop
        What becomes of values that failed the source's own quality control.
    duplicates : {error, first, last}, default last
        Which of several rows of one station and time to keep, where they differ.
    time_unit : {nanoseconds, microseconds, milliseconds, seconds, minutes, hours, days}, optional
        What times that are numbers count since 1970 [default: recognised by their digits and magnitude].
    time_format : str, optional
        Format of the times, in the letters of strftime, such as "%d.%m.%Y %H:%M" [default: recognised].
    strict : bool, default False
        Stop at the first file that cannot be read, instead of leaving it out.
    threads : int, optional
        Number of threads [default: all cores].
    progress : bool or callable, default False
        ``True`` shows a bar (tqdm's, where it is installed); a function is called with a dict of counts.

    Returns
    -------
    dict
        What the source holds: columns with units and ranges, stations, times, missing values.

    Raises
    ------
    IsdError
        What the tool ends with; ``path`` and ``hint`` say more. Nothing half-written is left behind.
    ValueError, TypeError
        Arguments that make no sense, in the words of the tool.
    """
    options = [
        ("measurement", measurement, None),
        ("format", format, None),
        ("column", column, None),
        ("unit", unit, None),
        ("missing", missing, None),
        ("scale", scale, "attributes"),
        ("quality", quality, "drop"),
        ("duplicates", duplicates, "last"),
        ("time_unit", time_unit, None),
        ("time_format", time_format, None),
        ("strict", strict, False),
        ("threads", threads, None),
        ("inspect", True, None),
    ]
    return run("isd-convert", source, options, progress)


def detect(
    source: Source | None = None,
    measurement: str | Sequence[str] | None = None,
    *,
    all: bool = False,
    force: bool = False,
    output: PathArgument | None = None,
    partition_by: Literal["year"] | None = None,
    stations: PathArgument | None = None,
    part: str | None = None,
    join: PathArgument | None = None,
    split: int | Sequence[int] | None = None,
    append: bool = False,
    since_file: PathArgument | None = None,
    columns: str | Sequence[str] | None = None,
    window: Window = 30,
    threshold: float = 6,
    include_current: bool = False,
    min_periods: int | None = None,
    ddof: int = 0,
    min_std: float = 0,
    fill_limit: Window | None = None,
    test_filled: bool = False,
    engine: Literal["kernel", "expressions"] = "kernel",
    explain: bool = False,
    station: str | Sequence[str] | None = None,
    country: str | Sequence[str] | None = None,
    state: str | Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    from_: Time | None = None,
    to: Time | None = None,
    format: Literal["hdf5", "isd-lite", "isd-raw", "ghcnh", "global-hourly", "parquet", "arrow", "station-csv"] | None = None,
    column: Mapping[str, str] | None = None,
    unit: Mapping[str, str] | None = None,
    missing: float | str | Sequence[float | str] | None = None,
    scale: Literal["attributes", "isd"] = "attributes",
    quality: Literal["drop", "keep"] = "drop",
    duplicates: Literal["error", "first", "last"] = "last",
    time_unit: Literal["nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours", "days"] | None = None,
    time_format: str | None = None,
    strict: bool = False,
    threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Find the observations that lie far from those before them: more than 6 standard deviations from the mean of the
    30 values before, station by station.

    Parameters
    ----------
    source : path, sequence of paths, or table
        Dataset that isd-convert wrote, or any Parquet with station_id, timestamp and values; or whatever isd-
        convert reads, tested as it is read: files, directories, patterns, or - for a list on standard input.
        Or a table with ``__arrow_c_stream__`` (Polars, pandas 3, pyarrow, DuckDB), which is put by as a file
        first.
    measurement : str or sequence of str, optional
        Measurements to test, separated by commas or by repeating the flag.
    all : bool, default False
        Test every measurement but wind_direction, sky_condition and precipitation.
    force : bool, default False
        Test a measurement even where a linear z-score of it means nothing.
    output : path, optional
        File to write the outliers to: .parquet, .csv, .arrow or .ndjson [default: standard output, unless
        ``json`` has it].
    partition_by : {year}, optional
        Write a directory of Hive-partitioned Parquet instead: DIR/year=2017/part-00000.parquet.
    stations : path, optional
        Station list, isd-history.csv or GHCNh's: adds name, country, latitude, longitude and elevation;
        ``columns`` finds them without it in a dataset that knows its stations.
    part : str, optional
        Test part K of N of a dataset, and write it into a directory: ``part`` 3/16 ``output`` writes
        DIR/part-00003-of-00016.parquet, unless it is there. A part is whole row groups; all machines cut a
        dataset alike, into parts of nearly as many rows.
    join : path, optional
        Join the parts in a directory to the file that one run would have written: ``join`` DIR ``output``.
    split : int or sequence of int, optional
        Print how evenly the dataset is cut into N parts, and what each reads, instead of testing it.
    append : bool, default False
        Add to the file of -o, .parquet or .arrow, which was found by the same test; a row that is there already
        is replaced.
    since_file : path, optional
        Report only rows that no run with this file has reported yet, station by station; the windows see all
        rows. The file is made by the first run, and brought up to date when the outliers are written.
    columns : str or sequence of str, optional
        Columns to write, in this order [default: all].
    window : int, str or timedelta, default 30
        Values in the window, or how long it reaches back (90m, 24h, 7d, 2w): the values of t - 7d <= time < t,
        with ``include_current`` of t - 7d < time <= t.
    threshold : float, default 6
        Standard deviations that an outlier exceeds.
    include_current : bool, default False
        End the window at the tested value instead of before it.
    min_periods : int, optional
        Values that a window must hold for its row to be tested [default: the whole window; 10 where it is a
        time].
    ddof : int, default 0
        Degrees of freedom taken off the variance's divisor: 0 population, 1 sample.
    min_std : float, default 0
        Least standard deviation to test against, in the measurement's units.
    fill_limit : int, str or timedelta, optional
        Fill missing values for so many rows, or so long (90m, 24h, 7d, 2w), and no further.
    test_filled : bool, default False
        Test and report filled values too, marked as such.
    engine : {kernel, expressions}, default kernel
        What computes the rolling step.
    explain : bool, default False
        Print the plan instead of running it.
    station : str or sequence of str, optional
        Stations, separated by commas or by repeating the flag: an id, the beginning of one (722020 is
        722020-12839, 72 a whole block), or a pattern such as '*-12839'.
    country : str or sequence of str, optional
        Stations of these countries, by code, separated by commas: US,CA.
    state : str or sequence of str, optional
        Stations of these states, by code, separated by commas: FL,GA.
    bbox : sequence of float or str, optional
        Stations within these degrees of longitude and latitude; where W is greater than E, across the date line.
    from_ : str, date or datetime, optional
        First time, in UTC: 2017-09-10, 2017-09-10T06:00 or '2017-09-10 06:00'.
    to : str, date or datetime, optional
        Last time, in UTC; a date is that whole day.
    format : {hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv}, optional
        What the files are [default: recognised by their content].
    column : dict of str to str, optional
        Read column NAME from the column or path PATH of the file instead of from its usual place; may be
        repeated.
    unit : dict of str to str, optional
        Take the values of column NAME to be in UNIT, where the source does not say; may be repeated.
    missing : float or str or Sequence[float or str], optional
        Take NUMBER, as it is stored, for a missing value of column NAME, or of all of tables and HDF5; may be
        repeated.
    scale : {attributes, isd}, default attributes
        What the stored values of HDF5 are multiplied by.
    quality : {drop, keep}, default drop
        What becomes of values that failed the source's own quality control.
    duplicates : {error, first, last}, default last
        Which of several rows of one station and time to keep, where they differ.
    time_unit : {nanoseconds, microseconds, milliseconds, seconds, minutes, hours, days}, optional
        What times that are numbers count since 1970 [default: recognised by their digits and magnitude].
    time_format : str, optional
        Format of the times, in the letters of strftime, such as "%d.%m.%Y %H:%M" [default: recognised].
    strict : bool, default False
        Stop at the first file that cannot be read, instead of leaving it out.
    threads : int, optional
        Number of threads [default: all cores].
    progress : bool or callable, default False
        ``True`` shows a bar (tqdm's, where it is installed); a function is called with a dict of counts.

    Returns
    -------
    Table or dict or str
        The outliers, as :func:`isdtools.outliers` describes them, and a ``summary``. Where they go to a file (``output``,
        also with ``part``), and with ``split``, the summary as a dict; with ``explain`` the plan as text.

    Raises
    ------
    IsdError
        What the tool ends with; ``path`` and ``hint`` say more. Nothing half-written is left behind.
    ValueError, TypeError
        Arguments that make no sense, in the words of the tool.
    """
    options = [
        ("measurement", measurement, None),
        ("all", all, False),
        ("force", force, False),
        ("output", output, None),
        ("partition_by", partition_by, None),
        ("stations", stations, None),
        ("part", part, None),
        ("join", join, None),
        ("split", split, None),
        ("append", append, False),
        ("since_file", since_file, None),
        ("columns", columns, None),
        ("window", window, 30),
        ("threshold", threshold, 6),
        ("include_current", include_current, False),
        ("min_periods", min_periods, None),
        ("ddof", ddof, 0),
        ("min_std", min_std, 0),
        ("fill_limit", fill_limit, None),
        ("test_filled", test_filled, False),
        ("engine", engine, "kernel"),
        ("explain", explain, False),
        ("station", station, None),
        ("country", country, None),
        ("state", state, None),
        ("bbox", bbox, None),
        ("from_", from_, None),
        ("to", to, None),
        ("format", format, None),
        ("column", column, None),
        ("unit", unit, None),
        ("missing", missing, None),
        ("scale", scale, "attributes"),
        ("quality", quality, "drop"),
        ("duplicates", duplicates, "last"),
        ("time_unit", time_unit, None),
        ("time_format", time_format, None),
        ("strict", strict, False),
        ("threads", threads, None),
    ]
    return run_table("isd-detect", source, options, progress)


def qc(
    source: Source | None = None,
    *,
    output: PathArgument | None = None,
    measurement: str | Sequence[str] | None = None,
    profile: Literal["default", "qartod", "talk", "hadisd"] = "default",
    config: PathArgument | None = None,
    print_config: bool = False,
    tests: str | Sequence[str] | None = None,
    disable: str | Sequence[str] | None = None,
    stations: PathArgument | None = None,
    released: bool = False,
    explain: Sequence[str | date] | bool | None = None,
    clean: PathArgument | None = None,
    wide: PathArgument | None = None,
    thresholds: PathArgument | None = None,
    truth: PathArgument | None = None,
    overwrite: bool = False,
    station: str | Sequence[str] | None = None,
    country: str | Sequence[str] | None = None,
    state: str | Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    from_: Time | None = None,
    to: Time | None = None,
    format: Literal["hdf5", "isd-lite", "isd-raw", "ghcnh", "global-hourly", "parquet", "arrow", "station-csv"] | None = None,
    column: Mapping[str, str] | None = None,
    unit: Mapping[str, str] | None = None,
    missing: float | str | Sequence[float | str] | None = None,
    scale: Literal["attributes", "isd"] = "attributes",
    quality: Literal["drop", "keep"] = "drop",
    duplicates: Literal["error", "first", "last"] = "last",
    time_unit: Literal["nanoseconds", "microseconds", "milliseconds", "seconds", "minutes", "hours", "days"] | None = None,
    time_format: str | None = None,
    strict: bool = False,
    threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Find the errors among observations: the field's tests of quality control over every measurement, station by
    station and beside the stations around.

    Parameters
    ----------
    source : path, sequence of paths, or table
        Dataset that isd-convert wrote; or whatever isd-convert reads, which is converted into a temporary
        directory first.
        Or a table with ``__arrow_c_stream__`` (Polars, pandas 3, pyarrow, DuckDB), which is put by as a file
        first.
    output : path, optional
        File to write the flags to: .parquet, .csv, .arrow or .ndjson [default: standard output, unless ``json``
        has it].
    measurement : str or sequence of str, optional
        Measurements to test, separated by commas or by repeating the flag [default: all].
    profile : {default, qartod, talk, hadisd}, default default
        Set of tests and parameters to begin with.
    config : path, optional
        TOML file that changes tests and parameters.
    print_config : bool, default False
        Print the tests and parameters that hold, as a file for ``config``.
    tests : str or sequence of str, optional
        Run these tests alone.
    disable : str or sequence of str, optional
        Do not run these tests.
    stations : path, optional
        NOAA's or GHCNh's list of stations, whose places go over those of the dataset.
    released : bool, default False
        Keep what neighbours released in the table.
    explain : sequence of str or date or bool, optional
        Say what each test sees of the values at one station and time, such as 724940-23234 2017-09-10T11:00.
    clean : path, optional
        Write the dataset with erroneous values missing.
    wide : path, optional
        Write the dataset with NAME_flags and NAME_qartod beside each measurement.
    thresholds : path, optional
        JSON file of what is derived from the stations' records: used where it is there, written where it is not.
    truth : path, optional
        List of what isd-synth planted: says how much of it was found, by kind and test.
    overwrite : bool, default False
        Replace the datasets of ``clean`` and ``wide`` if they exist.
    station : str or sequence of str, optional
        Stations, separated by commas or by repeating the flag: an id, the beginning of one (722020 is
        722020-12839, 72 a whole block), or a pattern such as '*-12839'.
    country : str or sequence of str, optional
        Stations of these countries, by code, separated by commas: US,CA.
    state : str or sequence of str, optional
        Stations of these states, by code, separated by commas: FL,GA.
    bbox : sequence of float or str, optional
        Stations within these degrees of longitude and latitude; where W is greater than E, across the date line.
    from_ : str, date or datetime, optional
        First time, in UTC: 2017-09-10, 2017-09-10T06:00 or '2017-09-10 06:00'.
    to : str, date or datetime, optional
        Last time, in UTC; a date is that whole day.
    format : {hdf5, isd-lite, isd-raw, ghcnh, global-hourly, parquet, arrow, station-csv}, optional
        What the files are [default: recognised by their content].
    column : dict of str to str, optional
        Read column NAME from the column or path PATH of the file instead of from its usual place; may be
        repeated.
    unit : dict of str to str, optional
        Take the values of column NAME to be in UNIT, where the source does not say; may be repeated.
    missing : float or str or Sequence[float or str], optional
        Take NUMBER, as it is stored, for a missing value of column NAME, or of all of tables and HDF5; may be
        repeated.
    scale : {attributes, isd}, default attributes
        What the stored values of HDF5 are multiplied by.
    quality : {drop, keep}, default drop
        What becomes of values that failed the source's own quality control.
    duplicates : {error, first, last}, default last
        Which of several rows of one station and time to keep, where they differ.
    time_unit : {nanoseconds, microseconds, milliseconds, seconds, minutes, hours, days}, optional
        What times that are numbers count since 1970 [default: recognised by their digits and magnitude].
    time_format : str, optional
        Format of the times, in the letters of strftime, such as "%d.%m.%Y %H:%M" [default: recognised].
    strict : bool, default False
        Stop at the first file that cannot be read, instead of leaving it out.
    threads : int, optional
        Number of threads [default: all cores].
    progress : bool or callable, default False
        ``True`` shows a bar (tqdm's, where it is installed); a function is called with a dict of counts.

    Returns
    -------
    Table or dict or str
        The flags, one row a value and test that found something, and a ``summary``. Where they go to a file (``output``) the
        summary as a dict; with ``explain`` and ``print_config`` what is printed, as text.

    Raises
    ------
    IsdError
        What the tool ends with; ``path`` and ``hint`` say more. Nothing half-written is left behind.
    ValueError, TypeError
        Arguments that make no sense, in the words of the tool.
    """
    options = [
        ("output", output, None),
        ("measurement", measurement, None),
        ("profile", profile, "default"),
        ("config", config, None),
        ("print_config", print_config, False),
        ("tests", tests, None),
        ("disable", disable, None),
        ("stations", stations, None),
        ("released", released, False),
        ("explain", explain, None),
        ("clean", clean, None),
        ("wide", wide, None),
        ("thresholds", thresholds, None),
        ("truth", truth, None),
        ("overwrite", overwrite, False),
        ("station", station, None),
        ("country", country, None),
        ("state", state, None),
        ("bbox", bbox, None),
        ("from_", from_, None),
        ("to", to, None),
        ("format", format, None),
        ("column", column, None),
        ("unit", unit, None),
        ("missing", missing, None),
        ("scale", scale, "attributes"),
        ("quality", quality, "drop"),
        ("duplicates", duplicates, "last"),
        ("time_unit", time_unit, None),
        ("time_format", time_format, None),
        ("strict", strict, False),
        ("threads", threads, None),
    ]
    return run_table("isd-qc", source, options, progress)


def events(
    dataset: PathArgument,
    *,
    output: PathArgument | None = None,
    members: PathArgument | None = None,
    flags: PathArgument | None = None,
    unchecked: bool = False,
    stations: PathArgument | None = None,
    kind: Literal["wind", "low_pressure", "heat", "cold", "rain"] | Sequence[Literal["wind", "low_pressure", "heat", "cold", "rain"]] | None = None,
    percentile: float = 99.9,
    min_wind: float = 15,
    distance: float = 300,
    gap: str | timedelta = "6h",
    longest: str | timedelta = "10d",
    min_stations: int = 3,
    pressure_deviations: float = 4,
    usual_percentile: float = 90,
    quiet_neighbours: int = 3,
    station: str | Sequence[str] | None = None,
    country: str | Sequence[str] | None = None,
    state: str | Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    from_: Time | None = None,
    to: Time | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> Any:
    """Find extreme weather: observations beyond their stations' own percentiles that several stations share, linked
    to events in space and time, and told from errors.

    Parameters
    ----------
    dataset : path
        Dataset that isd-convert wrote.
    output : path, optional
        File to write the events to: .parquet, .csv, .arrow, .ndjson or .geojson [default: standard output, unless
        ``json`` has it].
    members : path, optional
        File to write the observations of the events to: .parquet, .csv, .arrow or .ndjson.
    flags : path, optional
        Flags that isd-qc wrote, as Parquet, CSV or Arrow: what they call erroneous is left out [default: the
        tests of isd-qc are run first].
    unchecked : bool, default False
        Do not look for errors first.
    stations : path, optional
        Station list, isd-history.csv or GHCNh's, whose places go over those of the dataset.
    kind : {wind, low_pressure, heat, cold, rain}, or a sequence of these, optional
        Kinds of events, separated by commas [default: all].
    percentile : float, default 99.9
        Percentile of a station's own values beyond which a value exceeds; low pressure and cold are below 100
        less this.
    min_wind : float, default 15
        Wind that exceeds has at least this speed, in m/s.
    distance : float, default 300
        Exceedances at most so far apart belong together, in km; stations as near are neighbours.
    gap : str or timedelta, default 6h
        Exceedances at most so far apart in time belong together.
    longest : str or timedelta, default 10d
        Events that would last longer are cut.
    min_stations : int, default 3
        Stations that make an event by themselves; fewer need other evidence.
    pressure_deviations : float, default 4
        Pressure confirms wind where it lies more than so many median absolute deviations below the median of its
        month.
    usual_percentile : float, default 90
        Percentile of its own values below which a neighbour has seen nothing.
    quiet_neighbours : int, default 3
        Neighbours that have seen nothing, which make one or two stations a suspected error.
    station : str or sequence of str, optional
        Stations, separated by commas or by repeating the flag: an id, the beginning of one (722020 is
        722020-12839, 72 a whole block), or a pattern such as '*-12839'.
    country : str or sequence of str, optional
        Stations of these countries, by code, separated by commas: US,CA.
    state : str or sequence of str, optional
        Stations of these states, by code, separated by commas: FL,GA.
    bbox : sequence of float or str, optional
        Stations within these degrees of longitude and latitude; where W is greater than E, across the date line.
    from_ : str, date or datetime, optional
        First time, in UTC: 2017-09-10, 2017-09-10T06:00 or '2017-09-10 06:00'.
    to : str, date or datetime, optional
        Last time, in UTC; a date is that whole day.
    threads : int, optional
        Number of threads [default: all cores].
    progress : bool or callable, default False
        ``True`` shows a bar (tqdm's, where it is installed); a function is called with a dict of counts.

    Returns
    -------
    Table or dict
        The events, most severe first, and a ``summary``. Where they go to a file (``output``) the summary as a dict.

    Raises
    ------
    IsdError
        What the tool ends with; ``path`` and ``hint`` say more. Nothing half-written is left behind.
    ValueError, TypeError
        Arguments that make no sense, in the words of the tool.
    """
    options = [
        ("output", output, None),
        ("members", members, None),
        ("flags", flags, None),
        ("unchecked", unchecked, False),
        ("stations", stations, None),
        ("kind", kind, None),
        ("percentile", percentile, 99.9),
        ("min_wind", min_wind, 15),
        ("distance", distance, 300),
        ("gap", gap, "6h"),
        ("longest", longest, "10d"),
        ("min_stations", min_stations, 3),
        ("pressure_deviations", pressure_deviations, 4),
        ("usual_percentile", usual_percentile, 90),
        ("quiet_neighbours", quiet_neighbours, 3),
        ("station", station, None),
        ("country", country, None),
        ("state", state, None),
        ("bbox", bbox, None),
        ("from_", from_, None),
        ("to", to, None),
        ("threads", threads, None),
    ]
    return run_table("isd-events", dataset, options, progress)
