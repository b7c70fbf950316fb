"""The tools as functions: the same options, defaults, results and words as on the command line."""

from __future__ import annotations

import datetime
import inspect
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import generate
import isdtools
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import WIND, Observations, must, tool
from isdtools import _arguments, _native


def test_the_functions_are_generated_from_the_command_lines() -> None:
    if os.environ.get("UPDATE_DOCS"):
        generate.TARGET.write_text(generate.render(), encoding="utf-8")
    expected, found = generate.render(), generate.TARGET.read_text(encoding="utf-8")
    assert found == expected, "UPDATE_DOCS=1 writes python/isdtools/_tools.py anew"


def test_the_options_of_tables_in_memory_are_those_of_the_tool() -> None:
    options = {option["name"]: option for option in json.loads(_native.options("isd-detect"))["arguments"]}
    for function in (isdtools.outliers, isdtools.rolling_mean, isdtools.rolling_std, isdtools.rolling_zscore):
        for name, parameter in inspect.signature(function).parameters.items():
            if name not in ("observations", "measurements", "station", "time"):
                assert generate.default(options[name.replace("_", "-")]) == parameter.default, name


def test_options_that_take_several_values_are_known() -> None:
    several = set()
    for name in ("convert", "detect", "qc", "events"):
        for option in json.loads(_native.options(f"isd-{name}"))["arguments"]:
            if option["is_list"] and option["name"] and generate.TYPES_OF.get(option["name"]) is None:
                several.add(generate.key(option))
    assert several == _arguments.SEVERAL


def test_detect_gives_the_table_and_the_summary_of_the_tool(isd_lite: Observations) -> None:
    found = isdtools.detect(isd_lite.dataset, WIND)
    assert len(found) == 451
    assert found.to_arrow().equals(isd_lite.expected)
    told = json.loads(must("isd-detect", isd_lite.dataset, "-m", WIND, "--json"))
    times = {"seconds", "rows_per_second"}
    assert {k: v for k, v in found.summary.items() if k not in times} == {k: v for k, v in told.items() if k not in times}


def test_the_file_is_that_of_the_tool(synthetic: Observations, tmp_path: Path) -> None:
    options = ["--window=7d", "--threshold=6.5", "--columns=station_id,timestamp,value", "--from=2000-03-01"]
    must("isd-detect", synthetic.dataset, "-m", WIND, *options, "-o", tmp_path / "tool.parquet", "--quiet")
    summary = isdtools.detect(
        str(synthetic.dataset),
        [WIND],
        window=datetime.timedelta(weeks=1),
        threshold=6.5,
        columns=["station_id", "timestamp", "value"],
        from_=datetime.date(2000, 3, 1),
        output=tmp_path / "function.parquet",
        threads=1,
    )
    assert summary["outliers"] > 0
    assert summary["output"] == str(tmp_path / "function.parquet")
    assert (tmp_path / "function.parquet").read_bytes() == (tmp_path / "tool.parquet").read_bytes()


def test_an_archive_is_converted_and_inspected(small: Observations, tmp_path: Path) -> None:
    source = small.dataset.parent / "archive.hdf5"
    held = isdtools.inspect(source)
    told = json.loads(must("isd-convert", source, "--inspect", "--json"))
    assert held == told
    assert (held["rows"], held["stations"]) == (100_000, 8)
    manifest = isdtools.convert(source, tmp_path / "observations", float32=True)
    must("isd-convert", source, "-o", tmp_path / "by-tool", "--float32", "--quiet")
    assert manifest["rows"] == 100_000
    ours, theirs = sorted((tmp_path / "observations").rglob("*.parquet")), sorted((tmp_path / "by-tool").rglob("*.parquet"))
    assert [path.read_bytes() for path in ours] == [path.read_bytes() for path in theirs]
    # Archives are tested as they are read.
    assert isdtools.detect(source, WIND).to_arrow().equals(small.expected)


