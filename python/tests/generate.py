"""Writes ``isdtools/_tools.py``: the tools as functions, from the parsers of their command lines.

    UPDATE_DOCS=1 python/tests/run -k generated

does it; without that variable the test compares.
"""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

from isdtools import _native

TARGET = Path(__file__).parent.parent / "isdtools" / "_tools.py"

#: How the functions report: exceptions, a returned summary and the argument ``progress`` take their place.
NOT_OPTIONS = {"exit-code", "json", "progress", "quiet"}
#: What says what a conversion writes, which ``inspect`` does not do.
NOT_INSPECT = {
    "output", "float32", "stations", "overwrite", "update", "prune", "resume", "dry-run", "inspect", "wait",
    "station", "country", "state", "bbox", "from", "to",
}  # fmt: skip

#: Python types by what the command line calls a value.
TYPES = {
    "FILE": "PathArgument",
    "LIST": "PathArgument",
    "DIR": "PathArgument",
    "DATASET": "PathArgument",
    "N": "int",
    "N|TIME": "Window",
    "SIGMA": "float",
    "[NAME=]NUMBER": "float | str",
    "STD": "float",
    "PERCENT": "float",
    "SPEED": "float",
    "KM": "float",
}
#: Those of single options, where a value is called as others are.
TYPES_OF = {
    "bbox": "Sequence[float] | str",
    "column": "Mapping[str, str]",
    "explain": "Sequence[str | date] | bool",
    "from": "Time",
    "gap": "str | timedelta",
    "longest": "str | timedelta",
    "pressure-deviations": "float",
    "time-format": "str",
    "to": "Time",
    "unit": "Mapping[str, str]",
    "wait": "bool | str | timedelta",
}

#: Types in words.
DOCUMENTED = {
    "Mapping[str, str]": "dict of str to str",
    "Sequence[float]": "sequence of float",
    "Sequence[int]": "sequence of int",
    "Sequence[str | date]": "sequence of str or date",
    "Sequence[str]": "sequence of str",
    "PathArgument": "path",
    "Window": "int, str or timedelta",
    "Time": "str, date or datetime",
    " | ": " or ",
}

HEADER = '''"""The tools as functions. Generated from their command lines by ``tests/generate.py``: change these instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ._run import run, run_table

if TYPE_CHECKING:
    from ._arguments import PathArgument, Source, Time, Window
    from ._progress import Progress
'''

IN_MEMORY = "Or a table with ``__arrow_c_stream__`` (Polars, pandas 3, pyarrow, DuckDB), which is put by as a file first"
PROGRESS = "``True`` shows a bar (tqdm's, where it is installed); a function is called with a dict of counts"

RAISES = """IsdError
    What the tool ends with; ``path`` and ``hint`` say more. Nothing half-written is left behind.
ValueError, TypeError
    Arguments that make no sense, in the words of the tool."""

#: What comes back of each function.
RETURNS = {
    "convert": "dict\n    What was converted to what: rows, stations, columns, files that were left out, seconds.",
    "inspect": "dict\n    What the source holds: columns with units and ranges, stations, times, missing values.",
    "detect": """Table or dict or str
    The outliers, as :func:`isdtools.outliers` describes them, and a ``summary``. Where they go to a file (``output``,
    also with ``part``), and with ``split``, the summary as a dict; with ``explain`` the plan as text.""",
    "qc": """Table or dict or str
    The flags, one row a value and test that found something, and a ``summary``. Where they go to a file (``output``) the
    summary as a dict; with ``explain`` and ``print_config`` what is printed, as text.""",
    "events": """Table or dict
    The events, most severe first, and a ``summary``. Where they go to a file (``output``) the summary as a dict.""",
}


def render() -> str:
    """The module's text."""
    tools = {tool: json.loads(_native.options(f"isd-{tool}")) for tool in ("convert", "detect", "qc", "events")}
    inspect = tools["convert"] | {"about": "Say what a source holds: columns, stations, times, missing values"}
    functions = [
        function("convert", tools["convert"], {"inspect"}),
        function("inspect", inspect, NOT_INSPECT),
        function("detect", tools["detect"], set()),
        function("qc", tools["qc"], set()),
        function("events", tools["events"], set()),
    ]
    return "\n\n".join([HEADER, *functions])


