"""isd-detect over s3:// on the loopback address, beside the same dataset on disk: seconds, and bytes that are read.

    python3 benches/stores.py [--dataset DIRECTORY] [--runs 5] [--delay 0.0]

The server is a small one of our own that knows what the tools ask of S3: lists, and ranges of files, which the kernel sends.
It counts what it sends, so that reading more than is needed is noticed.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

ROOT = pathlib.Path(__file__).parents[1]
BUCKET = "bench"


class Server(ThreadingHTTPServer):
    """A directory as a bucket, to be read."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, directory, delay):
        self.directory, self.delay = directory, delay
        self.bytes = self.requests = 0
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body=b""):
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", headers.get("Content-Length", str(len(body))))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        time.sleep(self.server.delay)
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        key = urllib.parse.unquote(url.path).removeprefix(f"/{BUCKET}").strip("/")
        if "list-type" in query:
            return self.answer(200, {"Content-Type": "application/xml"}, self.listing(query.get("prefix", "")))
        path = self.server.directory / key
        if not key or not path.is_file():
            code = b"<Error><Code>NoSuchKey</Code></Error>"
            return self.answer(404, {"Content-Type": "application/xml"}, code)
        size = path.stat().st_size
        first, last = 0, size - 1
        if wanted := self.headers.get("Range"):
            first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        length = min(last, size - 1) - first + 1
        self.send_response_only(206 if wanted else 200)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", f'"{tag(path)}"')
        self.send_header("Last-Modified", self.date_time_string(path.stat().st_mtime))
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{first + length - 1}/{size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.flush()
        with open(path, "rb") as file:
            sent = 0
            while sent < length:
                sent += os.sendfile(self.connection.fileno(), file.fileno(), first + sent, length - sent)
        with self.server.lock:
            self.server.bytes += length
            self.server.requests += 1

    def listing(self, prefix):
        files = (path for path in self.server.directory.rglob("*") if path.is_file())
        named = sorted((path.relative_to(self.server.directory).as_posix(), path) for path in files)
        contents = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{path.stat().st_size}</Size><ETag>&quot;{tag(path)}&quot;</ETag>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, path in named
            if key.startswith(prefix)
        )
        return (
            "<?xml version='1.0'?><ListBucketResult><IsTruncated>false</IsTruncated>"
            f"<KeyCount>{len(named)}</KeyCount>{contents}</ListBucketResult>"
        ).encode()


def tag(path):
    return hashlib.md5(f"{path}{path.stat().st_size}".encode()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=pathlib.Path, help="a dataset; by default 52 million rows are made")
    parser.add_argument("--measurement", default="wind_speed_rate")
    parser.add_argument("--needed", type=int, help="bytes of the column chunks that are needed")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer, as a far server has")
    arguments = parser.parse_args()
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    with tempfile.TemporaryDirectory() as temporary:
        place = pathlib.Path(temporary)
        dataset = arguments.dataset
        if dataset is None:
            archive, dataset = place / "archive.hdf5", place / "bucket" / "observations"
            dataset.parent.mkdir()
            make = ["--stations", "800", "--rows-per-station", "65000"]
            subprocess.run([target / "isd-synth", "-o", archive, *make, "--quiet"], check=True)
            subprocess.run([target / "isd-convert", archive, "-o", dataset, "--quiet"], check=True)
            archive.unlink()
        server = Server(dataset.resolve().parent, arguments.delay)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = os.environ | {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "key",
            "AWS_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}",
            "AWS_ALLOW_HTTP": "true",
            "NO_PROXY": "127.0.0.1",
        }
        sources = {"local": dataset, "s3": f"s3://{BUCKET}/{dataset.resolve().name}"}
        seconds = {name: [] for name in sources}
        # In turn, so that what else the machine does is the same for both.
        for _ in range(arguments.runs):
            for name, source in sources.items():
                server.bytes = server.requests = 0
                command = [target / "isd-detect", source, "-m", arguments.measurement, "-o", place / f"{name}.csv", "--quiet"]
                start = time.perf_counter()
                subprocess.run(command, env=environment, check=True)
                seconds[name].append(time.perf_counter() - start)
        for name, taken in seconds.items():
            print(f"{name:5}  {statistics.median(taken):.3f} s (fastest {min(taken):.3f} s)")
        print(f"{server.bytes:,} bytes in {server.requests} requests")
        results = [(place / f"{name}.csv").read_bytes() for name in sources]
        assert results[0] == results[1], "the results differ"
        if arguments.needed:
            print(f"{server.bytes / arguments.needed:.3f} times the {arguments.needed:,} bytes that are needed")
        server.shutdown()


if __name__ == "__main__":
    main()