@pytest.mark.parametrize("library", ["pyarrow", "polars", "pandas"])
def test_a_table_is_a_source_too(library: str, small: Observations, tmp_path: Path) -> None:
    import polars as pl

    tables = {"pyarrow": small.table, "polars": pl.DataFrame(small.table), "pandas": small.table.to_pandas()}
    isdtools.convert(tables[library], tmp_path / "observations")
    assert isdtools.detect(tmp_path / "observations", WIND).to_arrow().equals(small.expected)
    assert isdtools.detect(tables[library], WIND).to_arrow().equals(small.expected)
    assert isdtools.inspect(tables[library])["rows"] == 100_000
    flags = isdtools.qc(tables[library], tests="spike").to_arrow()
    expected = isdtools.qc(small.dataset, tests="spike", measurement=[WIND, "air_temperature"]).to_arrow()
    assert flags.equals(expected)
    assert flags.num_rows > 0


def test_qc_and_events_give_the_tables_of_the_tools(small: Observations, tmp_path: Path) -> None:
    flags = isdtools.qc(small.dataset, disable=["duplicate_month", "neighbour"])
    must("isd-qc", small.dataset, "--disable=duplicate_month,neighbour", "-o", tmp_path / "flags.arrow", "--quiet")
    assert flags.to_arrow().equals(pa.ipc.open_file(tmp_path / "flags.arrow").read_all())
    assert len(flags) > 0
    assert flags.summary["rows"] == 100_000
    archive, stations = tmp_path / "archive.hdf5", tmp_path / "stations.csv"
    must("isd-synth", "-o", archive, "--stations=40", "--rows-per-station=9000", "--station-list", stations, "--quiet")
    isdtools.convert(archive, tmp_path / "observations", stations=stations)
    events = isdtools.events(tmp_path / "observations", kind=["wind", "heat"], unchecked=True, gap="12h")
    line = ["--kind=wind,heat", "--unchecked", "--gap=12h"]
    must("isd-events", tmp_path / "observations", *line, "-o", tmp_path / "events.arrow", "--quiet")
    assert events.to_arrow().equals(pa.ipc.open_file(tmp_path / "events.arrow").read_all())
    assert len(events) > 0


def test_what_is_printed_is_returned(small: Observations, capfd: pytest.CaptureFixture[str]) -> None:
    plan = isdtools.detect(small.dataset, WIND, explain=True)
    assert plan.startswith("The plan of each of")
    assert isdtools.qc(print_config=True) == must("isd-qc", "--print-config")
    time = small.expected["timestamp"][0].as_py()
    explained = isdtools.qc(small.dataset, explain=(small.expected["station_id"][0].as_py(), time))
    assert "spike" in explained
    split = isdtools.detect(small.dataset, WIND, split=[2, 3])
    assert [balance["parts"] for balance in split["splits"]] == [2, 3]
    assert capfd.readouterr() == ("", "")


def test_notes_are_warnings(small: Observations, tmp_path: Path) -> None:
    with pytest.warns(isdtools.IsdWarning, match="leaving out wind_direction, sky_condition") as warned:
        isdtools.detect(small.dataset, all=True)
    assert warned[0].filename == __file__
    (tmp_path / "good.csv").write_text("station,valid,sknt\nDEN,2017-09-10 00:00,5.0\nDEN,2017-09-10 01:00,6.0\n")
    (tmp_path / "bad.h5").write_bytes(b"\x89HDF\r\n\x1a\nnothing")
    with pytest.warns(isdtools.IsdWarning) as warned:
        summary = isdtools.convert([tmp_path / "good.csv", tmp_path / "bad.h5"], tmp_path / "observations")
    assert summary["rows"] == 2
    assert str(warned[-1].message) == "1 file could not be read and was left out"
    assert {warning.filename for warning in warned} == {__file__}
    assert summary["failures"][0]["path"] == str(tmp_path / "bad.h5")


