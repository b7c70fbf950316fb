"""The command-line tools: entry points of the console scripts."""

from __future__ import annotations

import sys
from typing import NoReturn

from . import _native


def _run(tool: str) -> NoReturn:
    sys.exit(_native.script(tool, [tool, *sys.argv[1:]]))


def convert() -> NoReturn:
    """Run ``isd-convert``."""
    _run("isd-convert")


def detect() -> NoReturn:
    """Run ``isd-detect``."""
    _run("isd-detect")


def events() -> NoReturn:
    """Run ``isd-events``."""
    _run("isd-events")


def qc() -> NoReturn:
    """Run ``isd-qc``."""
    _run("isd-qc")


def synth() -> NoReturn:
    """Run ``isd-synth``."""
    _run("isd-synth")
