#!/usr/bin/env python3
"""isd-detect beside the tools that one would reach for otherwise, on the same work, in one go.

Makes an archive with isd-synth, converts it with isd-convert, and then runs isd-detect and each peer in turn, several
times over; prints a Markdown table. Each run is checked: its rows, its series, and its number of outliers.

The work: of each station, forward fill, then mean and population standard deviation of the 30 values before each one,
and the observed values that lie more than 6 of those from the mean.

What is timed of isd-detect is the whole process, from its start to the written file. What is timed of a peer is less:
from opening the file to the outliers in memory; imports and compilation come before, and nothing is written. Each run
that counts follows one of the same tool, so that all read from memory.
"""

import argparse
import collections
import json
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent
# What the figures in docs/benchmarks.md were measured with.
PLANTED = ["--plant", "storm,stuck,gross_error"]
DETECT = "isd-detect"
# What isd-detect is compared with of its own: only decoding the column, with the same reader and with the Parquet library's,
# and testing all columns.
DECODE, LIBRARY, ALL = "decode", "library", "all"
# What a peer imports, as pip names it, and whether it reads the archive rather than the dataset.
PEERS = {
    "polars": (["polars"], False),
    "duckdb": (["duckdb"], False),
    "pandas": (["pandas", "pyarrow"], False),
    "bottleneck": (["h5py", "numpy", "bottleneck"], True),
    "numba": (["h5py", "numpy", "numba"], True),
}
# Peers decide in floating point, which goes either way where a value is at the threshold: a share, and a number, of outliers.
TOLERANCE = 0.001
LEAST_TOLERANCE = 2
# Behind a constant window some peers take the mean's rounding error for a deviation, against a deviation of 0. Weather's
# values are tenths or hundredths: what deviates by less than this from a mean of them does not deviate.
ROUNDING = 1e-9

# Runs of a tool that do not count, before each one that does.
WARM_UPS = 2

Work = collections.namedtuple("Work", "dataset archive measurement window threshold")
# What a run gives: `series`, `rows` and `hits` are None where the tool does not count them or counts others, `rounding`
# counts hits that are rounding errors, `peak` is in bytes.
Run = collections.namedtuple("Run", "seconds peak hits rounding rows series version")
# What a process printed and took: `cpu` is its seconds of user and system time, `peak` its memory in bytes.
Spent = collections.namedtuple("Spent", "text seconds cpu peak")


class Failure(Exception):
    """A run that cannot go on; its text is one line for the user."""


# --- The peers, each in a process of its own. Each gives a function to be timed, one that says outside the timing what
# --- came of it (`hits`, and what else the peer knows of `rounding`, `rows` and `series`), and the peer's version.


def polars_peer(work):
    import polars as pl

    def run():
        value = pl.col(work.measurement)
        filled = pl.col("filled")
        before = {
            "rolling_mean": filled.rolling_mean(work.window).shift(1).over("station_id"),
            "rolling_std": filled.rolling_std(work.window, ddof=0).shift(1).over("station_id"),
        }
        deviation = (value - pl.col("rolling_mean")).abs()
        return (
            pl.scan_parquet(f"{work.dataset}/**/*.parquet", hive_partitioning=False)
            .select("station_id", "timestamp", work.measurement)
            .with_columns(filled=value.forward_fill().over("station_id"))
            .with_columns(**before)
            .filter(value.is_not_null() & (deviation > work.threshold * pl.col("rolling_std")))
            .drop("filled")
            .collect()
        )

    def count(found):
        deviation = (found[work.measurement] - found["rolling_mean"]).abs()
        return {"hits": found.height, "rounding": int((deviation < ROUNDING).sum())}

    return run, count, pl.__version__


