"""Parts of a dataset: in any process, by any engine, joined to what one machine finds."""

from __future__ import annotations

import pickle
from pathlib import Path

import isdtools
import joblib
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import WIND, Observations, must

OPTIONS = {"window": "7d", "threads": 1}


@pytest.fixture(scope="session")
def whole(synthetic: Observations, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of one machine."""
    path = tmp_path_factory.mktemp("whole") / "outliers.parquet"
    must("isd-detect", synthetic.dataset, "-m", WIND, "--window=7d", "-o", path, "--quiet")
    return path


def test_parts_are_all_of_the_dataset(synthetic: Observations) -> None:
    parts = isdtools.parts(synthetic.dataset, 3)
    assert [(part.number, part.of) for part in parts] == [(1, 3), (2, 3), (3, 3)]
    assert sum(part.rows for part in parts) == 4_000_000
    stations = [station for part in parts for station in part.stations]
    assert sorted(stations) == pc.unique(synthetic.table["station_id"]).to_pylist()
    assert pickle.loads(pickle.dumps(parts)) == parts
    # More parts than row groups: some are empty, and still give an answer.
    many = isdtools.parts(synthetic.dataset, 50)
    assert many[-1].rows == 0
    assert many[-1].stations == []
    found = [part.detect(WIND) for part in many]
    assert len(found[-1]) == 0
    assert isdtools.join(found).to_arrow().equals(synthetic.expected)


def test_joined_parts_are_the_file_of_one_machine(synthetic: Observations, whole: Path, tmp_path: Path) -> None:
    parts = isdtools.parts(synthetic.dataset, 4)
    found = [pickle.loads(pickle.dumps(part.detect(WIND, **OPTIONS))) for part in parts]
    assert found[0].summary["outliers"] == len(found[0])
    summary = isdtools.join(reversed(found), tmp_path / "joined.parquet")
    assert summary["outliers"] == sum(map(len, found)) > 0
    assert (tmp_path / "joined.parquet").read_bytes() == whole.read_bytes()
    # By way of a directory that all see; what is there already is not made again.
    for _ in range(2):
        told = [part.detect(WIND, output=tmp_path / "parts", **OPTIONS) for part in parts]
    assert all(summary["skipped"] for summary in told)
    assert isdtools.join(tmp_path / "parts").to_arrow().equals(pa.parquet.read_table(whole).replace_schema_metadata())


def test_what_does_not_belong_together_is_not_joined(synthetic: Observations) -> None:
    one, two, three = (part.detect(WIND) for part in isdtools.parts(synthetic.dataset, 3))
    with pytest.raises(isdtools.IsdError, match="lacks 1 of 3 parts: 2"):
        isdtools.join([one, three])
    other = isdtools.parts(synthetic.dataset, 3)[1].detect(WIND, window=60)
    with pytest.raises(isdtools.IsdError, match="window"):
        isdtools.join([one, other, three])
    with pytest.raises(isdtools.IsdError, match="holds no parts"):
        isdtools.join([])
    with pytest.raises(TypeError, match="expected what Part.detect gives, found int"):
        isdtools.join([one, 2])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="0 parts: expected a number of parts, from 1"):
        isdtools.parts(synthetic.dataset, 0)
    with pytest.raises(isdtools.IsdError):
        isdtools.parts("nowhere", 2)
    assert len(isdtools.join([three, one, two])) == synthetic.expected.num_rows


def test_joblib_runs_parts_in_processes(synthetic: Observations, whole: Path, tmp_path: Path) -> None:
    work = (joblib.delayed(part.detect)(WIND, **OPTIONS) for part in isdtools.parts(synthetic.dataset, 4))
    found = joblib.Parallel(n_jobs=2, backend="loky")(work)
    isdtools.join(found, tmp_path / "joined.parquet")
    assert (tmp_path / "joined.parquet").read_bytes() == whole.read_bytes()
