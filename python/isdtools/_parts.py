"""Parts of a dataset, for many processes and machines."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from . import _native
from ._arguments import PathArgument
from ._run import run_table
from ._table import Table
from ._tools import detect


class Part(NamedTuple):
    """Some whole row groups of a dataset, and so whole stations: what one of several workers tests. Can be pickled.

    Attributes
    ----------
    dataset : str
        The dataset's path, which every worker must be able to read.
    number, of : int
        Part ``number``, from 1, of ``of`` parts.
    rows : int
        Number of its observations.
    """

    dataset: str
    number: int
    of: int
    rows: int

    @property
    def stations(self) -> list[str]:
        """Ids of its stations, in order. They are read from the dataset."""
        return _native.stations_of_part(self.dataset, self.number, self.of)

    def detect(self, measurement: str | Sequence[str] | None = None, **options: Any) -> Any:
        """Find the outliers of this part: :func:`isdtools.detect` with ``part``.

        Parameters
        ----------
        measurement : str or sequence of str
            Measurements to test.
        **options
            Those of :func:`isdtools.detect`. With ``output``, a directory, the part is written there, unless it is there
            already; ``threads=1`` suits many processes on one machine.

        Returns
        -------
        PartOutliers or dict
            Its outliers, to be given to :func:`isdtools.join`; with ``output`` the summary as a dict.
        """
        part = f"{self.number}/{self.of}"
        if options.get("output") is not None:
            return detect(self.dataset, measurement, part=part, **options)
        import tempfile

        with tempfile.TemporaryDirectory(prefix="isdtools-") as directory:
            summary = detect(self.dataset, measurement, part=part, **{**options, "output": directory})
            (name,) = os.listdir(directory)
            with open(os.path.join(directory, name), "rb") as file:
                return PartOutliers(name, file.read(), {**summary, "output": None})


class PartOutliers(Table):
    """The outliers of a part: a :class:`Table`, and what :func:`join` needs. Can be pickled, as the compressed file it is.

    Attributes
    ----------
    name : str
        Name of the part's file, such as ``part-00003-of-00016.parquet``.
    file : bytes
        What ``isd-detect --part`` writes to it.
    """

    def __init__(self, name: str, file: bytes, summary: dict[str, Any] | None = None) -> None:
        self.name = name
        self.file = file
        self.summary = summary

    @cached_property
    def _handle(self) -> object:
        # Those who only join it do not need it.
        return _native.from_parquet(self.file)

    def __reduce__(self) -> tuple[Any, ...]:
        return PartOutliers, (self.name, self.file, self.summary)


def parts(dataset: PathArgument, n: int) -> list[Part]:
    """Cut a dataset into ``n`` parts of nearly as many rows, for joblib, Dask or any other way to run functions elsewhere.

    Only the footers of the dataset's files are read. Every machine cuts a dataset alike.

    Parameters
    ----------
    dataset : path
        Dataset that ``convert`` wrote.
    n : int
        Number of parts. Where there are more than row groups, the last ones are empty.

    Returns
    -------
    list of Part

    Raises
    ------
    IsdError
        No dataset there.
    ValueError
        A number of parts that none can have.

    Examples
    --------
    ::

        parts = isdtools.parts("observations", 8)
        work = [joblib.delayed(part.detect)("wind_speed_rate", threads=1) for part in parts]
        outliers = isdtools.join(joblib.Parallel(n_jobs=4)(work))
    """
    path = os.fspath(dataset)
    return [Part(path, number, n, rows) for number, rows in enumerate(_native.parts(path, n), start=1)]


def join(parts: PathArgument | Iterable[PartOutliers], output: PathArgument | None = None) -> Any:
    """Join the outliers of all parts to those of the whole dataset: ``isd-detect --join``.

    Parameters
    ----------
    parts : path or iterable of PartOutliers
        A directory that all parts were written to, or what their ``detect`` returned, in any order.
    output : path, optional
        File to write: byte for byte the one that :func:`isdtools.detect` writes for the whole dataset.

    Returns
    -------
    Table or dict
        The outliers; with ``output`` the summary as a dict.

    Raises
    ------
    IsdError
        A part that is missing, or parts of several results; the message says which.
    TypeError
        What is no part.
    """
    if isinstance(parts, (str, os.PathLike)):
        return run_table("isd-detect", None, [("join", parts, None), ("output", output, None)])
    import tempfile

    with tempfile.TemporaryDirectory(prefix="isdtools-") as directory:
        for part in parts:
            if not isinstance(part, PartOutliers):
                raise TypeError(f"parts: expected what Part.detect gives, found {type(part).__name__}")
            with open(os.path.join(directory, part.name), "wb") as file:
                file.write(part.file)
        return join(directory, output)
