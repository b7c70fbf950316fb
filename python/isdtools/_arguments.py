"""Keyword arguments as the tools' command lines: Python values in, an argument vector out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Protocol, Union

PathArgument = Union[str, "os.PathLike[str]"]


class ArrowTable(Protocol):
    """A table of any library that speaks Arrow."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


#: What a tool reads: files, directories and patterns, or a table in memory.
Source = Union[PathArgument, Sequence[PathArgument], ArrowTable]
#: A number of rows, or a time such as ``"7d"``.
Window = Union[int, str, timedelta]
#: A time in UTC: ``"2017-09-10"``, ``"2017-09-10T06:00"``, a date, or a datetime, which is UTC where it has no zone.
Time = Union[str, date]

#: An option: its name, its value, and the default, which is not passed on.
Option = tuple[str, Any, Any]


#: Options that may be given several values, which the command line takes one by one.
SEVERAL = {"columns", "country", "disable", "kind", "measurement", "missing", "split", "state", "station", "tests"}


def arguments(options: Iterable[Option]) -> list[str]:
    """The arguments that stand for options."""
    line: list[str] = []
    for name, value, default in options:
        if value is None or value is False or (type(value) is type(default) and value == default):
            continue
        flag = "--" + name.rstrip("_").replace("_", "-")
        if value is True:
            line.append(flag)
        elif isinstance(value, Mapping):
            line.extend(f"{flag}={key}={text(item, name)}" for key, item in value.items())
        elif name == "bbox" and is_list(value):
            line.append(f"{flag}={','.join(text(item, name) for item in value)}")
        elif name == "explain":
            # The only option with two values.
            line += [flag, *(text(item, name) for item in value)]
        elif name in SEVERAL and is_list(value):
            line.extend(f"{flag}={text(item, name)}" for item in value)
        else:
            line.append(f"{flag}={text(value, name)}")
    return line


def is_list(value: object) -> bool:
    """Whether a value stands for several."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, os.PathLike))


def text(value: object, name: str) -> str:
    """A single value as a command line has it."""
    if isinstance(value, timedelta):
        minutes, rest = divmod(value, timedelta(minutes=1))
        # What is no whole number of minutes is refused in the words of the tool.
        return f"{value.total_seconds():g}s" if rest else f"{minutes}m"
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(timezone.utc).replace(tzinfo=None)
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{Decimal(repr(float(value))):f}"
    if isinstance(value, (str, int, os.PathLike)) or hasattr(value, "__index__"):
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    raise TypeError(f"{name}: expected one value, found {type(value).__name__}")


def paths(value: Source | None) -> list[str]:
    """One path or several, as a command line has them."""
    if value is None:
        return []
    return [text(path, "source") for path in value] if is_list(value) else [text(value, "source")]  # type: ignore[union-attr]
