"""What the tests share: the tools, and observations with the outliers that ``isd-detect`` finds in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
#: Published data beside the checkout.
SHARED = ROOT.parent / "shared" / "data"
WIND = "wind_speed_rate"


def tool(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs a tool: the binary in ``ISD_BINARIES``, or the console script of the environment."""
    places = [os.environ.get("ISD_BINARIES", ""), str(Path(sys.executable).parent)]
    path = shutil.which(name, path=os.pathsep.join(filter(None, places)))
    assert path, f"{name} is neither in ISD_BINARIES nor in the environment"
    return subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, check=False)


def must(name: str, *arguments: object) -> str:
    """Runs a tool that must succeed; gives its standard output."""
    done = tool(name, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Observations:
    """A dataset, the same as a table, and the wind outliers that ``isd-detect`` finds in it."""

    def __init__(self, directory: Path, *source: object) -> None:
        self.dataset = directory / "observations"
        must("isd-convert", *source, "-o", self.dataset, "--quiet")
        must("isd-detect", self.dataset, "-m", WIND, "-o", directory / "outliers.arrow", "--quiet")
        self.expected = pa.ipc.open_file(directory / "outliers.arrow").read_all()
        files = sorted(self.dataset.rglob("*.parquet"))
        columns = ["station_id", "timestamp", "air_temperature", WIND]
        self.table = pa.concat_tables(pq.ParquetFile(file).read(columns) for file in files)


@pytest.fixture(scope="session")
def isd_lite(tmp_path_factory: pytest.TempPathFactory) -> Observations:
    """ISD-Lite as it is published: 1.9 M rows."""
    if not (SHARED / "isd-lite").is_dir():
        pytest.skip("../shared/data is not there")
    return Observations(tmp_path_factory.mktemp("lite"), SHARED / "isd-lite")


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Observations:
    """4 M synthetic rows."""
    directory = tmp_path_factory.mktemp("synthetic")
    archive = directory / "archive.hdf5"
    must("isd-synth", "-o", archive, "--stations", 200, "--rows-per-station", 20000, "--quiet")
    return Observations(directory, archive)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Observations:
    """100,000 synthetic rows of eight stations."""
    directory = tmp_path_factory.mktemp("small")
    archive = directory / "archive.hdf5"
    must("isd-synth", "-o", archive, "--stations", 8, "--rows-per-station", 12500, "--quiet")
    return Observations(directory, archive)
