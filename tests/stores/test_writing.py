"""Results and datasets that are written to a store appear whole, or not at all."""

import json
import signal
import subprocess
import time

import pytest
from conftest import BINARIES, BUCKET, failure
from proxy import DENIED, Fault

DATASET = f"s3://{BUCKET}/observations"


@pytest.mark.parametrize("extension", ["csv", "parquet", "arrow", "ndjson"])
def test_results(run, store, sample, tmp_path, extension):
    run("isd-detect", sample / "observations", "-m", "wind_speed_rate", "-o", f"local.{extension}")
    done = run("isd-detect", sample / "observations", "-m", "wind_speed_rate", "-o", f"s3://{BUCKET}/a/b.{extension}")
    assert store.read(f"a/b.{extension}") == (tmp_path / f"local.{extension}").read_bytes()
    assert f"wrote s3://{BUCKET}/a/b.{extension}" in done.stderr


def test_results_of_other_tools(run, store, sample, tmp_path):
    run("isd-qc", sample / "observations", "-o", f"s3://{BUCKET}/flags.csv")
    run("isd-qc", sample / "observations", "-o", "flags.csv")
    assert store.read("flags.csv") == (tmp_path / "flags.csv").read_bytes()
    run("isd-events", sample / "observations", "-o", f"s3://{BUCKET}/events.csv", "--members", f"s3://{BUCKET}/members.csv")
    run("isd-events", sample / "observations", "-o", "events.csv", "--members", "members.csv")
    for name in ("events.csv", "members.csv"):
        assert store.read(name) == (tmp_path / name).read_bytes()


def test_what_cannot_be_written(run, store, sample, tmp_path):
    source = sample / "observations"
    detect = ["isd-detect", source, "-m", "wind_speed_rate", "-o"]
    error, hint = failure(run(*detect, f"{store.proxy.address}/{BUCKET}/x.csv", status=1))
    assert error.endswith("a web server can only be read") and "s3://" in hint
    error, _ = failure(run(*detect, "s3://nowhere/x.csv", status=1))
    assert error == "s3://nowhere/x.csv: cannot write: no such bucket"
    error, hint = failure(run(*detect, f"s3://{BUCKET}/by-year", "--partition-by", "year", status=1))
    assert "cannot appear whole" in error and hint
    error, _ = failure(run("isd-convert", sample / "sample.hdf5", "-o", f"{store.proxy.address}/x", status=1))
    assert error.endswith("a web server can only be read")
    store.put(source, "observations")
    inside = run("isd-detect", DATASET, "-m", "wind_speed_rate", "-o", f"{DATASET}/x.parquet", status=2)
    assert failure(inside)[0] == f"{DATASET}/x.parquet: lies in what is read"


def version(store) -> str:
    return json.loads(store.read("observations/_isd.json"))["directory"]