def duckdb_peer(work):
    import duckdb

    query = f"""
        WITH filled AS (
            SELECT station_id, timestamp, "{work.measurement}" AS value,
                   last_value("{work.measurement}" IGNORE NULLS) OVER (
                       PARTITION BY station_id ORDER BY timestamp
                       ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS held
            FROM read_parquet(?, hive_partitioning = false)
        ), tested AS (
            SELECT station_id, timestamp, value, avg(held) OVER preceding AS rolling_mean,
                   stddev_pop(held) OVER preceding AS rolling_std, count(held) OVER preceding AS window_count
            FROM filled
            WINDOW preceding AS (
                PARTITION BY station_id ORDER BY timestamp
                ROWS BETWEEN {work.window} PRECEDING AND 1 PRECEDING)
        )
        SELECT station_id, epoch_us(timestamp), value, rolling_mean, rolling_std FROM tested
        WHERE window_count = {work.window} AND abs(value - rolling_mean) > {work.threshold} * rolling_std"""

    def run():
        return duckdb.connect().execute(query, [f"{work.dataset}/**/*.parquet"]).fetchall()

    def count(found):
        return {"hits": len(found), "rounding": sum(abs(row[2] - row[3]) < ROUNDING for row in found)}

    return run, count, duckdb.__version__


def pandas_peer(work):
    import pandas as pd

    def run():
        files = sorted(pathlib.Path(work.dataset).glob("**/*.parquet"))
        # One by one: pandas would take the directories' `block` for a column.
        columns = ["station_id", work.measurement]
        table = pd.concat([pd.read_parquet(file, columns=columns, partitioning=None) for file in files])
        deviations = []
        for _, value in table.groupby("station_id", sort=False)[work.measurement]:
            before = value.ffill().shift(1).rolling(work.window)
            deviation = (value - before.mean()).abs()
            deviations.append(deviation[deviation > work.threshold * before.std(ddof=0)])
        return len(table), deviations

    def count(result):
        rows, deviations = result
        rounding = sum(int((found < ROUNDING).sum()) for found in deviations)
        return {"hits": sum(map(len, deviations)), "rounding": rounding, "rows": rows, "series": len(deviations)}

    return run, count, pd.__version__


def read_archive(work):
    """The stored values and the bounds of the series: a station is told by its USAF number, which is unique in
    isd-synth's archives. Values stay as stored (tenths): the test is the same in any unit, and these sums are exact."""
    import h5py
    import numpy as np

    with h5py.File(work.archive) as file:
        station = file["station_usaf"][:]
        values = file[work.measurement][:]
    starts = np.flatnonzero(station[1:] != station[:-1]) + 1
    return values, np.concatenate(([0], starts, [len(station)]))


def bottleneck_peer(work):
    import bottleneck as bn
    import h5py  # noqa: F401  imported before the clock starts
    import numpy as np

    def run():
        values, bounds = read_archive(work)
        hits = 0
        for start, end in zip(bounds[:-1], bounds[1:]):
            value = values[start:end]
            if len(value) <= work.window:
                continue
            filled = bn.push(value)
            mean = bn.move_mean(filled, work.window)[:-1]
            std = bn.move_std(filled, work.window, ddof=0)[:-1]
            # Comparisons with the NaN of a missing value are false.
            hits += np.count_nonzero(np.abs(value[1:] - mean) > work.threshold * std)
        return {"hits": int(hits), "rows": len(values), "series": len(bounds) - 1}

    return run, dict, bn.__version__


def numba_peer(work):
    import h5py  # noqa: F401  imported before the clock starts
    import numba
    import numpy as np

    @numba.njit(parallel=True)
    def count(values, bounds, window, threshold):
        hits = np.zeros(len(bounds) - 1, np.int64)
        for series in numba.prange(len(bounds) - 1):
            ring = np.zeros(window)
            total = squares = held = 0.0
            place = seen = found = 0
            for row in range(bounds[series], bounds[series + 1]):
                value = values[row]
                if not np.isnan(value):
                    if seen >= window:
                        mean = total / window
                        variance = max(squares / window - mean * mean, 0.0)
                        if abs(value - mean) > threshold * np.sqrt(variance):
                            found += 1
                    held = value
                elif seen == 0:
                    continue
                left = ring[place]
                total += held - left
                squares += held * held - left * left
                ring[place] = held
                place = place + 1 if place + 1 < window else 0
                seen += 1
            hits[series] = found
        return hits

    count(np.zeros(2), np.array([0, 2]), work.window, work.threshold)

    def run():
        values, bounds = read_archive(work)
        hits = count(values, bounds, work.window, work.threshold)
        return {"hits": int(hits.sum()), "rows": len(values), "series": len(hits)}

    return run, dict, numba.__version__


