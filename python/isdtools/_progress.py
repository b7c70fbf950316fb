"""Progress of a run: counts in, a bar or a call out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Union

Counts = dict[str, Any]
#: ``True`` for a bar, or a function that is called with a dict of counts: ``rows``, ``rows_total``, ``bytes``,
#: ``bytes_total``, ``files``, ``files_total`` and ``seconds``; ``None`` stands for what is not known.
Progress = Union[bool, Callable[[Counts], object]]


class Reporter:
    """Tells a user of progress, as long as the ``with`` block lasts."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bar: Any = None

    @property
    def callback(self) -> Callable[[Counts], object] | None:
        """What a run is to call."""
        if self._progress is True:
            return self._show
        return None if self._progress is False else self._progress

    def _show(self, counts: Counts) -> None:
        unit = "rows" if counts["rows_total"] is not None or counts["bytes"] is None else "bytes"
        if self._bar is None:
            self._bar = _bar(unit)
        self._bar.total = counts[f"{unit}_total"]
        self._bar.n = counts[unit]
        self._bar.refresh()

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _bar(unit: str) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return _PlainBar(unit)
    scale = "B" if unit == "bytes" else " rows"
    return tqdm(unit=scale, unit_scale=True, unit_divisor=1024 if unit == "bytes" else 1000)


class _PlainBar:
    """One line on a terminal, for those without tqdm."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.total: int | None = None
        self.n = 0
        self._shown = sys.stderr.isatty()

    def refresh(self) -> None:
        if self._shown:
            of = f" of {self.total:,}" if self.total else ""
            sys.stderr.write(f"\r{self.n:,}{of} {self.unit}")
            sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\n")
