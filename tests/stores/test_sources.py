"""Sources by address: listed by prefix and pattern, streamed, and copied where a reader needs a file."""

import gzip
import tarfile
import zipfile

import pytest
from conftest import BUCKET, failure

HEADER = "station_id,timestamp,air_temperature\n"


def rows(station: str, hours: int = 40) -> str:
    return "".join(f"{station},2017-01-{1 + hour // 24:02}T{hour % 24:02}:00:00Z,{hour % 7}.5\n" for hour in range(hours))


@pytest.fixture
def archive(store, tmp_path):
    """An archive on disk, and the same in the store."""
    directory = tmp_path / "2017"
    (directory / "north").mkdir(parents=True)
    (directory / "one.csv").write_text(HEADER + rows("010010-99999"))
    (directory / "north" / "two.csv.gz").write_bytes(gzip.compress((HEADER + rows("720020-99999")).encode()))
    (directory / "readme.txt").write_text("no observations")
    (directory / ".hidden").write_text("nothing")
    store.put(directory, "2017")
    return directory


def files(directory):
    found = {path.relative_to(directory): path for path in directory.rglob("*.parquet")}
    return {str(name): path.read_bytes() for name, path in found.items()}


@pytest.mark.parametrize("source", [f"s3://{BUCKET}/2017", f"s3://{BUCKET}/2017/"])
def test_a_prefix(run, archive, tmp_path, source):
    run("isd-convert", "2017", "-o", "local")
    run("isd-convert", source, "-o", "remote")
    assert files(tmp_path / "local") == files(tmp_path / "remote") and len(files(tmp_path / "local")) == 2


def test_patterns_lists_and_inspection(run, archive, store, tmp_path):
    run("isd-convert", f"s3://{BUCKET}/2017/*.csv", "-o", "one")
    assert [name.split("/")[0] for name in files(tmp_path / "one")] == ["block=01"]
    listed = f"s3://{BUCKET}/2017/one.csv\ns3://{BUCKET}/2017/north/two.csv.gz\n"
    run("isd-convert", "-", "-o", "listed", input=listed)
    run("isd-convert", f"{store.proxy.address}/{BUCKET}/2017/one.csv", "-o", "web")
    assert len(files(tmp_path / "listed")) == 2 and files(tmp_path / "web") == files(tmp_path / "one")
    local = run("isd-convert", "--inspect", "2017").stdout
    assert run("isd-convert", "--inspect", f"s3://{BUCKET}/2017").stdout == local.replace("2017/", "2017/")
    error, _ = failure(run("isd-convert", f"s3://{BUCKET}/2017/*.parquet", "-o", "none", status=1))
    assert error.endswith("matches no file")
    error, _ = failure(run("isd-convert", f"s3://{BUCKET}/2018", "-o", "none", status=1))
    assert error.startswith(f"s3://{BUCKET}/2018: cannot open")
    run("isd-detect", f"s3://{BUCKET}/2017", "-m", "air_temperature", "-o", "found.csv")


def test_formats_that_need_a_file(run, sample, archive, store, tmp_path):
    """HDF5, Parquet, Arrow and zip are copied, and the copies are removed; tar is streamed."""
    store.put(sample / "sample.hdf5", "sample.hdf5")
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        tar.add(archive / "one.csv", "one.csv")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        packed.write(archive / "one.csv", "one.csv")
    run("isd-convert", "2017/one.csv", "-o", "one")
    table = next(iter((tmp_path / "one").rglob("*.parquet")))
    for name, path in [("all.tar", tmp_path / "all.tar"), ("all.zip", tmp_path / "all.zip"), ("table.parquet", table)]:
        store.put(path, name)
        run("isd-convert", f"s3://{BUCKET}/{name}", "-o", name + ".dataset")
        assert files(tmp_path / (name + ".dataset")) == files(tmp_path / "one")
    (tmp_path / "tmp").mkdir()
    environment = store.environment() | {"TMPDIR": str(tmp_path / "tmp")}
    run("isd-convert", f"s3://{BUCKET}/sample.hdf5", "-o", "hdf5", env=environment)
    assert files(tmp_path / "hdf5") == files(sample / "observations")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_damaged_source_is_named_by_its_address(run, store, tmp_path):
    store.client.put_object(Bucket=BUCKET, Key="broken.hdf5", Body=b"\x89HDF\r\n\x1a\n" + bytes(100))
    error, _ = failure(run("isd-convert", f"s3://{BUCKET}/broken.hdf5", "-o", "none", status=1))
    assert error.startswith(f"s3://{BUCKET}/broken.hdf5: ")
    assert not (tmp_path / "none").exists()
