"""An S3 server, a proxy before it, and the tools run against them."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from proxy import Proxy

BINARIES = Path(os.environ["ISD_BINARIES"])
BUCKET = "bucket"
# Nothing of the machine's own settings.
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GOOGLE_", "AZURE_"))}
NO_PROXY = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@dataclass
class Store:
    """The server, by its own address and by the proxy's."""

    client: object
    proxy: Proxy
    port: int

    def environment(self, endpoint: str | None = None) -> dict[str, str]:
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "a-secret-key", "AWS_REGION": "us-east-1"}
        return CLEAN | NO_PROXY | keys | {"AWS_ENDPOINT": endpoint or self.proxy.address, "AWS_ALLOW_HTTP": "true"}

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def put(self, path: Path, key: str) -> None:
        """Puts a file, or all files below a directory."""
        if path.is_dir():
            for file in sorted(file for file in path.rglob("*") if file.is_file()):
                self.put(file, f"{key}/{file.relative_to(path)}")
        else:
            self.client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes(), ACL="public-read")

    def uploads(self) -> list[dict]:
        """Uploads in parts that have not ended."""
        return self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])


@pytest.fixture(scope="session")
def server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="a-secret-key",
    )
    client.create_bucket(Bucket=BUCKET)
    yield Store(client, Proxy(port), port)
    server.stop()


@pytest.fixture
def store(server):
    server.proxy.reset()
    for key in server.keys():
        server.client.delete_object(Bucket=BUCKET, Key=key)
    yield server
    server.proxy.reset()


@pytest.fixture
def run(store, tmp_path):
    """Runs a tool in the test's directory."""

    def run(tool: str, *arguments: object, status: int = 0, env: dict[str, str] | None = None, **options):
        command = [BINARIES / tool, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=tmp_path, env=env or store.environment(), capture_output=True, text=True, timeout=120, **options
        )
        assert done.returncode == status, f"{tool}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "a-secret-key" not in done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A sample archive with its stations and dataset, made without the server."""
    directory = tmp_path_factory.mktemp("sample")

    def tool(name: str, *arguments: str) -> None:
        subprocess.run([BINARIES / name, *arguments, "--quiet"], cwd=directory, env=CLEAN, check=True)

    tool("isd-synth", "-o", "sample.hdf5", "--station-list", "stations.csv", "--stations", "60")
    tool("isd-convert", "sample.hdf5", "--stations", "stations.csv", "-o", "observations")
    yield directory
    shutil.rmtree(directory)


def failure(done: subprocess.CompletedProcess) -> tuple[str, str]:
    """The error line and the hint of a run that failed."""
    lines = done.stderr.splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    hints = [line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")]
    assert len(errors) == 1 and len(hints) <= 1, done.stderr
    return errors[0], hints[0] if hints else ""