def function(name: str, tool: dict[str, Any], left_out: set[str]) -> str:
    """One function."""
    first, *rest = tool["arguments"]
    options = [option for option in rest if option["name"] not in NOT_OPTIONS | left_out]
    # What is named first may be given by position.
    by_position = {"convert": ["output"], "detect": ["measurement"]}.get(name, [])
    options.sort(key=lambda option: option["name"] not in by_position)
    several = first["values"][1] > 1
    source = "Source" if several else "PathArgument"
    none = " | None = None" if name in ("detect", "qc") else ""
    lines = [f"def {name}(", f"    {'source' if several else 'dataset'}: {source}{none},"]
    for number, option in enumerate(options):
        if number == len(by_position):
            lines.append("    *,")
        lines.append(f"    {key(option)}: {python_type(option)} = {literal(option)},")
    lines += ["    progress: Progress = False,", ") -> Any:"]
    lines.append(textwrap.indent(docstring(name, tool, first, options), "    "))
    lines.append("    options = [")
    lines += [f'        ("{key(option)}", {key(option)}, {literal(option)}),' for option in options]
    if name == "inspect":
        lines.append('        ("inspect", True, None),')
    runner = "run" if name in ("convert", "inspect") else "run_table"
    parameter = "source" if several else "dataset"
    called = "isd-convert" if name == "inspect" else f"isd-{name}"
    lines += ["    ]", f'    return {runner}("{called}", {parameter}, options, progress)', ""]
    return "\n".join(lines)


def docstring(name: str, tool: dict[str, Any], first: dict[str, Any], options: list[dict[str, Any]]) -> str:
    """A docstring in NumPy's style, from the help of the command line."""
    several = first["values"][1] > 1
    lines = textwrap.wrap(f'"""{in_python(tool["about"])}.', 114)
    lines += ["", "Parameters", "----------"]
    lines.append("source : path, sequence of paths, or table" if several else "dataset : path")
    lines += described(first["help"])
    if several:
        lines += described(IN_MEMORY)
    for option in options:
        lines.append(f"{key(option)} : {documented_type(option)}")
        lines += described(option["help"])
    lines += ["progress : bool or callable, default False", *described(PROGRESS)]
    lines += ["", "Returns", "-------", RETURNS[name], "", "Raises", "------", RAISES, '"""']
    return "\n".join(lines)


def described(text: str) -> list[str]:
    """What is said of a parameter."""
    return textwrap.wrap(in_python(text) + ".", 110, initial_indent="    ", subsequent_indent="    ")


def in_python(text: str) -> str:
    """Help of the command line, with options as a function has them."""
    named = {"from": "from_"}
    flag = re.compile(r"--([a-z][a-z0-9]*(?:-[a-z0-9]+)*)")
    text = flag.sub(lambda found: f"``{named.get(found[1], found[1].replace('-', '_'))}``", text)
    return text.replace("-o FILE", "``output``").replace("-o DIR", "``output``")


def key(option: dict[str, Any]) -> str:
    """The name of a keyword argument."""
    name: str = option["name"].replace("-", "_")
    return name + "_" if name == "from" else name


def python_type(option: dict[str, Any]) -> str:
    """The type of a keyword argument, as an annotation."""
    name, (value, *_) = option["name"], option["value_names"]
    if option["is_flag"]:
        return "bool"
    if option["choices"]:
        found = "Literal[{}]".format(", ".join(f'"{choice}"' for choice in option["choices"]))
    else:
        found = TYPES_OF.get(name) or TYPES.get(value, "str")
    if option["is_list"] and name not in TYPES_OF:
        found = f"{found} | Sequence[{found}]"
    return found if default(option) is not None else f"{found} | None"


def documented_type(option: dict[str, Any]) -> str:
    """The type of a keyword argument, in words."""
    found = python_type(option).removesuffix(" | None")
    if option["choices"]:
        found = "{" + ", ".join(option["choices"]) + "}"
        found += ", or a sequence of these" if option["is_list"] else ""
    for name, words in DOCUMENTED.items():
        found = found.replace(name, words)
    value = default(option)
    return found + (", optional" if value is None else f", default {value}")


def default(option: dict[str, Any]) -> Any:
    """The default of a keyword argument."""
    if option["is_flag"]:
        return False
    if not option["default"]:
        return None
    (text,) = option["default"]
    return json.loads(text) if re.fullmatch(r"[0-9.]+", text) else text


def literal(option: dict[str, Any]) -> str:
    """The default of a keyword argument, as Python code."""
    value = default(option)
    return json.dumps(value) if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
