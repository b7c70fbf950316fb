#!/usr/bin/env python3
"""isd-convert beside h5py + pyarrow on the same archives, in one go; then ISD-Lite text, and memory on a long archive.

Prints Markdown tables. Each run is checked: its rows, and of each column the number, the sum and the range of its values.

The work: station ids, time and three measurements of an HDF5 archive become zstd Parquet with dictionaries, in row groups
of about a million rows. What is timed of isd-convert is the whole process, from its start to a dataset that is safe on the
disk. What is timed of a peer is less: from opening the archive to the closed file; imports come before, nothing waits for
the disk, and it neither checks the order nor keeps stations whole.
"""

import argparse
import collections
import datetime
import gzip
import json
import os
import pathlib
import random
import shutil
import statistics
import sys
import time

from peers import Failure, binaries, interpreters, machine, markdown, run_in_directory, say, spawn

# What the figures in docs/benchmarks.md were measured with.
PLANTED = ["--plant", "storm,stuck,gross_error"]
CONVERT = "isd-convert"
# What a peer holds at a time: the columns as a whole, or as many rows of them as a row group has.
PEERS = {"whole columns": None, "by row groups": 1 << 20}
IMPORTS = ["h5py", "numpy", "pyarrow"]
ARCHIVES = ["contiguous", "gzip"]
CASES = [*ARCHIVES, "isd-lite", "memory"]
ROW_GROUP = 1 << 20
# Shares by which sums may differ: peers multiply by the scale, isd-convert rounds to the nearest double of the decimal.
TOLERANCE = 1e-9
# isd-convert promises less.
MEMORY = 2**30

Run = collections.namedtuple("Run", "seconds cpu peak size content")


# --- The peers, each in a process of its own.


def write_parquet(archive, names, output, slice_rows):
    """What one would write with h5py and pyarrow; gives its seconds and its seconds of user and system time."""
    import h5py
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    def table(file, rows):
        usaf, wban = file["station_usaf"][rows], file["station_wban"][rows]
        # Stations are runs, of which each is one entry of the dictionary.
        changes = np.flatnonzero((usaf[1:] != usaf[:-1]) | (wban[1:] != wban[:-1])) + 1
        starts = np.concatenate(([0], changes))
        stations = [f"{a:06}-{b:05}" for a, b in zip(usaf[starts], wban[starts])]
        codes = np.repeat(np.arange(len(starts), dtype=np.int32), np.diff(np.append(starts, len(usaf))))
        times = pa.array((file["timestamp"][rows] * 1e6).astype(np.int64)).cast(pa.timestamp("us", "UTC"))
        columns = {"station_id": pa.DictionaryArray.from_arrays(codes, stations), "timestamp": times}
        for name in names:
            scale = file[name].attrs.get("scale_factor", 1.0)
            columns[name] = pa.array(file[name][rows] * scale, from_pandas=True)
        return pa.table(columns)

    start, before = time.perf_counter(), time.process_time()
    with h5py.File(archive) as file:
        if slice_rows is None:
            pq.write_table(table(file, slice(None)), output, compression="zstd", row_group_size=ROW_GROUP)
        else:
            rows = len(file["timestamp"])
            writer = None
            for first in range(0, rows, slice_rows):
                part = table(file, slice(first, first + slice_rows))
                writer = writer or pq.ParquetWriter(output, part.schema, compression="zstd")
                writer.write_table(part, row_group_size=ROW_GROUP)
            writer.close()
    return time.perf_counter() - start, time.process_time() - before


