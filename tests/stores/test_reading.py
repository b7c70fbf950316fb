"""What is read from a store gives what a local directory gives, byte for byte, and no more of it is read than is needed."""

import subprocess

import pyarrow.parquet as parquet
import pytest
from conftest import BINARIES, BUCKET, CLEAN, failure


@pytest.fixture
def dataset(store, sample):
    """The sample's dataset in the store, as a copy of the local directory."""
    store.put(sample / "observations", "observations")
    return f"s3://{BUCKET}/observations"


def same(tmp_path, *names):
    contents = [(tmp_path / name).read_bytes() for name in names]
    assert contents[0] and all(content == contents[0] for content in contents)


@pytest.mark.parametrize("extension", ["csv", "parquet", "arrow", "ndjson"])
def test_detect(run, sample, dataset, tmp_path, extension):
    (tmp_path / "observations").symlink_to(sample / "observations")
    for source, name in [("observations", "local"), (dataset, "remote")]:
        run("isd-detect", source, "--all", "-o", f"{name}.{extension}")
    if extension == "parquet":
        # Its metadata say what was read.
        local, remote = (parquet.read_table(tmp_path / f"{name}.parquet") for name in ("local", "remote"))
        assert local.equals(remote) and local.num_rows > 100
    else:
        same(tmp_path, f"local.{extension}", f"remote.{extension}")


@pytest.mark.parametrize(
    "options",
    [
        ["--window", "7d"],
        ["--station", "01*", "--from", "2000-03-01"],
        ["--threads", "1"],
        ["--columns", "station_id,timestamp,value,latitude"],
    ],
)
def test_detect_with_options(run, sample, dataset, tmp_path, options):
    for source, name in [(sample / "observations", "local.csv"), (dataset, "remote.csv")]:
        run("isd-detect", source, "-m", "wind_speed_rate", "-o", name, *options)
    same(tmp_path, "local.csv", "remote.csv")


def test_quality_control_and_events(run, sample, dataset, tmp_path):
    for source, name in [(sample / "observations", "local"), (dataset, "remote")]:
        run("isd-qc", source, "-o", f"{name}-flags.csv")
        run("isd-events", source, "--flags", f"{name}-flags.csv", "-o", f"{name}-events.csv")
    same(tmp_path, "local-flags.csv", "remote-flags.csv")
    same(tmp_path, "local-events.csv", "remote-events.csv")


def test_flags_and_station_lists_by_address(run, store, sample, dataset, tmp_path):
    run("isd-qc", dataset, "-o", "flags.parquet")
    store.put(tmp_path / "flags.parquet", "flags.parquet")
    store.put(sample / "stations.csv", "stations.csv")
    flags, stations = f"s3://{BUCKET}/flags.parquet", f"s3://{BUCKET}/stations.csv"
    run("isd-events", dataset, "--flags", "flags.parquet", "--stations", sample / "stations.csv", "-o", "local.csv")
    run("isd-events", dataset, "--flags", flags, "--stations", stations, "-o", "remote.csv")
    same(tmp_path, "local.csv", "remote.csv")


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*), avg(air_temperature) from observations",
        "select block, count(*) from observations group by 1 order by 1",
        "select * from observations where station_id like '01%' order by station_id, timestamp limit 20",
        "select name, latitude from stations order by 1",
    ],
)
def test_query(run, sample, dataset, sql):
    local = run("isd-query", sample / "observations", sql, "--format", "csv").stdout
    assert local.count("\n") > 1
    assert run("isd-query", dataset, sql, "--format", "csv").stdout == local


def test_query_of_objects(run, store, sample, dataset, tmp_path):
    for name in ("outliers.csv", "outliers.parquet", "outliers.arrow", "outliers.ndjson"):
        run("isd-detect", dataset, "-m", "wind_speed_rate", "-o", name)
        store.put(tmp_path / name, name)
        sql = "select station_id, value from outliers order by station_id, timestamp"
        local = run("isd-query", name, sql, "--format", "csv").stdout
        assert run("isd-query", f"s3://{BUCKET}/{name}", sql, "--format", "csv").stdout == local
    run("isd-query", f"s3://{BUCKET}/outliers.csv", "select 1 as one", "-o", f"s3://{BUCKET}/one.csv")
    assert store.read("one.csv") == b"one\n1\n"
    run("isd-query", f"s3://{BUCKET}/one.csv", f"copy (select 2 as two) to 's3://{BUCKET}/two.csv'")
    assert store.read("two.csv") == b"two\n2\n"
    error, _ = failure(run("isd-query", f"s3://{BUCKET}/nothing.csv", "select 1", status=1))
    assert f"s3://{BUCKET}/nothing.csv" in error