def test_failures_are_exceptions_with_path_and_hint(small: Observations, tmp_path: Path) -> None:
    with pytest.raises(isdtools.IsdError) as raised:
        isdtools.detect(tmp_path / "nothing", WIND)
    told = tool("isd-detect", tmp_path / "nothing", "-m", WIND, "--json")
    error = json.loads(told.stdout)["error"]
    assert (raised.value.message, raised.value.path, raised.value.hint) == (error["message"], error["path"], error["hint"])
    # As the workers of a cluster send it.
    copy = pickle.loads(pickle.dumps(raised.value))
    assert (str(copy), copy.hint) == (str(raised.value), error["hint"])

    with pytest.raises(isdtools.IsdError, match="exists already") as raised:
        isdtools.convert(small.dataset.parent / "archive.hdf5", small.dataset)
    assert raised.value.path == str(small.dataset)
    with pytest.raises(isdtools.IsdError, match="holds no measurement wind\nhint: it holds air_temperature"):
        isdtools.detect(small.dataset, "wind")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"window": "month"}, ValueError, "invalid value 'month' for '--window <N|TIME>'"),
        ({"engine": "polars"}, ValueError, "invalid value 'polars' for '--engine <ENGINE>'\nhint: it may be kernel or expr"),
        ({"append": True}, ValueError, "the following required arguments were not provided"),
        ({"threshold": [6]}, TypeError, "threshold: expected one value, found list"),
        ({"treshold": 6}, TypeError, "unexpected keyword argument 'treshold'"),
        ({"from_": "2018", "to": "2017"}, ValueError, "expected a date or time in UTC"),
        ({"bbox": (1, 2, 3)}, ValueError, "expected degrees of longitude and latitude"),
    ],
)
def test_bad_arguments_are_refused_in_the_words_of_the_tool(
    options: dict[str, object], error: type[Exception], words: str, small: Observations
) -> None:
    with pytest.raises(error) as raised:
        isdtools.detect(small.dataset, WIND, **options)
    assert words in str(raised.value)


def test_a_detection_without_measurements_says_what_is_missing(small: Observations) -> None:
    with pytest.raises(ValueError, match="required arguments(?s:.*)wind_speed_rate names one"):
        isdtools.detect(small.dataset)


def test_times_and_places_are_taken_as_python_has_them() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=-7))
    options = [
        ("from_", datetime.datetime(2017, 9, 10, 6, tzinfo=zone), None),
        ("to", datetime.date(2017, 9, 11), None),
        ("bbox", (-88, 24, -79.5, 31), None),
        ("unit", {"air_temperature": "degF"}, None),
        ("min_std", 1e-7, 0),
        ("window", datetime.timedelta(hours=36), 30),
        ("threshold", 6, 6),
        ("wait", True, None),
    ]
    assert _arguments.arguments(options) == [
        "--from=2017-09-10T13:00:00",
        "--to=2017-09-11",
        "--bbox=-88,24,-79.5,31",
        "--unit=air_temperature=degF",
        "--min-std=0.0000001",
        "--window=2160m",
        "--wait",
    ]


def test_progress_is_told_to_a_function_and_shown_as_a_bar(
    synthetic: Observations, capfd: pytest.CaptureFixture[str]
) -> None:
    calls: list[dict[str, object]] = []
    isdtools.detect(synthetic.dataset, WIND, progress=calls.append)
    assert calls[-1]["rows"] == calls[-1]["rows_total"] == 4_000_000
    assert set(calls[-1]) == {"rows", "rows_total", "bytes", "bytes_total", "files", "files_total", "seconds"}
    isdtools.inspect(synthetic.dataset.parent / "archive.hdf5", progress=calls.append)
    assert 0 < calls[-1]["bytes"] <= calls[-1]["bytes_total"]
    isdtools.detect(synthetic.dataset, WIND, progress=True)
    assert "4.00M/4.00M" in capfd.readouterr().err