def content(path):
    """What a Parquet file or dataset holds: rows, stations, and of each other column the number, sum and range of its
    values."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    form = ds.ParquetFileFormat(dictionary_columns=["station_id"])
    rows, stations, columns = 0, set(), {}
    for batch in ds.dataset(path, format=form).to_batches():
        rows += len(batch)
        for name, column in zip(batch.schema.names, batch.columns):
            if name == "station_id":
                stations.update(pc.unique(column).dictionary.to_pylist())
                continue
            if pa.types.is_timestamp(column.type):
                column = column.cast(pa.int64())
            count = len(column) - column.null_count
            if count:
                least, most = pc.min_max(column).values()
                total = pc.sum(column.cast(pa.float64())).as_py()
                columns.setdefault(name, []).append((count, total, least.as_py(), most.as_py()))
    of_column = {
        name: [sum(p[0] for p in parts), sum(p[1] for p in parts), min(p[2] for p in parts), max(p[3] for p in parts)]
        for name, parts in columns.items()
    }
    return {"rows": rows, "stations": len(stations), **of_column}


def run_peer(name, archive, measurements, output):
    seconds, cpu = write_parquet(archive, measurements, output, PEERS[name])
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


# --- The driver.


def size_of(path):
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def describe(python, path):
    return json.loads(spawn([python, __file__, "--content", path]).text)


def time_convert(binary, source, output, options, python=None):
    """A run of isd-convert; with an interpreter that can read Parquet, what it wrote is read again."""
    remove(output)
    spent = spawn([binary, source, "-o", output, "--quiet", "--json", *options])
    summary = json.loads(spent.text)
    held = describe(python, output) if python else {"rows": summary["rows"]}
    if held["rows"] != summary["rows"]:
        raise Failure(f"{output} holds {held['rows']} rows, but isd-convert says {summary['rows']}")
    return Run(spent.seconds, spent.cpu, spent.peak, size_of(output), held)


def time_peer(python, name, archive, measurements, output):
    remove(output)
    spent = spawn([python, __file__, "--run-peer", name, archive, json.dumps(measurements), output])
    result = json.loads(spent.text)
    return Run(result["seconds"], result["cpu"], spent.peak, size_of(output), describe(python, output))


def check(tool, run, reference):
    """Refuses what is not the content of the first run of isd-convert."""
    found, expected = run.content, reference.content
    same = found.keys() == expected.keys()
    for key, value in expected.items():
        pairs = zip(found[key], value) if same and isinstance(value, list) else [(found.get(key), value)]
        same = same and all(abs(a - b) <= TOLERANCE * max(abs(a), abs(b)) for a, b in pairs)
    if not same:
        raise Failure(f"{tool} wrote {found}, but isd-convert {expected}")


def race(case, tools, runs):
    """One round to warm up, then `runs` rounds of every tool in turn: its runs by tool."""
    results = {tool: [] for tool in tools}
    reference = None
    for round_number in range(runs + 1):
        for tool, run_once in tools.items():
            run = run_once()
            reference = reference or run
            check(tool, run, reference)
            which = "warm-up" if round_number == 0 else f"run {round_number}"
            say(f"{case}, {which}: {tool} {run.seconds:.3f} s, {run.cpu:.3f} s of CPU")
            if round_number > 0:
                results[tool].append(run)
    return results


def lines(case, results):
    ours = results[CONVERT]
    for tool, runs in results.items():
        seconds = [run.seconds for run in runs]
        # Pair by pair: what else the machine does weighs on both.
        ratio = statistics.median(run.seconds / our.seconds for run, our in zip(runs, ours))
        least = min(seconds) / min(run.seconds for run in ours)
        compared = tool != CONVERT
        yield [
            case,
            tool if not compared else f"h5py + pyarrow, {tool}",
            f"{statistics.median(seconds):.2f}",
            f"{min(seconds):.2f}",
            f"{min(run.cpu for run in runs):.2f}",
            f"{ours[0].content['rows'] / min(seconds) / 1e6:.2f}",
            f"{max(run.peak for run in runs) / 2**20:.0f}",
            f"{runs[0].size / 1e6:.0f}",
            f"{ratio:.2f}" if compared else "",
            f"{least:.2f}" if compared else "",
        ]


def table(rows):
    header = ["source", "tool", "median s", "min s", "min CPU s", "M rows/s", "peak MiB", "result MB"]
    header += ["times isd-convert", "of minima"]
    return markdown([header, ["---", "---"] + ["---:"] * (len(header) - 2), *rows])


def synthesize(bins, arguments, path, rows_per_station, *options):
    say(f"making {path}")
    size = ["--stations", arguments.stations, "--rows-per-station", rows_per_station, *PLANTED]
    spawn([bins / "isd-synth", *size, *options, "--overwrite", "--quiet", "-o", path])
    return path


def isd_lite(directory, station_years):
    """A directory of gzipped ISD-Lite files, of as many stations: a year of hours each, with a daily and a yearly cycle."""
    say(f"making {directory}")
    directory.mkdir()
    first = datetime.datetime(2015, 1, 1)
    hours = [f"{first + datetime.timedelta(hours=hour):%Y %m %d %H}" for hour in range(365 * 24)]
    for station in range(station_years):
        draw = random.Random(station)
        # As in real files: temperature and pressure wander, wind and sky jump, and precipitation is mostly missing.
        text, air, pressure = [], draw.randrange(-50, 250), draw.randrange(9900, 10200)
        for hour in hours:
            air += draw.choice([-11, -6, -5, 0, 0, 5, 6, 11])
            air = min(max(air, -300), 420)
            pressure += draw.randrange(-6, 7)
            pressure = min(max(pressure, 9600), 10500)
            numbers = (air, air - draw.randrange(6, 90), pressure, draw.randrange(37) * 10, draw.randrange(21) * 5,
                       draw.choice([-9999, 0, 2, 4, 7, 8]), draw.choice([0, 0, 0, 3, -9999]), -9999)
            text.append("%s%6d%6d%6d%6d%6d%6d%6d%6d\n" % (hour, *numbers))
        file = directory / f"{700000 + station // 10 * 10:06}-{10000 + station:05}-2015.gz"
        with gzip.GzipFile(file, "wb", compresslevel=6, mtime=0) as packed:
            packed.write("".join(text).encode())
    return directory


def compare_archives(arguments, bins, directory):
    pythons = interpreters(arguments.python, {peer: IMPORTS for peer in PEERS}, directory)
    given = {"contiguous": arguments.archive, "gzip": arguments.gzip_archive}
    options = {"contiguous": [], "gzip": ["--compression", "gzip"]}
    rows = []
    for case in [case for case in ARCHIVES if case in arguments.cases]:
        archive = given[case]
        if archive is None:
            archive = directory / f"{case}.hdf5"
            synthesize(bins, arguments, archive, arguments.rows_per_station, *options[case])
        names = arguments.measurements
        dataset, file = directory / "observations", directory / "peer.parquet"
        reader = next(iter(pythons.values()), None)
        chosen = ["-m", ",".join(names)]
        tools = {CONVERT: lambda: time_convert(bins / CONVERT, archive, dataset, chosen, reader)}
        for peer, python in pythons.items():
            tools[peer] = lambda peer=peer, python=python: time_peer(python, peer, archive, names, file)
        rows += lines(case, race(case, tools, arguments.runs))
        remove(dataset)
        remove(file)
        if given[case] is None:
            remove(archive)
    print(f"\nStation ids, time and {len(arguments.measurements)} measurements; {arguments.runs} runs of each tool in turn\n")
    print(table(rows))


def convert_texts(arguments, bins, directory):
    texts = arguments.isd_lite or isd_lite(directory / "isd-lite", arguments.station_years)
    dataset = directory / "observations"
    results = race("ISD-Lite", {CONVERT: lambda: time_convert(bins / CONVERT, texts, dataset, [])}, arguments.runs)
    print(f"\nISD-Lite text, gzip: {size_of(texts) / 1e6:.0f} MB in {sum(1 for _ in texts.rglob('*.gz')):,} files; all columns\n")
    print(table(lines("ISD-Lite", results)))
    remove(dataset)


def watch_memory(arguments, bins, directory):
    given = arguments.memory_archive
    archive = given or synthesize(
        bins, arguments, directory / "long.hdf5", -(-arguments.memory_rows // arguments.stations), "--compression", "gzip"
    )
    dataset = directory / "observations"
    run = time_convert(bins / CONVERT, archive, dataset, [])
    print(f"\nMemory: {run.content['rows']:,} rows, all columns, {size_of(archive) / 1e6:.0f} MB of gzip + shuffle HDF5\n")
    print(table(lines("gzip", {CONVERT: [run]})))
    remove(dataset)
    if given is None:
        remove(archive)
    if run.peak >= MEMORY:
        raise Failure(f"isd-convert took {run.peak / 2**20:.0f} MiB of memory, but promises less than {MEMORY / 2**20:.0f}")


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    path = pathlib.Path
    names = "air_temperature,sea_level_pressure,wind_speed_rate"
    parser.add_argument("--cases", default=",".join(CASES), help="what is measured (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each tool (default: %(default)s)")
    parser.add_argument("--stations", type=int, default=800, help="of the archives (default: %(default)s)")
    parser.add_argument("--rows-per-station", type=int, default=65_000, help="(default: %(default)s)")
    parser.add_argument("--measurements", default=names, help="that are converted (default: %(default)s)")
    parser.add_argument("--station-years", type=int, default=1500, help="files of ISD-Lite (default: %(default)s)")
    parser.add_argument("--memory-rows", type=int, default=400_000_000, help="of the long archive (default: %(default)s)")
    parser.add_argument("--work", type=path, help="directory to work in, kept (default: a temporary one, removed)")
    parser.add_argument("--archive", type=path, help="contiguous HDF5 archive to take instead of making one")
    parser.add_argument("--gzip-archive", type=path, help="gzip + shuffle HDF5 archive to take instead of making one")
    parser.add_argument("--isd-lite", type=path, help="directory of ISD-Lite files to take instead of making one")
    parser.add_argument("--memory-archive", type=path, help="long HDF5 archive to take instead of making one")
    parser.add_argument("--bin-dir", type=path, help="where isd-convert is (default: cargo builds it)")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the peers (default: this one)")
    parsed = parser.parse_args(arguments)
    for option in ["cases", "measurements"]:
        setattr(parsed, option, [item for item in getattr(parsed, option).split(",") if item])
    for case in parsed.cases:
        if case not in CASES:
            parser.error(f"--cases {case}: expected some of {','.join(CASES)}")
    for option in ["runs", "stations", "rows_per_station", "station_years", "memory_rows"]:
        if getattr(parsed, option) < 1:
            parser.error(f"--{option.replace('_', '-')}: expected at least 1")
    for option in ["archive", "gzip_archive", "isd_lite", "memory_archive"]:
        given = getattr(parsed, option)
        if given is not None and not given.exists():
            parser.error(f"--{option.replace('_', '-')} {given}: no such file or directory")
    return parsed


def measure(arguments, directory):
    bins = binaries(arguments.bin_dir)
    load = os.getloadavg()[0]
    if any(case in arguments.cases for case in ARCHIVES):
        compare_archives(arguments, bins, directory)
    if "isd-lite" in arguments.cases:
        convert_texts(arguments, bins, directory)
    if "memory" in arguments.cases:
        watch_memory(arguments, bins, directory)
    print(f"\n{machine(bins / CONVERT)}; load {load:.2f} before, {os.getloadavg()[0]:.2f} after")


def main():
    if sys.argv[1:2] == ["--run-peer"] and len(sys.argv) == 6:
        name, archive, measurements, output = sys.argv[2:]
        run_peer(name, archive, json.loads(measurements), output)
        return 0
    if sys.argv[1:2] == ["--content"] and len(sys.argv) == 3:
        print(json.dumps(content(sys.argv[2])))
        return 0
    return run_in_directory(measure, parse(sys.argv[1:]), "isd-convert-")


if __name__ == "__main__":
    sys.exit(main())
