"""What fails for a while is tried again; what fails for good is said in one clear line."""

import time

import pytest
from conftest import BUCKET, CLEAN, NO_PROXY, failure
from proxy import BUSY, DENIED, Fault

DATASET = f"s3://{BUCKET}/observations"
DETECT = ["isd-detect", DATASET, "-m", "wind_speed_rate", "-o", "remote.csv"]


@pytest.fixture
def dataset(store, sample):
    store.put(sample / "observations", "observations")
    store.proxy.reset()


@pytest.fixture
def expected(run, sample, tmp_path):
    run("isd-detect", sample / "observations", "-m", "wind_speed_rate", "-o", "local.csv")
    return (tmp_path / "local.csv").read_bytes()


def test_busy_now_and_then(run, store, dataset, expected, tmp_path):
    store.proxy.rule = lambda request: Fault(answer=BUSY) if request.number % 3 == 1 else None
    run(*DETECT)
    assert (tmp_path / "remote.csv").read_bytes() == expected
    refused = [request for request in store.proxy.passed.requests if request.number % 3 == 1]
    assert len(refused) > 5


@pytest.mark.parametrize(("of_data", "cut_after"), [(True, 1000), (False, 150)], ids=["data", "lists and manifests"])
def test_connections_cut_in_the_middle(run, store, dataset, expected, tmp_path, of_data, cut_after):
    cut = []

    def rule(request):
        if request.method == "GET" and (".parquet" in request.path) == of_data and request.number % 2 == 0:
            cut.append(request)
            return Fault(cut_after=cut_after)
        return None

    store.proxy.rule = rule
    run(*DETECT)
    assert (tmp_path / "remote.csv").read_bytes() == expected and len(cut) > 1


@pytest.mark.parametrize("fault", [Fault(answer=BUSY), Fault(cut_after=20_000)])
def test_a_source_goes_on_where_it_was_cut(run, store, sample, tmp_path, fault):
    store.put(sample / "sample.hdf5", "sample.hdf5")
    store.proxy.rule = lambda request: fault if request.method == "GET" and request.number % 2 == 0 else None
    run("isd-convert", f"s3://{BUCKET}/sample.hdf5", "--stations", sample / "stations.csv", "-o", "remote")
    for path in (sample / "observations").rglob("*.parquet"):
        assert (tmp_path / "remote" / path.relative_to(sample / "observations")).read_bytes() == path.read_bytes()


def test_uploads_are_tried_again(run, store, sample):
    store.proxy.rule = lambda request: Fault(answer=BUSY) if request.method == "PUT" and request.number % 2 == 0 else None
    run("isd-convert", sample / "sample.hdf5", "-o", DATASET)
    store.proxy.reset()
    run(*DETECT)


def test_slow_answers(run, store, dataset, expected, tmp_path):
    """Several requests are under way: 0.2 s each, one after the other, would take much longer."""
    store.proxy.rule = lambda request: Fault(delay=0.2) if ".parquet" in request.path and request.range else None
    run(*DETECT)
    assert (tmp_path / "remote.csv").read_bytes() == expected


@pytest.mark.parametrize(
    ("rule", "said", "hint"),
    [
        (lambda request: Fault(answer=BUSY), "throttled: the server is busy (SlowDown)", "run again later"),
        (lambda request: Fault(answer=(500, "InternalError", "x")), "the server answered 500 Internal Server Error", "run again"),
        (lambda request: Fault(answer=DENIED), "no rights (AccessDenied)", "check the credentials"),
        (
            lambda request: Fault(answer=(403, "SignatureDoesNotMatch", "key a-secret-key")),
            "no rights (SignatureDoesNotMatch)",
            "check the credentials",
        ),
        (lambda request: Fault(answer=(301, "PermanentRedirect", "x")), "the bucket is in another region", "AWS_REGION"),
    ],
)
def test_failures_for_good(run, store, dataset, tmp_path, rule, said, hint):
    # Once the dataset is open, and before.
    for only in (".parquet", ""):
        store.proxy.rule = lambda request: rule(request) if only in request.path else None
        error, told = failure(run(*DETECT, status=1))
        assert error.startswith(DATASET) and said in error and hint in told, (error, told)
    assert not (tmp_path / "remote.csv").exists()


def test_connections_that_are_always_cut(run, store, dataset):
    store.proxy.rule = lambda request: Fault(cut_after=100) if ".parquet" in request.path and request.range else None
    error, hint = failure(run(*DETECT, status=1))
    assert "the connection was cut off" in error and hint == "run again"


def test_no_such_bucket_or_object(run, store, dataset):
    error, hint = failure(run("isd-detect", "s3://nowhere/x", "-m", "wind_speed_rate", status=1))
    assert error == "s3://nowhere/x: cannot list: no such bucket" and "check the name of the bucket" in hint
    error, _ = failure(run("isd-detect", f"s3://{BUCKET}/nothing", "-m", "wind_speed_rate", status=1))
    assert error.startswith(f"s3://{BUCKET}/nothing: ")
    error, _ = failure(run("isd-query", f"s3://{BUCKET}/nothing", "select 1", status=1))
    assert error.startswith(f"s3://{BUCKET}/nothing: ")


def test_no_credentials(run, store):
    started = time.monotonic()
    # Nobody answers where a cloud's machine has the service that gives credentials.
    environment = CLEAN | NO_PROXY | {"AWS_ENDPOINT": store.proxy.address, "AWS_ALLOW_HTTP": "true",
                                      "AWS_METADATA_ENDPOINT": "http://127.0.0.1:9"}
    error, hint = failure(run("isd-detect", DATASET, "-m", "wind_speed_rate", status=1, env=environment))
    assert error.endswith("no credentials") and "AWS_ACCESS_KEY_ID" in hint and "AWS_SKIP_SIGNATURE" in hint
    # Asked for once, within four seconds.
    assert time.monotonic() - started < 6
    for scheme, variable in (("az", "AZURE_STORAGE_ACCOUNT_NAME"),):
        error, hint = failure(run("isd-detect", f"{scheme}://x/y", "-m", "wind_speed_rate", status=1, env=environment))
        assert error.endswith("no credentials") and variable in hint


def test_public_buckets_need_no_credentials(run, store, dataset, expected, tmp_path):
    environment = CLEAN | NO_PROXY | {"AWS_ENDPOINT": store.proxy.address, "AWS_ALLOW_HTTP": "true", "AWS_SKIP_SIGNATURE": "true"}
    run(*DETECT, env=environment)
    assert (tmp_path / "remote.csv").read_bytes() == expected


def test_servers_that_cannot_be_reached(run, store):
    error, hint = failure(run(*DETECT, status=1, env=store.environment("http://127.0.0.1:9")))
    assert "cannot reach the server" in error and "endpoint" in hint


def test_addresses_that_make_no_sense(run):
    for address in ("s3://", "s3:///x", "https://user:a-secret-key@127.0.0.1/x", "https://127.0.0.1/x?sig=a-secret-key"):
        # What it says must not repeat the key.
        error, _ = failure(run("isd-convert", "--inspect", address, status=1))
        assert error.startswith(address.split("//")[0])
        failure(run("isd-query", address, "select 1", status=1))