def test_a_dataset(run, store, sample, tmp_path):
    done = run("isd-convert", sample / "sample.hdf5", "--stations", sample / "stations.csv", "-o", DATASET)
    local = {str(path.relative_to(sample / "observations")): path.read_bytes()
             for path in (sample / "observations").rglob("*.parquet")}
    directory = version(store)
    assert f"{DATASET}/{directory}/**/*.parquet" in done.stderr
    assert all(store.read(f"observations/{directory}/{name}") == content for name, content in local.items())
    assert [key.split("/")[1] for key in store.keys() if not key.startswith(f"observations/{directory}/")] == ["_isd.json"]
    # The parts, and last of all the manifest that names them.
    puts = [request.path for request in store.proxy.passed.requests if request.method == "PUT"]
    assert puts[-1] == f"/{BUCKET}/observations/_isd.json" and puts[-2].endswith(f"{directory}/_isd.json")
    run("isd-detect", DATASET, "-m", "wind_speed_rate", "-o", "remote.csv")
    run("isd-detect", sample / "observations", "-m", "wind_speed_rate", "-o", "local.csv")
    assert (tmp_path / "remote.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()
    # A copy of it on disk is the dataset, too.
    for key in store.keys("observations/"):
        path = tmp_path / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.read(key))
    run("isd-detect", "copy/observations", "-m", "wind_speed_rate", "-o", "copy.csv")
    assert (tmp_path / "copy.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()


def test_overwrite_update_and_resume(run, store, sample, tmp_path):
    source = tmp_path / "archive"
    source.mkdir()
    lines = "".join(f"010010-99999,2017-01-01T{hour:02}:00:00Z,{hour}\n" for hour in range(24))
    (source / "a.csv").write_text("station_id,timestamp,air_temperature\n" + lines)
    (source / "b.csv").write_text("station_id,timestamp,air_temperature\n" + lines.replace("010010", "720020"))
    run("isd-convert", "archive", "-o", DATASET)
    first = version(store)
    error, hint = failure(run("isd-convert", "archive", "-o", DATASET, status=1))
    assert error == f"{DATASET}: exists already" and "--overwrite" in hint
    # The same again, and nothing else.
    before = {key: store.read(key) for key in store.keys()}
    run("isd-convert", "archive", "-o", DATASET, "--overwrite")
    assert {key: store.read(key) for key in store.keys()} == before
    unchanged = run("isd-convert", "archive", "-o", DATASET, "--update")
    assert "no source file has changed" in unchanged.stderr
    complete = run("isd-convert", "archive", "-o", DATASET, "--resume")
    assert "is complete" in complete.stderr
    (source / "b.csv").write_text((source / "b.csv").read_text() + "720020-99999,2017-01-02T00:00:00Z,5\n")
    updated = run("isd-convert", "archive", "-o", DATASET, "--update")
    assert "updated: 1 block written, 1 kept" in updated.stderr
    assert version(store) != first
    assert all(key.split("/")[1] in ("_isd.json", version(store)) for key in store.keys())
    count = run("isd-query", DATASET, "select count(*) as n from observations", "--format", "csv")
    assert count.stdout == "n\n49\n"
    # As if it had been converted at once.
    run("isd-convert", "archive", "-o", "local")
    for path in (tmp_path / "local").rglob("*.parquet"):
        assert store.read(f"observations/{version(store)}/{path.relative_to(tmp_path / 'local')}") == path.read_bytes()


def test_what_is_no_dataset_is_not_replaced(run, store, sample):
    store.client.put_object(Bucket=BUCKET, Key="observations/thesis.doc", Body=b"years of work")
    error, _ = failure(run("isd-convert", sample / "sample.hdf5", "-o", DATASET, "--overwrite", status=1))
    assert "is no isd dataset" in error
    assert store.keys() == ["observations/thesis.doc"]


def start(store, tmp_path, *command, **environment):
    (tmp_path / "tmp").mkdir(exist_ok=True)
    env = store.environment() | {"TMPDIR": str(tmp_path / "tmp")} | environment
    return subprocess.Popen([BINARIES / command[0], *map(str, command[1:])], cwd=tmp_path, env=env,
                            stderr=subprocess.PIPE, text=True)


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_run_that_is_killed_is_never_seen(run, store, sample, tmp_path, how):
    """It is killed while it uploads; the dataset before it stays, and the next run leaves nothing of it behind."""
    store.put(sample / "observations", "observations")
    before = store.keys()
    run("isd-detect", DATASET, "-m", "wind_speed_rate", "-o", "before.csv")
    parts = lambda: [key for key in store.keys() if "/data-" in key and key.endswith(".parquet")]
    store.proxy.rule = lambda request: Fault(delay=60) if request.method == "PUT" and len(parts()) >= 2 else None
    convert = ["isd-convert", sample / "sample.hdf5", "-m", "wind_speed_rate", "-o", DATASET, "--overwrite"]
    process = start(store, tmp_path, *convert)
    wait_for(lambda: len(parts()) >= 2)
    process.send_signal(how)
    started = time.monotonic()
    process.wait(timeout=10)
    assert time.monotonic() - started < 2
    store.proxy.rule = lambda request: None
    assert set(before) < set(store.keys()) and not any(key.endswith("/_isd.json") and "data-" in key for key in store.keys())
    run("isd-detect", DATASET, "-m", "wind_speed_rate", "-o", "after.csv")
    assert (tmp_path / "after.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()
    # The SQL engine lists files by itself, and is not let in.
    error, _ = failure(run("isd-query", DATASET, "select count(*) from observations", status=1))
    assert error == f"{DATASET}: holds what a run that was killed has uploaded, beside the dataset"
    environment = store.environment() | {"TMPDIR": str(tmp_path / "tmp")}
    uploaded, sent = parts(), len(store.proxy.passed.requests)
    done = run(*convert, "--resume", env=environment)
    assert "written in" in done.stderr
    # What it had uploaded is the same, and is not uploaded again.
    puts = [request.path for request in store.proxy.passed.requests[sent:] if request.method == "PUT"]
    assert uploaded and not any(put.endswith(key) for key in uploaded for put in puts)
    assert all(key.split("/")[1] in ("_isd.json", version(store)) for key in store.keys())
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_first_run_that_is_killed_is_no_dataset(run, store, sample, tmp_path):
    # The parts are uploaded, the manifest is not.
    store.proxy.rule = lambda request: Fault(answer=DENIED) if request.path.endswith("observations/_isd.json") and request.method == "PUT" else None
    error, _ = failure(run("isd-convert", sample / "sample.hdf5", "-o", DATASET, status=1))
    assert "no rights (AccessDenied)" in error
    store.proxy.rule = lambda request: None
    assert any(key.endswith(".parquet") for key in store.keys())
    for tool in (["isd-detect", DATASET, "-m", "wind_speed_rate"], ["isd-query", DATASET, "select 1"]):
        failure(run(*tool, status=1))
    run("isd-convert", sample / "sample.hdf5", "-o", DATASET)
    run("isd-detect", DATASET, "-m", "wind_speed_rate", "-o", "found.csv")


def test_of_two_writers_the_first_to_end_stays(run, store, sample, tmp_path):
    reached = []

    def rule(request):
        if request.method == "PUT" and request.path.endswith("observations/_isd.json") and not reached:
            reached.append(request)
            return Fault(delay=3)
        return None

    store.proxy.rule = rule
    slow = start(store, tmp_path, "isd-convert", sample / "sample.hdf5", "-m", "wind_speed_rate", "-o", DATASET)
    wait_for(lambda: reached)
    other = store.environment() | {"TMPDIR": str(tmp_path)}
    run("isd-convert", sample / "sample.hdf5", "-m", "air_temperature", "-o", DATASET, env=other)
    manifest = store.read("observations/_isd.json")
    _, stderr = slow.communicate(timeout=60)
    assert slow.returncode == 1 and "another run has written it meanwhile" in stderr, stderr
    assert store.read("observations/_isd.json") == manifest


def test_long_files_are_uploaded_in_parts(run, store, sample, tmp_path):
    big = tmp_path / "big.csv"
    big.write_text("a\n" + "".join(f"{number}\n" for number in range(3_000_000)))
    run("isd-query", "big.csv", "select a, a + 1 as b, a + 2 as c from big order by 1", "-o", f"s3://{BUCKET}/big.csv")
    run("isd-query", "big.csv", "select a, a + 1 as b, a + 2 as c from big order by 1", "-o", "copy.csv")
    assert store.read("big.csv") == (tmp_path / "copy.csv").read_bytes()
    assert any("partNumber" in request.path for request in store.proxy.passed.requests)
    assert store.uploads() == []


@pytest.mark.parametrize("how", ["interrupted", "refused"])
def test_an_upload_that_does_not_end_is_taken_back(run, store, tmp_path, how):
    big = tmp_path / "big.csv"
    big.write_text("a\n" + "".join(f"{number}\n" for number in range(3_000_000)))
    fault = Fault(delay=60) if how == "interrupted" else Fault(answer=DENIED)
    store.proxy.rule = lambda request: fault if "partNumber=2" in request.path else None
    query = ["isd-query", "big.csv", "select a, a + 1 as b, a + 2 as c from big order by 1", "-o", f"s3://{BUCKET}/big.csv"]
    process = start(store, tmp_path, *query)
    if how == "interrupted":
        wait_for(lambda: any("partNumber=2" in request.path for request in store.proxy.passed.requests))
        process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, stderr = process.communicate(timeout=30)
    assert process.returncode != 0, stderr
    assert how == "refused" or time.monotonic() - started < 2
    assert store.keys() == [] and store.uploads() == []
    assert list((tmp_path / "tmp").iterdir()) == []