def run_peer(name, work):
    """Runs one peer in this process and prints what came of it as JSON."""
    run, count, version = globals()[f"{name}_peer"](work)
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    print(json.dumps({**count(result), "seconds": seconds, "version": version}))


# --- The driver, which imports none of the peers, so that its own memory is no part of theirs.


def spawn(command):
    """Runs a command to its end."""
    start = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE)
    try:
        with process.stdout as pipe:
            text = pipe.read()
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        raise
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Failure(f"{pathlib.Path(command[0]).name} ended with status {process.returncode}")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Spent(text.decode(), seconds, usage.ru_utime + usage.ru_stime, peak)


def time_detect(binary, work, output, columns=None):
    output.unlink(missing_ok=True)
    options = ["--window", work.window, "--threshold", work.threshold, "--quiet", "--json"]
    options += columns or ["-m", work.measurement]
    spent = spawn([binary, work.dataset, "-o", output, *options])
    summary = json.loads(spent.text)
    written = output.read_bytes()
    if not (written.startswith(b"PAR1") and written.endswith(b"PAR1")):
        raise Failure(f"{output}: expected a Parquet file of outliers")
    hits = None if columns else summary["outliers"]
    return Run(spent.seconds, spent.peak, hits, 0, summary["rows"], summary["stations"], None)


def time_decode(binary, work, *options):
    spent = spawn([binary, work.dataset, work.measurement, *options])
    return Run(spent.seconds, spent.peak, None, 0, json.loads(spent.text)["rows"], None, None)


def time_peer(python, name, work):
    spent = spawn([python, __file__, "--run-peer", name, json.dumps(work._asdict())])
    result = json.loads(spent.text)
    counts = (result["hits"], result.get("rounding", 0), result.get("rows"), result.get("series"))
    return Run(result["seconds"], spent.peak, *counts, result["version"])


def check(tool, run, reference):
    """Refuses a result that is not that of the first run of isd-detect, within what floating point explains."""
    exact = tool == DETECT
    allowed = 0 if exact else max(LEAST_TOLERANCE, TOLERANCE * reference.hits)
    if run.hits is not None and abs(run.hits - run.rounding - reference.hits) > allowed:
        found = f"{run.hits} outliers, {run.rounding} of them rounding errors"
        raise Failure(f"{tool} found {found}, but isd-detect {reference.hits}: more than {allowed:.0f} apart")
    for what in ["rows", "series"]:
        found, expected = getattr(run, what), getattr(reference, what)
        if found not in (None, expected):
            raise Failure(f"{tool} saw {found} {what}, isd-detect {expected}")


def race(tools, runs):
    """`runs` rounds of every tool in turn: its runs by tool.

    Each comes right behind some that do not count: what ran before has pushed the tool's own files out of the cache, and
    has handed back memory that the next one has to get anew.
    """
    results = {tool: [] for tool in tools}
    reference = None
    for round_number in range(1, runs + 1):
        for tool, run_once in tools.items():
            for _warm_up_or_counted in range(WARM_UPS + 1):
                run = run_once()
                reference = reference or run
                check(tool, run, reference)
            say(f"run {round_number}: {tool} {run.seconds:.3f} s")
            results[tool].append(run)
    return results


