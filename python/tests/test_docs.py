"""The examples of the docstrings, and the sessions of the documentation."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import isdtools
import pytest
from conftest import ROOT, must

MODULES = ["isdtools._memory", "isdtools.polars"]


@pytest.mark.parametrize("module", MODULES)
def test_examples_of_docstrings(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0


def test_every_public_name_is_documented() -> None:
    for name in isdtools.__all__:
        assert name == "__version__" or getattr(isdtools, name).__doc__, name


def test_sessions_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    must("isd-synth", "-o", tmp_path / "archive.hdf5", "--stations=20", "--rows-per-station=5000", "--quiet")
    monkeypatch.chdir(tmp_path)
    results = doctest.testfile(
        str(ROOT / "docs" / "python.md"), module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )  # fmt: skip
    assert results.attempted > 5
    assert results.failed == 0
