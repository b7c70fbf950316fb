"""Dask: parts of a dataset by a cluster, of which a worker may be lost, and partitions of a Dask DataFrame."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import isdtools
import isdtools.dask
import joblib
import pyarrow as pa
import pytest
from conftest import WIND, Observations, must
from distributed import Client, LocalCluster


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Two worker processes of one thread each."""
    directory = tmp_path_factory.mktemp("dask")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=str(directory)) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def whole(synthetic: Observations, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of one machine."""
    path = tmp_path_factory.mktemp("whole") / "outliers.parquet"
    must("isd-detect", synthetic.dataset, "-m", WIND, "--threshold=7", "-o", path, "--quiet")
    return path.read_bytes()


def test_a_cluster_gives_the_file_of_one_machine(
    client: Client, synthetic: Observations, whole: bytes, tmp_path: Path
) -> None:
    summary = isdtools.dask.detect(synthetic.dataset, WIND, client=client, threshold=7, output=tmp_path / "o.parquet")
    assert summary["outliers"] > 0
    assert (tmp_path / "o.parquet").read_bytes() == whole
    # The client that was made last, and any number of parts.
    assert isdtools.dask.detect(synthetic.dataset, WIND, n=3).to_arrow().equals(synthetic.expected)


def test_a_lost_worker_is_made_up_for(client: Client, synthetic: Observations, whole: bytes, tmp_path: Path) -> None:
    marker = str(tmp_path / "killed")

    def kill_once(_counts: dict[str, Any]) -> None:
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    workers = set(client.run(os.getpid).values())
    isdtools.dask.detect(
        synthetic.dataset, WIND, client=client, threshold=7, output=tmp_path / "o.parquet", progress=kill_once
    )
    assert os.path.exists(marker)
    assert (tmp_path / "o.parquet").read_bytes() == whole
    client.wait_for_workers(2)
    assert set(client.run(os.getpid).values()) != workers


def test_failures_of_workers_are_those_of_the_tool(client: Client, synthetic: Observations) -> None:
    with pytest.raises(isdtools.IsdError, match="holds no measurement wind\nhint: it holds air_temp"):
        isdtools.dask.detect(synthetic.dataset, "wind", client=client)
    with pytest.raises(ValueError, match="a window of 0 rows"):
        isdtools.dask.detect(synthetic.dataset, WIND, client=client, window=0)


def test_joblib_runs_parts_on_the_cluster(client: Client, synthetic: Observations, whole: bytes, tmp_path: Path) -> None:
    work = (joblib.delayed(part.detect)(WIND, threshold=7, threads=1) for part in isdtools.parts(synthetic.dataset, 6))
    with joblib.parallel_config(backend="dask"):
        found = joblib.Parallel()(work)
    isdtools.join(found, tmp_path / "o.parquet")
    assert (tmp_path / "o.parquet").read_bytes() == whole


@pytest.mark.parametrize("partitioned", [False, True])
def test_partitions_of_a_frame(client: Client, small: Observations, partitioned: bool) -> None:
    frame = small.table.to_pandas()
    # Eight stations of 12,500 rows: cut between them, or anywhere.
    frame = dd.from_pandas(frame.set_index("station_id"), npartitions=4) if partitioned else dd.from_pandas(frame, npartitions=7)
    found = isdtools.dask.outliers(frame, WIND, partitioned=partitioned)
    assert list(found.columns) == small.expected.column_names
    computed = found.compute().sort_values(["station_id", "timestamp"])
    computed = pa.Table.from_pandas(computed, preserve_index=False).cast(small.expected.schema).replace_schema_metadata()
    assert computed.equals(small.expected)
    with pytest.raises(TypeError, match="timestamp: expected times"):
        isdtools.dask.outliers(frame.assign(timestamp=1), WIND)
