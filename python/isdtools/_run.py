"""Runs of the tools within this process: options in, a summary or a table out."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from typing import Any

from . import _native
from ._arguments import Option, Source, arguments, paths
from ._errors import IsdWarning
from ._progress import Progress, Reporter
from ._table import Table

#: Options for which no table is made: others go to a file, or something else is printed.
_NO_TABLE = {"append", "explain", "part", "partition_by", "print_config", "split"}


def run(
    tool: str,
    source: Source | None,
    options: Sequence[Option],
    progress: Progress = False,
    depth: int = 0,
) -> Any:
    """Run a tool: its summary as a dict, or what it prints as text."""
    return _run(tool, source, options, progress, depth + 1, keep=False)[0]


def _run(
    tool: str,
    source: Source | None,
    options: Sequence[Option],
    progress: Progress,
    depth: int,
    keep: bool,
) -> tuple[Any, object]:
    """Run a tool: the same, and the table in place of a file where it is to be kept."""
    if hasattr(source, "__arrow_c_stream__"):
        import tempfile

        # The tools read files: it is put by as one.
        with tempfile.TemporaryDirectory(prefix="isdtools-") as directory:
            path = os.path.join(directory, "observations.arrow")
            _native.write_ipc(source, path)
            return _run(tool, path, options, progress, depth + 1, keep)
    line = [tool, "--json", *arguments(options)]
    sources = paths(source)
    with Reporter(progress) as reporter:
        line = [*line, "--", *sources] if sources else line
        printed, said, table = _native.run(tool, line, reporter.callback, keep)
    for note in said.splitlines():
        # The caller of the public function is meant, `depth` calls further up.
        warnings.warn(note, IsdWarning, stacklevel=3 + depth)
    return json.loads(printed) if printed.startswith("{") else printed, table


def run_table(
    tool: str,
    source: Source | None,
    options: Sequence[Option],
    progress: Progress = False,
) -> Any:
    """Run a tool whose result is a table: that table, or, where the result goes to a file, the summary as a dict."""
    given = {name for name, value, _ in options if value not in (None, False) and value != []}
    if "output" in given or given & _NO_TABLE:
        return run(tool, source, options, progress, depth=1)
    summary, table = _run(tool, source, options, progress, depth=1, keep=True)
    return Table(table, summary)