def table(results):
    ours = results[DETECT]
    header = ["tool", "median s", "min s", "M rows/s", "peak MiB"]
    header += ["outliers", "difference", "rounding errors", "times isd-detect"]
    lines = [header, ["---"] + ["---:"] * (len(header) - 1)]
    for tool, runs in results.items():
        seconds = [run.seconds for run in runs]
        # Pair by pair: what else the machine does weighs on both.
        ratios = [run.seconds / our.seconds for run, our in zip(runs, ours)]
        version = runs[0].version
        median = statistics.median(seconds)
        counted = [f"{runs[0].hits}", f"{runs[0].hits - ours[0].hits:+d}", f"{runs[0].rounding}"] if runs[0].hits else [""] * 3
        lines.append([
            f"{tool} {version}" if version else tool,
            f"{median:.3f}",
            f"{min(seconds):.3f}",
            f"{ours[0].rows / median / 1e6:.2f}",
            f"{max(run.peak for run in runs) / 2**20:.0f}",
            *(counted if tool != DETECT else [counted[0], "", ""]),
            f"{statistics.median(ratios):.2f}",
        ])
    return markdown(lines)


def markdown(lines):
    """A table of equally wide columns."""
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths)) + " |" for line in lines)


def machine(binary):
    model = platform.processor() or platform.machine()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    version = spawn([binary, "--version"]).text.strip()
    return f"{model}, {cores} cores, {platform.system()} {platform.release()}, {version}, Python {platform.python_version()}"


def say(text):
    print(text, file=sys.stderr, flush=True)


def binaries(directory):
    """The directory of the binaries, which are built unless they are given."""
    if directory is None:
        cargo = ["cargo", "build", "--release", "--package", "isd", "--manifest-path", PROJECT / "Cargo.toml"]
        spawn(cargo)
        metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--manifest-path", PROJECT / "Cargo.toml"]
        directory = pathlib.Path(json.loads(spawn(metadata).text)["target_directory"]) / "release"
    for name in ["isd-synth", "isd-convert", DETECT]:
        if not (directory / name).exists():
            raise Failure(f"{directory / name}: no such binary")
    return directory


def decoder():
    """The benchmark that decodes alone, built."""
    cargo = ["cargo", "build", "--release", "--package", "isd", "--bench", "decode", "--message-format", "json"]
    messages = spawn([*cargo, "--manifest-path", PROJECT / "Cargo.toml"]).text.splitlines()
    built = [json.loads(message) for message in messages]
    return next(made["executable"] for made in built if made.get("target", {}).get("name") == "decode")


def importing(python, packages):
    probe = "import importlib.util, sys; sys.exit(any(importlib.util.find_spec(p) is None for p in sys.argv[1:]))"
    return subprocess.run([python, "-c", probe, *packages]).returncode == 0


def interpreters(python, peers, directory):
    """An interpreter for each peer that can run: the given one, or that of an environment made for the purpose.
    `peers` maps each to what it imports."""
    missing = [peer for peer in peers if not importing(python, peers[peer])]
    chosen = dict.fromkeys(peers, python)
    if missing:
        environment = directory / "venv"
        packages = sorted({package for peer in missing for package in peers[peer]})
        say(f"installing {', '.join(packages)} into {environment}")
        inside = environment / "bin" / "python"
        made = subprocess.run([python, "-m", "venv", environment], stdout=sys.stderr).returncode == 0
        if made:
            subprocess.run([inside, "-m", "pip", "install", "--quiet", *packages], stdout=sys.stderr)
        for peer in missing:
            if made and importing(inside, peers[peer]):
                chosen[peer] = inside
            else:
                say(f"leaving out {peer}: {python} cannot import it, and it could not be installed")
                del chosen[peer]
    return chosen


