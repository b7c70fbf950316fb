"""Pictures of datasets, which notebooks display."""

from __future__ import annotations

import os
from collections.abc import Sequence
from decimal import Decimal
from typing import Union

from . import _native
from ._arguments import PathArgument, Time, Window, arguments


class Plot:
    """A picture: SVG, which notebooks display by themselves.

    Attributes
    ----------
    svg : str
        The picture.
    html : str
        A page with it, which tells what a mark stands for where the pointer rests on it.
    """

    __module__ = "isdtools"

    def __init__(self, svg: str, html: str) -> None:
        self.svg = svg
        self.html = html

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: PathArgument) -> None:
        """Write the picture to a file: ``.svg``, or ``.html`` for the page."""
        name = os.fspath(path)
        if not name.endswith((".svg", ".html")):
            raise ValueError(f"{name}: expected a name that ends in .svg or .html")
        with open(name, "w", encoding="utf-8") as file:
            file.write(self.html if name.endswith(".html") else self.svg)


def plot_series(
    dataset: PathArgument,
    station: str,
    measurement: Union[str, Sequence[str]],
    *,
    from_: Time | None = None,
    to: Time | None = None,
    window: Window = 30,
    threshold: Union[int, float, str, Decimal] = 6,
    outliers: PathArgument | None = None,
    flags: PathArgument | None = None,
    stations: PathArgument | None = None,
) -> Plot:
    """Draw a station's series with its window mean, band and outliers, as ``isd-view --plot series`` does.

    Parameters
    ----------
    dataset : path
        A dataset that :func:`convert` wrote, or any Parquet with station_id, timestamp and values.
    station : str
        Its id, or how no other id begins.
    measurement : str or sequence of str
        One or several, which are panels above one another.
    from_, to : str or date or datetime, optional
        First and last time, in UTC; a date as ``to`` is that whole day. Without them the whole record is drawn.
    window, threshold
        The test whose mean and band are drawn.
    outliers, flags : path, optional
        Files that :func:`detect` and :func:`qc` wrote. Without ``outliers`` those of ``window`` and ``threshold`` are marked.
    stations : path, optional
        A station list whose names and places go over those of the dataset.

    Returns
    -------
    Plot
        The picture, which a notebook displays.

    Raises
    ------
    ValueError
        Options that make no sense.
    IsdError
        A dataset or file that cannot be read, or no such station or measurement.
    """
    names = [measurement] if isinstance(measurement, str) else list(measurement)
    threshold = str(threshold) if isinstance(threshold, Decimal) else threshold
    options = [
        ("station", [station], None),
        ("measurement", names, None),
        ("from_", from_, None),
        ("to", to, None),
        ("window", window, 30),
        ("threshold", threshold, 6),
        ("outliers", outliers, None),
        ("flags", flags, None),
        ("stations", stations, None),
    ]
    # The name of the output file says the type, and is not written here.
    line = [os.fspath(dataset), "--plot=series", "--output=plot.svg"]
    return Plot(*_native.plot(line + arguments(options)))