def test_a_web_server_serves_what_its_journal_lists(run, store, sample, dataset, tmp_path):
    address = f"{store.proxy.address}/{BUCKET}/observations"
    run("isd-detect", address, "-m", "wind_speed_rate", "-o", "remote.csv")
    run("isd-detect", sample / "observations", "-m", "wind_speed_rate", "-o", "local.csv")
    same(tmp_path, "local.csv", "remote.csv")
    methods = {request.method for request in store.proxy.passed.requests}
    assert methods <= {"GET", "HEAD"}


def test_bytes_that_are_read(run, store, tmp_path):
    """At most 1.1 times the column chunks that are needed, and each of them once."""
    make = ["isd-synth", "-o", "long.hdf5", "--stations", "40", "--rows-per-station", "50000", "--quiet"]
    subprocess.run([BINARIES / make[0], *make[1:]], cwd=tmp_path, env=CLEAN, check=True)
    run("isd-convert", "long.hdf5", "-o", "observations")
    (tmp_path / "long.hdf5").unlink()
    needed = 0
    for file in (tmp_path / "observations").rglob("*.parquet"):
        metadata = parquet.read_metadata(file)
        for group in range(metadata.num_row_groups):
            columns = [metadata.row_group(group).column(number) for number in range(metadata.num_columns)]
            wanted = ("station_id", "wind_speed_rate")
            needed += sum(column.total_compressed_size for column in columns if column.path_in_schema in wanted)
    store.put(tmp_path / "observations", "observations")
    store.proxy.reset()
    run("isd-detect", f"s3://{BUCKET}/observations", "-m", "wind_speed_rate", "-o", "remote.csv")
    read = store.proxy.passed.bytes
    # What is no page of a column: manifest, footers, and the lists of time steps.
    assert needed < read <= 1.1 * needed, f"{read} bytes of {needed}"
    ranges = [(request.path, request.range) for request in store.proxy.passed.requests if request.range]
    assert len(ranges) == len(set(ranges)), "a range was read twice"
    run("isd-detect", "observations", "-m", "wind_speed_rate", "-o", "local.csv")
    same(tmp_path, "local.csv", "remote.csv")


def test_parts(run, store, sample, dataset, tmp_path):
    run("isd-detect", sample / "observations", "-m", "wind_speed_rate", "-o", "whole.csv")
    parts = f"s3://{BUCKET}/parts"
    for part in ("1/2", "2/2"):
        run("isd-detect", dataset, "-m", "wind_speed_rate", "--part", part, "-o", parts)
    again = run("isd-detect", dataset, "-m", "wind_speed_rate", "--part", "2/2", "-o", parts)
    assert "is there and complete" in again.stderr
    run("isd-detect", "--join", parts, "-o", "joined.csv")
    same(tmp_path, "whole.csv", "joined.csv")
    store.client.delete_object(Bucket=BUCKET, Key="parts/part-00002-of-00002.parquet")
    error, hint = failure(run("isd-detect", "--join", parts, "-o", "joined.csv", status=1))
    assert error == f"{parts}: lacks 1 of 2 parts: 2" and "--array=2" in hint
    inside = run("isd-detect", dataset, "-m", "wind_speed_rate", "--part", "1/2", "-o", f"{dataset}/parts", status=2)
    assert "lies in what is read" in failure(inside)[0]


def test_every_hour(run, store, dataset, tmp_path):
    """`--since-file` and `--append` with objects: nothing is reported twice."""
    state, outliers = f"s3://{BUCKET}/state.json", f"s3://{BUCKET}/all.parquet"
    command = ["isd-detect", dataset, "-m", "wind_speed_rate", "--since-file", state, "--append", "-o", outliers]
    run(*command)
    first = store.read("all.parquet")
    again = run(*command)
    assert "0 outliers" in again.stderr
    assert parquet.read_table(__import__("io").BytesIO(first)).num_rows > 100