def make_work(arguments, bins, directory, reads_archive):
    archive, dataset = arguments.archive, arguments.dataset
    if dataset is not None and archive is None and reads_archive:
        raise Failure("--dataset: peers that read HDF5 need its --archive, too")
    if archive is None and dataset is None:
        archive = directory / "archive.hdf5"
        size = ["--stations", arguments.stations, "--rows-per-station", arguments.rows_per_station, *PLANTED]
        say(f"making {archive}")
        spawn([bins / "isd-synth", *size, "--overwrite", "--quiet", "-o", archive])
    if dataset is None:
        dataset = directory / "observations"
        say(f"converting to {dataset}")
        spawn([bins / "isd-convert", archive, "--overwrite", "--quiet", "-o", dataset])
    return Work(str(dataset), str(archive), arguments.measurement, arguments.window, arguments.threshold)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    path = pathlib.Path
    names = ",".join([*PEERS, DECODE, LIBRARY, ALL])
    extra = f"{DECODE} only decodes the column, {LIBRARY} does so with the Parquet library, {ALL} has isd-detect test all columns"
    parser.add_argument("--peers", default="polars,duckdb", help=f"of {names}; {extra} (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each tool (default: %(default)s)")
    parser.add_argument("--stations", type=int, default=800, help="of the archive (default: %(default)s)")
    parser.add_argument("--rows-per-station", type=int, default=65_000, help="(default: %(default)s)")
    parser.add_argument("--measurement", default="wind_speed_rate", help="what is tested (default: %(default)s)")
    parser.add_argument("--window", type=int, default=30, help="values before (default: %(default)s)")
    parser.add_argument("--threshold", type=float, default=6.0, help="standard deviations (default: %(default)s)")
    parser.add_argument("--work", type=path, help="directory to work in, kept (default: a temporary one, removed)")
    parser.add_argument("--archive", type=path, help="HDF5 archive to take instead of making one")
    parser.add_argument("--dataset", type=path, help="dataset to take instead of converting one")
    parser.add_argument("--bin-dir", type=path, help="where isd-detect is (default: cargo builds it)")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the peers (default: this one)")
    parsed = parser.parse_args(arguments)
    parsed.peers = [peer for peer in parsed.peers.split(",") if peer]
    for peer in parsed.peers:
        if peer not in [*PEERS, DECODE, LIBRARY, ALL]:
            parser.error(f"--peers {peer}: expected some of {names}")
    for option in ["runs", "stations", "rows_per_station", "window"]:
        if getattr(parsed, option) < 1:
            parser.error(f"--{option.replace('_', '-')}: expected at least 1")
    for option in ["archive", "dataset"]:
        given = getattr(parsed, option)
        if given is not None and not given.exists():
            parser.error(f"--{option} {given}: no such file or directory")
    return parsed


def compare(arguments, directory):
    bins = binaries(arguments.bin_dir)
    imports = {peer: PEERS[peer][0] for peer in arguments.peers if peer in PEERS}
    pythons = interpreters(arguments.python, imports, directory)
    work = make_work(arguments, bins, directory, any(PEERS[peer][1] for peer in pythons))
    output = directory / "outliers.parquet"
    tools = {DETECT: lambda: time_detect(bins / DETECT, work, output)}
    if {DECODE, LIBRARY} & set(arguments.peers):
        program = decoder()
    if DECODE in arguments.peers:
        tools[DECODE] = lambda: time_decode(program, work)
    if LIBRARY in arguments.peers:
        tools[LIBRARY] = lambda: time_decode(program, work, "--library")
    if ALL in arguments.peers:
        tools[ALL] = lambda: time_detect(bins / DETECT, work, output, ["--all", "--force"])
    for peer, python in pythons.items():
        tools[peer] = lambda peer=peer, python=python: time_peer(python, peer, work)
    load = os.getloadavg()[0]
    results = race(tools, arguments.runs)
    ours = results[DETECT][0]
    print(
        f"{work.measurement} of {ours.rows:,} rows, {ours.series:,} stations; {work.window} values before, "
        f"{work.threshold:g} sigma; {arguments.runs} runs of each tool in turn\n"
    )
    print(table(results))
    print(f"\n{machine(bins / DETECT)}; load {load:.2f} before, {os.getloadavg()[0]:.2f} after")


def run_in_directory(measure, arguments, prefix):
    """Measures in the directory that `--work` names, or in a temporary one; gives the exit status."""
    # Ended from outside, too, it ends the running tool and leaves no temporary directory.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = arguments.work or pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        measure(arguments, directory)
    except (Failure, OSError) as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 1
    finally:
        if arguments.work is None:
            shutil.rmtree(directory, ignore_errors=True)
    return 0


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--run-peer":
        run_peer(sys.argv[2], Work(**json.loads(sys.argv[3])))
        return 0
    return run_in_directory(compare, parse(sys.argv[1:]), "isd-peers-")


if __name__ == "__main__":
    sys.exit(main())