def test_what_a_callback_raises_ends_the_run(synthetic: Observations, tmp_path: Path) -> None:
    def stop(_counts: dict[str, object]) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        isdtools.convert(synthetic.dataset.parent / "archive.hdf5", tmp_path / "observations", progress=stop)
    # It may have been complete by then.
    assert set(os.listdir(tmp_path)) <= {"observations"}
    with pytest.raises(TypeError):
        isdtools.detect(synthetic.dataset, WIND, progress=5)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
@pytest.mark.parametrize("call", ["convert('{source}', 'new')", "qc('{dataset}', output='flags.parquet', clean='new')"])
def test_ctrl_c_stops_a_run_and_leaves_nothing(call: str, synthetic: Observations, tmp_path: Path) -> None:
    code = f"""
        import isdtools, os, signal
        def interrupt(counts):
            if counts["rows"] > 0:
                os.kill(os.getpid(), signal.SIGINT)
        try:
            isdtools.{call.format(source=synthetic.dataset.parent / "archive.hdf5", dataset=synthetic.dataset)[:-1]}, progress=interrupt)
        except KeyboardInterrupt:
            # The interpreter goes on.
            print(len(isdtools.detect({str(synthetic.dataset)!r}, {WIND!r})))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.strip() == str(synthetic.expected.num_rows), done.stderr
    assert os.listdir(tmp_path) == []


def test_runs_side_by_side_do_not_mix(small: Observations, synthetic: Observations) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(isdtools.detect, o.dataset, WIND) for o in (small, synthetic) * 10]
        bad = [pool.submit(isdtools.detect, o.dataset, "wind") for o in (small, synthetic)]
        for number, run in enumerate(runs):
            assert run.result().to_arrow().equals((small, synthetic)[number % 2].expected)
        assert all(isinstance(run.exception(), isdtools.IsdError) for run in bad)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_is_refused_rather_than_left_hanging(small: Observations) -> None:
    code = f"""
        import isdtools, os
        isdtools.detect({str(small.dataset)!r}, {WIND!r})
        if os.fork() == 0:
            try:
                isdtools.detect({str(small.dataset)!r}, {WIND!r})
            except RuntimeError as error:
                print(error, flush=True)
            os._exit(0)
        os.wait()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300, check=True)
    assert "hint: start processes by 'spawn'" in done.stdout


def test_tables_are_read_again_and_again_and_pickled(small: Observations) -> None:
    table = isdtools.outliers(small.table, WIND)
    assert pa.table(table).equals(pa.table(table))
    assert pickle.loads(pickle.dumps(table)).to_arrow().equals(small.expected)
    assert table.column_names == small.expected.column_names
    assert pa.schema(table) == small.expected.schema.remove_metadata()
    assert repr(table).startswith("station_id ")
    assert repr(table).endswith(f"[{len(table)} rows, 10 columns]")
    assert table.to_polars().height == len(table.to_pandas()) == len(table)


def test_the_console_scripts_are_the_tools(small: Observations, tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    if not (scripts / "isd-detect").exists():
        pytest.skip("the wheel is not installed")
    for name in ("isd-convert", "isd-detect", "isd-qc", "isd-events", "isd-synth"):
        said = subprocess.run([scripts / name, "--version"], capture_output=True, text=True, check=True).stdout
        assert said == f"{name} {isdtools.__version__}\n"
    line = [scripts / "isd-detect", small.dataset, "-m", WIND, "--exit-code"]
    done = subprocess.run([*line, "-o", tmp_path / "o.arrow"], capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert "100,000 rows" in done.stderr
    assert pa.ipc.open_file(tmp_path / "o.arrow").read_all().equals(small.expected)
    wrong = subprocess.run([scripts / "isd-detect", tmp_path / "x", "-m", WIND], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stderr.startswith("error: ")) == (1, True)


def test_nothing_but_the_package_is_imported() -> None:
    code = "import sys; before = set(sys.modules); import isdtools; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pandas", "polars", "pyarrow", "tqdm", "inspect", "asyncio"}
    assert not heavy & {name.split(".")[0] for name in done.stdout.split()}
